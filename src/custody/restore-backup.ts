import { createHash } from "node:crypto"
import {
    type BackupRecord,
    BackupVerifier,
    type CertificateRecord,
    type CloseRecord,
    type GroupRecord,
    type HeadRecord,
    type KeyRecord as KeptKey,
    type Member,
    MemberReader,
} from "../backup/index.ts"
import { TrustkeyError } from "../errors.ts"
import type { RestoreChange, RestoredLineage, RestorePlan } from "../journal/index.ts"
import { authorize, type Principal } from "../policy/index.ts"
import { record, recorded, type Subject } from "./recorded.ts"
import type { Rooms } from "./rooms.ts"

export type RestoreRequest = {
    /** The one in the archive's end.json, lowercase hex. */
    readonly fingerprint: string
    /** Undefined: nothing is changed. `digest`: what the same request without it answered. */
    readonly confirm: { readonly typed: string; readonly digest: string } | undefined
    /** The members of the archive in its order, but those in notary/. */
    readonly records: AsyncIterable<Member>
    readonly say: (change: RestoreChange) => Promise<void>
}

export type RestoreOutcome = {
    /** False: nothing was changed. */
    readonly done: boolean
    /** SHA-256 of the members that came, lowercase hex. */
    readonly digest: string
    readonly madeAt: string
    readonly madeHere: boolean
    readonly records: number
    readonly added: number
    readonly raised: number
    readonly differing: number
    readonly same: number
    readonly auditSequence: number
    readonly auditHead: string
}

/** As with adopting a repository: many could be tried for one that shares fewer. */
const TYPED_DIGITS = 16
/** All of it is held until it is known to be whole and right: a hundred thousand keys have a sixth of this. */
const MOST_BYTES = 1024 * 1024 * 1024
const MOST_RECORDS = 2_000_000

/**
 * Take in what a backup has and the daemon lacks, all of it or nothing. The client has opened the file; nothing of what it says is believed that can be looked at: IDs are
 * computed again, envelopes parse, roots follow on each other from version 1, files have their signatures, marks never fall (TK-JRN-4), and who was removed stays removed.
 * The policy in it is for people; the daemon's own stays.
 *
 * @throws confirmation_required, backup_invalid, state_newer, overloaded: nothing was changed
 */
export async function restoreBackup(rooms: Rooms, principal: Principal, request: RestoreRequest): Promise<RestoreOutcome> {
    const { fingerprint, confirm } = request
    const subject: Subject = { detail: { fingerprint, confirmed: confirm !== undefined } }
    const { said, outcome } = await recorded(rooms, principal, "restore", subject, async () => {
        const permit = authorize(rooms.policy(), principal, "restore", [])
        if (confirm !== undefined) requireTyped(fingerprint, confirm.typed)
        const given = await readAll(request.records, fingerprint)
        if (confirm !== undefined && confirm.digest !== given.digest)
            throw new TrustkeyError("backup_invalid", "what came is not what was shown before: show it again, and compare")
        const about = { fingerprint, records: given.count, auditSequence: given.head.audit.sequence, auditHead: given.head.audit.hash }
        const madeHere = await rooms.evidence.isKnown(fingerprint)
        const done = confirm !== undefined
        const plans = done
            ? await rooms.alone(async () => {
                  const plans = await plan(rooms, given)
                  // Whoever finds this record and not the next knows that the daemon ended in between; what was taken in is all or nothing.
                  await record(rooms, principal, "restore", { detail: { ...about, begun: true } }, "ok")
                  await rooms.journal.restore(permit, plans)
                  return plans
              })
            : await plan(rooms, given)
        const said = plans.flatMap((part) => part.said)
        const count = (kind: RestoreChange["kind"]): number => said.filter((change) => change.kind === kind).length
        const [added, raised] = [count("add"), count("raise")]
        const counts = { added, raised, differing: said.length - added - raised, same: plans.reduce((sum, { same }) => sum + same, 0) }
        subject.detail = { ...about, ...counts, confirmed: done }
        const { audit, created } = given.head
        const outcome = {
            done,
            digest: given.digest,
            madeAt: created,
            madeHere,
            records: given.count,
            ...counts,
            auditSequence: audit.sequence,
            auditHead: audit.hash,
        }
        return { said, outcome }
    })
    // What was done is on record, whether or not anybody stays to be told.
    for (const change of said) await request.say(change)
    return outcome
}

function requireTyped(fingerprint: string, typed: string): void {
    if (typed.length >= TYPED_DIGITS && fingerprint.startsWith(typed)) return
    throw new TrustkeyError(
        "confirmation_required",
        `compare the backup's fingerprint with what was noted when it was made, then confirm its first ${TYPED_DIGITS} digits: ${fingerprint}`,
    )
}

async function plan(rooms: Rooms, { groups, keys, lineages, certificates, closes }: Given): Promise<readonly RestorePlan[]> {
    return [await rooms.keys.planRestore(groups, keys), await rooms.journal.planRestore({ lineages, certificates, closes })]
}

type Given = {
    readonly head: HeadRecord
    readonly groups: readonly GroupRecord[]
    readonly keys: readonly KeptKey[]
    readonly lineages: readonly RestoredLineage[]
    readonly certificates: readonly CertificateRecord[]
    readonly closes: readonly CloseRecord[]
    readonly count: number
    readonly digest: string
}

/** @throws backup_invalid, state_newer, payload_too_large */
async function readAll(records: AsyncIterable<Member>, fingerprint: string): Promise<Given> {
    // The client takes them out; the end counts them all the same.
    const reader = new MemberReader({ keyFilesLeftOut: true })
    const verifier = new BackupVerifier({ keyFilesLeftOut: true, policyUnread: true })
    const given = new Gathered()
    const hash = createHash("sha256")
    let bytes = 0
    for await (const member of records) {
        const { name, content } = member
        bytes += content.length
        given.count += 1
        if (bytes > MOST_BYTES || given.count > MOST_RECORDS)
            throw new TrustkeyError(
                "payload_too_large",
                `a backup of over ${MOST_BYTES} bytes or ${MOST_RECORDS} records is not taken in at once`,
            )
        const head = Buffer.alloc(8)
        head.writeUInt32BE(Buffer.byteLength(name), 0)
        head.writeUInt32BE(content.length, 4)
        hash.update(head).update(name).update(content)
        const found = reader.take(member)
        if (found === undefined) continue
        // TK-KEY-1: what a file's passphrase would open is nothing that whoever talks to clients holds.
        if (found.kind === "key-file" || found.kind === "key-file-passphrase")
            throw new TrustkeyError("invalid_request", "key files are not sent to the daemon: they are for other programs")
        verifier.take(found)
        if (found.kind === "end" && found.fingerprint !== fingerprint)
            throw new TrustkeyError("backup_invalid", `this is the end of another backup, ${found.fingerprint}`)
        given.take(found)
    }
    if (!reader.isOver || given.head === undefined)
        throw new TrustkeyError("backup_invalid", "the backup is cut off: its last record did not come")
    return { ...given, head: given.head, digest: hash.digest("hex") }
}

type Building = {
    -readonly [Name in keyof RestoredLineage]: RestoredLineage[Name] extends readonly (infer T)[] ? T[] : RestoredLineage[Name]
}

class Gathered {
    head: HeadRecord | undefined
    count = 0
    readonly groups: GroupRecord[] = []
    readonly keys: KeptKey[] = []
    readonly lineages: Building[] = []
    readonly certificates: CertificateRecord[] = []
    readonly closes: CloseRecord[] = []

    take(found: BackupRecord): void {
        const lineage = this.lineages.at(-1)
        switch (found.kind) {
            case "head":
                this.head = found
                return
            case "group":
                this.groups.push(found)
                return
            case "key":
                this.keys.push(found)
                return
            case "lineage":
                this.lineages.push({ record: found, roots: [], documents: [], waiting: [], promises: [] })
                return
            case "root":
                lineage?.roots.push(found)
                return
            case "document":
                lineage?.documents.push(found)
                return
            case "waiting":
                lineage?.waiting.push(found)
                return
            case "promise":
                lineage?.promises.push(found)
                return
            case "certificate":
                this.certificates.push(found)
                return
            case "close":
                this.closes.push(found)
                return
            default:
                return
        }
    }
}
