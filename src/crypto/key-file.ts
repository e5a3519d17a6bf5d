import { TrustkeyError } from "../errors.ts"
import { type Encrypted, type KeyFileEncryption, readDekInfo, readPbes2 } from "./key-file-encryption.ts"
import { readSecretPem, type SecretPemBlock, writeSecretPem } from "./key-file-pem.ts"
import { describeBlock, describeContent } from "./other-files.ts"
import { hasFrame, type OpenedKey, openForm, type PrivateKeyForm } from "./private-key-forms.ts"
import type { Secret } from "./secret.ts"

/** One private key of a file. Disposing wipes what was read of it. */
export type KeyFileEntry = Disposable & {
    /** PEM headers as Notary writes them; empty when absent. Nobody vouches for them. */
    readonly role: string
    readonly gun: string
    readonly path: string
    readonly encrypted: boolean
    readonly encryption: KeyFileEncryption
    readonly blockType: string
    /**
     * The key inside, to be wiped by the caller. Blocks for as long as the file's rounds take, seconds at most.
     *
     * @throws open_failed: no passphrase or a wrong one. key_file_invalid: damaged. key_unfit: not one of our algorithms
     */
    open(passphrase: Secret | undefined): OpenedKey
}

/** Of PEM block types. PKCS#8 encrypted is not here: it says its form when it is opened. */
const FORMS: Readonly<Record<string, PrivateKeyForm>> = {
    "PRIVATE KEY": "pkcs8",
    "EC PRIVATE KEY": "sec1",
    "RSA PRIVATE KEY": "pkcs1",
    "ED25519 PRIVATE KEY": "ed25519",
}

const ENCRYPTED_PKCS8 = "ENCRYPTED PRIVATE KEY"

const MOST_KEYS = 1000
/** Of all keys together: a thousand keys of ten million rounds would keep us busy for hours. */
const MOST_ROUNDS = 20_000_000
const LARGEST_FILE = 4 * 1024 * 1024

/**
 * Every private key of a PEM file, in order: PKCS#8 plain and encrypted with PBES2, SEC1, PKCS#1 and Notary's own form, these plain or
 * with DEK-Info. Nothing is decrypted yet. Other blocks are skipped where there is a private key.
 *
 * @throws key_file_invalid: there is none, and what there is instead; a block is damaged or encrypted with something else
 */
export function readKeyFile(content: Uint8Array): readonly KeyFileEntry[] {
    const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength)
    if (bytes.length > LARGEST_FILE) throw invalid(`a file of ${bytes.length} bytes is no private key`)
    const others = new Set<string>()
    const blocks = attempt(() =>
        readSecretPem(bytes, (label) => {
            if (label === ENCRYPTED_PKCS8 || Object.hasOwn(FORMS, label)) return true
            others.add(label)
            return false
        }),
    )
    const entries: KeyFileEntry[] = []
    try {
        // A private key that would be passed over in silence is one that somebody believes to be here.
        const unreadable = [...others].find((label) => /PRIVATE KEY/.test(label))
        if (unreadable !== undefined) throw invalid(noPrivateKey(describeBlock(unreadable) ?? `a block "${unreadable}"`))
        if (blocks.length === 0) throw invalid(noPrivateKey(whatElse(bytes, others)))
        if (blocks.length > MOST_KEYS) throw invalid(`there are more than ${MOST_KEYS} private keys in it`)
        for (const block of blocks) entries.push(attempt(() => entryOf(block)))
        const rounds = entries.reduce((sum, { encryption }) => sum + (encryption.kind === "pbes2" ? encryption.iterations : 0), 0)
        if (rounds > MOST_ROUNDS)
            throw invalid(`its keys ask for ${rounds} rounds of PBKDF2 together, and more than ${MOST_ROUNDS} are not tried`)
        return entries
    } catch (error) {
        for (const { content: secret } of blocks) secret[Symbol.dispose]()
        throw error
    }
}

/** PKCS#8 in clear, for what encrypts the whole file: `openssl pkey` and `notary key import` read it. @param pkcs8 DER */
export function privateKeyToPem(pkcs8: Secret): Secret {
    return writeSecretPem("PRIVATE KEY", pkcs8)
}

function entryOf(block: SecretPemBlock): KeyFileEntry {
    const { label, headers, content } = block
    const encrypted = encryptionOf(block)
    const form = FORMS[label] ?? "pkcs8"
    return {
        role: headers.get("role") ?? "",
        gun: headers.get("gun") ?? "",
        path: headers.get("path") ?? "",
        encrypted: encrypted !== undefined,
        encryption: encrypted?.encryption ?? { kind: "none" },
        blockType: label,
        open: (passphrase) =>
            encrypted === undefined ? content.reveal((bytes) => openForm(form, bytes)) : decrypt(encrypted, form, passphrase),
        [Symbol.dispose]: () => content[Symbol.dispose](),
    }
}

/** Undefined: it is in clear. @throws Error, TrustkeyError */
function encryptionOf({ label, headers, content }: SecretPemBlock): Encrypted | undefined {
    const dekInfo = headers.get("DEK-Info")
    if (label === ENCRYPTED_PKCS8) {
        if (dekInfo !== undefined) throw new Error("it says twice how it is encrypted")
        return content.reveal(readPbes2)
    }
    if (dekInfo !== undefined) return readDekInfo(dekInfo, content)
    if (headers.get("Proc-Type")?.includes("ENCRYPTED"))
        throw new Error("it is encrypted and does not say how: the DEK-Info header is missing")
    return undefined
}

function decrypt({ decryptions }: Encrypted, form: PrivateKeyForm, passphrase: Secret | undefined): OpenedKey {
    if (passphrase === undefined) throw new TrustkeyError("open_failed", "the key is encrypted: its passphrase is needed")
    for (const secret of decryptions(passphrase)) {
        using clear = secret
        const opened = clear.reveal((bytes) => (hasFrame(form, bytes) ? openForm(form, bytes) : undefined))
        if (opened !== undefined) return opened
    }
    throw new TrustkeyError("open_failed", "the passphrase is wrong, or the file is damaged")
}

function whatElse(bytes: Buffer, labels: ReadonlySet<string>): string {
    if (labels.size === 0) return describeContent(bytes)
    return [...new Set([...labels].map((label) => describeBlock(label) ?? `a block "${label}"`))].join(" and ")
}

function noPrivateKey(instead: string): string {
    return `there is no private key here that Notary or OpenSSL writes; it is ${instead}`
}

/** What forge and our readers throw, in one code. Their words are about what is not secret. */
function attempt<T>(read: () => T): T {
    try {
        return read()
    } catch (error) {
        if (error instanceof TrustkeyError) throw error
        throw invalid(`the private key can't be read: ${error instanceof Error ? error.message : "it is malformed"}`)
    }
}

function invalid(message: string): TrustkeyError {
    return new TrustkeyError("key_file_invalid", message)
}
