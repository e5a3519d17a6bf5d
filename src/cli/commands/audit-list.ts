import { type Command, Option } from "commander"
import type { Cli } from "../context.ts"
import { shortId } from "../output.ts"
import { jsonOption, newCommand, wholeNumber, withExamples } from "../syntax.ts"

type ListOptions = { after?: number; limit: number; json?: boolean }

export function auditListCommand(cli: Cli): Command {
    const command = newCommand(cli, "list", "Show the newest audit records, or those after a given one. Needs the admin socket.")
        .addOption(new Option("--after <sequence>", "the records after this one, oldest first").argParser(wholeNumber(0)))
        .addOption(new Option("--limit <n>", "at most this many").argParser(wholeNumber(1)).default(50))
        .addOption(jsonOption())
        .action(async (options: ListOptions) => {
            const { after, limit } = options
            const records = await (await cli.daemon("admin")).listAudit({ after: after ?? 0, limit, newest: after === undefined })
            if (options.json === true) cli.output.json({ records })
            else if (records.length === 0) cli.output.note("No records.")
            else
                cli.output.table(
                    ["SEQ", "AT", "WHO", "ACTION", "OUTCOME", "GUN", "ROLE", "KEY", "DETAIL"],
                    records.map((record) => [
                        String(record.sequence),
                        record.at,
                        record.who,
                        record.action,
                        record.outcome,
                        record.gun,
                        record.role,
                        shortId(record.keyId),
                        record.detail === "{}" ? "" : record.detail,
                    ]),
                )
        })
    return withExamples(command, ["trustkey audit list", "trustkey audit list --after 0 --limit 1000 --json"])
}
