import type { Command } from "commander"
import { TrustkeyError } from "../../errors.ts"
import type { Cli } from "../context.ts"
import { jsonOption, newCommand, withExamples } from "../syntax.ts"

export function auditVerifyCommand(cli: Cli): Command {
    const command = newCommand(cli, "verify", "Recompute the chain of audit records from the first to the last. Needs the admin socket.")
        .addOption(jsonOption())
        .action(async (options: { json?: boolean }) => {
            const verdict = await (await cli.daemon("admin")).verifyAudit()
            if (options.json === true) cli.output.json(verdict)
            if (!verdict.intact) throw new TrustkeyError("audit_broken", `record ${verdict.brokenAt} does not fit the one before it`)
            if (options.json !== true) cli.output.line(`${verdict.records} records, unbroken; the last has the hash ${verdict.head}`)
        })
    return withExamples(command, ["trustkey audit verify"])
}
