import assert from "node:assert/strict"
import { readFile } from "node:fs/promises"
import path from "node:path"
import { describe, test } from "node:test"
import { FrameSet, unpackArchive, verifyCeremony } from "../../src/ceremony/index.ts"
import { writeCodeImages } from "../../src/cli/ceremony/qr.ts"
import { reportOf } from "../../src/cli/ceremony/report.ts"
import { renderReport } from "../../src/cli/ceremony/report-page.ts"
import { assertPrintable, printHtml } from "../support/printed.ts"
import { mustRun } from "../support/process.ts"
import { makeWorkingDirectory } from "../support/temp.ts"
import { filesOf, wholeCeremony } from "../unit/ceremony/rig.ts"

describe("what a ceremony leaves on paper", () => {
    test("is a report that fits its pages, with the last record's hash as a code that a stock decoder reads", async () => {
        await using directory = await makeWorkingDirectory("report")
        const report = reportOf(verifyCeremony(filesOf(wholeCeremony("replace-holder"))))
        const pages = await printHtml(renderReport(report), directory.path)
        await assertPrintable(pages)
        assert.equal(await mustRun("zbarimg", ["--raw", "-q", pages[0]?.picture ?? ""]), `${report.lastRecord.toUpperCase()}\n`)
    })

    test("is the whole bundle, when its codes are printed and read again sheet by sheet", async () => {
        await using directory = await makeWorkingDirectory("sheets")
        const files = filesOf(wholeCeremony("rotate-root"))
        const codes = path.join(directory.path, "codes")
        const { frames } = await writeCodeImages(files, codes, "2026-11-21-a")
        const pages = await printHtml(await readFile(path.join(codes, "frames.html"), "utf8"), directory.path)
        assert.equal(pages.length, frames)
        const set = new FrameSet()
        for (const { picture } of pages.toReversed()) set.add(await mustRun("zbarimg", ["-q", picture]))
        assert.deepEqual(unpackArchive(set.whole()), files)
        assert.equal(verifyCeremony(unpackArchive(set.whole())).ok, true)
    })
})
