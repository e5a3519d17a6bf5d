import { randomInt } from "node:crypto"
import { ArchiveWriter, encodeRecord } from "../../backup/index.ts"
import { type AgeRecipients, AgeWriter, KeyFileWriter, open, Secret, type SecretContext, sealedSecretHash } from "../../crypto/index.ts"
import { TrustkeyError } from "../../errors.ts"
import { canonicalKeyIdOf, tufKey } from "../../tuf/index.ts"
import { type Fields, toBase64 } from "../fields.ts"
import { FrameError } from "../frames.ts"
import { backupSubject, keyFileSubject, parsePublicKey, parseSealed, toOfRecipients } from "../messages.ts"
import { parseHeaders, requireOther } from "./key-file.ts"
import { openWithPassphrase, toKey } from "./open-sealed.ts"

/** Backups in the making at one time. */
const MOST_SESSIONS = 4
const LARGEST_NUMBER = 2 ** 47
/** Of one answer: a frame has 16 MiB, and this travels as base64. */
const MOST_ANSWERED_BYTES = 4 * 1024 * 1024
/** 150 bits, in letters and digits that nobody takes for others. */
const MADE_PASSPHRASE_LENGTH = 30
const MADE_PASSPHRASE_ALPHABET = Buffer.from("abcdefghjkmnpqrstuvwxyz023456789", "ascii")

type Given = (fields: Fields, wanted: SecretContext) => Secret

/**
 * TK-BAK-1: backups, made where the keys are. Public facts, envelopes and documents come in, and key files are made here; only the age file goes out. What is unlocked
 * has no part in it: a key file takes the passphrase of the key or of its group, given for just these recipients.
 */
export class BackupSessions {
    readonly #given: Given
    readonly #sessions = new Map<number, BackupSession>()
    /** Being begun: passphrases take their time. */
    #beginning = 0

    /** @param given opens a secret if it is good for this and nothing else */
    constructor(given: Given) {
        this.#given = given
    }

    /** The operations whose names begin with `backup-`. */
    async control(operation: string, request: Fields): Promise<object> {
        if (operation === "backup-begin") return await this.#begin(request)
        const number = request.integer("session")
        const session = this.#sessions.get(number)
        if (operation === "backup-abort") {
            this.#forget(number)
            return {}
        }
        if (session === undefined) throw brokenOff()
        switch (operation) {
            case "backup-open-group":
                return await session.openGroup(request)
            case "backup-make-key-file":
                return await session.makeKeyFile(request)
            case "backup-part":
                return session.part(request.bytes("content"))
            case "backup-write":
                return session.write(request)
            case "backup-key-file":
                return await session.keyFile(request)
            case "backup-read":
                return session.read()
            case "backup-end":
                return session.end()
            default:
                throw new FrameError("operation is unknown")
        }
    }

    close(): void {
        for (const number of [...this.#sessions.keys()]) this.#forget(number)
    }

    #forget(number: number): void {
        this.#sessions.get(number)?.[Symbol.dispose]()
        this.#sessions.delete(number)
    }

    async #begin(request: Fields): Promise<object> {
        if (this.#sessions.size + this.#beginning >= MOST_SESSIONS)
            throw new TrustkeyError("overloaded", "enough backups are being made already; try again")
        this.#beginning += 1
        try {
            const session = await this.#open(request)
            // Not counted: what is said to a session of a process that has ended must not reach another one of the next.
            const number = randomInt(1, LARGEST_NUMBER)
            this.#sessions.set(number, session)
            return { session: number, ...session.read() }
        } finally {
            this.#beginning -= 1
        }
    }

    async #open(request: Fields): Promise<BackupSession> {
        const to = this.#to(request)
        using secret = to.secret
        const files = request.has("files") ? request.fields("files") : undefined
        using owned = new DisposableStack()
        const given =
            files?.has("opener") === true
                ? owned.use(this.#given(files.fields("opener"), { purpose: "backup-files", subject: backupSubject(to.name) }))
                : undefined
        const made = files !== undefined && given === undefined ? owned.use(makePassphrase()) : undefined
        const recipients: AgeRecipients =
            secret === undefined ? { kind: "x25519", recipients: to.recipients } : { kind: "passphrase", passphrase: secret }
        const age = owned.use(await AgeWriter.open(recipients))
        const chosen = given ?? made
        const writer = chosen === undefined ? undefined : owned.use(await KeyFileWriter.open("notary", chosen))
        const session = new BackupSession(this.#given, to.name, age, writer, given, made)
        // They are the session's from here on.
        owned.move()
        return session
    }

    /** `name`: what secrets for this backup are bound to. */
    #to(request: Fields): { readonly name: string; readonly recipients: readonly string[]; readonly secret: Secret | undefined } {
        if (!request.has("passphrase")) {
            const recipients = request.texts("recipients")
            return { name: toOfRecipients(recipients), recipients, secret: undefined }
        }
        const opener = request.fields("passphrase")
        const secret = this.#given(opener, { purpose: "backup-passphrase", subject: "backup" })
        return { name: sealedSecretHash(parseSealed(opener.fields("sealed"))), recipients: [], secret }
    }
}

class BackupSession implements Disposable {
    readonly #given: Given
    readonly #to: string
    readonly #age: AgeWriter
    readonly #files: KeyFileWriter | undefined
    /** What the key files open with: given, or made when nobody gave one. */
    readonly #chosen: Secret | undefined
    readonly #made: Secret | undefined
    readonly #archive = new ArchiveWriter()
    readonly #groups = new Map<string, Secret>()
    /** Made already, and encrypted, by key ID. */
    readonly #keyFiles = new Map<string, Buffer>()
    readonly #ready: Buffer[]
    #parts: Buffer[] = []
    #isOver = false

    constructor(
        given: Given,
        to: string,
        age: AgeWriter,
        files: KeyFileWriter | undefined,
        chosen: Secret | undefined,
        made: Secret | undefined,
    ) {
        this.#given = given
        this.#to = to
        this.#age = age
        this.#files = files
        this.#chosen = chosen
        this.#made = made
        this.#ready = [age.header]
    }

    /** One Argon2 for all keys of a group. */
    async openGroup(request: Fields): Promise<object> {
        const name = request.text("group")
        using secret = this.#given(request.fields("opener"), { purpose: "backup", subject: keyFileSubject(`group:${name}`, this.#to) })
        this.#requireOther(secret)
        const key = await open(request.bytes("envelope"), request.bytes("facts"), { kind: "passphrase", secret })
        if (this.#isOver) {
            key[Symbol.dispose]()
            throw brokenOff()
        }
        this.#groups.get(name)?.[Symbol.dispose]()
        this.#groups.set(name, key)
        return {}
    }

    /** At once, though its place comes later: then a wrong passphrase is told before anything is written, and nothing is kept but the encrypted file. */
    async makeKeyFile(request: Fields): Promise<object> {
        const expected = parsePublicKey(request.fields("publicKey"))
        const id = canonicalKeyIdOf(tufKey(expected))
        using secret = this.#given(request.fields("opener"), { purpose: "backup", subject: keyFileSubject(id, this.#to) })
        this.#requireOther(secret)
        using pkcs8 = await openWithPassphrase(request, secret)
        if (this.#isOver) throw brokenOff()
        toKey(pkcs8, expected)
        this.#keyFiles.set(id, this.#writeKeyFile(pkcs8, id, request))
        return {}
    }

    /** Before Argon2: it says nothing of whether the passphrase is right. */
    #requireOther(secret: Secret): void {
        if (this.#chosen !== undefined) requireOther(this.#chosen, secret)
    }

    /** Of a member that is longer than a frame. */
    part(content: Buffer): object {
        this.#parts.push(content)
        return {}
    }

    /** Members of the archive; the first begins with the parts that came before. */
    write(request: Fields): object {
        for (const member of request.list("members")) {
            const content = Buffer.concat([...this.#parts, member.bytes("content")])
            this.#parts = []
            this.#add(member.text("name"), content)
        }
        return this.read()
    }

    async keyFile(request: Fields): Promise<object> {
        const expected = parsePublicKey(request.fields("publicKey"))
        const id = canonicalKeyIdOf(tufKey(expected))
        this.#add(`notary/${id}.key`, this.#keyFiles.get(id) ?? (await this.#ofGroup(request, id)))
        return this.read()
    }

    async #ofGroup(request: Fields, id: string): Promise<Buffer> {
        const key = this.#groups.get(request.text("group"))
        if (key === undefined) throw new FrameError("a key file without its key's passphrase")
        using pkcs8 = await open(request.bytes("envelope"), request.bytes("facts"), { kind: "group", key })
        toKey(pkcs8, parsePublicKey(request.fields("publicKey")))
        return this.#writeKeyFile(pkcs8, id, request)
    }

    #writeKeyFile(pkcs8: Secret, id: string, request: Fields): Buffer {
        if (this.#files === undefined) throw new FrameError("a key file in a backup without any")
        const headers = parseHeaders(request.fields("headers"))
        if (headers.path !== id) throw new FrameError("a key file that names another key")
        return this.#files.write(pkcs8, headers)
    }

    /** The archive's last members, and the end of the file. */
    end(): object {
        if (this.#made !== undefined) {
            const content = encodeRecord({ kind: "key-file-passphrase", passphrase: this.#made })
            this.#add("notary/passphrase.txt", content)
            content.fill(0)
        }
        const end = this.#archive.end()
        for (const bytes of this.#archive.last({ name: "end.json", content: encodeRecord(end) })) this.#encrypt(bytes)
        this.#ready.push(this.#age.end())
        return { records: end.records, fingerprint: end.fingerprint, madePassphrase: this.#made !== undefined, ...this.read() }
    }

    /** What of the file is ready. `more`: there is more than one answer has room for. */
    read(): { readonly data: string; readonly more: boolean } {
        const all = Buffer.concat(this.#ready.splice(0))
        const data = all.subarray(0, MOST_ANSWERED_BYTES)
        if (data.length < all.length) this.#ready.push(all.subarray(data.length))
        return { data: toBase64(data), more: data.length < all.length }
    }

    #add(name: string, content: Uint8Array): void {
        for (const bytes of this.#archive.add({ name, content })) this.#encrypt(bytes)
    }

    #encrypt(bytes: Uint8Array): void {
        const sealed = this.#age.write(bytes)
        if (sealed.length > 0) this.#ready.push(sealed)
    }

    /** Also while a passphrase is being stretched: what comes of it is not kept. */
    [Symbol.dispose](): void {
        this.#isOver = true
        this.#age[Symbol.dispose]()
        this.#files?.[Symbol.dispose]()
        this.#chosen?.[Symbol.dispose]()
        this.#made?.[Symbol.dispose]()
        for (const key of this.#groups.values()) key[Symbol.dispose]()
        this.#groups.clear()
        this.#keyFiles.clear()
    }
}

function brokenOff(): TrustkeyError {
    return new TrustkeyError("signer_unavailable", "the backup was broken off: what was unlocked is locked again")
}

function makePassphrase(): Secret {
    const bytes = Buffer.alloc(MADE_PASSPHRASE_LENGTH)
    for (let at = 0; at < bytes.length; at += 1) bytes[at] = MADE_PASSPHRASE_ALPHABET[randomInt(MADE_PASSPHRASE_ALPHABET.length)] ?? 0
    return new Secret(bytes)
}
