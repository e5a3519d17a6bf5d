/**
 * What the kernel says when an id has no meaning in our user namespace: many strangers share it, so it is nobody's name.
 * Debian gives the same numbers to nobody and nogroup.
 */
export const OVERFLOW_ID = 65534

export type SocketKind = "sign" | "admin"

/** Who is asking: as the kernel says, never as the caller says. */
export type Principal = {
    readonly kind: "unix"
    readonly uid: number
    /** The primary group and the supplementary ones. */
    readonly gids: readonly number[]
    /** For logs only: a process id can be used again by another process. */
    readonly pid: number
    /** For logs and records: `uid:1000(alice)`. */
    readonly name: string
    readonly socket: SocketKind
}

/** Those a rule speaks of. Names are resolved to ids when the configuration is read. */
export type Subject =
    | { readonly kind: "uid"; readonly id: number; readonly name: string }
    | { readonly kind: "gid"; readonly id: number; readonly name: string }
    | { readonly kind: "everyone" }

/** No uid is special, not even 0: who may do what stands in the configuration. */
export function subjectMatches(subject: Subject, principal: Principal): boolean {
    if (principal.uid === OVERFLOW_ID) return false
    switch (subject.kind) {
        case "uid":
            return subject.id === principal.uid
        case "gid":
            return subject.id !== OVERFLOW_ID && principal.gids.includes(subject.id)
        case "everyone":
            return true
    }
}

/** As it is written in the configuration. */
export function subjectText(subject: Subject): string {
    return subject.kind === "everyone" ? "everyone" : subject.name
}
