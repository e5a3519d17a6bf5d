import type { DaemonGroup, DaemonKey, DaemonKeyCopy, DaemonToken } from "./daemon-types.ts"
import { type Output, shortId } from "./output.ts"

/** Keys as --json shows them, everywhere the same. */
export function keyJson(key: DaemonKey): object {
    const { attestation } = key
    return {
        ...key,
        publicKey: base64(key.publicKey),
        attestation:
            attestation === undefined
                ? undefined
                : { ...attestation, certificate: base64(attestation.certificate), intermediate: base64(attestation.intermediate) },
    }
}

function base64(bytes: Uint8Array): string {
    return Buffer.from(bytes).toString("base64")
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

/** @param attestation what was found of it here; without it the daemon's word is printed */
export function printKey(output: Output, key: DaemonKey, attestation: string = daemonsWord(key)): void {
    output.facts([
        ["id", key.id],
        ["purpose", key.purpose],
        ["algorithm", key.algorithm],
        ["label", key.label],
        ["home", key.home],
        ["token uri", key.tokenUri],
        ["origin", key.brought ? `${key.origin}, then brought to this token` : key.origin],
        ...key.copies.map((copy) => ["brought to", copyText(copy)] as const),
        ["PIN policy", key.pinPolicy],
        ["touch policy", key.touchPolicy],
        ["attestation", attestation],
        ["created", key.createdAt],
        ["removed", key.removedAt],
        ["state", keyState(key)],
        ["uses left", key.usesLeft === 0 ? "" : String(key.usesLeft)],
        ["ready", readiness(key)],
        ...key.bindings.map(({ role, gun }) => ["bound to", `${role}@${gun}`] as const),
    ])
}

/** `token spare (serial 12345678), which is not there` */
function copyText({ token, serial, present, pinPolicy, touchPolicy }: DaemonKeyCopy): string {
    const policies = pinPolicy === "" && touchPolicy === "" ? "" : `, PIN ${pinPolicy || "unknown"}, touch ${touchPolicy || "unknown"}`
    return `token ${token} (serial ${serial})${policies}${present ? "" : ", which is not there"}`
}

function daemonsWord({ attestation }: DaemonKey): string {
    if (attestation === undefined) return ""
    const { verdict, by, root, problem, serial } = attestation
    if (verdict === "attested")
        return `made on YubiKey ${serial}, verified up to ${root}${by === "yubico" ? "" : ", which is not Yubico's"}`
    return verdict === "invalid" ? `NOT VALID: ${problem}` : `NOT YUBICO'S: nobody known to the daemon vouches for card ${serial}`
}

export function printTokens(output: Output, tokens: readonly DaemonToken[]): void {
    if (tokens.length === 0) {
        output.note("No tokens are configured: add a [[token]] table to the daemon's configuration.")
        return
    }
    output.table(
        ["NAME", "STATE", "LABEL", "SERIAL", "MODEL", "PIN TRIES", "DETAIL"],
        tokens.map((token) => [token.name, loginText(token), token.label, token.serial, token.model, triesText(token), token.detail]),
    )
}

/** Of a token that isn't there what was seen last; nothing when it was never seen. */
export function triesText({ serial, label, tries }: DaemonToken): string {
    return serial === "" && label === "" ? "" : tries
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

function readiness({ ready, state, touchPolicy }: DaemonKey): string {
    if (ready)
        return touchPolicy === "always" || touchPolicy === "cached" ? "yes: signs when it is touched" : "yes: signs without asking anybody"
    if (state === "removed") return "no: it was removed"
    return state === "absent" ? "no: its token is not there" : "no: somebody has to unlock it or log in first"
}
