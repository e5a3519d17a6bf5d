/** Milliseconds */
export const DAY = 86_400_000

/** Something with a date: a role's metadata as last seen, or the certificates of a root. */
export type Expiry = {
    readonly gun: string
    /** A role, or "root certificate" */
    readonly what: string
    /** RFC 3339 */
    readonly expires: string
    /** Whole days, rounded down: 0 is less than a day, -1 is over since up to a day. */
    readonly daysLeft: number
}

export const ROOT_CERTIFICATE = "root certificate"

/** What the daemon tells of a repository that has to do with dates. `certificateExpires` is empty when nothing is known. */
export type DatedRepository = {
    readonly gun: string
    readonly state: string
    readonly marks: readonly { readonly role: string; readonly expires: string }[]
    readonly certificateExpires: string
}

export function daysLeft(expires: Date, now: Date): number {
    return Math.floor((expires.getTime() - now.getTime()) / DAY)
}

/** Whether it has expired, or will within so many days. */
export function isDue(expires: Date, now: Date, withinDays: number): boolean {
    return expires.getTime() <= now.getTime() + withinDays * DAY
}

/**
 * The dates of all active repositories, the most urgent first. The server keeps timestamps in date, and snapshots unless the daemon holds
 * their key: what the daemon last saw of them says nothing. `ownSnapshots`: the repositories whose snapshot key it holds.
 */
export function expiriesOf(repositories: readonly DatedRepository[], ownSnapshots: ReadonlySet<string>, now: Date): readonly Expiry[] {
    const found = repositories
        .filter(({ state }) => state === "active")
        .flatMap(({ gun, marks, certificateExpires }) => [
            ...marks
                .filter(({ role }) => role !== "timestamp" && (role !== "snapshot" || ownSnapshots.has(gun)))
                .map(({ role, expires }) => ({ gun, what: role, expires })),
            { gun, what: ROOT_CERTIFICATE, expires: certificateExpires },
        ])
    return found
        .flatMap((each) => {
            const date = new Date(each.expires)
            return Number.isNaN(date.getTime()) ? [] : [{ ...each, daysLeft: daysLeft(date, now) }]
        })
        .sort((a, b) => new Date(a.expires).getTime() - new Date(b.expires).getTime() || compare(a.gun, b.gun) || compare(a.what, b.what))
}

/** `in 12 days`, `3 days ago` */
export function inDays(days: number): string {
    if (days === 0) return "in less than a day"
    if (days < 0) return days === -1 ? "less than a day ago" : `${-days - 1} ${days === -2 ? "day" : "days"} ago`
    return `in ${days} ${days === 1 ? "day" : "days"}`
}

function compare(a: string, b: string): number {
    return a < b ? -1 : Number(a > b)
}
