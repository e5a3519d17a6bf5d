import { setImmediate } from "node:timers/promises"
import type { GroupRecord, KeyRecord as KeptKey } from "../backup/index.ts"
import { type WayToOpen, waysToOpen } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import type { KeyRecord, RestoreChange, RestorePlan } from "../journal/index.ts"
import type { Change } from "../storage/index.ts"
import { encodeGroupFacts, encodeKeyFacts, parseKeyFacts } from "./key-facts.ts"
import { KeyEntry, type KeyIndex } from "./key-index.ts"
import type { SealedKeys } from "./sealed-keys.ts"

/** Digits of a key ID that a person is told. */
const SHOWN_DIGITS = 12
/** Keys that are looked at before others get their turn: a hundred thousand take so long that the watchdog would end the daemon. */
const AT_A_TIME = 250

/**
 * Which groups and keys of a backup are taken in. What is here stays as it is, whatever the backup says of it; a removed key stays removed. An envelope is looked at as
 * far as one can without opening it: whether it is this key's shows when it is opened, for its facts are bound to it.
 *
 * @throws backup_invalid: something in it is not what it says
 */
export async function planRestoredKeys(
    index: KeyIndex,
    sealed: SealedKeys,
    groups: readonly GroupRecord[],
    keys: readonly KeptKey[],
): Promise<RestorePlan> {
    const plan = new KeysPlan(index, sealed)
    for (const group of groups) plan.group(group)
    for (const [number, key] of keys.entries()) {
        if (number % AT_A_TIME === AT_A_TIME - 1) await setImmediate()
        plan.key(key)
    }
    return plan
}

class KeysPlan implements RestorePlan {
    readonly changes: Change[] = []
    readonly said: RestoreChange[] = []
    same = 0
    readonly #index: KeyIndex
    readonly #sealed: SealedKeys
    readonly #groups: GroupRecord[] = []
    readonly #entries: KeyEntry[] = []
    readonly #known: Set<string>
    /** Here under the same name is another group, with another key: nothing of the backup's opens with it. */
    readonly #others = new Set<string>()

    constructor(index: KeyIndex, sealed: SealedKeys) {
        this.#index = index
        this.#sealed = sealed
        this.#known = new Set(sealed.groups.keys())
    }

    group(record: GroupRecord): void {
        const { name, createdAt, envelope } = record
        const place = `the group ${name}`
        requireWays(place, envelope, ({ kind }) => kind !== "group")
        const known = this.#sealed.groups.get(name)
        if (known === undefined) {
            this.#known.add(name)
            this.#groups.push(record)
            this.changes.push({ kind: "group.insert", name, facts: encodeGroupFacts({ name, createdAt }), envelope })
            this.said.push({ kind: "add", subject: "group", name, text: "it opens as it did when the backup was made" })
        } else if (known.facts.createdAt !== createdAt) {
            this.#others.add(name)
            const text = `here is another group of this name, made at ${known.facts.createdAt}; the backup's was made at ${createdAt}`
            this.said.push({ kind: "differs", subject: "group", name, text })
        } else if (Buffer.compare(known.envelope, envelope) !== 0) {
            this.said.push({
                kind: "differs",
                subject: "group",
                name,
                text: "it opens with what it opens with here, and no more with what it did",
            })
        } else this.same += 1
    }

    key(kept: KeptKey): void {
        const record = recordOf(kept)
        const known = this.#index.get(record.id)
        if (known === undefined) this.#add(record, kept.envelope)
        else this.#compare(known, record, kept.envelope)
    }

    #add(record: KeyRecord, envelope: Uint8Array | undefined): void {
        const { id, home, removedAt } = record
        if (removedAt === undefined && home.kind === "group" && !this.#known.has(home.group))
            throw new TrustkeyError("backup_invalid", `the key ${shown(record)} is in the group ${home.group}, which is not there`)
        if (removedAt === undefined && home.kind === "group" && this.#others.has(home.group)) {
            const text = `it is sealed for the backup's group ${home.group}, and the group of that name here can't open it`
            this.said.push({ kind: "left-out", subject: "key", name: id, text })
            return
        }
        if (envelope !== undefined) requireWays(`the key ${shown(record)}`, envelope, (way) => fits(way, home))
        this.changes.push({ kind: "key.insert", id, facts: encodeKeyFacts(record), envelope: envelope ?? null })
        this.#entries.push(new KeyEntry(record, envelope))
        const what = removedAt === undefined ? describe(record) : `that it was removed at ${removedAt}`
        this.said.push({ kind: "add", subject: "key", name: id, text: what })
    }

    #compare(known: KeyEntry, record: KeyRecord, envelope: Uint8Array | undefined): void {
        const name = record.id
        const here = known.record
        if (here.removedAt !== undefined) {
            if (record.removedAt === undefined)
                this.said.push({
                    kind: "removed",
                    subject: "key",
                    name,
                    text: `it was removed here at ${here.removedAt}, and stays removed`,
                })
            else this.same += 1
            return
        }
        const differences =
            record.removedAt === undefined ? differencesOf(known, record, envelope) : [`it was removed there at ${record.removedAt}`]
        if (differences.length === 0) this.same += 1
        else this.said.push({ kind: "differs", subject: "key", name, text: `${differences.join("; ")}: here it stays as it is` })
    }

    async apply(): Promise<void> {
        for (const { name, createdAt, envelope } of this.#groups) this.#sealed.addGroup({ name, createdAt }, envelope)
        for (const entry of this.#entries) this.#index.add(entry)
    }
}

function recordOf({ id, facts }: KeptKey): KeyRecord {
    try {
        return parseKeyFacts(id, facts)
    } catch (cause) {
        if (!(cause instanceof TrustkeyError)) throw cause
        throw new TrustkeyError("backup_invalid", `the facts of the key ${id.slice(0, SHOWN_DIGITS)} do not fit it`, { cause })
    }
}

/** What is in it can't be seen; that it is an envelope, and that what opens it is what opens such a key here. */
function requireWays(what: string, envelope: Uint8Array, isRight: (way: WayToOpen) => boolean): void {
    try {
        if (waysToOpen(envelope).every(isRight)) return
    } catch (cause) {
        if (!(cause instanceof TrustkeyError)) throw cause
        throw new TrustkeyError("backup_invalid", `${what} has an envelope that is none`, { cause })
    }
    throw new TrustkeyError("backup_invalid", `${what} has an envelope that opens in another way than its facts say`)
}

function fits({ kind, name }: WayToOpen, home: KeyRecord["home"]): boolean {
    return home.kind === "group" ? kind === "group" && name === home.group : home.kind === "sealed" && kind !== "group"
}

function differencesOf({ record: here, envelope: ours }: KeyEntry, there: KeyRecord, envelope: Uint8Array | undefined): readonly string[] {
    const text = (record: KeyRecord, part: Partial<KeyRecord>): string => encodeKeyFacts({ ...record, ...part })
    const like = (part: Partial<KeyRecord>): boolean => text(here, part) === text(here, {})
    const differences = [
        ...(like({ label: there.label }) ? [] : ["it has another label there"]),
        ...(like({ bindings: there.bindings }) ? [] : ["it may sign elsewhere there"]),
        ...(like({ home: there.home }) && sameCopies(here, there) ? [] : ["it lies elsewhere there"]),
        ...(sameEnvelope(ours, envelope) ? [] : ["it opens otherwise there"]),
    ]
    if (differences.length === 0 && text(here, {}) !== text(there, {})) return ["its facts are others there"]
    return differences
}

function sameCopies({ copies: here = [] }: KeyRecord, { copies: there = [] }: KeyRecord): boolean {
    return JSON.stringify(here.map(({ serial, uri }) => [serial, uri])) === JSON.stringify(there.map(({ serial, uri }) => [serial, uri]))
}

function sameEnvelope(one: Uint8Array | undefined, other: Uint8Array | undefined): boolean {
    return one === undefined || other === undefined ? one === other : Buffer.compare(one, other) === 0
}

function describe({ purpose, label, home }: KeyRecord): string {
    const where =
        home.kind === "token"
            ? `on token ${home.token}, serial ${home.serial}`
            : home.kind === "group"
              ? `in the group ${home.group}`
              : "sealed"
    return `a ${purpose} key${label === "" ? "" : ` ${JSON.stringify(label)}`}, ${where}`
}

function shown({ id }: KeyRecord): string {
    return id.slice(0, SHOWN_DIGITS)
}
