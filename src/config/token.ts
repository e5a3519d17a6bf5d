import path from "node:path"
import { z } from "zod"
import { TrustkeyError } from "../errors.ts"
import type { TokenConfig } from "../keys/index.ts"
import { isCredentialName } from "../signer/index.ts"
import { duration } from "./quantities.ts"
import { checkTokenUri } from "./token-uri.ts"

/** The signer of sealed keys is called so. */
const FILE_SIGNER = "file"

const name = z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,31}$/, { message: "must be 1 to 32 lower-case letters, digits and dashes" })
    .refine((text) => text !== FILE_SIGNER, { message: `"${FILE_SIGNER}" is the name of the signer for sealed keys` })

const absolutePath = (what: string): z.ZodString => {
    return z.string().refine((text) => path.isAbsolute(text) && !text.includes("\0"), { message: `must be the absolute path ${what}` })
}
const library = absolutePath("of a PKCS#11 module")

const uri = z.string().superRefine((text, context) => {
    try {
        checkTokenUri(text)
    } catch (error) {
        if (!(error instanceof TrustkeyError)) throw error
        context.addIssue({ code: "custom", message: error.message })
    }
})

const credential = z.string().refine(isCredentialName, { message: "must be the name of a credential" })

const environment = z.record(z.string(), z.string().max(4096)).superRefine((variables, context) => {
    for (const variable of Object.keys(variables)) {
        const message = variableMistake(variable)
        if (message !== undefined) context.addIssue({ code: "custom", path: [variable], message })
    }
})

function variableMistake(variable: string): string | undefined {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(variable)) return "is no name for a variable"
    if (/^(LD_|NODE_|GCONV_PATH$)/.test(variable)) return "would load other code into the process that holds the PIN"
    // TK-SEC-1
    if (/PIN|PASSW|PASSPHRASE|SECRET/i.test(variable)) return "looks like a secret: name a credential instead"
    return undefined
}

// A C string that libraries take apart by rules of their own: one line of visible characters.
const libraryParameters = z.string().regex(/^[^\p{Cc}]{1,2048}$/u, { message: "must be one line of 1 to 2048 characters" })

/** `[[token]]` */
export const tokenSchema: z.ZodType<TokenConfig> = z
    .strictObject({
        name,
        module: library,
        uri,
        pin: z
            .strictObject({ credential }, { error: 'name the credential, never the PIN itself: pin = { credential = "NAME" }' })
            .optional(),
        environment: environment.default({}),
        library_parameters: libraryParameters.optional(),
        attestation_roots: absolutePath("of a PEM file with certificates").optional(),
        deadline: duration("1s", "10m").prefault("30s"),
        release_after: duration("0s", "1h").optional(),
    })
    .transform((table) => ({
        name: table.name,
        module: table.module,
        uri: table.uri,
        ...(table.pin === undefined ? {} : { pinCredential: table.pin.credential }),
        environment: table.environment,
        ...(table.library_parameters === undefined ? {} : { libraryParameters: table.library_parameters }),
        ...(table.attestation_roots === undefined ? {} : { attestationRoots: table.attestation_roots }),
        deadlineMs: table.deadline,
        ...(table.release_after === undefined ? {} : { releaseAfterMs: table.release_after }),
    }))
