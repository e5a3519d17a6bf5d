import path from "node:path"
import { WriteStream } from "node:tty"
import { type ArchivedFiles, FrameSet, frameSetId, packArchive, splitFrames, unpackArchive } from "../../ceremony/index.ts"
import { TrustkeyError } from "../../errors.ts"
import { createFileDurable, listDirectory, makeDirectory } from "../../storage/index.ts"
import type { Cli } from "../context.ts"
import { type Html, html, htmlDocument } from "./html.ts"
import { charactersOf, LARGEST_VERSION, pngOf, qrMatrix, terminalLines, widthOf } from "./qr-code.ts"

/** Of a terminal whose size we don't know: a code of 77 columns and 39 lines. */
const USUAL_VERSION = 13
/** The smallest that is worth it: 65 columns and 33 lines. */
const SMALLEST_VERSION = 10

// A code is nothing to be told apart from garbage by its length alone.
const MAX_LINE = 8192

/**
 * Show a bundle as QR codes: each on a terminal, until the person has seen enough; where stdout is none, the frames as text, a line each.
 *
 * @throws payload_too_large: too large for codes; no_terminal
 */
export async function showCodes(cli: Cli, files: ArchivedFiles): Promise<void> {
    const { stdout, stdoutIsTerminal } = cli.context.terminal
    const whole = packArchive(files)
    if (!stdoutIsTerminal) {
        for (const frame of splitFrames(whole, charactersOf(LARGEST_VERSION))) cli.output.line(frame)
        return
    }
    const version = versionFor(stdout)
    const frames = splitFrames(whole, charactersOf(version))
    const id = frameSetId(whole)
    for (let number = 1; number <= frames.length; ) {
        for (const line of terminalLines(qrMatrix(frames[number - 1] ?? ""))) cli.output.line(line)
        const answer = await ask(cli, `${id}  frame ${number} of ${frames.length}.  Enter: next, b: back, a number, q: stop  `)
        if (answer === "q") return
        number = nextNumber(answer, number, frames.length)
    }
    cli.output.note(`All ${frames.length} frames of ${id} were shown.`)
}

async function ask(cli: Cli, question: string): Promise<string> {
    return (await (await cli.prompts()).line(question, "--qr-images")).trim().toLowerCase()
}

function nextNumber(answer: string, number: number, total: number): number {
    if (answer === "") return number + 1
    if (answer === "b") return Math.max(1, number - 1)
    const wanted = /^[0-9]{1,3}$/.test(answer) ? Number(answer) : number
    return wanted >= 1 && wanted <= total ? wanted : number
}

/** The largest code that the terminal shows whole, with a line for the question below it. */
function versionFor(stdout: NodeJS.WritableStream): number {
    if (!(stdout instanceof WriteStream)) return USUAL_VERSION
    for (let version = LARGEST_VERSION; version > SMALLEST_VERSION; version -= 1) {
        if (widthOf(version) <= stdout.columns && Math.ceil(widthOf(version) / 2) + 1 <= stdout.rows) return version
    }
    return SMALLEST_VERSION
}

/**
 * Write a bundle into a directory: a PNG for each code, and a page with all of them, to be shown or printed.
 *
 * @returns the set's ID and how many codes there are
 * @throws already_exists: there is something in the directory; payload_too_large, storage_failed
 */
export async function writeCodeImages(
    files: ArchivedFiles,
    directory: string,
    ceremony: string,
): Promise<{ readonly id: string; readonly frames: number }> {
    const whole = packArchive(files)
    const id = frameSetId(whole)
    const frames = splitFrames(whole, charactersOf(LARGEST_VERSION))
    await makeDirectory(directory, 0o755)
    if ((await listDirectory(directory)).length > 0) throw new TrustkeyError("already_exists", `${directory} is not empty`)
    const codes: Html[] = []
    for (const [index, frame] of frames.entries()) {
        const number = String(index + 1).padStart(String(frames.length).length, "0")
        const png = pngOf(qrMatrix(frame))
        await createFileDurable(path.join(directory, `frame-${number}-of-${frames.length}.png`), png, 0o644)
        const caption = `${id}  ${index + 1} of ${frames.length}`
        const source = `data:image/png;base64,${png.toString("base64")}`
        codes.push(html`<figure><img alt="${caption}" src="${source}"><figcaption>${ceremony}<br>${caption}</figcaption></figure>\n`)
    }
    const page = htmlDocument(`QR codes of ${ceremony}`, CODES_STYLE, html`${codes}`)
    await createFileDurable(path.join(directory, "frames.html"), Buffer.from(page), 0o644)
    return { id, frames: frames.length }
}

const CODES_STYLE = `@page { size: A4; margin: 15mm }
body { margin: 0; font-family: "DejaVu Sans", sans-serif; font-size: 11pt }
figure { margin: 0; text-align: center; break-inside: avoid; break-after: page }
figure:last-child { break-after: auto }
img { width: 170mm; max-width: 100%; image-rendering: pixelated }
`

/**
 * Read a bundle from lines that a scanner gives: of zbarimg, of zbarcam as it goes on, of one that types. What is refused is said, and
 * reading goes on; it ends as soon as all frames are there.
 *
 * @throws bundle_invalid: the lines end before the set is complete, or the set is no bundle
 */
export async function readCodes(cli: Cli, lines: AsyncIterable<string>): Promise<Map<string, Buffer>> {
    const set = new FrameSet()
    let refused = 0
    for await (const line of lines) {
        if (line.trim() === "") continue
        try {
            const { number, total, isNew, missing } = set.add(line)
            if (isNew) cli.output.note(`Frame ${number} of ${total}; ${missingText(missing)}.`)
        } catch (error) {
            if (!(error instanceof TrustkeyError)) throw error
            refused += 1
            cli.output.failure(error.message)
        }
        if (set.isComplete) break
    }
    if (!set.isComplete && refused > 0) {
        const missing = set.id === undefined ? "not one was read" : `of the set ${set.id} these are missing: ${set.missing().join(", ")}`
        throw new TrustkeyError("bundle_invalid", `of the frames ${refused} were refused, and ${missing}`)
    }
    const files = unpackArchive(set.whole())
    cli.output.note(`Read: ${set.id ?? ""}. The other machine has to show the same.`)
    return files
}

function missingText(missing: readonly number[]): string {
    if (missing.length === 0) return "all are here"
    const shown = missing.slice(0, 10).join(", ")
    return `still missing: ${shown}${missing.length > 10 ? " …" : ""}`
}

/** Lines of text as they arrive. @throws bundle_invalid for a line that no scanner gives */
export async function* linesOf(stream: NodeJS.ReadableStream): AsyncGenerator<string> {
    let rest = ""
    for await (const chunk of stream) {
        const lines = (rest + chunk.toString("latin1")).split("\n")
        rest = lines.pop() ?? ""
        yield* lines
        if (rest.length > MAX_LINE)
            throw new TrustkeyError("bundle_invalid", "what is read is no scanner's text: zbarimg --raw -q *.png reads pictures")
    }
    if (rest !== "") yield rest
}
