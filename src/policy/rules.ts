import type { Glob } from "../tuf/index.ts"
import type { Subject } from "./principal.ts"

/** Everything a rule can allow. docs/policy.md says what each lets a caller do. */
export const ACTIONS = [
    "sign",
    "rotate",
    "lower-threshold",
    "certificate",
    "create-key",
    "enroll-key",
    "import-key",
    "copy-key",
    "export-key",
    "bind",
    "unlock",
    "lock",
    "passphrase",
    "remove-key",
    "create-group",
    "list",
    "observe",
    "adopt",
    "reset",
    "void",
    "backup",
    "restore",
    "ceremony",
    "login",
    "logout",
    "change-pin",
    "audit",
    "status",
] as const

export type Action = (typeof ACTIONS)[number]

/** Never about one repository, so a rule that is limited to some GUNs or roles can't allow them. */
export const ACTIONS_WITHOUT_PLACE: readonly Action[] = [
    "create-group",
    "backup",
    "restore",
    "ceremony",
    "login",
    "logout",
    "change-pin",
    "audit",
    "status",
]

export function isAction(text: string): text is Action {
    return ACTIONS.some((action) => action === text)
}

/** What an act touches: one role of one repository. */
export type Place = { readonly gun: string; readonly role: string }

/** One `[[allow]]`. Without `gun` or `role` in the file the list is the single pattern `**`. */
export type Rule = {
    readonly who: readonly Subject[]
    readonly do: readonly (Action | "*")[]
    readonly role: readonly Glob[]
    readonly gun: readonly Glob[]
}

/** One `[[limit]]`. */
export type Limit = {
    readonly gun: readonly Glob[]
    /** By pattern of the role, in milliseconds. */
    readonly maxValidity: ReadonlyMap<Glob, number>
    readonly immutableTargets: readonly Glob[]
    /** Of one `signed` value, in bytes. */
    readonly maxPayload?: number
}

export type Policy = { readonly rules: readonly Rule[]; readonly limits: readonly Limit[] }
