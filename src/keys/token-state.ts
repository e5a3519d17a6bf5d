import type { TrustkeyError } from "../errors.ts"
import type { PinTries, TokenSnapshot } from "../signer/index.ts"
import type { SignerProcessState } from "./signer-process.ts"
import type { TokenConfig } from "./token-config.ts"
import type { TouchEvent } from "./touch.ts"

export type TokenState = {
    readonly name: string
    readonly uri: string
    readonly state: "present" | "absent" | "logged-in" | "busy" | "blocked" | "failed"
    /** What a person should do, if anything. */
    readonly detail: string
    readonly label: string
    readonly serial: string
    readonly manufacturer: string
    readonly model: string
    readonly tries: PinTries
    /** The end of the login; undefined without one. */
    readonly until: Date | undefined
    /** Of the login; undefined without a limit. */
    readonly usesLeft: number | undefined
    /** What it waits for. */
    readonly touch?: TouchEvent
    readonly kind: TokenSnapshot["kind"]
}

/** How long, and how often, a login may still be used. */
export type TokenLease = Pick<TokenState, "until" | "usesLeft">

type Known = {
    readonly config: TokenConfig
    readonly lease: TokenLease
    readonly snapshot: TokenSnapshot
    /** Why nothing is asked of it. */
    readonly outOfUse: string | undefined
    readonly process: SignerProcessState
    readonly touch: TouchEvent | undefined
    /** Whether the credential's PIN may be used; if not, perhaps why. */
    readonly login: { readonly isUnattended: boolean; readonly refused: TrustkeyError | undefined }
}

/** What a person is told of a token: first whatever is in the way. */
export function describeToken({ config: { name, uri }, lease, snapshot, outOfUse, process, touch, login }: Known): TokenState {
    const { label, serial, manufacturer, model, tries, kind, state } = snapshot
    const facts = { name, uri, label, serial, manufacturer, model, tries, kind, ...lease }
    if (outOfUse !== undefined) return { ...facts, state: "failed", detail: outOfUse }
    if (process.state === "failed") return { ...facts, state: "failed", detail: process.detail }
    if (process.state === "starting") return { ...facts, state: "busy", detail: "its signer is starting" }
    if (touch !== undefined) return { ...facts, state: "busy", detail: "waiting for a touch", touch }
    if (process.state === "busy") return { ...facts, state: "busy", detail: "it is at work; touch it if it blinks" }
    if (snapshot.taken) return { ...facts, state: "busy", detail: "another program has it for itself (gpg's scdaemon?)" }
    return { ...facts, state, detail: adviceOn(uri, snapshot, login) }
}

function adviceOn(uri: string, { state, reason, serial }: TokenSnapshot, login: Known["login"]): string {
    switch (state) {
        case "absent":
            return serial === "" ? `insert the token: ${uri}` : "insert the token"
        case "blocked":
            return "the PIN is blocked; unblock it with the PUK or the security officer's PIN"
        case "failed":
            return reason
        case "logged-in":
            return ""
        case "present":
            if (login.isUnattended) return ""
            return login.refused === undefined ? "log in" : `the credential's PIN is not used: ${login.refused.message}`
    }
}
