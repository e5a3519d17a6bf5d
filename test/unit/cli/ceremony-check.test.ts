import assert from "node:assert/strict"
import { writeFile } from "node:fs/promises"
import path from "node:path"
import { describe, test } from "node:test"
import { encodePlan, parsePlan } from "../../../src/ceremony/index.ts"
import { renderScript } from "../../../src/cli/ceremony/script.ts"
import { ceremonyCheckCommand } from "../../../src/cli/commands/ceremony-check.ts"
import { canonicalKeyIdOf } from "../../../src/tuf/index.ts"
import { makeWorkingDirectory } from "../../support/temp.ts"
import { planOf } from "../ceremony/plans.ts"
import { fakeCli, fakeTerminal } from "./fake-terminal.ts"

const grouped = (hex: string): string => (hex.match(/.{4}/g) ?? []).join(" ")

describe("trustkey ceremony check", () => {
    for (const kind of ["create-root", "rotate-root", "replace-holder", "root-lost"] as const) {
        test(`of kind ${kind} leaves out nothing that decides who can do what afterwards, nor does the script`, async () => {
            await using directory = await makeWorkingDirectory("check")
            const bytes = encodePlan(planOf(kind))
            const plan = parsePlan(bytes)
            const file = path.join(directory.path, "plan.toml")
            await writeFile(file, bytes)
            const terminal = fakeTerminal()
            await ceremonyCheckCommand(fakeCli(terminal)).parseAsync([file, "--offline"], { from: "user" })
            const [shown, script] = [terminal.printed(), renderScript(plan)]

            const bare = [
                plan.closing.vault,
                plan.closing.witness,
                ...plan.repositories.flatMap(({ roles }) => [...(roles?.values() ?? [])]),
            ]
            const ids = [...bare.map(canonicalKeyIdOf), ...plan.keys.flatMap((key) => (key.change === "new" ? [] : [key.id]))]
            for (const id of ids) {
                assert.ok(shown.includes(id), id)
                assert.ok(script.includes(grouped(id.slice(0, 16))), id)
            }
            const copies = plan.keys.flatMap((key) => (key.change === "new" ? key.copies : []))
            for (const text of [...copies, ...plan.spares.map(({ token }) => token), ...plan.backupRecipients]) {
                assert.ok(shown.includes(text), text)
                assert.ok(script.includes(text), text)
            }
            for (const { serial } of [...plan.keys, ...plan.spares]) assert.ok(serial === undefined || shown.includes(`serial ${serial}`))
            // Two plans can begin alike in the digits and the words of the short form, at the cost of minutes.
            assert.ok(shown.includes(plan.sha256))
        })
    }
})
