import { type Command, Option } from "commander"
import type { Cli } from "../context.ts"
import { shortId } from "../output.ts"
import { jsonOption, newCommand, wholeNumber, withExamples } from "../syntax.ts"

const KIND_WORDS: ReadonlyMap<string, string> = new Map([
    ["root-certificate", "root certificate"],
    ["card-certificate", "card's certificate"],
    ["ceremony-close", "ceremony's close"],
    ["certificate-request", "certificate request"],
])

type ShowOptions = { role?: string; after: number; limit: number; json?: boolean }

export function journalShowCommand(cli: Cli): Command {
    const command = newCommand(cli, "show", "Show what the daemon has promised to sign, oldest first.")
        .argument("[gun]", "only this repository")
        .option("--role <role>", "only this role")
        .addOption(new Option("--after <sequence>", "begin after this entry").argParser(wholeNumber(0)).default(0))
        .addOption(new Option("--limit <n>", "at most this many").argParser(wholeNumber(1)).default(1000))
        .addOption(jsonOption())
        .action(async (gun: string | undefined, options: ShowOptions) => {
            const { after, limit } = options
            const entries = await (await cli.daemon()).showJournal({ gun: gun ?? "", role: options.role ?? "", after, limit })
            if (options.json === true) cli.output.json({ entries })
            else if (entries.length === 0) cli.output.note("Nothing was promised.")
            else
                cli.output.table(
                    ["SEQ", "PROMISED AT", "STATE", "GUN", "ROLE", "VERSION", "KEY", "SHA256"],
                    entries.map((entry) => [
                        String(entry.sequence),
                        entry.promisedAt,
                        entry.state,
                        entry.gun === "" ? "-" : entry.gun,
                        KIND_WORDS.get(entry.kind) ?? entry.role,
                        entry.version === 0 ? "-" : String(entry.version),
                        shortId(entry.keyId),
                        shortId(entry.sha256),
                    ]),
                )
        })
    return withExamples(command, ["trustkey journal show", "trustkey journal show registry.example.com/team/app --role root"])
}
