import { combineShares } from "../../backup/index.ts"
import { type AgeOpener, identitiesIn, type Secret } from "../../crypto/index.ts"
import type { Cli } from "../context.ts"
import { fromFlags } from "../secrets.ts"
import { GatheredShares, gatherAsked, gatherFromFiles, readShareSet } from "./gather-shares.ts"
import type { OpenerOptions } from "./opener-options.ts"

const FLAGS = "--identity, --identity-fd, --passphrase-file, --passphrase-fd, --share or --shares"
const IDENTITY = Buffer.from("AGE-SECRET-KEY-")
const SHARE = /^\s*t\s*k\s*s\s*1/i

/** What a backup is opened with; wiped with the command's block. */
export type OwnedOpener = AgeOpener & Disposable

/**
 * By the flags of `withOpener`; if there is none, by one question, whose answer says for itself whether it is an identity, a first share
 * or the passphrase.
 *
 * @throws no_terminal, declined, not_found, file_unsafe; invalid_request: no identity, too few shares; share_invalid
 */
export async function openerFor(cli: Cli, options: OpenerOptions): Promise<OwnedOpener> {
    const identity = await fromFlags(cli, options.identityFd, options.identity)
    if (identity !== undefined) return byIdentities(identity)
    const passphrase = await fromFlags(cli, options.passphraseFd, options.passphraseFile)
    if (passphrase !== undefined) return byPassphrase(passphrase)
    const set = await readShareSet(options.shareSet)
    using gathered = new GatheredShares(set)
    if (options.share !== undefined || options.shares === true) {
        await gatherFromFiles(cli, gathered, options.share ?? [])
        if (options.shares === true) await gatherAsked(cli, gathered)
        return byIdentities((await combineShares(gathered.shares, set)).identity)
    }
    const answer = await (await cli.prompts()).secret("Its passphrase, an identity (AGE-SECRET-KEY-1…) or a first share (TKS1…): ", FLAGS)
    const kind = answer.reveal(kindOf)
    if (kind === "passphrase") return byPassphrase(answer)
    if (kind === "identity") return byIdentities(answer)
    await gatherAsked(cli, gathered, answer)
    return byIdentities((await combineShares(gathered.shares, set)).identity)
}

function kindOf(typed: Buffer): "identity" | "share" | "passphrase" {
    if (typed.subarray(0, IDENTITY.length).equals(IDENTITY)) return "identity"
    // So much of it is in every share.
    return SHARE.test(typed.toString("latin1", 0, 8)) ? "share" : "passphrase"
}

function byIdentities(identity: Secret): OwnedOpener {
    using text = identity
    // The runtime keeps the keys themselves.
    return { kind: "identities", identities: identitiesIn(text), [Symbol.dispose]: () => {} }
}

function byPassphrase(passphrase: Secret): OwnedOpener {
    return { kind: "passphrase", passphrase, [Symbol.dispose]: () => passphrase[Symbol.dispose]() }
}
