import assert from "node:assert/strict"
import { readFile, writeFile } from "node:fs/promises"
import path from "node:path"
import { describe, test } from "node:test"
import type { Command } from "commander"
import fc from "fast-check"
import { encodePlan, type PlanContent, type PlannedKey, parsePlan, spoken } from "../../../src/ceremony/index.ts"
import { renderScript } from "../../../src/cli/ceremony/script.ts"
import { ceremonyScriptCommand } from "../../../src/cli/commands/ceremony-script.ts"
import { makeProgram } from "../../../src/cli/program.ts"
import { parseKeyId } from "../../../src/tuf/index.ts"
import { makeWorkingDirectory } from "../../support/temp.ts"
import { planOf, RIGHT_PLAN } from "../ceremony/plans.ts"
import { fakeCli, fakeTerminal } from "./fake-terminal.ts"

const KINDS = ["create-root", "rotate-root", "replace-holder", "root-lost"] as const

function scriptOf(content: PlanContent): string {
    return renderScript(parsePlan(encodePlan(content)))
}

/** What a person reads of it: no tags, no style, entities read back, white space as one space. */
function textOf(page: string): string {
    return page
        .replace(/<style>[\s\S]*<\/style>/, "")
        .replaceAll(/<[^>]*>/g, " ")
        .replaceAll("&nbsp;", " ")
        .replaceAll("&lt;", "<")
        .replaceAll("&gt;", ">")
        .replaceAll("&quot;", '"')
        .replaceAll("&#39;", "'")
        .replaceAll("&amp;", "&")
        .replaceAll(/\s+/g, " ")
}

function commandsOf(page: string): readonly string[] {
    return [...page.matchAll(/<pre>([^<]*)<\/pre>/g)].flatMap(([, text = ""]) => text.trimEnd().split("\n"))
}

const steps = (page: string): readonly string[] => [...page.matchAll(/<p class="title">([^<]*)<\/p>/g)].map(([, title = ""]) => title)

describe("the printed script", () => {
    for (const kind of KINDS) {
        test(`of kind ${kind} has a numbered step, with its signs, for each thing the plan asks for`, () => {
            const content = planOf(kind)
            const page = scriptOf(content)
            const titles = steps(page)
            assert.deepEqual(
                [...page.matchAll(/<td class="number">([0-9]+)<\/td>/g)].map(([, number]) => Number(number)),
                titles.map((_, index) => index + 1),
            )
            assert.equal(page.split('<td class="sign">').length - 1, titles.length)
            for (const key of content.keys) {
                const mine = titles.filter((title) => title.includes(key.name))
                assert.deepEqual(mine, expectedTitles(key), key.name)
            }
            for (const { gun } of content.repositories) assert.ok(textOf(page).includes(gun))
        })
    }

    function expectedTitles(key: PlannedKey): readonly string[] {
        switch (key.change) {
            case "lost":
                return []
            case "new":
                return key.make === "token"
                    ? [
                          "Make the key alice-2 on the token alice",
                          "Sign with alice-2: 2 signatures",
                          "Record that alice-2 cannot leave its token",
                      ]
                    : [
                          "Make the key lea-1 in the vault, sealed",
                          "Sign with lea-1: 2 signatures",
                          "Copy lea-1 into lea, lea-b, lea-c, and export it sealed",
                      ]
            default:
                return [
                    `Show the key bob-1, which ${key.change === "kept" ? "stays" : "joins"}, on the token bob`,
                    "Sign with bob-1: 2 signatures",
                ]
        }
    }

    test("lets keys of the old root sign first, and those that leave a lost one not at all", () => {
        const retired: PlannedKey = { ...oldKey("retired"), name: "old-1" }
        const signers = (content: PlanContent): readonly string[] =>
            steps(scriptOf(content)).flatMap((title) => /^Sign with ([^:]+):/.exec(title)?.[1] ?? [])
        const rotating = planOf("rotate-root")
        assert.deepEqual(signers({ ...rotating, keys: [...rotating.keys, retired] }), ["bob-1", "old-1", "alice-2", "lea-1"])
        const lost = planOf("root-lost")
        assert.deepEqual(signers({ ...lost, keys: [...lost.keys, retired] }), ["alice-2", "lea-1", "bob-1"])
    })

    function oldKey(change: "retired"): PlannedKey {
        return { change, name: "old", holder: "bob", id: parseKeyId("7".repeat(64)), token: "old" }
    }

    for (const kind of KINDS) {
        test(`of kind ${kind} has commands that there are, with the operands and flags that they have`, () => {
            const page = scriptOf(planOf(kind))
            const inText = [...page.matchAll(/<code>(trustkey [^<]+)<\/code>/g)].map(([, text = ""]) => text.replaceAll("&quot;", '"'))
            const typed = [...commandsOf(page), ...inText].filter((line) => line.startsWith("trustkey "))
            assert.ok(typed.length > 15)
            for (const line of typed) assertKnown(line)
        })
    }

    test("and docs/ceremonies.md have commands that there are", async () => {
        const page = await readFile(path.resolve(import.meta.dirname, "../../../docs/ceremonies.md"), "utf8")
        const blocks = [...page.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap(([, block = ""]) => block.split("\n"))
        const lines = blocks.map((line) => line.replace(/ +#.*$/, "").replace(/^.*\| /, "")).filter((line) => line.startsWith("trustkey "))
        assert.ok(lines.length > 18)
        const inText = [...page.matchAll(/`(trustkey ceremony [^`]+)`/g)].map(([, text = ""]) => text)
        for (const line of [...lines, ...inText]) assertKnown(line)
    })

    test("shows the plan's hash in digits and words on the first page, the whole of it, and on every page", () => {
        const plan = parsePlan(encodePlan(planOf("rotate-root")))
        const page = renderScript(plan)
        const { hex, words } = spoken(plan.sha256)
        const [cover = ""] = page.split("</section>")
        const groups = plan.sha256.match(/.{4}/g) ?? []
        for (const text of [hex, words, `${groups.slice(0, 8).join(" ")}<br>${groups.slice(8).join(" ")}`])
            assert.ok(cover.includes(text), text)
        assert.ok(page.includes(`@top-right { content: "plan ${hex}"`))
        assert.ok(page.includes('@top-left { content: "Ceremony 2026-11-21-a"'))
    })

    test("says on every page that it is of a rehearsal, and has nothing published then", () => {
        const page = scriptOf(planOf("rotate-root", { rehearsalOf: "ef".repeat(32) }))
        assert.ok(page.includes('@top-center { content: "REHEARSAL"'))
        assert.ok(textOf(page).includes("REHEARSAL: nothing of it may be published"))
        assert.equal(
            commandsOf(page).some((command) => command.includes("publish")),
            false,
        )
        const real = scriptOf(planOf("rotate-root"))
        assert.equal(textOf(real).includes("REHEARSAL"), false)
        assert.ok(commandsOf(real).some((command) => command.includes("publish STICK --dry-run")))
    })

    test("says what a lost root means for everybody, and nothing of an old root where there is none to change", () => {
        assert.ok(textOf(scriptOf(planOf("root-lost"))).includes("This does not bring the old root back."))
        for (const kind of ["create-root", "root-lost"] as const) {
            assert.doesNotMatch(textOf(scriptOf(planOf(kind))), /the old root's threshold|for the old root too|signatures the old/)
        }
        assert.match(textOf(scriptOf(planOf("replace-holder"))), /the old root's threshold/)
    })

    test("is the same for the same plan, and another for another", () => {
        const bytes = encodePlan(planOf("rotate-root"))
        assert.equal(renderScript(parsePlan(bytes)), renderScript(parsePlan(bytes)))
        assert.notEqual(renderScript(parsePlan(bytes)), renderScript(parsePlan(Buffer.concat([bytes, Buffer.from("# seen\n")]))))
    })

    test("is one file that runs nothing and loads nothing, whatever is in the plan", () => {
        fc.assert(
            fc.property(RIGHT_PLAN, (content) => {
                const page = scriptOf({ ...content, reason: `<img src=x onerror=alert(1)> ${content.reason}`.slice(0, 200) })
                const tags = new Set([...page.matchAll(/<([a-z0-9]+)/g)].map(([, tag]) => tag))
                for (const tag of tags) assert.ok(TAGS.has(tag ?? ""), tag)
                assert.doesNotMatch(page, /<[^>]*\s(?:on[a-z]+|href|src|style)=/)
                assert.doesNotMatch(page.replace(/<style>[\s\S]*?<\/style>/, ""), /url\(/)
                assert.equal(page.split("<style>").length, 2)
                assert.doesNotMatch(/<style>([\s\S]*?)<\/style>/.exec(page)?.[1] ?? "", /url\(|@import|</)
            }),
            { numRuns: 10 },
        )
        assert.ok(
            textOf(scriptOf(planOf("rotate-root", { reason: '</style><script>alert("x")</script>' }))).includes(
                '</style><script>alert("x")</script>',
            ),
        )
    })

    test("says what an export needs, how it is typed, and that the sticks are no longer for everybody; and nothing of it where there is none", () => {
        const [page, without] = [scriptOf(planOf("rotate-root")), scriptOf({ ...planOf("rotate-root"), backupRecipients: [] })]
        assert.ok(commandsOf(page).includes("trustkey ceremony step backup STICK lea-1 --identity-file IDENTITY"))
        assert.match(textOf(page), /One of them is at the vault, with the identity/)
        assert.match(textOf(page), /On both sticks is a private key, encrypted/)
        assert.doesNotMatch(textOf(page), /nothing on it is secret/)
        assert.doesNotMatch(textOf(without), /identity|encrypted/)
        assert.match(textOf(without), /nothing on it is secret/)
    })

    test("prints serial numbers that the plan has, and leaves room for those it has not", () => {
        const content = planOf("rotate-root")
        const text = textOf(scriptOf(content))
        assert.match(text, /The serial number on the token and on the screen is 12345678 \. Screen:/)
        const [key] = content.keys
        assert.ok(key?.change === "new")
        const { serial: _, ...without } = key
        const blank = textOf(scriptOf({ ...content, keys: [without, ...content.keys.slice(1)] }))
        assert.match(blank, /The serial number on the token and on the screen is the same\. Token: Screen:/)
    })
})

/** The command exists, takes these flags, and exactly so many operands. */
function assertKnown(line: string): void {
    const words = line
        .replaceAll(/"[^"]*"/g, "TEXT")
        .split(" ")
        .slice(1)
    let command: Command = makeProgram(fakeCli(fakeTerminal()))
    while (command.commands.length > 0) {
        const name = words.shift()
        command = command.commands.find((candidate) => candidate.name() === name) ?? assert.fail(`${line}: there is no ${name}`)
    }
    const operands: string[] = []
    for (let word = words.shift(); word !== undefined; word = words.shift()) {
        const flag = word
        if (!flag.startsWith("--")) {
            operands.push(flag)
            continue
        }
        const option = command.options.find(({ long }) => long === flag) ?? assert.fail(`${line}: there is no ${flag}`)
        if (option.required) assert.ok(words.shift() !== undefined, `${line}: ${flag} wants a value`)
    }
    const wanted = command.options.filter(({ mandatory }) => mandatory).map(({ long }) => long ?? "")
    for (const flag of wanted) assert.ok(line.includes(flag), `${line}: ${flag} is missing`)
    assert.equal(operands.length, command.registeredArguments.length, line)
}

const TAGS = new Set(
    "html head meta title style body section h1 h2 h3 div p ul li b br span code pre table thead tbody tr th td".split(" "),
)

describe("trustkey ceremony script", () => {
    test("writes the script of a plan to a new file, or to standard output", async () => {
        await using directory = await makeWorkingDirectory("script")
        const plan = path.join(directory.path, "plan.toml")
        const bytes = encodePlan(planOf("rotate-root"))
        await writeFile(plan, bytes)
        const page = renderScript(parsePlan(bytes))

        const terminal = fakeTerminal()
        await ceremonyScriptCommand(fakeCli(terminal)).parseAsync([plan], { from: "user" })
        assert.equal(terminal.printed(), page)

        const out = path.join(directory.path, "script.html")
        const second = fakeTerminal()
        await ceremonyScriptCommand(fakeCli(second)).parseAsync([plan, "--out", out], { from: "user" })
        assert.equal(await readFile(out, "utf8"), page)
        assert.ok(second.remarks().includes(spoken(parsePlan(bytes).sha256).words))
        await assert.rejects(ceremonyScriptCommand(fakeCli(fakeTerminal())).parseAsync([plan, "--out", out], { from: "user" }), {
            code: "already_exists",
        })
    })

    test("refuses a plan with mistakes, and one that is not there", async () => {
        await using directory = await makeWorkingDirectory("script")
        const plan = path.join(directory.path, "plan.toml")
        const run = (): Promise<unknown> => ceremonyScriptCommand(fakeCli(fakeTerminal())).parseAsync([plan], { from: "user" })
        await assert.rejects(run(), { code: "not_found" })
        await writeFile(plan, "format = 1\n")
        await assert.rejects(run(), { code: "plan_invalid" })
    })
})
