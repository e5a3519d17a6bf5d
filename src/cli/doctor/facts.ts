import path from "node:path"
import { type ErrorCode, TrustkeyError } from "../../errors.ts"
import { fileMode, listDirectory, readBytes } from "../../storage/index.ts"
import type { Cli } from "../context.ts"
import type { AuditVerdict, DaemonGroup, DaemonRepository, DaemonStatus, DaemonToken } from "../daemon-types.ts"

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
    const [tokens, groups, repositories, own, audit] = await Promise.all([
        onSign(() => sign.listTokens()),
        onSign(() => sign.listGroups()),
        onSign(() => sign.listTrust()),
        onSign(() => ownSnapshotsOf(sign)),
        "refused" in adminStatus ? { unasked: ADMIN_SOCKET } : asked(() => admin.verifyAudit()),
    ])
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
        keyFiles: await findKeyFiles([path.join(dockerDirectory(cli), "trust"), path.join(cli.context.home, ".notary")]),
        expiry,
    }
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
/** As many as anybody has; a directory full of something else is not read to its end. */
const MOST_FILES = 5000
/** `private/<id>.key` today; before Notary 0.4 `private/root_keys/` and `private/tuf_keys/<GUN>/`. */
const DEEPEST = 8

async function findKeyFiles(trustDirectories: readonly string[]): Promise<readonly KeyFile[]> {
    const found: KeyFile[] = []
    const waiting = trustDirectories.map((directory) => ({ place: path.join(directory, "private"), depth: 0 }))
    for (let next = waiting.shift(); next !== undefined && found.length < MOST_FILES; next = waiting.shift()) {
        const { place, depth } = next
        const facts = await fileMode(place).catch(() => undefined)
        if (facts?.kind === "directory" && depth < DEEPEST) {
            const names = await listDirectory(place).catch(() => [])
            waiting.push(...names.map((name) => ({ place: path.join(place, name), depth: depth + 1 })))
        } else if (facts?.kind === "file" && place.endsWith(".key")) {
            found.push({ path: place, mode: facts.mode, protection: await protectionOf(place) })
        }
    }
    return found
}

async function protectionOf(file: string): Promise<KeyProtection> {
    const { readKeyFile } = await import("../../crypto/index.ts")
    const content = await readBytes(file, { maxBytes: LARGEST_KEY_FILE }).catch(() => undefined)
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
