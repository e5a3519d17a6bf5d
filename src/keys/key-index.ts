import type { KeyRecord } from "../journal/index.ts"
import { encodeKeyFacts } from "./key-facts.ts"

const FULL_ID = 64
const SHORTEST_PREFIX = 7

/** A key as kept in memory: public facts, and the envelope when its home is ours. */
export class KeyEntry {
    record: KeyRecord
    envelope: Uint8Array | undefined
    /** The stored text, when it is not what we would write: compare-and-set needs it to the letter. */
    #stored: string | undefined

    constructor(record: KeyRecord, envelope: Uint8Array | undefined, stored?: string) {
        this.record = record
        this.envelope = envelope
        this.#stored = stored === undefined || stored === encodeKeyFacts(record) ? undefined : stored
    }

    get stored(): string {
        return this.#stored ?? encodeKeyFacts(this.record)
    }

    replace(record: KeyRecord): void {
        this.record = record
        this.#stored = undefined
    }
}

/** All keys by ID, removed ones included. A hundred thousand are fine. */
export class KeyIndex {
    readonly #entries = new Map<string, KeyEntry>()
    /** Sorted IDs, made when somebody asks by prefix. */
    #sorted: string[] | undefined

    add(entry: KeyEntry): void {
        this.#entries.set(entry.record.id, entry)
        this.#sorted = undefined
    }

    get(id: string): KeyEntry | undefined {
        return this.#entries.get(id)
    }

    /** By full ID, or by a prefix of at least 7 digits that fits one key only. */
    find(idOrPrefix: string): KeyEntry | undefined {
        if (idOrPrefix.length === FULL_ID) return this.#entries.get(idOrPrefix)
        if (idOrPrefix.length < SHORTEST_PREFIX || !/^[0-9a-f]+$/.test(idOrPrefix)) return undefined
        this.#sorted ??= [...this.#entries.keys()].sort()
        const at = lowerBound(this.#sorted, idOrPrefix)
        const first = this.#sorted[at]
        const isUnique = first?.startsWith(idOrPrefix) === true && this.#sorted[at + 1]?.startsWith(idOrPrefix) !== true
        return isUnique ? this.#entries.get(first) : undefined
    }

    values(): Iterable<KeyEntry> {
        return this.#entries.values()
    }
}

/** The index of the first text not before `wanted`. */
function lowerBound(sorted: readonly string[], wanted: string): number {
    let low = 0
    let high = sorted.length
    while (low < high) {
        const middle = (low + high) >>> 1
        if ((sorted[middle] ?? "") < wanted) low = middle + 1
        else high = middle
    }
    return low
}
