// Text → frozen Config, with every mistake at once. Pure: the names of users and groups are handed in, no file is looked at.
// An unknown field is a mistake: a typing error in a security setting must not be silence.

import type { Argon2Cost } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import type { TokenConfig } from "../keys/index.ts"
import type { Policy } from "../policy/index.ts"
import { explainIssue, mistakeLines, type NameLookup, parseToml } from "../storage/index.ts"
import { type FileContent, fileSchema } from "./file.ts"

export type { TokenConfig } from "../keys/index.ts"
export type { NameLookup } from "../storage/index.ts"

export type SocketConfig = {
    readonly path: string
    /** Permission bits of the socket. */
    readonly mode: number
    /** gid; undefined: the daemon's own. */
    readonly group?: number
}

export type Limits = {
    /** One `signed` value or one metadata file, in bytes. */
    readonly maxPayloadBytes: number
    /** Of both sockets together. */
    readonly maxConnections: number
    readonly maxRequestsPerConnection: number
    readonly requestTimeoutMs: number
}

export type BackupConfig = {
    /** X25519 recipients of age. */
    readonly recipients: readonly string[]
    /** The public share-set file of one of them. */
    readonly sharesFile?: string
    readonly maxAgeSeconds: number
    readonly maxDrillAgeSeconds: number
}

export type Config = {
    readonly stateDirectory: string
    readonly logLevel: "debug" | "info" | "warn" | "error"
    readonly sockets: { readonly sign: SocketConfig; readonly admin: SocketConfig }
    readonly limits: Limits
    readonly unlock: { readonly defaultTtlSeconds: number; readonly maxTtlSeconds: number }
    readonly argon2: Argon2Cost
    readonly backup: BackupConfig
    readonly tokens: readonly TokenConfig[]
    readonly policy: Policy
}

const NOT_YET: ReadonlyMap<string, string> = new Map([
    ["require", "approvals do not exist yet: remove the table, it would protect nothing"],
    ["tls", "TLS peers do not exist yet"],
])

/** @throws config_invalid: its message has a line for each mistake, like `limits.max_payload: must be at most "64MiB"`. */
export function parseConfig(text: string, names: NameLookup): Config {
    const result = fileSchema(names).safeParse(parseToml(text), { error: explainIssue })
    if (!result.success) throw new TrustkeyError("config_invalid", mistakeLines(result.error.issues, NOT_YET).join("\n"))
    return deepFreeze(toConfig(result.data))
}

function toConfig(file: FileContent): Config {
    return {
        stateDirectory: file.state_directory,
        logLevel: file.log_level,
        sockets: { sign: toSocket(file.sockets.sign), admin: toSocket(file.sockets.admin) },
        limits: {
            maxPayloadBytes: file.limits.max_payload,
            maxConnections: file.limits.max_connections,
            maxRequestsPerConnection: file.limits.max_requests_per_connection,
            requestTimeoutMs: file.limits.request_timeout,
        },
        unlock: { defaultTtlSeconds: file.unlock.default_ttl / 1000, maxTtlSeconds: file.unlock.max_ttl / 1000 },
        argon2: { passes: file.argon2.passes, memoryKiB: file.argon2.memory / 1024, lanes: file.argon2.lanes },
        backup: {
            recipients: file.backup.recipients,
            ...(file.backup.shares === undefined ? {} : { sharesFile: file.backup.shares }),
            maxAgeSeconds: file.backup.max_age / 1000,
            maxDrillAgeSeconds: file.backup.max_drill_age / 1000,
        },
        tokens: file.token,
        policy: { rules: file.allow, limits: file.limit },
    }
}

function toSocket(socket: FileContent["sockets"]["sign"]): SocketConfig {
    return { path: socket.path, mode: socket.mode, ...(socket.group === undefined ? {} : { group: socket.group }) }
}

function deepFreeze<T>(value: T): T {
    if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value
    for (const part of Object.values(value)) deepFreeze(part)
    return Object.freeze(value)
}
