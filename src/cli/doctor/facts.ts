import path from "node:path"
import { type ErrorCode, TrustkeyError } from "../../errors.ts"
import { fileMode, listDirectory, ownFileMode, readBytes } from "../../storage/index.ts"
import type { Cli } from "../context.ts"
import type { AuditVerdict, Daemon, DaemonGroup, DaemonRepository, DaemonStatus, DaemonToken, DaemonTokenDetails } from "../daemon-types.ts"
import { homeDirectories, lookAtMachine, type Machine } from "./machine.ts"

/** What somebody was asked for: an answer, or why there is none. */
export type Answered<T> = { readonly answer: T } | { readonly refused: { readonly code: ErrorCode; readonly message: string } }
/** `unasked`: the check that says why nobody could be asked. */
export type Asked<T> = Answered<T> | { readonly unasked: string }

/** A private key file of docker or notary. */
export type KeyFile = {
    readonly path: string
    /** Permission bits */
    readonly mode: number
    readonly protection: KeyProtection
}
/** How the file's keys are encrypted: the weakest of them. `rounds`: of PBKDF2. */
export type KeyProtection = { readonly kind: "none" | "old cipher" | "unreadable" } | { readonly kind: "rounds"; readonly rounds: number }

/** Checks that others rest on. */
export const SIGN_SOCKET = "sign socket"
export const ADMIN_SOCKET = "admin socket"

/** What the checks look at. Nothing in it changes while they do. */
export type Facts = {
    readonly now: Date
    readonly clientVersion: string
    readonly signSocket: string
    readonly adminSocket: string
    readonly sign: Answered<DaemonStatus>
    readonly admin: Answered<DaemonStatus>
    readonly tokens: Asked<readonly DaemonToken[]>
    readonly groups: Asked<readonly DaemonGroup[]>
    readonly repositories: Asked<readonly DaemonRepository[]>
    /** GUNs whose snapshot key the daemon holds. */
    readonly ownSnapshots: ReadonlySet<string>
    readonly audit: Asked<AuditVerdict>
    /** When the newest audit record was written; undefined: there is none. */
    readonly newestRecord: Asked<Date | undefined>
    /** YubiKeys that nobody is logged in to. */
    readonly cards: Asked<readonly DaemonTokenDetails[]>
    readonly machine: Machine
    readonly keyFiles: readonly KeyFile[]
    /** Days: less is a failure, less is a warning. */
    readonly expiry: { readonly failure: number; readonly warning: number }
}

/** Ask everybody once. Only a bug of ours throws. */
export async function gatherFacts(cli: Cli, expiry: Facts["expiry"]): Promise<Facts> {
    const { dockerDirectory } = await import("../trust/session.ts")
    const { ownSnapshotsOf } = await import("../own-snapshots.ts")
    const sign = await cli.daemon("sign")
    const admin = await cli.daemon("admin")
    const status = await asked(() => sign.status())
    // Who does not answer once is not asked again.
    const onSign = async <T>(ask: () => Promise<T>): Promise<Asked<T>> =>
        "refused" in status ? { unasked: SIGN_SOCKET } : await asked(ask)
    const adminStatus = await asked(() => admin.status())
    const onAdmin = async <T>(ask: () => Promise<T>): Promise<Asked<T>> =>
        "refused" in adminStatus ? { unasked: ADMIN_SOCKET } : await asked(ask)
    const tokens = await onSign(() => sign.listTokens())
    const [cards, groups, repositories, own, audit, newestRecord] = await Promise.all([
        onSign(() => showCards(sign, "answer" in tokens ? tokens.answer : [])),
        onSign(() => sign.listGroups()),
        onSign(() => sign.listTrust()),
        onSign(() => ownSnapshotsOf(sign)),
        onAdmin(() => admin.verifyAudit()),
        onAdmin(async () => newestOf(await admin.listAudit({ after: 0, limit: 1, newest: true }))),
    ])
    const homes = await homeDirectories(cli.context.home)
    const trustDirectories = homes.flatMap((home) => [path.join(home, ".docker/trust"), path.join(home, ".notary")])
    return {
        now: cli.now,
        clientVersion: cli.context.version,
        signSocket: cli.socketPath("sign"),
        adminSocket: cli.socketPath("admin"),
        sign: status,
        admin: adminStatus,
        tokens,
        groups,
        repositories,
        ownSnapshots: "answer" in own ? own.answer : new Set(),
        audit,
        newestRecord,
        cards,
        machine: await lookAtMachine(cli),
        keyFiles: await findKeyFiles([...new Set([path.join(dockerDirectory(cli), "trust"), ...trustDirectories])]),
        expiry,
    }
}

/** A card that somebody is logged in to would be logged out by the question. */
async function showCards(daemon: Daemon, tokens: readonly DaemonToken[]): Promise<readonly DaemonTokenDetails[]> {
    const details: DaemonTokenDetails[] = []
    for (const { name, kind, state } of tokens) if (kind === "yubikey" && state === "present") details.push(await daemon.showToken(name))
    return details.filter(({ firmware }) => firmware !== "")
}

function newestOf(records: readonly { readonly at: string }[]): Date | undefined {
    const at = records.at(-1)?.at
    return at === undefined ? undefined : new Date(at)
}

async function asked<T>(ask: () => Promise<T>): Promise<Answered<T>> {
    try {
        return { answer: await ask() }
    } catch (error) {
        if (error instanceof TrustkeyError) return { refused: { code: error.code, message: error.message } }
        throw error
    }
}

const LARGEST_KEY_FILE = 1024 * 1024
/** In one trust directory, and more than anybody has. */
const MOST_ENTRIES = 5000
/** `private/<id>.key` today; before Notary 0.4 `private/root_keys/` and `private/tuf_keys/<GUN>/`. */
const DEEPEST = 8

async function findKeyFiles(trustDirectories: readonly string[]): Promise<readonly KeyFile[]> {
    const found: KeyFile[] = []
    for (const directory of trustDirectories) found.push(...(await keyFilesBelow(path.join(directory, "private"))))
    return found
}

/** Somebody else's home may have been arranged for whoever looks into it: what is not a plain file or directory of the tree itself is left alone. */
async function keyFilesBelow(top: string): Promise<readonly KeyFile[]> {
    const found: KeyFile[] = []
    const waiting = [{ place: top, depth: 0 }]
    for (let looked = 0; looked < MOST_ENTRIES; looked += 1) {
        const next = waiting.shift()
        if (next === undefined) break
        const { place, depth } = next
        const facts = await (depth === 0 ? fileMode : ownFileMode)(place).catch(() => undefined)
        if (facts?.kind === "directory" && depth < DEEPEST) {
            const names = await listDirectory(place).catch(() => [])
            waiting.push(...names.slice(0, MOST_ENTRIES).map((name) => ({ place: path.join(place, name), depth: depth + 1 })))
        } else if (facts?.kind === "file" && place.endsWith(".key")) {
            found.push({ path: place, mode: facts.mode, protection: await protectionOf(place) })
        }
    }
    return found
}

async function protectionOf(file: string): Promise<KeyProtection> {
    const { readKeyFile } = await import("../../crypto/index.ts")
    const content = await readBytes(file, { maxBytes: LARGEST_KEY_FILE, onlyFiles: true }).catch(() => undefined)
    if (content === undefined) return { kind: "unreadable" }
    try {
        const protections = readKeyFile(content).map((entry): KeyProtection => {
            using _wiped = entry
            if (entry.encryption.kind === "pbes2") return { kind: "rounds", rounds: entry.encryption.iterations }
            return { kind: entry.encryption.kind === "none" ? "none" : "old cipher" }
        })
        return protections.reduce((one, other) => (strength(other) < strength(one) ? other : one))
    } catch (error) {
        if (error instanceof TrustkeyError) return { kind: "unreadable" }
        throw error
    } finally {
        content.fill(0)
    }
}

function strength(protection: KeyProtection): number {
    if (protection.kind === "rounds") return protection.rounds
    return protection.kind === "none" ? -2 : -1
}
