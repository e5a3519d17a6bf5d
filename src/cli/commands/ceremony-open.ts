import type { Command } from "commander"
import type { OpenOptions } from "../ceremony/open.ts"
import type { Cli } from "../context.ts"
import { newCommand, withExamples } from "../syntax.ts"

export function ceremonyOpenCommand(cli: Cli): Command {
    const command = newCommand(
        cli,
        "open",
        "Open a packed bundle at the vault: everything in it is checked, the plan's hash compared with the paper, and the published roots taken in.",
    )
        .argument("<bundle>", "the bundle's directory")
        .option("--plan <digits>", "the plan's hash from the paper, 32 digits or more; otherwise it is asked")
        .option("--as <name>", "who is at the keyboard; otherwise it is asked")
        .option("--note <text>", "people's words, for the record")
        .option("--qr", "first read the bundle from QR codes into the directory: a scanner's lines, on standard input")
        .action((directory: string, options: OpenOptions & { qr?: boolean }) => open(cli, directory, options))
    return withExamples(command, ["trustkey ceremony open /media/stick", "trustkey ceremony open bundle --qr < frames.txt"])
}

async function open(cli: Cli, directory: string, { qr, ...options }: OpenOptions & { qr?: boolean }): Promise<void> {
    const { openAtVault } = await import("../ceremony/open.ts")
    const { tellNext } = await import("../ceremony/next.ts")
    const { Work } = await import("../ceremony/work.ts")
    if (qr === true) {
        const { takeFromCodes } = await import("../ceremony/carry.ts")
        await takeFromCodes(cli, directory)
    }
    await using work = await Work.open(cli, directory)
    await openAtVault(cli, work, options)
    cli.output.line(`Opened ceremony ${work.plan.id} at the vault`)
    tellNext(work)
}
