import assert from "node:assert/strict"
import { describe, test } from "node:test"
import type { Command } from "commander"
import { runCli } from "../../../src/cli/index.ts"
import { makeProgram } from "../../../src/cli/program.ts"
import { type FakeTerminal, fakeCli, fakeContext, fakeTerminal } from "./fake-terminal.ts"

async function run(argv: readonly string[], env: Record<string, string> = {}): Promise<FakeTerminal & { readonly code: number }> {
    const terminal = fakeTerminal()
    const code = await runCli(argv, fakeContext(terminal, { TRUSTKEYD_SOCKET: "/nonexistent/sign.sock", ...env }))
    return { ...terminal, code }
}

function leaves(command: Command): Command[] {
    return command.commands.length === 0 ? [command] : command.commands.flatMap(leaves)
}

describe("command line", () => {
    test("help is a result: on stdout, exit 0, examples before the rest", async () => {
        for (const argv of [["--help"], ["trust", "sign", "--help"], ["help", "key"]]) {
            const { code, printed, remarks } = await run(argv)
            assert.equal(code, 0, argv.join(" "))
            assert.equal(remarks(), "")
            assert.match(printed(), /Usage: trustkey/)
        }
        const { printed } = await run(["key", "create", "--help"])
        assert.ok(printed().indexOf("Examples:") < printed().indexOf("Usage:"))
    })

    test("every command begins its help with examples that are right", () => {
        for (const command of leaves(makeProgram(fakeCli(fakeTerminal())))) {
            const help = command.helpInformation()
            const path = [command.name()]
            for (let parent = command.parent; parent !== null; parent = parent.parent) path.unshift(parent.name())
            const examples =
                help
                    .split("\nUsage:")[0]
                    ?.split("\n")
                    .filter((line) => line.startsWith("  trustkey ")) ?? []
            assert.ok(examples.length > 0, `${path.join(" ")} has no example`)
            for (const example of examples) assert.ok(example.startsWith(`  ${path.join(" ")}`), example)
        }
    })

    test("the version goes to stdout", async () => {
        const { code, printed } = await run(["--version"])
        assert.equal(code, 0)
        assert.equal(printed(), "1.2.3\n")
    })

    test("a mistyped command is wrong usage, with a suggestion", async () => {
        const { code, printed, remarks } = await run(["trust", "sing"])
        assert.equal(code, 2)
        assert.equal(printed(), "")
        assert.match(remarks(), /^trustkey: unknown command 'sing' \(Did you mean sign\?\) \[usage\]\n {2}\S/)
    })

    test("wrong usage of every kind exits 2 and is told in one form", async () => {
        const wrong = [
            ["key", "create"],
            ["key", "create", "--purpose", "hat"],
            ["key", "create", "--purpose", "root", "--token", "a", "--group", "b"],
            ["key", "unlock", "abc", "--ttl", "soon"],
            ["key", "lock"],
            ["key", "lock", "--all", "--group", "ci"],
            ["journal", "void", "registry.example.com/app", "targets", "1"],
            ["audit", "list", "--limit", "0"],
            ["status", "extra"],
            ["status", "--nonsense"],
            ["trust", "sign", "registry.example.com/app"],
            ["trust", "sign", "registry.example.com/app:v1", "--size", "12"],
            ["trust", "sign", "registry.example.com/app:v1", "--digest", "sha256:12"],
            ["trust", "init", "registry.example.com/app:v1"],
            ["key", "create", "--purpose", "root", "--bind", "registry.example.com/app"],
            ["key", "group", "create", "ci", "--no-passphrase"],
            ["key", "bind", "3fa9c2d1"],
            ["trust", "pin", "set", "registry.example.com/app"],
            ["trust", "pin", "set", "registry.example.com/app:v1", "--known"],
            ["trust", "pin", "first-use", "perhaps"],
        ]
        for (const argv of wrong) {
            const { code, printed, remarks } = await run(argv)
            assert.equal(code, 2, `${argv.join(" ")}\n${remarks()}`)
            assert.equal(printed(), "")
            assert.match(remarks(), /^trustkey: .* \[usage\]\n {2}\S/)
        }
    })

    test("a group of commands alone shows its help as wrong usage", async () => {
        const { code, remarks } = await run(["key"])
        assert.equal(code, 2)
        assert.match(remarks(), /Usage: trustkey key/)
    })

    test("a daemon that is not there is said with the path it was looked for", async () => {
        const { code, remarks } = await run(["status"])
        assert.equal(code, 6)
        assert.match(
            remarks(),
            /^trustkey: there is no socket at \/nonexistent\/sign\.sock.* \[daemon_unreachable\]\n {2}See why it is not there.*Start it with/,
        )
    })

    test("--socket before or after the command wins over the environment", async () => {
        for (const argv of [
            ["--socket", "/elsewhere/x.sock", "status"],
            ["status", "--socket", "/elsewhere/x.sock"],
        ]) {
            const { remarks } = await run(argv)
            assert.match(remarks(), /\/elsewhere\/x\.sock/)
        }
    })

    test("what needs the admin socket asks there", async () => {
        const { code, remarks } = await run(["audit", "verify"], { TRUSTKEYD_ADMIN_SOCKET: "/nonexistent/admin.sock" })
        assert.equal(code, 6)
        assert.match(remarks(), /\/nonexistent\/admin\.sock/)
    })

    test("a typed confirmation needs a terminal or the flag", async () => {
        const { code, remarks } = await run(["journal", "void", "registry.example.com/app", "root", "1"])
        assert.equal(code, 2)
        assert.match(remarks(), /--confirm \[no_terminal\]/)
    })

    test("a signer's name and key files are looked at before anything else", async () => {
        const repository = "registry.invalid/team/app"
        const messages = new Map([
            [
                ["Alice", repository, "--key", "alice.pub"],
                /signer name "Alice" must start with lowercase alphanumeric characters and can include "-" or "_"/,
            ],
            [["releases", repository, "--key", "alice.pub"], /releases is a reserved keyword, use a different signer name/],
            [["alice", repository], /path to a public key must be provided using the `--key` flag/],
            [
                ["alice", repository, "--key", "/nowhere/alice.pub"],
                /unable to read public key from file: open \/nowhere\/alice\.pub: no such file or directory/,
            ],
        ])
        for (const [args, message] of messages) {
            const { code, printed, remarks } = await run(["trust", "signer", "add", ...args])
            assert.equal(code, 4)
            assert.equal(printed(), "")
            assert.match(remarks(), message)
        }
    })
})
