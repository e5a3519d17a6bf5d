import type { DaemonGroup, DaemonKey, DaemonToken } from "./daemon-types.ts"
import { type Output, shortId } from "./output.ts"

/** Keys as --json shows them, everywhere the same. */
export function keyJson(key: DaemonKey): object {
    return { ...key, publicKey: Buffer.from(key.publicKey).toString("base64") }
}

export function keyState(key: DaemonKey): string {
    if (key.state !== "unlocked" || key.unlockedUntil === "") return key.state
    return `${key.state} until ${key.unlockedUntil}`
}

export function printKeys(output: Output, keys: readonly DaemonKey[]): void {
    if (keys.length === 0) {
        output.note("No keys.")
        return
    }
    const rows = keys.map((key) => {
        const places = key.bindings.map(({ role, gun }) => `${role}@${gun}`)
        const more = places.length > 1 ? ` and ${places.length - 1} more` : ""
        return [shortId(key.id), key.purpose, key.algorithm, key.home, keyState(key), `${places[0] ?? "-"}${more}`, key.label]
    })
    output.table(["ID", "PURPOSE", "ALGORITHM", "HOME", "STATE", "BOUND TO", "LABEL"], rows)
}

export function printKey(output: Output, key: DaemonKey): void {
    output.facts([
        ["id", key.id],
        ["purpose", key.purpose],
        ["algorithm", key.algorithm],
        ["label", key.label],
        ["home", key.home],
        ["token uri", key.tokenUri],
        ["origin", key.origin],
        ["created", key.createdAt],
        ["removed", key.removedAt],
        ["state", keyState(key)],
        ["uses left", key.usesLeft === 0 ? "" : String(key.usesLeft)],
        ["ready", readiness(key)],
        ...key.bindings.map(({ role, gun }) => ["bound to", `${role}@${gun}`] as const),
    ])
}

export function printTokens(output: Output, tokens: readonly DaemonToken[]): void {
    if (tokens.length === 0) {
        output.note("No tokens are configured: add a [[token]] table to the daemon's configuration.")
        return
    }
    output.table(
        ["NAME", "STATE", "LABEL", "SERIAL", "MODEL", "PIN TRIES", "DETAIL"],
        tokens.map((token) => [token.name, loginText(token), token.label, token.serial, token.model, token.tries, token.detail]),
    )
}

/** `logged-in until 2026-11-21T16:00:00.000Z, 3 signatures left` */
export function loginText({ state, loggedInUntil, usesLeft }: DaemonToken): string {
    const until = loggedInUntil === "" ? "" : ` until ${loggedInUntil}`
    const uses = usesLeft === 0 ? "" : `, ${usesLeft} ${usesLeft === 1 ? "signature" : "signatures"} left`
    return `${state}${until}${uses}`
}

export function printGroups(output: Output, groups: readonly DaemonGroup[]): void {
    if (groups.length === 0) {
        output.note("No key groups.")
        return
    }
    const rows = groups.map((group) => {
        const ways = [group.byPassphrase ? "passphrase" : "", group.credential === "" ? "" : `credential ${group.credential}`]
        const state = group.unlocked ? `unlocked${group.unlockedUntil === "" ? "" : ` until ${group.unlockedUntil}`}` : "locked"
        return [group.name, ways.filter((way) => way !== "").join(", "), state, String(group.keys)]
    })
    output.table(["NAME", "OPENS BY", "STATE", "KEYS"], rows)
}

/** `targets (version 3), targets/alice (version 2)` */
export function versionsText(roles: readonly { readonly role: string; readonly version: number }[]): string {
    return roles.map(({ role, version }) => `${role} (version ${version})`).join(", ")
}

function readiness({ ready, state }: DaemonKey): string {
    if (ready) return "yes: signs without asking anybody"
    if (state === "removed") return "no: it was removed"
    return state === "absent" ? "no: its token is not there" : "no: somebody has to unlock it or log in first"
}
