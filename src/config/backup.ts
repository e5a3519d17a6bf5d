import { z } from "zod"
import { isAgeRecipient } from "../crypto/index.ts"
import { duration } from "./quantities.ts"

const MOST_RECIPIENTS = 32

/** `[backup]`: for whom backups are, and how old the last one and its last proof may get. */
export function backupSchema(file: z.ZodType<string, string>) {
    return z.strictObject({
        recipients: z
            .array(z.string().refine(isAgeRecipient, { message: "must be an X25519 recipient of age: age1…" }))
            .max(MOST_RECIPIENTS)
            .refine((recipients) => new Set(recipients).size === recipients.length, { message: "one of them is there twice" })
            .default([]),
        shares: file.optional(),
        max_age: duration("1h", "3y").prefault("8d"),
        max_drill_age: duration("1h", "3y").prefault("100d"),
    })
}
