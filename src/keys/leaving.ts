import { ageRecipients, readKeyFile, type SealedSecret } from "../crypto/index.ts"
import {
    copySubject,
    encodeSealed,
    exportFileSubject,
    exportSubject,
    FrameError,
    filePassphraseSubject,
    parseSealed,
    toBase64,
} from "../signer/index.ts"
import type { KeyEntry } from "./key-index.ts"
import type { ExportKeyFileSpec, ExportKeySpec } from "./key-store.ts"
import type { SealedKeys } from "./sealed-keys.ts"

// The ways on which a sealed private key leaves its signer, never in clear. Each takes the passphrase of the key or its group, given for just that.

/** For the signer of `token`, which `to` is the challenge of. @throws open_failed */
export async function sealFor(
    keys: SealedKeys,
    entry: KeyEntry,
    sealed: SealedSecret,
    token: string,
    to: { readonly signerPublic: Uint8Array; readonly nonce: Uint8Array },
): Promise<SealedSecret> {
    const given = { sealed, purpose: "copy", subject: copySubject(entry.record.id, token) }
    const more = { token, signerPublic: toBase64(to.signerPublic), nonce: toBase64(to.nonce) }
    return await keys.openFor(entry, "seal-for", given, more, parseSealed)
}

/**
 * In an age file for `recipients`, opened again in the signer by the identity of one of them.
 *
 * @throws open_failed; invalid_request: the identity is not one of the recipients', or a recipient is none
 */
export async function exportKey(
    keys: SealedKeys,
    entry: KeyEntry,
    { recipients, passphrase: sealed, identity }: Omit<ExportKeySpec, "keyId">,
): Promise<Buffer> {
    const subject = exportSubject(entry.record.id, recipients)
    const more = { identity: { sealed: encodeSealed(identity), context: { purpose: "identity", subject } }, recipients }
    return await keys.openFor(entry, "export-key", { sealed, purpose: "export", subject }, more, (answer) => {
        const file = answer.bytes("file")
        if (ageRecipients(file) !== recipients.length) throw new FrameError("no age file for these recipients")
        return file
    })
}

/**
 * In an encrypted file for other programs, opened again in the signer. What the file opens with is bound to the passphrase.
 *
 * @throws open_failed; invalid_request: the file's passphrase is too short, or opens the key here
 */
export async function exportKeyFile(
    keys: SealedKeys,
    entry: KeyEntry,
    { format, headers, filePassphrase, passphrase: sealed }: Omit<ExportKeyFileSpec, "keyId">,
): Promise<Buffer> {
    const { id } = entry.record
    const context = { purpose: "file-passphrase", subject: filePassphraseSubject(id, format) }
    const given = { sealed, purpose: "export-file", subject: exportFileSubject(id, format, filePassphrase) }
    const more = {
        filePassphrase: { sealed: encodeSealed(filePassphrase), context },
        format,
        ...(headers === undefined ? {} : { headers }),
    }
    return await keys.openFor(entry, "export-key-file", given, more, (answer) => encryptedKeyFile(answer.bytes("file")))
}

/** TK-KEY-1: nothing that opens without a passphrase comes through here. */
function encryptedKeyFile(file: Buffer): Buffer {
    const entries = readKeyFile(file)
    for (const entry of entries) entry[Symbol.dispose]()
    if (entries.length !== 1 || entries.some(({ encryption }) => encryption.kind !== "pbes2"))
        throw new FrameError("no file with one encrypted key")
    return file
}
