import {
    assembleFile,
    type BaseRole,
    bareKey,
    type Gun,
    keyIdOf,
    parseFile,
    parseRoleName,
    type Signature,
    type TufKey,
} from "../../src/tuf/index.ts"
import {
    type BuiltFile,
    type DelegationSpec,
    makeKey,
    RepositoryBuilder,
    type RootSpec,
    type TargetsSpec,
    type TestKey,
} from "./repository-builder.ts"

/** Everything a server gives out at one time. */
export type Publication = {
    readonly root: BuiltFile
    readonly targets: BuiltFile
    readonly alice: BuiltFile
    readonly snapshot: BuiltFile
    readonly timestamp: BuiltFile
    readonly extra: readonly BuiltFile[]
}

type Parts = Partial<Pick<Publication, "root" | "targets" | "alice">> & {
    /** Of snapshot and timestamp */
    readonly version?: number
    readonly extra?: readonly BuiltFile[]
    readonly snapshotDays?: number
    readonly timestampDays?: number
    readonly snapshotSigners?: readonly TestKey[]
}

/**
 * A repository with a signer of its own (targets/alice) and one whose key a daemon holds (targets/releases), published twice: `old` and
 * `current`. From then on it is whatever an attacker, or an owner, makes of it.
 */
export class AttackedRepository {
    readonly builder: RepositoryBuilder
    readonly keys: Readonly<Record<BaseRole, readonly TestKey[]>>
    readonly alice = makeKey()
    readonly #releases: TestKey
    readonly firstRoot: BuiltFile
    readonly old: Publication
    readonly current: Publication

    constructor(gun: Gun, now: Date, releases: TufKey) {
        this.builder = new RepositoryBuilder(gun, now)
        this.#releases = verifyOnly(releases)
        const [targets, snapshot, timestamp] = [makeKey(), makeKey(), makeKey()]
        this.keys = { root: [this.builder.rootKey()], targets: [targets], snapshot: [snapshot], timestamp: [timestamp] }
        this.firstRoot = this.root({ version: 1 })
        this.old = this.#seal({ root: this.firstRoot, targets: this.targets(1, {}), alice: this.delegation(1, {}), version: 1 })
        this.current = this.#seal({
            root: this.root({ version: 2 }),
            targets: this.targets(2, { v1: "one" }),
            alice: this.delegation(2, { v1: "one" }),
            version: 2,
        })
    }

    get files(): readonly BuiltFile[] {
        return [this.firstRoot, ...filesOf(this.old), ...filesOf(this.current)]
    }

    root(spec: Partial<RootSpec> & { readonly version: number }): BuiltFile {
        return this.builder.root({ keys: this.keys, ...spec })
    }

    targets(version: number, targets: Readonly<Record<string, string>>, spec: Partial<TargetsSpec> = {}): BuiltFile {
        return this.builder.targets({ version, targets, signers: this.keys.targets, delegations: this.delegations(), ...spec })
    }

    delegations(): readonly DelegationSpec[] {
        return [
            { name: "targets/releases", keys: [this.#releases] },
            { name: "targets/alice", keys: [this.alice] },
        ]
    }

    delegation(version: number, targets: Readonly<Record<string, string>>, spec: Partial<TargetsSpec> = {}): BuiltFile {
        return this.builder.targets({ role: "targets/alice", version, targets, signers: [this.alice], ...spec })
    }

    /** What is not named stays as it is in `current`. */
    publish(parts: Parts): Publication {
        return this.#seal({ ...this.current, version: 3, ...parts })
    }

    #seal(parts: Parts & Pick<Publication, "root" | "targets" | "alice">): Publication {
        const { root, targets, alice, extra = [], version = 1 } = parts
        const snapshot = this.builder.snapshot({
            version,
            files: [root, targets, alice, ...extra],
            signers: parts.snapshotSigners ?? this.keys.snapshot,
            ...(parts.snapshotDays === undefined ? {} : { days: parts.snapshotDays }),
        })
        const timestamp = this.builder.timestamp({
            version,
            snapshot,
            signers: this.keys.timestamp,
            ...(parts.timestampDays === undefined ? {} : { days: parts.timestampDays }),
        })
        return { root, targets, alice, snapshot, timestamp, extra }
    }
}

export function filesOf(publication: Publication): readonly BuiltFile[] {
    return Object.values(publication).flat()
}

function verifyOnly(key: TufKey): TestKey {
    bareKey(key)
    return {
        id: keyIdOf(key),
        key,
        sign: () => {
            throw new Error("the daemon holds this key")
        },
    }
}

/** The same `signed` with other signatures, well formed or not. */
export function resigned(file: BuiltFile, change: (signatures: readonly Signature[]) => readonly Signature[]): BuiltFile {
    const { signed, signatures } = parseFile(file.content, file.role)
    const wanted = change(signatures)
    const distinct = new Map(wanted.map((signature) => [signature.keyId, signature]))
    if (distinct.size === wanted.length) return { ...file, content: assembleFile(signed, wanted) }
    // assembleFile makes no such file; a stranger does.
    const list = wanted.map(({ keyId, method, sig }) => ({ keyid: keyId, method, sig: Buffer.from(sig).toString("base64") }))
    return { ...file, content: Buffer.from(`{"signed":${signed.bytes.toString("utf8")},"signatures":${JSON.stringify(list)}}`) }
}

/** The file as text, changed by hand; its signature may not survive. */
export function edited(file: BuiltFile, change: (text: string) => string): BuiltFile {
    const before = file.content.toString("utf8")
    const after = change(before)
    if (after === before) throw new Error("the edit changed nothing")
    return { ...file, content: Buffer.from(after) }
}

export const RELEASES = parseRoleName("targets/releases")
