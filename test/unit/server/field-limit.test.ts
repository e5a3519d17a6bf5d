import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { limitFields } from "../../../src/server/field-limit.ts"
import { loadWire } from "../../../src/wire/load.ts"

const wire = loadWire()
const { SignSet } = limitFields(wire.v1.Signing.service, wire.definition)
const MOST = 50_000

/** `part` over and over. */
function many(part: readonly number[], count = MOST + 1): Buffer {
    return Buffer.concat(Array.from({ length: count }, () => Buffer.from(part)))
}

function within(tag: readonly number[], content: Buffer): Buffer {
    const length = [content.length, content.length >>> 7, content.length >>> 14, content.length >>> 21]
    return Buffer.concat([Buffer.from([...tag, ...length.map((byte, index) => (byte & 0x7f) | (index < 3 ? 0x80 : 0))]), content])
}

describe("a request", () => {
    test("is decoded as before, all its lists full", () => {
        const file = { role: "targets", content: Buffer.from("{}") }
        const signature = { keyid: "aa", method: "ecdsa", sig: Buffer.from("s") }
        const body = {
            role: "targets",
            signed: Buffer.from("{}"),
            keyIds: Array.from({ length: 64 }, () => "aa"),
            signatures: Array.from({ length: 16 }, () => signature),
            base: "",
        }
        const published = Array.from({ length: 4096 }, () => file)
        const bodies = Array.from({ length: 256 }, () => body)
        const request = {
            gun: "registry.example.com/app",
            published,
            bodies,
            snapshot: { version: 7, expires: "2030-01-01T00:00:00Z", keyIds: ["aa"] },
        }
        const bytes = SignSet.requestSerialize(request)
        assert.deepEqual(SignSet.requestDeserialize(bytes), wire.v1.Signing.service.SignSet.requestDeserialize(bytes))
        assert.equal(SignSet.requestDeserialize(bytes).bodies.length, 256)
    })

    for (const [what, bytes] of [
        ["files", many([0x12, 0x00])],
        ["files whose tags are longer than they need to be", many([0x92, 0x80, 0x80, 0x80, 0x80, 0x01, 0x00])],
        ["signatures in one body", within([0x1a], many([0x22, 0x00]))],
        ["key IDs in one body", within([0x1a], many([0x1a, 0x00]))],
        ["fields nobody knows", many([0x78, 0x00])],
    ] as const) {
        test(`with more than 50,000 ${what} is refused before it is decoded`, () => {
            assert.throws(() => SignSet.requestDeserialize(bytes), /more than 50000 fields/)
        })
    }

    test("that means one thing to the count and another to the decoder is refused", () => {
        // A body by its number, four fixed bytes by its kind: behind these, the decoder would see what the count skips.
        for (const tag of [0x1d, 0x18, 0x19, 0x0d, 0x08]) assert.throws(() => SignSet.requestDeserialize(Buffer.from([tag, 4, 0, 0, 0])))
        for (const group of [0x7b, 0x7c]) assert.throws(() => SignSet.requestDeserialize(Buffer.from([group])), /groups/)
        assert.throws(() => SignSet.requestDeserialize(Buffer.from([0x12, 0x05, 0x0a])), /breaks off/)
    })
})
