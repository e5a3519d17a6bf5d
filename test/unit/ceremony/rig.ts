import type { KeyObject } from "node:crypto"
import {
    type Bundle,
    bundleFiles,
    closeBundle,
    closeStatement,
    encodePlan,
    newBundle,
    type PlanContent,
    type PlannedKey,
    parsePlan,
    type StepInput,
    type StepOptions,
    takeStep,
} from "../../../src/ceremony/index.ts"
import {
    type Algorithm,
    algorithmOf,
    assembleCertificate,
    certificateScheme,
    generatePrivateKey,
    openPrivateKey,
    type PublicKeyBytes,
    rootCertificateTbs,
    signWith,
    tufScheme,
} from "../../../src/crypto/index.ts"
import {
    assembleFile,
    type BaseRole,
    canonicalKeyIdOf,
    certificateKey,
    encodeRoot,
    type Gun,
    type KeyId,
    keyIdOf,
    nextRoot,
    parseGun,
    parseSigned,
    ROOT,
    type RootDocument,
    type Signature,
    type SignedMetadata,
    type TufKey,
    tufKey,
} from "../../../src/tuf/index.ts"
import { ageFile } from "../../support/ceremony/scenario.ts"
import { RECIPIENT_OF_DANA } from "./plans.ts"

export const GUNS = [parseGun("registry.example.com/team/app"), parseGun("registry.example.com/team/web")] as const
export const PACKED = new Date("2026-11-20T10:00:00Z")
export const OPENED = new Date("2026-11-21T09:00:00Z")
const BORN = new Date("2026-01-01T00:00:00Z")
const END = new Date("2037-01-01T00:00:00Z")
const PROGRAM = "12".repeat(32)

/** A key somebody holds: here it signs what it is given. */
export type HeldKey = {
    readonly id: KeyId
    readonly publicKey: PublicKeyBytes
    readonly certificateFor: (gun: Gun, dates?: { readonly notBefore?: Date; readonly notAfter?: Date }) => string
    /** In its bare form; in its certificate's where one is given. */
    readonly sign: (bytes: Uint8Array, as?: TufKey) => Signature
}

export function heldKey(algorithm: Algorithm = "p256"): HeldKey {
    const { pkcs8, publicKey } = generatePrivateKey(algorithm)
    return heldBy(openPrivateKey(pkcs8), publicKey)
}

function heldBy(key: KeyObject, publicKey: PublicKeyBytes): HeldKey {
    const certificates = new Map<string, string>()
    return {
        id: canonicalKeyIdOf(tufKey(publicKey)),
        publicKey,
        certificateFor: (gun, { notBefore = BORN, notAfter = END } = {}) => {
            const name = `${gun} ${notBefore.getTime()} ${notAfter.getTime()}`
            const known = certificates.get(name)
            if (known !== undefined) return known
            const tbs = rootCertificateTbs({ gun, publicKey, serial: Buffer.alloc(16, 7), notBefore, notAfter })
            const pem = assembleCertificate(tbs, publicKey, signWith(key, certificateScheme(algorithmOf(publicKey)), tbs))
            certificates.set(name, pem)
            return pem
        },
        sign: (bytes, as = tufKey(publicKey)) => {
            const method = tufScheme(algorithmOf(publicKey))
            return { keyId: keyIdOf(as), method, sig: signWith(key, method, bytes) }
        },
    }
}

/** Signatures of one repository's root, by these keys with their certificates for it. */
export function signedRoot(
    document: RootDocument,
    gun: Gun,
    signers: readonly HeldKey[],
): { readonly file: Buffer; readonly signed: SignedMetadata } {
    const signed = parseSigned(encodeRoot(document), ROOT)
    const signatures = signers.map((key) => key.sign(signed.bytes, certificateKey(key.certificateFor(gun))))
    return {
        file: assembleFile(
            signed,
            signatures.toSorted((left, right) => (left.keyId < right.keyId ? -1 : 1)),
        ),
        signed,
    }
}

export function firstRootDocument(gun: Gun, keys: readonly HeldKey[], threshold: number, bare: readonly TufKey[]): RootDocument {
    const roots = keys.map((key) => certificateKey(key.certificateFor(gun)))
    const roles: [BaseRole, readonly TufKey[]][] = [
        ["root", roots],
        ["targets", bare.slice(0, 1)],
        ["snapshot", bare.slice(1, 2)],
        ["timestamp", bare.slice(2, 3)],
    ]
    return {
        type: "root",
        version: 1,
        expires: new Date("2030-01-01T00:00:00Z"),
        keys: new Map([...roots, ...bare].map((key) => [keyIdOf(key), key])),
        roles: new Map(roles.map(([role, held]) => [role, { keyIds: held.map(keyIdOf), threshold: role === "root" ? threshold : 1 }])),
        consistentSnapshot: false,
    }
}

/** Three versions of root: one key, then two, then `keys` with the threshold. */
export function publishedChain(
    gun: Gun,
    keys: readonly HeldKey[],
    threshold: number,
): readonly { readonly file: Buffer; readonly signed: SignedMetadata }[] {
    const first = heldKey()
    const bare = [heldKey(), heldKey("ed25519"), heldKey()].map((key) => tufKey(key.publicKey))
    const documents = [firstRootDocument(gun, [first], 1, bare)]
    const signers = [[first]]
    for (const holders of [[first, keys[0] ?? first], keys]) {
        const previous = documents.at(-1)
        if (previous === undefined) break
        const certificates = holders.map((key) => certificateKey(key.certificateFor(gun)))
        const next = nextRoot(previous, {
            rootKeys: { keys: certificates, threshold: holders === keys ? threshold : 1 },
            expires: new Date("2030-01-01T00:00:00Z"),
        })
        signers.push([...new Set([...holders, ...(signers.at(-1) ?? [])])])
        documents.push(next)
    }
    return documents.map((document, index) => signedRoot(document, gun, signers[index] ?? []))
}

export type CeremonyRig = {
    readonly bundle: Bundle
    readonly held: ReadonlyMap<string, HeldKey>
    readonly vault: HeldKey
    readonly witness: HeldKey
    readonly chains: readonly (readonly Buffer[])[]
}

export type RigOptions = {
    readonly algorithm?: "p256" | "p384" | "rsa2048"
    readonly guns?: readonly Gun[]
    /** 1-of-1 instead of 2-of-3 */
    readonly isSmall?: boolean
    readonly changes?: Partial<PlanContent>
}

/** A ceremony of each kind, at its beginning. Small ones know alice alone; the others alice-2 (new), lea-1 (made by the vault) and bob-1 (exists). */
export function ceremonyRig(kind: PlanContent["kind"], options: RigOptions = {}): CeremonyRig {
    const { algorithm = "p256", guns = GUNS, isSmall = false } = options
    const names = ["alice-2", "lea-1", "bob-1", "carol-1", "dave-1"]
    const held = new Map(names.map((name) => [name, heldKey(name === "alice-2" ? algorithm : "p256")]))
    const key = (name: string): HeldKey => held.get(name) ?? heldKey()
    const keys = isSmall ? smallKeys(kind, held, algorithm) : allKeys(kind, held, algorithm)
    const old = keys.filter(({ name, change }) => change !== "new" && (change !== "added" || (kind === "root-lost" && name === "bob-1")))
    const oldThreshold = kind === "root-lost" ? old.length : isSmall ? 1 : 2
    const chains = guns.map((gun) =>
        kind === "create-root"
            ? []
            : publishedChain(
                  gun,
                  old.map(({ name }) => key(name)),
                  oldThreshold,
              ),
    )
    const [vault, witness] = [heldKey(), heldKey("ed25519")]
    const plan = parsePlan(
        encodePlan({
            id: "2026-11-21-a",
            kind,
            reason: "as agreed",
            created: new Date("2026-11-18T09:00:00Z"),
            notBefore: new Date("2026-11-21T08:00:00Z"),
            notAfter: new Date("2026-11-21T20:00:00Z"),
            expires: new Date("2036-11-21T00:00:00Z"),
            threshold: isSmall ? 1 : 2,
            people: [
                { name: "lea", part: "lead" },
                { name: "dana", part: "witness" },
                { name: "alice", part: "holder" },
                ...(keys.some(({ holder }) => holder === "bob") ? [{ name: "bob", part: "holder" } as const] : []),
            ],
            closing: { vault: tufKey(vault.publicKey), witness: tufKey(witness.publicKey) },
            keys,
            spares: [{ token: "spare", serial: "99" }],
            repositories: guns.map((gun, index) => {
                const [first, newest] = [chains[index]?.[0], chains[index]?.at(-1)]
                return {
                    gun,
                    ...(first === undefined || newest === undefined
                        ? {}
                        : {
                              published: {
                                  lineage: first.signed.sha256,
                                  version: chains[index]?.length ?? 0,
                                  sha256: newest.signed.sha256,
                              },
                          }),
                    ...(kind === "create-root" || kind === "root-lost"
                        ? {
                              roles: new Map([
                                  ["targets", tufKey(heldKey().publicKey)],
                                  ["snapshot", tufKey(heldKey().publicKey)],
                                  ["timestamp", tufKey(heldKey("ed25519").publicKey)],
                              ]),
                          }
                        : {}),
                }
            }),
            backupRecipients: isSmall ? [] : [RECIPIENT_OF_DANA],
            ...options.changes,
        }),
    )
    return { bundle: newBundle(plan), held, vault, witness, chains: chains.map((chain) => chain.map(({ file }) => file)) }
}

function smallKeys(
    kind: PlanContent["kind"],
    held: ReadonlyMap<string, HeldKey>,
    algorithm: "p256" | "p384" | "rsa2048",
): readonly PlannedKey[] {
    const id = (name: string): KeyId => held.get(name)?.id ?? heldKey().id
    const alice: PlannedKey = { change: "new", name: "alice-2", holder: "alice", token: "alice", algorithm, make: "token", copies: [] }
    switch (kind) {
        case "create-root":
            return [alice]
        case "rotate-root":
            return [alice, { change: "retired", name: "bob-1", holder: "lea", id: id("bob-1") }]
        case "replace-holder":
            return [
                alice,
                { change: "retired", name: "bob-1", holder: "lea", id: id("bob-1") },
                { change: "lost", name: "carol-1", holder: "Carol", id: id("carol-1") },
            ]
        case "root-lost":
            return [alice, { change: "lost", name: "carol-1", holder: "Carol", id: id("carol-1") }]
    }
}

function allKeys(
    kind: PlanContent["kind"],
    held: ReadonlyMap<string, HeldKey>,
    algorithm: "p256" | "p384" | "rsa2048",
): readonly PlannedKey[] {
    const id = (name: string): KeyId => held.get(name)?.id ?? heldKey().id
    const joining: readonly PlannedKey[] = [
        {
            change: "new",
            name: "alice-2",
            holder: "alice",
            token: "alice",
            serial: "111",
            algorithm,
            make: "token",
            slot: "9c",
            pinPolicy: "once",
            touchPolicy: "always",
            copies: [],
        },
        { change: "new", name: "lea-1", holder: "lea", token: "lea-a", algorithm: "p256", make: "vault", copies: ["lea-b"] },
    ]
    const bob = { name: "bob-1", holder: "bob", id: id("bob-1"), token: "bob", serial: "222" }
    const dave: PlannedKey = { change: "retired", name: "dave-1", holder: "alice", id: id("dave-1") }
    const carol: PlannedKey = { change: "lost", name: "carol-1", holder: "Carol", id: id("carol-1"), serial: "333" }
    switch (kind) {
        case "create-root":
            return [...joining, { change: "added", ...bob }]
        case "rotate-root":
            return [...joining, { change: "kept", ...bob }, dave]
        case "replace-holder":
            return [...joining, { change: "kept", ...bob }, dave, carol]
        case "root-lost":
            return [...joining, { change: "added", ...bob }, carol]
    }
}

/** One step, a minute after the one before. */
export function step(rig: CeremonyRig, input: StepInput, options: Partial<StepOptions> = {}): CeremonyRig {
    return { ...rig, bundle: takeStep(rig.bundle, input, { at: nextMinute(rig.bundle, input), ...options }) }
}

function nextMinute({ state }: Bundle, { step: name }: StepInput): Date {
    if (name === "pack") return PACKED
    return name === "open" ? OPENED : new Date((state.last?.t ?? OPENED).getTime() + 60_000)
}

export const inputs = {
    pack: (rig: CeremonyRig): StepInput => ({ step: "pack", program: "trustkey 0.1.0", programSha256: PROGRAM, chains: rig.chains }),
    open: (): StepInput => ({ step: "open", programSha256: PROGRAM }),
    show: (rig: CeremonyRig, name: string, place?: Extract<StepInput, { readonly step: "keygen" | "present" }>["place"]): StepInput => {
        const planned = rig.bundle.plan.keys.find((key) => key.name === name)
        const { publicKey, certificateFor } = rig.held.get(name) ?? heldKey()
        const joins = planned?.change === "new" || planned?.change === "added"
        return {
            step: planned?.change === "new" ? "keygen" : "present",
            key: name,
            publicKey,
            origin: planned?.change === "new" ? planned.make : "token",
            place: place ?? placeOf(planned),
            certificates: joins ? rig.bundle.plan.repositories.map(({ gun }) => certificateFor(gun)) : [],
        }
    },
    sign: (rig: CeremonyRig, name: string, repository: number): StepInput => {
        const root = rig.bundle.state.build?.roots[repository]
        const gun = rig.bundle.plan.repositories[repository]?.gun ?? GUNS[0]
        const key = rig.held.get(name) ?? heldKey()
        return {
            step: "sign",
            key: name,
            repository,
            signature: key.sign(root?.bytes ?? Buffer.alloc(0), certificateKey(key.certificateFor(gun))),
        }
    },
} as const

function placeOf(planned: PlannedKey | undefined): Extract<StepInput, { readonly step: "keygen" | "present" }>["place"] {
    if (planned === undefined || planned.change === "lost") return {}
    if (planned.change !== "new") return planned.token === undefined ? {} : { token: planned.token, serial: planned.serial ?? "5" }
    if (planned.make === "vault") return {}
    const { token, slot, pinPolicy, touchPolicy } = planned
    return {
        token,
        serial: planned.serial ?? "5",
        ...(slot === undefined ? {} : { slot }),
        ...(pinPolicy === undefined ? {} : { pinPolicy }),
        ...(touchPolicy === undefined ? {} : { touchPolicy }),
    }
}

/** Up to where the roots can be built. */
export function opened(rig: CeremonyRig): CeremonyRig {
    return step(step(rig, inputs.pack(rig)), inputs.open())
}

export function shown(rig: CeremonyRig): CeremonyRig {
    let next = rig
    for (const { name, change } of rig.bundle.plan.keys) {
        if (change !== "lost" && !next.bundle.state.shown.has(name)) next = step(next, inputs.show(next, name))
    }
    return next
}

export function built(rig: CeremonyRig): CeremonyRig {
    return step(shown(rig), { step: "build" })
}

export function signed(rig: CeremonyRig): CeremonyRig {
    let next = rig
    const { kind, keys, repositories } = rig.bundle.plan
    for (const { name, change } of keys) {
        if (change === "lost" || (change === "retired" && kind === "root-lost")) continue
        for (const index of repositories.keys()) next = step(next, inputs.sign(next, name, index))
    }
    return next
}

export function backedUp(rig: CeremonyRig): CeremonyRig {
    let next = rig
    const { keys, backupRecipients } = rig.bundle.plan
    for (const key of keys) {
        if (key.change !== "new") continue
        if (key.make === "token") next = step(next, { step: "backup", key: key.name, how: "cannot-leave" })
        else {
            for (const [index, token] of [key.token, ...key.copies].entries())
                next = step(next, { step: "backup", key: key.name, how: "copy", token, serial: `copy-${index}` })
            if (backupRecipients.length > 0) next = step(next, { step: "backup", key: key.name, how: "export", file: ageFile(1) })
        }
    }
    return next
}

/** All between the opening and the close that this one has not done yet. */
export function done(rig: CeremonyRig): CeremonyRig {
    return backedUp(signed(built(rig)))
}

export function ended(rig: CeremonyRig, outcome: "complete" | "abandoned" = "complete"): CeremonyRig {
    return step(rig, { step: "close", outcome }, { who: "dana" })
}

export function closed(rig: CeremonyRig): CeremonyRig {
    const statement = closeStatement(rig.bundle)
    return { ...rig, bundle: closeBundle(rig.bundle, { vault: rig.vault.sign(statement), witness: rig.witness.sign(statement) }) }
}

/** From beginning to end, closed and signed. */
export function wholeCeremony(kind: PlanContent["kind"], options: RigOptions = {}): CeremonyRig {
    return completed(opened(ceremonyRig(kind, options)))
}

/** What was opened, gone on with to its end. */
export function completed(rig: CeremonyRig): CeremonyRig {
    return closed(ended(done(rig)))
}

export function filesOf(rig: CeremonyRig): Map<string, Buffer> {
    return new Map(bundleFiles(rig.bundle))
}
