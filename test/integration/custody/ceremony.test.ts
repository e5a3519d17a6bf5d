import assert from "node:assert/strict"
import { createPublicKey, verify } from "node:crypto"
import { describe, test } from "node:test"
import { type CloseStatement, encodeCloseStatement } from "../../../src/ceremony/index.ts"
import type { KeyView } from "../../../src/custody/index.ts"
import { encodeRoot, keyIdOf, lineageOf, parseFile, parseRoleName, parseSigned, ROOT, tufKey } from "../../../src/tuf/index.ts"
import { TestRepository } from "../../support/repository-builder.ts"
import { ADMIN, CustodyRig, caller, GUN, inDays, Repository, refused } from "./rig.ts"

const STATEMENT: CloseStatement = {
    ceremony: "2026-11-21-a",
    closed: "2026-11-21T19:00:00Z",
    head: "ab".repeat(32),
    outcome: "complete",
    plan: "cd".repeat(32),
    records: 41,
}

function ceremonyKey(rig: CustodyRig): Promise<KeyView> {
    return rig.createKey("ceremony", [])
}

describe("the close of a ceremony", () => {
    test("TK-SIG-1 is signed by a key that is there for nothing else, and nothing that is not a close", async () => {
        await using rig = await CustodyRig.withGroup()
        const { record } = await ceremonyKey(rig)
        const statement = encodeCloseStatement(STATEMENT)
        const { sig, keyId, method } = await rig.custody.signClose(ADMIN, { keyId: record.id, statement })
        assert.deepEqual([keyId, method], [keyIdOf(tufKey(record.publicKey)), "ecdsa"])
        const key = createPublicKey({ key: Buffer.from(record.publicKey.bytes), format: "der", type: "spki" })
        assert.ok(verify("sha256", statement, { key, dsaEncoding: "ieee-p1363" }, sig))

        const repository = await Repository.prepare(rig)
        const root = repository.rootBody(1)
        await assert.rejects(rig.custody.signClose(ADMIN, { keyId: record.id, statement: root }), refused("bundle_invalid"))
        const spaced = Buffer.from(statement.toString().replace(",", ", "))
        await assert.rejects(rig.custody.signClose(ADMIN, { keyId: record.id, statement: spaced }), refused("bundle_invalid"))
        // No other key signs it, and this one nothing else.
        await assert.rejects(rig.custody.signClose(ADMIN, { keyId: repository.root.record.id, statement }), refused("key_unfit"))
        const place = { gun: GUN, role: ROOT }
        await assert.rejects(rig.custody.bindKey(ADMIN, { id: record.id, add: [place], remove: [] }), refused("key_unfit"))
        await assert.rejects(rig.custody.sign(ADMIN, { keyId: record.id, ...place, signed: root }), refused("key_unfit"))
        await assert.rejects(rig.custody.rootCertificate(ADMIN, { keyId: record.id, gun: GUN }), refused("key_unfit"))
        await assert.rejects(rig.createKey("ceremony", [place]), refused("key_unfit"))
    })

    test("TK-JRN-2 has one content per plan and key; the same again gets the same signature", async () => {
        await using rig = await CustodyRig.withGroup()
        const { record } = await ceremonyKey(rig)
        const ask = (changes: Partial<CloseStatement> = {}) =>
            rig.custody.signClose(ADMIN, { keyId: record.id, statement: encodeCloseStatement({ ...STATEMENT, ...changes }) })
        const first = await ask()
        await assert.rejects(ask({ head: "ef".repeat(32) }), refused("equivocation_refused"))
        await assert.rejects(ask({ outcome: "abandoned" }), refused("equivocation_refused"))
        await rig.restart()
        assert.deepEqual(Buffer.from((await ask()).sig), Buffer.from(first.sig))
        await assert.rejects(ask({ records: 42 }), refused("equivocation_refused"))
        await assert.rejects(ask({ ceremony: "2026-11-21-b" }), refused("equivocation_refused"))
        // The plan that takes the place of one that was abandoned may have its ID: both are closed.
        await ask({ plan: "ef".repeat(32), records: 42 })
        assert.deepEqual(
            (await rig.records("ceremony")).map(({ outcome }) => outcome),
            ["ok", "equivocation_refused", "equivocation_refused", "ok", "equivocation_refused", "equivocation_refused", "ok"],
        )
    })

    test("TK-POL-1 is signed for whom a rule allows it", async () => {
        await using rig = await CustodyRig.withGroup()
        const { record } = await ceremonyKey(rig)
        const [keeper, signer] = [caller("keeper"), caller("signer")]
        rig.allow([
            { who: keeper, do: ["ceremony"] },
            { who: signer, do: ["sign", "certificate"] },
        ])
        const request = { keyId: record.id, statement: encodeCloseStatement(STATEMENT) }
        await assert.rejects(rig.custody.signClose(signer, request), refused("denied"))
        await assert.rejects(rig.custody.signClose(signer, { ...request, keyId: "00".repeat(32) }), refused("denied"))
        await rig.custody.signClose(keeper, request)
    })
})

describe("a root chain alone", () => {
    test("is taken in where no server can be shown, and the next root is signed on it", async () => {
        await using rig = await CustodyRig.withGroup()
        const vaultKey = await rig.createKey("root", [{ gun: GUN, role: ROOT }])
        const theirs = new TestRepository(GUN, new Date()).rotate().rotate()
        const [first] = theirs.roots
        assert.ok(first)
        const lineage = lineageOf(parseFile(first.content, ROOT).signed)
        await assert.rejects(rig.custody.adopt(ADMIN, { gun: GUN, files: theirs.roots, confirm: "" }), refused("confirmation_required"))
        const withoutMiddle = theirs.roots.filter((_, index) => index !== 1)
        await assert.rejects(rig.custody.adopt(ADMIN, { gun: GUN, files: withoutMiddle, confirm: lineage }), refused("verification_failed"))
        // All or nothing: what is left out of what a server serves could be what matters.
        const snapshot = theirs.files.find(({ role }) => role === "snapshot")
        assert.ok(snapshot)
        const some = [...theirs.roots, snapshot]
        await assert.rejects(rig.custody.adopt(ADMIN, { gun: GUN, files: some, confirm: lineage }), refused("no_trust_data"))

        const view = await rig.custody.adopt(ADMIN, { gun: GUN, files: theirs.roots, confirm: lineage })
        assert.deepEqual([view.repository?.marks.get(ROOT)?.version, view.repository?.documents.size], [3, 0])
        await rig.restart()
        const { tufKeyId, pem } = await rig.custody.rootCertificate(ADMIN, { keyId: vaultKey.record.id, gun: GUN })
        const newest = theirs.roots.at(-1)
        assert.ok(newest)
        const { document } = parseFile(newest.content, ROOT).signed
        assert.ok(document.type === "root")
        const certificate = { keytype: "ecdsa-x509" as const, public: Buffer.from(pem) }
        const next = encodeRoot({
            ...document,
            version: 4,
            expires: inDays(3000),
            keys: new Map([...document.keys, [tufKeyId, certificate]]),
            roles: new Map([...document.roles, ["root" as const, { keyIds: [tufKeyId], threshold: 1 }]]),
        })
        const signature = await rig.custody.sign(ADMIN, { keyId: vaultKey.record.id, gun: GUN, role: ROOT, signed: next })
        assert.equal(signature.keyId, tufKeyId)
        assert.equal(parseSigned(next, parseRoleName("root")).document.version, 4)
        // The same chain again changes nothing; an older one can't lower what was promised.
        await rig.custody.adopt(ADMIN, { gun: GUN, files: theirs.roots.slice(0, 2), confirm: lineage })
        assert.equal((await rig.custody.showTrust(ADMIN, { gun: GUN })).repository?.marks.get(ROOT)?.version, 4)
    })
})
