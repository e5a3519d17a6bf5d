import { TrustkeyError } from "../errors.ts"
import type { AgeIdentity } from "./age-keys.ts"
import { AgeWriter, openAge } from "./age-stream.ts"
import { Secret } from "./secret.ts"

// A single secret as an age file: what leaves a ceremony.

/** 32 bytes in standard base64 without padding, the only way to write them. */
const BASE64_OF_32 = "[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]"
const HEADER = new RegExp(`^age-encryption\\.org/v1\\n((?:-> X25519 ${BASE64_OF_32}\\n${BASE64_OF_32}\\n)+)--- ${BASE64_OF_32}\\n`)
const STANZA_LINES = 2
/** Nonce, one byte, tag: an age file of nothing is no backup. */
const LEAST_PAYLOAD = 16 + 1 + 16

/** How many X25519 recipients an age file says it has; undefined unless it is one, binary, with these alone. */
export function ageRecipients(file: Uint8Array): number | undefined {
    const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength)
    const [header = "", stanzas = ""] = HEADER.exec(bytes.toString("latin1")) ?? []
    if (header === "" || bytes.length - header.length < LEAST_PAYLOAD) return undefined
    return (stanzas.split("\n").length - 1) / STANZA_LINES
}

/**
 * `content` for whoever holds the identity of any of `recipients`.
 *
 * @throws invalid_request: one of them is no X25519 recipient, or one that anybody could open for
 */
export async function encryptBackup(content: Secret, recipients: readonly string[]): Promise<Buffer> {
    using writer = await AgeWriter.open({ kind: "x25519", recipients })
    return Buffer.concat([writer.header, content.reveal((bytes) => writer.write(bytes)), writer.end()])
}

/** @throws open_failed: it is for none of these, or damaged */
export async function decryptBackup(file: Uint8Array, identities: readonly AgeIdentity[]): Promise<Secret> {
    const pieces: Buffer[] = []
    try {
        for await (const piece of openAge(once(file), { kind: "identities", identities })) pieces.push(piece)
        return new Secret(Buffer.concat(pieces))
    } catch (cause) {
        throw new TrustkeyError("open_failed", "the backup does not open: it is damaged, or for others", { cause })
    } finally {
        for (const piece of pieces) piece.fill(0)
    }
}

async function* once(file: Uint8Array): AsyncGenerator<Uint8Array> {
    yield file
}
