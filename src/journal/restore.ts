import type {
    CertificateRecord,
    CloseRecord,
    DocumentRecord,
    LineageRecord,
    PromiseRecord,
    RootRecord,
    WaitingRecord,
} from "../backup/index.ts"
import { sha256 } from "../crypto/index.ts"
import { bytesOf, type Change, type Store, textOf } from "../storage/index.ts"
import { type Gun, parseFile, ROOT } from "../tuf/index.ts"
import { activeView, type LineageView, readLineage } from "./backup.ts"
import type { RepositoryState } from "./repository.ts"
import type { RestoreChange, RestorePlan } from "./restore-change.ts"

/** A lineage of a backup, whole, and verified by the caller: its chain of roots, its files, and its marks against them. */
export type RestoredLineage = {
    readonly record: LineageRecord
    readonly roots: readonly RootRecord[]
    readonly documents: readonly DocumentRecord[]
    readonly waiting: readonly WaitingRecord[]
    readonly promises: readonly PromiseRecord[]
}

/** What of a backup is the journal's. */
export type RestoredJournal = {
    readonly lineages: readonly RestoredLineage[]
    readonly certificates: readonly CertificateRecord[]
    readonly closes: readonly CloseRecord[]
}

/** A lineage that is here. */
type Known = {
    readonly view: LineageView
    readonly active: boolean
    /** Versions and hashes of roots that were voided here. */
    readonly voided: ReadonlySet<string>
}

type Place = { readonly gun: Gun; readonly lineage: string }

/**
 * TK-JRN-4: what of a backup goes into the journal. Marks rise and never fall; what was promised, published or voided here since stays so; what is here and differs stays.
 *
 * @param at when, RFC 3339
 * @param sequence the first that is free
 */
export async function planRestoredJournal(
    store: Store,
    repositories: ReadonlyMap<string, RepositoryState>,
    certificates: ReadonlyMap<string, string>,
    { lineages, certificates: given, closes }: RestoredJournal,
    at: string,
    sequence: number,
): Promise<Omit<RestorePlan, "apply">> {
    const plan = new JournalPlan(at, sequence)
    const rows = await store.read({ kind: "lineages" })
    /** GUNs with a lineage in use, here or taken in before. */
    const inUse = new Set(rows.filter((row) => row["retiredAt"] === null).map((row) => textOf(row, "gun")))
    const here = new Set(rows.map((row) => `${textOf(row, "gun")} ${textOf(row, "lineage")}`))
    for (const lineage of lineages) {
        const { gun, lineage: name } = lineage.record
        if (here.has(`${gun} ${name}`)) plan.compare(lineage, await knownLineage(store, repositories, gun, name))
        else {
            plan.add(lineage, inUse.has(gun))
            if (lineage.record.retiredAt === undefined) inUse.add(gun)
        }
    }
    for (const { keyId, gun, pem } of given) plan.certificate(keyId, gun, pem, certificates.get(`${keyId} ${gun}`))
    const kept = new Map((await store.read({ kind: "closes" })).map((row) => [`${textOf(row, "lineage")} ${textOf(row, "keyId")}`, row]))
    for (const close of closes) {
        const row = kept.get(`${close.plan} ${close.keyId}`)
        plan.close(close, row === undefined ? undefined : bytesOf(row, "bytes"))
    }
    return plan
}

async function knownLineage(store: Store, repositories: ReadonlyMap<string, RepositoryState>, gun: Gun, lineage: string): Promise<Known> {
    const active = activeView(repositories, gun, lineage)
    const view = active ?? (await readLineage(store, gun, lineage))
    const rows = await store.read({ kind: "void-promises", gun, lineage, role: ROOT })
    return { view, active: active !== undefined, voided: new Set(rows.map((row) => `${row["version"]} ${textOf(row, "sha256")}`)) }
}

class JournalPlan implements Omit<RestorePlan, "apply"> {
    readonly changes: Change[] = []
    readonly said: RestoreChange[] = []
    same = 0
    readonly #at: string
    #sequence: number

    constructor(at: string, sequence: number) {
        this.#at = at
        this.#sequence = sequence
    }

    /** A lineage that is not here. `besides`: another of the repository's is in use, and stays so. */
    add({ record, roots, documents, waiting, promises }: RestoredLineage, besides: boolean): void {
        const { gun, lineage, origin, at } = record
        const place = { gun, lineage }
        const retiredAt = record.retiredAt ?? (besides ? this.#at : null)
        this.changes.push({ kind: "lineage.restore", ...place, origin, at, retiredAt })
        for (const { version, content } of roots) this.changes.push({ kind: "root.insert", ...place, version, content })
        for (const mark of record.marks) this.changes.push({ kind: "mark.raise", ...place, ...mark })
        for (const seen of record.published) this.changes.push({ kind: "published.raise", ...place, ...seen })
        for (const document of documents) this.#document(place, document)
        // What an ended lineage had waiting is published by nobody.
        if (retiredAt === null) for (const file of waiting) this.#waiting(place, file)
        for (const promise of promises) this.#promise(place, promise)
        const marks = record.marks.map(({ role, version }) => `${role} ${version}`).join(", ")
        const state =
            record.retiredAt === undefined
                ? besides
                    ? " as one that has ended, for another one is in use here"
                    : ""
                : " as one that has ended"
        this.said.push({ kind: "add", subject: "repository", gun, text: `lineage ${lineage.slice(0, 8)}${state}, with the marks ${marks}` })
    }

    /** A lineage that is here, as it is or older or newer. */
    compare(given: RestoredLineage, { view, active, voided }: Known): void {
        const before = this.said.length
        const { record, roots, documents, waiting, promises } = given
        const { gun, lineage } = record
        const place = { gun, lineage }
        if (active !== (record.retiredAt === undefined)) {
            const text = active
                ? "it had ended when the backup was made; here it is in use"
                : "it was in use when the backup was made; here it has ended"
            this.said.push({ kind: "differs", subject: "repository", gun, text: `lineage ${lineage.slice(0, 8)}: ${text}, and stays so` })
        }
        const isFork = this.#marks(place, record, view, voided)
        // Two chains of roots, or a root that somebody voided here: nothing of the backup's files is built upon.
        if (!isFork && !this.#hasOtherRoots(place, roots, view)) {
            this.#published(place, record, roots, view)
            const isNew = ({ role, version }: { readonly role: WaitingRecord["role"]; readonly version: number }): boolean =>
                version > (view.marks.get(role)?.version ?? 0)
            for (const document of documents.filter(isNew)) this.#document(place, document)
            if (active) {
                for (const file of waiting.filter(isNew)) {
                    for (const older of view.outbox) if (older.role === file.role && file.role !== ROOT) this.#notWaiting(place, older)
                    this.#waiting(place, file)
                }
            }
            for (const promise of promises.filter(isNew))
                if (promise.voided === undefined || !isVoided(voided, promise)) this.#promise(place, promise)
        }
        if (this.said.length === before) this.same += 1
    }

    /** @returns whether the backup's root is one that was voided here */
    #marks(place: Place, record: LineageRecord, view: LineageView, voided: ReadonlySet<string>): boolean {
        const { gun } = place
        let isFork = false
        for (const mark of record.marks) {
            const { role, version } = mark
            const here = view.marks.get(role)
            if (role === ROOT && isVoided(voided, mark)) {
                isFork = true
                this.said.push({ kind: "differs", subject: "root", gun, role, text: `version ${version} was voided here, and stays void` })
            } else if (here === undefined || version > here.version) {
                this.changes.push({ kind: "mark.raise", ...place, ...mark })
                this.said.push({ kind: "raise", subject: "mark", gun, role, text: `from ${here?.version ?? "none"} to ${version}` })
            } else if (version === here.version && mark.sha256 !== here.sha256) {
                const text = `version ${version} has another content there: two were promised or published under one version`
                this.said.push({ kind: "differs", subject: "mark", gun, role, text })
                isFork ||= role === ROOT
            }
        }
        return isFork
    }

    #hasOtherRoots({ gun }: Place, roots: readonly RootRecord[], view: LineageView): boolean {
        for (const known of view.roots) {
            const { version } = known.signed.document
            const same = roots.find((root) => root.version === version)
            if (same === undefined || parseFile(same.content, ROOT).signed.sha256 === known.signed.sha256) continue
            this.said.push({
                kind: "differs",
                subject: "root",
                gun,
                role: ROOT,
                text: `version ${version} is another one there: two chains of roots`,
            })
            return true
        }
        return false
    }

    /** What was seen published there, and not here. */
    #published(place: Place, record: LineageRecord, roots: readonly RootRecord[], view: LineageView): void {
        const { gun } = place
        for (const { version, content } of roots.filter((root) => root.version > view.roots.length)) {
            this.changes.push({ kind: "root.insert", ...place, version, content })
            this.changes.push({ kind: "outbox.remove", ...place, role: ROOT, version })
            this.said.push({ kind: "add", subject: "root", gun, role: ROOT, text: `version ${version}` })
        }
        for (const seen of record.published) {
            const here = view.published.get(seen.role)
            if (here !== undefined && here.version === seen.version && here.sha256 !== seen.sha256) {
                const text = `version ${seen.version} was seen with another content there`
                this.said.push({ kind: "differs", subject: "published", gun, role: seen.role, text })
            }
            if (here !== undefined && here.version >= seen.version) continue
            this.changes.push({ kind: "published.raise", ...place, ...seen })
            this.said.push({
                kind: "raise",
                subject: "published",
                gun,
                role: seen.role,
                text: `version ${seen.version} was seen published`,
            })
            for (const file of view.outbox) {
                if (file.role === seen.role && file.role !== ROOT && file.signed.document.version <= seen.version)
                    this.#notWaiting(place, file)
            }
        }
    }

    #document(place: Place, { role, version, sha256, content }: DocumentRecord): void {
        this.changes.push({ kind: "document.put", ...place, role, version, sha256, content })
    }

    #waiting(place: Place, { role, version, sha256, content, at }: WaitingRecord): void {
        this.changes.push({ kind: "outbox.put", ...place, role, version, sha256, content, at })
        this.said.push({ kind: "add", subject: "outbox", gun: place.gun, role, text: `version ${version}, signed and not seen published` })
    }

    #notWaiting(place: Place, { role, signed }: LineageView["outbox"][number]): void {
        this.changes.push({ kind: "outbox.remove", ...place, role, version: signed.document.version })
    }

    #promise({ gun, lineage }: Place, promise: PromiseRecord): void {
        const { role, version, sha256, keyId, scheme, at, bytes, signature, voided } = promise
        this.changes.push({
            kind: "intent.restore",
            sequence: this.#sequence++,
            promise: { kind: "notary-metadata", gun, lineage, role, version, sha256, keyId, scheme, at, bytes },
            signature: signature ?? null,
            voided: voided ?? null,
        })
        this.said.push({
            kind: "add",
            subject: "promise",
            name: keyId,
            gun,
            role,
            text: `version ${version}${voided === undefined ? "" : ", void"}`,
        })
    }

    certificate(keyId: CertificateRecord["keyId"], gun: Gun, pem: string, here: string | undefined): void {
        const change = { subject: "certificate", name: keyId, gun, role: ROOT } as const
        if (here === pem) this.same += 1
        else if (here !== undefined)
            this.said.push({ ...change, kind: "differs", text: "another certificate of this key is kept here, and stays" })
        else {
            this.changes.push({ kind: "certificate.put", keyId, gun, pem })
            this.said.push({ ...change, kind: "add", text: "the certificate of a root key" })
        }
    }

    close(close: CloseRecord, here: Uint8Array | undefined): void {
        const { plan, keyId, scheme, at, bytes, signature } = close
        const change = { subject: "close", name: keyId } as const
        if (here !== undefined) {
            if (Buffer.compare(here, bytes) === 0) this.same += 1
            else
                this.said.push({
                    ...change,
                    kind: "differs",
                    text: `the close of plan ${plan.slice(0, 8)} has another content here, and keeps it`,
                })
            return
        }
        const hash = sha256(bytes).toString("hex")
        this.changes.push({
            kind: "intent.restore",
            sequence: this.#sequence++,
            promise: { kind: "ceremony-close", gun: "", lineage: plan, role: ROOT, version: 0, sha256: hash, keyId, scheme, at, bytes },
            signature: signature ?? null,
            voided: null,
        })
        this.said.push({ ...change, kind: "add", text: `the close of a ceremony of plan ${plan.slice(0, 8)}` })
    }
}

function isVoided(voided: ReadonlySet<string>, { version, sha256 }: { readonly version: number; readonly sha256: string }): boolean {
    return voided.has(`${version} ${sha256}`)
}
