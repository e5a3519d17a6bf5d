import assert from "node:assert/strict"
import { after, before, describe, test } from "node:test"
import { LEAST_COST, makeAgeIdentity, Secret, SecretInbox, sealSecret } from "../../../src/crypto/index.ts"
import { Fields } from "../../../src/signer/fields.ts"
import { FileSigner } from "../../../src/signer/file/file-signer.ts"
import {
    backupSubject,
    encodeSealed,
    keyFileSubject,
    parsePublicKey,
    sealedGroupFacts,
    sealedKeyFacts,
    toOfRecipients,
} from "../../../src/signer/messages.ts"
import { canonicalKeyIdOf, tufKey } from "../../../src/tuf/index.ts"

const PASSPHRASE = "a passphrase of the tests"
const CREATED_AT = "2026-11-21T09:00:00.000Z"

const asFields = (value: unknown): Fields => Fields.parse(Buffer.from(JSON.stringify(value)))
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64")

describe("a backup in the making in the signer", () => {
    const inbox = new SecretInbox(() => 0)
    const signer = new FileSigner({ clock: () => 0, inbox, announce: () => {}, giveUp: () => {} }, asFields({}))
    const owner = makeAgeIdentity()
    const stranger = makeAgeIdentity()
    let id: string
    let sealedKey: Record<string, unknown>
    let group: Record<string, unknown>

    const ask = async (operation: string, request: unknown): Promise<Fields> => asFields(await signer.control(operation, asFields(request)))
    const abort = async (session: number): Promise<void> => void (await ask("backup-abort", { session }))

    function given(purpose: string, subject: string, text = PASSPHRASE): object {
        const context = { purpose, subject }
        using secret = new Secret(Buffer.from(text))
        return { kind: "passphrase", context, sealed: encodeSealed(sealSecret(inbox.publicKey, inbox.challenge(context), context, secret)) }
    }

    async function begin(recipient: string, files?: object): Promise<number> {
        const begun = await ask("backup-begin", { recipients: [recipient], ...(files === undefined ? {} : { files }) })
        return begun.integer("session")
    }

    const forOwner = (): string => toOfRecipients([owner.recipient])
    const makeKeyFile = (session: number, opener: object): Promise<Fields> =>
        ask("backup-make-key-file", { session, ...sealedKey, opener, headers: { role: "root", gun: "", path: id } })

    after(() => signer.close())
    before(async () => {
        const spec = { algorithm: "p256", purpose: "root", createdAt: CREATED_AT } as const
        const made = await ask("generate", { ...spec, wrap: { ...given("create", "new"), cost: LEAST_COST } })
        const publicKey = parsePublicKey(made.fields("publicKey"))
        const known = canonicalKeyIdOf(tufKey(publicKey))
        id = known
        const facts = sealedKeyFacts({ id: known, publicKey, origin: "generated", ...spec })
        sealedKey = {
            envelope: base64(made.bytes("envelope")),
            facts: base64(facts),
            publicKey: { keytype: publicKey.keytype, bytes: base64(publicKey.bytes) },
        }
        const groupFacts = base64(sealedGroupFacts({ name: "release", createdAt: CREATED_AT }))
        const wraps = [{ ...given("create", "group"), cost: LEAST_COST }]
        const sealed = await ask("create-group", { facts: groupFacts, wraps })
        group = { group: "release", facts: groupFacts, envelope: base64(sealed.bytes("envelope")) }
    })

    test("attack: a passphrase that was given for a backup to its owner makes no key file in one to a stranger", async () => {
        const session = await begin(stranger.recipient, {})
        await assert.rejects(makeKeyFile(session, given("backup", keyFileSubject(id, forOwner()))), /for others/)
        const opener = given("backup", keyFileSubject("group:release", forOwner()))
        await assert.rejects(ask("backup-open-group", { session, ...group, opener }), /for others/)
        await assert.rejects(ask("backup-key-file", { session, ...sealedKey, headers: {} }))
        await abort(session)
    })

    test("attack: what is unlocked makes no key file: it takes the passphrase", async () => {
        await ask("open-group", { ...group, opener: given("unlock", "group:release"), ttlMs: 60_000, uses: 0 })
        const session = await begin(stranger.recipient, {})
        const headers = { role: "root", gun: "", path: id }
        await assert.rejects(ask("backup-key-file", { session, ...group, ...sealedKey, headers }), /without its key's passphrase/)
        await abort(session)
    })

    test("a key file's passphrase is another than the key's or the group's, of 8 bytes at least", async () => {
        const files = (text: string): object => ({ opener: given("backup-files", backupSubject(forOwner()), text) })
        for (const [text, message] of [
            [PASSPHRASE, /gets another/],
            ["seven-7", /at least 8 bytes/],
        ] as const) {
            const session = await begin(owner.recipient, files(text))
            await assert.rejects(makeKeyFile(session, given("backup", keyFileSubject(id, forOwner()))), { message })
            const opener = given("backup", keyFileSubject("group:release", forOwner()))
            await assert.rejects(ask("backup-open-group", { session, ...group, opener }), { message })
            await abort(session)
        }
        const session = await begin(owner.recipient, files("another passphrase"))
        await makeKeyFile(session, given("backup", keyFileSubject(id, forOwner())))
        await abort(session)
    })

    test("broken off while a passphrase is stretched it keeps nothing that comes of it", async () => {
        const session = await begin(owner.recipient, {})
        const opener = given("backup", keyFileSubject("group:release", forOwner()))
        const opening = ask("backup-open-group", { session, ...group, opener })
        const making = makeKeyFile(session, given("backup", keyFileSubject(id, forOwner())))
        await abort(session)
        await assert.rejects(opening, { code: "signer_unavailable" })
        await assert.rejects(making, { code: "signer_unavailable" })
    })

    test("there are four of them, however many begin at once", async () => {
        const begun = await Promise.allSettled(Array.from({ length: 6 }, () => begin(owner.recipient)))
        const sessions = begun.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []))
        assert.equal(sessions.length, 4)
        for (const session of sessions) await abort(session)
        // Nothing is counted for ever.
        await assert.rejects(begin("age1nobody"), { code: "invalid_request" })
        await abort(await begin(owner.recipient))
    })
})
