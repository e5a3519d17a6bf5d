import assert from "node:assert/strict"
import { describe, test } from "node:test"
import type { FrontEnd } from "../../../src/cli/context.ts"
import { argumentsWanted, errorRefusal, faultRefusal } from "../../../src/cli/front-end.ts"
import { runCli } from "../../../src/cli/index.ts"
import { markPassedArguments, newCommand, passThroughCommand } from "../../../src/cli/syntax.ts"
import { TrustkeyError } from "../../../src/errors.ts"
import { type FakeTerminal, fakeCli, fakeContext, fakeTerminal } from "./fake-terminal.ts"

async function run(frontEnd: FrontEnd, argv: readonly string[]): Promise<FakeTerminal & { readonly code: number }> {
    const terminal = fakeTerminal()
    const code = await runCli(argv, { ...fakeContext(terminal, { TRUSTKEYD_SOCKET: "/nonexistent/sign.sock" }), frontEnd })
    return { ...terminal, code }
}

// What Docker 28.2.2 prints, byte for byte.
const DOCKER_SAYS: readonly (readonly [argv: readonly string[], code: number, stderr: string])[] = [
    [["frob"], 1, "docker: unknown command: docker trust frob\n\nUsage:  docker trust\n\nRun 'docker trust --help' for more information\n"],
    [["help"], 1, "docker: unknown command: docker trust help\n\nUsage:  docker trust\n\nRun 'docker trust --help' for more information\n"],
    [["--frob"], 125, "unknown flag: --frob\n\nUsage:  docker trust\n\nRun 'docker trust --help' for more information\n"],
    [["--frob", "sign"], 125, "unknown flag: --frob\n\nUsage:  docker trust\n\nRun 'docker trust --help' for more information\n"],
    [["-D", "sign"], 125, "unknown shorthand flag: 'D' in -D\n\nUsage:  docker trust\n\nRun 'docker trust --help' for more information\n"],
    [
        ["sign"],
        1,
        "docker: 'docker trust sign' requires 1 argument\n\nUsage:  docker trust sign IMAGE:TAG\n\nRun 'docker trust sign --help' for more information\n",
    ],
    [
        ["sign", "a", "--", "--help"],
        1,
        "docker: 'docker trust sign' requires 1 argument\n\nUsage:  docker trust sign IMAGE:TAG\n\nRun 'docker trust sign --help' for more information\n",
    ],
    [
        ["sign", "--frob=1", "x"],
        125,
        "unknown flag: --frob\n\nUsage:  docker trust sign IMAGE:TAG\n\nRun 'docker trust sign --help' for more information\n",
    ],
    [
        ["revoke", "-qy", "x"],
        125,
        "unknown shorthand flag: 'q' in -qy\n\nUsage:  docker trust revoke [OPTIONS] IMAGE[:TAG]\n\nRun 'docker trust revoke --help' for more information\n",
    ],
    [
        ["sign", "--digest"],
        125,
        "flag needs an argument: --digest\n\nUsage:  docker trust sign IMAGE:TAG\n\nRun 'docker trust sign --help' for more information\n",
    ],
]

describe("docker's names", () => {
    test("wrong usage gets docker's words and docker's exit codes", async () => {
        for (const [argv, code, stderr] of DOCKER_SAYS) {
            const result = await run("docker trust", argv)
            assert.equal(result.remarks(), stderr, argv.join(" "))
            assert.equal(result.code, code, argv.join(" "))
            assert.equal(result.printed(), "")
        }
    })

    test("docker trustkey says the same of itself", async () => {
        const { code, remarks } = await run("docker trustkey", ["frob"])
        assert.equal(code, 1)
        assert.match(remarks(), /^docker: unknown command: docker trustkey frob\n\nUsage: {2}docker trustkey \[OPTIONS\]\n/)
    })

    test("without a command there is help on stderr and nothing wrong", async () => {
        for (const [frontEnd, argv] of [
            ["docker trust", []],
            ["docker trustkey", []],
        ] as const) {
            const { code, printed, remarks } = await run(frontEnd, argv)
            assert.equal(code, 0)
            assert.equal(printed(), "")
            assert.match(remarks(), new RegExp(`^Usage: {2}${frontEnd}.* COMMAND\n`))
            assert.match(remarks(), new RegExp(`\nRun '${frontEnd} COMMAND --help' for more information on a command\\.\n$`))
        }
    })

    test("help is laid out as docker's", async () => {
        const { code, printed, remarks } = await run("docker trustkey", ["revoke", "--help"])
        assert.equal(code, 0)
        assert.equal(remarks(), "")
        const lines = printed().split("\n")
        assert.deepEqual(lines.slice(0, 4), ["Usage:  docker trustkey revoke [OPTIONS] IMAGE[:TAG]", "", "Remove trust for an image", ""])
        assert.ok(lines.includes("  docker trustkey revoke registry.example.com/team/app:v1"))
        assert.match(printed(), /\n {2}-y, --yes {2,}Don't ask before revoking all tags\n/)
        assert.match(printed(), /\n {6}--passphrase-file string {3}\S/)
        assert.ok(lines.every((line) => line.length <= 80))
    })

    test("docker trust has docker's commands only, docker trustkey the whole trust group", async () => {
        const commands = async (frontEnd: FrontEnd): Promise<readonly string[]> =>
            [...(await run(frontEnd, ["--help"])).printed().matchAll(/^ {2}([a-z]+) {2,}[A-Z]/gm)].map(([, name]) => name ?? "")
        const docker = ["inspect", "key", "revoke", "sign", "signer"]
        const ofDockerTrust = await commands("docker trust")
        assert.ok(ofDockerTrust.includes("sign"))
        assert.deepEqual(
            ofDockerTrust.filter((name) => !docker.includes(name)),
            [],
        )
        const ofTrustkey = await commands("docker trustkey")
        for (const name of [...ofDockerTrust, "init", "list", "show", "adopt", "reset"]) assert.ok(ofTrustkey.includes(name), name)
        assert.equal((await run("docker trust", ["init", "registry.example.com/app"])).code, 1)
    })

    test("a flag without a value may be given one, as pflag allows", async () => {
        const { code, remarks } = await run("docker trust", ["revoke", "--yes=frob", "x"])
        assert.equal(code, 125)
        assert.match(remarks(), /^invalid argument "frob" for "--yes" flag: /)
        // Read as the flag alone: what fails is what comes after the command line.
        assert.match((await run("docker trust", ["revoke", "--yes=true", "X:y:z"])).remarks(), /\[invalid_request\]/)
        assert.equal((await run("trustkey", ["trust", "revoke", "--yes=true", "x"])).code, 2)
    })

    test("an error is docker's message alone, then what to do about it; the exit code is 1 whatever it was", () => {
        const error = new TrustkeyError("declined", "nothing was revoked\nand this was\u001b[2J")
        assert.deepEqual(errorRefusal("docker trust", error), {
            text: "nothing was revoked\nand this was\\u{1b}[2J\n  Run the command again when you have decided otherwise. [declined]\n",
            exitCode: 1,
        })
        assert.deepEqual(errorRefusal("trustkey", error), {
            text: "trustkey: nothing was revoked\n  and this was\\u{1b}[2J [declined]\n  Run the command again when you have decided otherwise.\n",
            exitCode: 3,
        })
        assert.equal(faultRefusal("docker trust", new Error("x")).exitCode, 1)
    })

    test("advice names commands as they are called here", () => {
        const error = new TrustkeyError("no_trust_data", "no")
        assert.match(errorRefusal("docker trustkey", error).text, /docker trustkey init starts/)
        // docker trust has no init.
        assert.match(errorRefusal("docker trust", error).text, /trustkey trust init starts/)
    })

    test("counts of arguments are said as docker says them", () => {
        assert.equal(argumentsWanted(0, 0), "accepts no arguments")
        assert.equal(argumentsWanted(1, 1), "requires 1 argument")
        assert.equal(argumentsWanted(2, 2), "requires 2 arguments")
        assert.equal(argumentsWanted(2, undefined), "requires at least 2 arguments")
        assert.equal(argumentsWanted(0, 1), "requires at most 1 argument")
        assert.equal(argumentsWanted(1, 2), "requires at least 1 and at most 2 arguments")
    })
})

describe("a command that passes its arguments through", () => {
    async function passed(
        argv: readonly string[],
    ): Promise<{ readonly args: readonly string[] | undefined; readonly terminal: FakeTerminal }> {
        const terminal = fakeTerminal()
        const cli = fakeCli(terminal)
        let args: readonly string[] | undefined
        const wrapper = passThroughCommand(cli, "pull", "Pull.", async (given) => {
            args = given
        })
        const program = newCommand(cli, "trustkey", "")
            .option("--socket <path>")
            .option("--quiet")
            .addCommand(newCommand(cli, "trust", "").addCommand(wrapper))
        await program.parseAsync([...markPassedArguments(program, argv)], { from: "user" }).catch(() => {})
        return { args, terminal }
    }

    test("gets them as they were written, in order", async () => {
        const lines = [
            [],
            ["app:v1"],
            ["--quiet", "app:v1", "-a"],
            ["-it", "--rm", "--name=x", "app", "sh", "-c", "echo --help", "--", "--quiet", "--socket"],
            ["--", "app"],
            ["-h", "host", "app"],
            ["app", "--help"],
        ]
        for (const line of lines) {
            assert.deepEqual((await passed(["trust", "pull", ...line])).args, line)
            assert.deepEqual((await passed(["--socket", "pull", "--quiet", "trust", "pull", ...line])).args, line)
        }
    })

    test("shows its help when that alone is asked for", async () => {
        const { args, terminal } = await passed(["trust", "pull", "--help"])
        assert.equal(args, undefined)
        assert.match(terminal.printed(), /Usage: trustkey trust pull/)
    })
})
