import { refuse } from "./fault.ts"
import type { CeremonyRecord, Item } from "./record.ts"
import type { CeremonyState } from "./state.ts"

/** That `items` have exactly these names. */
export function checkItems(items: readonly Item[], names: readonly string[], list: "in" | "out"): void {
    const expected = new Set(names)
    for (const { name } of items) if (!expected.has(name)) refuse(`${list} has something that does not belong to this step`)
    for (const name of expected) if (!items.some((item) => item.name === name)) refuse(`${name} is missing in ${list}`)
}

/** That `in` is exactly this, each as it stands. */
export function checkInput(state: CeremonyState, record: CeremonyRecord, names: readonly string[]): void {
    checkItems(record.in, names, "in")
    for (const { name, sha256 } of record.in) if (state.artefacts.get(name) !== sha256) refuse(`${name} in "in" is not the one that stands`)
}

/** The state after `record`, as far as every step changes it. */
export function standsAs(state: CeremonyState, record: CeremonyRecord): CeremonyState {
    const artefacts = new Map(state.artefacts)
    for (const { name, sha256 } of record.out) {
        if (artefacts.has(name)) refuse(`${name} is there already`)
        artefacts.set(name, sha256)
    }
    return { ...state, last: record, artefacts }
}
