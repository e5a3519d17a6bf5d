import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import { describe, test } from "node:test"
import { CASE_NAMES, MATRIX_FILE, MODULE_NAMES, parseMatrix, readMatrix, replaceMatrix } from "../../interop/contract/matrix.ts"

const markdown = readFileSync(MATRIX_FILE, "utf8")

describe("the table of what each token module does", () => {
    test("has every case for every module, and no others", () => {
        const columns = readMatrix()
        assert.deepEqual([...columns.keys()], [...MODULE_NAMES])
        for (const [module, column] of columns) assert.deepEqual(Object.keys(column), CASE_NAMES, module)
    })

    test("is as a run writes it", () => {
        assert.equal(replaceMatrix(markdown, readMatrix()), markdown)
    })

    test("is refused with an empty cell, a case too few or a module nobody knows", () => {
        const lines = markdown.split("\n")
        const row = lines.findIndex((line) => line.startsWith("| **locked**"))
        const edited = (change: (cells: string[]) => readonly string[]): string =>
            lines.map((line, index) => (index === row ? change(line.split(" | ")).join(" | ") : line)).join("\n")
        assert.throws(() => parseMatrix(edited((cells) => cells.with(3, ""))), /locked: the cell is empty/)
        assert.throws(() => parseMatrix(lines.toSpliced(row, 1).join("\n")), /the rows are not the contract's cases/)
        assert.throws(() => parseMatrix(markdown.replace("| SoftHSM |", "| HardHSM |")), /HardHSM is no module of the contract/)
    })
})
