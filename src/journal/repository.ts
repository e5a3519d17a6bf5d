import type { Gun, MetadataFile, RoleName, SignedMetadata } from "../tuf/index.ts"
import type { Mark } from "./mark.ts"

/** What is known of one repository's current lineage. Versions are metadata versions, at least 1. */
export type Repository = {
    readonly gun: Gun
    /** SHA-256 of root version 1's canonical `signed` bytes, lowercase hex; empty when there is none now. */
    readonly lineage: string
    readonly origin: "born" | "adopted"
    readonly state: "active" | "reset"
    /** The newest complete root: published, or ours and waiting in the outbox. */
    readonly root: MetadataFile | undefined
    /** Every complete root we have, oldest first. */
    readonly roots: readonly MetadataFile[]
    readonly marks: ReadonlyMap<RoleName, Mark>
    /** What was last seen published, per role. */
    readonly published: ReadonlyMap<RoleName, Published>
    /** The newest file of each role but root, published or waiting in the outbox. */
    readonly documents: ReadonlyMap<RoleName, MetadataFile>
    /** Of the roles that hold targets, the newest body promised, if it is newer than the document: its signature may be out already. */
    readonly promised: ReadonlyMap<RoleName, SignedMetadata>
    /** Complete and not yet seen published, oldest first. */
    readonly outbox: readonly MetadataFile[]
    readonly oldLineages: readonly string[]
}

export type Published = { readonly version: number; readonly sha256: string }

/** The same, while the journal works on it. Only this room sees it. */
export class RepositoryState implements Repository {
    readonly gun: Gun
    lineage = ""
    origin: "born" | "adopted" = "born"
    state: "active" | "reset" = "reset"
    marks = new Map<RoleName, Mark>()
    published = new Map<RoleName, Published>()
    documents = new Map<RoleName, MetadataFile>()
    promised = new Map<RoleName, SignedMetadata>()
    outbox: MetadataFile[] = []
    publishedRoots: MetadataFile[] = []
    oldLineages: string[] = []
    readonly #promises = new Map<RoleName, number>()

    constructor(gun: Gun) {
        this.gun = gun
    }

    get roots(): readonly MetadataFile[] {
        const newest = this.publishedRoots.at(-1)?.signed.document.version ?? 0
        const waiting = this.outbox.filter((file) => file.role === "root" && file.signed.document.version > newest)
        return [...this.publishedRoots, ...waiting]
    }

    get root(): MetadataFile | undefined {
        return this.roots.at(-1)
    }

    promise(metadata: SignedMetadata): void {
        const { role } = metadata
        this.marks.set(role, markOf(metadata))
        this.#promises.set(role, this.promisesOf(role) + 1)
        this.expect(metadata)
    }

    /** Remember what a role is going to say, unless its document says it already. */
    expect(metadata: SignedMetadata): void {
        const { role, document } = metadata
        if (document.type !== "targets" || document.version <= (this.documents.get(role)?.signed.document.version ?? 0)) return
        this.promised.set(role, metadata)
    }

    putDocument(file: MetadataFile): void {
        const { role, signed } = file
        this.documents.set(role, file)
        if ((this.promised.get(role)?.document.version ?? 0) <= signed.document.version) this.promised.delete(role)
    }

    /** How many were made since the start. Whoever waited sees by it whether one came in between. */
    promisesOf(role: RoleName): number {
        return this.#promises.get(role) ?? 0
    }

    begin(lineage: string, origin: "born" | "adopted"): void {
        this.retire()
        this.lineage = lineage
        this.origin = origin
        this.state = "active"
    }

    retire(): void {
        if (this.lineage !== "") this.oldLineages.push(this.lineage)
        this.lineage = ""
        this.state = "reset"
        this.marks = new Map()
        this.published = new Map()
        this.documents = new Map()
        this.promised = new Map()
        this.outbox = []
        this.publishedRoots = []
    }
}

/** The mark a file leaves. */
export function markOf(file: MetadataFile["signed"]): Mark {
    return { version: file.document.version, sha256: file.sha256, expires: file.document.expires.toISOString() }
}
