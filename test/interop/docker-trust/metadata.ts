import { askHttps } from "../../support/https.ts"
import type { Notary } from "../../support/notary.ts"

const DAY = 86_400_000

/** What a repository's metadata say. */
export type RepositoryFacts = {
    readonly versions: ReadonlyMap<string, number>
    /** The keys by what they are for: `root`, `targets`, a signer's name. */
    readonly keys: readonly { readonly id: string; readonly is: string }[]
    /** One line each, sorted; `name` says what an ID is called. */
    facts(name: (id: string) => string): readonly string[]
    readonly timestamp: string
}

type KeyJson = { readonly keytype: string }
/** Go writes null for a list nobody ever put anything into. */
type RoleJson = { readonly keyids: readonly string[] | null; readonly threshold: number }
type SignedJson = {
    readonly version: number
    readonly expires: string
    readonly consistent_snapshot?: boolean
    readonly keys?: Readonly<Record<string, KeyJson>>
    readonly roles?: Readonly<Record<string, RoleJson>>
    readonly targets?: Readonly<Record<string, TargetJson>>
    readonly delegations?: { readonly keys: Readonly<Record<string, KeyJson>>; readonly roles: readonly DelegationJson[] | null }
    readonly meta?: Readonly<Record<string, unknown>>
}
type TargetJson = { readonly hashes: Readonly<Record<string, string>>; readonly length: number; readonly custom?: unknown }
type DelegationJson = RoleJson & { readonly name: string; readonly paths?: readonly string[] }
type FileJson = { readonly signed: SignedJson; readonly signatures: readonly { readonly keyid: string; readonly method: string }[] }

/** As the server gives them out now. `before` itself when nothing changed; undefined when the server knows no such repository. */
export async function readRepository(
    notary: Notary,
    gun: string,
    before: RepositoryFacts | undefined,
): Promise<RepositoryFacts | undefined> {
    const read = async (role: string): Promise<string | undefined> => {
        const { status, body } = await askHttps(`${notary.url}/v2/${gun}/_trust/tuf/${role}.json`, { caFile: notary.caFile })
        if (status === 404) return undefined
        if (status !== 200) throw new Error(`${role} of ${gun}: the server answered ${status}: ${body.toString()}`)
        return body.toString()
    }
    const timestamp = await read("timestamp")
    if (timestamp === undefined) return undefined
    if (timestamp === before?.timestamp) return before
    const files = new Map([["timestamp", parseFile(timestamp)]])
    const snapshot = parseFile((await read("snapshot")) ?? "{}")
    files.set("snapshot", snapshot)
    for (const role of Object.keys(snapshot.signed.meta ?? {}).sort()) files.set(role, parseFile((await read(role)) ?? "{}"))
    return {
        versions: new Map([...files].map(([role, { signed }]) => [role, signed.version])),
        keys: keysOf(files),
        facts: (name) => [...files].flatMap(([role, file]) => factsOf(role, file, name)).sort(),
        timestamp,
    }
}

function keysOf(files: ReadonlyMap<string, FileJson>): readonly { id: string; is: string }[] {
    const top = Object.entries(files.get("root")?.signed.roles ?? {}).map(([role, { keyids }]) => ({ role, keyids }))
    const below = (files.get("targets")?.signed.delegations?.roles ?? [])
        .filter(({ name }) => name !== "targets/releases")
        .map(({ name, keyids }) => ({ role: name.slice("targets/".length), keyids }))
    return [...top, ...below].flatMap(({ role, keyids }) => (keyids ?? []).map((id) => ({ id, is: role })))
}

function factsOf(role: string, { signed, signatures }: FileJson, name: (id: string) => string): readonly string[] {
    const days = Math.round((Date.parse(signed.expires) - Date.now()) / DAY)
    const facts = [`${role} is signed with ${list(signatures.map(({ keyid, method }) => `${name(keyid)} (${method})`))}`]
    facts.push(`${role} expires in ${days} days`)
    const keys = (known: Readonly<Record<string, KeyJson>> | undefined, ids: readonly string[] | null): string =>
        list((ids ?? []).map((id) => `${name(id)} (${known?.[id]?.keytype})`))
    if (signed.consistent_snapshot !== undefined) facts.push(`${role} has consistent_snapshot ${signed.consistent_snapshot}`)
    for (const [below, { keyids, threshold }] of Object.entries(signed.roles ?? {})) {
        facts.push(`${role} lets ${threshold} of ${keys(signed.keys, keyids)} sign ${below}`)
    }
    for (const { name: below, keyids, threshold, paths } of signed.delegations?.roles ?? []) {
        facts.push(`${role} lets ${threshold} of ${keys(signed.delegations?.keys, keyids)} sign ${below} for ${JSON.stringify(paths)}`)
    }
    const held = signed.keys ?? signed.delegations?.keys
    if (held !== undefined) facts.push(`${role} holds ${keys(held, Object.keys(held))}`)
    for (const [tag, { hashes, length, custom }] of Object.entries(signed.targets ?? {})) {
        const digests = Object.entries(hashes).map(([kind, value]) => `${kind}:${name(Buffer.from(value, "base64").toString("hex"))}`)
        facts.push(`${role} says ${tag} is ${list(digests)}, ${length} bytes${custom === undefined ? "" : `, ${JSON.stringify(custom)}`}`)
    }
    if (signed.meta !== undefined) facts.push(`${role} lists ${list(Object.keys(signed.meta))}`)
    return facts
}

function list(names: readonly string[]): string {
    return names.length === 0 ? "nothing" : names.toSorted().join(", ")
}

function parseFile(text: string): FileJson {
    return JSON.parse(text) as FileJson
}
