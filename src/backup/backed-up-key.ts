import { type WayToOpen, waysToOpen } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import { parseJson } from "../tuf/index.ts"
import { readKeyFacts } from "./key-facts.ts"
import type { KeyFacts, KeyRecord } from "./records.ts"
import { refuse } from "./refuse.ts"

/** A key of a backup, and what gives it back. */
export type BackedUpKey = {
    readonly facts: KeyFacts
    /** What opens its envelope; empty for one that was removed, or can't leave its tokens. */
    readonly opens: readonly WayToOpen[]
    /** As in KeyRecord: undefined unless it lies on tokens alone. */
    readonly instead: KeyRecord["instead"]
}

/** @throws backup_invalid */
export function backedUpKey({ facts, envelope, instead }: KeyRecord): BackedUpKey {
    return {
        facts: readKeyFacts(parseJson(new TextEncoder().encode(facts))),
        opens: envelope === undefined ? [] : waysInto(envelope),
        instead,
    }
}

/** @throws backup_invalid: it is no envelope */
export function waysInto(envelope: Uint8Array): readonly WayToOpen[] {
    try {
        return waysToOpen(envelope)
    } catch (error) {
        if (error instanceof TrustkeyError && error.code === "open_failed") refuse("its envelope is none")
        throw error
    }
}
