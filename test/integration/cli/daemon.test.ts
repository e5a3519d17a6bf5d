import assert from "node:assert/strict"
import { writeFile } from "node:fs/promises"
import { createServer } from "node:net"
import path from "node:path"
import { describe, test } from "node:test"
import { runCli } from "../../../src/cli/index.ts"
import type { Custody } from "../../../src/custody/index.ts"
import { type ErrorCode, TrustkeyError } from "../../../src/errors.ts"
import { fakeCustody } from "../../support/fake-custody.ts"
import { startTestServer, type TestServer } from "../../support/server.ts"
import { makeWorkingDirectory } from "../../support/temp.ts"
import { type FakeTerminal, fakeContext, fakeTerminal } from "../../unit/cli/fake-terminal.ts"

async function run(
    server: TestServer,
    argv: readonly string[],
    terminal = fakeTerminal(),
): Promise<FakeTerminal & { readonly code: number }> {
    const env = { TRUSTKEYD_SOCKET: server.signPath, TRUSTKEYD_ADMIN_SOCKET: server.adminPath }
    return { ...terminal, code: await runCli(argv, fakeContext(terminal, env)) }
}

function refusing(code: ErrorCode, message: string): Custody {
    return fakeCustody({ listKeys: () => Promise.reject(new TrustkeyError(code, message)) })
}

describe("trustkey and the daemon's door", () => {
    test("the daemon's own code and words reach the person, and the code decides the exit code", async () => {
        for (const [code, exit] of [
            ["denied", 3],
            ["token_absent", 5],
            ["overloaded", 6],
            ["verification_failed", 7],
            ["storage_failed", 1],
        ] as const) {
            await using server = await startTestServer(refusing(code, "in the daemon's words"))
            const result = await run(server, ["key", "list"])
            assert.equal(result.code, exit)
            assert.match(result.remarks(), new RegExp(`^trustkey: in the daemon.s words( \\(reference .*\\))? \\[${code}\\]\\n  \\S`))
            assert.equal(result.printed(), "")
        }
    })

    test("a message from the daemon can't write on the terminal as it likes", async () => {
        await using server = await startTestServer(refusing("denied", "no\u001b[2J\r!"))
        const { remarks } = await run(server, ["key", "list"])
        assert.ok(!remarks().includes("\u001b"), JSON.stringify(remarks()))
    })

    test("all pages of a long list are fetched", async () => {
        const record = {
            publicKey: { keytype: "ecdsa", bytes: Buffer.alloc(91) },
            algorithm: "p256",
            purpose: "targets",
            label: "",
            bindings: [],
            home: { kind: "sealed" },
            origin: "generated",
            createdAt: "2026-01-01T00:00:00Z",
        } as const
        const ids = ["a", "b", "c"].map((digit) => digit.repeat(64))
        const custody = fakeCustody({
            listKeys: (_principal, { pageToken }) => {
                const index = pageToken === "" ? 0 : ids.indexOf(pageToken) + 1
                const view = { record: { ...record, id: ids[index] }, state: { state: "locked", ready: false } }
                const nextPageToken = index + 1 < ids.length ? (ids[index] ?? "") : ""
                return Promise.resolve({ keys: [view], nextPageToken } as unknown as Awaited<ReturnType<Custody["listKeys"]>>)
            },
        })
        await using server = await startTestServer(custody)
        const { code, printed, remarks } = await run(server, ["key", "list", "--json"])
        assert.equal(code, 0, remarks())
        const { keys } = JSON.parse(printed()) as { keys: { id: string; state: string }[] }
        assert.deepEqual(
            keys.map(({ id, state }) => [id, state]),
            ids.map((id) => [id, "locked"]),
        )
    })

    test("who doesn't reach the admin socket binds a delegation key on the sign socket, and is told why no other key", async () => {
        const gun = "registry.example.com/team/app"
        const asked: string[] = []
        const keyOf = (purpose: string): Awaited<ReturnType<Custody["getKey"]>> => {
            const facts = { id: "a".repeat(64), algorithm: "p256", label: "", bindings: [], home: { kind: "sealed" }, origin: "generated" }
            const record = {
                ...facts,
                purpose,
                publicKey: { keytype: "ecdsa", bytes: Buffer.alloc(91) },
                createdAt: "2026-01-01T00:00:00Z",
            }
            return { record, state: { state: "locked", ready: false } } as unknown as Awaited<ReturnType<Custody["getKey"]>>
        }
        let purpose = "delegation"
        const custody = fakeCustody({
            getKey: async () => keyOf(purpose),
            bindKey: async (principal, { add }) => {
                asked.push(`${principal.socket} ${add.map(({ role }) => role).join()}`)
                return keyOf(purpose)
            },
        })
        await using server = await startTestServer(custody)
        const argv = ["key", "bind", "a".repeat(64), "--add", `targets/alice@${gun}`]
        assert.equal((await run(server, argv)).code, 0)
        const away = { ...server, adminPath: `${server.adminPath}.away` }
        const { code, remarks } = await run(away, argv)
        assert.equal(code, 0, remarks())
        assert.deepEqual(asked, ["admin targets/alice", "sign targets/alice"])
        purpose = "root"
        const refused = await run(away, ["key", "bind", "a".repeat(64), "--add", `root@${gun}`])
        assert.equal(refused.code, 6)
        assert.match(refused.remarks(), /no socket at .*away.* \[daemon_unreachable\]/s)
        assert.equal(asked.length, 2)
    })

    test("a typed confirmation goes to the daemon as it was typed, a wrong one never does", async () => {
        const confirms: string[] = []
        const custody = fakeCustody({
            voidPromise: (_principal, { confirm }) => {
                confirms.push(confirm)
                return Promise.resolve()
            },
        })
        await using server = await startTestServer(custody)
        const argv = ["journal", "void", "registry.example.com/team/app", "root", "3"]
        assert.equal((await run(server, argv, fakeTerminal({ typed: ["void 4"] }))).code, 3)
        assert.equal((await run(server, argv, fakeTerminal({ typed: ["void 3"] }))).code, 0)
        assert.equal((await run(server, [...argv, "--confirm", "void 3"])).code, 0)
        assert.deepEqual(confirms, ["void 3", "void 3"])
    })

    test("a broken audit chain is a failed verification, with the verdict still on stdout as JSON", async () => {
        const verdict = { intact: false, records: 12, brokenAt: 7, head: "00" }
        await using server = await startTestServer(fakeCustody({ verifyAudit: () => Promise.resolve(verdict) }))
        const { code, printed, remarks } = await run(server, ["audit", "verify", "--json"])
        assert.equal(code, 7)
        assert.deepEqual(JSON.parse(printed()), verdict)
        assert.match(remarks(), /record 7 .*\[audit_broken\]/)
    })

    test("a socket nobody listens on, a file and something that is no daemon are told apart", async () => {
        await using directory = await makeWorkingDirectory("cli")
        const socketPath = path.join(directory.path, "x.sock")
        const ask = async (): Promise<string> => {
            const terminal = fakeTerminal()
            assert.equal(await runCli(["status", "--socket", socketPath], fakeContext(terminal)), 6)
            return terminal.remarks()
        }
        assert.match(await ask(), /there is no socket at .*x\.sock/)
        const listener = createServer((connection) => connection.destroy())
        await new Promise<void>((resolve) => listener.listen(socketPath, resolve))
        assert.match(await ask(), /closed the connection|can't be reached/)
        await new Promise<void>((resolve) => {
            listener.close(() => resolve())
        })
        await writeFile(socketPath, "")
        assert.match(await ask(), /x\.sock is no socket/)
    })
})
