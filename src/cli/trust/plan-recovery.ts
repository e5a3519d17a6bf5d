import {
    BASE_ROLES,
    canonicalKeyIds,
    type KeyId,
    type KeyRole,
    type RootDocument,
    type TargetsDocument,
    type TufKey,
} from "../../tuf/index.ts"
import type { DaemonKey } from "../daemon-types.ts"
import { shortId } from "../output.ts"
import { shellWord } from "../shell-word.ts"

/** `away`: its token is not there. `elsewhere`: another holder's, as far as is known. `server`: the trust server has it, and shows it. */
export type KeyPlace = "here" | "away" | "elsewhere" | "server" | "lost"

export type RoleState = {
    readonly role: string
    readonly threshold: number
    readonly keys: readonly { readonly id: string; readonly place: KeyPlace; readonly home: string }[]
    /** `whole`: no key is lost. `enough`: some are, and the others can sign. `short`: they can't. */
    readonly state: "whole" | "enough" | "short"
}

export type RecoveryFacts = {
    readonly gun: string
    readonly root: RootDocument
    /** targets, and delegations that delegate further. */
    readonly delegators: readonly TargetsDocument[]
    /** All the daemon has for the repository, removed ones included. */
    readonly keys: readonly DaemonKey[]
    /** Canonical IDs that somebody says are lost. */
    readonly lost: ReadonlySet<string>
    /** Canonical IDs of the keys the trust server signs with now; undefined: it did not say. */
    readonly server: { readonly timestamp: string | undefined; readonly snapshot: string | undefined }
}

export type RecoveryPlan = {
    readonly roles: readonly RoleState[]
    /** Commands in their order, for a person to complete: names in capitals. */
    readonly next: readonly string[]
    /** Whether the root can't be signed any more: nothing is left but a new history. */
    readonly ended: boolean
}

/** What is lost of a repository, and what mends it. */
export function planRecovery(facts: RecoveryFacts): RecoveryPlan {
    const { root } = facts
    const base = BASE_ROLES.map((role) => stateOf(facts, role, root.roles.get(role) ?? { keyIds: [], threshold: 1 }, root.keys))
    const delegated = facts.delegators.flatMap(({ delegations }) =>
        delegations.roles.map((role) => stateOf(facts, role.name, role, delegations.keys)),
    )
    const roles = [...base, ...delegated]
    const ended = roles.some(({ role, state }) => role === "root" && state === "short")
    return { roles, next: ended ? lastSteps(facts.gun) : steps(facts.gun, roles), ended }
}

function stateOf(facts: RecoveryFacts, role: string, { keyIds, threshold }: KeyRole, keys: ReadonlyMap<KeyId, TufKey>): RoleState {
    const placed = canonicalKeyIds(keys, keyIds).map((id) => ({ id, ...placeOf(facts, role, id) }))
    const left = placed.filter(({ place }) => place !== "lost").length
    const state = left === placed.length && left >= threshold ? "whole" : left >= threshold ? "enough" : "short"
    return { role, threshold, keys: placed, state }
}

function placeOf({ keys, lost, server }: RecoveryFacts, role: string, id: string): { readonly place: KeyPlace; readonly home: string } {
    const ours = keys.find((key) => key.id === id)
    const home = ours === undefined || ours.state === "removed" ? "" : ours.home
    if (lost.has(id) || ours?.state === "removed") return { place: "lost", home }
    if (ours !== undefined) return { place: ours.state === "absent" ? "away" : "here", home }
    if (role !== "timestamp" && role !== "snapshot") return { place: "elsewhere", home }
    const shown = server[role]
    if (shown === undefined) return { place: "elsewhere", home }
    return { place: shown === id ? "server" : "lost", home }
}

/** The server first: without its keys nothing can be published. Then downwards, each with the key of the one above. */
function steps(gun: string, roles: readonly RoleState[]): readonly string[] {
    const name = shellWord(gun)
    const isLost = (wanted: string): boolean => roles.some(({ role, state }) => role === wanted && state !== "whole")
    const serverSteps = isLost("timestamp")
        ? [`trustkey rotate timestamp ${name}${isLost("snapshot") ? " --with-snapshot" : ""}`]
        : isLost("snapshot")
          ? [`trustkey rotate snapshot ${name} --to-server`]
          : []
    const others = roles.filter(({ role, state }) => state !== "whole" && role !== "timestamp" && role !== "snapshot")
    return [...serverSteps, ...others.filter((role) => !isSignersToo(role, others)).map((role) => stepFor(name, role))]
}

/** docker's targets/releases lists every signer's key, and changes with the signer's own role. */
function isSignersToo({ role, keys }: RoleState, others: readonly RoleState[]): boolean {
    if (role !== "targets/releases") return false
    const signers = others.filter((other) => other.role.startsWith("targets/") && other.role !== role).flatMap((other) => other.keys)
    return keys.filter(({ place }) => place === "lost").every(({ id }) => signers.some((key) => key.id === id))
}

function stepFor(name: string, { role, keys, threshold }: RoleState): string {
    const gone = keys.filter(({ place }) => place === "lost")
    // Where all are replaced nothing has to be named.
    const retire = gone.length === keys.length ? "" : gone.map(({ id }) => ` --retire ${shortId(id)}`).join("")
    if (role === "root") return `trustkey rotate root ${name}${retire}${" --new-on-token TOKEN".repeat(gone.length)}`
    const after = keys.length - gone.length + 1
    const fresh = ` --new-sealed${after < threshold ? ` --threshold ${after}` : ""}`
    return role === "targets"
        ? `trustkey rotate targets ${name}${retire}${fresh}`
        : `trustkey rotate delegation ${name} ${shellWord(role)}${retire}${fresh}`
}

function lastSteps(gun: string): readonly string[] {
    const name = shellWord(gun)
    return [
        "trustkey key import FILE --role root                 # if there is a copy, at another daemon: docs/recover.md",
        `trustkey trust reset ${name} --dry-run    # if there is none: what a new history costs`,
        `trustkey trust reset ${name} --delete`,
        `trustkey trust init ${name} --root-key NEW`,
    ]
}
