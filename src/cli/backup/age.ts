import type { DaemonBackupState } from "../daemon-backups-types.ts"

const HOUR = 3600
const DAY = 24 * HOUR

/** How old the last backup and the last good drill are, as people read it. Undefined: there was none. */
export function agesOf(
    { last, lastDrill }: DaemonBackupState,
    now: Date,
): { readonly backup: string | undefined; readonly drill: string | undefined } {
    return { backup: ageOf(last?.at, now), drill: ageOf(lastDrill?.at, now) }
}

function ageOf(at: string | undefined, now: Date): string | undefined {
    return at === undefined ? undefined : `${lengthOf((now.getTime() - new Date(at).getTime()) / 1000)} ago`
}

/** `5 hours`, `12 days` @param seconds a clock that was set back makes them negative */
export function lengthOf(seconds: number): string {
    if (seconds < HOUR) return "less than an hour"
    const [count, unit] = seconds < 2 * DAY ? [Math.floor(seconds / HOUR), "hour"] : [Math.floor(seconds / DAY), "day"]
    return `${count} ${unit}${count === 1 ? "" : "s"}`
}
