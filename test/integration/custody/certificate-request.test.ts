import assert from "node:assert/strict"
import { after, before, describe, test } from "node:test"
import { encodeDer, parseDer, sequenceOf } from "../../../src/crypto/der.ts"
import { assembleCertificate, derToRaw, parseCertificateChain, verify } from "../../../src/crypto/index.ts"
import { encodePem, parsePem } from "../../../src/crypto/pem.ts"
import { TrustkeyError } from "../../../src/errors.ts"
import { parseGun, parseSigned, ROOT } from "../../../src/tuf/index.ts"
import { ADMIN, CustodyRig, caller, GROUP, GUN, refused } from "./rig.ts"

const OTHER = parseGun("registry.example.com/team/other")

describe("a certificate request", () => {
    let rig: CustodyRig
    before(async () => {
        rig = await CustodyRig.withGroup()
    })
    after(() => rig[Symbol.asyncDispose]())

    test("TK-SIG-1 is an intent of its own kind that is neither a certificate nor metadata, and can't be made one", async () => {
        const { record } = await rig.createKey("root", [])
        const { pem } = await rig.custody.certificateRequest(ADMIN, { keyId: record.id, gun: GUN })
        const [block] = parsePem(pem, "none")
        assert.equal(block?.label, "CERTIFICATE REQUEST")
        assert.ok(block !== undefined)
        assert.throws(() => parseCertificateChain(encodePem("CERTIFICATE", block.der)), refused("metadata_rejected"))
        const entries = await rig.custody.showJournal(ADMIN, { gun: GUN, after: 0, limit: 10 })
        assert.deepEqual(
            entries.map(({ kind, state, gun, role, version }) => ({ kind, state, gun, role, version })),
            [{ kind: "certificate-request", state: "signed", gun: GUN, role: ROOT, version: 0 }],
        )
        // RFC 2986: SEQUENCE { info, algorithm, signature }. With the same signature, it is to pass for something else.
        const [infoNode, , signatureNode] = sequenceOf(parseDer(block.der))
        assert.ok(infoNode !== undefined && signatureNode !== undefined)
        const info = encodeDer(infoNode)
        // BIT STRING, its length in one byte, no unused bits
        const signature = derToRaw(encodeDer(signatureNode).subarray(3), 32)
        assert.equal(verify(record.publicKey, "ecdsa", info, signature), true)
        const forged = assembleCertificate(info, record.publicKey, signature)
        assert.throws(() => parseCertificateChain(forged), refused("metadata_rejected"))
        assert.throws(() => parseSigned(info, ROOT), TrustkeyError)
    })

    test("binds the key to nothing, and makes it no repository's", async () => {
        const { record } = await rig.createKey("root", [])
        await rig.custody.certificateRequest(ADMIN, { keyId: record.id, gun: GUN })
        assert.deepEqual((await rig.custody.getKey(ADMIN, { id: record.id })).record.bindings, [])
        const { tufKeyId } = await rig.custody.rootCertificate(ADMIN, { keyId: record.id, gun: OTHER })
        assert.match(tufKeyId, /^[0-9a-f]{64}$/)
    })

    test("is made by root keys only, and not by a locked one", async () => {
        const targets = await rig.createKey("targets")
        const ask = (keyId: string): Promise<unknown> => rig.custody.certificateRequest(ADMIN, { keyId, gun: GUN })
        await assert.rejects(ask(targets.record.id), refused("key_unfit"))
        const root = await rig.createKey("root", [])
        await rig.custody.lock(ADMIN, { subject: { group: GROUP } })
        await assert.rejects(ask(root.record.id), refused("key_locked"))
        await rig.openGroup()
        await ask(root.record.id)
    })

    test("TK-POL-1 is made for whom the key's places and the repository's root are open; to others there is no such key", async () => {
        const { record } = await rig.createKey("root", [])
        const release = caller("release")
        const ask = (gun = GUN): Promise<unknown> => rig.custody.certificateRequest(release, { keyId: record.id, gun })
        rig.allow([{ who: release, do: ["certificate"] }])
        await assert.rejects(ask(), refused("denied"))
        rig.allow([{ who: release, do: ["certificate", "bind"], gun: GUN }])
        await ask()
        await assert.rejects(ask(OTHER), refused("denied"))
        await rig.custody.rootCertificate(ADMIN, { keyId: record.id, gun: OTHER })
        // It signs for both now, and he has a say in one.
        await assert.rejects(ask(), refused("denied"))
        rig.allow([])
    })
})
