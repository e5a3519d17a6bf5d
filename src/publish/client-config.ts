import path from "node:path"
import { z } from "zod"
import { type Authorities, parseAuthorities } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import { explainIssue, mistakeLines, parseToml, readOwnText } from "../storage/index.ts"
import { type Glob, parseGlob, parseGun, parseKeyId } from "../tuf/index.ts"
import type { ClientConfig, Pin } from "./trust-pins.ts"

const MAX_PEM = 1024 * 1024
const MAX_PINS = 10_000

/**
 * The text of a client.toml; docs/trust-pinning.md has its fields. The files it names are read too: relative ones lie beside `file`.
 *
 * @throws config_invalid: a line for each mistake, like `pin #1.certificates #2: not a key ID`
 * @throws file_unsafe: others may write an authority's file
 */
export async function parseClientConfig(text: string, file: string): Promise<ClientConfig> {
    const result = await schema(path.dirname(file)).safeParseAsync(parseToml(text), { error: explainIssue })
    if (!result.success) throw new TrustkeyError("config_invalid", mistakeLines(result.error.issues).join("\n"))
    const { first_use: firstUse, pin: pins, pinentry } = result.data
    return { firstUse, pins, ...(pinentry === undefined ? {} : { pinentry }) }
}

function schema(directory: string) {
    const pin = z
        .strictObject({
            gun: z.array(gunPattern).min(1),
            certificates: z.array(certificateId).min(1).optional(),
            authority: authority(directory).optional(),
        })
        .refine((table) => table.certificates !== undefined || table.authority !== undefined, {
            message: "pins nothing: it needs certificates or authority",
        })
        .transform(
            ({ gun, certificates, authority }): Pin => ({
                guns: gun,
                ...(certificates === undefined ? {} : { certificates: new Set(certificates) }),
                ...(authority === undefined ? {} : { authorities: authority }),
            }),
        )
    return z.strictObject({
        first_use: z.boolean().default(true),
        pin: z.array(pin).max(MAX_PINS).default([]),
        pinentry: program.optional(),
    })
}

const program = z
    .string()
    .regex(/^(\/|[^/]+$)[^\0]*$/, { message: "must be the name of a program in the PATH, or an absolute path" })
    .min(1)

const gunPattern: z.ZodType<Glob, string> = parsed((text) => {
    const glob = parseGlob(text)
    // Without a wildcard it has to be something that exists: a pin with a typing error would silently pin nothing.
    if (!/[*?]/.test(text)) parseGun(text)
    return glob
})

const certificateId = parsed(parseKeyId)

function authority(directory: string): z.ZodType<Authorities, string> {
    return z.string().transform(async (name, context) => {
        const file = path.resolve(directory, name)
        try {
            const pem = await readOwnText(file, MAX_PEM)
            if (pem !== undefined) return parseAuthorities(pem)
            context.addIssue({ code: "custom", message: "the file does not exist" })
        } catch (error) {
            if (!(error instanceof TrustkeyError) || error.code === "storage_failed" || error.code === "file_unsafe") throw error
            context.addIssue({ code: "custom", message: error.message })
        }
        return z.NEVER
    })
}

function parsed<T>(parse: (text: string) => T): z.ZodType<T, string> {
    return z.string().transform((text, context) => {
        try {
            return parse(text)
        } catch (error) {
            if (!(error instanceof TrustkeyError)) throw error
            context.addIssue({ code: "custom", message: error.message })
            return z.NEVER
        }
    })
}
