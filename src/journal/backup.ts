import {
    type CertificateRecord,
    type CloseRecord,
    type DocumentRecord,
    type LineageRecord,
    type PromiseRecord,
    type RoleVersion,
    type RootRecord,
    SCHEMES,
    type WaitingRecord,
} from "../backup/index.ts"
import type { Scheme } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import { bytesOf, integerOf, optionalBytesOf, type Row, type Store, textOf } from "../storage/index.ts"
import { type Gun, type MetadataFile, parseGun, parseKeyId, parseRoleName, ROOT, type RoleName } from "../tuf/index.ts"
import { fileOf } from "./load.ts"
import type { Mark } from "./mark.ts"
import type { Published, RepositoryState } from "./repository.ts"

/** What the journal has for a backup, in the order that a backup has it. */
export type JournalBackup = {
    readonly counts: { readonly lineages: number; readonly certificates: number; readonly closes: number }
    /** Each lineage as it is at the moment when its turn comes, whole. One repository is held at a time. */
    records(): AsyncGenerator<LineageRecord | RootRecord | DocumentRecord | WaitingRecord | PromiseRecord | CertificateRecord | CloseRecord>
}

/** A lineage at one moment. */
export type LineageView = {
    readonly marks: ReadonlyMap<RoleName, Mark>
    readonly published: ReadonlyMap<RoleName, Published>
    /** Published ones, from version 1. */
    readonly roots: readonly MetadataFile[]
    readonly documents: ReadonlyMap<RoleName, MetadataFile>
    readonly outbox: readonly MetadataFile[]
}

/** @param certificates PEM by key ID, a space, GUN. @throws storage_failed */
export async function backupOf(
    store: Store,
    repositories: ReadonlyMap<string, RepositoryState>,
    certificates: ReadonlyMap<string, string>,
): Promise<JournalBackup> {
    const kept = [...certificates].sort(([left], [right]) => (left < right ? -1 : 1))
    const lineages = await store.read({ kind: "lineages" })
    const closes = (await store.read({ kind: "closes" })).map(closeOf)
    return {
        counts: { lineages: lineages.length, certificates: kept.length, closes: closes.length },
        async *records() {
            for (const row of lineages) yield* lineageRecords(store, repositories, row)
            for (const [place, pem] of kept) yield certificateOf(place, pem)
            yield* closes
        },
    }
}

async function* lineageRecords(
    store: Store,
    repositories: ReadonlyMap<string, RepositoryState>,
    row: Row,
): AsyncGenerator<LineageRecord | RootRecord | DocumentRecord | WaitingRecord | PromiseRecord> {
    const [gun, lineage] = [parseGun(textOf(row, "gun")), textOf(row, "lineage")]
    const view = activeView(repositories, gun, lineage)
    const { marks, published, roots, documents, outbox } = view ?? (await readLineage(store, gun, lineage))
    const times = new Map((await store.read({ kind: "outbox", gun, lineage })).map((file) => [placeOf(file), textOf(file, "at")]))
    const promises = await promisesOf(store, gun, lineage, { marks, roots, documents, outbox })
    // It may have been ended since the list was made.
    const retiredAt = view === undefined ? await retirementOf(store, gun, lineage) : undefined
    const at = textOf(row, "at")
    const waiting = outbox.map((file) => ({ ...versionOf(file), at: times.get(`${file.role} ${file.signed.document.version}`) ?? at }))
    const sorted = byRole(documents)
    yield {
        kind: "lineage",
        gun,
        lineage,
        origin: textOf(row, "origin") === "adopted" ? "adopted" : "born",
        at,
        ...(retiredAt === undefined ? {} : { retiredAt }),
        marks: byRole(marks).map(([role, mark]) => ({ role, ...mark })),
        published: byRole(published).map(([role, seen]) => ({ role, ...seen })),
        roots: roots.length,
        documents: sorted.map(([, file]) => versionOf(file)),
        outbox: waiting,
        promises: promises.length,
    }
    for (const root of roots) yield { kind: "root", version: root.signed.document.version, content: root.content }
    for (const [index, file] of outbox.entries())
        yield { kind: "waiting", ...versionOf(file), at: waiting[index]?.at ?? at, content: file.content }
    for (const [, file] of sorted) yield { kind: "document", ...versionOf(file), content: file.content }
    yield* promises
}

/** Of one moment: nothing waits in here. */
export function activeView(repositories: ReadonlyMap<string, RepositoryState>, gun: Gun, lineage: string): LineageView | undefined {
    const state = repositories.get(gun)
    if (state?.state !== "active" || state.lineage !== lineage) return undefined
    const { marks, published, documents, outbox, publishedRoots } = state
    return viewOf(new Map(marks), new Map(published), publishedRoots, documents, outbox)
}

function viewOf(
    marks: LineageView["marks"],
    published: LineageView["published"],
    roots: readonly MetadataFile[],
    documents: ReadonlyMap<RoleName, MetadataFile>,
    outbox: readonly MetadataFile[],
): LineageView {
    const isRoot = ({ role }: MetadataFile): boolean => role === ROOT
    const waits = (file: MetadataFile): boolean =>
        outbox.some(({ role, signed }) => role === file.role && signed.sha256 === file.signed.sha256)
    const [waitingRoots, others] = [outbox.filter(isRoot), outbox.filter((file) => !isRoot(file))]
    return {
        marks,
        published,
        roots: fromTheFirst(roots),
        // The others were made with a root that was voided, and may be signed by keys that only that one trusts.
        documents: new Map([...documents].filter(([role, file]) => waits(file) || published.get(role)?.sha256 === file.signed.sha256)),
        outbox: [...waitingRoots.toSorted((left, right) => left.signed.document.version - right.signed.document.version), ...others],
    }
}

/** An ended lineage, of which nothing changes. @throws storage_failed */
export async function readLineage(store: Store, gun: Gun, lineage: string): Promise<LineageView> {
    const marks = await store.read({ kind: "marks-of", gun, lineage })
    const published = await store.read({ kind: "published-of", gun, lineage })
    const roots = await store.read({ kind: "roots", gun, lineage })
    const documents = await store.read({ kind: "documents", gun, lineage })
    const outbox = await store.read({ kind: "outbox", gun, lineage })
    return viewOf(
        new Map(marks.map((row) => [parseRoleName(textOf(row, "role")), { ...seenOf(row), expires: textOf(row, "expires") }])),
        new Map(published.map((row) => [parseRoleName(textOf(row, "role")), seenOf(row)])),
        roots.map((row) => fileOf(row, ROOT)),
        new Map(documents.map((row) => [parseRoleName(textOf(row, "role")), fileOf(row, textOf(row, "role"))])),
        outbox.map((row) => fileOf(row, textOf(row, "role"))),
    )
}

/** What was promised and no file says: whoever has the promise has the same bytes again. And void roots, which stay on record for ever. */
async function promisesOf(
    store: Store,
    gun: Gun,
    lineage: string,
    { marks, roots, documents, outbox }: Pick<LineageView, "marks" | "roots" | "documents" | "outbox">,
): Promise<readonly PromiseRecord[]> {
    const rows: Row[] = [...(await store.read({ kind: "void-promises", gun, lineage, role: ROOT }))]
    const newestRoot = Math.max(
        0,
        ...[...roots, ...outbox.filter(({ role }) => role === ROOT)].map(({ signed }) => signed.document.version),
    )
    for (const [role, { version }] of marks) {
        const said = role === ROOT ? newestRoot : (documents.get(role)?.signed.document.version ?? 0)
        if (version > said) rows.push(...(await store.read({ kind: "promises", gun, lineage, role, version })))
    }
    rows.sort((left, right) => integerOf(left, "sequence") - integerOf(right, "sequence"))
    return rows.map(promiseOf)
}

async function retirementOf(store: Store, gun: Gun, lineage: string): Promise<string | undefined> {
    const [row] = await store.read({ kind: "lineage", gun, lineage })
    return row === undefined || row["retiredAt"] === null ? undefined : textOf(row, "retiredAt")
}

/** As many as follow on each other from version 1. */
function fromTheFirst(roots: readonly MetadataFile[]): readonly MetadataFile[] {
    const gap = roots.findIndex((root, index) => root.signed.document.version !== index + 1)
    return gap === -1 ? [...roots] : roots.slice(0, gap)
}

function promiseOf(row: Row): PromiseRecord {
    const signature = optionalBytesOf(row, "signature")
    const voided = row["voidedAt"] === null ? undefined : { at: textOf(row, "voidedAt"), by: textOf(row, "voidedBy") }
    return {
        kind: "promise",
        role: parseRoleName(textOf(row, "role")),
        ...seenOf(row),
        keyId: parseKeyId(textOf(row, "keyId")),
        scheme: schemeOf(row),
        at: textOf(row, "at"),
        bytes: bytesOf(row, "bytes"),
        ...(signature === undefined ? {} : { signature }),
        ...(voided === undefined ? {} : { voided }),
    }
}

function closeOf(row: Row): CloseRecord {
    const signature = optionalBytesOf(row, "signature")
    return {
        kind: "close",
        plan: textOf(row, "lineage"),
        keyId: parseKeyId(textOf(row, "keyId")),
        scheme: schemeOf(row),
        at: textOf(row, "at"),
        bytes: bytesOf(row, "bytes"),
        ...(signature === undefined ? {} : { signature }),
    }
}

function certificateOf(place: string, pem: string): CertificateRecord {
    const [keyId = "", gun = ""] = place.split(" ")
    return { kind: "certificate", keyId: parseKeyId(keyId), gun: parseGun(gun), pem }
}

function versionOf({ role, signed }: MetadataFile): RoleVersion {
    return { role, version: signed.document.version, sha256: signed.sha256 }
}

function seenOf(row: Row): Published {
    return { version: integerOf(row, "version"), sha256: textOf(row, "sha256") }
}

function placeOf(row: Row): string {
    return `${textOf(row, "role")} ${integerOf(row, "version")}`
}

function byRole<T>(map: ReadonlyMap<RoleName, T>): readonly (readonly [RoleName, T])[] {
    return [...map].sort(([left], [right]) => (left < right ? -1 : 1))
}

function schemeOf(row: Row): Scheme {
    const text = textOf(row, "scheme")
    const scheme = SCHEMES.find((known) => known === text)
    if (scheme === undefined) throw new TrustkeyError("storage_failed", "the database is damaged: a promise has a scheme that there is not")
    return scheme
}
