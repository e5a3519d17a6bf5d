import type { Command } from "commander"
import type { Cli } from "../context.ts"
import type { Daemon, DaemonStatus } from "../daemon-types.ts"
import { type Expiry, expiriesOf, inDays } from "../expiry.ts"
import type { Fact } from "../output.ts"
import { jsonOption, newCommand, withExamples } from "../syntax.ts"

export function statusCommand(cli: Cli): Command {
    const command = newCommand(cli, "status", "Show whether the daemon runs, what it holds and what is wrong with it.")
        .addOption(jsonOption())
        .action((options: { json?: boolean }) => showStatus(cli, options.json === true))
    return withExamples(command, ["trustkey status", "trustkey status --json"])
}

async function showStatus(cli: Cli, json: boolean): Promise<void> {
    const { output } = cli
    const daemon = await cli.daemon()
    const status = await daemon.status()
    const expiring = await datesOf(cli, daemon)
    if (json) {
        output.json({ ...status, expiring })
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
        ...(await backupRows(cli, status)),
    ])
    if (status.signers.length > 0) {
        output.line()
        output.table(
            ["SIGNER", "STATE", "RESTARTS", "DETAIL"],
            status.signers.map((signer) => [signer.name, signer.state, String(signer.restarts), signer.detail]),
        )
    }
    printExpiring(cli, expiring)
    for (const problem of status.problems) output.warn(problem)
}

async function backupRows({ now }: Cli, { backup }: DaemonStatus): Promise<readonly Fact[]> {
    if (backup === undefined) return []
    const { agesOf, lengthOf } = await import("../backup/age.ts")
    const ages = agesOf(backup, now)
    const { last, lastDrill, backupOverdue, drillOverdue, maxAgeSeconds, maxDrillAgeSeconds } = backup
    const row = (name: string, age: string | undefined, fingerprint: string, isOverdue: boolean, allowed: number): Fact => {
        const value = age === undefined ? "none yet" : `${age}, ${fingerprint.slice(0, 16)}`
        if (!isOverdue) return [name, value]
        return [name, value, age === undefined ? "OVERDUE" : `OVERDUE, the configuration allows ${lengthOf(allowed)}`]
    }
    return [
        row("last backup", ages.backup, last?.fingerprint ?? "", backupOverdue, maxAgeSeconds),
        // Without a backup there is nothing to hold one with.
        row("last good drill", ages.drill, lastDrill?.fingerprint ?? "", drillOverdue && last !== undefined, maxDrillAgeSeconds),
    ]
}

/** Of the repositories the caller may see; the most urgent first. */
async function datesOf({ now }: Cli, daemon: Daemon): Promise<readonly Expiry[]> {
    const { ownSnapshotsOf } = await import("../own-snapshots.ts")
    const repositories = await daemon.listTrust()
    return repositories.length === 0 ? [] : expiriesOf(repositories, await ownSnapshotsOf(daemon), now)
}

const SHOWN_DAYS = 90
const SHOWN_LINES = 10

function printExpiring({ output }: Cli, dates: readonly Expiry[]): void {
    const soon = dates.filter(({ daysLeft }) => daysLeft < SHOWN_DAYS)
    if (soon.length === 0) return
    output.line()
    output.table(
        ["EXPIRES", "WHEN", "WHAT", "REPOSITORY"],
        soon.slice(0, SHOWN_LINES).map(({ gun, what, expires, daysLeft }) => [expires.slice(0, 10), inDays(daysLeft), what, gun]),
    )
    if (soon.length > SHOWN_LINES) output.line(`and ${soon.length - SHOWN_LINES} more within ${SHOWN_DAYS} days: trustkey status --json`)
    output.note("Sign it anew with trustkey trust renew.")
}
