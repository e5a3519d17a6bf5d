import { type KeyFileFormat, KeyFileWriter, type NotaryHeaders, type PublicKeyBytes, type Secret } from "../../crypto/index.ts"
import { TrustkeyError } from "../../errors.ts"
import type { Fields } from "../fields.ts"
import { checkOnlyKey } from "./check-key.ts"

/** notary's and docker's least, for passphrases that are typed. */
const LEAST_BYTES = 8

/**
 * A file is copied and kept, and guessing at its passphrase is cheap beside Argon2: that must not be guessing at what the key is sealed under here, or a
 * group of keys.
 *
 * @throws invalid_request
 */
export function requireOther(filePassphrase: Secret, passphrase: Secret): void {
    if (filePassphrase.length < LEAST_BYTES)
        throw new TrustkeyError("invalid_request", `a file's passphrase has at least ${LEAST_BYTES} bytes`)
    if (filePassphrase.equals(passphrase))
        throw new TrustkeyError(
            "invalid_request",
            "the file's passphrase is the one that was given for the key: a file is easier to guess at, and gets another",
        )
}

/** @throws FrameError */
export function parseHeaders(fields: Fields): NotaryHeaders {
    return { role: fields.text("role"), gun: fields.text("gun"), path: fields.text("path") }
}

/** The text of a key file, which has been opened again. @throws invalid_request, key_unfit, key_file_invalid */
export async function makeKeyFile(
    pkcs8: Secret,
    expected: PublicKeyBytes,
    passphrase: Secret,
    format: KeyFileFormat,
    headers: NotaryHeaders | undefined,
): Promise<Buffer> {
    using writer = await KeyFileWriter.open(format, passphrase)
    const text = writer.write(pkcs8, headers)
    checkOnlyKey(text, passphrase, expected)
    return text
}
