import assert from "node:assert/strict"
import { readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs"
import path from "node:path"
import { test } from "node:test"
import { GrowingFile } from "../../../src/storage/index.ts"
import { makeWorkingDirectory } from "../../support/temp.ts"
import { refused } from "./fixtures.ts"

const inDirectory = (title: string, check: (directory: string) => Promise<void>) =>
    test(title, async () => {
        await using directory = await makeWorkingDirectory("growing")
        await check(directory.path)
    })

inDirectory("a file that grows has no name of its own until it is whole", async (directory) => {
    {
        await using file = await GrowingFile.begin(directory)
        await file.write(Buffer.from("one "))
        await file.write(Buffer.from("two"))
        const [unfinished = "", ...others] = readdirSync(directory)
        assert.deepEqual(others, [])
        assert.match(unfinished, /^\..*\.unfinished$/)
        assert.equal(statSync(path.join(directory, unfinished)).mode & 0o777, 0o600)
        assert.equal(await file.finish("whole", 0o640), path.join(directory, "whole"))
    }
    assert.deepEqual(readdirSync(directory), ["whole"])
    assert.equal(readFileSync(path.join(directory, "whole"), "utf8"), "one two")
    assert.equal(statSync(path.join(directory, "whole")).mode & 0o777, 0o640)
})

inDirectory("one that was given up is gone", async (directory) => {
    {
        await using file = await GrowingFile.begin(directory)
        await file.write(Buffer.from("half"))
    }
    assert.deepEqual(readdirSync(directory), [])
})

inDirectory("what has the name already stays as it is, a dangling link too", async (directory) => {
    writeFileSync(path.join(directory, "taken"), "old")
    symlinkSync("nowhere", path.join(directory, "dangling"))
    for (const name of ["taken", "dangling"]) {
        await using file = await GrowingFile.begin(directory)
        await file.write(Buffer.from("new"))
        await assert.rejects(file.finish(name, 0o600), refused("already_exists"))
    }
    assert.deepEqual(readdirSync(directory), ["dangling", "taken"])
    assert.equal(readFileSync(path.join(directory, "taken"), "utf8"), "old")
})

inDirectory("a directory that isn't there is said to be the reason", async (directory) => {
    await assert.rejects(GrowingFile.begin(path.join(directory, "absent")), refused("storage_failed"))
})
