import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { readDockerArguments } from "../../../src/cli/docker-arguments.ts"

describe("the arguments docker runs a plugin with", () => {
    test("begin with docker's own flags, which are kept as they were written", () => {
        const lines: readonly (readonly [flags: readonly string[], config: string | undefined])[] = [
            [[], undefined],
            [["--config", "/a b"], "/a b"],
            [["--config=/x", "-D"], "/x"],
            [["-H", "unix:///x", "-H=tcp://a", "-Htcp://b", "--host", "trustkey"], undefined],
            [["-c", "trustkey", "--context=other"], undefined],
            [["-l", "debug", "-ldebug", "-Dldebug", "-DHtcp://b", "-Dl", "debug"], undefined],
            [["--tls=false", "--tlscacert", "/ca", "--tlscert=/c", "--tlskey", "/k", "--tlsverify"], undefined],
            [["--config", "/first", "--config", "/second"], "/second"],
        ]
        for (const [globalFlags, configDirectory] of lines) {
            const read = readDockerArguments("trustkey", [...globalFlags, "trustkey", "sign", "-D", "trustkey"])
            assert.deepEqual(read, { globalFlags, configDirectory, argv: ["sign", "-D", "trustkey"] })
        }
    })

    test("ask for help in three ways", () => {
        for (const args of [
            ["help", "trustkey", "sign"],
            ["--help", "trustkey", "sign"],
            ["-D", "help", "trustkey", "sign"],
        ]) {
            assert.deepEqual(readDockerArguments("trustkey", args).argv, ["sign", "--help"], args.join(" "))
        }
        assert.deepEqual(readDockerArguments("trustkey", ["trustkey", "sign", "--help"]).argv, ["sign", "--help"])
    })

    test("ask for help and for nothing else, whatever follows", () => {
        for (const args of [
            ["help", "trustkey", "run", "--rm", "alpine", "sh"],
            ["--help", "trustkey", "run", "alpine"],
            ["--help", "help", "trustkey", "run", "--", "alpine"],
        ]) {
            assert.deepEqual(readDockerArguments("trustkey", args).argv, ["run", "--help"], args.join(" "))
        }
        assert.deepEqual(readDockerArguments("trust", ["help", "trust", "signer", "add", "alice"]).argv, ["signer", "add", "--help"])
        assert.deepEqual(readDockerArguments("trustkey", ["help", "trustkey"]).argv, ["--help"])
    })

    test("ask for completions", () => {
        const read = readDockerArguments("trustkey", ["__complete", "trustkey", "sign", ""])
        assert.deepEqual(read.argv, ["__complete", "sign", ""])
    })

    test("may lack the name when a person starts the program", () => {
        assert.deepEqual(readDockerArguments("trust", ["key", "generate", "alice"]).argv, ["key", "generate", "alice"])
        assert.deepEqual(readDockerArguments("trust", ["trust", "key"]).argv, ["key"])
        assert.deepEqual(readDockerArguments("trust", ["--config", "/x", "sign", "a:b"]), {
            globalFlags: ["--config", "/x"],
            configDirectory: "/x",
            argv: ["sign", "a:b"],
        })
        assert.deepEqual(readDockerArguments("trust", []).argv, [])
    })

    test("are left alone from the first word on that is none of docker's", () => {
        for (const argv of [["--socket", "/x", "sign"], ["-Dq", "sign"], ["-", "x"], ["--", "trustkey"], ["--config"], ["-H"]]) {
            assert.deepEqual(readDockerArguments("trustkey", argv), { globalFlags: [], configDirectory: undefined, argv })
        }
    })
})
