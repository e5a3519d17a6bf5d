import type { DaemonKey, DaemonKeyNeed } from "./daemon-types.ts"
import type { Output } from "./output.ts"

/** Of a key asked for by itself: lists don't say it. */
export function printNeeds(output: Output, { needs, removedAt }: Pick<DaemonKey, "needs" | "removedAt">): void {
    if (removedAt !== "") return
    const [pressing, others] = [needs.filter(({ needed }) => needed), needs.filter(({ needed }) => !needed)]
    output.facts([
        ...(pressing.length === 0 ? [["needed by", "nothing the daemon knows of"] as const] : []),
        ...pressing.map((need) => ["needed by", needText(need)] as const),
        ...others.map((need) => ["not needed", needText(need)] as const),
    ])
}

export function needText({ gun, role, text }: Pick<DaemonKeyNeed, "gun" | "role" | "text">): string {
    return gun === "" ? text : `${role}@${gun}: ${text}`
}

/** What is typed to remove a key: of one that is needed, that too. */
export function removalWord({ id, needs }: Pick<DaemonKey, "id" | "needs">): string {
    const digits = id.slice(0, 8)
    return needs.some(({ needed }) => needed) ? `${digits} is still needed` : digits
}
