import { parseCertificateChain } from "../../crypto/index.ts"
import { certificateKey, type Delegations, encodeRoot, encodeTargets, type KeyId, keyIdOf, type TufKey } from "../../tuf/index.ts"
import { expiresAfterDays, NO_DELEGATIONS } from "./build-update.ts"

// Ten years as Notary has it (3650 days), less a day: inside a limit of "10y" and inside the certificate's own dates.
const ROOT_DAYS = 3649

export type FirstKeys = {
    /** PEM */
    readonly certificate: string
    readonly targets: TufKey
    readonly snapshot: TufKey
    readonly timestamp: TufKey
}

/** Ten years less a day; never as long as the certificate, which may be from an earlier try. */
export function rootExpiry(now: Date, certificate: string): Date {
    const usual = expiresAfterDays(now, ROOT_DAYS)
    const leaf = parseCertificateChain(certificate)[0]
    if (leaf === undefined) return usual
    const last = expiresAfterDays(leaf.notAfter, -1)
    return last < usual ? last : usual
}

/** Root version 1, one key to each role, as docker makes it. Canonical bytes. */
export function firstRoot(keys: FirstKeys, expires: Date): Buffer {
    const root = certificateKey(keys.certificate)
    const one = (key: TufKey): { keyIds: readonly KeyId[]; threshold: number } => ({ keyIds: [keyIdOf(key)], threshold: 1 })
    const all = [root, keys.targets, keys.snapshot, keys.timestamp]
    return encodeRoot({
        type: "root",
        version: 1,
        expires,
        keys: new Map(all.map((key) => [keyIdOf(key), key])),
        roles: new Map([
            ["root", one(root)],
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
