import { type KeyFileEntry, readKeyFile } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import { fileMode, readSecretFile } from "../storage/index.ts"

/** Some hundred keys as notary key export writes them. */
const LARGEST_KEY_FILE = 1024 * 1024
/** docker's: whatever group and others may do. */
const OTHERS = 0o077

/** docker's words for it, which people search for. */
export function mustNotBeReadable(file: string): string {
    return `private key file ${file} must not be readable or writable by others`
}

/**
 * The private keys of a file that nobody else can read. What was read is wiped; the entries are the caller's to dispose.
 *
 * @throws not_found, file_unsafe, payload_too_large, storage_failed; key_file_invalid
 */
export async function readPrivateKeys(file: string): Promise<readonly KeyFileEntry[]> {
    const content = await readPrivateFile(file)
    try {
        return readKeyFile(content)
    } finally {
        content.fill(0)
    }
}

/** @throws not_found, file_unsafe, payload_too_large, storage_failed */
async function readPrivateFile(file: string): Promise<Buffer> {
    const facts = await fileMode(file)
    if (facts === undefined) throw new TrustkeyError("not_found", `${file} does not exist`)
    if ((facts.mode & OTHERS) !== 0) throw new TrustkeyError("file_unsafe", mustNotBeReadable(file))
    // It looks again, at the file it has open.
    return readSecretFile(file, { maxBytes: LARGEST_KEY_FILE })
}

/** What is to be said of how a file kept a key, and undefined when there is nothing. */
export function weaknessOf({ encryption }: KeyFileEntry): string | undefined {
    switch (encryption.kind) {
        case "none":
            return "it was not encrypted: whoever could read the file has the key"
        case "dek-info":
            return "its passphrase went through MD5 once: millions of guesses a second on any computer"
        case "pbes2":
            if (encryption.iterations >= ENOUGH_ITERATIONS) return undefined
            return `PBKDF2 with ${encryption.iterations} rounds: guessable at about ${guessesPerSecond(encryption.iterations)} a second on one processor core, and on graphics cards many thousand times that`
    }
}

/** OWASP's for HMAC-SHA-256. */
const ENOUGH_ITERATIONS = 600_000
/** Measured: 0.7 ms for 2048 rounds of HMAC-SHA-1 and 32 bytes, with OpenSSL. */
const ROUNDS_PER_SECOND = 2048 / 0.0007

function guessesPerSecond(iterations: number): string {
    const guesses = ROUNDS_PER_SECOND / iterations
    const step = 10 ** Math.max(0, Math.floor(Math.log10(guesses)) - 1)
    return String(Math.max(1, Math.round(guesses / step) * step))
}
