import assert from "node:assert/strict"
import { createHash } from "node:crypto"
import { describe, test } from "node:test"
import fc from "fast-check"
import { type AuditEvent, encodeDetail, openAuditLog } from "../../../src/audit/index.ts"
import { hashRecord } from "../../../src/audit/record.ts"
import { TrustkeyError } from "../../../src/errors.ts"
import type { AuditRow } from "../../../src/storage/index.ts"
import { MemoryStore } from "./memory-store.ts"

const refused = (code: string) => ({ name: "TrustkeyError", code })
const ZEROS = "0".repeat(64)

class Clock {
    ms = Date.UTC(2026, 0, 2, 3, 4, 5)
    readonly now = (): Date => new Date(this.ms)
}

function event(changes: Partial<AuditEvent> = {}): AuditEvent {
    const at = new Date(Date.UTC(2026, 0, 2, 3, 4, 5, 678))
    return { at, who: "uid:1000(alice)", action: "sign", outcome: "ok", gun: "g", role: "targets", keyId: "k", detail: {}, ...changes }
}

async function chainOf(count: number): Promise<MemoryStore> {
    const store = new MemoryStore()
    const log = await openAuditLog(store, new Clock().now)
    for (let n = 0; n < count; n += 1) await log.append(event({ gun: `g${n}`, detail: { n } }))
    return store
}

const verdictOf = async (store: MemoryStore, checkpoint?: { sequence: number; hash: string }) =>
    (await openAuditLog(store, new Clock().now)).verify(checkpoint)

describe("the audit log", () => {
    test("TK-AUD-1 append resolves only after the store has the record", async () => {
        const store = new MemoryStore()
        const log = await openAuditLog(store, new Clock().now)
        const gate = Promise.withResolvers<void>()
        store.gate = gate.promise
        let answered = false
        const append = log.append(event()).then(() => {
            answered = true
        })
        await new Promise(setImmediate)
        assert.equal(answered, false)
        assert.equal(log.head.sequence, 0)
        gate.resolve()
        await append
        assert.equal(log.head.sequence, 1)
        assert.equal(store.records.length, 1)
    })

    test("TK-AUD-1 no record, no answer: a store that fails fails every append from then on", async () => {
        const store = new MemoryStore()
        const log = await openAuditLog(store, new Clock().now)
        await log.append(event())
        store.failure = new TrustkeyError("storage_failed", "the database failed")
        await assert.rejects(log.append(event()), refused("storage_failed"))
        await assert.rejects(log.denied(event({ outcome: "denied" })), refused("storage_failed"))
        store.failure = undefined
        await assert.rejects(log.append(event()), refused("audit_broken"))
        assert.equal(log.head.sequence, 1)
        assert.deepEqual(await log.verify(), { intact: true, records: 1, brokenAt: 0, head: log.head.hash })
    })

    test("appends called together make one chain in the order of the calls", async () => {
        const store = new MemoryStore()
        const log = await openAuditLog(store, new Clock().now)
        const records = await Promise.all(Array.from({ length: 50 }, (_, n) => log.append(event({ detail: { n } }))))
        assert.deepEqual(
            records.map(({ sequence, detail }) => [sequence, detail["n"]]),
            records.map((_, n) => [n + 1, n]),
        )
        assert.equal(records[0]?.previous, ZEROS)
        for (const [n, record] of records.entries()) if (n > 0) assert.equal(record.previous, records[n - 1]?.hash)
        assert.deepEqual(await log.verify(), { intact: true, records: 50, brokenAt: 0, head: records[49]?.hash })
        assert.deepEqual(log.head, { sequence: 50, hash: records[49]?.hash })
    })

    test("a new process goes on where the chain ends", async () => {
        const store = await chainOf(3)
        const log = await openAuditLog(store, new Clock().now)
        assert.equal((await log.append(event())).sequence, 4)
        assert.equal((await log.verify()).intact, true)
    })

    test("two writers of one chain: the second is stopped", async () => {
        const store = await chainOf(1)
        const [one, two] = [await openAuditLog(store, new Clock().now), await openAuditLog(store, new Clock().now)]
        await one.append(event())
        await assert.rejects(two.append(event()), refused("audit_broken"))
        assert.equal((await one.verify()).intact, true)
    })

    test("records are listed from either end, at most a thousand, as they were", async () => {
        const log = await openAuditLog(await chainOf(1200), new Clock().now)
        const sequences = (records: readonly { sequence: number }[]) => [records.at(0)?.sequence, records.at(-1)?.sequence, records.length]
        assert.deepEqual(sequences(await log.list(0, 5000)), [1, 1000, 1000])
        assert.deepEqual(sequences(await log.list(1190, 5)), [1191, 1195, 5])
        assert.deepEqual(sequences(await log.newest(7)), [1194, 1200, 7])
        const [record] = await log.list(4, 1)
        assert.deepEqual(
            { ...record, previous: "", hash: "", detail: { ...record?.detail } },
            { ...event({ gun: "g4", detail: { n: 4 } }), sequence: 5, previous: "", hash: "" },
        )
    })

    test("verification reads page by page", async () => {
        const store = await chainOf(2500)
        const log = await openAuditLog(store, new Clock().now)
        store.reads = 0
        assert.equal((await log.verify()).records, 2500)
        assert.equal(store.reads, 3)
    })

    test("the hash is SHA-256 over every field behind its length, as the format says", async () => {
        const [record] = (await chainOf(1)).records
        assert.ok(record !== undefined)
        const fields = [
            "trustkeyd audit record 1",
            "1",
            "2026-01-02T03:04:05.678Z",
            "uid:1000(alice)",
            "sign",
            "ok",
            "g0",
            "targets",
            "k",
            '{"n":0}',
            ZEROS,
        ]
        const encoded = fields.map((field) => {
            const length = Buffer.alloc(4)
            length.writeUInt32BE(Buffer.byteLength(field))
            return Buffer.concat([length, Buffer.from(field)])
        })
        assert.equal(record.hash, createHash("sha256").update(Buffer.concat(encoded)).digest("hex"))
        // The example in docs/formats/audit-record.md
        assert.equal(record.hash, "98287ebf2706c17749361e7caf6334e07cac026eb145e46f4674d03411c2c0b9")
    })
})

const FIELDS = ["at", "who", "action", "outcome", "gun", "role", "keyId", "detail", "previous", "hash"] as const
const kept = fc.integer({ min: 1, max: 12 })

/** The chain as an attacker would leave it who can write to the database and compute hashes. */
function rehash(records: readonly AuditRow[]): AuditRow[] {
    let previous = ZEROS
    return records.map((record, index) => {
        const row = { ...record, sequence: index + 1, previous }
        previous = hashRecord(row)
        return { ...row, hash: previous }
    })
}

describe("TK-AUD-2 any change to what a kept checkpoint covers is noticed", () => {
    test("TK-AUD-2 a changed field in any record breaks the chain, whichever field it is", async () => {
        const store = await chainOf(12)
        const original = store.records
        await fc.assert(
            fc.asyncProperty(kept, fc.constantFrom(...FIELDS), fc.string({ unit: "grapheme" }), async (sequence, field, value) => {
                fc.pre(original[sequence - 1]?.[field] !== value)
                store.records = original.map((record) => (record.sequence === sequence ? { ...record, [field]: value } : record))
                // A last record without a readable hash is refused even earlier.
                const verdict = await verdictOf(store).catch((error: unknown) => {
                    assert.ok(error instanceof TrustkeyError && error.code === "audit_broken")
                    return { intact: false, brokenAt: sequence }
                })
                assert.equal(verdict.intact, false)
                assert.equal(verdict.brokenAt, sequence)
            }),
        )
    })

    test("TK-AUD-2 removing, doubling, exchanging and inserting records breaks the chain", async () => {
        const store = await chainOf(12)
        const original = store.records
        const damage = fc.constantFrom<(records: AuditRow[], at: number) => void>(
            (records, at) => records.splice(at, 1),
            (records, at) => records.splice(at, 0, ...records.slice(at, at + 1)),
            (records, at) => records.splice(at, 2, ...records.slice(at, at + 2).reverse()),
            // Renumbered, so that only the hashes can tell.
            (records, at) =>
                records.splice(
                    at,
                    2,
                    ...records
                        .slice(at, at + 2)
                        .reverse()
                        .map((record, n) => ({ ...record, sequence: at + n + 1 })),
                ),
        )
        await fc.assert(
            fc.asyncProperty(damage, fc.integer({ min: 0, max: 10 }), async (change, at) => {
                store.records = [...original]
                change(store.records, at)
                const verdict = await verdictOf(store)
                assert.equal(verdict.intact, false)
                assert.ok(verdict.brokenAt >= at + 1 && verdict.brokenAt <= at + 2)
            }),
        )
    })

    test("TK-AUD-2 a chain written anew fits itself, but not a kept checkpoint", async () => {
        const original = (await chainOf(12)).records
        const store = new MemoryStore()
        await fc.assert(
            fc.asyncProperty(
                kept,
                kept,
                fc.constantFrom("who", "action", "outcome", "gun", "role", "keyId"),
                async (first, second, field) => {
                    const [changed, covered] = [Math.min(first, second), Math.max(first, second)]
                    const checkpoint = original[covered - 1]
                    assert.ok(checkpoint !== undefined)
                    store.records = rehash(
                        original.map((record) => (record.sequence === changed ? { ...record, [field]: "forged" } : record)),
                    )
                    assert.equal((await verdictOf(store)).intact, true)
                    const verdict = await verdictOf(store, checkpoint)
                    assert.deepEqual([verdict.intact, verdict.brokenAt], [false, covered])
                },
            ),
        )
    })

    test("TK-AUD-2 a cut-off end shows against a checkpoint, and against what the process has seen", async () => {
        const store = await chainOf(12)
        const log = await openAuditLog(store, new Clock().now)
        const checkpoint = log.head
        store.records = store.records.slice(0, 9)
        assert.deepEqual([(await log.verify()).intact, (await log.verify()).brokenAt], [false, 10])
        assert.equal((await verdictOf(store)).intact, true)
        assert.deepEqual([(await verdictOf(store, checkpoint)).intact, (await verdictOf(store, checkpoint)).brokenAt], [false, 10])
        store.records = []
        assert.deepEqual(await verdictOf(store, checkpoint), { intact: false, records: 0, brokenAt: 1, head: ZEROS })
    })

    test("TK-AUD-2 a checkpoint stays good while the chain grows", async () => {
        const store = await chainOf(5)
        const log = await openAuditLog(store, new Clock().now)
        const checkpoint = log.head
        await log.append(event())
        assert.equal((await log.verify(checkpoint)).intact, true)
        assert.equal((await log.verify({ ...checkpoint, hash: ZEROS })).intact, false)
        assert.equal((await log.verify({ sequence: 0, hash: "1".repeat(64) })).intact, false)
    })

    test("TK-AUD-2 moving text from one field to the next gives another hash", () => {
        const fields = fc.array(fc.string({ maxLength: 4 }), { minLength: 6, maxLength: 6 })
        const row = ([who = "", action = "", outcome = "", gun = "", role = "", keyId = ""]: string[]) => ({
            ...{ sequence: 1, at: "", who, action, outcome, gun, role, keyId, detail: "{}", previous: ZEROS },
        })
        fc.assert(
            fc.property(fields, fields, (one, other) => {
                assert.equal(
                    hashRecord(row(one)) === hashRecord(row(other)),
                    one.every((text, n) => text === other[n]),
                )
            }),
        )
        assert.notEqual(hashRecord(row(["ab", "c"])), hashRecord(row(["a", "bc"])))
    })

    test("what any caller puts in comes out, and the chain holds", async () => {
        const text = fc.string({ unit: "binary" })
        const value = fc.oneof(text, fc.double(), fc.integer(), fc.boolean())
        await fc.assert(
            fc.asyncProperty(fc.dictionary(text, value), text, async (detail, who) => {
                const store = new MemoryStore()
                const log = await openAuditLog(store, new Clock().now)
                // Lone halves of a surrogate pair have no UTF-8 form.
                const record = await log.append(
                    event({ who: `${who}\ud800`, detail: { ...detail, lone: "\udfff", long: "x".repeat(9000) } }),
                )
                assert.equal((await log.verify()).intact, true)
                assert.equal(record.who, `${who}\ufffd`.toWellFormed())
                assert.equal(encodeDetail(record.detail), store.records[0]?.detail)
                assert.deepEqual(await log.list(0, 1), [record])
                assert.ok(String(record.detail["long"]).length === 4096)
            }),
            { numRuns: 30 },
        )
    })
})

describe("denials", () => {
    const denial = (clock: Clock, changes: Partial<AuditEvent> = {}) => event({ at: clock.now(), outcome: "denied", ...changes })

    test("the first of a minute is recorded at once, the others as one count when it is over", async () => {
        const clock = new Clock()
        const store = new MemoryStore()
        const log = await openAuditLog(store, clock.now)
        for (let n = 0; n < 1000; n += 1) await log.denied(denial(clock))
        assert.equal(store.records.length, 1)
        assert.equal(store.records[0]?.gun, "g")
        clock.ms += 59_999
        await log.denied(denial(clock))
        assert.equal(store.records.length, 1)
        clock.ms += 1
        await log.append(event())
        assert.deepEqual(
            store.records.map(({ who, action, outcome, detail }) => [who, action, outcome, detail]),
            [
                ["uid:1000(alice)", "sign", "denied", "{}"],
                ["uid:1000(alice)", "sign", "denied", '{"further":1000,"since":"2026-01-02T03:04:05.000Z"}'],
                ["uid:1000(alice)", "sign", "ok", "{}"],
            ],
        )
        await log.denied(denial(clock))
        assert.equal(store.records.length, 4)
        await log.close()
        assert.equal(store.records.length, 4)
    })

    test("who, action and code are counted apart", async () => {
        const clock = new Clock()
        const store = new MemoryStore()
        const log = await openAuditLog(store, clock.now)
        for (const changes of [{}, { who: "uid:7(eve)" }, { action: "unlock" }, { outcome: "unauthenticated" }]) {
            await log.denied(denial(clock, changes))
            await log.denied(denial(clock, changes))
        }
        assert.equal(store.records.length, 4)
    })

    test("closing writes down what was counted", async () => {
        const clock = new Clock()
        const store = new MemoryStore()
        const log = await openAuditLog(store, clock.now)
        for (let n = 0; n < 3; n += 1) await log.denied(denial(clock))
        await log.close()
        assert.equal(store.records[1]?.detail, '{"further":2,"since":"2026-01-02T03:04:05.000Z"}')
        assert.equal((await log.verify()).intact, true)
    })

    test("too many different ones share one count, so neither memory nor disk fills", async () => {
        const clock = new Clock()
        const store = new MemoryStore()
        const log = await openAuditLog(store, clock.now)
        for (let n = 0; n < 5000; n += 1) await log.denied(denial(clock, { who: `uid:${n}(x)` }))
        // 256 told apart, and the first of the others.
        assert.equal(store.records.length, 257)
        await log.close()
        const last = store.records.at(-1)
        assert.deepEqual([store.records.length, last?.who, last?.action, last?.outcome], [258, "others", "various", "various"])
        assert.equal(last?.detail, `{"further":${5000 - 257},"since":"2026-01-02T03:04:05.000Z"}`)
    })

    test("a clock set back ends the window", async () => {
        const clock = new Clock()
        const store = new MemoryStore()
        const log = await openAuditLog(store, clock.now)
        await log.denied(denial(clock))
        await log.denied(denial(clock))
        clock.ms -= 86_400_000
        await log.denied(denial(clock))
        assert.equal(store.records.length, 3)
    })

    test("the minute's end needs no further request", async (t) => {
        t.mock.timers.enable({ apis: ["setTimeout"] })
        const clock = new Clock()
        const store = new MemoryStore()
        const log = await openAuditLog(store, clock.now)
        await log.denied(denial(clock))
        await log.denied(denial(clock))
        clock.ms += 60_001
        t.mock.timers.tick(60_001)
        await new Promise(setImmediate)
        assert.equal(store.records.length, 2)
    })
})
