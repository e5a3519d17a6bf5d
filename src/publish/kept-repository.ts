import { type ErrorCode, TrustkeyError } from "../errors.ts"
import { type Gun, ROOT, TIMESTAMP } from "../tuf/index.ts"
import { HttpFailure, type HttpFailureKind } from "./exchange.ts"
import { type CurrentRepository, type FetchOptions, fetchRepository, type MetadataSource } from "./fetch-repository.ts"
import type { TrustCache } from "./trust-cache.ts"

/** `since`: when the newest of it was kept. */
export type KeptRepository = { readonly current: CurrentRepository; readonly since: Date }

/**
 * What was verified here last, verified once more: in date, by the root that is kept and by the pins. For showing only: whoever keeps the
 * server from us decides how old it is, within its dates. Undefined: nothing is kept, or it doesn't do.
 */
export async function keptRepository(
    cache: TrustCache,
    gun: Gun,
    now: Date,
    options: Pick<FetchOptions, "pins"> = {},
): Promise<KeptRepository | undefined> {
    try {
        const since = await cache.keptSince(gun)
        const current = since === undefined ? undefined : await fetchRepository(cacheAsSource(cache), gun, cache, now, options)
        return since === undefined || current === undefined ? undefined : { current, since }
    } catch (error) {
        // The caller knows why he asks here, and says that.
        if (error instanceof TrustkeyError && !OUR_TROUBLE.includes(error.code)) return undefined
        throw error
    }
}

const OUR_TROUBLE: readonly ErrorCode[] = ["storage_failed", "internal"]

/** Its newest root and timestamp; all other files are looked for in the cache before anybody is asked. */
function cacheAsSource(cache: TrustCache): MetadataSource {
    return {
        url: "the trust directory",
        get: async (gun, name) =>
            name === ROOT || name === TIMESTAMP ? await cache.read(gun, name === ROOT ? ROOT : TIMESTAMP) : undefined,
    }
}

const AWAY: readonly HttpFailureKind[] = ["unreachable", "timeout", "lost", "stale"]

/** Nobody answered. Somebody with a wrong certificate, or who speaks something else, has answered. */
export function isServerAway(error: unknown): boolean {
    return (
        error instanceof TrustkeyError &&
        error.code === "server_unreachable" &&
        error.cause instanceof HttpFailure &&
        AWAY.includes(error.cause.kind)
    )
}
