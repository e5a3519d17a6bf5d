import { TrustkeyError } from "../errors.ts"
import { type Json, parseJson } from "../tuf/index.ts"
import { canonicalJson } from "./canonical-json.ts"
import { BACKUP_FORMAT, type BackupRecord, type Instead, type RoleVersion } from "./records.ts"

/** The bytes of a record's member, docs/formats/backup.md. */
export function encodeRecord(record: BackupRecord): Uint8Array {
    switch (record.kind) {
        case "policy":
        case "root":
        case "document":
        case "waiting":
            return record.content
        case "key-file":
            return record.pem
        case "key-file-passphrase":
            return record.passphrase.reveal((bytes) => Buffer.concat([bytes, LINE_END]))
        default:
            return Buffer.from(canonicalJson(membersOf(record)), "utf8")
    }
}

const LINE_END = Buffer.from("\n")

type FileRecord = { readonly kind: "policy" | "root" | "document" | "waiting" | "key-file" | "key-file-passphrase" }

function membersOf(record: Exclude<BackupRecord, FileRecord>): Json {
    switch (record.kind) {
        case "head":
            return object({
                format: BACKUP_FORMAT,
                created: record.created,
                program: record.program,
                audit: object(record.audit),
                counts: object(record.counts),
                recipients: record.recipients,
                shares: record.shares === undefined ? undefined : embedded(record.shares),
            })
        case "group":
            return object({ name: record.name, createdAt: record.createdAt, envelope: base64(record.envelope) })
        case "key":
            return object({
                facts: embedded(record.facts),
                envelope: optionalBase64(record.envelope),
                leaves: record.instead === undefined ? undefined : false,
                instead: record.instead === undefined ? undefined : encodeInstead(record.instead),
            })
        case "lineage":
            return object({
                gun: record.gun,
                lineage: record.lineage,
                origin: record.origin,
                at: record.at,
                retiredAt: record.retiredAt,
                marks: record.marks.map((mark) => object({ ...version(mark), expires: mark.expires })),
                published: record.published.map((seen) => object(version(seen))),
                roots: record.roots,
                documents: record.documents.map((document) => object(version(document))),
                outbox: record.outbox.map((file) => object({ ...version(file), at: file.at })),
                promises: record.promises,
            })
        case "promise":
            return object({
                ...version(record),
                keyId: record.keyId,
                scheme: record.scheme,
                at: record.at,
                bytes: base64(record.bytes),
                signature: optionalBase64(record.signature),
                voided: record.voided === undefined ? undefined : object({ at: record.voided.at, by: record.voided.by }),
            })
        case "certificate":
            return object({ keyId: record.keyId, gun: record.gun, pem: record.pem })
        case "close":
            return object({
                plan: record.plan,
                keyId: record.keyId,
                scheme: record.scheme,
                at: record.at,
                bytes: base64(record.bytes),
                signature: optionalBase64(record.signature),
            })
        case "end":
            return object({ records: record.records, sha256: record.fingerprint })
    }
}

export function encodeInstead(instead: readonly Instead[]): Json {
    return instead.map(encodeWay)
}

function encodeWay(instead: Instead): Json {
    switch (instead.how) {
        case "copy":
            return object({ how: instead.how, token: instead.token, serial: instead.serial })
        case "holders":
            return object({ how: instead.how, gun: instead.gun, keys: instead.keys, threshold: instead.threshold })
        case "replace":
            return object({ how: instead.how, gun: instead.gun, role: instead.role, by: instead.by })
    }
}

function version({ role, version, sha256 }: RoleVersion): { role: string; version: number; sha256: string } {
    return { role, version, sha256 }
}

function object(members: Readonly<Record<string, Json | undefined>>): Json {
    return new Map(Object.entries(members).filter((entry): entry is [string, Json] => entry[1] !== undefined))
}

/** JSON within JSON: facts and share sets keep the form that their own rooms give them. */
function embedded(text: string): Json {
    try {
        return parseJson(Buffer.from(text, "utf8"))
    } catch (cause) {
        throw new TrustkeyError("internal", "what goes into a backup is not the JSON it has to be", { cause })
    }
}

function base64(bytes: Uint8Array): string {
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64")
}

function optionalBase64(bytes: Uint8Array | undefined): string | undefined {
    return bytes === undefined ? undefined : base64(bytes)
}
