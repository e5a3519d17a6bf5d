const SERVER_AUTH = "1.3.6.1.5.5.7.3.1"
const ANY_USAGE = "2.5.29.37.0"

/**
 * What stock notary clients that pin an authority have against a root certificate with these extended key usages: they verify with the default
 * of Go's crypto/x509, as if it were a server's. It is no mistake for anybody else.
 *
 * @param usages object identifiers; empty: none stated
 * @returns undefined when they have nothing against it. Continues "this certificate"
 */
export function pinnedUsageObjection(usages: readonly string[]): string | undefined {
    if (usages.length === 0 || usages.includes(SERVER_AUTH) || usages.includes(ANY_USAGE)) return undefined
    return 'is refused by stock notary clients that pin an authority ("unable to match any certificates to trust_pinning config"): they want serverAuth among the extended key usages, or none stated'
}
