import type { Bundle } from "./bundle.ts"
import {
    type BackupWay,
    type Count,
    missingToComplete,
    signatureCounts,
    whyNotAtVault,
    whyNotBackup,
    whyNotBuild,
    whyNotOpen,
    whyNotPack,
    whyNotPublish,
    whyNotShow,
    whyNotSign,
    whyNotVoidKey,
    whyNotVoidRoot,
} from "./conditions.ts"
import { whoMay } from "./follow.ts"
import type { PlannedKey } from "./plan.ts"
import type { StepName } from "./record.ts"
import { type CeremonyState, signsRoots } from "./state.ts"

export type Phase =
    /** Nothing is recorded. */
    | "planned"
    | "packed"
    /** At the vault: keys are made and presented. */
    | "open"
    /** The roots are built; they are signed. */
    | "built"
    /** The transcript has ended; vault and witness have yet to sign it. */
    | "ended"
    | "closed"

export type PossibleStep = {
    readonly step: StepName
    /** Names of those who may do it; one of them does. */
    readonly who: readonly string[]
    readonly key?: string
    readonly repository?: number
    /** Of a backup */
    readonly how?: BackupWay
    /** Of a backup: the token that is to get a copy */
    readonly token?: string
    /** Of a close */
    readonly outcome?: "complete" | "abandoned"
}

export type ImpossibleStep = PossibleStep & { readonly why: string }

export type Progress = {
    readonly phase: Phase
    /** What could be done now, in the order in which it is best done. */
    readonly possible: readonly PossibleStep[]
    readonly impossible: readonly ImpossibleStep[]
    /** By repository: signatures there are and signatures it takes. */
    readonly signatures: readonly { readonly old: Count | undefined; readonly new: Count }[]
    /** What has yet to be done before the ceremony can be closed as complete. */
    readonly missing: readonly string[]
}

/** Where a ceremony stands: what can be done now, and why the rest can't. */
export function progressOf(bundle: Bundle): Progress {
    const { state } = bundle
    const possible: PossibleStep[] = []
    const impossible: ImpossibleStep[] = []
    for (const { why, ...step } of candidates(bundle)) {
        if (why === undefined) possible.push(step)
        else impossible.push({ ...step, why })
    }
    return {
        phase: phaseOf(bundle),
        possible,
        impossible,
        signatures: state.packed === undefined ? [] : state.plan.repositories.map((_, index) => signatureCounts(state, index)),
        missing: state.closed === undefined ? missingToComplete(state) : [],
    }
}

function phaseOf({ state, close }: Bundle): Phase {
    if (close !== undefined) return "closed"
    if (state.closed !== undefined) return "ended"
    if (state.build !== undefined) return "built"
    if (state.opened !== undefined) return "open"
    return state.packed === undefined ? "planned" : "packed"
}

type Candidate = PossibleStep & { readonly why: string | undefined }

/** Every step there could be in this ceremony. */
function candidates(bundle: Bundle): readonly Candidate[] {
    const { state } = bundle
    const { keys } = state.plan
    const about = (step: StepName, why: string | undefined, more: Omit<PossibleStep, "step" | "who"> = {}): Candidate => ({
        step,
        who: whoMay(state, step, more.key),
        ...more,
        why,
    })
    const [missing] = missingToComplete(state)
    const there = keys.filter(({ change }) => change !== "lost")
    return [
        about("pack", whyNotPack(state)),
        about("open", whyNotOpen(state)),
        ...there.map((key) => {
            const step = key.change === "new" ? "keygen" : "present"
            return about(step, whyNotShow(state, key, step), { key: key.name })
        }),
        about("build", whyNotBuild(state)),
        ...there
            .filter((key) => signsRoots(state, key))
            .flatMap(({ name }) => signings(state, keys, name).map(([repository, why]) => about("sign", why, { key: name, repository }))),
        ...keys.flatMap((key) => backups(state, key).map(({ why, ...how }) => about("backup", why, { key: key.name, ...how }))),
        about("close", missing, { outcome: "complete" }),
        ...state.plan.repositories.map((_, repository) => {
            const why = bundle.close === undefined ? "the ceremony is not closed and signed yet" : whyNotPublish(state, repository)
            return about("publish", why, { repository })
        }),
        ...there.map((key) => about("void-key", whyNotVoidKey(state, key), { key: key.name })),
        about("void-root", whyNotVoidRoot(state)),
        about("close", whyNotAtVault(state), { outcome: "abandoned" }),
    ]
}

function signings(state: CeremonyState, keys: readonly PlannedKey[], name: string): readonly (readonly [number, string | undefined])[] {
    const key = keys.find((planned) => planned.name === name)
    return key === undefined ? [] : state.plan.repositories.map((_, repository) => [repository, whyNotSign(state, key, repository)])
}

type BackupCandidate = { readonly how: BackupWay; readonly token?: string; readonly why: string | undefined }

function backups(state: CeremonyState, key: PlannedKey): readonly BackupCandidate[] {
    if (key.change !== "new") return []
    if (key.make === "token") return [{ how: "cannot-leave", why: whyNotBackup(state, key, "cannot-leave") }]
    const copies = [key.token, ...key.copies].map((token) => ({
        how: "copy" as const,
        token,
        why: whyNotBackup(state, key, "copy", token),
    }))
    if (state.plan.backupRecipients.length === 0) return copies
    return [...copies, { how: "export", why: whyNotBackup(state, key, "export") }]
}
