import type { KeyId, MetadataFile, SignedMetadata, TufKey } from "../tuf/index.ts"
import type { Plan, PlannedKey } from "./plan.ts"
import type { CeremonyRecord, Item } from "./record.ts"

/** What a `keygen` or a `present` has shown of a key. */
export type ShownKey = {
    readonly record: CeremonyRecord
    /** Its certificate for each repository, where the step brings them. */
    readonly certificates: readonly TufKey[]
}

type StandingBuild = { readonly record: CeremonyRecord; readonly roots: readonly SignedMetadata[] }

/** Where a ceremony stands: what follows from the plan and the records so far, each checked with its artefacts. Never changed, only followed by another. */
export type CeremonyState = {
    readonly plan: Plan
    readonly last: CeremonyRecord | undefined
    readonly packed: CeremonyRecord | undefined
    readonly opened: CeremonyRecord | undefined
    /** By repository: its published roots from version 1 on; empty where there are none. */
    readonly chains: readonly (readonly MetadataFile[])[]
    /** By name of key: what stands. */
    readonly shown: ReadonlyMap<string, ShownKey>
    /** Of all keys that were made, those spoilt since included. */
    readonly made: ReadonlySet<KeyId>
    readonly build: StandingBuild | undefined
    /** By name of the artefact: the `sign`s that stand. */
    readonly signatures: ReadonlyMap<string, CeremonyRecord>
    /** By name of key. */
    readonly backups: ReadonlyMap<string, readonly CeremonyRecord[]>
    readonly closed: CeremonyRecord | undefined
    readonly published: ReadonlySet<number>
    /** What standing records made, by name. */
    readonly artefacts: ReadonlyMap<string, string>
}

/** The bytes of an artefact by its hash. @throws Fault when they are not there, or not of that hash */
export type ReadArtefact = (item: Item) => Buffer

export function initialState(plan: Plan): CeremonyState {
    return {
        plan,
        last: undefined,
        packed: undefined,
        opened: undefined,
        chains: plan.repositories.map(() => []),
        shown: new Map(),
        made: new Set(),
        build: undefined,
        signatures: new Map(),
        backups: new Map(),
        closed: undefined,
        published: new Set(),
        artefacts: new Map(),
    }
}

/** The plan takes up root where it is published: the old threshold has a say. */
export function continuesRoot({ plan }: Pick<CeremonyState, "plan">): boolean {
    return plan.kind === "rotate-root" || plan.kind === "replace-holder"
}

/** Keys that the ceremony makes, or that join: their certificates come with them. */
export function joins(key: PlannedKey): boolean {
    return key.change === "new" || key.change === "added"
}

export function signsRoots(state: CeremonyState, { change }: PlannedKey): boolean {
    if (change === "lost") return false
    return change !== "retired" || continuesRoot(state)
}

export const artefactName = {
    chain: (repository: number, version: number): string => `chain/${repository}/${version}`,
    publicKey: (key: string): string => `public/${key}`,
    certificate: (key: string, repository: number): string => `certificate/${key}/${repository}`,
    attestation: (key: string): string => `attestation/${key}`,
    attestationIntermediate: (key: string): string => `attestation-intermediate/${key}`,
    signed: (repository: number): string => `signed/${repository}`,
    difference: (repository: number): string => `difference/${repository}`,
    signature: (key: string, repository: number): string => `signature/${key}/${repository}`,
    backup: (key: string): string => `backup/${key}`,
    root: (repository: number): string => `root/${repository}`,
} as const

/** The standing `sign`s of one key, or for one repository. */
export function signaturesOf(
    state: CeremonyState,
    which: { readonly key?: string; readonly repository?: number },
): readonly CeremonyRecord[] {
    return [...state.signatures.values()].filter(
        ({ facts }) =>
            (which.key === undefined || facts.get("key") === which.key) &&
            (which.repository === undefined || facts.get("repository") === which.repository),
    )
}
