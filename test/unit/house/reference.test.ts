import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import path from "node:path"
import { describe, test } from "node:test"
import { boundsOf, configurationPage, readShipped } from "../../../packaging/deb/configuration-page.ts"
import { manualPages } from "../../../packaging/deb/manual.ts"
import { commandReference, REFERENCE } from "../../../packaging/reference.ts"
import { EXIT_CODES } from "../../../src/cli/exit-code.ts"
import { ACTIONS, ACTIONS_WITHOUT_PLACE } from "../../../src/policy/index.ts"

const ROOT = path.resolve(import.meta.dirname, "../../..")
const read = (file: string): string => readFileSync(path.join(ROOT, file), "utf8")
/** Their fields' bounds are in docs/policy.md. */
const POLICY_TABLES = ["[[allow]]", "[[limit]]"]

/** man(7); those that our pages are made of. */
const REQUESTS = new Set(["TH", "SH", "SS", "TP", "PP", "B", "BR", "I", "br", "nf", "fi"])

describe("what is written from one definition", () => {
    test("docs/cli.md is what the commands' definitions give (if not: npm run generate)", () => {
        assert.equal(readFileSync(REFERENCE, "utf8"), commandReference())
    })

    test("docs/configuration.md has the bounds of every field that the shipped file shows, and of no other", () => {
        const tables = readShipped(read("packaging/trustkeyd.toml")).filter(({ header }) => !POLICY_TABLES.includes(header))
        const bounded = [...boundsOf(read("docs/configuration.md")).keys()].filter((name) => !["allow", "limit"].includes(name))
        assert.deepEqual(bounded.toSorted(), tables.flatMap(({ fields }) => fields.map(({ name }) => name)).toSorted())
    })

    test("the shipped file names every action that a rule can allow", () => {
        const field = readShipped(read("packaging/trustkeyd.toml")).flatMap(({ fields }) =>
            fields.filter(({ name }) => name === "allow.do"),
        )[0]
        const named = /what each is: (.*)$/.exec(field?.text ?? "")?.[1]?.split(", ")
        assert.deepEqual(named?.toSorted(), [...ACTIONS].sort())
        const [, whole = ""] = /^# A rule without role and gun\. Some actions \(([^)]*)\)/m.exec(read("packaging/trustkeyd.toml")) ?? []
        assert.deepEqual(whole.split(", ").sort(), [...ACTIONS_WITHOUT_PLACE].sort())
    })

    test("a manual page asks nothing of the formatter that is in a text, and is of the date and version it was given", () => {
        const date = new Date("2026-02-03T04:05:06Z")
        for (const { name, section, text } of manualPages("1.2.3-4", date)) {
            assert.ok(text.startsWith(`.TH ${name.toUpperCase()} ${section} "2026-02-03" "trustkeyd 1.2.3-4"\n`))
            const requests = new Set(Array.from(text.matchAll(/^[.'](\S+)/gm), ([, request = ""]) => request))
            assert.deepEqual([...requests.difference(REQUESTS)], [], name)
        }
        assert.match(configurationPage("1", date), /\.B max_payload\nOne .*\n\.br\nDefault: "8MiB"\n\.br\nTakes: 64 KiB to 64 MiB\n/)
    })

    test("trustkey(1) has every exit status and every error code", () => {
        const page = manualPages("1", new Date(0)).find(({ name }) => name === "trustkey")?.text ?? ""
        for (const [code, status] of Object.entries(EXIT_CODES)) assert.ok(page.includes(`\n.BR ${code} " (${status})"\n`), code)
        const [, statuses = ""] = /^\.SH EXIT STATUS\n([\s\S]*?)^\.SH /m.exec(page) ?? []
        assert.deepEqual(
            Array.from(statuses.matchAll(/^\.B (\d+)$/gm), ([, status]) => Number(status)),
            [...new Set([0, ...Object.values(EXIT_CODES)])].sort((a, b) => a - b),
        )
    })

    test("trustkeyd(8) has every option that the daemon's help has, and every signal it listens to", () => {
        const page = manualPages("1", new Date(0)).find(({ name }) => name === "trustkeyd")?.text ?? ""
        const program = read("src/bin/trustkeyd.ts")
        const options = Array.from(program.matchAll(/^ {2}--(\S+)/gm), ([, option = ""]) => option)
        const signals = Array.from(program.matchAll(/process\.on\("(SIG\w+)"/g), ([, signal = ""]) => signal)
        assert.deepEqual(options.toSorted(), ["check-config", "config", "help", "version"])
        assert.deepEqual(signals.toSorted(), ["SIGHUP", "SIGINT", "SIGTERM", "SIGUSR2"])
        const [, described = ""] = /^\.SH DESCRIPTION\n([\s\S]*?)^\.SH EXIT STATUS/m.exec(page) ?? []
        for (const option of options) assert.ok(described.includes(`\\-\\-${option.replaceAll("-", "\\-")}`), option)
        for (const signal of signals) assert.match(described, new RegExp(`^\\.B .*\\b${signal}\\b`, "m"))
    })

    test("a line of the shipped file that is neither comment, table nor field is no page", () => {
        assert.throws(() => readShipped('#name "x"\n'), /is no comment, table or field/)
        assert.throws(() => boundsOf("## Fields\n\nnone\n"), /there is no table under Fields/)
    })
})
