export const STEPS = ["pack", "open", "keygen", "present", "void-key", "build", "sign", "void-root", "backup", "close", "publish"] as const
export type StepName = (typeof STEPS)[number]

/** Something a step read or made: its name in the ceremony, and SHA-256 (hex) of its bytes. */
export type Item = { readonly name: string; readonly sha256: string }

export type Facts = ReadonlyMap<string, string | number>

/** One line of the transcript: docs/formats/ceremony-bundle.md. */
export type CeremonyRecord = {
    /** From 1 */
    readonly n: number
    /** `hash` of the record before, of the first the plan's; hex */
    readonly prev: string
    readonly hash: string
    /** Whole seconds */
    readonly t: Date
    /** A person of the plan */
    readonly who: string
    readonly step: StepName
    readonly facts: Facts
    /** Both sorted by name. */
    readonly in: readonly Item[]
    readonly out: readonly Item[]
    readonly note: string
}
