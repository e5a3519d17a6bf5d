import assert from "node:assert/strict"
import { randomBytes } from "node:crypto"
import { describe, test } from "node:test"
import { gunzipSync, gzipSync } from "node:zlib"
import fc from "fast-check"
import { packArchive, unpackArchive } from "../../../src/ceremony/archive.ts"
import { decodeBase32, encodeBase32 } from "../../../src/ceremony/base32.ts"
import { FrameSet, frameSetId, MAX_FRAMES, splitFrames } from "../../../src/ceremony/frames.ts"
import { sha256 } from "../../../src/crypto/index.ts"

const FILES = new Map([
    ["artefacts/".concat("0f".repeat(32)), Buffer.from("an artefact")],
    ["plan.toml", Buffer.from('format = "trustkey-ceremony-plan/1"\n')],
    ["transcript.jsonl", Buffer.alloc(0)],
])

/** Incompressible, so that its size is its own. */
const WHOLE = randomBytes(3000)

function read(lines: readonly string[]): FrameSet {
    const set = new FrameSet()
    for (const line of lines) set.add(line)
    return set
}

describe("the frames of a bundle", () => {
    const frames = splitFrames(WHOLE, 600)

    test("are found together again, in whatever order and however often they are read", () => {
        fc.assert(
            fc.property(
                fc.uint8Array({ minLength: 1, maxLength: 2000 }),
                fc.integer({ min: 60, max: 1451 }),
                fc.infiniteStream(fc.nat()),
                (whole, characters, order) => {
                    const all = splitFrames(whole, characters)
                    for (const frame of all) assert.ok(frame.length <= characters && /^[0-9A-Z/:]+$/.test(frame), frame)
                    const set = new FrameSet()
                    const remaining = [...all]
                    while (remaining.length > 0) {
                        const [frame = ""] = remaining.splice((order.next().value ?? 0) % remaining.length, 1)
                        assert.equal(set.isComplete, false)
                        assert.equal(set.add(frame).isNew, true)
                        assert.equal(set.add(` ${frame}\r`).isNew, false)
                    }
                    assert.deepEqual(set.whole(), Buffer.from(whole))
                },
            ),
        )
    })

    test("say which of them are still missing", () => {
        const set = new FrameSet()
        const progress = set.add(frames[1] ?? "")
        assert.deepEqual(progress, { number: 2, total: frames.length, isNew: true, missing: set.missing() })
        assert.equal(set.missing().includes(2), false)
        assert.equal(set.missing().length, frames.length - 1)
        assert.throws(() => set.whole(), { code: "bundle_invalid", message: /^of 9 frames these are missing: 1, 3, 4, 5, 6, 7, 8, 9$/ })
        assert.throws(() => new FrameSet().whole(), { code: "bundle_invalid", message: "no frame was read" })
    })

    test("may come with what zbarimg puts before them", () => {
        assert.deepEqual(read(frames.map((frame) => `QR-Code:${frame}`)).whole(), WHOLE)
    })

    test("are refused by their number when a single character is another one or missing", () => {
        const frame = frames[2] ?? ""
        const start = frame.lastIndexOf(":") + 1
        for (let at = start; at < frame.length; at += 1) {
            const other = frame[at] === "A" ? "B" : "A"
            for (const torn of [`${frame.slice(0, at)}${other}${frame.slice(at + 1)}`, `${frame.slice(0, at)}${frame.slice(at + 1)}`]) {
                assert.throws(() => new FrameSet().add(torn), { code: "bundle_invalid", message: /^frame 3 of 9 is torn/ }, torn)
            }
        }
        for (const torn of [frame.slice(0, start), frame.slice(0, start - 3), frame.toLowerCase().replace("tkc1", "TKC1"), `${frame}=`]) {
            assert.throws(() => new FrameSet().add(torn), { code: "bundle_invalid", message: /^frame 3 of 9 is torn/ }, torn)
        }
    })

    test("are refused under another number, total or hash than their own", () => {
        const [, , third = ""] = frames
        for (const altered of [
            third.replace("TKC1:3/9", "TKC1:4/9"),
            third.replace("TKC1:3/9", "TKC1:3/8"),
            third.replace(frameSetId(WHOLE), frameSetId(Buffer.from("another"))),
        ]) {
            assert.notEqual(altered, third)
            assert.throws(() => new FrameSet().add(altered), { code: "bundle_invalid", message: /^frame [34] of [89] is torn/ })
        }
    })

    test("of another set are refused by their number, and the set goes on", () => {
        const set = read(frames.slice(0, 3))
        const foreign = splitFrames(randomBytes(3000), 600)
        assert.throws(() => set.add(foreign[3] ?? ""), {
            code: "bundle_invalid",
            message: /^frame 4 of 9 is of another set, [0-9A-F]{16}: /,
        })
        const coarser = splitFrames(WHOLE, 1000)
        assert.throws(() => set.add(coarser[0] ?? ""), { code: "bundle_invalid", message: /^frame 1 of 5 is of another set/ })
        for (const frame of frames.slice(3)) set.add(frame)
        assert.deepEqual(set.whole(), WHOLE)
    })

    test("that were put together by somebody else are refused as a whole", () => {
        const id = frameSetId(WHOLE)
        const forged = splitFrames(Buffer.from(WHOLE).reverse(), 600)
        // Whoever writes frames can give each its right checksum; the hash of the whole they can't.
        const renamed = forged.map((frame) => {
            const [head = "", number = ""] = frame.split(":")
            const part = decodeBase32(frame.slice(frame.lastIndexOf(":") + 1))?.subarray(0, -4) ?? Buffer.alloc(0)
            return reframe(`${head}:${number}:${id}:`, part)
        })
        const set = read(renamed)
        assert.equal(set.isComplete, true)
        assert.throws(() => set.whole(), { code: "bundle_invalid", message: /^the 9 frames don't make up what was split/ })
        // And one of them among the right ones is refused by its number.
        assert.throws(() => read(frames).add(renamed[4] ?? ""), {
            code: "bundle_invalid",
            message: "frame 5 of 9 was read before, with another content",
        })
    })

    const NO_FRAMES: readonly (readonly [line: string, expected: RegExp])[] = [
        ["", /^what was read is no frame of a ceremony$/],
        ["https://example.com/", /^what was read is no frame of a ceremony$/],
        ["TKC2:1/1:0000000000000000:AAAA", /^a frame of version 2, which this program can't read$/],
        ["TKC1:0/3:0000000000000000:AAAAAAAA", /^frame 0 of 3 is torn/],
        ["TKC1:4/3:0000000000000000:AAAAAAAA", /^there is no frame 4 of 3$/],
        ["TKC1:1/401:0000000000000000:AAAAAAAA", /^there is no frame 1 of 401$/],
        ["TKC1:01/3:0000000000000000:AAAAAAAA", /^frame 01 of 3 is torn/],
        ["TKC1:1/3:0000000000000000:AAAAAAAAA", /^frame 1 of 3 is torn/],
    ]
    for (const [line, expected] of NO_FRAMES) {
        test(`are not ${JSON.stringify(line)}`, () => {
            assert.throws(() => new FrameSet().add(line), { code: "bundle_invalid", message: expected })
        })
    }

    test("are at most 400; what needs more travels otherwise", () => {
        assert.equal(splitFrames(randomBytes(400 * 37), 31 + Math.ceil((41 * 8) / 5)).length <= MAX_FRAMES, true)
        assert.throws(() => splitFrames(randomBytes(20_000), 60), { code: "payload_too_large" })
        assert.throws(() => splitFrames(WHOLE, 10), { code: "payload_too_large" })
    })
})

/** A frame with the checksum that fits it. */
function reframe(head: string, part: Buffer): string {
    return `${head}${encodeBase32(Buffer.concat([part, sha256(Buffer.concat([Buffer.from(head), part])).subarray(0, 4)]))}`
}

describe("base32", () => {
    test("gives back what it was given, and takes nothing it would not write", () => {
        fc.assert(
            fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) =>
                assert.deepEqual(decodeBase32(encodeBase32(bytes)), Buffer.from(bytes)),
            ),
        )
        fc.assert(
            fc.property(fc.string({ unit: fc.constantFrom(..."ABCDEFGHIJKLMNOPQRSTUVWXYZ234567018="), maxLength: 30 }), (text) => {
                const bytes = decodeBase32(text)
                if (bytes !== undefined) assert.equal(encodeBase32(bytes), text)
            }),
        )
    })

    test("is that of RFC 4648, section 10", () => {
        assert.equal(encodeBase32(Buffer.from("foobar")), "MZXW6YTBOI")
        assert.equal(encodeBase32(Buffer.from("foob")), "MZXW6YQ")
    })
})

describe("the archive of a bundle", () => {
    test("gives its files back, whoever compressed it", () => {
        const whole = packArchive(FILES)
        assert.deepEqual(unpackArchive(whole), FILES)
        assert.deepEqual(unpackArchive(gzipSync(gunzipSync(whole), { level: 1 })), FILES)
        assert.deepEqual(unpackArchive(packArchive(new Map())), new Map())
    })

    test("is the only one for its files: any bit of it counts", () => {
        const archive = gunzipSync(packArchive(FILES))
        for (let at = 0; at < archive.length; at += 1) {
            const broken = Buffer.from(archive)
            broken.writeUInt8(archive.readUInt8(at) ^ (1 << (at % 8)), at)
            let files: ReadonlyMap<string, Uint8Array> | undefined
            try {
                files = unpackArchive(gzipSync(broken))
            } catch (error) {
                assert.equal(Object.getOwnPropertyDescriptor(error, "code")?.value, "bundle_invalid")
            }
            // What is taken is another bundle, and that is for the checks of bundles.
            if (files !== undefined) assert.notDeepEqual(files, FILES, `bit in byte ${at}`)
        }
        for (let length = 0; length < archive.length; length += 64) {
            assert.throws(() => unpackArchive(gzipSync(archive.subarray(0, length))), { code: "bundle_invalid" }, `cut at ${length}`)
        }
        assert.throws(() => unpackArchive(gzipSync(Buffer.concat([archive, Buffer.alloc(512)]))), { code: "bundle_invalid" })
        assert.throws(() => unpackArchive(Buffer.from("no gzip")), { code: "bundle_invalid" })
    })

    for (const name of ["../plan.toml", "/etc/passwd", "artefacts/x", "Plan.toml", "artefacts/../plan.toml", "plan.toml\u0000x", ""]) {
        test(`holds no file named ${JSON.stringify(name)}`, () => {
            assert.throws(() => packArchive(new Map([[name, Buffer.from("x")]])), { code: "bundle_invalid" })
            const forged = gunzipSync(packArchive(new Map([["plan.toml", Buffer.from("x")]])))
            forged.fill(0, 0, 100)
            forged.write(name, 0, "latin1")
            assert.throws(() => unpackArchive(gzipSync(forged)), { code: "bundle_invalid" })
        })
    }

    test("that swells beyond 8 MiB is not swelled", () => {
        assert.throws(() => unpackArchive(gzipSync(Buffer.alloc(64 * 1024 * 1024))), {
            code: "bundle_invalid",
            message: /over 8388608 bytes/,
        })
        assert.throws(() => packArchive(new Map([["plan.toml", Buffer.alloc(8 * 1024 * 1024)]])), { code: "payload_too_large" })
    })
})
