import { sha256 } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import { artefactReader, type Bundle, bundleFiles, CheckedBundle, checkFiles } from "./bundle.ts"
import { encodeCloseStatement } from "./close-statement.ts"
import { type CloseSignatures, checkClose, statementOf } from "./closing.ts"
import { draftOf } from "./draft.ts"
import { Fault, refuse } from "./fault.ts"
import { follow, whoMay } from "./follow.ts"
import { type CeremonyRecord, encodeRecord, type Item, parseRecord, sealRecord, sortItems } from "./record.ts"
import type { CeremonyState } from "./state.ts"
import type { StepInput } from "./step-input.ts"

export type StepOptions = {
    /** By the clock of the machine that does it. */
    readonly at: Date
    /** Who does it; by default the only one who may, or the lead. */
    readonly who?: string
    /** People's words. */
    readonly note?: string
}

/**
 * The ceremony with one more record: refused by the same rules by which a stranger refuses it in a finished bundle.
 *
 * @throws step_refused, clock_implausible: nothing has changed
 */
export function takeStep(bundle: Bundle, input: StepInput, options: StepOptions): Bundle {
    try {
        return addRecord(bundle, input, options)
    } catch (error) {
        if (!(error instanceof Fault)) throw error
        throw new TrustkeyError(error.about === "clock" ? "clock_implausible" : "step_refused", `${input.step}: ${error.message}`)
    }
}

function addRecord(bundle: Bundle, input: StepInput, { at, who, note }: StepOptions): Bundle {
    const { state } = bundle
    // The close is what vault and witness have signed: nothing of it can follow, and what was published is noted only after it.
    if (bundle.close !== undefined && input.step !== "publish") refuse("the ceremony is closed")
    if (bundle.close === undefined && input.step === "publish") refuse("the ceremony is not closed and signed yet")
    const draft = draftOf(bundle, input)
    const items: Item[] = []
    const artefacts = new Map(bundle.artefacts)
    for (const [name, bytes] of draft.out) {
        const hash = sha256(bytes).toString("hex")
        artefacts.set(hash, Buffer.from(bytes))
        items.push({ name, sha256: hash })
    }
    const keyName = "key" in input ? input.key : undefined
    const record = sealRecord({
        n: (state.last?.n ?? 0) + 1,
        prev: state.last?.hash ?? state.plan.sha256,
        t: at,
        who: who ?? whoMay(state, input.step, keyName)[0] ?? refuse("the plan has no key of that name, or it is lost"),
        step: input.step,
        facts: new Map(draft.facts.flatMap(([name, fact]) => (fact === undefined ? [] : [[name, fact]]))),
        in: inputItems(state, draft.in),
        out: sortItems(items),
        note: note ?? "",
    })
    return withRecord(bundle, record, artefacts)
}

function withRecord(bundle: Bundle, record: CeremonyRecord, artefacts: ReadonlyMap<string, Buffer>): Bundle {
    const { plan, close, records, publication } = bundle
    // Read back: words that a record can't hold are refused here, as a reader would.
    const state = follow(bundle.state, parseRecord(encodeRecord(record).subarray(0, -1)), artefactReader(artefacts))
    const isPublication = record.step === "publish"
    const next = new CheckedBundle({
        plan,
        close,
        artefacts,
        state,
        records: isPublication ? records : [...records, record],
        publication: isPublication ? [...publication, record] : publication,
    })
    // What is too large for a bundle must not be found out when it is read.
    checkFiles(bundleFiles(next))
    return next
}

function inputItems(state: CeremonyState, names: readonly string[]): readonly Item[] {
    return sortItems(names.map((name) => ({ name, sha256: state.artefacts.get(name) ?? refuse(`there is no ${name} yet`) })))
}

/** The bytes that vault and witness sign. @throws step_refused before the step close */
export function closeStatement(bundle: Bundle): Buffer {
    if (bundle.state.closed === undefined) throw new TrustkeyError("step_refused", "close: the transcript does not end in a close yet")
    return encodeCloseStatement(statementOf(bundle.plan, bundle.state.closed))
}

/** The bundle with its close signed by both. @throws step_refused: not before the step close, or a signature is not good or not by the plan's key */
export function closeBundle(bundle: Bundle, signatures: CloseSignatures): Bundle {
    const { plan, records, publication, artefacts, state } = bundle
    try {
        const last = state.closed ?? refuse("the transcript does not end in a close yet")
        const close = { statement: statementOf(plan, last), signatures }
        checkClose(close, plan)
        return new CheckedBundle({ plan, records, publication, artefacts, state, close })
    } catch (error) {
        if (error instanceof Fault) throw new TrustkeyError("step_refused", `close: ${error.message}`)
        throw error
    }
}
