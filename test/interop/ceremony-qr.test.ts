import assert from "node:assert/strict"
import { randomBytes } from "node:crypto"
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises"
import path from "node:path"
import { describe, test } from "node:test"
import { stripVTControlCharacters } from "node:util"
import { packArchive, unpackArchive } from "../../src/ceremony/archive.ts"
import { FrameSet, splitFrames } from "../../src/ceremony/frames.ts"
import { charactersOf, pngOf, qrMatrix, terminalLines } from "../../src/cli/ceremony/qr-code.ts"
import { mustRun, runCommand } from "../support/process.ts"
import { makeWorkingDirectory } from "../support/temp.ts"

const PAGE = path.resolve(import.meta.dirname, "../../docs/formats/ceremony-frames.md")

const FILES = new Map([
    ["artefacts/".concat("5a".repeat(32)), randomBytes(2500)],
    ["plan.toml", Buffer.from('format = "trustkey-ceremony-plan/1"\n')],
])

/** What a terminal shows for `lines`, as a picture (PGM): a character is twice as high as wide, `scale` pixels wide. */
function screenshot(lines: readonly string[], scale: number): Buffer {
    const rows = lines.flatMap((line) => {
        const characters = [...stripVTControlCharacters(line)]
        return [
            characters.map((character) => "\u2588\u2580".includes(character)),
            characters.map((character) => "\u2588\u2584".includes(character)),
        ]
    })
    const width = (rows[0]?.length ?? 0) * scale
    const pixels = rows.flatMap((row) => {
        const line = Buffer.concat(row.map((dark) => Buffer.alloc(scale, dark ? 0 : 255)))
        return Array.from({ length: scale }, () => line)
    })
    return Buffer.concat([Buffer.from(`P5\n${width} ${rows.length * scale}\n255\n`), ...pixels])
}

describe("a stock decoder", () => {
    for (const version of [1, 4, 7, 10, 13, 20, 25]) {
        test(`reads a code of version ${version}, as a PNG and off a terminal`, async () => {
            await using directory = await makeWorkingDirectory("qr")
            const text = `TKC1:1/9:${"ABCDEFGHIJ234567".repeat(100)}`.slice(0, charactersOf(version))
            const matrix = qrMatrix(text)
            for (const [name, picture] of [
                ["code.png", pngOf(matrix)],
                ["small.png", pngOf(matrix, 3)],
                ["terminal.pgm", screenshot(terminalLines(matrix), 5)],
            ] as const) {
                const file = path.join(directory.path, name)
                await writeFile(file, picture)
                assert.equal(await mustRun("zbarimg", ["--raw", "-q", file]), `${text}\n`, name)
            }
        })
    }

    test("reads all frames of a bundle, which is the same after it", async () => {
        await using directory = await makeWorkingDirectory("qr")
        const frames = splitFrames(packArchive(FILES), charactersOf(13))
        assert.ok(frames.length > 5)
        const pictures = await Promise.all(
            frames.map(async (frame, index) => {
                const file = path.join(directory.path, `${index}.png`)
                await writeFile(file, pngOf(qrMatrix(frame)))
                return file
            }),
        )
        const set = new FrameSet()
        const read = await mustRun("zbarimg", ["-q", ...pictures.reverse()])
        for (const line of read.trimEnd().split("\n")) set.add(line)
        assert.deepEqual(unpackArchive(set.whole()), FILES)
    })

    test("and stock tools get the bundle's files out of its codes, as docs/formats/ceremony-frames.md says", async () => {
        await using directory = await makeWorkingDirectory("qr")
        const frames = splitFrames(packArchive(FILES), charactersOf(10))
        assert.ok(frames.length > 10)
        for (const [index, frame] of frames.entries()) {
            // Names that sort otherwise than the frames do.
            await writeFile(path.join(directory.path, `${(index * 7) % frames.length}-${index}.png`), pngOf(qrMatrix(frame)))
        }
        await mkdir(path.join(directory.path, "bundle"))
        const [, script = ""] = /```sh\n([\s\S]*?)```/.exec(await readFile(PAGE, "utf8")) ?? []
        assert.notEqual(script, "")
        const result = await runCommand("bash", ["-euo", "pipefail", "-c", script], { cwd: directory.path })
        assert.equal(result.status, 0, result.stderr)
        assert.deepEqual(await readdir(path.join(directory.path, "bundle")), ["artefacts", "plan.toml"])
        for (const [name, content] of FILES) assert.deepEqual(await readFile(path.join(directory.path, "bundle", name)), content)
    })
})
