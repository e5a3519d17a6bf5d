import type { Command } from "commander"
import type { Cli } from "../context.ts"
import { jsonOption, newCommand, withExamples } from "../syntax.ts"

type ReportOptions = { out?: string; json?: boolean }

export function ceremonyReportCommand(cli: Cli): Command {
    const command = newCommand(
        cli,
        "report",
        "Make the report of a closed ceremony, for the archive: HTML to be printed, or JSON. The bundle is verified first.",
    )
        .argument("<bundle>", "the bundle's directory")
        .option("--out <file>", "write it there instead of to standard output")
        .addOption(jsonOption())
        .action((directory: string, options: ReportOptions) => report(cli, directory, options))
    return withExamples(command, [
        "trustkey ceremony report /media/stick --out report.html",
        "trustkey ceremony report /media/stick --json --out report.json",
    ])
}

async function report(cli: Cli, directory: string, { out, json }: ReportOptions): Promise<void> {
    const { verifyCeremony } = await import("../../ceremony/index.ts")
    const { reportOf } = await import("../ceremony/report.ts")
    const { readBundleFiles } = await import("../ceremony/stick.ts")
    const { writePage } = await import("../ceremony/write-page.ts")
    const content = reportOf(verifyCeremony(await readBundleFiles(directory)))
    for (const { text } of content.warnings) cli.output.warn(text)
    if (json === true && out === undefined) {
        cli.output.json(content)
        return
    }
    const { renderReport } = await import("../ceremony/report-page.ts")
    await writePage(cli, json === true ? `${JSON.stringify(content, undefined, 2)}\n` : renderReport(content), out)
}
