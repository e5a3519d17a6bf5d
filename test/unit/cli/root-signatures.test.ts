import assert from "node:assert/strict"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import os from "node:os"
import path from "node:path"
import { after, before, describe, test } from "node:test"
import { RootSignatures, readPassed } from "../../../src/cli/rotate/root-signatures.ts"
import {
    assembleFile,
    canonicalKeyIdOf,
    encodeRoot,
    type KeyId,
    nextRoot,
    parseSigned,
    ROOT,
    type RootDocument,
    type SignedMetadata,
} from "../../../src/tuf/index.ts"
import { makeKeyPair, makeRootKey, type TestKey } from "../../support/repository-builder.ts"
import { GUN, LATER, makeKeys, makeRoot } from "../tuf/make.ts"

const NOW = new Date()
const [alice, bob, carol, dave] = [1, 2, 3, 4].map(() => makeRootKey(GUN, NOW)) as [TestKey, TestKey, TestKey, TestKey]
const idOf = ({ key }: TestKey): KeyId => canonicalKeyIdOf(key)

function rootOf(keys: readonly TestKey[], threshold: number): RootDocument {
    const first = makeRoot(makeKeys())
    return { ...nextRoot(first, { rootKeys: { keys: keys.map(({ key }) => key), threshold }, expires: LATER }), version: 1 }
}

function bodyAfter(before: RootDocument, keys: readonly TestKey[], threshold: number): SignedMetadata {
    return parseSigned(encodeRoot(nextRoot(before, { rootKeys: { keys: keys.map(({ key }) => key), threshold }, expires: LATER })), ROOT)
}

describe("the signatures of a root that goes from holder to holder", () => {
    const before = rootOf([alice, bob, carol], 2)
    const body = bodyAfter(before, [bob, carol, dave], 2)

    test("have to be enough for the root before and for its own, and who is missing is named", () => {
        const signatures = new RootSignatures(before, body, [])
        assert.deepEqual(new Set(signatures.waiting), new Set([alice, bob, carol, dave].map(idOf)))
        assert.equal(signatures.lacking().length, 2)
        signatures.add(alice.sign(body))
        signatures.add(dave.sign(body))
        const short = (key: TestKey): string => idOf(key).slice(0, 12)
        assert.deepEqual(signatures.lacking(), [
            `1 more of the keys of root 1 (${short(bob)}, ${short(carol)})`,
            `1 more of its own keys (${short(bob)}, ${short(carol)})`,
        ])
        // One holder who is in both counts in both.
        assert.deepEqual(signatures.lacking([idOf(bob)]), [])
        signatures.add(carol.sign(body))
        assert.deepEqual(signatures.lacking(), [])
        assert.equal(signatures.all.length, 3)
    })

    test("count only when they verify, are over this root, and are by a key of one of the two", () => {
        const stranger = makeRootKey(GUN, NOW)
        const other = bodyAfter(before, [bob, carol], 1)
        const forged = { ...alice.sign(body), keyId: bob.id }
        const signatures = new RootSignatures(before, body, [stranger.sign(body), bob.sign(other), forged])
        assert.deepEqual(signatures.signers, [])
        signatures.add(bob.sign(body))
        signatures.add(forged)
        assert.deepEqual(signatures.signers, [idOf(bob)])
    })

    test("of a key with another certificate than before stand under both of its IDs", () => {
        const pair = makeKeyPair()
        const [old, renewed] = [makeRootKey(GUN, NOW, { pair }), makeRootKey(GUN, NOW, { pair })]
        const first = rootOf([old], 1)
        const next = bodyAfter(first, [renewed], 1)
        const signatures = new RootSignatures(first, next, [renewed.sign(next)])
        assert.deepEqual(signatures.lacking(), [])
        assert.deepEqual(new Set(signatures.all.map(({ keyId }) => keyId)), new Set([old.id, renewed.id]))
        assembleFile(next, signatures.all)
    })
})

describe("files that holders send back", () => {
    let directory: string
    before(async () => {
        directory = await mkdtemp(path.join(os.tmpdir(), "passed-"))
    })
    after(() => rm(directory, { recursive: true, force: true }))

    const first = rootOf([alice], 1)
    const body = bodyAfter(first, [alice, bob], 2)
    const write = async (name: string, content: Uint8Array | string): Promise<string> => {
        const file = path.join(directory, name)
        await writeFile(file, content)
        return file
    }

    test("are read with what each signed, in whatever JSON style, signed or not", async () => {
        const one = await write("one", assembleFile(body, [alice.sign(body)]))
        const two = await write("two", JSON.stringify(JSON.parse(assembleFile(body, [bob.sign(body)]).toString()), undefined, 2))
        const bare = await write("bare", body.bytes)
        const passed = await readPassed([one, two, bare])
        assert.equal(passed?.body.sha256, body.sha256)
        assert.deepEqual(
            passed.signatures.map(({ keyId }) => keyId),
            [alice.id, bob.id],
        )
        assert.equal(await readPassed([]), undefined)
    })

    test("are refused when they are of two roots, no root, half of one, or not there", async () => {
        const one = await write("one", assembleFile(body, [alice.sign(body)]))
        const other = await write("other", bodyAfter(first, [bob], 1).bytes)
        await assert.rejects(readPassed([one, other]), { code: "usage", message: /two different roots/ })
        const half = await write("half", assembleFile(body, [alice.sign(body)]).subarray(0, 300))
        await assert.rejects(readPassed([half]), { code: "metadata_rejected" })
        const targets = await write("targets", body.bytes.toString().replace('"Root"', '"Targets"'))
        await assert.rejects(readPassed([targets]), { code: "metadata_rejected" })
        await assert.rejects(readPassed([path.join(directory, "none")]), { code: "not_found" })
    })
})
