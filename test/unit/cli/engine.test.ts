import assert from "node:assert/strict"
import { describe, test } from "node:test"
import type { Environment } from "../../../src/cli/context.ts"
import { Cli } from "../../../src/cli/context.ts"
import { type Engine, openEngine, pushedTags } from "../../../src/cli/engine/engine.ts"
import { runCli } from "../../../src/cli/index.ts"
import type { RunOptions } from "../../../src/cli/terminal.ts"
import { isTrustOn } from "../../../src/cli/trust/enforcement.ts"
import { TrustkeyError } from "../../../src/errors.ts"
import { parseReference } from "../../../src/publish/index.ts"
import { type FakeTerminal, fakeCli, fakeContext, fakeTerminal } from "./fake-terminal.ts"

const HEX = "ab".repeat(32)
const IMAGE = parseReference("localhost:5000/app:v1")

type Call = { readonly program: string; readonly args: readonly string[]; readonly env: Environment }
type Docker = { readonly code?: number; readonly stdout?: string; readonly stderr?: string }

/** An engine behind a docker that says what it is told to. */
function fakeDocker(docker: Docker, env: Environment = {}): { engine: Engine; calls: Call[]; terminal: FakeTerminal } {
    const calls: Call[] = []
    const run = async (program: string, args: readonly string[], options: RunOptions): Promise<number> => {
        calls.push({ program, args, env: options.env })
        options.onStdout?.(Buffer.from(docker.stdout ?? ""))
        options.onStderr?.(Buffer.from(docker.stderr ?? ""))
        return docker.code ?? 0
    }
    const terminal = { ...fakeTerminal(), run }
    const context = {
        ...fakeContext(terminal, env),
        docker: { program: "docker", globalFlags: ["--context", "far"], configDirectory: undefined },
    }
    return { engine: openEngine(new Cli(context)), calls, terminal }
}

async function refusal(work: Promise<unknown>): Promise<TrustkeyError> {
    const error = await work.then(
        () => assert.fail("was not refused"),
        (thrown: unknown) => thrown,
    )
    assert.ok(error instanceof TrustkeyError, String(error))
    return error
}

describe("the docker engine", () => {
    test("docker shares our standard input, unless a flag says that a secret comes that way", async () => {
        for (const [descriptor, expected] of [
            ["3", false],
            ["0", true],
        ] as const) {
            const seen: unknown[] = []
            const run = async (_program: string, _args: readonly string[], options: RunOptions): Promise<number> => {
                seen.push(options.withoutStdin)
                return 0
            }
            const flags = ["--disable-content-trust", "--passphrase-fd", descriptor]
            const terminal = { ...fakeTerminal(), run }
            assert.equal(await runCli(["trust", "push", ...flags, IMAGE.text], fakeContext(terminal)), 0, terminal.remarks())
            const local = { ...fakeTerminal({ descriptors: { 0: "correct horse" } }), run }
            await runCli(["trust", "sign", "--local", "--passphrase-fd", descriptor, IMAGE.text], fakeContext(local))
            assert.ok(seen.length >= 1)
            assert.deepEqual(new Set(seen), new Set([expected]))
        }
    })

    test("docker gets its own flags first, no trust of its own, and no passphrase", async () => {
        const env = {
            DOCKER_CONTENT_TRUST: "1",
            DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE: "x",
            DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: "x",
            NOTARY_TARGETS_PASSPHRASE: "x",
            NOTARY_AUTH: "x",
            // For docker run --env GPG_PASSPHRASE.
            GPG_PASSPHRASE: "y",
            DOCKER_CLI_PLUGIN_SOCKET: "@y",
            DOCKER_HOST: "unix:///z",
        }
        const { engine, calls } = fakeDocker({}, env)
        await engine.tag("a@b", "a:c")
        assert.deepEqual(calls, [
            {
                program: "docker",
                args: ["--context", "far", "tag", "--", "a@b", "a:c"],
                env: { DOCKER_CONTENT_TRUST: "0", DOCKER_HOST: "unix:///z", GPG_PASSPHRASE: "y" },
            },
        ])
    })

    test("what was pushed is what docker says last of the tag, and its progress is shown", async () => {
        const stdout = `The push refers to repository [x]\nv1: Pushed\nv2: digest: sha256:${"cd".repeat(32)} size: 5\nv1: digest: sha256:${HEX} size: 527\n`
        const { engine, calls, terminal } = fakeDocker({ stdout, stderr: "a remark\n" })
        assert.deepEqual(await engine.push(IMAGE), { digest: `sha256:${HEX}`, size: 527 })
        assert.deepEqual(calls[0]?.args.slice(2), ["push", "--", "localhost:5000/app:v1"])
        assert.equal(terminal.printed(), stdout)
        assert.equal(terminal.remarks(), "a remark\n")
        assert.equal((await engine.pushAll(IMAGE, { progress: "none" })).length, 2)
        assert.equal(terminal.printed(), stdout)
    })

    test("an ID is run if it is here, and never looked for on Docker Hub", async () => {
        for (const [name, ...more] of [[`sha256:${HEX}`, "--pull", "always"], [HEX, "--pull=always"], [HEX]]) {
            const calls: (readonly string[])[] = []
            const run = async (_program: string, args: readonly string[]): Promise<number> => calls.push(args) - 1
            const context = fakeContext({ ...fakeTerminal(), run })
            assert.equal(await runCli(["run", ...more, name ?? "", "x"], { ...context, frontEnd: "docker trustkey" }), 0)
            assert.deepEqual(calls, [["run", "--pull=never", "--", name, "x"]])
        }
    })

    test("an image that is mounted has to be named by what it is", async () => {
        const mounts = [
            "type=image,source=x:1,target=/x",
            'target=/x,"TYPE=Image",src=x',
            `type=image,source=x@sha256:${HEX}y`,
            `type=bind,type=image,source=${HEX},src=x`,
        ]
        for (const mount of mounts) {
            const terminal = { ...fakeTerminal(), run: () => assert.fail("docker was run") }
            assert.equal(await runCli(["trust", "run", "--mount", mount, HEX], fakeContext(terminal)), 4, mount)
            assert.match(terminal.remarks(), /by its digest or its ID.*\[invalid_request\]/)
        }
        const terminal = { ...fakeTerminal(), run: async () => 0 }
        const fine = [`type=image,src=x@sha256:${HEX},dst=/x`, `type=image,src=sha256:${HEX},dst=/y`, "type=bind,src=/a,dst=/b"]
        assert.equal(await runCli(["trust", "run", ...fine.flatMap((mount) => ["--mount", mount]), HEX], fakeContext(terminal)), 0)
    })

    test("a push that doesn't say what it pushed is not signed", async () => {
        const { engine } = fakeDocker({ stdout: `v2: digest: sha256:${HEX} size: 5\nx v1: digest: sha256:${HEX} size: 5\n` })
        assert.equal((await refusal(engine.push(IMAGE))).code, "engine_refused")
        assert.deepEqual(pushedTags(`v1: digest: sha256:${HEX.slice(1)} size: 5\nv1: digest: sha256:${HEX} size: many`), [])
    })

    test("no image is an answer; an image is its ID and digests", async () => {
        const none = fakeDocker({ code: 1, stderr: "Error response from daemon: No such image: x" })
        assert.equal(await none.engine.image("x"), undefined)
        const stdout = JSON.stringify({ Id: `sha256:${HEX}`, RepoDigests: ["a@b"], More: {} })
        assert.deepEqual(await fakeDocker({ stdout }).engine.image("x"), { id: `sha256:${HEX}`, repoDigests: ["a@b"] })
        assert.equal((await refusal(fakeDocker({ stdout: "{}" }).engine.image("x"))).code, "engine_refused")
        assert.equal((await refusal(fakeDocker({ stdout: "no" }).engine.image("x"))).code, "engine_refused")
    })

    const WORDS: readonly (readonly [string, "engine_unreachable" | "engine_refused"])[] = [
        ["Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?", "engine_unreachable"],
        [
            "failed to connect to the docker API at unix:///x; check if the path is correct and if the daemon is running",
            "engine_unreachable",
        ],
        ['error during connect: Get "https://far:2376/": dial tcp: lookup far: no such host', "engine_unreachable"],
        ['unable to resolve docker endpoint: context "far": context not found', "engine_unreachable"],
        ["permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock", "engine_refused"],
        ["An image does not exist locally with the tag: x", "engine_refused"],
        ["", "engine_refused"],
    ]
    for (const [words, code] of WORDS) {
        test(`docker's words decide between unreachable and refused: ${words.slice(0, 40)}`, async () => {
            const error = await refusal(fakeDocker({ code: 1, stderr: `${words}\n` }).engine.pull("x"))
            assert.equal(error.code, code)
            assert.equal(error.message, words === "" ? "docker ended with exit code 1" : words)
        })
    }

    test("no docker is no engine", async () => {
        assert.equal((await refusal(openEngine(fakeCli(fakeTerminal())).tag("a", "b"))).code, "engine_unreachable")
    })
})

describe("docker's name", () => {
    const more = (command: string, form: string, word = "Run"): string =>
        `\n\nUsage:  docker trustkey ${command} ${form}\n\n${word} 'docker trustkey ${command} --help' for more information\n`
    const PULL = "[OPTIONS] NAME[:TAG|@DIGEST]"
    const RUN = "[OPTIONS] IMAGE [COMMAND] [ARG...]"
    // What Docker 28.2.2 prints, byte for byte but for the name.
    const SAYS: readonly (readonly [argv: readonly string[], code: number, stderr: string])[] = [
        [["pull", "--foo", "x"], 125, `unknown flag: --foo${more("pull", PULL)}`],
        [["run", "-itZ", "x"], 125, `unknown shorthand flag: 'Z' in -Z${more("run", RUN)}`],
        [["run", "-e"], 125, `flag needs an argument: 'e' in -e${more("run", RUN)}`],
        [["run", "--env"], 125, `flag needs an argument: --env${more("run", RUN)}`],
        [["run", "-it"], 1, `docker: 'docker trustkey run' requires at least 1 argument${more("run", RUN, "See")}`],
        [["pull"], 1, `docker: 'docker trustkey pull' requires 1 argument${more("pull", PULL)}`],
        [["pull", "a", "b"], 1, `docker: 'docker trustkey pull' requires 1 argument${more("pull", PULL)}`],
        [
            ["run", "--disable-content-trust=7", "x"],
            125,
            `invalid argument "7" for "--disable-content-trust" flag: strconv.ParseBool: parsing "7": invalid syntax${more("run", RUN)}`,
        ],
    ]
    for (const [argv, code, stderr] of SAYS) {
        test(`docker trustkey ${argv.join(" ")}: docker's words and exit code`, async () => {
            const terminal = fakeTerminal()
            assert.equal(await runCli(argv, { ...fakeContext(terminal), frontEnd: "docker trustkey" }), code)
            assert.equal(terminal.remarks(), stderr)
        })
    }

    test("help is there wherever docker's is, and what runs behind us gives us its exit code", async () => {
        for (const argv of [
            ["run", "--help"],
            ["run", "--rm", "--help"],
            ["pull", "-h"],
        ]) {
            const terminal = fakeTerminal()
            assert.equal(await runCli(argv, { ...fakeContext(terminal), frontEnd: "docker trustkey" }), 0)
            assert.match(terminal.printed(), /^Usage: {2}docker trustkey (run|pull) /)
        }
        const terminal = { ...fakeTerminal(), run: async () => 42 }
        assert.equal(await runCli(["run", "--disable-content-trust", "x"], { ...fakeContext(terminal), frontEnd: "docker trustkey" }), 42)
        assert.equal(terminal.remarks(), "")
    })
})

describe("trust", () => {
    const flag = (value: string) => [{ name: "disable-content-trust", value, written: [] }]
    test("is on unless the flag or the variable says otherwise, as Go reads it", () => {
        const isOn = (variable: string | undefined, flags: ReturnType<typeof flag> = []): boolean => {
            return isTrustOn(fakeCli(fakeTerminal(), variable === undefined ? {} : { DOCKER_CONTENT_TRUST: variable }), flags)
        }
        for (const value of [undefined, "", "1", "true", "no", "off"]) assert.equal(isOn(value), true, value)
        for (const value of ["0", "f", "F", "false", "False", "FALSE"]) assert.equal(isOn(value), false, value)
        assert.equal(isOn("1", flag("true")), false)
        assert.equal(isOn("0", flag("false")), true)
    })
})
