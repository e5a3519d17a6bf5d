import type { Command } from "commander"
import type { Cli } from "../context.ts"
import { newCommand, withExamples } from "../syntax.ts"

type ScriptOptions = { out?: string }

export function ceremonyScriptCommand(cli: Cli): Command {
    const command = newCommand(cli, "script", "Make the printed script of a ceremony: HTML, with room for initials, times and codes.")
        .argument("<plan>", "the plan")
        .option("--out <file>", "write it there instead of to standard output")
        .action((file: string, options: ScriptOptions) => script(cli, file, options))
    return withExamples(command, ["trustkey ceremony script plan.toml --out script.html"])
}

async function script(cli: Cli, file: string, options: ScriptOptions): Promise<void> {
    const { readPlan } = await import("../ceremony/pack.ts")
    const { codeText } = await import("../difference.ts")
    const { renderScript } = await import("../ceremony/script.ts")
    const { writePage } = await import("../ceremony/write-page.ts")
    const plan = await readPlan(file)
    await writePage(cli, renderScript(plan), options.out)
    cli.output.note(`Plan  ${codeText(plan.sha256)}`)
    if (options.out !== undefined)
        cli.output.note("Print it once for the lead and once for the witness; the first page of each has to show these words.")
}
