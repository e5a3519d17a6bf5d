import assert from "node:assert/strict"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { readFile } from "node:fs/promises"
import path from "node:path"
import { describe, test } from "node:test"
import { setTimeout as sleep } from "node:timers/promises"
import { runCli } from "../../../src/cli/index.ts"
import { Output } from "../../../src/cli/output.ts"
import { fakeCustody } from "../../support/fake-custody.ts"
import { startTestServer } from "../../support/server.ts"
import { fakeContext, fakeTerminal } from "../../unit/cli/fake-terminal.ts"

const TRUSTKEY = path.resolve(import.meta.dirname, "../../../dist/trustkey.cjs")

describe("the client", () => {
    test("TK-SEC-1 leaves no core dump while a PIN is given to it, whatever the shell allows", async () => {
        const login = 'ulimit -c unlimited 2>/dev/null || ulimit -c 1000; exec "$0" "$1" token login hsm --pin-fd 0'
        const child = spawn("/bin/sh", ["-c", login, process.execPath, TRUSTKEY], { stdio: ["pipe", "ignore", "ignore"] })
        try {
            child.stdin.write("123")
            const core = async (): Promise<string | undefined> =>
                /^Max core file size\s+(\S+)/m.exec(await readFile(`/proc/${child.pid}/limits`, "utf8"))?.[1]
            for (let i = 0; i < 50 && (await core()) !== "0"; i += 1) await sleep(100)
            assert.equal(await core(), "0")
        } finally {
            child.kill("SIGKILL")
        }
    })

    test("waits for a secret that comes slowly on standard input, and in pieces", async () => {
        const child = spawn(process.execPath, [TRUSTKEY, "token", "login", "hsm", "--pin-fd", "0", "--socket", "/nonexistent/sign.sock"])
        let said = ""
        child.stderr.on("data", (piece: Buffer) => {
            said += piece.toString()
        })
        for (const piece of ["12", "34", "56\n"]) {
            await sleep(300)
            assert.equal(child.exitCode, null, said)
            child.stdin.write(piece)
        }
        child.stdin.end()
        const [code] = (await once(child, "close")) as [number]
        // Only then is the daemon asked, and it isn't there.
        assert.match(said, /\[daemon_unreachable\]/)
        assert.equal(code, 6)
    })

    test("says to try again when the daemon breaks off a call, and does not call it a bug", async () => {
        await using server = await startTestServer(fakeCustody({ listKeys: () => new Promise(() => {}) }))
        const terminal = fakeTerminal()
        const running = runCli(["key", "list"], fakeContext(terminal, { TRUSTKEYD_SOCKET: server.signPath }))
        await sleep(300)
        await server.close(0)
        assert.equal(await running, 6, terminal.remarks())
        assert.match(terminal.remarks(), /\[daemon_unreachable\]/)
    })

    test("lets no token's label and no server's word write on the terminal as it likes, in remarks and in JSON", () => {
        const terminal = fakeTerminal()
        const output = new Output(terminal, { quiet: false, colour: false })
        const label = "root\u001b[2J\u009b2J\u202e\r"
        output.note(`Token hsm (${label}) is logged-in.\nNext line.`)
        output.warn(label)
        output.json({ label })
        const seen = terminal.remarks() + terminal.printed()
        assert.doesNotMatch(seen, /(?!\n)[\p{Cc}\u202e]/u, JSON.stringify(seen))
        assert.match(terminal.remarks(), /is logged-in\.\nNext line\.\n/)
        assert.deepEqual(JSON.parse(terminal.printed()), { label })
    })
})
