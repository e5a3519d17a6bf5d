import { TrustkeyError } from "../errors.ts"
import {
    BASE_ROLES,
    delegationOf,
    type Gun,
    isDelegation,
    type MetadataFile,
    parentOf,
    parseFile,
    parseSigned,
    ROOT,
    type RoleName,
    type RootDocument,
    rootOf,
    type TargetsDocument,
    verifyRootChain,
    verifyThreshold,
} from "../tuf/index.ts"
import type { DocumentRecord, LineageRecord, PromiseRecord, RoleVersion, RootRecord, WaitingRecord } from "./records.ts"
import { refuse } from "./refuse.ts"

/** A lineage while its files come by. It keeps roots' and targets' keys, and no file. All refuse with what is wrong, and without the place. */
export class LineageCheck {
    readonly #record: LineageRecord
    readonly #marks: ReadonlyMap<RoleName, RoleVersion>
    /** Oldest first, those of the outbox too. */
    readonly #roots: RootDocument[] = []
    #newestRoot: MetadataFile | undefined
    /** The newest documents with targets. */
    readonly #targets = new Map<RoleName, TargetsDocument>()

    constructor(record: LineageRecord) {
        this.#record = record
        this.#marks = new Map(record.marks.map((mark) => [mark.role, mark]))
        for (const list of [record.published, record.documents, record.outbox]) for (const version of list) this.#checkMark(version)
        const root = this.#marks.get(ROOT)?.version ?? 0
        if (root < record.roots) refuse(`the mark of root is ${root}, and ${record.roots} roots are here`)
    }

    get gun(): Gun {
        return this.#record.gun
    }

    get isInUse(): boolean {
        return this.#record.retiredAt === undefined
    }

    /** The newest complete one so far. */
    get root(): RootDocument | undefined {
        return this.#roots.at(-1)
    }

    takeRoot({ version, content }: RootRecord): void {
        const file = parseFile(content, ROOT)
        if (file.signed.document.version !== version) refuse(`it is of version ${file.signed.document.version}`)
        this.#advance(file)
        this.#checkMark({ role: ROOT, version })
    }

    /** @returns what is to be said of it, though it is not wrong */
    takeFile(record: DocumentRecord | WaitingRecord): string | undefined {
        const file = parseFile(record.content, record.role)
        const { version } = file.signed.document
        if (version !== record.version || file.signed.sha256 !== record.sha256)
            refuse(`it is not the version ${record.version} of ${record.role} that the lineage speaks of`)
        if (record.role === ROOT) {
            this.#advance(file)
            return undefined
        }
        const { document } = file.signed
        if (record.kind === "document" && document.type === "targets") this.#targets.set(record.role, document)
        // What waits is a document as well, once the one that delegates is known.
        if (isDelegation(record.role)) return record.kind === "waiting" ? undefined : this.#delegationProblem(file)
        this.#checkSigned(file)
        return undefined
    }

    /** A promise that binds is no newer than its mark; a void one says what was never published. */
    takePromise(record: PromiseRecord): void {
        const signed = parseSigned(record.bytes, record.role)
        if (signed.document.version !== record.version) refuse(`it is of version ${signed.document.version}`)
        if (record.voided === undefined) this.#checkPromise(record)
        else if (record.role !== ROOT) refuse("it is void, and only a root's promise can be")
    }

    /** Its content may be another than the mark's: somebody else has published under a version that was promised here. */
    #checkMark({ role, version }: Omit<RoleVersion, "sha256">): void {
        if ((this.#marks.get(role)?.version ?? 0) < version) refuse(`the mark of ${role} is behind its version ${version}, which is here`)
    }

    #checkPromise(record: PromiseRecord): void {
        this.#checkMark(record)
        const mark = this.#marks.get(record.role)
        if (mark?.version === record.version && mark.sha256 !== record.sha256)
            refuse(`it is a promise of another version ${record.version} of ${record.role} than the mark is for`)
    }

    #advance(file: MetadataFile): void {
        const { version } = rootOf(file.signed)
        const last = this.#newestRoot?.signed.document.version ?? 0
        if (version !== last + 1) refuse(`root version ${version} does not follow on ${last}`)
        if (version === 1 && file.signed.sha256 !== this.#record.lineage) refuse("its hash is not the lineage's name")
        verifyRootChain(this.#newestRoot, [file], this.gun, UNASKED, { ignoreExpiry: true })
        this.#newestRoot = file
        this.#roots.push(rootOf(file.signed))
    }

    /** The root may have been rotated since: any of the chain will do. */
    #checkSigned(file: MetadataFile): void {
        let problem: TrustkeyError | undefined
        for (const root of this.#roots.toReversed()) {
            const role = BASE_ROLES.map((name) => (name === file.role ? root.roles.get(name) : undefined)).find(
                (found) => found !== undefined,
            )
            if (role === undefined) continue
            problem = thresholdProblem(file, root.keys, role)
            if (problem === undefined) return
        }
        throw problem ?? new TrustkeyError("backup_invalid", "there is no root that says whose signatures it needs")
    }

    /** Who delegates may have changed his mind, as he can at any time: then the file is no longer one that counts, and still the last there was. */
    #delegationProblem(file: MetadataFile): string | undefined {
        const parent = parentOf(file.role)
        const delegating = parent === undefined ? undefined : this.#targets.get(parent)
        const delegation = delegating === undefined ? undefined : delegationOf(delegating, file.role)
        if (delegating === undefined || delegation === undefined) return `${this.gun}: nobody delegates to ${file.role} any more`
        const problem = thresholdProblem(file, delegating.delegations.keys, delegation)
        return problem === undefined ? undefined : `${this.gun}: ${problem.message}`
    }
}

/** Dates do not count. */
const UNASKED = new Date(0)

function thresholdProblem(
    file: MetadataFile,
    keys: Parameters<typeof verifyThreshold>[2],
    role: Parameters<typeof verifyThreshold>[3],
): TrustkeyError | undefined {
    try {
        verifyThreshold(file.signed, file.signatures, keys, role)
        return undefined
    } catch (error) {
        if (error instanceof TrustkeyError && error.code !== "internal") return error
        throw error
    }
}
