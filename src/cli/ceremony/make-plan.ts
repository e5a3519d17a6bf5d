import {
    type CeremonyKind,
    formatTime,
    PLAN_FORMAT,
    type Plan,
    type PlanValue,
    parsePlan,
    planKeyTable,
    planTable,
} from "../../ceremony/index.ts"
import { pemToPublicKey } from "../../crypto/index.ts"
import { TrustkeyError } from "../../errors.ts"
import { readTextFile } from "../../storage/index.ts"
import { canonicalKeyIds, lineageOf, type RootDocument, TARGETS, type TufKey, tufKey } from "../../tuf/index.ts"
import type { Cli } from "../context.ts"
import { rootDocumentOf } from "../trust/build-update.ts"
import { publicOf } from "../trust/init-repository.ts"
import type { TrustSession } from "../trust/session.ts"

export type PlanOptions = {
    id?: string
    reason: string
    from: Date
    until: Date
    expires?: Date
    threshold: number
    person: readonly string[]
    key: readonly string[]
    spare?: readonly string[]
    vaultKey: string
    witnessKey: string
    targetsKey?: string
    snapshotKey?: string
    recipient?: readonly string[]
}

const DAY = 86_400_000
const ROOT_DAYS = 3649
const MAX_KEY_FILE = 64 * 1024
const KEY_FIELDS = [
    "name",
    "holder",
    "change",
    "id",
    "token",
    "serial",
    "algorithm",
    "make",
    "slot",
    "pin_policy",
    "touch_policy",
    "copies",
] as const
const PERSON_FIELDS = ["name", "part", "full_name"] as const
const SPARE_FIELDS = ["token", "serial"] as const
const HERE = { algorithm: "p256", make: "token" } as const

/**
 * A plan from what was given and what is published now. Nothing is kept and nobody is asked.
 *
 * @throws plan_invalid with every mistake; usage, not_found, and what fetching throws
 */
export async function makePlan(cli: Cli, kind: CeremonyKind, guns: readonly string[], options: PlanOptions): Promise<Plan> {
    const { openRepositorySession } = await import("../trust/session.ts")
    const [vault, witness] = [await readPublic(options.vaultKey), await readPublic(options.witnessKey)]
    const repositories: string[] = []
    const roots: RootDocument[] = []
    for (const gun of guns) {
        const session = await openRepositorySession(cli, gun, "push")
        const { blocks, root } = await repositoryBlocks(session, kind, options)
        repositories.push(...blocks)
        if (root !== undefined) roots.push(root)
    }
    const keys = options.key.map((text) => keyFields(text, roots))
    const expires = options.expires ?? new Date(options.from.getTime() + ROOT_DAYS * DAY)
    const text = [
        `# Review every line before the ceremony: what stands here is what will be done.\n`,
        planTable("", [
            ["format", PLAN_FORMAT],
            ["id", options.id ?? `${formatTime(options.from).slice(0, 10)}-a`],
            ["kind", kind],
            ["reason", options.reason],
            ["created", formatTime(cli.now)],
            ["not_before", formatTime(options.from)],
            ["not_after", formatTime(options.until)],
            ["expires", formatTime(expires)],
            ["threshold", options.threshold],
        ]),
        ...options.person.map((person) => planTable("[[person]]", [...fieldsOf("--person", person, PERSON_FIELDS)])),
        planKeyTable("closing.vault", vault),
        planKeyTable("closing.witness", witness),
        ...keys.map((fields) => planTable("[[key]]", [...fields])),
        ...(options.spare ?? []).map((spare) => planTable("[[spare]]", [...fieldsOf("--spare", spare, SPARE_FIELDS)])),
        ...repositories,
        ...(options.recipient === undefined ? [] : [planTable("[backup]", [["recipients", options.recipient]])]),
    ].join("\n")
    const bytes = Buffer.from(text, "utf8")
    const plan = parsePlan(bytes)
    requireNamed(keys, roots)
    return plan
}

/** "name=alice-2,holder=alice". @throws usage */
function fieldsOf(flag: string, text: string, known: readonly string[]): Map<string, string> {
    const fields = new Map<string, string>()
    for (const part of text.split(",")) {
        const [, name, value] = /^([a-z_]+)=(.+)$/.exec(part.trim()) ?? []
        if (name === undefined || value === undefined || !known.includes(name) || fields.has(name)) {
            throw new TrustkeyError("usage", `${flag} ${text}: give FIELD=VALUE,FIELD=VALUE, each once; fields are ${known.join(", ")}`)
        }
        fields.set(name, value)
    }
    return fields
}

function keyFields(text: string, roots: readonly RootDocument[]): ReadonlyMap<string, PlanValue> {
    const given = fieldsOf("--key", text, KEY_FIELDS)
    const id = given.get("id")
    const fields: [string, PlanValue][] = [...given].map(([name, value]) => [name, name === "copies" ? value.split("+") : value])
    if (id !== undefined)
        fields.splice(
            0,
            fields.length,
            ...fields.map(([name, value]): [string, PlanValue] => [name, name === "id" ? fullId(id, roots) : value]),
        )
    if (given.get("change") !== "new") return new Map(fields)
    return new Map([...Object.entries(HERE), ...fields])
}

/** The first digits are enough for a key that the root lists. */
function fullId(text: string, roots: readonly RootDocument[]): string {
    if (!/^[0-9a-f]{7,63}$/.test(text)) return text
    const found = new Set(roots.flatMap(rootKeyIds).filter((id) => id.startsWith(text)))
    const [only, ...others] = found
    if (only === undefined || others.length > 0) {
        throw new TrustkeyError("not_found", `${text} is the beginning of ${found.size} IDs of root keys; give the whole ID`)
    }
    return only
}

export function rootKeyIds(root: RootDocument): readonly string[] {
    return canonicalKeyIds(root.keys, root.roles.get("root")?.keyIds)
}

/** The checker of the bundle would refuse it, on the day. @throws plan_invalid */
function requireNamed(keys: readonly ReadonlyMap<string, PlanValue>[], roots: readonly RootDocument[]): void {
    const named = new Set(keys.map((fields) => fields.get("id")))
    const left = [...new Set(roots.flatMap(rootKeyIds))].filter((id) => !named.has(id))
    if (left.length === 0) return
    const lines = left.map(
        (id) => `the root now trusts key ${id}, and no --key says what becomes of it: name=…,holder=…,change=kept,id=${id.slice(0, 12)}`,
    )
    throw new TrustkeyError("plan_invalid", lines.join("\n"))
}

type RepositoryBlocks = { readonly blocks: readonly string[]; readonly root: RootDocument | undefined }

async function repositoryBlocks(session: TrustSession, kind: CeremonyKind, options: PlanOptions): Promise<RepositoryBlocks> {
    const { gun } = session
    if (kind === "create-root") {
        if ((await session.server.get(gun, "root")) !== undefined)
            throw new TrustkeyError("already_exists", `${session.server.url} has trust data for ${gun}: that root is rotated, not created`)
        return { blocks: [planTable("[[repository]]", [["gun", gun]]), ...(await roleTables(session, options))], root: undefined }
    }
    const current = await session.fetchToTakeIn()
    const newest = current.verified.root
    const [first] = current.roots
    if (first === undefined) throw new TrustkeyError("no_trust_data", `${session.server.url} has no root of ${gun}`)
    const head = planTable("[[repository]]", [
        ["gun", gun],
        ["lineage", lineageOf(first.signed)],
        ["root_version", newest.signed.document.version],
        ["root_sha256", newest.signed.sha256],
    ])
    return { blocks: [head, ...(kind === "root-lost" ? await roleTables(session, options) : [])], root: rootDocumentOf(newest) }
}

/** The bare keys of the other roles of a root that begins anew. */
async function roleTables(session: TrustSession, options: PlanOptions): Promise<readonly string[]> {
    const { cli, gun, server } = session
    const daemon = await cli.daemon()
    const own = async (id: string): Promise<TufKey> => publicOf(await daemon.getKey(id))
    const targets = options.targetsKey === undefined ? await boundTargets(session) : await own(options.targetsKey)
    const snapshot = options.snapshotKey === undefined ? await server.key(gun, "snapshot") : await own(options.snapshotKey)
    return [
        planKeyTable("repository.roles.targets", targets),
        planKeyTable("repository.roles.snapshot", snapshot),
        planKeyTable("repository.roles.timestamp", await server.key(gun, "timestamp")),
    ]
}

async function boundTargets({ cli, gun }: TrustSession): Promise<TufKey> {
    const bound = (await (await cli.daemon()).listKeys({ gun, role: TARGETS })).filter(({ state }) => state !== "removed")
    const [only, ...others] = bound
    if (only !== undefined && others.length === 0) return publicOf(only)
    const make = `trustkey key create --purpose targets --label ${gun} --bind targets@${gun}`
    throw new TrustkeyError(
        "not_found",
        only === undefined
            ? `the daemon has no targets key for ${gun}: make one first (${make}), or name one with --targets-key`
            : `the daemon has ${bound.length} targets keys for ${gun}: name one with --targets-key`,
    )
}

/** PEM, as trustkey key public writes it. */
async function readPublic(file: string): Promise<TufKey> {
    return tufKey(pemToPublicKey(await readTextFile(file, { maxBytes: MAX_KEY_FILE })))
}
