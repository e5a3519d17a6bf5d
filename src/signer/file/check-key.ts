import { type KeyObject, randomBytes } from "node:crypto"
import {
    type AgeIdentity,
    type Algorithm,
    decryptBackup,
    openPrivateKey,
    type PublicKeyBytes,
    readKeyFile,
    type Secret,
    signWith,
    tufScheme,
    verify,
} from "../../crypto/index.ts"
import { TrustkeyError } from "../../errors.ts"
import { canaryMessage, samePublicKey } from "../messages.ts"

/** TK-SIG-1: the canary, the only thing signed here that the parent did not send. A key that cannot do this is not handed out. */
export function checkPair(key: KeyObject, publicKey: PublicKeyBytes, algorithm: Algorithm): void {
    const message = canaryMessage(randomBytes(32))
    const scheme = tufScheme(algorithm)
    if (!verify(publicKey, scheme, message, signWith(key, scheme, message))) {
        throw new TrustkeyError("key_unfit", "the private key does not fit its public key: a signature made with it does not verify")
    }
}

/**
 * What counts is not that a file was written: that somebody gets the key out of it, and that it signs.
 *
 * @throws open_failed; key_file_invalid, key_unfit: something else comes out
 */
export async function checkRestore(file: Buffer, identities: readonly AgeIdentity[], expected: PublicKeyBytes): Promise<void> {
    using content = await decryptBackup(file, identities)
    content.reveal((text) => checkOnlyKey(text, undefined, expected))
}

/** That a file has this key and no other, and that it signs. @throws as `checkRestore` */
export function checkOnlyKey(text: Buffer, passphrase: Secret | undefined, expected: PublicKeyBytes): void {
    const entries = readKeyFile(text)
    using disposables = new DisposableStack()
    for (const entry of entries) disposables.use(entry)
    const [entry] = entries
    if (entry === undefined || entries.length > 1) throw new TrustkeyError("key_unfit", "the file holds another number of keys than one")
    const { pkcs8, publicKey, algorithm } = entry.open(passphrase)
    using _ = pkcs8
    if (!samePublicKey(publicKey, expected)) throw new TrustkeyError("key_unfit", "the file holds another key")
    checkPair(openPrivateKey(pkcs8), expected, algorithm)
}
