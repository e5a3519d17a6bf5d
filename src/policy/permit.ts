import type { Principal } from "./principal.ts"
import type { Action, Place } from "./rules.ts"

/** The policy agreed to this act of this caller at these places. Made only by `authorize`; everybody else gets the type. */
export class Permit<A extends Action = Action> {
    // A private field makes the type nominal: no object literal passes for a Permit.
    readonly #granted = true
    readonly action: A
    readonly principal: Principal
    readonly places: readonly Place[]

    constructor(action: A, principal: Principal, places: readonly Place[]) {
        this.action = action
        this.principal = principal
        this.places = Object.freeze(places.map(({ gun, role }) => Object.freeze({ gun, role })))
        Object.freeze(this)
    }

    /** Whether the permit speaks of this place. */
    covers(gun: string, role: string): boolean {
        return this.#granted && this.places.some((place) => place.gun === gun && place.role === role)
    }
}
