import assert from "node:assert/strict"
import { spawn } from "node:child_process"
import path from "node:path"
import { after, afterEach, before, describe, test } from "node:test"
import { canonicalKeyIdOf, parseFile, parseRoleName, type RootDocument } from "../../src/tuf/index.ts"
import { type Daemon, PROJECT } from "../support/daemon.ts"
import { buildKillSwitch, type KillSwitch, type Step } from "../support/kill-switch.ts"
import type { ProxyAnswer, ProxyRequest } from "../support/proxy.ts"
import { openTrustRig, type TrustRig } from "../support/trust-rig.ts"

const OK: ProxyAnswer = { status: 200, body: Buffer.alloc(0) }
const FAILED: ProxyAnswer = { status: 500, body: Buffer.from('{"errors":[{"code":"UNKNOWN","message":"unknown error","detail":null}]}') }
const REFUSED: ProxyAnswer = {
    status: 400,
    body: Buffer.from('{"errors":[{"code":"INVALID_UPDATE","message":"Update sent by the client is invalid.","detail":null}]}'),
}

const isPublication = ({ method, path: name }: ProxyRequest): boolean => method === "POST" && name.endsWith("/_trust/tuf/")

/**
 * Around each use of a key: before the promise for it is on disk, before the key is used, and then before the answers. Every single step of such
 * a set is taken by kill-rotation.test.ts; here a command line and a server are behind it.
 */
function aroundTheKeys(layout: string): readonly Step[] {
    const ends = Array.from(layout.matchAll(/w*(s+|[^w])/g), ([, end = ""]) => end[0])
    const rows = [...ends.keys()]
    const uses = rows.filter((row) => ends[row] === "s" && ends[row - 1] === "f").flatMap((row) => [row - 1, row])
    const answers = rows.filter((row) => ends[row] === "c" && row > (uses.at(-1) ?? 0)).slice(0, 2)
    return [...uses, ...answers].map((row) => ({ row: row + 1, write: 0, moment: "before" }))
}

describe("a rotation that was interrupted is finished by the same command, run again", () => {
    let killSwitch: KillSwitch
    let rig: TrustRig
    let daemon: Daemon
    const restarted: AsyncDisposable[] = []
    before(async () => {
        killSwitch = await buildKillSwitch()
        rig = await openTrustRig({ env: killSwitch.env })
        daemon = rig.daemon
    })
    after(async () => {
        for (const daemon of restarted) await daemon[Symbol.asyncDispose]()
        await rig?.[Symbol.asyncDispose]()
        await killSwitch?.[Symbol.asyncDispose]()
    })
    afterEach(() => {
        rig.proxy.intercept = undefined
        rig.proxy.alter = undefined
        killSwitch.set()
    })

    const secrets = (): readonly string[] => [
        ...["--passphrase-file", rig.passphraseFile],
        ...["--pin-file", path.join(rig.daemon.directory, "pin")],
    ]
    const env = (): Readonly<Record<string, string>> => ({ DOCKER_CONFIG: rig.docker.configDirectory })
    const through = (): { env: Readonly<Record<string, string>> } => ({ env: rig.throughProxy })

    /** A repository with one signed tag, which the stock client has seen at root version 1. */
    async function repository(name: string, ...more: readonly string[]): Promise<string> {
        const gun = `registry.example.com/interrupted/${name}`
        await rig.init(gun, ...more)
        await rig.sign(`${gun}:v1`, "ab")
        await assertReadable(gun)
        return gun
    }

    /** By who has seen it before, and by who comes new. */
    async function assertReadable(gun: string): Promise<void> {
        assert.deepEqual(await rig.listed(gun), [{ name: "v1", hex: "ab".repeat(32), size: 1234, role: "targets" }])
        assert.deepEqual(await rig.signedTags(gun), [{ tag: "v1", hex: "ab".repeat(32), signers: ["Repo Admin"] }])
    }

    async function rootOf(gun: string): Promise<RootDocument> {
        const { document } = parseFile(await rig.served(gun, "root"), parseRoleName("root")).signed
        return document.type === "root" ? document : assert.fail("no root")
    }

    function keyIn(root: RootDocument, role: "targets" | "snapshot" | "timestamp"): string {
        const key = root.keys.get(root.roles.get(role)?.keyIds[0] ?? assert.fail())
        return key === undefined ? assert.fail() : canonicalKeyIdOf(key)
    }

    /** One root on, with another key for the role, and everything in order. */
    async function assertRotated(gun: string, role: "targets" | "snapshot" | "timestamp", was: RootDocument): Promise<void> {
        const root = await rootOf(gun)
        assert.equal(root.version, was.version + 1)
        assert.notEqual(keyIn(root, role), keyIn(was, role))
        await assertReadable(gun)
        assert.match(await rig.ok(["trust", "list"]), new RegExp(`^${gun} .* -$`, "m"), "something waits to be published")
    }

    const failures: readonly { name: string; answer: ProxyAnswer; code: string; status: number }[] = [
        { name: "the connection breaks", answer: "cut", code: "server_unreachable", status: 6 },
        { name: "the server fails", answer: FAILED, code: "server_error", status: 6 },
        { name: "the server refuses", answer: REFUSED, code: "server_refused", status: 4 },
        { name: "the server says yes and keeps nothing", answer: OK, code: "publish_unconfirmed", status: 7 },
    ]
    const rotations = [
        { role: "targets", init: [], args: [] },
        { role: "targets", init: ["--snapshot-key"], args: [] },
        { role: "snapshot", init: ["--snapshot-key"], args: ["--to-server"] },
        { role: "timestamp", init: [], args: [] },
    ] as const
    for (const [index, { name, answer, code, status }] of failures.entries()) {
        test(`${name} while a root is published`, async () => {
            for (const { role, init, args } of rotations) {
                const gun = await repository(`publication/${index}/${role}${init.length}`, ...init)
                const was = await rootOf(gun)
                const rotate = ["rotate", role, gun, ...secrets(), "--confirm", ...args]
                rig.proxy.intercept = (request) => (isPublication(request) ? answer : undefined)
                await rig.refused(rotate, code, status, through())
                assert.equal((await rootOf(gun)).version, was.version)
                await assertReadable(gun)
                await rig.refused(rotate, code, status, through())
                rig.proxy.intercept = undefined
                assert.match(await rig.ok(rotate, through()), /^Finished the rotation of /)
                await assertRotated(gun, role, was)
            }
        })
    }

    test("the answer to a publication is lost: what is served decides", async () => {
        const gun = await repository("lost-answer")
        const was = await rootOf(gun)
        rig.proxy.alter = (request, answer) => (isPublication(request) ? "cut" : answer)
        assert.match(await rig.ok(["rotate", "targets", gun, ...secrets(), "--confirm"], through()), /^Rotated targets of /)
        await assertRotated(gun, "targets", was)
    })

    test("what can't be published is taken back by voiding it, and another rotation takes its version", async () => {
        const gun = await repository("taken-back")
        const was = await rootOf(gun)
        rig.proxy.intercept = (request) => (isPublication(request) ? REFUSED : undefined)
        await rig.refused(["rotate", "targets", gun, ...secrets(), "--confirm"], "server_refused", 4, through())
        rig.proxy.intercept = undefined
        await rig.ok(["journal", "void", gun, "root", "2", "--confirm", "void 2"])
        await assertReadable(gun)
        await rig.ok(["rotate", "timestamp", gun, ...secrets(), "--confirm"])
        await assertRotated(gun, "timestamp", was)
        assert.equal(keyIn(await rootOf(gun), "targets"), keyIn(was, "targets"))
        await rig.ok(["rotate", "targets", gun, ...secrets(), "--confirm"])
        await assertReadable(gun)
    })

    /** The program, killed at a request to the server: before the server sees it, or after. Undefined: it came to its end before. */
    async function killedAt(args: readonly string[], number: number, when: "before" | "after"): Promise<"killed" | "ended"> {
        const child = spawn(process.execPath, [path.join(PROJECT, "dist/trustkey.cjs"), ...args], {
            stdio: "ignore",
            env: {
                PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
                HOME: rig.daemon.directory,
                TRUSTKEYD_SOCKET: rig.daemon.signSocket,
                TRUSTKEYD_ADMIN_SOCKET: rig.daemon.adminSocket,
                DOCKER_CONFIG: rig.docker.configDirectory,
                ...rig.throughProxy,
            },
        })
        const ended = new Promise<"killed" | "ended">((resolve, reject) => {
            child.once("error", reject)
            child.once("exit", (status, signal) => {
                if (signal === "SIGKILL") resolve("killed")
                else if (status === 0) resolve("ended")
                else reject(new Error(`trustkey ${args.join(" ")} ended with ${status}`))
            })
        })
        let count = 0
        const isIt = (): boolean => {
            count += 1
            if (count !== number) return false
            child.kill("SIGKILL")
            return true
        }
        if (when === "before") rig.proxy.intercept = () => (isIt() ? "cut" : undefined)
        else rig.proxy.alter = (_request, answer) => (isIt() ? "cut" : answer)
        const how = await ended
        rig.proxy.intercept = undefined
        rig.proxy.alter = undefined
        return how
    }

    for (const when of ["before", "after"] as const) {
        test(`trustkey is killed at each of its requests, ${when} the server has seen it`, async () => {
            const gun = await repository(`killed-${when}`)
            const rotate = ["rotate", "targets", gun, ...secrets(), "--confirm"]
            let kills = 0
            for (let number = 1; ; number += 1) {
                const was = await rootOf(gun)
                if ((await killedAt(rotate, number, when)) === "ended") break
                kills += 1
                await assertReadable(gun)
                await rig.ok(rotate)
                await assertRotated(gun, "targets", was)
            }
            assert.ok(kills >= 8, `it was killed only ${kills} times`)
        })
    }

    test("the daemon is killed before each use of a key, after what was put on disk for it, and before it answers", async () => {
        const gun = await repository("daemon", "--snapshot-key")
        const rotate = ["rotate", "targets", gun, ...secrets(), "--confirm"]
        const waits = async (): Promise<boolean> => !new RegExp(`^${gun} .* -$`, "m").test(await rig.ok(["trust", "list"]))
        const steps = async (): Promise<string> => {
            killSwitch.set()
            await rig.ok(rotate)
            return killSwitch.read().steps
        }
        await steps()
        const layout = await steps()
        const killedAt = new Set<string>()
        for (const step of aroundTheKeys(layout)) {
            const was = await rootOf(gun)
            killSwitch.set(step)
            const { status, stderr } = await rig.daemon.trustkey(rotate, { env: { ...env(), ...rig.throughProxy } })
            const { hit } = killSwitch.read()
            killSwitch.set()
            if (hit === undefined) {
                assert.equal(status, 0, stderr)
                continue
            }
            killedAt.add(hit)
            await daemon.kill()
            daemon = await daemon.restart()
            restarted.push(daemon)
            await assertReadable(gun)
            // All was done, but for what follows a rotation.
            if ((await rootOf(gun)).version === was.version || (await waits())) await rig.ok(rotate)
            await assertRotated(gun, "targets", was)
        }
        assert.deepEqual([...killedAt].sort(), ["c", "f", "s"])
    })
})
