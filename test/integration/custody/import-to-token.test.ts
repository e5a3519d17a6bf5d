import assert from "node:assert/strict"
import { readdir } from "node:fs/promises"
import path from "node:path"
import { after, before, describe, test } from "node:test"
import { type Algorithm, generatePrivateKey } from "../../../src/crypto/index.ts"
import type { ImportKeyRequest } from "../../../src/custody/index.ts"
import { TrustkeyError } from "../../../src/errors.ts"
import { canonicalKeyIdOf, ROOT, tufKey } from "../../../src/tuf/index.ts"
import { buildFaultModule, type FaultModule } from "../../support/fault-module.ts"
import { type SoftHsm, startSoftHsm } from "../../support/softhsm.ts"
import { ADMIN, CustodyRig, GUN, refused } from "./rig.ts"

async function requestOf(
    rig: CustodyRig,
    serial: string,
    algorithm: Algorithm = "p256",
): Promise<ImportKeyRequest & { readonly id: string }> {
    const { pkcs8, publicKey } = generatePrivateKey(algorithm)
    const sealed = await rig.sealBytes(
        "import",
        "token:spare",
        pkcs8.reveal((der) => Buffer.from(der)),
    )
    const id = canonicalKeyIdOf(tufKey(publicKey))
    const home = { kind: "token" as const, token: "spare", serial }
    return { id, pkcs8: sealed, purpose: "root", label: "from a file", bindings: [{ gun: GUN, role: ROOT }], home }
}

/** The files of all objects on a token, of whatever class. */
async function everyObject({ conf }: SoftHsm): Promise<readonly string[]> {
    const names = await readdir(path.join(path.dirname(conf), "tokens"), { recursive: true })
    return names.filter((name) => name.endsWith(".object")).sort()
}

describe("a private key for a token that takes in none in clear", () => {
    const CKR_ACTION_PROHIBITED = 0x1b
    const stack = new AsyncDisposableStack()
    let hsm: SoftHsm
    let faults: FaultModule
    let rig: CustodyRig
    before(async () => {
        hsm = stack.use(await startSoftHsm({ label: "spare" }))
        faults = stack.use(await buildFaultModule(hsm.module))
        rig = stack.use(await CustodyRig.withSpare({ ...hsm, module: faults.module }, { environment: faults.environment }))
        const sealed = await rig.seal("login", "token:spare", hsm.userPin)
        await rig.custody.login(ADMIN, { token: "spare", sealed, evenFinalTry: false, ttlSeconds: 0, uses: 0 })
        await faults.set("create-code", CKR_ACTION_PROHIBITED)
    })
    after(() => stack.disposeAsync())

    for (const algorithm of ["p256", "p384", "rsa2048"] as const) {
        test(`${algorithm} gets there wrapped, signs, can't be had from it, and nothing but its two halves is left there`, async () => {
            const before = await everyObject(hsm)
            const wanted = await requestOf(rig, hsm.serial, algorithm)
            const { record } = await rig.custody.importKey(ADMIN, wanted)
            assert.equal(record.id, wanted.id)
            await rig.custody.rootCertificate(ADMIN, { keyId: record.id, gun: GUN })
            const objects = await rig.custody.tokenObjects(ADMIN, { token: "spare" })
            const object = objects.find(({ keyId }) => keyId === record.id)
            assert.deepEqual([object?.sensitive, object?.extractable], [true, false])
            assert.equal((await everyObject(hsm)).length - before.length, 2)
        })
    }

    test("is refused by a token that unwraps none either, which then holds no half of it", async () => {
        await faults.set("unwrap-code", CKR_ACTION_PROHIBITED)
        const before = await everyObject(hsm)
        await assert.rejects(rig.custody.importKey(ADMIN, await requestOf(rig, hsm.serial)), refused("key_unfit"))
        assert.deepEqual(await everyObject(hsm), before)
        await faults.clear("unwrap-code")
    })
})

describe("a private key from a file, put on a token that is no YubiKey", () => {
    let hsm: SoftHsm
    let rig: CustodyRig
    let isFull = false
    before(async () => {
        hsm = await startSoftHsm({ label: "spare" })
        rig = await CustodyRig.withSpare(hsm, {
            onCommit: (changes) => {
                if (isFull && changes.some(({ kind }) => kind === "key.insert"))
                    throw new TrustkeyError("storage_failed", "the disk is full")
            },
        })
        const sealed = await rig.seal("login", "token:spare", hsm.userPin)
        await rig.custody.login(ADMIN, { token: "spare", sealed, evenFinalTry: false, ttlSeconds: 0, uses: 0 })
    })
    after(async () => {
        await rig?.[Symbol.asyncDispose]()
        await hsm?.stop()
    })

    const request = (serial = hsm.serial): ReturnType<typeof requestOf> => requestOf(rig, serial)

    const objects = async (): Promise<readonly string[]> => {
        return (await rig.custody.tokenObjects(ADMIN, { token: "spare" })).map(({ keyId }) => keyId)
    }

    test("TK-KEY-3 signs from there, marked imported, and is on record with the token and its serial number", async () => {
        const wanted = await request()
        const { record } = await rig.custody.importKey(ADMIN, wanted)
        assert.deepEqual([record.id, record.origin, record.home.kind, record.label], [wanted.id, "imported", "token", "from a file"])
        await rig.custody.rootCertificate(ADMIN, { keyId: record.id, gun: GUN })
        const records = await rig.custody.listAudit(ADMIN, { after: 0, limit: 1000, newest: false })
        const last = records.find(({ action }) => action === "import-key")
        assert.deepEqual(
            [last?.outcome, last?.keyId, last?.detail["token"], last?.detail["serial"]],
            ["ok", wanted.id, "spare", hsm.serial],
        )
    })

    test("goes to no token but the one that somebody named", async () => {
        const count = (await objects()).length
        await assert.rejects(rig.custody.importKey(ADMIN, await request("12345678")), refused("token_changed"))
        const nameless = await request()
        const home = { kind: "token" as const, token: "spare" }
        await assert.rejects(rig.custody.importKey(ADMIN, { ...nameless, home }), refused("invalid_request"))
        assert.equal((await objects()).length, count)
    })

    test("TK-KEY-3 that lies there and could not be recorded is not forgotten: how it is taken in is said, and it is marked imported then too", async () => {
        const wanted = await request()
        isFull = true
        const failure = await rig.custody.importKey(ADMIN, wanted).then(
            () => assert.fail("it was recorded"),
            (error: Error) => error.message,
        )
        isFull = false
        assert.ok((await objects()).includes(wanted.id))
        const uri = /trustkey key enroll --token spare --uri '(pkcs11:[^']+)'/.exec(failure)?.[1] ?? assert.fail(failure)
        const { record } = await rig.custody.enrollKey(ADMIN, { token: "spare", uri, purpose: "root", label: "", bindings: [] })
        assert.deepEqual([record.id, record.origin], [wanted.id, "imported"])
    })
})
