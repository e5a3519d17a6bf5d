import type { Change } from "../storage/index.ts"

/** What a backup would do to one thing that is kept here, or why it does nothing. */
export type RestoreChange = {
    /**
     * "add": it is not here. "raise": a mark rises. "differs": what is here stays as it is. "removed": it was removed here, and stays so.
     * "left-out": it is not here, and can't be taken in.
     */
    readonly kind: "add" | "raise" | "differs" | "removed" | "left-out"
    readonly subject:
        | "key"
        | "group"
        | "repository"
        | "root"
        | "mark"
        | "document"
        | "published"
        | "promise"
        | "outbox"
        | "certificate"
        | "close"
    /** Key ID, or a group's name. */
    readonly name?: string
    readonly gun?: string
    readonly role?: string
    /** For a person. */
    readonly text: string
}

/** Nothing is changed until `changes` are on disk, all of them in one commit; `apply` comes after, before anybody else does anything. */
export type RestorePlan = {
    readonly changes: readonly Change[]
    readonly said: readonly RestoreChange[]
    /** Things that are here already, just so. */
    readonly same: number
    readonly apply: () => Promise<void>
}
