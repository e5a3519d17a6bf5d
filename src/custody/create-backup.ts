import type { BackupFacts } from "../audit/index.ts"
import {
    type BackupRecord,
    type EndRecord,
    insteadOf,
    type KeyRecord as KeptKey,
    type Member,
    MemberWriter,
    parseShareSet,
} from "../backup/index.ts"
import { type NotaryHeaders, type SealedSecret, Secret } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import type { KeyRecord } from "../journal/index.ts"
import { type BackupSession, type BackupTo, encodeKeyFacts, type KeySnapshot, type KeySubject } from "../keys/index.ts"
import { authorize, type Principal } from "../policy/index.ts"
import { type Gun, notaryHeaders, type RootDocument, rootOf } from "../tuf/index.ts"
import { placesOf, usableKey } from "./places.ts"
import { recorded, type Subject } from "./recorded.ts"
import type { Rooms } from "./rooms.ts"

export type CreateBackupRequest = {
    /** Undefined: for the configuration's recipients. */
    readonly to: BackupTo | undefined
    readonly keyFiles?: {
        readonly sources: readonly { readonly subject: KeySubject; readonly passphrase: SealedSecret }[]
        readonly passphrase: SealedSecret | undefined
    }
    /** Takes what follows of the file; what it throws ends the backup. */
    readonly take: (part: BackupPart) => Promise<void>
}

export type BackupPart = { readonly data: Uint8Array; readonly records: number; readonly total: number }

/** What travels to the signer at a time. */
const BATCH_BYTES = 512 * 1024
const BATCH_MEMBERS = 256
/** Backups given out that nobody has said to have kept. */
const MOST_GIVEN = 64
const NOTHING = Buffer.alloc(0)

/**
 * TK-BAK-1: everything that is kept here, encrypted in the signer process while it is read. Whoever may have backups made can have them made for the recipients of the
 * configuration, who are not his to choose; for others, or with key files, it is an administrator's socket and the passphrases of the keys.
 *
 * The last of the data comes with the answer: before that, that it was made is on record.
 */
export async function createBackup(
    rooms: Rooms,
    principal: Principal,
    request: CreateBackupRequest,
): Promise<BackupFacts & { readonly data: Uint8Array }> {
    const subject: Subject = {}
    return await recorded(rooms, principal, "backup", subject, async () => {
        authorize(rooms.policy(), principal, "backup", [])
        const to = toOf(rooms, principal, request)
        const asked = { recipients: recipientsOf(to).join(" "), keyFilesOf: sourcesOf(request) }
        subject.detail = asked
        for (const source of request.keyFiles?.sources ?? []) requireExport(rooms, principal, source.subject)
        const session = await rooms.keys.openBackup(
            { to, ...(request.keyFiles === undefined ? {} : { keyFiles: request.keyFiles }) },
            headersOf,
        )
        try {
            const { facts, data } = await write(rooms, session, to, request.take)
            const { fingerprint, records, keys, keyFiles } = facts
            subject.detail = { ...asked, fingerprint, records, keys, keyFiles }
            remember(rooms, facts)
            return { ...facts, data }
        } finally {
            session.abort()
        }
    })
}

/** The caller has the file, whole: from now on it counts as the last backup. @throws not_found: nothing of that fingerprint was given out */
export async function keptBackup(rooms: Rooms, principal: Principal, request: { readonly fingerprint: string }): Promise<void> {
    const { fingerprint } = request
    await recorded(rooms, principal, "backup", { detail: { fingerprint, kept: true } }, async () => {
        authorize(rooms.policy(), principal, "backup", [])
        const facts = rooms.given.get(fingerprint)
        if (facts === undefined) throw new TrustkeyError("not_found", "no such backup was made since the daemon started")
        await rooms.evidence.made(facts)
        rooms.given.delete(fingerprint)
    })
}

function toOf(rooms: Rooms, principal: Principal, { to, keyFiles }: CreateBackupRequest): BackupTo {
    const { recipients } = rooms.backup()
    const isOwn = to === undefined || (to.kind === "x25519" && to.recipients.join(" ") === recipients.join(" "))
    if ((!isOwn || keyFiles !== undefined) && principal.socket !== "admin") {
        const what = isOwn ? "key files go into a backup" : "a backup for other recipients than the configuration's is made"
        throw new TrustkeyError("denied", `${what} on the admin socket only`)
    }
    if (to !== undefined) return to
    if (recipients.length === 0)
        throw new TrustkeyError(
            "invalid_request",
            "the configuration names no recipients for backups: set backup.recipients, or say for whom it is",
        )
    return { kind: "x25519", recipients }
}

/** Nobody is to gather shares for a backup that they don't open. */
function sharesOf(rooms: Rooms, recipients: readonly string[]): string | undefined {
    const { shares } = rooms.backup()
    if (shares === undefined) return undefined
    return recipients.includes(parseShareSet(Buffer.from(shares, "utf8")).recipient) ? shares : undefined
}

/** Whose private keys leave in files: which left when is on record, as with other exports. */
function sourcesOf({ keyFiles }: CreateBackupRequest): string {
    return (keyFiles?.sources ?? []).map(({ subject }) => ("keyId" in subject ? subject.keyId : `group:${subject.group}`)).join(" ")
}

function recipientsOf(to: BackupTo): readonly string[] {
    return to.kind === "x25519" ? to.recipients : []
}

/** @throws denied: a key of it is not his to let leave */
function requireExport(rooms: Rooms, principal: Principal, subject: KeySubject): void {
    if ("keyId" in subject) usableKey(rooms, principal, "export-key", subject.keyId)
    else for (const key of keysIn(rooms, subject.group)) authorize(rooms.policy(), principal, "export-key", placesOf(key))
}

function* keysIn(rooms: Rooms, group: string): Iterable<KeyRecord> {
    for (const key of rooms.keys.list()) {
        if (key.home.kind === "group" && key.home.group === group && key.removedAt === undefined) yield key
    }
}

/** Of one that is bound in several repositories the first: the file is found by its ID anyway. @throws invalid_request, key_unfit: Notary has no such keys */
function headersOf(record: KeyRecord): NotaryHeaders {
    const gun = record.bindings.find(({ role }) => role === record.purpose)?.gun
    return notaryHeaders(record, record.purpose === "targets" || record.purpose === "snapshot" ? gun : undefined)
}

function hasHeaders(record: KeyRecord): boolean {
    const { purpose, bindings } = record
    return purpose === "root" || purpose === "delegation" || bindings.some(({ role }) => role === purpose)
}

async function write(
    rooms: Rooms,
    session: BackupSession,
    to: BackupTo,
    take: CreateBackupRequest["take"],
): Promise<{ readonly facts: BackupFacts; readonly data: Uint8Array }> {
    // The repositories are each whole by itself; what is kept for keys is read before them, so that no key of it is missing.
    const journal = await rooms.journal.backup()
    const { keys, groups } = rooms.keys.snapshot()
    const { head: audit } = rooms.audit
    const files = keys.filter(({ record }) => session.hasKeyFile(record) && hasHeaders(record))
    const recipients = recipientsOf(to)
    const shares = sharesOf(rooms, recipients)
    const created = rooms.now().toISOString()
    const counts = { groups: groups.length, keys: keys.length, ...journal.counts }
    const out = new Output(session, take, groups.length + keys.length + journal.counts.lineages + files.length)
    await out.add({
        kind: "head",
        created,
        program: `trustkeyd ${rooms.version}`,
        audit: { sequence: audit.sequence, hash: audit.hash },
        counts,
        recipients,
        ...(shares === undefined ? {} : { shares }),
    })
    await out.add({ kind: "policy", content: rooms.backup().configuration })
    for (const { name, createdAt, envelope } of groups) await out.add({ kind: "group", name, createdAt, envelope })
    for (const key of keys) await out.add(keyRecordOf(rooms, key))
    for await (const record of journal.records()) await out.add(record)
    for (const key of files) await out.keyFile(key, headersOf(key.record))
    const { end, data, bytes } = await out.end()
    const facts = {
        fingerprint: end.fingerprint,
        at: created,
        records: end.records,
        bytes,
        keys: keys.length,
        keyFiles: files.length,
        without: keys.filter(({ record, envelope }) => record.removedAt === undefined && envelope === undefined).length,
        repositories: journal.counts.lineages,
        recipients,
        auditSequence: audit.sequence,
        auditHead: audit.hash,
    }
    return { facts, data }
}

function keyRecordOf(rooms: Rooms, { record, envelope }: KeySnapshot): KeptKey {
    const facts = encodeKeyFacts(record)
    if (envelope !== undefined) return { kind: "key", id: record.id, facts, envelope }
    if (record.removedAt !== undefined) return { kind: "key", id: record.id, facts }
    return { kind: "key", id: record.id, facts, instead: insteadOf(record, (gun) => rootDocumentOf(rooms, gun)) }
}

function rootDocumentOf(rooms: Rooms, gun: Gun): RootDocument | undefined {
    const root = rooms.journal.repository(gun)?.root
    return root === undefined ? undefined : rootOf(root.signed)
}

function remember({ given }: Rooms, facts: BackupFacts): void {
    given.set(facts.fingerprint, facts)
    const [oldest] = given.keys()
    if (given.size > MOST_GIVEN && oldest !== undefined) given.delete(oldest)
}

/** Records to the signer, many at a time, and what it gives back to the caller. */
class Output {
    readonly #session: BackupSession
    readonly #take: CreateBackupRequest["take"]
    readonly #total: number
    readonly #writer = new MemberWriter()
    #batch: Member[] = []
    #batched = 0
    #counted = 0
    #bytes = 0

    constructor(session: BackupSession, take: CreateBackupRequest["take"], total: number) {
        this.#session = session
        this.#take = take
        this.#total = total
    }

    async add(record: Exclude<BackupRecord, EndRecord>): Promise<void> {
        for (const member of this.#writer.take(record)) {
            this.#batch.push(member)
            this.#batched += member.content.length
        }
        if (["group", "key", "lineage"].includes(record.kind)) this.#counted += 1
        if (this.#batched >= BATCH_BYTES || this.#batch.length >= BATCH_MEMBERS) await this.#flush()
    }

    /** Only its place is known here: what is in it is made, and stays, in the signer. */
    async keyFile(key: KeySnapshot, headers: NotaryHeaders): Promise<void> {
        await this.#flush()
        this.#writer.take({ kind: "key-file", keyId: key.record.id, pem: NOTHING })
        this.#counted += 1
        await this.#give(await this.#session.keyFile(key, headers))
    }

    async end(): Promise<{ readonly end: EndRecord; readonly data: Uint8Array; readonly bytes: number }> {
        await this.#flush()
        const { data, records, fingerprint, madePassphrase } = await this.#session.end()
        if (madePassphrase) {
            using unseen = Secret.random(1)
            this.#writer.take({ kind: "key-file-passphrase", passphrase: unseen })
        }
        const end: EndRecord = { kind: "end", records, fingerprint }
        // That all that the head announced has gone out.
        this.#writer.finish(end)
        const last = Buffer.concat(data)
        return { end, data: last, bytes: this.#bytes + last.length }
    }

    async #flush(): Promise<void> {
        if (this.#batch.length === 0) return
        const members = this.#batch
        this.#batch = []
        this.#batched = 0
        await this.#give(await this.#session.write(members))
    }

    async #give(data: readonly Uint8Array[]): Promise<void> {
        for (const piece of data) {
            this.#bytes += piece.length
            await this.#take({ data: piece, records: this.#counted, total: this.#total })
        }
    }
}
