import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import { test } from "node:test"
import { EXIT_CODES } from "../../../src/cli/exit-code.ts"

test("docs/errors.md has every code, with the exit status it has", () => {
    const page = readFileSync(new URL("../../../docs/errors.md", import.meta.url), "utf8")
    const rows = [...page.matchAll(/^\| `(\w+)` \| (\d+) \| \S.* \| \S.* \|$/gm)].map(([, code, status]) => [code, Number(status)] as const)
    assert.equal(new Set(rows.map(([code]) => code)).size, rows.length, "a code has two rows")
    const byCode = ([a]: readonly [string | undefined, number], [b]: readonly [string | undefined, number]): number =>
        (a ?? "") < (b ?? "") ? -1 : 1
    assert.deepEqual(rows.sort(byCode), Object.entries(EXIT_CODES).sort(byCode))
})
