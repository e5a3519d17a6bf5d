/** A backup file that lies where backups are kept. */
export type KeptBackup = {
    readonly name: string
    readonly madeAt: Date
    /** The first 16 digits of the backup's fingerprint */
    readonly fingerprint: string
}

export type KeepRules = {
    /** So many of the newest stay. */
    readonly count?: number
    /** What is younger stays: seconds. */
    readonly age?: number
}

const NAME = /^trustkeyd-(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z-([0-9a-f]{16})\.age$/

/** The name a backup gets among others: they sort by their age, and say which is which without being opened. @param fingerprint 64 digits */
export function backupFileName(madeAt: Date, fingerprint: string): string {
    return `trustkeyd-${timeText(madeAt)}-${fingerprint.slice(0, 16)}.age`
}

/** The same for the receipt of a drill. @param fingerprint the backup's */
export function drillFileName(at: Date, fingerprint: string): string {
    return `trustkeyd-drill-${timeText(at)}-${fingerprint.slice(0, 16)}.receipt`
}

/** ISO 8601, basic format, whole seconds. */
function timeText(time: Date): string {
    return `${time.toISOString().slice(0, 19).replaceAll(/[-:]/g, "")}Z`
}

/** Undefined: no name of ours, so nothing we would ever remove. */
export function parseBackupFileName(name: string): KeptBackup | undefined {
    const [, year, month, day, hour, minute, second, fingerprint] = NAME.exec(name) ?? []
    if (fingerprint === undefined) return undefined
    const madeAt = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
    return Number.isNaN(madeAt.getTime()) ? undefined : { name, madeAt, fingerprint }
}

/**
 * Which backups may go. What one rule keeps stays, whatever the other says; without a rule everything stays. The newest never goes, nor what
 * has the name of the one a drill has proven: of any other nobody knows yet that it opens, and of two with this name not which is it.
 *
 * @param proven the fingerprint of the backup that the last good drill was made with
 */
export function outdatedBackups(
    kept: readonly KeptBackup[],
    rules: KeepRules,
    now: Date,
    proven: string | undefined,
): readonly KeptBackup[] {
    const { count, age } = rules
    if (count === undefined && age === undefined) return []
    const newestFirst = kept.toSorted((one, other) => other.madeAt.getTime() - one.madeAt.getTime())
    return newestFirst.filter(({ madeAt, fingerprint }, index) => {
        if (index === 0 || proven?.startsWith(fingerprint) === true) return false
        const isOneOfFew = count !== undefined && index < count
        const isYoung = age !== undefined && now.getTime() - madeAt.getTime() < age * 1000
        return !isOneOfFew && !isYoung
    })
}
