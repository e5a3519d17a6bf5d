import { TrustkeyError } from "../errors.ts"
import type { Wire } from "../wire/load.ts"
import {
    type AlgorithmName,
    type BegunRoot,
    type Binding,
    type DaemonKey,
    type DaemonTokenDetails,
    type DaemonTokenObject,
    type PlannedRoot,
    PURPOSES,
    type PurposeName,
    type RoleKeys,
} from "./daemon-types.ts"

type V1 = Wire["v1"]
type WireKey = ReturnType<V1["Keys"]["service"]["Get"]["responseDeserialize"]>
type WireAlgorithm = WireKey["algorithm"]
type WirePurpose = WireKey["purpose"]
type WireTokenDetails = ReturnType<V1["Tokens"]["service"]["Show"]["responseDeserialize"]>
type WirePlannedRoot = ReturnType<V1["Trust"]["service"]["PlanRoot"]["responseDeserialize"]>
type WireTokenObject = ReturnType<V1["Tokens"]["service"]["Objects"]["responseDeserialize"]>["objects"][number]

const ALGORITHM = {
    p256: "ALGORITHM_P256",
    p384: "ALGORITHM_P384",
    rsa2048: "ALGORITHM_RSA_2048",
    rsa3072: "ALGORITHM_RSA_3072",
    rsa4096: "ALGORITHM_RSA_4096",
    ed25519: "ALGORITHM_ED25519",
} as const satisfies Record<AlgorithmName, WireAlgorithm>

const PURPOSE = {
    root: "PURPOSE_ROOT",
    targets: "PURPOSE_TARGETS",
    snapshot: "PURPOSE_SNAPSHOT",
    delegation: "PURPOSE_DELEGATION",
    ceremony: "PURPOSE_CEREMONY",
} as const satisfies Record<PurposeName, WirePurpose>

const STATE = {
    KEY_STATE_UNSPECIFIED: "unknown",
    KEY_STATE_LOCKED: "locked",
    KEY_STATE_UNLOCKED: "unlocked",
    KEY_STATE_ABSENT: "absent",
    KEY_STATE_REMOVED: "removed",
} as const satisfies Record<WireKey["state"], DaemonKey["state"]>

export function encodeAlgorithm(name: AlgorithmName): WireAlgorithm {
    return ALGORITHM[name]
}

export function encodePurpose(name: PurposeName): WirePurpose {
    return PURPOSE[name]
}

function readAlgorithm(wire: WireAlgorithm): AlgorithmName | "unknown" {
    const algorithms: readonly AlgorithmName[] = ["p256", "p384", "rsa2048", "rsa3072", "rsa4096", "ed25519"]
    return algorithms.find((name) => ALGORITHM[name] === wire) ?? "unknown"
}

export function readKey(wire: WireKey): DaemonKey {
    return {
        id: wire.id,
        algorithm: readAlgorithm(wire.algorithm),
        purpose: PURPOSES.find((name) => PURPOSE[name] === wire.purpose) ?? "unknown",
        label: wire.label,
        publicKey: wire.publicKey,
        keytype: wire.keytype,
        bindings: wire.bindings,
        home: wire.home,
        tokenUri: wire.tokenUri,
        origin: wire.origin,
        createdAt: wire.createdAt,
        removedAt: wire.removedAt,
        // A newer daemon may send a number we have no word for.
        state: STATE[wire.state] ?? "unknown",
        unlockedUntil: wire.unlockedUntil,
        usesLeft: wire.usesLeft,
        ready: wire.ready,
        mine: wire.mine,
        pinPolicy: wire.pinPolicy,
        touchPolicy: wire.touchPolicy,
        copies: wire.copies,
        brought: wire.brought,
        attestation: wire.attestation ?? undefined,
        needs: wire.needs,
    }
}

export function readTokenDetails(wire: WireTokenDetails): DaemonTokenDetails {
    if (wire.token === null) throw new TrustkeyError("internal", "the daemon said nothing of the token")
    const { token, slots, ...rest } = wire
    return { ...rest, token, slots: slots.map((slot) => ({ ...slot, algorithm: readAlgorithm(slot.algorithm) })) }
}

export function readTokenObject(wire: WireTokenObject): DaemonTokenObject {
    return { ...wire, algorithm: readAlgorithm(wire.algorithm) }
}

export function encodeRoleKeys(keys: RoleKeys | undefined): { keys: { keytype: string; public: Uint8Array }[]; threshold: number } | null {
    return keys === undefined ? null : { keys: [...keys.keys], threshold: keys.threshold }
}

export function readPlannedRoot(wire: WirePlannedRoot): PlannedRoot {
    if (wire.plan === null) throw new TrustkeyError("internal", "the daemon answered without a plan")
    return { plan: wire.plan, begun: readBegunRoot(wire) }
}

export function readBegunRoot({ begunVersion, begun }: WirePlannedRoot): BegunRoot | undefined {
    return begunVersion === 0 ? undefined : { version: begunVersion, plan: begun ?? undefined }
}

/** `ROLE@GUN`, as in targets/releases@registry.example.com/team/app. @throws usage */
export function parseBinding(text: string): Binding {
    const at = text.indexOf("@")
    if (at < 1 || at === text.length - 1) {
        throw new TrustkeyError("usage", `a binding looks like targets@registry.example.com/team/app, not ${text}`)
    }
    return { role: text.slice(0, at), gun: text.slice(at + 1) }
}
