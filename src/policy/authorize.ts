import { TrustkeyError } from "../errors.ts"
import { globMatches } from "../tuf/index.ts"
import { Permit } from "./permit.ts"
import { type Principal, subjectMatches } from "./principal.ts"
import type { Action, Place, Policy, Rule } from "./rules.ts"

/** The three things a rule asks; all have to hold. */
export type Fit = { readonly who: boolean; readonly action: boolean; readonly place: boolean }

/** `undefined` as place: the act touches no repository. */
export function fitRule(rule: Rule, principal: Principal, action: Action, place: Place | undefined): Fit {
    return { who: matchesCaller(rule, principal), action: matchesAction(rule, action), place: fitsPlace(rule, place) }
}

function matchesCaller(rule: Rule, principal: Principal): boolean {
    return rule.who.some((subject) => subjectMatches(subject, principal))
}

function matchesAction(rule: Rule, action: Action): boolean {
    return rule.do.some((allowed) => allowed === "*" || allowed === action)
}

function fitsPlace(rule: Rule, place: Place | undefined): boolean {
    return place === undefined ? isUnlimited(rule) : matchesPlace(rule, place)
}

function matchesPlace(rule: Rule, place: Place): boolean {
    return rule.gun.some((glob) => globMatches(glob, place.gun)) && rule.role.some((glob) => globMatches(glob, place.role))
}

/** Whether a rule speaks of everything. Somebody trusted with one team's repositories is not thereby trusted with the whole daemon. */
function isUnlimited(rule: Rule): boolean {
    return rule.gun.some((glob) => glob.text === "**") && rule.role.some((glob) => glob.text === "**")
}

/** The number of the first rule that allows it, counted from 1. */
export function allowingRule(policy: Policy, principal: Principal, action: Action, place: Place | undefined): number | undefined {
    // Patterns last: they cost most, and a stranger whom no rule is for may ask as often as he likes.
    const index = policy.rules.findIndex((rule) => matchesCaller(rule, principal) && matchesAction(rule, action) && fitsPlace(rule, place))
    return index === -1 ? undefined : index + 1
}

/**
 * Whether `authorize` would agree: for leaving out of a list what the caller may not see.
 *
 * TK-POL-1: what no rule allows is denied. TK-POL-3: every place has to be allowed, though different rules may allow them.
 * An act without any place needs a rule without limits.
 */
export function isAllowed(policy: Policy, principal: Principal, action: Action, places: readonly Place[]): boolean {
    if (places.length === 0) return allowingRule(policy, principal, action, undefined) !== undefined
    return places.every((place) => allowingRule(policy, principal, action, place) !== undefined)
}

/** Whether there is any place at which a rule allows it: for what has to be said before the place is known. */
export function mayAnywhere(policy: Policy, principal: Principal, action: Action): boolean {
    return policy.rules.some((rule) => matchesCaller(rule, principal) && matchesAction(rule, action))
}

/** Whether there is any repository in which a rule allows it for this role: for what is made before its repository is known. */
export function mayInRole(policy: Policy, principal: Principal, action: Action, role: string): boolean {
    return policy.rules.some(
        (rule) => matchesCaller(rule, principal) && matchesAction(rule, action) && rule.role.some((glob) => globMatches(glob, role)),
    )
}

/** Whether there is any role of `gun` for which a rule allows it: for what concerns the repository as a whole. */
export function mayInRepository(policy: Policy, principal: Principal, action: Action, gun: string): boolean {
    return policy.rules.some(
        (rule) => matchesCaller(rule, principal) && matchesAction(rule, action) && rule.gun.some((glob) => globMatches(glob, gun)),
    )
}

/**
 * Agree to an act, or throw. `places` is every (GUN, role) it touches: for the use of a key, what is asked for and everything the
 * key is bound to, since its signature counts wherever it is trusted (TK-POL-3).
 *
 * @throws denied: always `denial()`.
 */
export function authorize<A extends Action>(policy: Policy, principal: Principal, action: A, places: readonly Place[]): Permit<A> {
    if (!isAllowed(policy, principal, action, places)) throw denial()
    return new Permit(action, principal, places)
}

/**
 * Agree to an act on what is the caller's own and touches no place: it is enough that a rule lets him do such a thing somewhere.
 *
 * @throws denied: always `denial()`.
 */
export function authorizeOwn<A extends Action>(policy: Policy, principal: Principal, action: A): Permit<A> {
    if (!mayAnywhere(policy, principal, action)) throw denial()
    return new Permit(action, principal, [])
}

/**
 * TK-POL-1: the one answer for what isn't allowed and for what doesn't exist, to be thrown for an unknown key as well. It names
 * neither a rule nor a place, or a stranger could ask which keys there are.
 */
export function denial(): TrustkeyError {
    return new TrustkeyError("denied", "not allowed, or there is no such key")
}
