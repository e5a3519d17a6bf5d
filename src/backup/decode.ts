import { isAgeRecipient, Secret, sha256 } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import { type Json, parseKeyId } from "../tuf/index.ts"
import { canonicalJson, parseCanonicalJson } from "./canonical-json.ts"
import { GROUP_NAME, readKeyFacts } from "./key-facts.ts"
import { Members } from "./members.ts"
import { type DueFile, END_NAME, HEAD_NAME, PASSPHRASE_NAME, POLICY_NAME } from "./order.ts"
import {
    BACKUP_FORMAT,
    type BackupRecord,
    type CertificateRecord,
    type CloseRecord,
    type GroupRecord,
    type HeadRecord,
    type Instead,
    type KeyRecord,
    type LineageRecord,
    MAX_MEMBER_BYTES,
    type PromiseRecord,
    type RoleVersion,
    SCHEMES,
} from "./records.ts"
import { refuse } from "./refuse.ts"

const FORMAT = /^trustkeyd-backup\/([1-9][0-9]{0,8})$/
const MAX_TEXT_BYTES = 4096
const MOST_RECIPIENTS = 64
// What Notary's tools were given to read never has more.
const MAX_KEY_FILE_BYTES = 64 * 1024
const LINE_FEED = 0x0a

/** What name and content say together, whatever stands before it. `due`: a file that was announced. @throws backup_invalid, state_newer */
export function decodeMember(name: string, content: Buffer, due: DueFile | undefined): BackupRecord {
    if (due !== undefined) return decodeFile(due, content)
    switch (name) {
        case HEAD_NAME:
            return decodeHead(json(content))
        case POLICY_NAME:
            return { kind: "policy", content }
        case PASSPHRASE_NAME:
            return { kind: "key-file-passphrase", passphrase: passphraseIn(content) }
        case END_NAME:
            return decodeEnd(new Members(json(content)))
        default:
            return decodeNumbered(name, content)
    }
}

function decodeFile(due: DueFile, content: Buffer): BackupRecord {
    switch (due.kind) {
        case "root":
            return { kind: "root", version: due.version, content }
        case "document":
            return { kind: "document", ...versionOf(due), content }
        case "waiting":
            return { kind: "waiting", ...versionOf(due), at: due.at, content }
        case "promise":
            return decodePromise(new Members(json(content)))
    }
}

function decodeNumbered(name: string, content: Buffer): BackupRecord {
    const [directory = ""] = name.split("/")
    switch (directory) {
        case "groups":
            return decodeGroup(new Members(json(content)))
        case "keys":
            return decodeKey(new Members(json(content)))
        case "repositories":
            return decodeLineage(new Members(json(content)))
        case "certificates":
            return decodeCertificate(new Members(json(content)))
        case "closes":
            return decodeClose(new Members(json(content)))
        case "notary":
            return decodeKeyFile(name, content)
        default:
            return refuse("no member of a backup has this name")
    }
}

function json(content: Buffer): Json {
    return parseCanonicalJson(content, MAX_MEMBER_BYTES)
}

/** The format first: a newer one may have other members, and is not damaged. */
function decodeHead(value: Json): HeadRecord {
    const members = new Members(value)
    const [, format] = FORMAT.exec(members.text("format")) ?? refuse("it is not the head of a backup of trustkeyd")
    if (`trustkeyd-backup/${format}` !== BACKUP_FORMAT) {
        const message = `the backup was written by a newer trustkeyd (its format is ${format}, this one knows 1): read it with that version`
        throw new TrustkeyError("state_newer", message)
    }
    const audit = members.members("audit")
    const counts = members.members("counts")
    const head: HeadRecord = {
        kind: "head",
        created: members.time("created"),
        program: members.text("program", isLine),
        audit: { sequence: audit.integer("sequence"), hash: audit.hash("hash") },
        counts: {
            groups: counts.integer("groups"),
            keys: counts.integer("keys"),
            lineages: counts.integer("lineages"),
            certificates: counts.integer("certificates"),
            closes: counts.integer("closes"),
        },
        recipients: members.texts("recipients", isAgeRecipient),
        ...(members.has("shares") ? { shares: canonicalJson(members.value("shares")) } : {}),
    }
    for (const part of [audit, counts, members]) part.finish()
    if (head.recipients.length > MOST_RECIPIENTS) refuse(`it has more than ${MOST_RECIPIENTS} recipients`)
    return head
}

function decodeGroup(members: Members): GroupRecord {
    const name = members.text("name", (text) => GROUP_NAME.test(text))
    const group: GroupRecord = { kind: "group", name, createdAt: members.time("createdAt"), envelope: members.bytes("envelope") }
    members.finish()
    return group
}

function decodeKey(members: Members): KeyRecord {
    const facts = members.value("facts")
    const { id, home, removedAt } = readKeyFacts(facts)
    const key: KeyRecord = {
        kind: "key",
        id,
        facts: canonicalJson(facts),
        ...(members.has("envelope") ? { envelope: members.bytes("envelope") } : {}),
        ...(members.has("leaves") ? { instead: decodeInstead(members) } : {}),
    }
    members.finish()
    const isSealed = removedAt === undefined && home.kind !== "token"
    if ((key.envelope !== undefined) !== isSealed)
        refuse(
            isSealed
                ? "it has no envelope, and its facts say that it is sealed"
                : "it has an envelope, and its facts say that nothing is sealed",
        )
    if ((key.instead !== undefined) !== (removedAt === undefined && !isSealed))
        refuse("it says that it can't leave if and only if it lies on tokens alone")
    return key
}

function decodeInstead(members: Members): readonly Instead[] {
    members.only("leaves", false)
    return members.list("instead", (one): Instead => {
        const how = one.oneOf("how", ["copy", "holders", "replace"])
        switch (how) {
            case "copy":
                return { how, token: one.text("token"), serial: one.text("serial") }
            case "holders":
                return { how, gun: one.gun("gun"), keys: one.keyIds("keys"), threshold: one.integer("threshold", 1) }
            case "replace":
                return { how, gun: one.gun("gun"), role: one.role("role"), by: one.role("by") }
        }
    })
}

function decodeLineage(members: Members): LineageRecord {
    const lineage: LineageRecord = {
        kind: "lineage",
        gun: members.gun("gun"),
        lineage: members.hash("lineage"),
        origin: members.oneOf("origin", ["born", "adopted"]),
        at: members.time("at"),
        ...(members.has("retiredAt") ? { retiredAt: members.time("retiredAt") } : {}),
        marks: members.list("marks", (mark) => ({ ...readVersion(mark), expires: mark.time("expires") })),
        published: members.list("published", readVersion),
        roots: members.integer("roots"),
        documents: members.list("documents", readVersion),
        outbox: members.list("outbox", (file) => ({ ...readVersion(file), at: file.time("at") })),
        promises: members.integer("promises"),
    }
    members.finish()
    return lineage
}

function readVersion(members: Members): RoleVersion {
    return { role: members.role("role"), version: members.integer("version", 1), sha256: members.hash("sha256") }
}

function versionOf({ role, version, sha256 }: RoleVersion): RoleVersion {
    return { role, version, sha256 }
}

function decodePromise(members: Members): PromiseRecord {
    const promise: PromiseRecord = {
        kind: "promise",
        ...readVersion(members),
        keyId: members.keyId("keyId"),
        scheme: members.oneOf("scheme", SCHEMES),
        at: members.time("at"),
        bytes: members.bytes("bytes"),
        ...(members.has("signature") ? { signature: members.bytes("signature") } : {}),
        ...(members.has("voided") ? { voided: readVoided(members.members("voided")) } : {}),
    }
    members.finish()
    if (sha256(promise.bytes).toString("hex") !== promise.sha256) refuse("sha256 is not the hash of bytes")
    return promise
}

function readVoided(members: Members): { readonly at: string; readonly by: string } {
    const voided = { at: members.time("at"), by: members.text("by", isLine) }
    members.finish()
    return voided
}

function decodeCertificate(members: Members): CertificateRecord {
    const certificate: CertificateRecord = {
        kind: "certificate",
        keyId: members.keyId("keyId"),
        gun: members.gun("gun"),
        pem: members.text("pem"),
    }
    members.finish()
    return certificate
}

function decodeClose(members: Members): CloseRecord {
    const close: CloseRecord = {
        kind: "close",
        plan: members.hash("plan"),
        keyId: members.keyId("keyId"),
        scheme: members.oneOf("scheme", SCHEMES),
        at: members.time("at"),
        bytes: members.bytes("bytes"),
        ...(members.has("signature") ? { signature: members.bytes("signature") } : {}),
    }
    members.finish()
    return close
}

function decodeKeyFile(name: string, content: Buffer): BackupRecord {
    const [, id = ""] = /^notary\/([0-9a-f]{64})\.key$/.exec(name) ?? []
    if (id === "") refuse("no member of a backup has this name")
    if (content.length > MAX_KEY_FILE_BYTES) refuse(`a key file has more than ${MAX_KEY_FILE_BYTES} bytes`)
    return { kind: "key-file", keyId: parseKeyId(id), pem: content }
}

/** One line: what a person types, or a script reads. */
function passphraseIn(content: Buffer): Secret {
    const length = content.length - 1
    if (length < 1 || length > MAX_TEXT_BYTES || content.indexOf(LINE_FEED) !== length) refuse("it is not one line")
    return new Secret(Buffer.from(content.subarray(0, length)))
}

function decodeEnd(members: Members): BackupRecord {
    const end: BackupRecord = { kind: "end", records: members.integer("records"), fingerprint: members.hash("sha256") }
    members.finish()
    return end
}

function isLine(text: string): boolean {
    return text !== "" && Buffer.byteLength(text) <= MAX_TEXT_BYTES
}
