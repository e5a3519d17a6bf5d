import assert from "node:assert/strict"
import { existsSync, globSync, statSync } from "node:fs"
import path from "node:path"
import { describe, test } from "node:test"
import { PAGES, readPage } from "../../support/documented.ts"

const ROOT = path.resolve(import.meta.dirname, "../../..")
const INDEX = "docs/README.md"

type Link = { readonly target: string; readonly anchor: string | undefined }

/** Those to other files of the checkout, and into them. */
function linksOf(text: string): readonly Link[] {
    const prose = text.replaceAll(/^( *)```[\s\S]*?^ *```$/gm, "").replaceAll(/`[^`]*`/g, "``")
    return Array.from(prose.matchAll(/\]\(([^)\s]+)\)/g), ([, whole = ""]) => whole)
        .filter((whole) => !/^[a-z]+:/.test(whole))
        .map((whole) => {
            const [target = "", anchor] = whole.split("#")
            return { target, anchor }
        })
}

/** As GitHub names headings. */
function anchorsOf(text: string): ReadonlySet<string> {
    const headings = Array.from(text.replaceAll(/^```[\s\S]*?^```$/gm, "").matchAll(/^#+ (.*)$/gm), ([, title = ""]) => title)
    const slugs = headings.map((title) =>
        title
            .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1")
            .toLowerCase()
            .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
            .replaceAll(" ", "-"),
    )
    return new Set(
        slugs.map((slug, index) => {
            const before = slugs.slice(0, index).filter((other) => other === slug).length
            return before === 0 ? slug : `${slug}-${before}`
        }),
    )
}

function brokenLinks(page: string, text: string): readonly string[] {
    return linksOf(text).flatMap(({ target, anchor }) => {
        const file = target === "" ? page : path.join(path.dirname(page), target)
        if (file !== page && !existsSync(path.join(ROOT, file))) return [`${page}: there is no ${target}`]
        if (anchor === undefined || (file !== page && statSync(path.join(ROOT, file)).isDirectory())) return []
        const place = file === page ? text : readPage(file)
        return anchorsOf(place).has(anchor) ? [] : [`${page}: ${file} has no heading #${anchor}`]
    })
}

describe("the documentation", () => {
    test("links to files and headings that there are", () => {
        assert.deepEqual(
            PAGES.flatMap((page) => brokenLinks(page, readPage(page))),
            [],
        )
    })

    test("has an index with every page and every ready file, once", () => {
        const files = globSync("docs/**/*", { cwd: ROOT }).filter((file) => file !== INDEX && statSync(path.join(ROOT, file)).isFile())
        const linked = linksOf(readPage(INDEX))
            .map(({ target }) => path.join("docs", target))
            .filter((file) => file.startsWith("docs/"))
        // One that isn't there is the other test's to say.
        const isThere = (file: string): boolean => existsSync(path.join(ROOT, file)) && statSync(path.join(ROOT, file)).isFile()
        const there = linked.filter(isThere)
        // A folder that is linked stands for what is in it.
        const alone = files.filter((file) => !linked.includes(path.dirname(file)))
        assert.deepEqual(there.toSorted(), alone.toSorted())
    })

    test("a link into nothing is found", () => {
        const text =
            "# A b\n\n## `C`: d-e, f\n\n[x](#c-d-e-f) [y](#nowhere) [z](nowhere.md) [w](https://example.com/) [v](../README.md#nowhere)\n"
        assert.deepEqual(brokenLinks("docs/x.md", text), [
            "docs/x.md: docs/x.md has no heading #nowhere",
            "docs/x.md: there is no nowhere.md",
            "docs/x.md: README.md has no heading #nowhere",
        ])
    })
})
