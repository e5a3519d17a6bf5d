import assert from "node:assert/strict"
import { describe, test } from "node:test"
import fc from "fast-check"
import { decodeMessage, type Entries, encodeMessage, type Field } from "../../../src/wire/codec.ts"
import { loadWire } from "../../../src/wire/load.ts"
import { ENTRIES } from "../../../src/wire/method.ts"

const messages = Object.keys(ENTRIES).filter((name) => ENTRIES[name]?.fields !== undefined)

/** Any message of a type: each field may be missing, and of a oneof at most one is there. */
function anyMessage(type: string): fc.Arbitrary<Record<string, unknown>> {
    const { fields = {}, oneofs = {} } = ENTRIES[type] ?? {}
    const members = new Set(Object.values(oneofs).flatMap(({ oneof }) => oneof))
    const alone = Object.entries(fields).filter(([name]) => !members.has(name))
    const record = fc.record(Object.fromEntries(alone.map(([name, field]) => [name, anyField(field)])), { requiredKeys: [] })
    const chosen = Object.values(oneofs).map(({ oneof }) =>
        fc.oneof(
            fc.constant({}),
            ...oneof.map((name) => anyField(fields[name] ?? { type: "none", id: 0 }).map((value) => ({ [name]: value }))),
        ),
    )
    return fc.tuple(record, ...chosen).map((parts) => Object.assign({}, ...parts) as Record<string, unknown>)
}

function anyField({ type, rule }: Field): fc.Arbitrary<unknown> {
    const one = anyValue(type)
    return rule === "repeated" ? fc.array(one, { maxLength: 3 }) : one
}

function anyValue(type: string): fc.Arbitrary<unknown> {
    const values = ENTRIES[type]?.values
    if (values !== undefined) return fc.constantFrom(...Object.keys(values))
    const scalars: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
        uint32: fc.nat(0xffffffff),
        uint64: fc.maxSafeNat(),
        bool: fc.boolean(),
        string: fc.string({ unit: "grapheme" }),
        bytes: fc.uint8Array().map((bytes) => Buffer.from(bytes)),
    }
    return scalars[type] ?? anyMessage(type)
}

describe("each of our messages", () => {
    const { definition } = loadWire()
    for (const type of messages) {
        test(`${type} is the same to us and to protobufjs, either way`, () => {
            const theirs = definition[`trustkeyd.v1.${type}`]
            assert.ok(theirs !== undefined && "serialize" in theirs && "deserialize" in theirs)
            const { serialize, deserialize } = theirs
            assert.ok(typeof serialize === "function" && typeof deserialize === "function")
            fc.assert(
                fc.property(anyMessage(type), (message) => {
                    const bytes: Buffer = serialize(message)
                    const expected: unknown = deserialize(bytes)
                    assert.deepEqual(decodeMessage(ENTRIES, type, bytes), expected)
                    assert.deepEqual(deserialize(encodeMessage(ENTRIES, type, message)), expected)
                }),
                { numRuns: 50 },
            )
        })
    }
})

const SMALL: Entries = {
    Small: { fields: { word: { type: "string", id: 1 }, count: { type: "uint32", id: 2 }, colour: { type: "Colour", id: 3 } } },
    Colour: { values: { RED: 0, BLUE: 1 } },
    Choice: { fields: { a: { type: "string", id: 1 }, b: { type: "bool", id: 2 } }, oneofs: { which: { oneof: ["a", "b"] } } },
}
const NOTHING = { word: "", count: 0, colour: "RED" }

test("fields we don't know are passed over, whatever they are", () => {
    const unknown = [
        [0x50, 0xff, 0x01],
        [0x51, 1, 2, 3, 4, 5, 6, 7, 8],
        [0x52, 2, 0x61, 0x62],
        [0x55, 1, 2, 3, 4],
    ]
    const bytes = Buffer.from([...unknown.flat(), 0x10, 0x07, ...unknown.flat()])
    assert.deepEqual(decodeMessage(SMALL, "Small", bytes), { ...NOTHING, count: 7 })
})

test("an enum value we don't know stays a number", () => {
    assert.deepEqual(decodeMessage(SMALL, "Small", Buffer.from([0x18, 0x05])), { ...NOTHING, colour: 5 })
})

test("of several members of a oneof the last one counts", () => {
    assert.deepEqual(decodeMessage(SMALL, "Choice", Buffer.from([0x0a, 1, 0x61, 0x10, 0])), { b: false, which: "b" })
    assert.deepEqual(decodeMessage(SMALL, "Choice", Buffer.from([0x10, 1, 0x0a, 1, 0x61])), { a: "a", which: "a" })
})

test("what is cut off or no message is refused", () => {
    for (const bytes of [[0x0a], [0x0a, 5, 0x61], [0x10], [0x10, 0x80], [0x51, 1], [0x53], [0x08, 1], [0x12, 0], Array(12).fill(0xff)])
        assert.throws(() => decodeMessage(SMALL, "Small", Buffer.from(bytes)), Error, String(bytes))
})

test("whatever bytes come, they are a message or refused", () => {
    fc.assert(
        fc.property(fc.uint8Array(), fc.constantFrom(...messages), (bytes, type) => {
            try {
                decodeMessage(ENTRIES, type, bytes)
            } catch (error) {
                assert.match(String(error), /^Error: (?:a|there) /)
            }
        }),
    )
})

test("a value of another type is not written", () => {
    for (const message of [
        { word: 1 },
        { count: -1 },
        { count: 0.5 },
        { count: 2 ** 32 },
        { count: "1" },
        { colour: "GREEN" },
        { colour: 1 },
        { word: ["a"] },
    ])
        assert.throws(() => encodeMessage(SMALL, "Small", message), /^Error: Small\.\w+ can't be written/, JSON.stringify(message))
    assert.throws(() => encodeMessage(SMALL, "Nothing", {}), /no message Nothing/)
})
