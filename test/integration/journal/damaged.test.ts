import assert from "node:assert/strict"
import { test } from "node:test"
import { TrustkeyError } from "../../../src/errors.ts"
import { openJournal } from "../../../src/journal/index.ts"
import type { Row, Store } from "../../../src/storage/index.ts"
import { parseRoleName } from "../../../src/tuf/index.ts"
import { GUN, JournalRig, Keys, NOW, permit } from "./fixtures.ts"

/** Of each value; more than it has bits begin anew. */
const BITS = [0, 1, 2, 3, 4, 5, 6, 11, 101, 1_003, 5_005]

function flipped(value: Row[string], bit: number): Row[string] {
    if (typeof value === "number") return value ^ (1 << (bit % 31))
    if (typeof value !== "string" && !(value instanceof Uint8Array)) return value
    const bytes = Buffer.from(value)
    const at = bytes.length === 0 ? 0 : bit % (bytes.length * 8)
    if (bytes.length > 0) bytes.writeUInt8(bytes.readUInt8(at >> 3) ^ (1 << (at & 7)), at >> 3)
    return typeof value === "string" ? bytes.toString("utf8") : new Uint8Array(bytes)
}

/** Reads as `store` does, but for one bit of the `damaged`th value that is read. */
function damagedStore(store: Store, damaged: number, bit: number): { store: Store; values: () => number } {
    let values = 0
    const read: Store["read"] = async (query) => {
        const rows = await store.read(query)
        return rows.map((row) =>
            Object.fromEntries(Object.entries(row).map(([name, value]) => [name, values++ === damaged ? flipped(value, bit) : value])),
        )
    }
    return { store: { read, commit: (changes) => store.commit(changes), close: () => store.close() }, values: () => values }
}

test("a journal with one bit of any stored value flipped is read, or refused as a damaged database", async () => {
    await using rig = await JournalRig.open()
    const keys = new Keys()
    const [root, targets, next] = [keys.root(1), keys.targets(1), keys.targets(2)]
    await rig.journal.commitMetadata(permit("sign", parseRoleName("root")), keys.record("root"), GUN, root)
    for (const each of [targets, next]) {
        await rig.journal.commitMetadata(permit("sign", each.role), keys.record("targets"), GUN, each)
    }
    await rig.journal.release(GUN, [keys.file(root), keys.file(targets)])
    await rig.journal.observe(GUN, [keys.file(root)])
    await rig.journal.keepCertificate(keys.record("root").id, GUN, "a certificate")

    const use = async ({ store }: { store: Store }): Promise<"read" | "refused"> => {
        try {
            const journal = await openJournal(store, () => NOW)
            await journal.show({ after: 0, limit: 100 })
            await journal.promisedRoot(GUN)
            await journal.backup()
            return "read"
        } catch (error) {
            assert.ok(error instanceof TrustkeyError, String(error))
            assert.equal(error.code, "storage_failed", error.message)
            return "refused"
        }
    }
    const whole = damagedStore(rig.store, -1, 0)
    assert.equal(await use(whole), "read")
    const seen = { read: 0, refused: 0 }
    for (let value = 0; value < whole.values(); value += 1) {
        for (const bit of BITS) seen[await use(damagedStore(rig.store, value, bit))] += 1
    }
    assert.ok(seen.read > 0 && seen.refused > 0, JSON.stringify(seen))
})
