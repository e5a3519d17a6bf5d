import type { Command } from "commander"
import type { Cli } from "../context.ts"
import { newCommand, withExamples } from "../syntax.ts"

type Options = { to?: string; spoil?: string }

export function ceremonyRehearseCommand(cli: Cli): Command {
    const command = newCommand(
        cli,
        "rehearse",
        "Rehearse a plan from beginning to end with this program, on software tokens and with stand-ins for the keys that exist elsewhere.",
    )
        .argument("<plan>", "the plan's file")
        .option("--to <directory>", "keep the rehearsal's bundle in this empty directory")
        .option("--spoil <key>", "rehearse also that this new key's token is spoilt, and the key made again on a spare")
        .action(async (file: string, options: Options) => {
            const { readPlan } = await import("../ceremony/pack.ts")
            const { rehearse } = await import("../ceremony/rehearse.ts")
            await rehearse(cli, await readPlan(file), options)
        })
    return withExamples(command, [
        "trustkey ceremony rehearse plan.toml",
        "trustkey ceremony rehearse plan.toml --spoil alice-2 --to rehearsal",
    ])
}
