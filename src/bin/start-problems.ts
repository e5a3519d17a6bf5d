import { TrustkeyError } from "../errors.ts"
import type { KeyStore, TokenConfig } from "../keys/index.ts"
import { checkCredential } from "../signer/index.ts"

export type StartFacts = {
    readonly keys: Pick<KeyStore, "signers" | "groups">
    readonly tokens: readonly TokenConfig[]
    readonly credentialsDirectory: string | undefined
}

/** What doesn't work although the daemon serves the rest: for each what it is, why, and what to do. */
export function startProblems({ keys, tokens, credentialsDirectory }: StartFacts): readonly string[] {
    const faultOf = (name: string): string | undefined => {
        try {
            checkCredential(credentialsDirectory, name)
            return undefined
        } catch (error) {
            if (error instanceof TrustkeyError) return error.message
            throw error
        }
    }
    const signers = keys.signers().filter(({ state }) => state === "failed")
    const groups = keys
        .groups()
        .flatMap(({ name, credential, unlocked }) => (credential === undefined || unlocked ? [] : [{ name, credential }]))
    return [
        ...signers.map(({ name, detail }) => `signer ${name} has failed: ${detail}`),
        ...groups.map(({ name, credential }) => {
            return `group ${name} stays locked: ${faultOf(credential) ?? `the credential ${credential} does not open it: restore the value it had, or trustkey key unlock --group ${name}`}`
        }),
        ...tokens.flatMap(({ name, pinCredential }) => {
            const fault = pinCredential === undefined ? undefined : faultOf(pinCredential)
            return fault === undefined ? [] : [`token ${name} has no stored PIN: ${fault}`]
        }),
    ]
}
