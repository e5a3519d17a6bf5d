import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { encodePlan, type PlanContent, parsePlan, spoken } from "../../src/ceremony/index.ts"
import { renderScript } from "../../src/cli/ceremony/script.ts"
import { parseGun } from "../../src/tuf/index.ts"
import { assertPrintable, type PrintedPage, printHtml } from "../support/printed.ts"
import { makeWorkingDirectory } from "../support/temp.ts"
import { planOf, someKeyId } from "../unit/ceremony/plans.ts"

async function printed(
    content: PlanContent,
    directory: string,
): Promise<{ readonly pages: readonly PrintedPage[]; readonly sha256: string }> {
    const plan = parsePlan(encodePlan(content))
    return { pages: await printHtml(renderScript(plan), directory), sha256: plan.sha256 }
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
            const { pages, sha256 } = await printed(content, directory.path)
            assert.ok(pages.length > 8)
            await assertPrintable(pages)
            const { hex, words } = spoken(sha256)
            assert.ok(pages[0]?.text.includes(hex) && pages[0].text.includes(words))
            for (const [index, page] of pages.entries()) {
                assert.ok(page.text.includes(`plan ${hex}`))
                const isMarked = page.words.some(({ text, bottom }) => text === "REHEARSAL" && bottom < 50)
                assert.equal(isMarked, content.rehearsalOf !== undefined, `page ${index + 1}`)
            }
            assertWholeSteps(pages)
        })
    }

    test("keeps nothing of what is hidden in a plan's text", async () => {
        await using directory = await makeWorkingDirectory("script")
        const { pages } = await printed(planOf("rotate-root", { reason: '<b hidden>"no"</b> &lt;' }), directory.path)
        assert.ok(pages[0]?.text.includes("&lt;b hidden&gt;&quot;no&quot;&lt;/b&gt; &amp;lt;"), pages[0]?.text)
    })
})

/** Wherever a step's number stands, its three signs stand on the same page: as many UTC, Lead and Witness as numbers. */
function assertWholeSteps(pages: readonly PrintedPage[]): void {
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
