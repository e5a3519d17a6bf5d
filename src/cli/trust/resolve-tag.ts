import { type ErrorCode, TrustkeyError } from "../../errors.ts"
import { type CurrentRepository, isTag } from "../../publish/index.ts"
import { type FileMeta, TARGETS, type TrustedTarget, trustedTargets, type VerifiedRepository } from "../../tuf/index.ts"
import { printable } from "../output.ts"
import { naturally } from "./natural-order.ts"
import type { TrustSession } from "./session.ts"

const RELEASES = "targets/releases"

/** `digest`: `sha256:` and 64 hex digits. `role`: the one that says so, targets/releases or targets. */
export type ResolvedTag = { readonly digest: string; readonly size: number; readonly role: string }

/**
 * What docker pulls for a tag: the word of targets/releases, else of targets. What other delegations say counts for nobody who pulls.
 * No daemon is needed.
 *
 * @throws target_unknown: the tag isn't signed
 * @throws no_trust_data, metadata_expired, rollback_detected, verification_failed, server_unreachable and what else a fetch throws, in
 * docker's wording
 */
export async function resolveTrusted(session: TrustSession, tag: string): Promise<ResolvedTag> {
    return trustedTag((await fetchTrusted(session)).verified, tag)
}

/**
 * Every tag that docker would pull with --all-tags, in docker's order.
 *
 * @throws target_unknown: there is none, and what resolveTrusted throws
 */
export async function allTrusted(session: TrustSession): Promise<ReadonlyMap<string, ResolvedTag>> {
    const found = new Map([...trustedTags((await fetchTrusted(session)).verified)].filter(([name]) => pullable(session, name)))
    if (found.size === 0) throw new TrustkeyError("target_unknown", `No trusted tags for ${session.gun}`)
    return found
}

/** Notary's clients sign files of any name. One of those must not keep the tags from being pulled, nor become a part of another reference. */
function pullable({ cli }: TrustSession, name: string): boolean {
    if (isTag(name)) return true
    cli.warnOnce(`left out, for its name is no tag: ${printable(name)}`)
    return false
}

/** @throws target_unknown */
export function trustedTag(repository: VerifiedRepository, tag: string): ResolvedTag {
    const named = trustedTargets(repository).filter(({ name }) => name === tag)
    const target = named.find(({ role }) => role === RELEASES) ?? named.find(({ role }) => role === TARGETS)
    if (target !== undefined) return resolved(target)
    // docker's two wordings: signed by somebody whose word doesn't count here, and by nobody.
    throw new TrustkeyError("target_unknown", named.length > 0 ? `No trust data for ${tag}` : `No valid trust data for ${tag}`)
}

export function trustedTags(repository: VerifiedRepository): ReadonlyMap<string, ResolvedTag> {
    const targets = trustedTargets(repository)
    const found = new Map<string, ResolvedTag>()
    for (const wanted of [RELEASES, TARGETS]) {
        for (const target of targets) {
            if (target.role !== wanted || found.has(target.name)) continue
            found.set(target.name, resolved(target))
        }
    }
    return new Map([...found].sort(([a], [b]) => naturally(a, b)))
}

function resolved({ name, role, meta }: TrustedTarget): ResolvedTag {
    return { digest: digestOf(name, meta), size: meta.length, role }
}

function digestOf(name: string, meta: FileMeta): string {
    const hash = meta.hashes.get("sha256")
    if (hash === undefined) throw new TrustkeyError("verification_failed", `${name}: no valid hash, expecting sha256`)
    return `sha256:${Buffer.from(hash).toString("hex")}`
}

async function fetchTrusted(session: TrustSession): Promise<CurrentRepository> {
    try {
        return await session.fetchToUse()
    } catch (error) {
        throw inDockersWords(session, error)
    }
}

/** What a trust server does wrong, or is said to, in docker's wording. That there is no trust data has its own words in each command. */
export async function faultsInDockersWords<T>(session: TrustSession, work: () => Promise<T>): Promise<T> {
    try {
        return await work()
    } catch (error) {
        throw error instanceof TrustkeyError && error.code === "no_trust_data" ? error : inDockersWords(session, error)
    }
}

const MALICE = "warning: potential malicious behavior - trust data"

type TrustPlace = { readonly gun: string; readonly server: { readonly url: string } }

/** docker's two families: `error:` for a fault, `warning: potential malicious behavior` for what may be an attack (docker/cli, NotaryError). */
const WORDING: Partial<Record<ErrorCode, (gun: string, why: string, server: string) => string>> = {
    no_trust_data: (gun, _why, server) =>
        `error: remote trust data does not exist for ${gun}: ${new URL(server).host} does not have trust data for ${gun}`,
    metadata_expired: (gun, why) => `error: remote repository ${gun} out-of-date: ${why}`,
    server_unreachable: (_gun, why) => `error: error contacting notary server: ${why}`,
    server_error: (_gun, why) => `error: error contacting notary server: ${why}`,
    rollback_detected: (gun, why) => `${MALICE} version is lower than expected for remote repository ${gun}: ${why}`,
    verification_failed: (gun, why) => `${MALICE} mismatch for remote repository ${gun}: ${why}`,
    pin_mismatch: (gun, why) => `${MALICE} mismatch for remote repository ${gun}: ${why}`,
}

/** The same error in docker's wording; the code, which tells attack from fault, stays. */
export function inDockersWords({ gun, server }: TrustPlace, error: unknown): unknown {
    if (!(error instanceof TrustkeyError)) return error
    const wording = WORDING[error.code]
    if (wording === undefined) return error
    return new TrustkeyError(error.code, wording(gun, error.message, server.url), { cause: error })
}
