import assert from "node:assert/strict"
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import path from "node:path"
import { after, before, describe, test } from "node:test"
import type { FrontEnd } from "../../../src/cli/context.ts"
import { runCli } from "../../../src/cli/index.ts"
import { fakeContext, fakeTerminal } from "./fake-terminal.ts"

const REPOSITORY = path.resolve(import.meta.dirname, "../../vectors/notary/docker/metadata")

describe("completion", () => {
    let configDirectory: string

    before(async () => {
        configDirectory = await mkdtemp(path.join(tmpdir(), "trustkeyd-complete-"))
        for (const gun of ["localhost:5000/team/app", "docker.io/library/alpine", "Not/A/Repository"]) {
            const directory = path.join(configDirectory, "trust/tuf", gun, "metadata")
            await mkdir(directory, { recursive: true })
            await cp(REPOSITORY, directory, { recursive: true })
        }
    })
    after(async () => {
        await rm(configDirectory, { recursive: true, force: true })
    })

    async function ask(
        frontEnd: FrontEnd,
        ...words: readonly string[]
    ): Promise<{ readonly words: readonly string[]; readonly directive: string }> {
        const terminal = fakeTerminal()
        const docker = { program: "docker", globalFlags: [], configDirectory }
        const code = await runCli(["__complete", ...words], { ...fakeContext(terminal), frontEnd, docker })
        assert.equal(code, 0)
        assert.equal(terminal.remarks(), "")
        const lines = terminal.printed().trimEnd().split("\n")
        return { words: lines.slice(0, -1).map((line) => line.split("\t")[0] ?? ""), directive: lines.at(-1) ?? "" }
    }

    test("offers commands with what they are for", async () => {
        const terminal = fakeTerminal()
        await runCli(["__complete", "rev"], { ...fakeContext(terminal), frontEnd: "docker trustkey" })
        assert.equal(terminal.printed(), "revoke\tRemove trust for an image\n:4\n")
        assert.deepEqual((await ask("trustkey", "tru")).words, ["trust"])
        assert.deepEqual((await ask("trustkey", "trust", "si")).words.includes("sign"), true)
        assert.deepEqual((await ask("docker trust", "ini")).words, [])
        assert.deepEqual((await ask("trustkey", "nonsense", "")).words, [])
    })

    test("offers flags, those before the command included, and their values", async () => {
        const flags = (await ask("docker trustkey", "revoke", "--")).words
        assert.ok(flags.includes("--yes") && flags.includes("--socket"), flags.join(" "))
        assert.ok(!(await ask("docker trust", "revoke", "--")).words.includes("--socket"))
        assert.deepEqual(await ask("trustkey", "key", "create", "--purpose", "ta"), { words: ["targets"], directive: ":4" })
        assert.deepEqual((await ask("trustkey", "key", "create", "--purpose=ta")).words, ["--purpose=targets"])
        assert.deepEqual(await ask("docker trust", "sign", "--passphrase-file", "x"), { words: [], directive: ":0" })
        assert.deepEqual(await ask("trustkey", "plugin", "install", "--directory", ""), { words: [], directive: ":16" })
    })

    test("offers repositories and tags that docker's cache knows", async () => {
        assert.deepEqual((await ask("docker trust", "sign", "")).words.toSorted(), ["alpine", "localhost:5000/team/app"])
        assert.deepEqual(await ask("docker trust", "sign", "loc"), { words: ["localhost:5000/team/app"], directive: ":4" })
        const tags = (await ask("docker trust", "revoke", "localhost:5000/team/app:")).words
        assert.ok(tags.length > 0 && tags.every((tag) => tag.startsWith("localhost:5000/team/app:")), tags.join(" "))
        assert.deepEqual(
            (await ask("docker trust", "revoke", "alpine:")).words,
            tags.map((tag) => tag.replace("localhost:5000/team/app", "alpine")),
        )
        assert.deepEqual((await ask("docker trust", "sign", "alpine:v1", "")).words, [])
        assert.deepEqual((await ask("docker trust", "sign", "--", "loc")).words, ["localhost:5000/team/app"])
    })

    test("offers directories for a ceremony's bundle, files for its plan, its kinds, and signers to rotate", async () => {
        assert.deepEqual(await ask("trustkey", "ceremony", "open", ""), { words: [], directive: ":16" })
        assert.deepEqual(await ask("trustkey", "ceremony", "step", "keygen", ""), { words: [], directive: ":16" })
        assert.deepEqual(await ask("trustkey", "ceremony", "step", "keygen", "stick", ""), { words: [], directive: ":4" })
        assert.deepEqual(await ask("trustkey", "ceremony", "check", ""), { words: [], directive: ":0" })
        assert.deepEqual(await ask("trustkey", "ceremony", "plan", "ro"), { words: ["rotate-root", "root-lost"], directive: ":4" })
        await mkdir(path.join(configDirectory, "trust/tuf/docker.io/library/alpine/metadata/targets"), { recursive: true })
        await writeFile(path.join(configDirectory, "trust/tuf/docker.io/library/alpine/metadata/targets/alice.json"), "{}")
        assert.deepEqual(await ask("trustkey", "rotate", "delegation", "alpine", "al"), { words: ["alice"], directive: ":4" })
        assert.deepEqual((await ask("trustkey", "rotate", "root", "al")).words, ["alpine"])
    })
})
