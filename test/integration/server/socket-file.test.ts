import assert from "node:assert/strict"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { stat, symlink, writeFile } from "node:fs/promises"
import path from "node:path"
import { describe, test } from "node:test"
import { serve } from "../../../src/server/index.ts"
import { fakeCustody } from "../../support/fake-custody.ts"
import { runCommand } from "../../support/process.ts"
import { ask, connectTo, health } from "../../support/server.ts"
import { makeWorkingDirectory } from "../../support/temp.ts"

const LIMITS = { maxPayloadBytes: 65_536, maxConnections: 8, maxRequestsPerConnection: 4, requestTimeoutMs: 5000 }

async function serveAt(
    ...places: readonly { readonly path: string; readonly mode: number; readonly group?: number; readonly fd?: number }[]
) {
    return serve({
        sockets: places.map((place) => ({ kind: "sign", ...place })),
        custody: fakeCustody({}),
        names: { userName: () => undefined },
        limits: LIMITS,
        log: () => {},
        version: "test",
        now: () => new Date(),
    })
}

async function answers(socketPath: string): Promise<void> {
    using client = connectTo(health.Health, socketPath)
    assert.equal((await ask(client.check.bind(client, {}))).status, "SERVING")
}

/** A socket file whose process was killed. */
async function leaveStaleSocket(file: string): Promise<void> {
    const program = `require("net").createServer().listen(${JSON.stringify(file)}, () => process.kill(process.pid, "SIGKILL"))`
    await assert.rejects(runCommand(process.execPath, ["-e", program]), /SIGKILL/)
    assert.ok((await stat(file)).isSocket())
}

describe("a socket's file", () => {
    test("has the mode and the group asked for, and is gone after closing", async () => {
        await using directory = await makeWorkingDirectory("socket")
        const umask = process.umask()
        for (const mode of [0o600, 0o660, 0o666]) {
            const file = path.join(directory.path, "new", "s.sock")
            const group = process.getgid?.() ?? 0
            const server = await serveAt({ path: file, mode, group: process.getuid?.() === 0 ? 4343 : group })
            const facts = await stat(file)
            assert.equal(facts.mode & 0o777, mode)
            assert.equal(facts.gid, process.getuid?.() === 0 ? 4343 : group)
            await answers(file)
            await server.close(0)
            await assert.rejects(stat(file), { code: "ENOENT" })
        }
        assert.equal(process.umask(), umask)
    })

    test("left by a process that was killed is replaced", async () => {
        await using directory = await makeWorkingDirectory("socket")
        const file = path.join(directory.path, "s.sock")
        await leaveStaleSocket(file)
        const server = await serveAt({ path: file, mode: 0o600 })
        await answers(file)
        await server.close(0)
    })

    test("on which somebody answers is left alone", async () => {
        await using directory = await makeWorkingDirectory("socket")
        const file = path.join(directory.path, "s.sock")
        const first = await serveAt({ path: file, mode: 0o600 })
        await assert.rejects(serveAt({ path: file, mode: 0o600 }), { code: "state_in_use" })
        await answers(file)
        await first.close(0)
    })

    test("that is something else is left alone, and the sockets already made are closed", async () => {
        await using directory = await makeWorkingDirectory("socket")
        const [good, bad] = [path.join(directory.path, "good.sock"), path.join(directory.path, "bad.sock")]
        await writeFile(bad, "precious")
        await assert.rejects(serveAt({ path: good, mode: 0o600 }, { path: bad, mode: 0o600 }), { code: "config_invalid" })
        assert.equal((await stat(bad)).size, 8)
        await assert.rejects(stat(good), { code: "ENOENT" })
    })

    test("reached through a dangling link is refused", async () => {
        await using directory = await makeWorkingDirectory("socket")
        const file = path.join(directory.path, "s.sock")
        await symlink(path.join(directory.path, "nowhere"), file)
        await assert.rejects(serveAt({ path: file, mode: 0o600 }), { code: "config_invalid" })
    })

    test("that systemd made is taken over by its descriptor and stays after closing", async () => {
        await using directory = await makeWorkingDirectory("socket")
        const file = path.join(directory.path, "s.sock")
        // As systemd does: bind and listen, then become the program, with the socket as descriptor 3.
        const systemd = [
            "import os, socket, sys",
            "listener = socket.socket(socket.AF_UNIX)",
            "listener.bind(sys.argv[1])",
            "listener.listen()",
            "os.dup2(os.dup(listener.fileno()), 3)",
            "os.execv(sys.argv[2], sys.argv[2:])",
        ]
        const program = new URL("../../support/serve-fd.ts", import.meta.url).pathname
        const child = spawn("python3", ["-c", systemd.join("\n"), file, process.execPath, program], { stdio: ["pipe", "pipe", "inherit"] })
        await Promise.race([once(child.stdout, "data"), once(child, "exit").then(() => assert.fail("it did not start"))])
        await answers(file)
        child.stdin.end("stop")
        await once(child, "exit")
        assert.ok((await stat(file)).isSocket())
    })
})
