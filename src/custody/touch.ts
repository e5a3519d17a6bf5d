import { TrustkeyError } from "../errors.ts"
import type { KeyStore, Occasion, TouchEvent, TouchListener } from "../keys/index.ts"
import { isAllowed, OVERFLOW_ID, type Principal } from "../policy/index.ts"
import { diffMetadata, type Gun, type SignedMetadata } from "../tuf/index.ts"
import type { Rooms } from "./rooms.ts"

/** More than a person reads while a token blinks. */
const MOST_CHANGES = 12
const LONGEST_CHANGE = 200
/** Of one user: each holds a place in a connection. */
const MOST_WATCHES = 64

/** For whoever is asked for a touch: what a body changes against the newest document known of its role. */
export function occasionOf(rooms: Rooms, principal: Principal, gun: Gun, body: SignedMetadata): Occasion {
    return { asker: principal, difference: () => changes(newestOf(rooms, gun, body), body) }
}

function newestOf(rooms: Rooms, gun: Gun, { role }: SignedMetadata): SignedMetadata | undefined {
    const known = rooms.journal.repository(gun)
    if (known?.state !== "active") return undefined
    return (role === "root" ? known.root : known.documents.get(role))?.signed
}

/** Few and short; the first say what is most of it. */
export function changes(previous: SignedMetadata | undefined, next: SignedMetadata): readonly string[] {
    const sentences = diffMetadata(previous, next)
    const shown = sentences
        .slice(0, MOST_CHANGES)
        .map((text) => (text.length > LONGEST_CHANGE ? `${text.slice(0, LONGEST_CHANGE - 1)}…` : text))
    const more = sentences.length - shown.length
    return more === 0 ? shown : [...shown, `and ${more} more change${more === 1 ? "" : "s"}`]
}

/**
 * A repository's name is nobody's business who has nothing to do with it: whoever asked for the signature is told, and who administers
 * the daemon or may see its status.
 */
export function seesTouch(rooms: Pick<Rooms, "policy">, principal: Principal, event: TouchEvent): boolean {
    return isAsker(principal, event) || principal.socket === "admin" || isAllowed(rooms.policy(), principal, "status", [])
}

/** By user: another program of his may be the one that shows it. Many strangers have the overflow ID, and are told nothing. */
function isAsker({ uid }: Principal, { askers }: TouchEvent): boolean {
    return uid !== OVERFLOW_ID && askers.some((asker) => asker.uid === uid)
}

export type WatchRooms = Pick<Rooms, "policy"> & { readonly keys: Pick<KeyStore, "watchTouches"> }

/** Who watches, counted by user. */
export class Watches {
    readonly #counts = new Map<number, number>()

    /**
     * Tell `listener` of touches that are waited for, those that are already first; with `own`, only what requests of this user wait for.
     *
     * @returns ends it
     * @throws overloaded
     */
    watch(rooms: WatchRooms, principal: Principal, { own }: { readonly own: boolean }, listener: TouchListener): () => void {
        const { uid } = principal
        const count = this.#counts.get(uid) ?? 0
        if (count >= MOST_WATCHES) throw new TrustkeyError("overloaded", `you watch the tokens in ${count} places already`)
        this.#counts.set(uid, count + 1)
        const end = rooms.keys.watchTouches((event) => {
            if (own ? isAsker(principal, event) : seesTouch(rooms, principal, event)) listener(event)
        })
        let hasEnded = false
        return () => {
            if (hasEnded) return
            hasEnded = true
            end()
            const left = (this.#counts.get(uid) ?? 1) - 1
            if (left === 0) this.#counts.delete(uid)
            else this.#counts.set(uid, left)
        }
    }
}
