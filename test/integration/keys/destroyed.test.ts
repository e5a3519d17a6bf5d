import assert from "node:assert/strict"
import { readdir, readFile } from "node:fs/promises"
import path from "node:path"
import { test } from "node:test"
import { KeyRig } from "../../support/key-rig.ts"

const PASSPHRASE = "a passphrase of the tests"

async function filesWith(directory: string, bytes: Buffer): Promise<readonly string[]> {
    const found: string[] = []
    for (const entry of await readdir(directory, { withFileTypes: true, recursive: true })) {
        const file = path.join(entry.parentPath, entry.name)
        if (entry.isFile() && (await readFile(file)).includes(bytes)) found.push(entry.name)
    }
    return found
}

test("what was sealed of a removed key is in no file of the database any more, its log included", async () => {
    await using rig = await KeyRig.open()
    const key = await rig.createSealed(PASSPHRASE)
    await rig.createSealed(PASSPHRASE)
    const envelope = async (): Promise<unknown> => (await rig.store.read({ kind: "keys" })).find(({ id }) => id === key.id)?.["envelope"]
    const sealed = await envelope()
    assert.ok(sealed instanceof Uint8Array)
    // A stretch of the ciphertext, which fits on one page.
    const mark = Buffer.from(sealed).subarray(-40)
    assert.ok((await filesWith(rig.directory, mark)).length > 0)
    await rig.keys.remove(key.id)
    assert.equal(await envelope(), null)
    assert.deepEqual(await filesWith(rig.directory, mark), [])
})

test("nor is what a key was sealed with under a passphrase that was changed", async () => {
    await using rig = await KeyRig.open()
    const key = await rig.createSealed(PASSPHRASE)
    const envelope = async (): Promise<Buffer> => {
        const sealed = (await rig.store.read({ kind: "keys" })).find(({ id }) => id === key.id)?.["envelope"]
        return sealed instanceof Uint8Array ? Buffer.from(sealed) : assert.fail("no envelope")
    }
    const before = await envelope()
    const [old, fresh] = [await rig.seal("passphrase-old", key.id, PASSPHRASE), await rig.seal("passphrase-new", key.id, "another one")]
    await rig.keys.changePassphrase({ keyId: key.id }, old, fresh)
    const after = await envelope()
    const at = [...before.keys()].find((start) => start + 16 <= before.length && !after.includes(before.subarray(start, start + 16)))
    const mark = before.subarray(at, (at ?? assert.fail("nothing changed")) + 16)
    assert.deepEqual(await filesWith(rig.directory, mark), [])
})
