import type { Command } from "commander"
import type { Cli } from "../context.ts"
import { jsonOption, newCommand, withExamples } from "../syntax.ts"

export function trustListCommand(cli: Cli): Command {
    const command = newCommand(cli, "list", "List the repositories the daemon knows.")
        .addOption(jsonOption())
        .action(async (options: { json?: boolean }) => {
            const repositories = await (await cli.daemon()).listTrust()
            if (options.json === true) {
                // Documents are whole files, and only Show has them.
                cli.output.json({ repositories: repositories.map(({ documents: _documents, ...rest }) => rest) })
            } else if (repositories.length === 0)
                cli.output.note("No repositories: trustkey trust init makes one, trustkey trust adopt takes one in.")
            else {
                cli.output.table(
                    ["GUN", "STATE", "ORIGIN", "FINGERPRINT", "VERSIONS", "UNPUBLISHED"],
                    repositories.map(({ gun, state, origin, lineage, marks, outbox }) => [
                        gun,
                        state,
                        origin,
                        lineage.slice(0, 16),
                        marks.map(({ role, version }) => `${role} ${version}`).join(", "),
                        outbox === 0 ? "-" : `${outbox} files`,
                    ]),
                )
            }
        })
    return withExamples(command, ["trustkey trust list", "trustkey trust list --json"])
}
