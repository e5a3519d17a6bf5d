import type { KeyRecord, Repository } from "../journal/index.ts"
import type { Principal } from "../policy/index.ts"
import { type KeyId, type KeyNeed, keyNeeds, type NeedKind, type RepositoryInUse, ROOT } from "../tuf/index.ts"
import { isBound, maySee } from "./places.ts"
import type { Rooms } from "./rooms.ts"

/** A need as one caller may see it: `gun` is empty for a repository he may not see. */
export type NeedView = {
    readonly gun: string
    readonly role: string
    readonly kind: NeedKind
    readonly needed: boolean
    readonly text: string
    /** Who could sign in its place. */
    readonly others?: readonly KeyId[]
}

/** Who still needs the key, in all repositories known here. */
export function needsOf(rooms: Rooms, key: KeyRecord): readonly KeyNeed[] {
    const repositories = rooms.journal.repositories().filter(({ state }) => state === "active")
    const gone = new Set(Array.from(rooms.keys.list()).flatMap(({ id, removedAt }) => (removedAt === undefined ? [] : [id])))
    return keyNeeds(key.id, repositories.map(inUse), { bindings: key.bindings, gone })
}

function inUse({ gun, roots, published, marks, documents, promised }: Repository): RepositoryInUse {
    return {
        gun,
        roots,
        published: published.get(ROOT)?.version ?? 0,
        promised: marks.get(ROOT)?.version ?? 0,
        targets: [...Array.from(documents.values(), ({ signed }) => signed), ...promised.values()],
    }
}

/** TK-POL-1: a repository that is none of the caller's business has no name for him; that something needs the key he learns. */
export function needsSeen(rooms: Rooms, principal: Principal, key: KeyRecord): readonly NeedView[] {
    return needsOf(rooms, key).flatMap((need): readonly NeedView[] => {
        const { gun, role, kind, needed, text, others } = need
        const seen = { gun, role, kind, needed, text, ...(others === undefined ? {} : { others }) }
        if (isBound(key, need) || maySee(rooms, principal, gun)) return [seen]
        return needed ? [{ gun: "", role: "", kind, needed, text: "a repository you may not see needs it" }] : []
    })
}

/** `needed by root of registry.example.com/team/app: its only key…`, for a refusal. */
export function needsText(needs: readonly NeedView[]): string {
    return needs.map(({ gun, role, text }) => (gun === "" ? text : `${role} of ${gun}: ${text}`)).join("; ")
}

/** What the record of a removal says of it: whom it hurts. */
export function needsRecorded(needs: readonly KeyNeed[]): Record<string, string | number> {
    const pressing = needs.filter(({ needed }) => needed)
    const shown = pressing.slice(0, MOST_RECORDED).map(({ gun, role, kind }) => `${gun} ${role} ${kind}`)
    return { neededBy: pressing.length, ...(shown.length === 0 ? {} : { needs: shown.join(", ") }) }
}

const MOST_RECORDED = 16
