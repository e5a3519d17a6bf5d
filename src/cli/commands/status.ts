import type { Command } from "commander"
import type { Cli } from "../context.ts"
import { jsonOption, newCommand, withExamples } from "../syntax.ts"

export function statusCommand(cli: Cli): Command {
    const command = newCommand(cli, "status", "Show whether the daemon runs, what it holds and what is wrong with it.")
        .addOption(jsonOption())
        .action((options: { json?: boolean }) => showStatus(cli, options.json === true))
    return withExamples(command, ["trustkey status", "trustkey status --json"])
}

async function showStatus(cli: Cli, json: boolean): Promise<void> {
    const { output } = cli
    const status = await (await cli.daemon()).status()
    if (json) {
        output.json(status)
        return
    }
    output.facts([
        ["daemon", `trustkeyd ${status.version}, since ${status.startedAt}`],
        ["asked on", `the ${status.socket} socket, ${cli.socketPath("sign")}`],
        ["you are", status.caller],
        ["keys", `${status.keys}, ${status.unlockedKeys} unlocked`],
        ["repositories", String(status.repositories)],
        ["unpublished", status.outbox === 0 ? "nothing" : `${status.outbox} signed files are not yet seen published`],
        ["audit records", String(status.auditRecords)],
    ])
    if (status.signers.length > 0) {
        output.line()
        output.table(
            ["SIGNER", "STATE", "RESTARTS", "DETAIL"],
            status.signers.map((signer) => [signer.name, signer.state, String(signer.restarts), signer.detail]),
        )
    }
    for (const problem of status.problems) output.warn(problem)
}
