import assert from "node:assert/strict"
import { describe, test } from "node:test"
import fc from "fast-check"
import { type CloseStatement, encodeCloseStatement, parseCloseStatement } from "../../../src/ceremony/index.ts"
import { encodeRoot, encodeTargets } from "../../../src/tuf/index.ts"

const STATEMENT: CloseStatement = {
    ceremony: "2026-11-21-a",
    closed: "2026-11-21T19:00:00Z",
    head: "ab".repeat(32),
    outcome: "complete",
    plan: "cd".repeat(32),
    records: 17,
}
const TEXT = encodeCloseStatement(STATEMENT).toString()
const refused = { name: "TrustkeyError", code: "bundle_invalid" }

describe("the statement that closes a ceremony", () => {
    test("is canonical JSON that says what it is, as docs/formats/ceremony-bundle.md has it", () => {
        assert.equal(
            TEXT,
            `{"_type":"trustkey-ceremony-close","ceremony":"2026-11-21-a","closed":"2026-11-21T19:00:00Z","head":"${"ab".repeat(32)}",` +
                `"outcome":"complete","plan":"${"cd".repeat(32)}","records":17}`,
        )
        assert.deepEqual(parseCloseStatement(Buffer.from(TEXT)), STATEMENT)
    })

    for (const [what, from, to] of [
        ["another type", "trustkey-ceremony-close", "Root"],
        ["no type", '"_type":"trustkey-ceremony-close",', ""],
        ["a field more", '"records":17', '"records":17,"role":"root"'],
        ["a field twice", '"records":17', '"records":17,"records":17'],
        ["a space", '"records":17', '"records": 17'],
        ["another order", '"_type":"trustkey-ceremony-close",', '"a":1,"_type":"trustkey-ceremony-close",'],
        ["an outcome nobody knows", '"complete"', '"success"'],
        ["an ID of another form", "2026-11-21-a", "2026/11/21"],
        ["a time of another form", "19:00:00Z", "19:00:00.0Z"],
        ["a hash in capitals", "abab", "ABAB"],
        ["no records", ":17", ":0"],
        ["a text for a number", ":17", ':"17"'],
        ["an escape", "2026-11-21-a", "2026-11-21-\\u0061"],
        ["a second value", "17}", "17}{}"],
        ["a line feed", "17}", "17}\n"],
    ] as const) {
        test(`is not taken with ${what}`, () => {
            const changed = TEXT.replace(from, to)
            assert.notEqual(changed, TEXT)
            assert.throws(() => parseCloseStatement(Buffer.from(changed)), refused)
        })
    }

    test("TK-SIG-1 can't be metadata, and no metadata is a statement", () => {
        const expires = new Date("2030-01-01T00:00:00Z")
        const targets = encodeTargets({
            type: "targets",
            version: 1,
            expires,
            targets: new Map(),
            delegations: { keys: new Map(), roles: [] },
        })
        const root = encodeRoot({ type: "root", version: 1, expires, keys: new Map(), roles: new Map(), consistentSnapshot: false })
        for (const bytes of [targets, root]) assert.throws(() => parseCloseStatement(bytes), refused)
    })

    test("is not taken from anything else", () => {
        fc.assert(
            fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
                assert.throws(() => parseCloseStatement(bytes), refused)
            }),
        )
    })
})
