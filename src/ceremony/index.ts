// Ceremonies: the plan, the record of what was done, and what follows from the two. Pure: it knows no clock, no file, no key and no token;
// whatever was made elsewhere comes in as bytes and is judged here, by the same rules when it is recorded and when a stranger verifies it.

export { type ArchivedFiles, packArchive, unpackArchive } from "./archive.ts"
export { BUNDLE_FILES, type Bundle, type BundleFiles, bundleFiles, newBundle, readBundle } from "./bundle.ts"
export { type CloseStatement, encodeCloseStatement, type Outcome, parseCloseStatement } from "./close-statement.ts"
export type { CeremonyClose, CloseSignatures } from "./closing.ts"
export type { BackupWay, Count } from "./conditions.ts"
export { encodePlan } from "./encode-plan.ts"
export type { Place } from "./fault.ts"
export { CLOCK_LEEWAY_MS } from "./follow.ts"
export { formatTime } from "./forms.ts"
export { type FrameProgress, FrameSet, frameSetId, splitFrames } from "./frames.ts"
export { MAX_PLAN_BYTES, parsePlan } from "./parse-plan.ts"
export {
    CEREMONY_KINDS,
    type CeremonyKind,
    type ExistingKey,
    type LostKey,
    type NewKey,
    type Person,
    PLAN_FORMAT,
    type Plan,
    type PlanContent,
    type PlannedKey,
    type PlannedRepository,
    type PlannedRole,
    type PublishedRoot,
    type RootAlgorithm,
    type Spare,
} from "./plan.ts"
export { type PlanValue, planKeyTable, planTable } from "./plan-text.ts"
export { type ImpossibleStep, type Phase, type PossibleStep, type Progress, progressOf } from "./progress.ts"
export { type CeremonyRecord, type Facts, type Item, STEPS, type StepName } from "./record.ts"
export { type Spoken, spoken } from "./spoken.ts"
export { type CeremonyState, continuesRoot, type ShownKey } from "./state.ts"
export type { ShownPlace, StepInput } from "./step-input.ts"
export { closeBundle, closeStatement, type StepOptions, takeStep } from "./take-step.ts"
export { type Finding, type Verdict, verifyCeremony } from "./verify.ts"
