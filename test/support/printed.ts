import assert from "node:assert/strict"
import { mkdtemp, readdir, readFile, writeFile } from "node:fs/promises"
import path from "node:path"
import { mustRun } from "./process.ts"

/** A word on a page, in points from its upper left corner. */
export type PrintedWord = {
    readonly text: string
    readonly left: number
    readonly top: number
    readonly right: number
    readonly bottom: number
}

export type PrintedPage = {
    readonly width: number
    readonly height: number
    readonly words: readonly PrintedWord[]
    readonly text: string
    /** Gray pixels, as a printer in black and white has them. */
    readonly picture: string
}

/** What comes out of a printer for a page of HTML: its words where they stand, and a picture of each sheet (PGM, 100 dots to an inch). */
export async function printHtml(html: string, directory: string): Promise<readonly PrintedPage[]> {
    const tray = await mkdtemp(path.join(directory, "printed-"))
    const [source, pdf, boxes, pictures] = ["page.html", "page.pdf", "boxes.html", "sheet"].map((name) => path.join(tray, name))
    assert.ok(source !== undefined && pdf !== undefined && boxes !== undefined && pictures !== undefined)
    await writeFile(source, html)
    await mustRun("weasyprint", ["-q", source, pdf], { timeoutMs: 110_000 })
    await mustRun("pdftotext", ["-bbox", pdf, boxes])
    await mustRun("pdftoppm", ["-gray", "-r", "100", pdf, pictures])
    const files = (await readdir(tray)).filter((name) => /^sheet-[0-9]+\.pgm$/.test(name)).sort()
    const pages = (await readFile(boxes, "utf8")).split("<page ").slice(1)
    assert.equal(files.length, pages.length)
    return pages.map((markup, index) => parsePage(markup, path.join(tray, files[index] ?? "")))
}

function parsePage(markup: string, picture: string): PrintedPage {
    const [, width, height] = /^width="([0-9.]+)" height="([0-9.]+)"/.exec(markup) ?? []
    const words = [...markup.matchAll(/<word xMin="([0-9.-]+)" yMin="([0-9.-]+)" xMax="([0-9.-]+)" yMax="([0-9.-]+)">([^<]*)</g)].map(
        ([, left, top, right, bottom, text = ""]): PrintedWord => ({
            text,
            left: Number(left),
            top: Number(top),
            right: Number(right),
            bottom: Number(bottom),
        }),
    )
    return { width: Number(width), height: Number(height), words, text: words.map(({ text }) => text).join(" "), picture }
}

/** Points, 72 to an inch: what printers and staples leave alone. */
const [SIDE, TOP] = [34, 20]

/** Nothing is cut off, each page says which of how many it is, and what there is can be read in black and white. */
export async function assertPrintable(pages: readonly PrintedPage[]): Promise<void> {
    for (const [index, page] of pages.entries()) {
        assert.ok(page.text.includes(`Page ${index + 1} of ${pages.length}`), `page ${index + 1}`)
        for (const word of page.words) {
            const isInside = word.left >= SIDE && word.right <= page.width - SIDE && word.top >= TOP && word.bottom <= page.height - TOP
            assert.ok(isInside, `page ${index + 1}: "${word.text}" reaches ${JSON.stringify(word)}`)
        }
        const pixels = await grayPixels(page.picture)
        const share = (from: number, to: number): number =>
            pixels.reduce((sum, gray) => sum + (gray >= from && gray <= to ? 1 : 0), 0) / pixels.length
        assert.ok(share(225, 255) > 0.85, `page ${index + 1}, white: ${share(225, 255)}`)
        assert.ok(share(0, 60) > 0.001, `page ${index + 1}, black: ${share(0, 60)}`)
        assert.ok(share(61, 224) < 0.1, `page ${index + 1}, between: ${share(61, 224)}`)
    }
}

async function grayPixels(file: string): Promise<Buffer> {
    const picture = await readFile(file)
    const [header = "", width] = /^P5\s+([0-9]+)\s+[0-9]+\s+255\s/.exec(picture.toString("latin1", 0, 64)) ?? []
    assert.ok(Number(width) > 800)
    return picture.subarray(header.length)
}
