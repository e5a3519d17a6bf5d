import type { PlanRootRequest, RawFile } from "../../custody/index.ts"
import { type Gun, type NextKeys, parseGun, type TufKey } from "../../tuf/index.ts"
import type { AdoptRequest__Output } from "../../wire/trustkeyd/v1/AdoptRequest.ts"
import type { ObserveRequest__Output } from "../../wire/trustkeyd/v1/ObserveRequest.ts"
import type { PlanRootRequest__Output } from "../../wire/trustkeyd/v1/PlanRootRequest.ts"
import type { PublicKey__Output } from "../../wire/trustkeyd/v1/PublicKey.ts"
import type { ResetRequest__Output } from "../../wire/trustkeyd/v1/ResetRequest.ts"
import type { RoleKeys__Output } from "../../wire/trustkeyd/v1/RoleKeys.ts"
import { atMost, confirmation, files, known, MAX_KEYS_PER_ROLE, payload, wholeSeconds } from "./fields.ts"

/** A certificate with its chain, in PEM. */
const MAX_PUBLIC_KEY_BYTES = 64 * 1024
const KEY_TYPES = ["ecdsa", "rsa", "ed25519", "ecdsa-x509", "rsa-x509"] as const satisfies readonly TufKey["keytype"][]

export function decodeGun(wire: { readonly gun: string }): { readonly gun: Gun } {
    return { gun: parseGun(wire.gun) }
}

export function decodeObserve(
    wire: ObserveRequest__Output,
    maxPayloadBytes: number,
): { readonly gun: Gun; readonly files: readonly RawFile[] } {
    return { gun: parseGun(wire.gun), files: files("files", wire.files, maxPayloadBytes) }
}

export function decodePlanRoot(wire: PlanRootRequest__Output, maxPayloadBytes: number): PlanRootRequest {
    const rootKeys = roleKeys("root", wire.root)
    const roles = (["targets", "snapshot", "timestamp"] as const).flatMap((role) => {
        const keys = roleKeys(role, wire[role])
        return keys === undefined ? [] : [[role, keys] as const]
    })
    return {
        gun: parseGun(wire.gun),
        published: files("published", wire.published, maxPayloadBytes),
        ...(wire.expires === ""
            ? {}
            : { change: { expires: wholeSeconds(wire.expires), roles: new Map(roles), ...(rootKeys === undefined ? {} : { rootKeys }) } }),
    }
}

function roleKeys(field: string, wire: RoleKeys__Output | null): NextKeys | undefined {
    if (wire === null) return undefined
    return { keys: atMost(field, wire.keys, MAX_KEYS_PER_ROLE).map(decodePublicKey), threshold: wire.threshold }
}

function decodePublicKey(wire: PublicKey__Output): TufKey {
    const keytype = known(
        "keytype",
        KEY_TYPES.find((type) => type === wire.keytype),
    )
    return { keytype, public: payload("public", wire.public, MAX_PUBLIC_KEY_BYTES) }
}

export function decodeAdopt(
    wire: AdoptRequest__Output,
    maxPayloadBytes: number,
): { readonly gun: Gun; readonly files: readonly RawFile[]; readonly confirm: string } {
    return { gun: parseGun(wire.gun), files: files("files", wire.files, maxPayloadBytes), confirm: confirmation(wire.confirm) }
}

export function decodeReset(wire: ResetRequest__Output): { readonly gun: Gun; readonly confirm: string } {
    return { gun: parseGun(wire.gun), confirm: confirmation(wire.confirm) }
}
