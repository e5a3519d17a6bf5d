import assert from "node:assert/strict"
import { after, before, describe, test } from "node:test"
import {
    ageRecipients,
    decryptBackup,
    identitiesIn,
    LEAST_COST,
    makeAgeIdentity,
    publicKeyOf,
    readKeyFile,
    Secret,
    SecretInbox,
    sealSecret,
} from "../../../src/crypto/index.ts"
import { Fields } from "../../../src/signer/fields.ts"
import { FileSigner } from "../../../src/signer/file/file-signer.ts"
import { encodeSealed, exportSubject, parsePublicKey, parseSealed, sealedKeyFacts } from "../../../src/signer/messages.ts"
import { canonicalKeyIdOf, tufKey } from "../../../src/tuf/index.ts"

const PASSPHRASE = "a passphrase of the tests"
const CREATED_AT = "2026-11-21T09:00:00.000Z"
const TO_TOKEN = { purpose: "import", subject: "token:spare" }

/** As it crosses the pipe. */
const asFields = (value: unknown): Fields => Fields.parse(Buffer.from(JSON.stringify(value)))

describe("a private key that goes from one signer to another", () => {
    const inbox = new SecretInbox(() => 0)
    /** Of the token's signer. */
    const theirs = new SecretInbox(() => 0)
    const signer = new FileSigner({ clock: () => 0, inbox, announce: () => {}, giveUp: () => {} }, asFields({}))
    let id: string
    let sealedKey: Record<string, unknown>

    const ask = async (operation: string, request: unknown): Promise<Fields> => asFields(await signer.control(operation, asFields(request)))

    function given(purpose: string, subject: string, text = PASSPHRASE): object {
        const context = { purpose, subject }
        using secret = new Secret(Buffer.from(text))
        return { kind: "passphrase", context, sealed: encodeSealed(sealSecret(inbox.publicKey, inbox.challenge(context), context, secret)) }
    }

    function to(token = "spare"): object {
        const nonce = theirs.challenge(TO_TOKEN)
        return { token, signerPublic: base64(theirs.publicKey), nonce: base64(nonce) }
    }

    after(() => signer.close())
    before(async () => {
        const wrap = { ...given("create", "new"), cost: LEAST_COST }
        const spec = { algorithm: "p256", purpose: "root", createdAt: CREATED_AT } as const
        const made = await ask("generate", { ...spec, wrap })
        const publicKey = parsePublicKey(made.fields("publicKey"))
        const known = canonicalKeyIdOf(tufKey(publicKey))
        const facts = sealedKeyFacts({ id: known, publicKey, origin: "generated", ...spec })
        id = known
        sealedKey = {
            envelope: base64(made.bytes("envelope")),
            facts: base64(facts),
            publicKey: { keytype: publicKey.keytype, bytes: base64(publicKey.bytes) },
        }
    })

    test("TK-SEC-2 leaves as ciphertext that opens for the other, once, for that purpose and that token", async () => {
        const answer = await ask("seal-for", { ...sealedKey, opener: given("copy", `${id}:spare`), ...to() })
        const sealed = parseSealed(answer)
        assert.throws(() => theirs.open({ ...TO_TOKEN, subject: "token:other" }, sealed), { code: "challenge_expired" })
        const again = parseSealed(await ask("seal-for", { ...sealedKey, opener: given("copy", `${id}:spare`), ...to() }))
        using pkcs8 = theirs.open(TO_TOKEN, again)
        assert.equal(canonicalKeyIdOf(tufKey(publicKeyOf(pkcs8))), id)
        assert.throws(() => theirs.open(TO_TOKEN, again), { code: "challenge_expired" })
        // RFC 5915 in PKCS#8, P-256: where the private number stands.
        assert.equal(
            pkcs8.reveal((der) => der.subarray(34, 36).toString("hex")),
            "0420",
        )
        assert.equal(
            pkcs8.reveal((der) => Buffer.from(again.ciphertext).includes(der.subarray(36, 68))),
            false,
        )
    })

    test("TK-SEC-2 does not leave for the parent's word: not while it is unlocked, for another purpose, key or token, or by a credential", async () => {
        await ask("open-key", { ...sealedKey, opener: given("unlock", id), ttlMs: 60_000, uses: 0 })
        const refusals: readonly (readonly [what: string, opener: object, token?: string])[] = [
            ["no passphrase", { kind: "passphrase", context: { purpose: "copy", subject: `${id}:spare` } }],
            ["what unlocks it", given("unlock", id)],
            ["what unlocks it, called a copy's", { ...given("unlock", id), context: { purpose: "copy", subject: `${id}:spare` } }],
            ["a copy of it elsewhere", given("copy", `${id}:other`)],
            ["a copy of it elsewhere, and it is elsewhere that it says", given("copy", `${id}:spare`), "other"],
            ["a copy of another key", given("copy", `${"0".repeat(64)}:spare`)],
            ["a credential", { kind: "credential", name: "pin" }],
            ["a wrong passphrase", given("copy", `${id}:spare`, "another")],
        ]
        for (const [what, opener, token] of refusals) {
            await assert.rejects(async () => ask("seal-for", { ...sealedKey, opener, ...to(token) }), what)
        }
    })

    test("is the one that is meant: another's envelope under its name does not open", async () => {
        const wrap = { ...given("create", "new"), cost: LEAST_COST }
        const made = await ask("generate", { algorithm: "p256", purpose: "root", createdAt: CREATED_AT, wrap })
        const swapped = { ...sealedKey, envelope: base64(made.bytes("envelope")) }
        await assert.rejects(ask("seal-for", { ...swapped, opener: given("copy", `${id}:spare`), ...to() }), { code: "open_failed" })
    })

    const [dana, erin, mallory] = [makeAgeIdentity(), makeAgeIdentity(), makeAgeIdentity()]
    const recipients = [dana.recipient, erin.recipient]
    const identityText = ({ identity }: typeof dana): string => identity.reveal((bytes) => bytes.toString("latin1"))

    function exportOf(changes: object = {}, { to = recipients, by = dana, key = id } = {}): Record<string, unknown> {
        const subject = exportSubject(key, to)
        const secrets = { opener: given("export", subject), identity: given("identity", subject, identityText(by)) }
        return { ...sealedKey, recipients: to, ...secrets, ...changes }
    }

    test("TK-KEY-1 leaves in a file that opens for each recipient to a key in PEM, and for nobody else", async () => {
        const file = (await ask("export-key", exportOf())).bytes("file")
        assert.equal(ageRecipients(file), 2)
        for (const whose of [dana, erin]) {
            using content = await decryptBackup(file, identitiesIn(whose.identity))
            const [entry] = content.reveal(readKeyFile)
            assert.equal(canonicalKeyIdOf(tufKey(entry?.open(undefined).publicKey ?? assert.fail())), id)
        }
        await assert.rejects(decryptBackup(file, identitiesIn(mallory.identity)), { code: "open_failed" })
        assert.equal(file.includes("PRIVATE KEY"), false)
    })

    test("TK-SEC-2 is exported for the recipients whom the passphrase was given for, and by no word of the parent's", async () => {
        await ask("open-key", { ...sealedKey, opener: given("unlock", id), ttlMs: 60_000, uses: 0 })
        const subject = exportSubject(id, recipients)
        const refusals: readonly (readonly [what: string, changes: object])[] = [
            ["no passphrase", { opener: { kind: "passphrase", context: { purpose: "export", subject } } }],
            ["what unlocks it", { opener: given("unlock", id) }],
            ["what unlocks it, called an export's", { opener: { ...given("unlock", id), context: { purpose: "export", subject } } }],
            ["a copy's passphrase", { opener: given("copy", `${id}:spare`) }],
            ["a passphrase for others", { opener: given("export", exportSubject(id, [mallory.recipient])) }],
            ["a passphrase for one recipient fewer", { recipients: [dana.recipient] }],
            ["a passphrase for one recipient fewer than it goes to", { recipients: [...recipients, mallory.recipient] }],
            ["a passphrase for another key", { opener: given("export", exportSubject("0".repeat(64), recipients)) }],
            ["a wrong passphrase", { opener: given("export", subject, "another") }],
            ["a credential", { opener: { kind: "credential", name: "pin" } }],
            ["no identity", { identity: {} }],
            ["an identity for another export", { identity: given("identity", exportSubject(id, []), identityText(dana)) }],
            ["the passphrase as the identity", { identity: given("identity", subject) }],
            ["an identity that is no recipient's", { identity: given("identity", subject, identityText(mallory)) }],
        ]
        for (const [what, changes] of refusals) await assert.rejects(async () => ask("export-key", exportOf(changes)), what)
        for (const to of [[], ["age1"], [dana.recipient, "x"]])
            await assert.rejects(async () => ask("export-key", exportOf({}, { to })), { code: "invalid_request" })
        const others = exportOf({}, { to: [erin.recipient] })
        await assert.rejects(async () => ask("export-key", others), { code: "invalid_request", message: /not one of the recipients/ })
    })

    test("is not exported under another's name", async () => {
        const wrap = { ...given("create", "new"), cost: LEAST_COST }
        const made = await ask("generate", { algorithm: "p256", purpose: "root", createdAt: CREATED_AT, wrap })
        const swapped = exportOf({ envelope: base64(made.bytes("envelope")) })
        await assert.rejects(ask("export-key", swapped), { code: "open_failed" })
    })
})

function base64(bytes: Uint8Array): string {
    return Buffer.from(bytes).toString("base64")
}
