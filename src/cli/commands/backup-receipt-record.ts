import type { Command } from "commander"
import type { Cli } from "../context.ts"
import { newCommand, withExamples } from "../syntax.ts"

export function backupReceiptRecordCommand(cli: Cli): Command {
    const command = newCommand(
        cli,
        "record",
        "Have the daemon keep the receipt of a drill that was held on another machine. Needs the admin socket.",
    )
        .argument("<file>", "the receipt")
        .action(async (file: string) => (await import("../backup/receipts.ts")).recordReceiptFile(cli, file))
    return withExamples(command, ["trustkey backup receipt record trustkeyd-drill-20261121T090000Z-0f3c99a1b2d45e66.receipt"])
}
