import assert from "node:assert/strict"
import { generateKeyPairSync, sign } from "node:crypto"
import { describe, test } from "node:test"
import fc from "fast-check"
import {
    assembleFile,
    encodeTargets,
    type FileMeta,
    keyIdOf,
    parseFile,
    parseRoleName,
    parseSigned,
    type Signature,
    TARGETS,
    tufKey,
    verifyThreshold,
} from "../../../src/tuf/index.ts"
import { ids, keyMap, LATER, makeFile, makeKey, makeKeys, makeRoot, makeSigned, readVector, someTarget, withCode } from "./make.ts"

const key = makeKey()

function signedTargets(targets: ReadonlyMap<string, FileMeta>) {
    return makeSigned({ type: "targets", version: 1, expires: LATER, targets, delegations: { keys: new Map(), roles: [] } })
}

describe("a metadata file", () => {
    test("is written as Go's encoder writes it, HTML characters and line separators escaped", () => {
        const signed = signedTargets(new Map([['<a>&\u2028\u2029é"\\\u{1f600}', someTarget("x")]]))
        const text = assembleFile(signed, [key.sign(signed.bytes)]).toString()
        assert.ok(text.startsWith('{"signed":{"_type":"Targets",'))
        assert.ok(text.includes('"\\u003ca\\u003e\\u0026\\u2028\\u2029é\\"\\\\\u{1f600}":'))
        assert.match(text, /},"signatures":\[{"keyid":"[0-9a-f]{64}","method":"ecdsa","sig":"[A-Za-z0-9+/]{86}=="}\]}$/)
    })

    test("read and written again is the same, whatever its names", () => {
        const name = fc.string({ unit: "binary" }).map((text) => text.replace(/\p{Cc}/gu, "<"))
        fc.assert(
            fc.property(fc.uniqueArray(name, { maxLength: 5 }), fc.uint8Array({ minLength: 1, maxLength: 100 }), (names, sig) => {
                const signed = signedTargets(new Map(names.map((each) => [each, someTarget(each)])))
                const signatures: readonly Signature[] = [{ keyId: key.id, method: "rsapss", sig: Buffer.from(sig) }]
                const content = assembleFile(signed, signatures)
                const file = parseFile(content, TARGETS)
                assert.equal(file.signed.sha256, signed.sha256)
                assert.deepEqual(file.signatures, signatures)
                assert.ok(assembleFile(file.signed, file.signatures).equals(content))
                // Any JSON reader must see the same names.
                assert.deepEqual(Object.keys(JSON.parse(content.toString()).signed.targets).sort(), names.toSorted())
            }),
        )
    })

    test("of others is not written again when Notary would write it differently", () => {
        const content = readVector("repo/7-target-removed/snapshot.json").toString()
        const role = parseRoleName("snapshot")
        for (const [from, to] of [
            ['"version":9', '"version":9,"extra":1'],
            [".066300275Z", ".066300270Z"],
            [".066300275Z", ".066300275+00:00"],
            ['"meta":{', '"meta":{"other":{"hashes":{"sha256":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="},"length":1},'],
        ] as const) {
            const file = parseFile(Buffer.from(content.replace(from, to)), role)
            assert.throws(() => assembleFile(file.signed, file.signatures), withCode("metadata_rejected"), to)
        }
        // Another layout is not: the canonical bytes are the same.
        const pretty = parseFile(Buffer.from(JSON.stringify(JSON.parse(content), null, 2)), role)
        assert.equal(assembleFile(pretty.signed, pretty.signatures).toString(), content)
    })

    test("needs signatures, one of a key, by methods Notary knows", () => {
        const signed = signedTargets(new Map())
        const signature = key.sign(signed.bytes)
        assert.throws(() => assembleFile(signed, []), withCode("invalid_request"))
        assert.throws(() => assembleFile(signed, [signature, signature]), withCode("invalid_request"))
        assert.throws(() => assembleFile(signed, [{ ...signature, method: 'ecdsa","x":"' }]), withCode("invalid_request"))
        assert.throws(() => assembleFile(signed, [{ ...signature, method: "ECDSA" }]), withCode("invalid_request"))
    })

    test("is refused with a broken envelope", () => {
        const body = encodeTargets({
            type: "targets",
            version: 1,
            expires: LATER,
            targets: new Map(),
            delegations: { keys: new Map(), roles: [] },
        })
        const signature = `{"keyid":"${key.id}","method":"ecdsa","sig":"AAAA"}`
        parseFile(Buffer.from(`{"signatures":[${signature}],"signed":${body},"extra":1}`), TARGETS)
        for (const text of [
            "",
            "[]",
            `{"signatures":[${signature}]}`,
            `{"signed":${body},"signatures":{}}`,
            `{"signed":${body},"signatures":[1]}`,
            `{"signed":${body},"signatures":[${signature.replace("AAAA", "A")}]}`,
            `{"signed":${body},"signatures":[${signature.replace(key.id, "abc")}]}`,
            `{"signed":${body},"signatures":[{"keyid":"${key.id}","sig":"AAAA"}]}`,
            `{"signed":${body},"signatures":[]}x`,
            `{"signed":${body},"signed":${body},"signatures":[]}`,
            `{"signed":${body},"signatures":[${Array.from({ length: 257 }, () => signature).join(",")}]}`,
        ]) {
            assert.throws(() => parseFile(Buffer.from(text), TARGETS), withCode("metadata_rejected"), text.slice(0, 80))
        }
        assert.throws(() => parseFile(Buffer.alloc(16 * 1024 * 1024 + 1, 0x20), TARGETS), withCode("payload_too_large"))
    })
})

describe("a threshold", () => {
    const [one, two, three] = [makeKey(), makeKey("rsa2048"), makeKey("ed25519")] as const
    const all = [one, two, three]
    const role = { keyIds: ids(all), threshold: 2 }
    const signed = signedTargets(new Map())
    const verify = (signatures: readonly Signature[], keys = keyMap(all)) => verifyThreshold(signed, signatures, keys, role).valid

    test("is met by distinct keys, ECDSA, RSA-PSS and Ed25519 alike", () => {
        assert.deepEqual(verify(all.map((each) => each.sign(signed.bytes))), ids(all))
        assert.deepEqual(verify([three.sign(signed.bytes), one.sign(signed.bytes)]), [three.id, one.id])
    })

    test("counts PKCS #1 v1.5, which Notary accepts and never makes", () => {
        const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 })
        const key = tufKey({ keytype: "rsa", bytes: publicKey.export({ type: "spki", format: "der" }) })
        const signature = { keyId: keyIdOf(key), method: "rsapkcs1v15", sig: sign("sha256", signed.bytes, privateKey) }
        const keys = new Map([[signature.keyId, key]])
        assert.deepEqual(verifyThreshold(signed, [signature], keys, { keyIds: [signature.keyId], threshold: 1 }).valid, [signature.keyId])
        const asPss = { ...signature, method: "rsapss" }
        assert.throws(
            () => verifyThreshold(signed, [asPss], keys, { keyIds: [signature.keyId], threshold: 1 }),
            withCode("verification_failed"),
        )
    })

    test("counts a key once, however often it signed or is listed", () => {
        assert.throws(() => verify([one.sign(signed.bytes), one.sign(signed.bytes)]), withCode("verification_failed"))
        const twice = { keyIds: [one.id, one.id], threshold: 2 }
        assert.throws(() => verifyThreshold(signed, [one.sign(signed.bytes)], keyMap(all), twice), withCode("verification_failed"))
    })

    test("passes over signatures that are bad, by strangers, or by a method that does not go with the key", () => {
        const stranger = makeKey()
        const bad = { ...one.sign(signed.bytes), sig: Buffer.alloc(64) }
        const good = [one, two].map((each) => each.sign(signed.bytes))
        assert.deepEqual(verify([bad, stranger.sign(signed.bytes), ...good]), [one.id, two.id])
        assert.throws(() => verify([one.sign(signed.bytes), stranger.sign(signed.bytes)]), withCode("verification_failed"))
        for (const method of ["rsapss", "eddsa", "rsapkcs1v15", "none", "__proto__"]) {
            assert.throws(() => verify([{ ...one.sign(signed.bytes), method }, two.sign(signed.bytes)]), withCode("verification_failed"))
        }
        assert.throws(() => verify([one.sign(Buffer.from("other")), two.sign(signed.bytes)]), withCode("verification_failed"))
        assert.throws(() => verify([]), withCode("verification_failed"))
    })

    test("does not count a key that is in the file but not in the role", () => {
        const outside = makeKey()
        const keys = keyMap([...all, outside])
        assert.throws(() => verify([one.sign(signed.bytes), outside.sign(signed.bytes)], keys), withCode("verification_failed"))
    })

    test("is refused outright when a key is filed under another key's ID", () => {
        const swapped = new Map([...keyMap(all), [one.id, two.tuf] as const])
        const signatures = all.map((each) => each.sign(signed.bytes))
        assert.throws(() => verify(signatures, swapped), withCode("verification_failed"))
    })

    test("reads the method in any case, as Notary does", () => {
        const keys = makeKeys()
        const file = makeFile(makeRoot(keys), keys.root)
        const upper = Buffer.from(Buffer.from(file.content).toString().replace('"ecdsa","sig"', '"ECDSA","sig"'))
        const { signed: root, signatures } = parseFile(upper, file.role)
        assert.deepEqual(
            verifyThreshold(root, signatures, keyMap(keys.root), { keyIds: ids(keys.root), threshold: 1 }).valid,
            ids(keys.root),
        )
        assert.ok(parseSigned(root.bytes, file.role).isFitToSign)
    })
})
