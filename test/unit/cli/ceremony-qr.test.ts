import assert from "node:assert/strict"
import { randomBytes } from "node:crypto"
import { readdir, readFile } from "node:fs/promises"
import { Readable } from "node:stream"
import { describe, test } from "node:test"
import { packArchive, splitFrames } from "../../../src/ceremony/index.ts"
import { html, htmlDocument } from "../../../src/cli/ceremony/html.ts"
import { linesOf, readCodes, showCodes, writeCodeImages } from "../../../src/cli/ceremony/qr.ts"
import { makeWorkingDirectory } from "../../support/temp.ts"
import { fakeCli, fakeTerminal } from "./fake-terminal.ts"

const FILES = new Map([
    ["artefacts/".concat("5a".repeat(32)), randomBytes(4000)],
    ["plan.toml", Buffer.from('format = "trustkey-ceremony-plan/1"\n')],
])

function stream(...pieces: readonly string[]): NodeJS.ReadableStream {
    return Readable.from(pieces.map((piece) => Buffer.from(piece)))
}

async function framesOf(files: ReadonlyMap<string, Uint8Array>): Promise<readonly string[]> {
    const terminal = fakeTerminal()
    await showCodes(fakeCli(terminal), files)
    return terminal.printed().trimEnd().split("\n")
}

describe("a bundle as QR codes", () => {
    test("is shown one code after the other, back and forth, with what both machines must show", async () => {
        const terminal = { ...fakeTerminal({ typed: ["", "b", "3", "99", "x", "q"] }), stdoutIsTerminal: true }
        await showCodes(fakeCli(terminal), FILES)
        const questions = [...terminal.shown().matchAll(/([0-9A-F]{16}) {2}frame ([0-9]+) of ([0-9]+)\./g)]
        assert.deepEqual(
            questions.map(([, , number]) => number),
            ["1", "2", "1", "3", "3", "3"],
        )
        assert.equal(new Set(questions.map(([, id]) => id)).size, 1)
        // Of unknown size a terminal gets codes of 77 columns.
        assert.equal(terminal.printed().split("\n").length - 1, 6 * 39)
    })

    test("ends after the last code", async () => {
        const terminal = { ...fakeTerminal({ typed: [""] }), stdoutIsTerminal: true }
        await showCodes(fakeCli(terminal), new Map([["plan.toml", Buffer.from("x")]]))
        assert.match(terminal.remarks(), /^All 1 frames of [0-9A-F]{16} were shown\.\n$/)
    })

    test("is text where nobody looks, and comes out of it again however it is cut up", async () => {
        const frames = await framesOf(FILES)
        assert.ok(frames.length > 3)
        const text = [...frames].reverse().join("\n")
        const pieces = text.match(/[\s\S]{1,97}/g) ?? []
        const terminal = fakeTerminal()
        assert.deepEqual(await readCodes(fakeCli(terminal), linesOf(stream(...pieces))), FILES)
        assert.match(terminal.remarks(), /^Frame ([0-9]+) of \1; still missing: 1, 2, 3/)
    })

    test("is read to its last frame and not a line further: a camera does not stop by itself", async () => {
        const frames = await framesOf(FILES)
        async function* camera(): AsyncGenerator<string> {
            for (const frame of frames) yield* [frame, frame, ""]
            throw new Error("read on")
        }
        assert.deepEqual(await readCodes(fakeCli(fakeTerminal()), camera()), FILES)
    })

    test("is read although frames of another one, torn ones and other codes come in between", async () => {
        const frames = await framesOf(FILES)
        const [foreign = ""] = await framesOf(new Map([["plan.toml", randomBytes(5000)]]))
        const [first = "", second = ""] = frames
        const lines = [first, foreign, `${second.slice(0, -1)}`, "https://example.com/", ...frames]
        const terminal = fakeTerminal()
        assert.deepEqual(await readCodes(fakeCli(terminal), linesOf(stream(lines.join("\n")))), FILES)
        assert.match(terminal.remarks(), /frame 1 of [0-9]+ is of another set/)
        assert.match(terminal.remarks(), /frame 2 of [0-9]+ is torn/)
        assert.match(terminal.remarks(), /what was read is no frame of a ceremony/)
    })

    test("is refused while frames are missing, which are named", async () => {
        const frames = await framesOf(FILES)
        const without = frames.filter((_, index) => index !== 1)
        const cli = fakeCli(fakeTerminal())
        await assert.rejects(readCodes(cli, linesOf(stream(without.join("\n")))), {
            code: "bundle_invalid",
            message: `of ${frames.length} frames these are missing: 2`,
        })
        await assert.rejects(readCodes(cli, linesOf(stream([...without, "x"].join("\n")))), {
            code: "bundle_invalid",
            message: /^of the frames 1 were refused, and of the set [0-9A-F]{16} these are missing: 2$/,
        })
        await assert.rejects(readCodes(cli, linesOf(stream("x\n"))), {
            code: "bundle_invalid",
            message: "of the frames 1 were refused, and not one was read",
        })
        await assert.rejects(readCodes(cli, linesOf(stream(""))), { code: "bundle_invalid", message: "no frame was read" })
    })

    test("is refused when what comes is no text", async () => {
        const cli = fakeCli(fakeTerminal())
        await assert.rejects(readCodes(cli, linesOf(stream("\u0089PNG".repeat(5000)))), { code: "bundle_invalid", message: /zbarimg/ })
        const archive = packArchive(FILES)
        const other = splitFrames(archive.subarray(0, -9), 600)
        await assert.rejects(readCodes(cli, linesOf(stream(other.join("\n")))), { code: "bundle_invalid", message: /decompressed/ })
    })

    test("is written as pictures and a page with all of them, into an empty directory only", async () => {
        await using directory = await makeWorkingDirectory("frames")
        const { frames, id } = await writeCodeImages(FILES, directory.path, "2026-11-21-a")
        const names = await readdir(directory.path)
        assert.deepEqual(names.sort(), [
            ...Array.from({ length: frames }, (_, index) => `frame-${index + 1}-of-${frames}.png`),
            "frames.html",
        ])
        const page = await readFile(`${directory.path}/frames.html`, "utf8")
        assert.equal(page.split("<figure>").length - 1, frames)
        assert.ok(page.includes(`2026-11-21-a<br>${id}  1 of ${frames}<`))
        await assert.rejects(writeCodeImages(FILES, directory.path, "2026-11-21-a"), { code: "already_exists" })
    })
})

describe("pages", () => {
    test("escape whatever was not written by us", () => {
        const hostile = `<script>alert('1')</script>"&amp;\u202e\u0000`
        assert.equal(
            String(html`<p title="${hostile}">${hostile}${[html`<b>${1}</b>`]}</p>`),
            ['<p title="', '">', "<b>1</b></p>"].join("&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&quot;&amp;amp;\\u{202e}\\u{0}"),
        )
        assert.ok(htmlDocument(hostile, "", html``).includes("<title>&lt;script&gt;"))
    })

    test("forbid the browser to load or run anything", () => {
        assert.match(
            htmlDocument("x", "", html``),
            /Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:"/,
        )
    })
})
