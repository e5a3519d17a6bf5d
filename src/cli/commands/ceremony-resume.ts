import type { Command } from "commander"
import type { Cli } from "../context.ts"
import { jsonOption, newCommand, withExamples } from "../syntax.ts"

export function ceremonyResumeCommand(cli: Cli): Command {
    const command = newCommand(
        cli,
        "resume",
        "Say where a ceremony stands and what comes next; what an interrupted step left unfinished is tidied up. It can be stopped at any time.",
    )
        .argument("<bundle>", "the bundle's directory")
        .addOption(jsonOption())
        .action((directory: string, options: { json?: boolean }) => resume(cli, directory, options))
    return withExamples(command, ["trustkey ceremony resume /media/stick"])
}

async function resume(cli: Cli, directory: string, { json }: { json?: boolean }): Promise<void> {
    const { Work } = await import("../ceremony/work.ts")
    const { standing } = await import("../ceremony/next.ts")
    const { codeText } = await import("../difference.ts")
    await using work = await Work.open(cli, directory)
    const { where, next } = standing(work)
    const { plan, state, progress } = work
    if (json === true) {
        cli.output.json({
            ceremony: plan.id,
            plan: plan.sha256,
            phase: progress.phase,
            records: state.last?.n ?? 0,
            missing: progress.missing,
            next,
        })
        return
    }
    cli.output.line(`Ceremony ${plan.id}, ${plan.kind}: ${where}`)
    cli.output.line(`  plan         ${codeText(plan.sha256)}`)
    if (state.last !== undefined) cli.output.line(`  record ${String(state.last.n).padEnd(5)} ${codeText(state.last.hash)}`)
    for (const sentence of state.opened === undefined ? [] : progress.missing) cli.output.line(`  still to do  ${sentence}`)
    for (const [index, line] of next.entries()) cli.output.line(`${index === 0 ? "Next: " : "      "}${line}`)
}
