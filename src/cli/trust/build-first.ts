import { parseCertificateChain } from "../../crypto/index.ts"
import { certificateKey, type Delegations, encodeRoot, encodeTargets, type KeyRole, keyIdOf, type TufKey } from "../../tuf/index.ts"
import { expiresAfterDays, NO_DELEGATIONS } from "./build-update.ts"

// Ten years as Notary has it (3650 days), less a day: inside a limit of "10y" and inside the certificate's own dates.
const ROOT_DAYS = 3649

export type FirstKeys = {
    /** PEM, one for each root key */
    readonly certificates: readonly string[]
    /** How many of the root keys have to sign a root. */
    readonly rootThreshold: number
    readonly targets: TufKey
    readonly snapshot: TufKey
    readonly timestamp: TufKey
}

/** Ten years less a day; never as long as the first certificate to end, which may be from an earlier try. */
export function rootExpiry(now: Date, certificates: readonly string[]): Date {
    const ends = certificates.flatMap((pem) => parseCertificateChain(pem)[0]?.notAfter ?? [])
    return [expiresAfterDays(now, ROOT_DAYS), ...ends.map((end) => expiresAfterDays(end, -1))].reduce((a, b) => (b < a ? b : a))
}

/** Root version 1; but for role root one key to each role, as docker makes it. Canonical bytes. */
export function firstRoot(keys: FirstKeys, expires: Date): Buffer {
    const roots = keys.certificates.map(certificateKey)
    const one = (key: TufKey): KeyRole => ({ keyIds: [keyIdOf(key)], threshold: 1 })
    const all = [...roots, keys.targets, keys.snapshot, keys.timestamp]
    return encodeRoot({
        type: "root",
        version: 1,
        expires,
        keys: new Map(all.map((key) => [keyIdOf(key), key])),
        roles: new Map([
            ["root", { keyIds: roots.map(keyIdOf), threshold: keys.rootThreshold }],
            ["targets", one(keys.targets)],
            ["snapshot", one(keys.snapshot)],
            ["timestamp", one(keys.timestamp)],
        ]),
        consistentSnapshot: false,
    })
}

/** Targets before the first tag. Canonical bytes. */
export function firstTargets(expires: Date, delegations: Delegations = NO_DELEGATIONS, version = 1): Buffer {
    return encodeTargets({ type: "targets", version, expires, targets: new Map(), delegations })
}
