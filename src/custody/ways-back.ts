import type { KeyRecord } from "../journal/index.ts"
import type { Principal } from "../policy/index.ts"
import type { KeyId } from "../tuf/index.ts"
import type { NeedView } from "./key-needs.ts"
import { maySeeKey } from "./places.ts"
import type { Rooms } from "./rooms.ts"

/** Of a key that lies on a token: what a repository still has when that token is lost. Each is a sentence. */
export type WaysBack = {
    /** Where the key is besides. */
    readonly copies: readonly string[]
    /** Whether and how each role that names the key goes on without it. */
    readonly roles: readonly string[]
}

/**
 * @param needs as the caller may see them
 * @param maySee whether the caller may be told where another key is
 */
export function waysBack(
    { keys }: Pick<Rooms, "keys">,
    { copies = [], home, origin }: KeyRecord,
    needs: readonly Pick<NeedView, "gun" | "role" | "kind" | "text" | "others">[],
    maySee: (key: KeyRecord) => boolean,
): WaysBack {
    const first = home.kind === "token" ? home.serial : ""
    const elsewhere = copies.map(({ token, serial }) => `It lies on token ${token} (serial ${serial}) too.`)
    const file =
        origin === "imported" ? [`It came from a file${first === "" ? "" : " or another token"}: whoever kept that has the key.`] : []
    const roles = needs
        .filter(({ kind }) => kind === "signs")
        .map(({ gun, role, text, others = [] }) => {
            const named = others.map((id) => holderText(keys.find(id), id, maySee))
            const what = gun === "" ? text : `${role} of ${gun}: ${text}`
            return named.length === 0 ? `${what}.` : `${what}. The ${named.length === 1 ? "other is" : "others are"} ${named.join(", ")}.`
        })
    return { copies: [...elsewhere, ...file], roles }
}

function holderText(found: KeyRecord | undefined, id: KeyId, maySee: (key: KeyRecord) => boolean): string {
    const digits = id.slice(0, SHOWN_DIGITS)
    if (found === undefined || !maySee(found)) return `${digits} elsewhere`
    const { home, copies = [] } = found
    const tokens = [...(home.kind === "token" ? [home] : []), ...copies].map(({ token }) => token)
    const sealed = home.kind === "token" ? [] : ["sealed here"]
    return `${digits} ${[...sealed, ...(tokens.length === 0 ? [] : [`on token ${tokens.join(" and ")}`])].join(" and ")}`
}

const SHOWN_DIGITS = 12
/** A refusal is a message, no report. */
const MOST_ROLES = 8

/** The same in one text, for a refusal. */
export function waysBackText(rooms: Rooms, principal: Principal, key: KeyRecord, needs: readonly NeedView[]): string {
    const { copies, roles } = waysBack(rooms, key, needs, (other) => maySeeKey(rooms, principal, other))
    const shown = roles.slice(0, MOST_ROLES)
    const more = roles.length > shown.length ? [`And ${roles.length - shown.length} more roles: trustkey key show.`] : []
    const all = [...copies, ...shown, ...more]
    return all.length === 0 ? "Nothing the daemon knows of needs it." : `If the token is lost: ${all.join(" ")}`
}
