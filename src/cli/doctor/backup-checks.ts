import { agesOf, lengthOf } from "../backup/age.ts"
import type { DaemonBackupState } from "../daemon-backups-types.ts"
import type { Facts } from "./facts.ts"
import { type Check, failure, ok, type Verdict, warning, withStatus } from "./verdict.ts"

export const BACKUP_CHECKS: readonly Check[] = [
    { name: "last backup", look: lastBackup },
    { name: "last drill", look: lastDrill },
]

function lastBackup(facts: Facts): Verdict {
    return withBackups(facts, (state) => {
        const { backup: age } = agesOf(state, facts.now)
        const { last, recipients, backupOverdue, maxAgeSeconds } = state
        const advice =
            recipients.length === 0
                ? "Name recipients in [backup] of the daemon's configuration; then trustkey backup create, and every day trustkeyd-backup.timer."
                : "trustkey backup create; and see why trustkeyd-backup.timer does not, with systemctl status trustkeyd-backup.service."
        if (age === undefined) return warned(backupOverdue && recipients.length > 0, advice, "no backup was ever made")
        const text = `made ${age}: ${last?.fingerprint.slice(0, 16) ?? ""}`
        return backupOverdue ? failure("backup_overdue", advice, `${text}; the configuration allows ${lengthOf(maxAgeSeconds)}`) : ok(text)
    })
}

function lastDrill(facts: Facts): Verdict {
    return withBackups(facts, (state) => {
        const { drill: age } = agesOf(state, facts.now)
        const { last, lastDrill: drill, drillOverdue, maxDrillAgeSeconds } = state
        const advice = "trustkey backup drill FILE proves that a backup brings the keys back: docs/backup.md."
        if (age === undefined) return warned(drillOverdue && last !== undefined, advice, "no drill has shown that a backup opens")
        const text = `good ${age}, with backup ${drill?.fingerprint.slice(0, 16) ?? ""}: ${drill?.keys ?? 0} keys signed`
        return drillOverdue
            ? failure("backup_overdue", advice, `${text}; the configuration allows ${lengthOf(maxDrillAgeSeconds)}`)
            : ok(text)
    })
}

/** A daemon that is new has nothing to back up yet. */
function warned(isOverdue: boolean, advice: string, finding: string): Verdict {
    return isOverdue ? failure("backup_overdue", advice, finding) : warning(advice, finding)
}

function withBackups(facts: Facts, look: (state: DaemonBackupState) => Verdict): Verdict {
    return withStatus(facts, ({ backup }) =>
        backup === undefined ? warning("Ask somebody who may see it to run this.", "not checked: it is not for you to see") : look(backup),
    )
}
