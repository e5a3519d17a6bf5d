import assert from "node:assert/strict"
import { generateKeyPairSync } from "node:crypto"
import { describe, test } from "node:test"
import fc from "fast-check"
import { TrustkeyError } from "../../../src/errors.ts"
import * as decode from "../../../src/server/decode/index.ts"
import { loadWire } from "../../../src/wire/load.ts"
import type { SealedSecret } from "../../../src/wire/trustkeyd/v1/SealedSecret.ts"
import { RECIPIENTS } from "../../support/ceremony/plan-text.ts"

const { v1 } = loadWire()
const ID = "ab".repeat(32)
const GUN = "registry.example.com/team/app"
const MAX = 1000
const SEALED: SealedSecret = { ephemeralPublic: Buffer.alloc(32), nonce: Buffer.alloc(16), ciphertext: Buffer.alloc(20) }

/** Through the bytes, as a client's request comes. */
function received<In, Out>(method: { requestSerialize(value: In): Buffer; requestDeserialize(bytes: Buffer): Out }, request: In): Out {
    return method.requestDeserialize(method.requestSerialize(request))
}

const { Sign, SignSet } = v1.Signing.service
const { Create, Enroll, Export, Import, List, Unlock, Lock, ChangePassphrase, Remove, CreateGroup, Bind } = v1.Keys.service

const signRequest = (changes: object = {}) =>
    decode.decodeSign(received(Sign, { keyId: ID, gun: GUN, role: "targets", signed: Buffer.from("{}"), ...changes }), MAX)
const createRequest = (changes: object = {}) =>
    decode.decodeCreateKey(
        received(Create, { algorithm: "ALGORITHM_P256", purpose: "PURPOSE_TARGETS", label: "l", group: "g", ...changes }),
    )

const planRequest = (changes: object = {}) =>
    decode.decodePlanRoot(received(v1.Trust.service.PlanRoot, { gun: GUN, expires: "2030-01-02T03:04:05Z", ...changes }), MAX)

const backupRequest = (changes: object = {}) => decode.decodeCreateBackup(received(v1.Backups.service.Create, { ...changes }))
const fileSource = { group: "team", passphrase: SEALED }

const importRequest = (changes: object = {}) =>
    decode.decodeImportKey(received(Import, { pkcs8: SEALED, purpose: "PURPOSE_DELEGATION", label: "alice", group: "g", ...changes }))

const exportRequest = (changes: object = {}) =>
    decode.decodeExportKey(received(Export, { id: ID, recipients: [...RECIPIENTS], passphrase: SEALED, identity: SEALED, ...changes }))

describe("what comes in", () => {
    test("has 1 to 32 recipients of an export, each once, and both secrets", () => {
        assert.deepEqual(exportRequest().recipients, RECIPIENTS)
        const [first] = RECIPIENTS
        const many = Array.from(
            { length: 33 },
            (_, index) => `${first.slice(0, -2)}${"qpzry9x8gf2tvdw0s3jn54khce6mua7l"[index % 32]}${index > 31 ? "q" : "p"}`,
        )
        for (const changes of [
            { recipients: [] },
            { recipients: many },
            { recipients: [first, first] },
            { recipients: [first.toUpperCase()] },
            { recipients: [`${first}q`] },
            { recipients: [`${first}\nage1`] },
            { recipients: ["ssh-ed25519 AAAA"] },
            { passphrase: null },
            { identity: null },
            { id: "x" },
        ])
            assert.throws(() => exportRequest(changes), { code: "invalid_request" }, JSON.stringify(changes))
        assert.equal(exportRequest({ recipients: many.slice(0, 32) }).recipients.length, 32)
    })

    test("for a backup says for whom in one way, as age has it, and whose files with a passphrase for each", () => {
        const [first, second] = RECIPIENTS
        assert.deepEqual(backupRequest(), { to: undefined })
        assert.deepEqual(backupRequest({ recipients: [...RECIPIENTS] }).to, { kind: "x25519", recipients: [...RECIPIENTS] })
        assert.equal(backupRequest({ passphrase: SEALED }).to?.kind, "passphrase")
        assert.equal(backupRequest({ keyFiles: { sources: [fileSource] } }).keyFiles?.sources.length, 1)
        for (const changes of [
            { recipients: [first, first] },
            { recipients: ["age1nobody"] },
            { recipients: [first, second], passphrase: SEALED },
            { recipients: Array(33).fill(first) },
            { passphrase: { ...SEALED, nonce: Buffer.alloc(3) } },
            { keyFiles: {} },
            { keyFiles: { sources: [{ group: "team" }] } },
            { keyFiles: { sources: [{ passphrase: SEALED }] } },
            { keyFiles: { sources: Array(257).fill(fileSource) } },
        ])
            assert.throws(() => backupRequest(changes), { code: "invalid_request" }, JSON.stringify(changes))
    })

    test("for a restore has the whole fingerprint, what was typed with what was shown, and begins once", async () => {
        const { Restore, Prove } = v1.Backups.service
        const begin = { fingerprint: ID, confirm: "", digest: "" }
        const message = (value: object) => received(Restore, value)
        const beginOf = (changes: object) => decode.decodeRestoreBegin(message({ begin: { ...begin, ...changes } }).begin ?? assert.fail())
        assert.deepEqual(beginOf({}), { fingerprint: ID, confirm: undefined })
        assert.deepEqual(beginOf({ confirm: "abab", digest: ID }).confirm, { typed: "abab", digest: ID })
        for (const changes of [
            { fingerprint: "ab" },
            { fingerprint: ID.toUpperCase() },
            { confirm: "abab" },
            { confirm: "a".repeat(513), digest: ID },
        ])
            assert.throws(() => beginOf(changes), { code: "invalid_request" }, JSON.stringify(changes))
        async function* twice() {
            yield message({ records: [{ name: "b", content: Buffer.from("2") }] })
            yield message({ begin })
        }
        const names: string[] = []
        const records = decode.decodeRestoreRecords(message({ begin, records: [{ name: "a", content: Buffer.from("1") }] }), twice())
        await assert.rejects(
            async () => {
                for await (const { name } of records) names.push(name)
            },
            { code: "invalid_request" },
        )
        assert.deepEqual(names, ["a", "b"])
        const prove = (changes: object) => decode.decodeProve(received(Prove, { challenge: Buffer.alloc(32), keyIds: [ID], ...changes }))
        assert.equal(prove({}).keyIds.length, 1)
        for (const changes of [{ challenge: Buffer.alloc(31) }, { keyIds: ["ab"] }, { keyIds: Array(1001).fill(ID) }])
            assert.throws(() => prove(changes), { code: "invalid_request" })
    })

    test("is taken when it is right", () => {
        assert.deepEqual(signRequest(), { keyId: ID, gun: GUN, role: "targets", signed: Buffer.from("{}") })
        assert.deepEqual(createRequest({ bindings: [{ gun: GUN, role: "targets/releases" }] }), {
            algorithm: "p256",
            purpose: "targets",
            label: "l",
            home: { kind: "group", group: "g" },
            bindings: [{ gun: GUN, role: "targets/releases" }],
        })
        assert.deepEqual(decode.decodeUnlock(received(Unlock, { keyId: "abcdef0", passphrase: SEALED, ttlSeconds: 60 })), {
            subject: { keyId: "abcdef0" },
            sealed: SEALED,
            ttlSeconds: 60,
            uses: 0,
        })
        assert.deepEqual(decode.decodeUnlock(received(Unlock, { group: "ci" })), { subject: { group: "ci" }, ttlSeconds: 0, uses: 0 })
        assert.deepEqual(decode.decodeLock(received(Lock, { all: true })), { subject: "all" })
        assert.deepEqual(decode.decodeListKeys(received(List, { pageSize: 5000 })), {
            includeRemoved: false,
            pageSize: 1000,
            pageToken: "",
        })
        assert.equal(decode.decodeListKeys(received(List, {})).pageSize, 1000)
    })

    test("of an import is taken with a key of the largest kind, and not with more", () => {
        assert.deepEqual(importRequest(), {
            pkcs8: SEALED,
            purpose: "delegation",
            label: "alice",
            home: { kind: "group", group: "g" },
            bindings: [],
        })
        const of = (bytes: number): SealedSecret => ({ ...SEALED, ciphertext: Buffer.alloc(bytes + 16) })
        const largest = generateKeyPairSync("rsa", { modulusLength: 4096 }).privateKey.export({ type: "pkcs8", format: "der" })
        importRequest({ pkcs8: of(largest.length) })
        for (const changes of [{ pkcs8: of(8192) }, { pkcs8: of(0) }, { pkcs8: null }, { group: undefined }, { purpose: 0 }]) {
            assert.throws(
                () => importRequest(changes),
                (error) => error instanceof TrustkeyError && error.code === "invalid_request",
            )
        }
    })

    test("for a YubiKey's slot is the strictest where nothing is said", () => {
        const piv = { managementKey: SEALED }
        assert.deepEqual(createRequest({ group: undefined, token: "yubikey", piv }).home, {
            kind: "token",
            token: "yubikey",
            card: { slot: "9c", pinPolicy: "always", touchPolicy: "always", managementKey: SEALED },
        })
        const said = { ...piv, slot: "82", pinPolicy: "once", touchPolicy: "cached", pin: SEALED }
        assert.deepEqual(importRequest({ group: undefined, token: "yubikey", piv: said, acceptPinOnce: true }), {
            pkcs8: SEALED,
            purpose: "delegation",
            label: "alice",
            home: {
                kind: "token",
                token: "yubikey",
                card: { slot: "82", pinPolicy: "once", touchPolicy: "cached", managementKey: SEALED, pin: SEALED },
            },
            bindings: [],
            acceptPinOnce: true,
        })
        assert.deepEqual(createRequest({ group: undefined, token: "hsm" }).home, { kind: "token", token: "hsm" })
        const { CardCertificate } = v1.Keys.service
        const replace = "ab".repeat(32)
        assert.deepEqual(decode.decodeCardCertificate(received(CardCertificate, { keyId: ID, managementKey: SEALED, replace })), {
            keyId: ID,
            managementKey: SEALED,
            replace,
        })
    })

    test("of a set is taken whole", () => {
        const set = decode.decodeSignSet(
            received(SignSet, {
                gun: GUN,
                published: [{ role: "root", content: Buffer.from("r") }],
                bodies: [
                    {
                        role: "targets",
                        signed: Buffer.from("t"),
                        keyIds: [ID],
                        signatures: [{ keyid: ID, method: "ecdsa", sig: Buffer.from("s") }],
                    },
                ],
                snapshot: { version: 3, expires: "2030-01-02T03:04:05Z", keyIds: [ID] },
            }),
            MAX,
        )
        assert.deepEqual(set.published, [{ role: "root", content: Buffer.from("r") }])
        assert.deepEqual(set.bodies[0]?.signatures, [{ keyId: ID, method: "ecdsa", sig: Buffer.from("s") }])
        assert.deepEqual(set.snapshot, { version: 3, expires: new Date("2030-01-02T03:04:05Z"), keyIds: [ID] })
    })

    test("of a planned root is taken with the roles that change, and no others", () => {
        const keys = [{ keytype: "ecdsa-x509", public: Buffer.from("pem") }]
        const expires = "2030-01-02T03:04:05Z"
        assert.deepEqual(planRequest({ root: { keys, threshold: 2 }, expires }), {
            gun: GUN,
            published: [],
            change: { expires: new Date(expires), roles: new Map(), rootKeys: { keys, threshold: 2 } },
        })
        const { change } = planRequest({ snapshot: { keys, threshold: 1 }, timestamp: { keys, threshold: 1 } })
        assert.deepEqual(change?.roles, new Map(["snapshot", "timestamp"].map((role) => [role, { keys, threshold: 1 }])))
        assert.equal(change?.rootKeys, undefined)
        assert.deepEqual(planRequest({ expires: "" }), { gun: GUN, published: [] })
    })

    const refusals: readonly (readonly [what: string, act: () => unknown, code?: string])[] = [
        ["an empty request", () => decode.decodeSign(received(Sign, {}), MAX)],
        ["a key ID that is none", () => signRequest({ keyId: ID.slice(1) })],
        ["upper-case hexadecimal", () => signRequest({ keyId: ID.toUpperCase() })],
        ["a GUN that climbs", () => signRequest({ gun: "registry.example.com/../x" })],
        ["a role that doesn't exist", () => signRequest({ role: "target" })],
        ["an empty payload", () => signRequest({ signed: Buffer.alloc(0) })],
        ["a payload over the limit", () => signRequest({ signed: Buffer.alloc(MAX + 1) }), "payload_too_large"],
        ["no algorithm", () => createRequest({ algorithm: 0 })],
        ["an algorithm of a newer version", () => createRequest({ algorithm: 99 })],
        ["no purpose", () => createRequest({ purpose: "PURPOSE_UNSPECIFIED" })],
        ["no home", () => createRequest({ group: undefined })],
        ["a label that moves the cursor", () => createRequest({ label: "a\u001b[2J" })],
        ["a label that turns the writing direction", () => createRequest({ label: "a\u202eb" })],
        ["a label that is too long", () => createRequest({ label: "x".repeat(129) })],
        ["a label that ends in a space", () => createRequest({ label: "x " })],
        [
            "a sealed secret with a short key",
            () => createRequest({ group: undefined, passphrase: { ...SEALED, ephemeralPublic: Buffer.alloc(31) } }),
        ],
        [
            "a sealed secret with a long nonce",
            () => createRequest({ group: undefined, passphrase: { ...SEALED, nonce: Buffer.alloc(17) } }),
        ],
        [
            "a sealed secret with nothing in it",
            () => createRequest({ group: undefined, passphrase: { ...SEALED, ciphertext: Buffer.alloc(16) } }),
        ],
        ["a slot that is none", () => createRequest({ group: undefined, token: "t", piv: { slot: "9f", managementKey: SEALED } })],
        [
            "a PIN policy that is none",
            () => createRequest({ group: undefined, token: "t", piv: { pinPolicy: "no", managementKey: SEALED } }),
        ],
        ["a slot without a management key", () => createRequest({ group: undefined, token: "t", piv: { slot: "9c" } })],
        ["an import to a token without a slot", () => importRequest({ group: undefined, token: "t" })],
        ["too many bindings", () => createRequest({ bindings: Array(257).fill({ gun: GUN, role: "targets" }) })],
        [
            "a token name with a slash",
            () => decode.decodeEnrollKey(received(Enroll, { token: "../a", uri: "pkcs11:", purpose: "PURPOSE_ROOT" })),
        ],
        ["a prefix of fewer than seven digits", () => decode.decodeUnlock(received(Unlock, { keyId: "abcdef" }))],
        ["nothing to unlock", () => decode.decodeUnlock(received(Unlock, {}))],
        ["all: false", () => decode.decodeLock(received(Lock, { all: false }))],
        ["one passphrase of two", () => decode.decodeChangePassphrase(received(ChangePassphrase, { group: "g", oldPassphrase: SEALED }))],
        ["removal by a prefix", () => decode.decodeRemoveKey(received(Remove, { id: "abcdef0", confirm: "abcdef0" }))],
        ["a binding that changes nothing", () => decode.decodeBind(received(Bind, { id: ID }))],
        ["a credential that is a path", () => decode.decodeCreateGroup(received(CreateGroup, { name: "g", credential: "../x" }))],
        [
            "a snapshot of version 0",
            () => decode.decodeSignSet(received(SignSet, { gun: GUN, snapshot: { expires: "2030-01-01T00:00:00Z" } }), MAX),
        ],
        [
            "a snapshot that ends in another zone",
            () =>
                decode.decodeSignSet(received(SignSet, { gun: GUN, snapshot: { version: 1, expires: "2030-01-01T00:00:00+01:00" } }), MAX),
        ],
        ["a planned root that ends in another zone", () => planRequest({ expires: "2030-01-01T00:00:00+01:00" })],
        ["a planned key of an unknown type", () => planRequest({ root: { keys: [{ keytype: "dsa", public: Buffer.from("k") }] } })],
        ["a planned key without a key", () => planRequest({ root: { keys: [{ keytype: "ecdsa" }] } })],
        [
            "a planned role with too many keys",
            () => planRequest({ root: { keys: Array(65).fill({ keytype: "ecdsa", public: Buffer.from("k") }) } }),
        ],
        [
            "a version beyond 2^53",
            () =>
                decode.decodeVoid(received(v1.Journal.service.Void, { gun: GUN, role: "root", version: "9007199254740993", confirm: "" })),
        ],
        [
            "a subject with control characters",
            () => decode.decodeChallenge(received(v1.Secrets.service.Challenge, { purpose: "login", subject: "token:a\n" })),
        ],
    ]
    for (const [what, act, code = "invalid_request"] of refusals) {
        test(`${what} is refused`, () => {
            assert.throws(act, (error) => error instanceof TrustkeyError && error.code === code)
        })
    }

    test("in random bytes either is no message, or is taken, or refused with a code", () => {
        const methods = [
            (bytes: Buffer) => decode.decodeSign(Sign.requestDeserialize(bytes), MAX),
            (bytes: Buffer) => decode.decodeSignSet(SignSet.requestDeserialize(bytes), MAX),
            (bytes: Buffer) => decode.decodeCreateKey(Create.requestDeserialize(bytes)),
            (bytes: Buffer) => decode.decodeUnlock(Unlock.requestDeserialize(bytes)),
            (bytes: Buffer) => decode.decodeListKeys(List.requestDeserialize(bytes)),
            (bytes: Buffer) => decode.decodePlanRoot(v1.Trust.service.PlanRoot.requestDeserialize(bytes), MAX),
            (bytes: Buffer) => decode.decodeBind(Bind.requestDeserialize(bytes)),
            (bytes: Buffer) => decode.decodeCreateBackup(v1.Backups.service.Create.requestDeserialize(bytes)),
            (bytes: Buffer) => decode.decodeProve(v1.Backups.service.Prove.requestDeserialize(bytes)),
        ]
        const valid = SignSet.requestSerialize({
            gun: GUN,
            bodies: [{ role: "targets", signed: Buffer.from("t"), keyIds: [ID] }],
            snapshot: { version: 3, expires: "2030-01-02T03:04:05Z" },
        })
        const mutated = fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 }).map((changes) => {
            const copy = Buffer.from(valid)
            for (const [index, byte] of changes) copy[index] = byte
            return copy
        })
        const bytes = fc.oneof(
            mutated,
            fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array)),
        )
        fc.assert(
            fc.property(bytes, fc.constantFrom(...methods), (input, method) => {
                try {
                    method(input)
                } catch (error) {
                    // protobufjs throws Error and RangeError, which grpc-js answers; nothing else may come through.
                    const foreign = error instanceof Error && /^(Error|RangeError)$/.test(error.name) && !(error instanceof TypeError)
                    assert.ok(error instanceof TrustkeyError || foreign, String(error))
                }
            }),
            { numRuns: 3000 },
        )
    })
})
