import assert from "node:assert/strict"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { readFileSync, readlinkSync } from "node:fs"
import { writeFile } from "node:fs/promises"
import path from "node:path"
import { describe, test } from "node:test"
import { SignerProcess } from "../../../src/keys/signer-process.ts"
import { KeyRig } from "../../support/key-rig.ts"
import { bundleSigners } from "../../support/signer-programs.ts"
import { startSoftHsm } from "../../support/softhsm.ts"
import { makeWorkingDirectory } from "../../support/temp.ts"

// What every child below begins with: it answers `start` as a signer does.
const PRELUDE = `
const { Socket } = require("node:net")
const pipe = new Socket({ fd: 3 })
const frame = (kind, id, body) => {
    const buffer = Buffer.alloc(9 + body.length)
    buffer.writeUInt32BE(5 + body.length, 0); buffer[4] = kind; buffer.writeUInt32BE(id, 5); buffer.set(body, 9)
    return buffer
}
const json = (kind, id, value) => frame(kind, id, Buffer.from(JSON.stringify(value)))
let started = false
const onRequest = (respond) => pipe.on("data", (data) => {
    const id = data.readUInt32BE(5)
    if (started) respond(id, data)
    else { started = true; pipe.write(json(0x81, id, { protocol: 1 })) }
})
pipe.on("end", () => process.exit(0))
`

type Child = AsyncDisposable & { readonly process: SignerProcess; readonly log: object[]; readonly downs: () => number }

async function startChild(script: string, deadlineMs = 500): Promise<Child> {
    const directory = await makeWorkingDirectory("child")
    const file = path.join(directory.path, "child.cjs")
    await writeFile(file, PRELUDE + script)
    const log: object[] = []
    let downs = 0
    const signer = new SignerProcess({
        name: "test",
        execPath: process.execPath,
        nodeFlags: [],
        file,
        environment: {},
        configuration: {},
        deadlineMs,
        monotonic: () => performance.now(),
        log: (record) => log.push(record),
        onEvent: () => {},
        onDown: () => {
            downs += 1
        },
        onRespawn: () => {},
    })
    await signer.start()
    const dispose = async (): Promise<void> => {
        await signer.close()
        await directory.remove()
    }
    return { process: signer, log, downs: () => downs, [Symbol.asyncDispose]: dispose }
}

describe("a child that breaks the protocol is ended, and its callers hear signer_unavailable", () => {
    for (const [what, respond] of [
        ["an unknown kind of frame", "pipe.write(frame(0x99, id, Buffer.alloc(0)))"],
        ["a request instead of an answer", "pipe.write(frame(1, id, Buffer.alloc(0)))"],
        ["a frame over the limit", 'pipe.write(Buffer.from("ffffffff8100000001", "hex"))'],
        ["an answer to nothing", "pipe.write(json(0x81, 4711, {}))"],
        ["an answer that is not JSON", 'pipe.write(frame(0x81, id, Buffer.from("{")))'],
        ["a signature where an answer was due", "pipe.write(frame(0x82, id, Buffer.alloc(64)))"],
        ["an error code nobody knows", 'pipe.write(json(0x83, id, { code: "made_up", message: "" }))'],
        ["an event that is no object", 'pipe.write(frame(0x84, 0, Buffer.from("[]")))'],
        ["its end", "process.exit(3)"],
    ] as const) {
        test(what, async () => {
            await using child = await startChild(`onRequest((id) => { ${respond} })`)
            await assert.rejects(child.process.control("something"), { code: "signer_unavailable" })
            for (let i = 0; i < 60 && child.downs() === 0; i += 1) await new Promise((resolve) => setTimeout(resolve, 50))
            assert.equal(child.downs(), 1)
        })
    }
})

test("a child that does not answer is ended at the deadline; one that works through a long queue is not", async () => {
    await using silent = await startChild("onRequest(() => {})", 300)
    await assert.rejects(silent.process.control("something"), { code: "deadline_exceeded" })
    // Ten calls of 100 ms: the last one waits a second, three times its deadline.
    await using slow = await startChild(
        `let next = Promise.resolve(); let rest = Buffer.alloc(0); let seen = false
        pipe.on("data", (data) => {
            rest = Buffer.concat([rest, data])
            while (rest.length >= 9) {
                const length = 4 + rest.readUInt32BE(0); const id = rest.readUInt32BE(5)
                rest = rest.subarray(length)
                if (!seen) { seen = true; pipe.write(json(0x81, id, { protocol: 1 })); continue }
                next = next.then(() => new Promise((r) => setTimeout(r, 100))).then(() => pipe.write(json(0x81, id, {})))
            }
        })`,
        300,
    )
    await Promise.all(Array.from({ length: 10 }, () => slow.process.control("something")))
    assert.equal(slow.downs(), 0)
})

test("a call that waits behind one that may take long is not late: its time counts from when the child can begin", async () => {
    await using child = await startChild(
        `let rest = Buffer.alloc(0); let seen = false; let next = Promise.resolve()
        pipe.on("data", (data) => {
            rest = Buffer.concat([rest, data])
            while (rest.length >= 9) {
                const length = 4 + rest.readUInt32BE(0); const id = rest.readUInt32BE(5)
                rest = rest.subarray(length)
                if (!seen) { seen = true; pipe.write(json(0x81, id, { protocol: 1 })); continue }
                next = next.then(() => new Promise((r) => setTimeout(r, id === 2 ? 1500 : 0))).then(() => pipe.write(json(0x81, id, {})))
            }
        })`,
        1_000,
    )
    const begun: string[] = []
    const touched = child.process.control("touched", {}, 60_000, () => begun.push("touched"))
    const behind = child.process.control("behind", {}, 1_000, () => begun.push("behind"))
    assert.deepEqual(begun, ["touched"])
    await Promise.all([touched, behind])
    assert.deepEqual(begun, ["touched", "behind"])
    assert.equal(child.downs(), 0)
})

test("a child that keeps dying is started again after longer and longer pauses, and nobody waits for it for ever", async () => {
    await using child = await startChild("onRequest(() => process.exit(1))")
    for (let i = 0; i < 3; i += 1) await assert.rejects(child.process.control("something"), { code: "signer_unavailable" })
    assert.ok(child.process.state.restarts >= 2)
    const started = performance.now()
    await assert.rejects(child.process.control("something"), { code: "signer_unavailable" })
    assert.ok(performance.now() - started < 1_000)
    await assert.rejects(child.process.sign(1, "ecdsa", Buffer.alloc(1)), { code: "signer_unavailable" })
})

test("what a child writes to stderr is logged in lines, cut, and not without end", async () => {
    await using child = await startChild(
        'onRequest((id) => { for (let i = 0; i < 500; i += 1) console.error("line " + i + "x".repeat(2000)); setTimeout(() => pipe.write(json(0x81, id, {})), 200) })',
        5_000,
    )
    await child.process.control("something")
    const lines = child.log.filter((record) => "event" in record && record.event === "stderr")
    assert.equal(lines.length, 60)
    for (const record of lines) assert.ok("line" in record && String(record.line).length <= 500)
})

describe("the real children", () => {
    test("TK-KEY-1 the daemon's process has no PKCS#11 module and no binding to one; a signer has no socket and no database", async () => {
        await using hsm = await startSoftHsm()
        const environment = { SOFTHSM2_CONF: hsm.conf }
        await using rig = await KeyRig.open({
            tokens: [{ name: "hsm", module: hsm.module, uri: `pkcs11:serial=${hsm.serial}`, environment, deadlineMs: 5_000 }],
        })
        await rig.login("hsm", hsm.userPin)
        await rig.createOnToken("hsm")
        const mapsOf = (pid: number | "self"): string => readFileSync(`/proc/${pid}/maps`, "utf8")
        for (const part of ["softhsm", "pkcs11.node"]) {
            assert.ok(!mapsOf("self").includes(part), part)
            assert.ok(mapsOf(rig.signerPid("hsm")).includes(part), part)
            assert.ok(!mapsOf(rig.signerPid("file")).includes(part), part)
        }
        for (const name of ["file", "hsm"]) {
            const pid = rig.signerPid(name)
            assert.equal(readlinkSync(`/proc/${pid}/fd/0`), "/dev/null")
            assert.equal(readlinkSync(`/proc/${pid}/fd/1`), "/dev/null")
            assert.match(readlinkSync(`/proc/${pid}/fd/3`), /^socket:/)
            assert.equal(readlinkSync(`/proc/${pid}/cwd`), "/")
            assert.ok(!mapsOf(pid).includes("trustkeyd.db"))
        }
    })

    test("TK-SEC-1 they leave no core, cannot be looked into by others of the same user, and inherit no environment", async () => {
        await using hsm = await startSoftHsm()
        const environment = { SOFTHSM2_CONF: hsm.conf }
        await using rig = await KeyRig.open({
            tokens: [{ name: "hsm", module: hsm.module, uri: `pkcs11:serial=${hsm.serial}`, environment, deadlineMs: 5_000 }],
        })
        for (const name of ["file", "hsm"]) {
            const pid = rig.signerPid(name)
            assert.match(readFileSync(`/proc/${pid}/limits`, "utf8"), /Max core file size\s+0\s+0/)
            const inherited = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0").filter(Boolean)
            const wiping = "GLIBC_TUNABLES=glibc.malloc.perturb=165:glibc.malloc.tcache_count=0"
            // The C library cuts up where it stands what it has read.
            assert.equal(inherited.join(":"), name === "hsm" ? `SOFTHSM2_CONF=${hsm.conf}` : wiping)
            // The kernel shows what PR_SET_DUMPABLE did only to those without CAP_SYS_PTRACE.
            const looker = spawn("setpriv", [
                "--bounding-set",
                "-all",
                "--inh-caps",
                "-all",
                "--ambient-caps",
                "-all",
                "--no-new-privs",
                "cat",
                `/proc/${pid}/maps`,
            ])
            const [code] = await once(looker, "exit")
            assert.notEqual(code, 0)
        }
    })

    test("a signer ignores the signals meant for the daemon, opens no inspector on SIGUSR1, and signs on", async () => {
        await using rig = await KeyRig.open()
        const key = await rig.createSealed("a passphrase")
        await rig.unlock(key, "a passphrase")
        const pid = rig.signerPid("file")
        for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2"] as const) process.kill(pid, signal)
        await new Promise((resolve) => setTimeout(resolve, 300))
        assert.equal((await rig.keys.sign(await rig.promiseCertificate(key))).length, 64)
        assert.equal(rig.signerPid("file"), pid)
        assert.ok(!rig.log.some((record) => JSON.stringify(record).includes("ebugger")))
    })

    test("a signer ends with its parent, however that ends", async () => {
        await using programs = await bundleSigners()
        const script = `
            const child = require("node:child_process").spawn(process.execPath, ["--jitless", ${JSON.stringify(programs.file)}],
                { env: {}, stdio: ["ignore", "ignore", "inherit", "pipe"] })
            const body = Buffer.from('{"operation":"start","protocol":1}')
            const head = Buffer.alloc(9); head.writeUInt32BE(5 + body.length, 0); head[4] = 1; head.writeUInt32BE(1, 5)
            child.stdio[3].once("data", () => { console.log(child.pid); setInterval(() => {}, 1000) })
            child.stdio[3].write(Buffer.concat([head, body]))`
        const parent = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] })
        const [chunk] = await once(parent.stdout, "data")
        const pid = Number(String(chunk))
        process.kill(pid, 0)
        parent.kill("SIGKILL")
        await once(parent, "exit")
        for (let i = 0; i < 40; i += 1) {
            await new Promise((resolve) => setTimeout(resolve, 50))
            if (hasEnded(pid)) return
        }
        assert.fail("it lives on")
    })

    test("a frame the child does not understand ends the child", async () => {
        await using programs = await bundleSigners()
        for (const bytes of ["0000000599" + "00000001", "00000000", "ffffffff01" + "00000001", "0000000702" + "00000001" + "0000"]) {
            const child = spawn(process.execPath, ["--jitless", programs.file], { env: {}, stdio: ["ignore", "ignore", "ignore", "pipe"] })
            const pipe = child.stdio[3]
            assert.ok(pipe && "write" in pipe)
            pipe.on("error", () => {})
            pipe.write(Buffer.from(bytes, "hex"))
            if (bytes === "00000000") pipe.write(Buffer.from("0100000000", "hex"))
            const [code] = await once(child, "exit")
            assert.equal(code, 1, bytes)
        }
    })
})

/** Gone, or waiting for somebody to read its exit status. */
function hasEnded(pid: number): boolean {
    try {
        return /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"))
    } catch {
        return true
    }
}
