import {
    type ExistingKey,
    encodePlan,
    type LostKey,
    type Plan,
    type PlannedKey,
    type PlannedRepository,
    parsePlan,
} from "../../ceremony/index.ts"
import { generatePrivateKey } from "../../crypto/index.ts"
import {
    assembleFile,
    type BaseRole,
    certificateKey,
    encodeRoot,
    type KeyId,
    type KeyRole,
    keyIdOf,
    lineageOf,
    parseKeyId,
    parseSigned,
    ROOT,
    type TufKey,
    tufKey,
} from "../../tuf/index.ts"
import { logInTo } from "../card.ts"
import type { Cli } from "../context.ts"
import { createAt } from "../create-key.ts"
import type { Daemon } from "../daemon-types.ts"
import { publicOf } from "../trust/init-repository.ts"
import { fromWireSignature } from "../wire-signature.ts"
import type { ScratchVault } from "./scratch-vault.ts"

/** For keys of which the plan doesn't say on which token they are. */
const ELSEWHERE = "elsewhere"
const DAY = 86_400_000
const LEAST_MS = 60_000

/** A plan that does the same with keys that stand in for those that exist elsewhere, and root files that go with it. */
export type Rehearsal = { readonly plan: Plan; readonly chains: readonly (readonly Uint8Array[])[] }

/** Every token that a rehearsal of `plan` needs. */
export function tokensOf(plan: Plan): readonly string[] {
    const names = [...plan.keys.flatMap(tokenNames), ...plan.spares.map(({ token }) => token)]
    return [...new Set(names)]
}

function tokenNames(key: PlannedKey): readonly string[] {
    if (key.change === "new") return [key.token, ...key.copies]
    return [key.change === "lost" ? ELSEWHERE : (key.token ?? ELSEWHERE)]
}

export async function standIn(cli: Cli, daemon: Daemon, plan: Plan, vault: ScratchVault): Promise<Rehearsal> {
    const closing = { vault: await closingKey(cli, daemon, "vault", vault), witness: await closingKey(cli, daemon, "witness", vault) }
    const keys: PlannedKey[] = []
    for (const key of plan.keys) keys.push(key.change === "new" ? newKey(key, vault) : await existing(cli, daemon, key, vault))
    const repositories: PlannedRepository[] = []
    const chains: (readonly Uint8Array[])[] = []
    for (const repository of plan.repositories) {
        if (repository.published === undefined) {
            repositories.push(repository)
            chains.push([])
            continue
        }
        const root = await publishedRoot(daemon, plan, keys, repository)
        const lineage = lineageOf(root.signed)
        repositories.push({ ...repository, published: { lineage, version: 1, sha256: lineage } })
        chains.push([root.content])
    }
    const now = new Date(Math.floor(cli.now.getTime() / 1000) * 1000)
    const rehearsal = {
        ...plan,
        id: `${plan.id.slice(0, 54)}-rehearsal`,
        rehearsalOf: plan.sha256,
        created: new Date(now.getTime() - LEAST_MS),
        notBefore: new Date(now.getTime() - LEAST_MS),
        notAfter: new Date(Math.min(now.getTime() + DAY, plan.expires.getTime() - 1000)),
        closing,
        keys,
        spares: plan.spares.map(({ token }) => ({ token })),
        repositories,
        // To the others it is encrypted as on the day.
        backupRecipients: plan.backupRecipients.map((recipient, index) => (index === 0 ? vault.recipient : recipient)),
    }
    return { plan: parsePlan(encodePlan(rehearsal)), chains }
}

async function closingKey(cli: Cli, daemon: Daemon, label: string, { passphraseFile }: ScratchVault): Promise<TufKey> {
    const spec = { purpose: "ceremony", algorithm: "p256", label, bindings: [], passphraseFile } as const
    return publicOf(await createAt(cli, daemon, spec))
}

/** A software token has no slots and asks for nobody's touch. */
function newKey(
    { slot: _slot, pinPolicy: _pin, touchPolicy: _touch, ...key }: Extract<PlannedKey, { change: "new" }>,
    vault: ScratchVault,
): PlannedKey {
    return { ...key, ...serialOf(key, vault) }
}

function serialOf(key: { readonly token?: string; readonly serial?: string }, { serials }: ScratchVault): { readonly serial?: string } {
    const serial = key.token === undefined ? undefined : serials.get(key.token)
    return key.serial === undefined || serial === undefined ? {} : { serial }
}

async function existing(cli: Cli, daemon: Daemon, key: ExistingKey | LostKey, vault: ScratchVault): Promise<PlannedKey> {
    const [token = ELSEWHERE] = tokenNames(key)
    await logInTo(cli, daemon, token, { pinFile: vault.pinFile(token) })
    const made = await daemon.createKey({
        algorithm: "p256",
        purpose: "root",
        label: `stand-in for ${key.name}`,
        home: { token },
        bindings: [],
    })
    const id = parseKeyId(made.id)
    return key.change === "lost" ? { change: "lost", name: key.name, holder: key.holder, id } : { ...key, id, ...serialOf(key, vault) }
}

/** Version 1, as if it had been published, trusting the stand-ins of those keys that the real one trusts. */
async function publishedRoot(
    daemon: Daemon,
    plan: Plan,
    keys: readonly PlannedKey[],
    { gun, roles }: PlannedRepository,
): Promise<{ readonly signed: ReturnType<typeof parseSigned>; readonly content: Buffer }> {
    const there = keys.filter((key): key is ExistingKey | LostKey => ["kept", "retired", "lost"].includes(key.change))
    const available = there.filter(({ change }) => change !== "lost").length
    const threshold = plan.kind === "root-lost" ? available + 1 : Math.max(1, Math.min(available, plan.threshold))
    const certificates = new Map<KeyId, TufKey>()
    for (const { id } of there) {
        const key = certificateKey((await daemon.rootCertificate({ keyId: id, gun })).pem)
        certificates.set(keyIdOf(key), key)
    }
    const others = (["targets", "snapshot", "timestamp"] as const).map((role) => [role, roles?.get(role) ?? anyKey()] as const)
    const body = encodeRoot({
        type: "root",
        version: 1,
        expires: new Date(plan.expires.getTime() - DAY),
        keys: new Map([...certificates, ...others.map(([, key]) => [keyIdOf(key), key] as const)]),
        roles: new Map<BaseRole, KeyRole>([
            ["root", { keyIds: [...certificates.keys()].sort(), threshold }],
            ...others.map(([role, key]) => [role, { keyIds: [keyIdOf(key)], threshold: 1 }] as const),
        ]),
        consistentSnapshot: false,
    })
    const signatures = []
    for (const { id } of there) signatures.push(fromWireSignature(await daemon.sign({ keyId: id, gun, role: ROOT, signed: body })))
    const signed = parseSigned(body, ROOT)
    return { signed, content: assembleFile(signed, signatures) }
}

/** Nothing is ever signed with it. */
function anyKey(): TufKey {
    const { publicKey, pkcs8 } = generatePrivateKey("p256")
    pkcs8[Symbol.dispose]()
    return tufKey(publicKey)
}
