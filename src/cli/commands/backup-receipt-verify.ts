import type { Command } from "commander"
import type { Cli } from "../context.ts"
import { jsonOption, newCommand, withExamples } from "../syntax.ts"

export function backupReceiptVerifyCommand(cli: Cli): Command {
    const command = newCommand(cli, "verify", "Check a drill's receipt: every signature, by the keys it names. Needs no daemon.")
        .argument("<file>", "the receipt")
        .addOption(jsonOption())
        .action(async (file: string, options: { json?: true }) => {
            const { verifyReceiptFile } = await import("../backup/receipts.ts")
            await verifyReceiptFile(cli, file, options.json === true)
        })
    return withExamples(command, ["trustkey backup receipt verify trustkeyd-drill-20261121T090000Z-0f3c99a1b2d45e66.receipt"])
}
