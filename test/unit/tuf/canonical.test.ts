import assert from "node:assert/strict"
import { describe, test } from "node:test"
import fc from "fast-check"
import { canonicalize, type Json, parseJson } from "../../../src/tuf/index.ts"
import { readVectorJson, withCode } from "./make.ts"

type Vectors = { readonly canonical_json: readonly { readonly input: string; readonly canonical_utf8_hex: string }[] }

function parseVectors(value: unknown): Vectors {
    return value as Vectors
}

// Raw control characters are right in canonical JSON and wrong in JSON, so texts with them can't go round.
const text = fc.string({ unit: "binary" }).map((value) => value.replace(/\p{Cc}/gu, "·"))
const json: fc.Arbitrary<Json> = fc.letrec<{ any: Json }>((tie) => ({
    any: fc.oneof(
        { depthSize: "small" },
        fc.constant(null),
        fc.boolean(),
        fc.maxSafeInteger().map((number) => number + 0),
        text,
        fc.array(tie("any"), { maxLength: 4 }),
        fc.array(fc.tuple(text, tie("any")), { maxLength: 6 }).map((members) => new Map(members)),
    ),
})).any

describe("canonical JSON", () => {
    test("is what Notary signs, case by case", () => {
        for (const { input, canonical_utf8_hex } of parseVectors(readVectorJson("vectors.json")).canonical_json) {
            assert.equal(canonicalize(parseJson(Buffer.from(input))).toString("hex"), canonical_utf8_hex)
        }
    })

    test("of canonical JSON is itself", () => {
        fc.assert(
            fc.property(json, (value) => {
                const once = canonicalize(value)
                assert.ok(canonicalize(parseJson(once)).equals(once))
            }),
        )
    })

    test("does not depend on the order of keys, on escapes or on layout", () => {
        fc.assert(
            fc.property(fc.dictionary(text, fc.oneof(fc.integer(), text)), fc.constantFrom(0, 2), (object, layout) => {
                const entries = Object.entries(object)
                const written = (members: [string, unknown][]) =>
                    `{${members.map(([key, value]) => `${escapeAll(key)}:${JSON.stringify(value, null, layout)}`).join(" ,\n")}}`
                const one = canonicalize(parseJson(Buffer.from(written(entries))))
                assert.ok(canonicalize(parseJson(Buffer.from(written(entries.toReversed())))).equals(one))
            }),
        )
    })

    test("puts keys in the order of their UTF-8 bytes", () => {
        fc.assert(
            fc.property(fc.uniqueArray(text, { maxLength: 12 }), (keys) => {
                const canonical = canonicalize(new Map(keys.map((key) => [key, 0])))
                const order = parseJson(canonical)
                assert.ok(order instanceof Map)
                const expected = keys.map((key) => Buffer.from(key)).sort(Buffer.compare)
                assert.deepEqual(
                    [...order.keys()],
                    expected.map((key) => key.toString()),
                )
            }),
        )
        // U+FF5E is EF BD 9E and U+1F600 is F0 9F 98 80, but its first UTF-16 unit is D83D.
        const text16 = canonicalize(
            new Map([
                ["\u{1f600}", 1],
                ["\uff5e", 2],
                ["z", 3],
            ]),
        )
        assert.equal(text16.toString(), '{"z":3,"\uff5e":2,"\u{1f600}":1}')
    })

    test("escapes quotes and backslashes and nothing else", () => {
        assert.equal(canonicalize('a"b\\c\td\n<>&\u2028é/\u007f').toString(), '"a\\"b\\\\c\td\n<>&\u2028é/\u007f"')
        assert.equal(canonicalize([new Map(), [], true, false, null, -5]).toString(), "[{},[],true,false,null,-5]")
    })

    test("has no form for fractions, -0, numbers beyond 2^53 and halves of surrogate pairs", () => {
        for (const value of [0.5, -0, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY, "\ud800", new Map([["\udc00", 1]])]) {
            assert.throws(() => canonicalize(value), withCode("metadata_rejected"))
        }
    })
})

function escapeAll(key: string): string {
    return `"${Array.from(key, (character) => Array.from({ length: character.length }, (_, unit) => `\\u${character.charCodeAt(unit).toString(16).padStart(4, "0")}`).join("")).join("")}"`
}
