import type { Command } from "commander"
import { formatTime, type Plan, type PlannedKey } from "../../ceremony/index.ts"
import { canonicalKeyIdOf } from "../../tuf/index.ts"
import type { Cli } from "../context.ts"
import { printable } from "../output.ts"
import { newCommand, withExamples } from "../syntax.ts"

export function ceremonyCheckCommand(cli: Cli): Command {
    const command = newCommand(cli, "check", "Check a ceremony's plan: every mistake in it, and whether it fits what is published now.")
        .argument("<plan>", "the plan's file")
        .option("--offline", "ask no trust server")
        .action((file: string, options: { offline?: boolean }) => check(cli, file, options))
    return withExamples(command, ["trustkey ceremony check plan.toml", "trustkey ceremony check plan.toml --offline"])
}

async function check(cli: Cli, file: string, { offline }: { offline?: boolean }): Promise<void> {
    const { fetchChains, readPlan, requireFits } = await import("../ceremony/pack.ts")
    const { codeText } = await import("../difference.ts")
    const plan = await readPlan(file)
    if (offline !== true) requireFits(plan, await fetchChains(cli, plan))
    for (const line of summary(plan)) cli.output.line(line)
    cli.output.line(`Plan hash  ${codeText(plan.sha256)}`)
    // Whoever writes a plan can write two with the same 16 digits: people who compare plans need more of them.
    cli.output.line(`  all of it  ${plan.sha256}`)
    const fits =
        offline === true
            ? "The plan is in order; whether it fits what is published was not asked."
            : "The plan is in order, and fits what is published."
    cli.output.note(fits)
    cli.output.note(
        `Next: trustkey ceremony rehearse ${file}, trustkey ceremony script ${file}, then trustkey ceremony pack ${file} --to DIRECTORY`,
    )
}

function summary(plan: Plan): readonly string[] {
    const part = (wanted: string): string =>
        plan.people
            .filter((person) => person.part === wanted)
            .map(({ name }) => name)
            .join(", ")
    const count = plan.keys.filter(({ change }) => change === "new" || change === "added" || change === "kept").length
    return [
        `Ceremony ${plan.id}, ${plan.kind}: ${printable(plan.reason)}`,
        `  between ${formatTime(plan.notBefore)} and ${formatTime(plan.notAfter)}`,
        `  lead ${part("lead")}; witness ${part("witness")}; holders ${part("holder")}`,
        ...plan.repositories.flatMap(({ gun, published, roles }) => [
            `  repository ${gun}${published === undefined ? "" : `, root version ${published.version} now, ${published.sha256}`}`,
            ...Array.from(roles ?? [], ([role, key]) => `    ${role} will be signed by key ${canonicalKeyIdOf(key)}`),
        ]),
        ...plan.keys.map((key) => `  key ${keyText(key)}`),
        ...plan.spares.map(({ token, serial }) => `  spare token ${token}${serialText(serial)}`),
        ...plan.backupRecipients.map((recipient) => `  exports are sealed for ${printable(recipient)}`),
        `  the close is signed by the vault's key ${canonicalKeyIdOf(plan.closing.vault)}`,
        `                  and the witness's key ${canonicalKeyIdOf(plan.closing.witness)}`,
        `  from then on ${plan.threshold} of ${count} root keys sign; the new roots expire on ${plan.expires.toISOString().slice(0, 10)}`,
    ]
}

function keyText(key: PlannedKey): string {
    const serial = serialText(key.serial)
    if (key.change === "new") {
        const copies = key.copies.map((token) => `, copied to ${token}`).join("")
        return `${key.name} of ${key.holder}: new, ${key.algorithm}, made by the ${key.make}, on token ${key.token}${serial}${copies}`
    }
    const where = key.change === "lost" || key.token === undefined ? "" : `, on token ${key.token}`
    // Whole: a key whose ID begins with the same twelve digits can be made in days.
    return `${key.name} of ${printable(key.holder)}: ${key.change}, ${key.id}${where}${serial}`
}

function serialText(serial: string | undefined): string {
    return serial === undefined ? "" : `, serial ${serial}`
}
