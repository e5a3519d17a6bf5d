import { algorithmOf, parseCertificateChain, pemToPublicKey } from "../../crypto/index.ts"
import { type ErrorCode, TrustkeyError } from "../../errors.ts"
import { readBytes } from "../../storage/index.ts"
import { bareKey, certificateKey, type TufKey, tufKey } from "../../tuf/index.ts"
import { isDue } from "../expiry.ts"

const LARGEST_FILE = 256 * 1024
/** When Notary's clients begin to say that a certificate is near its end. */
const NEAR_DAYS = 180

export type SignerKeyFile = { readonly path: string; readonly key: TufKey; readonly warnings: readonly string[] }

/**
 * The public key of a signer, from a PEM file with a PUBLIC KEY or a CERTIFICATE, in docker's words when it is neither.
 *
 * @throws not_found, file_unsafe, key_file_invalid, key_unfit
 */
export async function readSignerKey(path: string, now: Date): Promise<SignerKeyFile> {
    const content = await readBytes(path, { maxBytes: LARGEST_FILE }).catch((error: unknown) => {
        if (!(error instanceof TrustkeyError)) throw error
        throw new TrustkeyError(error.code, `unable to read public key from file: ${error.message}`, { cause: error })
    })
    if (content === undefined) {
        throw new TrustkeyError("not_found", `unable to read public key from file: open ${path}: no such file or directory`)
    }
    const pem = content.toString("latin1")
    const refuse = (code: ErrorCode, why: string, cause?: unknown): TrustkeyError =>
        new TrustkeyError(code, `could not parse public key from file: ${path}: ${why}`, { cause })
    // docker reads the first block only.
    const label = /-----BEGIN ([A-Z0-9 ]+)-----/.exec(pem)?.[1]
    if (label === undefined) throw refuse("key_file_invalid", "no valid public key found")
    if (label !== "PUBLIC KEY" && label !== "CERTIFICATE") {
        throw refuse("key_file_invalid", `unsupported PEM block type "${label}", expected CERTIFICATE or PUBLIC KEY`)
    }
    try {
        if (label === "PUBLIC KEY") return { path, key: usable(tufKey(pemToPublicKey(pem))), warnings: [] }
        const key = usable(certificateKey(pem))
        return { path, key, warnings: certificateWarnings(key, now) }
    } catch (error) {
        if (!(error instanceof TrustkeyError)) throw error
        throw refuse(error.code === "key_unfit" ? "key_unfit" : "key_file_invalid", error.message, error)
    }
}

/** docker takes no Ed25519 key here, and with reason: its own clients can't sign with one. @throws key_unfit */
function usable(key: TufKey): TufKey {
    if (algorithmOf(bareKey(key)) === "ed25519") throw new TrustkeyError("key_unfit", "unknown public key format")
    return key
}

/** @throws key_unfit when it is not valid now: nobody would count its signatures for long */
function certificateWarnings(key: TufKey, now: Date): readonly string[] {
    const [leaf] = parseCertificateChain(Buffer.from(key.public).toString("latin1"))
    if (leaf === undefined) return []
    if (leaf.notAfter <= now)
        throw new TrustkeyError("key_unfit", `the certificate of ${leaf.commonName} expired on ${leaf.notAfter.toISOString()}`)
    if (!isDue(leaf.notAfter, now, NEAR_DAYS)) return []
    return [`certificate with CN ${leaf.commonName} is near expiry`]
}
