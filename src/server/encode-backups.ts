import type { BackupFacts, BackupStateView, DrillFacts } from "../custody/index.ts"
import type { Backup } from "../wire/trustkeyd/v1/Backup.ts"
import type { BackupState } from "../wire/trustkeyd/v1/BackupState.ts"
import type { Drill } from "../wire/trustkeyd/v1/Drill.ts"

export function encodeBackup(facts: BackupFacts): Backup {
    return { ...facts, recipients: [...facts.recipients] }
}

export function encodeDrill(facts: DrillFacts): Drill {
    return { ...facts }
}

export function encodeBackupState({ last, lastDrill, recipients, ...rest }: BackupStateView): BackupState {
    return {
        ...rest,
        recipients: [...recipients],
        last: last === undefined ? null : encodeBackup(last),
        lastDrill: lastDrill === undefined ? null : encodeDrill(lastDrill),
    }
}
