import assert from "node:assert/strict"
import { describe, test } from "node:test"
import fc from "fast-check"
import {
    encodeFrame,
    encodeJsonFrame,
    encodeSignFrame,
    Fields,
    FRAME_KINDS,
    type Frame,
    FrameError,
    FrameReader,
    MAX_FRAME,
} from "../../../src/signer/index.ts"

const ALL = Object.values(FRAME_KINDS)

function plain(frames: readonly Frame[]): { kind: number; id: number; body: string }[] {
    return frames.map(({ kind, id, body }) => ({ kind, id, body: body.toString("hex") }))
}

describe("frames", () => {
    test("have the documented layout", () => {
        assert.equal(
            encodeFrame(FRAME_KINDS.signature, 0x01020304, Buffer.from("ab", "hex")).toString("hex"),
            "00000006" + "82" + "01020304" + "ab",
        )
        assert.equal(
            encodeSignFrame(7, 9, 2, Buffer.from("cafe", "hex")).toString("hex"),
            "0000000c" + "02" + "00000007" + "00000009" + "02" + "cafe",
        )
    })
    test("come out as they went in, however the stream is cut", () => {
        const frame = fc.record({ kind: fc.constantFrom(...ALL), id: fc.nat(), body: fc.uint8Array({ maxLength: 200 }) })
        fc.assert(
            fc.property(fc.array(frame, { maxLength: 20 }), fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }), (frames, cuts) => {
                const stream = Buffer.concat(frames.map(({ kind, id, body }) => encodeFrame(kind, id, body)))
                const reader = new FrameReader(ALL)
                const read: Frame[] = []
                for (let at = 0, cut = 0; at < stream.length; cut += 1) {
                    const size = cuts[cut % cuts.length] ?? 1
                    read.push(...reader.push(stream.subarray(at, at + size)))
                    at += size
                }
                reader.end()
                assert.deepEqual(
                    plain(read),
                    frames.map(({ kind, id, body }) => ({ kind, id, body: Buffer.from(body).toString("hex") })),
                )
            }),
        )
    })
    test("an unknown kind is refused before its body arrives", () => {
        for (const kind of [0, 3, 0x80, 0x85, 0xff]) {
            assert.throws(() => new FrameReader(ALL).push(Buffer.from([0, 0, 1, 0, kind, 0, 0, 0, 0])), FrameError)
        }
    })
    test("a side refuses kinds only the other may send", () => {
        const reader = new FrameReader([FRAME_KINDS.control, FRAME_KINDS.sign])
        assert.throws(() => reader.push(encodeFrame(FRAME_KINDS.answer, 1, Buffer.alloc(0))), FrameError)
    })
    test("a length below the header or over 16 MiB is refused before its body arrives", () => {
        for (const length of [0, 4, MAX_FRAME + 1, 0xffff_ffff]) {
            const header = Buffer.alloc(9)
            header.writeUInt32BE(length)
            header[4] = FRAME_KINDS.control
            assert.throws(() => new FrameReader(ALL).push(header), FrameError)
        }
        assert.throws(() => encodeFrame(FRAME_KINDS.answer, 1, Buffer.alloc(MAX_FRAME)), FrameError)
    })
    test("the largest frame passes, in pieces", () => {
        const body = Buffer.alloc(MAX_FRAME - 5, 7)
        const frame = encodeFrame(FRAME_KINDS.sign, 1, body)
        const reader = new FrameReader(ALL)
        const read: Frame[] = []
        for (let at = 0; at < frame.length; at += 65_536) read.push(...reader.push(frame.subarray(at, at + 65_536)))
        assert.equal(read.length, 1)
        assert.ok(read[0]?.body.equals(body))
    })
    test("a stream that ends inside a frame is refused", () => {
        const reader = new FrameReader(ALL)
        assert.deepEqual(reader.push(encodeFrame(FRAME_KINDS.answer, 1, Buffer.alloc(10)).subarray(0, 12)), [])
        assert.throws(() => reader.end(), FrameError)
    })
})

describe("the fields of a message", () => {
    const read = (value: unknown): Fields => Fields.parse(encodeJsonFrame(FRAME_KINDS.answer, 1, value).subarray(9))

    test("come out as they went in", () => {
        const fields = read({ a: "x", b: 3, c: true, d: "/+8=", e: { f: "y" }, g: [{ h: 1 }], i: [1, 2], j: ["k"] })
        assert.equal(fields.text("a"), "x")
        assert.equal(fields.integer("b"), 3)
        assert.equal(fields.flag("c"), true)
        assert.deepEqual([...fields.bytes("d")], [255, 239])
        assert.equal(fields.fields("e").text("f"), "y")
        assert.equal(fields.list("g")[0]?.integer("h"), 1)
        assert.deepEqual(fields.numbers("i"), [1, 2])
        assert.deepEqual(fields.texts("j"), ["k"])
        assert.equal(fields.has("z"), false)
    })
    test("of another type are a breach of protocol", () => {
        const fields = read({ a: 1.5, b: -1, c: "x y", d: [1, "x"], e: null })
        for (const wrong of [
            () => fields.text("a"),
            () => fields.integer("a"),
            () => fields.integer("b"),
            () => fields.flag("a"),
            () => fields.bytes("c"),
            () => fields.numbers("d"),
            () => fields.texts("d"),
            () => fields.fields("e"),
            () => fields.list("c"),
            () => fields.oneOf("c", ["x"]),
            // Inherited, not sent.
            () => fields.text("toString"),
        ]) {
            assert.throws(wrong, FrameError)
        }
        for (const value of [[], 1, "x", null]) assert.throws(() => read(value), FrameError)
    })
    test("that are not JSON are refused without being quoted", () => {
        assert.throws(
            () => Fields.parse(Buffer.from('{"pin":"483920"')),
            (error: unknown) => error instanceof FrameError && !error.message.includes("483920"),
        )
    })
})
