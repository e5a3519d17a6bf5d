import { Fault, refuse } from "./fault.ts"
import { showKey, voidKey } from "./key-steps.ts"
import { backup, close, publish } from "./last-steps.ts"
import type { CeremonyRecord, StepName } from "./record.ts"
import { build, openAtVault, pack, sign, voidRoot } from "./root-steps.ts"
import type { CeremonyState, ReadArtefact } from "./state.ts"

type Step = (state: CeremonyState, record: CeremonyRecord, read: ReadArtefact) => CeremonyState

const STEPS: Readonly<Record<StepName, Step>> = {
    pack,
    open: openAtVault,
    keygen: showKey,
    present: showKey,
    "void-key": voidKey,
    build,
    sign,
    "void-root": voidRoot,
    backup,
    close,
    publish,
}

/** Between two machines: as much may the next clock be behind. */
export const CLOCK_LEEWAY_MS = 600_000

/**
 * The state after `record`, if it may stand there: its place in the chain, its clock, who did it, its order, the plan, and what its artefacts say. One
 * function for what is done now and for what is verified later, so that nothing can be recorded that would not verify.
 *
 * @throws Fault
 */
export function follow(state: CeremonyState, record: CeremonyRecord, read: ReadArtefact): CeremonyState {
    if (record.n !== (state.last?.n ?? 0) + 1) refuse(`its number is ${record.n}: a record is missing, or there twice`)
    if (record.prev !== (state.last?.hash ?? state.plan.sha256))
        refuse(state.last === undefined ? "it begins another plan's transcript" : "it does not follow on the record before it")
    if (state.closed !== undefined && record.step !== "publish") refuse("the ceremony is closed")
    checkClock(state, record)
    checkWho(state, record)
    return STEPS[record.step](state, record, read)
}

function checkClock(state: CeremonyState, { step, t }: CeremonyRecord): void {
    const { plan, last } = state
    const isOtherMachine = step === "open" || (step === "publish" && last?.step === "close")
    const earliest = (last?.t ?? plan.created).getTime() - (isOtherMachine ? CLOCK_LEEWAY_MS : 0)
    if (t.getTime() < earliest) {
        const before = last === undefined ? "the plan was written" : `record ${last.n}`
        throw new Fault(`its time ${t.toISOString()} is before ${before}`, "clock")
    }
    if (step === "publish") return
    if (t > plan.notAfter) throw new Fault(`its time ${t.toISOString()} is after the plan's not_after`, "clock")
    if (step !== "pack" && t < plan.notBefore) throw new Fault(`its time ${t.toISOString()} is before the plan's not_before`, "clock")
}

/** The names of those who may do a step. `keyName` where it is about a key. */
export function whoMay({ plan }: CeremonyState, step: StepName, keyName: string | number | undefined): readonly string[] {
    const lead = plan.people.filter(({ part }) => part === "lead").map(({ name }) => name)
    // Whoever lost a key may be nobody of this ceremony.
    const holder = plan.keys.filter(({ name, change }) => name === keyName && change !== "lost").map((key) => key.holder)
    switch (step) {
        case "keygen":
        case "present":
        case "sign":
        case "backup":
            return holder
        case "void-key":
            return [...lead, ...holder]
        case "close":
            return plan.people.filter(({ part }) => part === "witness").map(({ name }) => name)
        default:
            return lead
    }
}

function checkWho(state: CeremonyState, { step, who, facts }: CeremonyRecord): void {
    const may = whoMay(state, step, facts.get("key"))
    if (!may.includes(who)) refuse(`${who} may not do this: it is for ${may.length === 0 ? "a key the plan has" : may.join(" or ")}`)
}
