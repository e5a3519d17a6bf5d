import assert from "node:assert/strict"
import { createHash } from "node:crypto"
import { mkdir, mkdtemp, readdir, rm, symlink, truncate, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import path from "node:path"
import { afterEach, beforeEach, describe, test } from "node:test"
import { readBundleFiles, Stick, writeBundle } from "../../../src/cli/ceremony/stick.ts"

const refused = (code: string) => ({ name: "TrustkeyError", code })
const nameOf = (content: string): string => `artefacts/${createHash("sha256").update(content).digest("hex")}`

let directory = ""
beforeEach(async () => {
    directory = await mkdtemp(path.join(tmpdir(), "stick-"))
})
afterEach(async () => {
    await rm(directory, { recursive: true })
})

async function put(files: Readonly<Record<string, string>>): Promise<void> {
    await mkdir(path.join(directory, "artefacts"), { recursive: true })
    for (const [name, content] of Object.entries(files)) await writeFile(path.join(directory, name), content)
}

describe("a ceremony's stick", () => {
    test("is read as it is, whatever lies there: judging it is the checker's", async () => {
        await put({ "plan.toml": "a plan\n", "notes.txt": "somebody's", [nameOf("one")]: "one", "artefacts/x": "y" })
        const files = await readBundleFiles(directory)
        assert.deepEqual([...files.keys()].sort(), [nameOf("one"), "artefacts/x", "notes.txt", "plan.toml"].sort())
        await assert.rejects(readBundleFiles(path.join(directory, "nowhere")), refused("not_found"))
        // A hole of 50 GiB, which nobody has to read through.
        await truncate(path.join(directory, "plan.toml"), 50 * 2 ** 30)
        await assert.rejects(readBundleFiles(directory), refused("bundle_invalid"))
    })

    test("is not read where it leads elsewhere", async () => {
        await put({ "plan.toml": "a plan\n" })
        await symlink("/etc/hostname", path.join(directory, "transcript.jsonl"))
        await assert.rejects(readBundleFiles(directory), refused("bundle_invalid"))
        await rm(path.join(directory, "transcript.jsonl"))
        await rm(path.join(directory, "artefacts"), { recursive: true })
        await symlink("/etc", path.join(directory, "artefacts"))
        await assert.rejects(readBundleFiles(directory), refused("bundle_invalid"))
        await rm(path.join(directory, "artefacts"))
        await mkdir(path.join(directory, "close.json"))
        await assert.rejects(readBundleFiles(directory), refused("bundle_invalid"))
    })

    test("is worked on by one at a time, and by the next when that one is done", async () => {
        const first = await Stick.open(directory)
        await assert.rejects(Stick.open(directory), refused("step_refused"))
        await first[Symbol.asyncDispose]()
        await using second = await Stick.open(directory)
        assert.equal(second.files.size, 0)
    })

    test("loses what an interrupted step left, and nothing else", async () => {
        const torn = `.transcript.jsonl.${"ab".repeat(8)}.tmp`
        const changed = nameOf("two")
        await put({ "plan.toml": "a plan\n", [torn]: "ha", [nameOf("named")]: "named", [nameOf("stray")]: "stray", [changed]: "not two" })
        await put({ ".notes.tmp": "somebody's", [`artefacts/.x.${"cd".repeat(8)}.tmp`]: "x" })
        await using stick = await Stick.open(directory)
        assert.equal(await stick.tidy(new Set([nameOf("named").slice("artefacts/".length)])), 1)
        // What isn't what its name says was not ours: the checker is to see it.
        const left = [
            ...(await readdir(directory)),
            ...(await readdir(path.join(directory, "artefacts"))).map((name) => `artefacts/${name}`),
        ]
        assert.deepEqual(left.sort(), [".notes.tmp", "artefacts", nameOf("named"), changed, "plan.toml"].sort())
    })

    test("takes a bundle that came by codes where nothing else lies, again too", async () => {
        const files = new Map(
            Object.entries({ "plan.toml": "a", "transcript.jsonl": "b", [nameOf("one")]: "one" }).map(([name, text]) => [
                name,
                Buffer.from(text),
            ]),
        )
        const target = path.join(directory, "new", "bundle")
        await writeBundle(target, files)
        await writeBundle(target, files)
        assert.deepEqual(await readBundleFiles(target), files)
        const later = new Map([...files, ["transcript.jsonl", Buffer.from("b\nc")], ["close.json", Buffer.from("{}")]])
        await writeBundle(target, later)
        assert.deepEqual(await readBundleFiles(target), later)
        await rm(path.join(target, "close.json"))
        // What was recorded since is not lost to codes from before it, nor is another plan's bundle written over.
        for (const change of [files, new Map([...later, ["plan.toml", Buffer.from("c")]])])
            await assert.rejects(writeBundle(target, change), refused("already_exists"))
        await writeFile(path.join(target, "other"), "x")
        await assert.rejects(writeBundle(target, files), refused("already_exists"))
    })

    test("begins a ceremony where nothing lies but what an interrupted try left", async () => {
        const plan = Buffer.from("a plan\n")
        await put({ "plan.toml": "a plan\n", [nameOf("one")]: "one" })
        {
            await using stick = await Stick.open(directory)
            await stick.clearFor(plan)
            assert.deepEqual([...stick.files.keys()], ["plan.toml"])
        }
        for (const [name, content] of [
            ["artefacts/x", "y"],
            [nameOf("two"), "not two"],
            ["notes.txt", "somebody's"],
            ["plan.toml", "another plan\n"],
        ] as const) {
            await put({ [name]: content })
            await using stick = await Stick.open(directory)
            await assert.rejects(stick.clearFor(plan), refused("already_exists"), name)
            await rm(path.join(directory, name))
        }
    })
})
