import assert from "node:assert/strict"
import { existsSync, readFileSync } from "node:fs"
import path from "node:path"
import { describe, test } from "node:test"
import { type Command, CommanderError } from "commander"
import { commandLine, fullName, leaves } from "../../../packaging/command-line.ts"
import { Cli, type FrontEnd } from "../../../src/cli/context.ts"
import { makeProgram } from "../../../src/cli/program.ts"
import { isPassThrough, markPassedArguments } from "../../../src/cli/syntax.ts"
import { commandsIn, fencedBlocks, inlineCode, PAGES, readPage } from "../../support/documented.ts"
import { fakeContext, fakeTerminal } from "../cli/fake-terminal.ts"
import { OWNERS } from "./line-owners.ts"

const ROOT = path.resolve(import.meta.dirname, "../../..")

/** The words of a command of ours under one of its names; undefined: somebody else's. */
function ours(words: readonly string[]): { readonly frontEnd: FrontEnd; readonly args: readonly string[] } | undefined {
    const [program, plugin, ...rest] = words
    if (program === "trustkey") return { frontEnd: "trustkey", args: words.slice(1) }
    if (program === "docker" && plugin === "trustkey") return { frontEnd: "docker trustkey", args: rest }
    return undefined
}

/** They begin anew with each line: commander keeps nothing from one to the next. */
const programs = { trustkey: idle("trustkey"), "docker trustkey": idle("docker trustkey"), "docker trust": idle("docker trust") }

function idle(frontEnd: FrontEnd): Command {
    const program = makeProgram(new Cli({ ...fakeContext(fakeTerminal()), frontEnd }))
    for (const command of leaves(program)) command.action(() => {})
    return program
}

/** Read by the definitions that the program runs by, with nothing run. @returns what is wrong with it */
function mistakeIn(words: readonly string[]): string | undefined {
    const read = ours(words)
    if (read === undefined) return undefined
    const program = programs[read.frontEnd]
    try {
        program.parse([...markPassedArguments(program, read.args)], { from: "user" })
        return undefined
    } catch (error) {
        if (!(error instanceof CommanderError)) throw error
        // What a shell puts there is known to nobody yet.
        const unknown = error.code === "commander.invalidArgument" && error.message.includes("argument '$(")
        return unknown || error.exitCode === 0 ? undefined : error.message
    }
}

/** For what is shortened or a synopsis: the command, or group of commands, exists and knows the flags. */
function unknownIn(text: string): string | undefined {
    const read = ours(text.replaceAll(/[[\]]/g, "").split(" "))
    if (read === undefined) return undefined
    let command = programs[read.frontEnd]
    const options = [...command.options]
    const words = [...read.args]
    while (command.commands.length > 0 && words[0] !== undefined && /^[a-z-]+$/.test(words[0]) && !words[0].startsWith("-")) {
        const name = words.shift()
        const next = command.commands.find((candidate) => candidate.name() === name)
        if (next === undefined) return `there is no ${fullName(command)} ${name}`
        command = next
        options.push(...command.options)
    }
    // Of a group, one of its commands has it.
    const known = new Set([...options, ...leaves(command).flatMap((leaf) => leaf.options)].map(({ long }) => long))
    if (isPassThrough(command)) return undefined
    const flag = words
        .map((word) => word.split("=")[0])
        .find((word) => word?.startsWith("--") && word !== "--" && word !== "--help" && !known.has(word))
    return flag === undefined ? undefined : `${fullName(command)} has no ${flag}`
}

/** A page NAME.md that is typed from its first line to its last has a test of its own, NAME-page.test.ts. */
function isTypedWhole(page: string): boolean {
    const file = path.join(ROOT, "test/interop", `${path.basename(page, ".md")}-page.test.ts`)
    return existsSync(file) && readFileSync(file, "utf8").includes(page)
}

describe("the command lines of the documentation", () => {
    test("are run by a test, block for block, or can't be, for a reason that is written down", () => {
        const blocks = PAGES.flatMap((page) => fencedBlocks(page).filter(({ language }) => ["sh", "cron", "console"].includes(language)))
        assert.ok(blocks.length > 80)
        const wanted = new Set(blocks.map(({ page, section }) => `${page}: ${section}`))
        const isOwned = (key: string): boolean => {
            const page = key.replace(/: .*/s, "")
            return Object.hasOwn(OWNERS, key) || Object.hasOwn(OWNERS, page) || isTypedWhole(page)
        }
        const unowned = [...wanted].filter((key) => !isOwned(key))
        assert.deepEqual(unowned, [], "each needs a test that runs it, and a row in test/unit/house/line-owners.ts")
        const idle = Object.keys(OWNERS).filter((key) => !wanted.has(key) && !blocks.some(({ page }) => page === key))
        assert.deepEqual(idle, [], "these have no lines any more")
    })

    test("have owners that exist and name the page they run", () => {
        for (const [key, { by, because }] of Object.entries(OWNERS)) {
            const page = key.replace(/: .*/s, "")
            if (because !== undefined) assert.ok(because.split(" ").length >= 5, `${key}: say why`)
            else assert.ok(by.length > 0, key)
            for (const file of by) {
                assert.ok(existsSync(path.join(ROOT, file)), `${key}: there is no ${file}`)
                // A test that runs a page reads it.
                if (because === undefined)
                    assert.ok(readFileSync(path.join(ROOT, file), "utf8").includes(page), `${file} does not name ${page}`)
            }
        }
    })

    test("are command lines that trustkey takes", () => {
        const mistakes: string[] = []
        let read = 0
        const check = (page: string, line: string, problem: string | undefined): void => {
            read += 1
            if (problem !== undefined) mistakes.push(`${page}: ${line}\n    ${problem}`)
        }
        for (const { page, language, lines } of PAGES.flatMap((each) => fencedBlocks(each))) {
            for (const line of lines) {
                if (["sh", "cron", "console"].includes(language)) {
                    for (const words of commandsIn(line.replace(/^0 7 \* \* \* +/, "")))
                        if (ours(words)) check(page, line, mistakeIn(words))
                } else if (page !== "docs/cli.md") {
                    // Behind two spaces stands what it does.
                    const [, typed] = /^\s*(?:\$ )?((?:docker )?trustkey [a-z].*?)(?: {2,}.*)?$/.exec(line) ?? []
                    if (typed !== undefined)
                        check(page, line, /…|\[/.test(typed) ? unknownIn(typed) : mistakeIn(commandsIn(typed)[0] ?? []))
                }
            }
        }
        for (const page of PAGES)
            for (const code of inlineCode(page)) if (/^(docker )?trustkey [a-z]/.test(code)) check(page, code, unknownIn(code))
        assert.deepEqual(mistakes, [])
        assert.ok(read > 300, `${read}`)
    })

    test("are those of the help as well: every example is one that the command takes", () => {
        const program = commandLine("")
        const mistakes: string[] = []
        for (const command of leaves(program)) {
            const [, examples = ""] = /^Examples:\n((?: {2}.*\n)+)/m.exec(command.helpInformation()) ?? []
            const lines = examples
                .split("\n")
                .map((line) => line.trim())
                .filter((line) => line !== "")
            if (lines.length === 0) mistakes.push(`${fullName(command)} has no example`)
            for (const line of lines)
                for (const words of commandsIn(line)) {
                    const problem = mistakeIn(words)
                    if (problem !== undefined) mistakes.push(`${line}\n    ${problem}`)
                }
        }
        assert.deepEqual(mistakes, [])
    })
})

describe("the reader of command lines", () => {
    const CASES: readonly (readonly [line: string, commands: readonly (readonly string[])[]])[] = [
        ["a b # c", [["a", "b"]]],
        ["a 'b c' \"d e\" | f > g 2>&1 && h", [["a", "b c", "d e"], ["f"], ["h"]]],
        ["X=$(a --b 'c )') d", [["d"], ["a", "--b", "c )"]]],
        [
            'X=1 a "$(b c)" 3< <(d e)',
            [
                ["a", "$(b c)"],
                ["b", "c"],
                ["d", "e"],
            ],
        ],
        ["a NAME|URI >> f; b", [["a", "NAME|URI"], ["b"]]],
    ]
    for (const [line, commands] of CASES)
        test(`takes ${line} apart`, () => {
            assert.deepEqual(commandsIn(line), commands)
        })

    test("finds what no command takes, and blocks that nobody owns", () => {
        assert.match(mistakeIn(["trustkey", "key", "frob"]) ?? "", /unknown command/)
        assert.match(mistakeIn(["trustkey", "key", "show", "ID", "--frob"]) ?? "", /unknown option/)
        assert.match(mistakeIn(["trustkey", "key", "show"]) ?? "", /missing required argument/)
        assert.match(mistakeIn(["docker", "trustkey", "revoke", "a", "b"]) ?? "", /.+/)
        assert.equal(mistakeIn(["docker", "trustkey", "run", "--rm", "-it", "app:v1", "sh"]), undefined)
        assert.equal(unknownIn("trustkey trust sign … --digest sha256:…"), undefined)
        assert.match(unknownIn("trustkey trust sing …") ?? "", /there is no trustkey trust sing/)
        assert.match(unknownIn("trustkey key … --frob") ?? "", /has no --frob/)
        const page = "# A\n\n## B\n\n   ```sh\n   a\n   ```\n"
        assert.deepEqual(fencedBlocks("x.md", page), [{ page: "x.md", section: "B", language: "sh", lines: ["a"] }])
        assert.deepEqual(inlineCode("x.md", "`a\n  b` and\n```sh\n`c`\n```\n"), ["a b"])
        assert.ok(readPage("README.md").startsWith("# trustkeyd"))
    })
})
