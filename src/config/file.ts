import path from "node:path"
import { z } from "zod"
import { DEFAULT_COST, LARGEST_COST, LEAST_COST } from "../crypto/index.ts"
import type { NameLookup } from "../storage/index.ts"
import { backupSchema } from "./backup.ts"
import { limitSchema, ruleSchema } from "./policy.ts"
import { duration, size } from "./quantities.ts"
import { tokenSchema } from "./token.ts"

// sun_path of unix(7) holds 108 bytes with its final NUL.
const MAX_SOCKET_PATH = 107

/** What the file may hold. Field names are as they are written there; docs/configuration.md and packaging/trustkeyd.toml explain them. */
export function fileSchema(names: NameLookup) {
    return z.strictObject({
        state_directory: absolutePath().default("/var/lib/trustkeyd"),
        log_level: z.enum(["debug", "info", "warn", "error"]).default("info"),
        sockets: z
            .strictObject({
                sign: socket(names, "/run/trustkeyd/sign.sock", "0660", ["0600", "0660", "0666"]),
                // Whoever reaches it still needs a rule, but nobody needs it to be open to everybody.
                admin: socket(names, "/run/trustkeyd/admin.sock", "0600", ["0600", "0660"]),
            })
            .refine((sockets) => sockets.sign.path !== sockets.admin.path, { message: "sign and admin have the same path" })
            .prefault({}),
        limits: z
            .strictObject({
                max_payload: size("64KiB", "64MiB").prefault("8MiB"),
                max_connections: z.int().min(2).max(10_000).default(256),
                max_requests_per_connection: z.int().min(1).max(1000).default(64),
                request_timeout: duration("5s", "1h").prefault("2m"),
            })
            .prefault({}),
        unlock: z
            .strictObject({
                default_ttl: duration("1s", "366d").prefault("15m"),
                max_ttl: duration("1s", "366d").prefault("12h"),
            })
            .refine((unlock) => unlock.default_ttl <= unlock.max_ttl, { path: ["default_ttl"], message: "is longer than max_ttl" })
            .prefault({}),
        argon2: z
            .strictObject({
                // The bounds are the envelope's: RFC 9106 §4, second recommended option, and what one may ask for when it is read.
                passes: z.int().min(LEAST_COST.passes).max(LARGEST_COST.passes).default(DEFAULT_COST.passes),
                memory: size("64MiB", "2GiB").prefault("256MiB"),
                lanes: z.int().min(LEAST_COST.lanes).max(LARGEST_COST.lanes).default(DEFAULT_COST.lanes),
            })
            .prefault({}),
        backup: backupSchema(absolutePath()).prefault({}),
        token: z.array(tokenSchema).superRefine(noNameTwice).default([]),
        allow: z.array(ruleSchema(names)).max(10_000).default([]),
        limit: z.array(limitSchema).max(10_000).default([]),
    })
}

export type FileContent = z.output<ReturnType<typeof fileSchema>>

function absolutePath() {
    return z.string().refine((text) => path.isAbsolute(text) && path.normalize(text) === text && !text.includes("\0"), {
        message: 'must be an absolute path without "." or ".." in it',
    })
}

function socket(names: NameLookup, defaultPath: string, defaultMode: string, modes: readonly [string, ...string[]]) {
    return z
        .strictObject({
            path: absolutePath()
                .refine((text) => Buffer.byteLength(text) <= MAX_SOCKET_PATH, {
                    message: `is longer than the ${MAX_SOCKET_PATH} bytes a socket's path may have`,
                })
                .default(defaultPath),
            mode: z
                .enum(modes)
                .prefault(defaultMode)
                .transform((text) => Number.parseInt(text, 8)),
            group: z
                .string()
                .transform((text, context) => {
                    const gid = names.group(text)
                    if (gid === undefined) context.addIssue({ code: "custom", message: `there is no group "${text}"` })
                    return gid ?? z.NEVER
                })
                .optional(),
        })
        .prefault({})
}

function noNameTwice(tokens: readonly { readonly name: string }[], context: z.RefinementCtx): void {
    for (const [index, { name }] of tokens.entries()) {
        if (tokens.findIndex((token) => token.name === name) === index) continue
        context.addIssue({ code: "custom", path: [index, "name"], message: `there is another token "${name}"` })
    }
}
