import assert from "node:assert/strict"
import { readFile, writeFile } from "node:fs/promises"
import path from "node:path"
import { describe, test } from "node:test"
import { encodePlan, type PlanContent, parsePlan, spoken } from "../../src/ceremony/index.ts"
import { renderScript } from "../../src/cli/ceremony/script.ts"
import { parseGun } from "../../src/tuf/index.ts"
import { mustRun } from "../support/process.ts"
import { makeWorkingDirectory } from "../support/temp.ts"
import { planOf, someKeyId } from "../unit/ceremony/plans.ts"

type Word = { readonly text: string; readonly left: number; readonly top: number; readonly right: number; readonly bottom: number }
type Page = { readonly width: number; readonly height: number; readonly words: readonly Word[]; readonly text: string }

/** Points, 72 to an inch: what printers and staples leave alone. */
const EDGE = 34

async function printed(
    content: PlanContent,
    directory: string,
): Promise<{ readonly pdf: string; readonly pages: readonly Page[]; readonly sha256: string }> {
    const plan = parsePlan(encodePlan(content))
    const [html, pdf, boxes] = ["script.html", "script.pdf", "boxes.html"].map((name) => path.join(directory, name)) as [
        string,
        string,
        string,
    ]
    await writeFile(html, renderScript(plan))
    await mustRun("weasyprint", ["-q", html, pdf], { timeoutMs: 110_000 })
    await mustRun("pdftotext", ["-bbox", pdf, boxes])
    const pages = (await readFile(boxes, "utf8")).split("<page ").slice(1).map(parsePage)
    return { pdf, pages, sha256: plan.sha256 }
}

function parsePage(markup: string): Page {
    const [, width, height] = /^width="([0-9.]+)" height="([0-9.]+)"/.exec(markup) ?? []
    const words = [...markup.matchAll(/<word xMin="([0-9.-]+)" yMin="([0-9.-]+)" xMax="([0-9.-]+)" yMax="([0-9.-]+)">([^<]*)</g)].map(
        ([, left, top, right, bottom, text = ""]): Word => ({
            text,
            left: Number(left),
            top: Number(top),
            right: Number(right),
            bottom: Number(bottom),
        }),
    )
    return { width: Number(width), height: Number(height), words, text: words.map(({ text }) => text).join(" ") }
}

/** Gray pixels of a page, as a printer in black and white has it: 0 black, 255 white. */
async function grayOf(pdf: string, page: number, directory: string): Promise<{ readonly width: number; readonly pixels: Buffer }> {
    const root = path.join(directory, `page-${page}`)
    await mustRun("pdftoppm", ["-gray", "-r", "100", "-f", String(page), "-l", String(page), "-singlefile", pdf, root])
    const picture = await readFile(`${root}.pgm`)
    const [header = "", width] = /^P5\s+([0-9]+)\s+[0-9]+\s+255\s/.exec(picture.toString("latin1", 0, 64)) ?? []
    return { width: Number(width), pixels: picture.subarray(header.length) }
}

/** A plan with long names, serial numbers and many repositories: what a page has least room for. */
function crowded(): PlanContent {
    const base = planOf("replace-holder")
    const long = "a".repeat(59)
    const numbers = Array.from({ length: 4 }, (_, index) => index)
    return {
        ...base,
        reason: `${"W".repeat(200)} ${"reason ".repeat(40)}`,
        people: [
            ...base.people,
            ...numbers.map((index) => ({ name: `${long}${index}`, part: "holder" as const, fullName: "Name ".repeat(30).trim() })),
        ],
        keys: [
            ...base.keys,
            ...numbers.map((index) => ({
                change: "kept" as const,
                name: `k${long}${index}`,
                holder: `${long}${index}`,
                id: someKeyId(),
                token: `T${long}${index}`,
                serial: `S${long}${index}`,
            })),
        ],
        repositories: Array.from({ length: 12 }, (_, index) => ({
            gun: parseGun(`registry.example.com/${"team/".repeat(25)}app-${index}`),
            published: { lineage: "ab".repeat(32), version: 4, sha256: "cd".repeat(32) },
        })),
    }
}

describe("the printed script, as a picture", () => {
    for (const [name, content] of [
        ["an ordinary plan", planOf("replace-holder")],
        ["a rehearsal of a root that is lost", planOf("root-lost", { rehearsalOf: "ef".repeat(32) })],
        ["a plan with long names and many repositories", crowded()],
    ] as const) {
        test(`of ${name} fits its pages, each numbered and of this plan, no step torn apart`, async () => {
            await using directory = await makeWorkingDirectory("script")
            const { pdf, pages, sha256 } = await printed(content, directory.path)
            assert.ok(pages.length > 8)
            const { hex, words } = spoken(sha256)
            assert.ok(pages[0]?.text.includes(hex) && pages[0].text.includes(words))
            for (const [index, page] of pages.entries()) {
                assert.ok(page.text.includes(`Page ${index + 1} of ${pages.length}`), `page ${index + 1}`)
                assert.ok(page.text.includes(`plan ${hex}`))
                const isMarked = page.words.some(({ text, bottom }) => text === "REHEARSAL" && bottom < 50)
                assert.equal(isMarked, content.rehearsalOf !== undefined, `page ${index + 1}`)
                for (const word of page.words) {
                    const isInside =
                        word.left >= EDGE && word.right <= page.width - EDGE && word.top >= 20 && word.bottom <= page.height - 20
                    assert.ok(isInside, `page ${index + 1}: "${word.text}" reaches ${JSON.stringify(word)}`)
                }
            }
            assertWholeSteps(pages)
            const { width, pixels } = await grayOf(pdf, 1, directory.path)
            assertPrintable(pixels, width)
        })
    }

    test("keeps nothing of what is hidden in a plan's text", async () => {
        await using directory = await makeWorkingDirectory("script")
        const { pages } = await printed(planOf("rotate-root", { reason: '<b hidden>"no"</b> &lt;' }), directory.path)
        assert.ok(pages[0]?.text.includes("&lt;b hidden&gt;&quot;no&quot;&lt;/b&gt; &amp;lt;"), pages[0]?.text)
    })
})

/** Wherever a step's number stands, its three signs stand on the same page: as many UTC, Lead and Witness as numbers. */
function assertWholeSteps(pages: readonly Page[]): void {
    let next = 1
    for (const [index, page] of pages.entries()) {
        // A number of a step is larger than anything beside it.
        const numbers = page.words.filter(({ text, top, bottom, left }) => /^[0-9]{1,3}$/.test(text) && bottom - top > 18 && left < 80)
        const signs = ["UTC", "Lead", "Witness"].map(
            (label) => page.words.filter(({ text, left }) => text === label && left > page.width - 140).length,
        )
        if (numbers.length === 0) continue
        assert.deepEqual(signs, [numbers.length, numbers.length, numbers.length], `page ${index + 1}`)
        for (const { text } of numbers) {
            assert.equal(Number(text), next)
            next += 1
        }
    }
    assert.ok(next > 15, `${next - 1} steps`)
}

/** Black on white: a good part is white, some is black, and next to nothing in between but the light gray of headings. */
function assertPrintable(pixels: Buffer, width: number): void {
    assert.ok(width > 800)
    const share = (from: number, to: number): number =>
        pixels.reduce((sum, gray) => sum + (gray >= from && gray <= to ? 1 : 0), 0) / pixels.length
    assert.ok(share(225, 255) > 0.85, `white: ${share(225, 255)}`)
    assert.ok(share(0, 60) > 0.01, `black: ${share(0, 60)}`)
    assert.ok(share(61, 224) < 0.1, `between: ${share(61, 224)}`)
}
