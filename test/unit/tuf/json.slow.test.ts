import assert from "node:assert/strict"
import { describe, test } from "node:test"
import fc from "fast-check"
import { type Json, parseJson } from "../../../src/tuf/index.ts"
import { withCode } from "./make.ts"

function parse(text: string): Json {
    return parseJson(Buffer.from(text, "utf8"))
}

/** What JSON.parse gives, in our form. */
function toJson(value: unknown): Json {
    if (value === null || typeof value === "string" || typeof value === "number" || typeof value === "boolean") return value
    if (Array.isArray(value)) return value.map(toJson)
    return new Map(Object.entries(value ?? {}).map(([key, member]) => [key, toJson(member)]))
}

describe("the JSON reader", () => {
    test("reads what JSON.parse reads, in any layout", () => {
        const integers = fc.integer().map((number) => number + 0)
        const value = fc.letrec((tie) => ({
            any: fc.oneof(
                { depthSize: "small" },
                fc.constant(null),
                fc.boolean(),
                integers,
                fc.string({ unit: "binary" }),
                tie("list"),
                tie("object"),
            ),
            list: fc.array(tie("any"), { maxLength: 5 }),
            object: fc.dictionary(fc.string({ unit: "binary" }), tie("any"), { maxKeys: 5 }),
        })).any
        fc.assert(
            fc.property(value, fc.constantFrom(0, 1, "\t"), (original, layout) => {
                const text = JSON.stringify(original, null, layout)
                assert.deepEqual(parse(text), toJson(JSON.parse(text)))
            }),
        )
    })

    test("accepts or refuses arbitrary text like JSON.parse, but for what it must refuse besides", () => {
        const pieces = [
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            '"a"',
            '"b"',
            '"',
            "\\",
            "\\n",
            "\\u00e9",
            "1",
            "-",
            "0",
            "true",
            "nul",
            " ",
            "\n",
            "e",
            ".",
        ]
        fc.assert(
            fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 12 }), (chosen) => {
                const text = chosen.join("")
                let ours: Json
                try {
                    ours = parse(text)
                } catch {
                    return
                }
                assert.deepEqual(ours, toJson(JSON.parse(text)))
            }),
            { numRuns: 2000 },
        )
    })

    test("never fails otherwise than with its own error, whatever the bytes", () => {
        fc.assert(
            fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
                try {
                    parseJson(bytes)
                } catch (error) {
                    assert.ok(withCode("metadata_rejected")(error))
                }
            }),
        )
    })

    test("says the same of a text with a space before it, which only the strict parser reads", () => {
        const verdict = (text: string): unknown => {
            try {
                return parse(text)
            } catch (error) {
                assert.ok(withCode("metadata_rejected")(error))
                return "refused"
            }
        }
        const texts = ['{"a":1,"a":2}', '{"a":1,"a":1}', "-0", "[1.0]", "9007199254740992", "9007199254740993", '{"2":1,"1":2}', '"\u007f"']
        const deep = [31, 32, 33].map((levels) => "[".repeat(levels) + "]".repeat(levels))
        for (const text of [...texts, ...deep]) assert.deepEqual(verdict(text), verdict(` ${text}`), text)
        const name = fc.constantFrom("a", "b", "1", "__proto__", "é")
        const { value } = fc.letrec<{ value: string }>((tie) => ({
            value: fc.oneof(
                { maxDepth: 4 },
                fc.constantFrom("0", "-0", "1", "1.0", "01", "null", "true", '"x"', '"\t"', '"\u2028"'),
                fc.array(tie("value"), { maxLength: 3 }).map((items) => `[${items.join(",")}]`),
                fc.array(fc.tuple(name, tie("value")), { maxLength: 4 }).map((all) => `{${all.map(([k, v]) => `"${k}":${v}`).join(",")}}`),
            ),
        }))
        fc.assert(
            fc.property(value, (text) => assert.deepEqual(verdict(text), verdict(` ${text}`))),
            { numRuns: 3000 },
        )
    })

    test("gives __proto__ and constructor no meaning", () => {
        const value = parse('{"__proto__":{"polluted":true},"constructor":1}')
        assert.ok(value instanceof Map)
        assert.deepEqual([...value.keys()], ["__proto__", "constructor"])
        assert.equal(Reflect.get({}, "polluted"), undefined)
    })

    test("takes integers up to 2^53-1 either way", () => {
        assert.deepEqual(parse("[9007199254740991,-9007199254740991,0]"), [9007199254740991, -9007199254740991, 0])
    })

    test("takes 32 levels and no more", () => {
        parse("[".repeat(32) + "]".repeat(32))
        assert.throws(() => parse("[".repeat(33) + "]".repeat(33)), withCode("metadata_rejected"))
        assert.throws(() => parse("[".repeat(1_000_000)), withCode("metadata_rejected"))
        assert.throws(() => parse('{"a":'.repeat(1_000_000)), withCode("metadata_rejected"))
    })

    test("takes exactly as many bytes as allowed", () => {
        assert.equal(parseJson(Buffer.from('"abc"'), { maxBytes: 5 }), "abc")
        assert.throws(() => parseJson(Buffer.from('"abc"'), { maxBytes: 4 }), withCode("payload_too_large"))
        assert.throws(() => parseJson(Buffer.alloc(8 * 1024 * 1024 + 1, 0x20)), withCode("payload_too_large"))
    })

    test("refuses a million small values, which would take memory many times their text's", () => {
        assert.throws(() => parse(`[${"{},".repeat(1_000_000)}1]`), withCode("metadata_rejected"))
    })

    test("reads surrogate pairs from escapes, and escaped quotes and backslashes at the end of strings", () => {
        assert.deepEqual(parse('["\\ud83d\\ude00","\\\\","\\"","\\\\\\"","x"]'), ["\u{1f600}", "\\", '"', '\\"', "x"])
    })

    test("does not read past a view of a larger buffer", () => {
        const whole = Buffer.from("xx[1]yy")
        assert.deepEqual(parseJson(whole.subarray(2, 5)), [1])
    })

    test("reads 8 MiB of tags in well under half a second, and hostile strings too", () => {
        const hash = "A".repeat(43)
        const tag = (index: number) => `"tag-${index}":{"hashes":{"sha256":"${hash}=","sha512":"${hash}${hash}=="},"length":${index}}`
        const tags = `{${Array.from({ length: 42_000 }, (_, index) => tag(index)).join(",")}}`
        const hostile = [tags, `"${"\\n".repeat(4_000_000)}"`, `"${'\\"'.repeat(4_000_000)}"`, `"${"\\\\".repeat(4_000_000)}"`]
        for (const text of hostile) {
            const bytes = Buffer.from(text)
            assert.ok(bytes.length > 7_000_000)
            const started = performance.now()
            parseJson(bytes)
            const took = performance.now() - started
            // Measured: 50 to 200 ms. The bound is for machines under load; what it finds is a quadratic search.
            assert.ok(took < 2000, `${took} ms`)
        }
    })
})
