import { z } from "zod"
import { algorithmOf, isAgeRecipient, PIN_POLICIES, TOUCH_POLICIES } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import { bareKey, parseGun, parseKeyId, type TufKey } from "../tuf/index.ts"
import { HASH, isText, NAME, parseTime, SERIAL, SLOT, TOKEN } from "./forms.ts"
import { CEREMONY_KINDS, PARTS, PLAN_FORMAT, ROOT_ALGORITHMS } from "./plan.ts"

const MAX_PEOPLE = 64
const MAX_KEYS = 32
const MAX_SPARES = 32
const MAX_REPOSITORIES = 64
const MAX_RECIPIENTS = 32
const MAX_COPIES = 8
const MAX_ROOT_VERSION = 1000

const text = () => z.string().refine(isText, { message: "must be a text of 1 to 1024 bytes in which every character can be seen" })
const name = () => z.string().regex(NAME, { message: "must be a name in [a-z0-9-], at most 64 characters" })
const token = () =>
    z.string().regex(TOKEN, { message: "must be a token's name in the vault's daemon: [A-Za-z0-9._-], at most 64 characters" })
const serial = () => z.string().regex(SERIAL, { message: "must be a serial number: [A-Za-z0-9._:-], at most 64 characters" })
const hash = () => z.string().regex(HASH, { message: "must be 64 lower-case hexadecimal digits" })
const keyId = () => hash().transform((id) => parseKeyId(id))

const recipient = () => z.string().refine(isAgeRecipient, { message: "must be an X25519 recipient of age: age1… in lower case" })

const time = () =>
    z.string().transform((value, context) => {
        const date = parseTime(value)
        if (date === undefined) context.addIssue({ code: "custom", message: 'must be a time like "2026-11-21T18:00:00Z"' })
        return date ?? z.NEVER
    })

const gun = () =>
    z.string().transform((value, context) => {
        try {
            return parseGun(value)
        } catch (error) {
            if (!(error instanceof TrustkeyError)) throw error
            context.addIssue({ code: "custom", message: error.message })
            return z.NEVER
        }
    })

const publicKey = () =>
    z
        .strictObject({ keytype: z.enum(["ecdsa", "rsa", "ed25519"]), public: z.string() })
        .transform(({ keytype, public: encoded }, context): TufKey => {
            const bytes = Buffer.from(encoded, "base64")
            const problem =
                bytes.toString("base64") === encoded ? problemOf({ keytype, public: bytes }) : "it is not standard base64 with padding"
            if (problem !== undefined) context.addIssue({ code: "custom", path: ["public"], message: problem })
            return { keytype, public: bytes }
        })

function problemOf(key: TufKey): string | undefined {
    try {
        algorithmOf(bareKey(key))
        return undefined
    } catch (error) {
        if (error instanceof TrustkeyError) return error.message
        throw error
    }
}

const person = () => z.strictObject({ name: name(), part: z.enum(PARTS), full_name: text().optional() })

const newKey = () =>
    z
        .strictObject({
            change: z.literal("new"),
            name: name(),
            holder: name(),
            token: token(),
            serial: serial().optional(),
            algorithm: z.enum(ROOT_ALGORITHMS),
            make: z.enum(["token", "vault"]),
            slot: z.string().regex(SLOT, { message: 'must be a slot like "9c"' }).optional(),
            pin_policy: z.enum(PIN_POLICIES).optional(),
            touch_policy: z.enum(TOUCH_POLICIES).optional(),
            copies: z.array(token()).min(1).max(MAX_COPIES).optional(),
        })
        .superRefine((key, context) => {
            const misplaced = key.make === "vault" ? (["slot", "pin_policy", "touch_policy"] as const) : (["copies"] as const)
            for (const field of misplaced) {
                if (key[field] === undefined) continue
                context.addIssue({ code: "custom", path: [field], message: `does not go with make = "${key.make}"` })
            }
            const tokens = [key.token, ...(key.copies ?? [])]
            if (new Set(tokens).size < tokens.length) context.addIssue({ code: "custom", path: ["copies"], message: "names a token twice" })
        })

const existingKey = (change: "added" | "kept" | "retired") =>
    z
        .strictObject({
            change: z.literal(change),
            name: name(),
            holder: name(),
            id: keyId(),
            token: token().optional(),
            serial: serial().optional(),
        })
        .refine((key) => key.token !== undefined || key.serial === undefined, {
            path: ["serial"],
            message: "needs the token's name beside it",
        })

const lostKey = () => z.strictObject({ change: z.literal("lost"), name: name(), holder: text(), id: keyId(), serial: serial().optional() })

const plannedKey = () =>
    z.discriminatedUnion("change", [newKey(), existingKey("added"), existingKey("kept"), existingKey("retired"), lostKey()], {
        error: 'change must be "new", "added", "kept", "retired" or "lost"',
    })

const repository = () =>
    z.strictObject({
        gun: gun(),
        lineage: hash().optional(),
        root_version: z.int().min(1).max(MAX_ROOT_VERSION).optional(),
        root_sha256: hash().optional(),
        roles: z.strictObject({ targets: publicKey(), snapshot: publicKey(), timestamp: publicKey() }).optional(),
    })

/** The fields of a plan and what each may be; how they go together: checkPlan. */
export function planSchema() {
    return z.strictObject({
        format: z.literal(PLAN_FORMAT),
        id: name(),
        kind: z.enum(CEREMONY_KINDS),
        reason: text(),
        created: time(),
        not_before: time(),
        not_after: time(),
        expires: time(),
        threshold: z.int().min(1).max(MAX_KEYS),
        rehearsal_of: hash().optional(),
        person: z.array(person()).min(1).max(MAX_PEOPLE),
        closing: z.strictObject({ vault: publicKey(), witness: publicKey() }),
        key: z.array(plannedKey()).min(1).max(MAX_KEYS),
        spare: z
            .array(z.strictObject({ token: token(), serial: serial().optional() }))
            .max(MAX_SPARES)
            .default([]),
        repository: z.array(repository()).min(1).max(MAX_REPOSITORIES),
        backup: z.strictObject({ recipients: z.array(recipient()).min(1).max(MAX_RECIPIENTS) }).optional(),
    })
}

export type PlanFile = z.output<ReturnType<typeof planSchema>>
