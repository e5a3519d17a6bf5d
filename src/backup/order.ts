import { ROOT } from "../tuf/index.ts"
import { README_NAME } from "./readme.ts"
import type { BackupCounts, BackupRecord, CertificateRecord, CloseRecord, EndRecord, LineageRecord, RoleVersion } from "./records.ts"
import { refuse } from "./refuse.ts"

export const HEAD_NAME = "trustkeyd-backup.json"
export const POLICY_NAME = "policy/trustkeyd.toml"
export const PASSPHRASE_NAME = "notary/passphrase.txt"
export const END_NAME = "end.json"

/** A file that a lineage has announced. */
export type DueFile =
    | { readonly kind: "root"; readonly name: string; readonly version: number }
    | (RoleVersion & { readonly kind: "document"; readonly name: string })
    | (RoleVersion & { readonly kind: "waiting"; readonly name: string; readonly at: string })
    | { readonly kind: "promise"; readonly name: string }

type LooseRecord = Exclude<BackupRecord, { readonly kind: DueFile["kind"] }>

const RANKS: readonly LooseRecord["kind"][] = [
    "head",
    "policy",
    "group",
    "key",
    "lineage",
    "certificate",
    "close",
    "key-file",
    "key-file-passphrase",
    "end",
]

/**
 * The one order in which records may stand, and the names of their members: writer and reader go by the same. It keeps what it needs of the last
 * record alone, so that a hundred thousand keys take no more memory than one.
 */
export class RecordOrder {
    readonly #leftOut: boolean
    #last: LooseRecord["kind"] | undefined
    /** Members that stand already, the README among them. */
    #members = 0
    #expected: BackupCounts | undefined
    readonly #counts = { groups: 0, keys: 0, lineages: 0, certificates: 0, closes: 0 }
    /** By which records of the last kind are sorted. */
    #key = ""
    #gun = ""
    #lineages = new Set<string>()
    #isGunInUse = false
    #certificateNumber = 0
    #files: Iterator<DueFile> | undefined
    #due: DueFile | undefined

    /** @param options.keyFilesLeftOut somebody took out what is in notary/, and the end counts it all the same */
    constructor(options: { readonly keyFilesLeftOut?: boolean } = {}) {
        this.#leftOut = options.keyFilesLeftOut === true
    }

    get members(): number {
        return this.#members
    }

    /** Of the files that a lineage announced, the next; undefined: there is none. */
    get due(): DueFile | undefined {
        return this.#due
    }

    get isReadmeDue(): boolean {
        return this.#members === 1
    }

    get isOver(): boolean {
        return this.#last === "end"
    }

    /** README.txt stands here. */
    placeReadme(): string {
        if (!this.isReadmeDue) refuse(`${README_NAME} has no place here`)
        this.#members++
        return README_NAME
    }

    /** @returns the name of the member of `record`, which is the next one. @throws backup_invalid: there is no place for it here */
    place(record: BackupRecord): string {
        const name = this.#nameOf(record)
        this.#members++
        return name
    }

    #nameOf(record: BackupRecord): string {
        const due = this.#due
        if (due !== undefined) {
            if (!isDue(record, due)) refuse(`${due.name} is missing: another record stands in its place`)
            this.#due = this.#nextFile()
            return due.name
        }
        if (record.kind === "root" || record.kind === "document" || record.kind === "waiting" || record.kind === "promise")
            return refuse("a file of a repository that was not announced")
        const last = this.#last
        this.#checkTurn(record.kind)
        if (record.kind !== last) this.#key = ""
        this.#last = record.kind
        return this.#looseName(record)
    }

    #checkTurn(kind: LooseRecord["kind"]): void {
        if (this.#last === undefined && kind !== "head") refuse(`${HEAD_NAME} is missing: another record stands in its place`)
        if (this.#last === "head" && kind !== "policy") refuse(`${POLICY_NAME} is missing: another record stands in its place`)
        const [before, here] = [this.#last === undefined ? -1 : RANKS.indexOf(this.#last), RANKS.indexOf(kind)]
        const repeats = ["group", "key", "lineage", "certificate", "close", "key-file"].includes(kind)
        if (here < before || (here === before && !repeats)) refuse("it stands behind records that it has to precede")
    }

    #looseName(record: LooseRecord): string {
        switch (record.kind) {
            case "head":
                this.#expected = record.counts
                return HEAD_NAME
            case "policy":
                return POLICY_NAME
            case "group":
                this.#counts.groups++
                this.#follow(record.name)
                return `groups/${record.name}.json`
            case "key":
                this.#counts.keys++
                this.#follow(record.id)
                return `keys/${record.id}.json`
            case "lineage":
                return this.#lineageName(record)
            case "certificate":
                return this.#certificateName(record)
            case "close":
                return this.#closeName(record)
            case "key-file":
                this.#follow(record.keyId)
                return `notary/${record.keyId}.key`
            case "key-file-passphrase":
                return PASSPHRASE_NAME
            case "end":
                this.#checkCounts(record)
                return END_NAME
        }
    }

    /** Strictly ascending, so none is there twice. */
    #follow(key: string): void {
        if (key <= this.#key) refuse("it is there twice, or stands behind one that it has to precede")
        this.#key = key
    }

    #lineageName(record: LineageRecord): string {
        const { gun, lineage } = record
        checkLists(record)
        if (gun < this.#gun) refuse("it stands behind a repository that it has to precede")
        if (gun !== this.#gun) {
            this.#gun = gun
            this.#lineages = new Set()
            this.#isGunInUse = false
        }
        if (this.#lineages.has(lineage)) refuse("this lineage of the repository is there twice")
        this.#lineages.add(lineage)
        if (record.retiredAt === undefined) {
            if (this.#isGunInUse) refuse("two lineages of one repository are in use")
            this.#isGunInUse = true
        }
        const index = this.#counts.lineages++
        this.#files = filesOf(index, record)
        this.#due = this.#nextFile()
        return `repositories/${index}/lineage.json`
    }

    #nextFile(): DueFile | undefined {
        const next = this.#files?.next()
        return next === undefined || next.done === true ? undefined : next.value
    }

    #certificateName({ keyId, gun }: CertificateRecord): string {
        this.#certificateNumber = this.#key.startsWith(`${keyId} `) ? this.#certificateNumber + 1 : 0
        this.#counts.certificates++
        this.#follow(`${keyId} ${gun}`)
        return `certificates/${keyId}.${this.#certificateNumber}.json`
    }

    #closeName({ plan, keyId }: CloseRecord): string {
        this.#follow(`${plan} ${keyId}`)
        return `closes/${this.#counts.closes++}.json`
    }

    #checkCounts({ records }: EndRecord): void {
        if (this.#leftOut ? records < this.#members : records !== this.#members)
            refuse(`it counts ${records} members before it, ${this.#members} are there`)
        const expected = this.#expected
        if (expected === undefined) return
        for (const name of ["groups", "keys", "lineages", "certificates", "closes"] as const) {
            if (this.#counts[name] !== expected[name])
                refuse(`${HEAD_NAME} announces ${expected[name]} ${name}, and ${this.#counts[name]} are there`)
        }
    }
}

/** What a lineage announces is sorted, so that nothing is there twice; of the outbox the roots come first, since they say who signs the others. */
function checkLists({ marks, published, documents, outbox }: LineageRecord): void {
    checkAscending("marks", marks)
    checkAscending("published", published)
    checkAscending("documents", documents)
    if (documents.some(({ role }) => role === ROOT)) refuse("documents has a root, which has a place of its own")
    const waiting = new Set(outbox.map(({ role, version }) => `${role} ${version}`))
    if (waiting.size < outbox.length) refuse("outbox has a version of a role twice")
    for (const [index, { role, version }] of outbox.entries()) {
        const before = outbox[index - 1]
        if (role === ROOT && before !== undefined && (before.role !== ROOT || before.version >= version))
            refuse("outbox does not begin with its roots, sorted by version")
    }
}

function checkAscending(name: string, versions: readonly RoleVersion[]): void {
    for (const [index, { role }] of versions.entries()) {
        const before = versions[index - 1]?.role
        if (before !== undefined && role <= before) refuse(`${name} has a role twice, or is not sorted by role`)
    }
}

function isDue(record: BackupRecord, due: DueFile): boolean {
    switch (due.kind) {
        case "root":
            return record.kind === "root" && record.version === due.version
        case "document":
        case "waiting":
            return record.kind === due.kind && record.role === due.role && record.version === due.version && record.sha256 === due.sha256
        case "promise":
            return record.kind === "promise"
    }
}

function* filesOf(index: number, lineage: LineageRecord): Generator<DueFile, undefined> {
    const directory = `repositories/${index}`
    for (let version = 1; version <= lineage.roots; version++) yield { kind: "root", name: `${directory}/roots/${version}.json`, version }
    for (const [n, file] of lineage.outbox.entries()) yield { ...file, kind: "waiting", name: `${directory}/outbox/${n}.json` }
    for (const [n, document] of lineage.documents.entries()) {
        yield { ...document, kind: "document", name: `${directory}/documents/${n}.json` }
    }
    for (let n = 0; n < lineage.promises; n++) yield { kind: "promise", name: `${directory}/promises/${n}.json` }
    return undefined
}
