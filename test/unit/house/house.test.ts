import assert from "node:assert/strict"
import { existsSync, globSync, readFileSync } from "node:fs"
import path from "node:path"
import { describe, test } from "node:test"
import { comparePromises, promisesInComments, promisesInTitles, readPromiseTable } from "./promises.ts"
import { findViolations } from "./rules.ts"
import { importsOf, readSource, type Source, titlesOf } from "./source.ts"

/** The capabilities that have arrived; docs/threat-model.md says which promises come with which. */
const ARRIVED = ["core", "ceremonies", "backup"]

const ROOT = path.resolve(import.meta.dirname, "../../..")

function readSources(pattern: string): Source[] {
    return globSync(pattern, { cwd: ROOT })
        .sort()
        .map((file) => readSource(file, readFileSync(path.join(ROOT, file), "utf8")))
}

function readDocument(file: string): string {
    const full = path.join(ROOT, file)
    assert.ok(existsSync(full), `${file} does not exist yet`)
    return readFileSync(full, "utf8")
}

function assertNone(problems: readonly string[]): void {
    assert.ok(problems.length === 0, `\n${problems.join("\n")}`)
}

describe("the house", () => {
    test("lets imports go down only, through the doors, and keeps files, keys, clock and environment in their rooms", () => {
        assertNone(findViolations(readSources("src/**/*.ts")))
    })

    test("keeps every promise in three places: the threat model, the code and a test's title", () => {
        const table = readPromiseTable(readDocument("docs/threat-model.md"))
        assert.ok(
            table.length > 0,
            "docs/threat-model.md has no table row that starts with a promise's name, such as | TK-KEY-1 | … | core |",
        )
        // This room's own examples are no claims.
        const tests = readSources("test/**/*.ts").filter(({ path: file }) => !file.startsWith("test/unit/house/"))
        assertNone(comparePromises(table, ARRIVED, promisesInComments(readSources("src/**/*.ts")), promisesInTitles(tests)))
    })

    test("pins every dependency to one version and says why it is here", () => {
        const manifest: Record<string, Record<string, string> | undefined> = JSON.parse(readDocument("package.json"))
        const kinds = ["dependencies", "devDependencies", "optionalDependencies"]
        const dependencies = kinds.flatMap((kind) => Object.entries(manifest[kind] ?? {}))
        assert.ok(dependencies.length > 0)
        assertNone(
            dependencies
                .filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))
                .map(([name, version]) => `package.json: ${name} is not pinned exactly: ${version}`),
        )
        const reasons = readDocument("docs/dependencies.md").split("\n")
        assertNone(
            dependencies
                .filter(([name]) => !reasons.some((line) => line.includes(`\`${name}\``) && line.split(/\s+/).length >= 6))
                .map(([name]) => `docs/dependencies.md: no sentence about \`${name}\``),
        )
    })
})

describe("the test of the house", () => {
    const violations = (file: string, text: string): string[] => findViolations([readSource(file, text)])

    const REFUSED: readonly (readonly [file: string, text: string, expected: RegExp])[] = [
        [
            "src/journal/mark.ts",
            'import { x } from "../keys/index.ts"',
            /^src\/journal\/mark\.ts:1 may not import keys: imports only go down$/,
        ],
        ["src/server/decode.ts", '\nimport type { X } from "../custody/sign.ts"', /decode\.ts:2 reaches past the door of custody/],
        ["src/server/decode.ts", 'import { x } from "../cli/index.ts"', /may not import cli/],
        ["src/custody/sign.ts", 'export { x } from "../publish/index.ts"', /may not import publish/],
        ["src/custody/sign.ts", 'export * from "../server/index.ts"', /may not import server/],
        ["src/tuf/gun.ts", 'const x = await import("../policy/index.ts")', /may not import policy/],
        ["src/tuf/gun.ts", 'type X = import("../policy/index.ts").Permit', /may not import policy/],
        ["src/tuf/gun.ts", "const x = await import(name)", /imports something computed/],
        ["src/tuf/gun.ts", 'import {\n    a,\n    b,\n} from "../audit/index.ts"', /gun\.ts:1 may not import audit/],
        ["src/cli/sign.ts", 'import { x } from "../keys/index.ts"', /cli sees only wire, publish/],
        ["src/custody/sign.ts", 'import { x } from "../wire/signing.ts"', /only server and cli see a wire type/],
        ["src/errors.ts", 'import { x } from "./wire/signing.ts"', /may not import wire/],
        ["src/tuf/gun.ts", 'import { x } from "../../test/support/temp.ts"', /lies outside src/],
        ["src/signer/file/open.ts", 'import pkcs11 from "pkcs11js"', /only src\/signer\/pkcs11 touches PKCS#11/],
        ["src/publish/notary.ts", 'import { readFile } from "node:fs/promises"', /only storage touches files/],
        ["src/journal/mark.ts", 'import { DatabaseSync } from "node:sqlite"', /only storage speaks SQL/],
        ["src/tuf/gun.ts", 'import { env } from "node:process"', /only bin reads the surroundings/],
        ["src/tuf/gun.ts", "\n\nconst x = process.env", /gun\.ts:3 uses process\.env/],
        ["src/tuf/gun.ts", "process.exitCode = 1", /uses process\.exit/],
        ["src/tuf/gun.ts", "const x = `${Date.now()}`", /uses Date\.now\(\)/],
        ["src/tuf/gun.ts", "const x = new Date()", /uses new Date\(\)/],
        ["src/tuf/gun.ts", "const x = new Date", /uses new Date\(\)/],
        ["src/tuf/utils.ts", "", /says nothing about what it holds/],
        ["src/misc/a.ts", "", /is in no room/],
        ["src/a.ts", "", /lies outside the rooms/],
    ]
    for (const [file, text, expected] of REFUSED) {
        test(`refuses ${JSON.stringify(text)} in ${file}`, () => {
            assert.match(violations(file, text).join("\n"), expected)
        })
    }

    const ACCEPTED: readonly (readonly [file: string, text: string])[] = [
        ["src/custody/sign.ts", 'import { x } from "../errors.ts"\nimport { y } from "../tuf/index.ts"\nimport { z } from "./approve.ts"'],
        ["src/server/decode.ts", 'import { x } from "../wire/signing.ts"'],
        ["src/signer/pkcs11/module.ts", 'import pkcs11 from "pkcs11js"\nimport { readFileSync } from "node:fs"'],
        ["src/bin/trustkeyd.ts", "const x = process.env; const y = Date.now(); process.exit(1)"],
        ["src/tuf/gun.ts", "const x = new Date(text); const y = new Date( seconds * 1000); const z = performance.now()"],
        ["src/tuf/gun.ts", '// import { x } from "../bin/x.ts" and process.env\nconst x = "process.env"; /* Date.now() */'],
        ["src/tuf/gun.ts", "const x = /[\"'`/]/.test(y) // process.env\nconst z = a / b / c"],
        ["src/tuf/gun.ts", 'const x = `import { x } from "../bin/x.ts" ${y({ a: "`" })} process.env`'],
    ]
    for (const [file, text] of ACCEPTED) {
        test(`accepts ${JSON.stringify(text)} in ${file}`, () => {
            assert.deepEqual(violations(file, text), [])
        })
    }

    test("reads modules and titles, whatever stands between", () => {
        const source = readSource("a.ts", 'import a, { type B } from "x"\nimport "y"\ntest("one", () => {})\nit.only(\n  `two ${1}`)')
        assert.deepEqual(importsOf(source), [
            { line: 1, from: "x" },
            { line: 2, from: "y" },
        ])
        assert.deepEqual(titlesOf(source), ["one", "two ${1}"])
    })

    test("says which promise is missing where", () => {
        const table = readPromiseTable(
            "| name | promise | since |\n| --- | --- | --- |\n| TK-KEY-1 | a | core |\n| TK-KEY-2 | b | tokens, core part |\n| TK-KEY-3 | c | tokens |\n",
        )
        const code = promisesInComments([readSource("src/a.ts", '// TK-KEY-1\nconst x = "TK-KEY-2"')])
        const titles = promisesInTitles([readSource("test/a.test.ts", 'test("TK-KEY-2 holds", f); test("TK-JRN-9 holds", f)')])
        assert.deepEqual(comparePromises(table, ["core"], code, titles), [
            "TK-KEY-2: no comment under src/ says where it is kept",
            "TK-KEY-1: no test title under test/ claims it",
            "TK-JRN-9: named in test/a.test.ts, but docs/threat-model.md does not state it",
        ])
    })
})
