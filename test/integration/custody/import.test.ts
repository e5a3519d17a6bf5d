import assert from "node:assert/strict"
import { createPublicKey, generateKeyPairSync, type KeyObject, randomBytes } from "node:crypto"
import { readdir, readFile } from "node:fs/promises"
import path from "node:path"
import { describe, test } from "node:test"
import { encodeDer, oid, primitive, sequence, Type, unsignedInteger } from "../../../src/crypto/der.ts"
import { ALGORITHMS, type Algorithm, generatePrivateKey } from "../../../src/crypto/index.ts"
import type { ImportKeyRequest, KeyView } from "../../../src/custody/index.ts"
import { TrustkeyError } from "../../../src/errors.ts"
import type { Principal } from "../../../src/policy/index.ts"
import { canonicalKeyIdOf, parseGun, parseRoleName, TARGETS, tufKey } from "../../../src/tuf/index.ts"
import { stockKeyFiles } from "../../support/notary-vectors.ts"
import { ADMIN, CustodyRig, caller, GROUP, GUN, PASSPHRASE, refused, targetsBody } from "./rig.ts"

const ALICE = parseRoleName("targets/alice")
const OTHER = parseGun("registry.example.com/other/app")
const EVERYTHING = { includeRemoved: true, pageSize: 100, pageToken: "" }

function pkcs8Of(key: KeyObject): Buffer {
    return key.export({ type: "pkcs8", format: "der" })
}

function newPkcs8(algorithm: Algorithm): { readonly der: Buffer; readonly id: string } {
    const { pkcs8, publicKey } = generatePrivateKey(algorithm)
    return { der: pkcs8.reveal((bytes) => Buffer.from(bytes)), id: canonicalKeyIdOf(tufKey(publicKey)) }
}

type Wanted = Partial<Pick<ImportKeyRequest, "purpose" | "label" | "bindings" | "home">>

/** As a client does it; `der` stays as it is. */
async function importAs(rig: CustodyRig, who: Principal, der: Uint8Array, wanted: Wanted = {}): Promise<KeyView> {
    const pkcs8 = await rig.sealBytes("import", "new", Buffer.from(der), who)
    const home = { kind: "group" as const, group: GROUP }
    return await rig.custody.importKey(who, { pkcs8, purpose: "delegation", label: "alice", home, bindings: [], ...wanted })
}

const importKey = (rig: CustodyRig, der: Uint8Array, wanted: Wanted = {}) => importAs(rig, ADMIN, der, wanted)

async function keysOf(rig: CustodyRig): Promise<readonly string[]> {
    return (await rig.custody.listKeys(ADMIN, EVERYTHING)).keys.map(({ record }) => record.id)
}

/** What 4096 bytes can hold that takes OpenSSL seconds: of the first, it computes the public half while it reads. */
function slowKeys(): Readonly<Record<string, Buffer>> {
    const odd = (length: number): Buffer => {
        const bytes = randomBytes(length)
        bytes[0] = 0xff
        bytes[length - 1] = 0xff
        return bytes
    }
    const [integer, zero, g] = [unsignedInteger, unsignedInteger(Buffer.alloc(1)), unsignedInteger(Buffer.from([2]))]
    const wrap = (identifier: ReturnType<typeof sequence>, key: Buffer): Buffer =>
        encodeDer(sequence(zero, identifier, primitive(Type.OCTETSTRING, key)))
    const domain = (length: number): ReturnType<typeof sequence> => sequence(integer(odd(length)), integer(odd(32)), g)
    const numbers = [odd(512), Buffer.from([1, 0, 1]), odd(8), odd(900), odd(900), odd(512), odd(512), odd(512)]
    const rsa = encodeDer(sequence(zero, ...numbers.map(integer)))
    return {
        DSA: wrap(sequence(oid("1.2.840.10040.4.1"), domain(1900)), encodeDer(integer(odd(1900)))),
        "Diffie-Hellman": wrap(sequence(oid("1.2.840.113549.1.3.1"), sequence(integer(odd(1250)), g)), encodeDer(integer(odd(1250)))),
        "RSA with primes longer than the modulus": wrap(sequence(oid("1.2.840.113549.1.1.1"), primitive(Type.NULL, Buffer.alloc(0))), rsa),
    }
}

describe("importing a key", () => {
    test("TK-KEY-3 marks it imported for ever, of whatever algorithm, and its ID is that of the public key the signer found", async () => {
        await using rig = await CustodyRig.withGroup()
        for (const algorithm of ALGORITHMS) {
            const { der, id } = newPkcs8(algorithm)
            const { record } = await importKey(rig, der)
            assert.deepEqual([record.id, record.algorithm, record.origin], [id, algorithm, "imported"])
        }
        await rig.restart()
        const { keys } = await rig.custody.listKeys(ADMIN, EVERYTHING)
        assert.deepEqual(new Set(keys.map(({ record }) => record.origin)), new Set(["imported"]))
        assert.equal(keys.length, ALGORITHMS.length)
        assert.deepEqual(new Set((await rig.records("import-key")).map(({ outcome }) => outcome)), new Set(["ok"]))
    })

    test("under a passphrase of its own: it signs as soon as it is unlocked with that", async () => {
        await using rig = await CustodyRig.open()
        const { der, id } = newPkcs8("p256")
        const home = { kind: "passphrase" as const, sealed: await rig.seal("create", "new", PASSPHRASE) }
        const { record, state } = await importKey(rig, der, { home, purpose: "targets", bindings: [{ gun: GUN, role: TARGETS }] })
        assert.deepEqual([record.home.kind, state.state], ["sealed", "locked"])
        await rig.restart()
        const unlock = { subject: { keyId: id }, sealed: await rig.seal("unlock", id, PASSPHRASE), ttlSeconds: 60, uses: 0 }
        await rig.custody.unlock(ADMIN, unlock)
        const signed = targetsBody({ version: 1 })
        // The repository is not known: so far does only a key come that is open and bound.
        await assert.rejects(rig.custody.sign(ADMIN, { keyId: id, gun: GUN, role: TARGETS, signed }), refused("repository_unknown"))
    })

    test("takes what stock clients' key files hold, under the ID the files are named after", async () => {
        await using rig = await CustodyRig.withGroup()
        const files = stockKeyFiles()
        assert.ok(files.length >= 10)
        for (const { pkcs8, keyId } of files) assert.equal((await importKey(rig, pkcs8)).record.id, keyId)
    })

    test("takes a file's key without the attributes and bytes around it", async () => {
        await using rig = await CustodyRig.withGroup()
        const { der, id } = newPkcs8("p256")
        const { record } = await importKey(rig, Buffer.concat([der, Buffer.from("and more")]))
        assert.equal(record.id, id)
    })

    test("refuses what we don't sign with, and what is no private key, without a record of a key", async () => {
        await using rig = await CustodyRig.withGroup()
        const unfit: Record<string, Buffer> = {
            "RSA-1024": pkcs8Of(generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey),
            "RSA-2560": pkcs8Of(generateKeyPairSync("rsa", { modulusLength: 2560 }).privateKey),
            "RSA-PSS": pkcs8Of(generateKeyPairSync("rsa-pss", { modulusLength: 2048 }).privateKey),
            "P-224": pkcs8Of(generateKeyPairSync("ec", { namedCurve: "secp224r1" }).privateKey),
            "P-521": pkcs8Of(generateKeyPairSync("ec", { namedCurve: "secp521r1" }).privateKey),
            secp256k1: pkcs8Of(generateKeyPairSync("ec", { namedCurve: "secp256k1" }).privateKey),
            Ed448: pkcs8Of(generateKeyPairSync("ed448").privateKey),
            X25519: pkcs8Of(generateKeyPairSync("x25519").privateKey),
            encrypted: generateKeyPairSync("ec", { namedCurve: "prime256v1" }).privateKey.export({
                type: "pkcs8",
                format: "der",
                cipher: "aes-256-cbc",
                passphrase: PASSPHRASE,
            }),
            "a public key": createPublicKey(generateKeyPairSync("ed25519").privateKey).export({ type: "spki", format: "der" }),
            text: Buffer.from("-----BEGIN PRIVATE KEY-----"),
        }
        for (const [name, der] of Object.entries(unfit)) await assert.rejects(importKey(rig, der), refused("key_unfit"), name)
        assert.deepEqual(await keysOf(rig), [])
        // And the signer goes on.
        await importKey(rig, newPkcs8("p256").der)
    })

    test("TK-SIG-2 refuses a file whose public half is another key's: nobody takes the name of a key he doesn't have", async () => {
        await using rig = await CustodyRig.withGroup()
        const [own, victim] = [newPkcs8("p256").der, newPkcs8("p256").der]
        // SEC 1 in PKCS#8: the 32 bytes of the private key stand at 36, the public key at the end.
        const forged = Buffer.concat([own.subarray(0, own.length - 65), victim.subarray(victim.length - 65)])
        await assert.rejects(importKey(rig, forged), refused("key_unfit"))
        assert.deepEqual(await keysOf(rig), [])
    })

    test("in another spelling of its point is no second key: what was removed does not come back under another ID", async () => {
        await using rig = await CustodyRig.withGroup()
        const { der, id } = newPkcs8("p256")
        await importKey(rig, der)
        await rig.custody.removeKey(ADMIN, { id, confirm: id.slice(0, 8) })
        // X9.62 §4.3.6: both coordinates, and which of two the second one is, as if there were none.
        const hybrid = Buffer.from(der)
        hybrid[der.length - 65] = 0x06 | ((der.at(-1) ?? 0) & 1)
        await assert.rejects(importKey(rig, hybrid), refused("key_unfit"))
        assert.deepEqual(await keysOf(rig), [id])
    })

    test("that is made to be slow is refused unread, so nobody else's signature waits for it", async () => {
        await using rig = await CustodyRig.withGroup()
        await importKey(rig, newPkcs8("p256").der)
        for (const [name, der] of Object.entries(slowKeys())) {
            assert.ok(der.length <= 4096, name)
            const begun = performance.now()
            await Promise.all(Array.from({ length: 8 }, () => assert.rejects(importKey(rig, der), refused("key_unfit"), name)))
            assert.ok(performance.now() - begun < 2_000, `${name}: ${performance.now() - begun} ms`)
        }
    })

    test("is refused for a key unfit for its purpose, before it is recorded", async () => {
        await using rig = await CustodyRig.withGroup()
        const { der } = newPkcs8("ed25519")
        await assert.rejects(importKey(rig, der, { purpose: "root" }), refused("key_unfit"))
        await assert.rejects(importKey(rig, der, { bindings: [{ gun: GUN, role: TARGETS }] }), refused("key_unfit"))
        assert.deepEqual(await keysOf(rig), [])
        await importKey(rig, der)
    })

    test("again names the key that is here, and leaves it as it was", async () => {
        await using rig = await CustodyRig.withGroup()
        const { der, id } = newPkcs8("p256")
        await importKey(rig, der, { label: "first" })
        const named = (error: unknown) => error instanceof TrustkeyError && error.code === "already_exists" && error.message.includes(id)
        await assert.rejects(importKey(rig, der, { label: "second" }), named)
        // Two at once: one of them wins.
        const fresh = newPkcs8("p256").der
        const results = await Promise.allSettled([importKey(rig, fresh), importKey(rig, fresh)])
        assert.deepEqual(results.map(({ status }) => status).sort(), ["fulfilled", "rejected"])
        await rig.restart()
        assert.equal((await rig.custody.getKey(ADMIN, { id })).record.label, "first")
    })

    test("does not bring back a key that was removed, and says when that was", async () => {
        await using rig = await CustodyRig.withGroup()
        const { der, id } = newPkcs8("p256")
        await importKey(rig, der)
        await rig.custody.removeKey(ADMIN, { id, confirm: id.slice(0, 8) })
        for (const restart of [false, true]) {
            if (restart) await rig.restart()
            await assert.rejects(
                importKey(rig, der),
                (error) => error instanceof TrustkeyError && error.code === "already_exists" && /removed on \d{4}-/.test(error.message),
            )
        }
        assert.equal((await rig.custody.getKey(ADMIN, { id })).state.state, "removed")
    })

    test("TK-SEC-2 opens each sealed part for what it was sealed for, once, and nothing else", async () => {
        await using rig = await CustodyRig.withGroup()
        const { der } = newPkcs8("p256")
        const base = { purpose: "delegation", label: "alice", bindings: [] } as const
        const home = { kind: "group" as const, group: GROUP }
        const asPassphrase = await rig.sealBytes("create", "new", Buffer.from(der))
        await assert.rejects(rig.custody.importKey(ADMIN, { ...base, pkcs8: asPassphrase, home }), refused("challenge_expired"))
        const pkcs8 = await rig.sealBytes("import", "new", Buffer.from(der))
        const passphrase = await rig.sealBytes("import", "new", Buffer.from(PASSPHRASE))
        await assert.rejects(
            rig.custody.importKey(ADMIN, { ...base, pkcs8, home: { kind: "passphrase", sealed: passphrase } }),
            refused("challenge_expired"),
        )
        const good = await rig.sealBytes("import", "new", Buffer.from(der))
        await rig.custody.importKey(ADMIN, { ...base, pkcs8: good, home })
        await assert.rejects(rig.custody.importKey(ADMIN, { ...base, pkcs8: good, home }), refused("challenge_expired"))
        await assert.rejects(rig.seal("import", GROUP, "x"), refused("denied"))
    })

    test("TK-KEY-1 leaves no private key in the daemon's files", async () => {
        await using rig = await CustodyRig.withGroup()
        const { der } = newPkcs8("p256")
        await importKey(rig, der)
        const scalar = der.subarray(36, 68)
        for (const name of await readdir(rig.rig.directory, { recursive: true, withFileTypes: true })) {
            if (!name.isFile()) continue
            const content = await readFile(path.join(name.parentPath, name.name))
            assert.ok(!content.includes(scalar) && !content.includes(scalar.toString("base64").slice(0, 40)), name.name)
        }
    })

    test("needs a locked group to be opened first, and falls back to no other home", async () => {
        await using rig = await CustodyRig.withGroup()
        await rig.custody.lock(ADMIN, { subject: { group: GROUP } })
        await assert.rejects(importKey(rig, newPkcs8("p256").der), refused("key_locked"))
        assert.deepEqual(await keysOf(rig), [])
    })
})

test("the record of a key that came from a file says where it may sign, and nothing that was in the file", async () => {
    await using rig = await CustodyRig.withGroup()
    const { der, id } = newPkcs8("p256")
    await importKey(rig, der, { bindings: [{ gun: GUN, role: ALICE }] })
    await rig.createKey("targets")
    const records = await rig.custody.listAudit(ADMIN, { after: 0, limit: 100, newest: false })
    const [imported] = records.filter(({ action }) => action === "import-key")
    assert.deepEqual([imported?.keyId, imported?.detail["bound"]], [id, `${GUN} targets/alice`])
    assert.equal(records.find(({ action }) => action === "create-key")?.detail["bound"], `${GUN} targets`)
    const text = JSON.stringify(records)
    for (const encoding of ["hex", "base64"] as const) assert.ok(!text.includes(der.subarray(36, 68).toString(encoding)))
})

describe("who may import", () => {
    test("can't keep others from it by asking for challenges", async () => {
        await using rig = await CustodyRig.withGroup()
        const [patient, greedy] = [caller("patient"), caller("greedy")]
        rig.allow([patient, greedy].map((who) => ({ who, do: ["import-key"] })))
        const pkcs8 = await rig.sealBytes("import", "new", newPkcs8("p256").der, patient)
        for (let count = 0; count < 300; count += 1) await rig.custody.challenge(greedy, { purpose: "import", subject: "new" })
        const home = { kind: "group" as const, group: GROUP }
        await rig.custody.importKey(patient, { pkcs8, purpose: "delegation", label: "", home, bindings: [] })
    })

    test("TK-POL-1 is whom a rule lets, for the places it names; others get no challenge either", async () => {
        await using rig = await CustodyRig.withGroup()
        const [owner, stranger] = [caller("owner"), caller("stranger")]
        rig.allow([
            { who: owner, do: ["import-key"], gun: GUN, role: ["targets/*"] },
            { who: stranger, do: ["create-key"], gun: GUN },
        ])
        const { der } = newPkcs8("p256")
        await assert.rejects(importAs(rig, stranger, der), refused("denied"))
        const pkcs8 = await rig.sealBytes("import", "new", Buffer.from(der))
        const request = { pkcs8, purpose: "delegation", label: "alice", home: { kind: "group", group: GROUP } } as const
        await assert.rejects(rig.custody.importKey(stranger, { ...request, bindings: [{ gun: GUN, role: ALICE }] }), refused("denied"))
        await assert.rejects(importAs(rig, owner, der, { bindings: [{ gun: OTHER, role: ALICE }] }), refused("denied"))
        await assert.rejects(importAs(rig, owner, der, { purpose: "targets", bindings: [{ gun: GUN, role: TARGETS }] }), refused("denied"))
        await assert.rejects(importAs(rig, owner, der, { purpose: "root" }), refused("denied"))
        const { record } = await importAs(rig, owner, der, { bindings: [{ gun: GUN, role: ALICE }] })
        assert.deepEqual(record.bindings, [{ gun: GUN, role: "targets/alice" }])
        // The passphrase of a key that is imported is sealed as one of a key that is made.
        await rig.sealBytes("create", "new", Buffer.from(PASSPHRASE), owner)
    })
})
