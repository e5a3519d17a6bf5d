import {
    type Algorithm,
    type Argon2Cost,
    type KeyFileFormat,
    type PublicKeyBytes,
    type Scheme,
    type SealedSecret,
    type SecretContext,
    sealedSecretHash,
    sha256,
} from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import { type Fields, toBase64 } from "./fields.ts"
import { FrameError } from "./frames.ts"

export { canaryMessage } from "../crypto/index.ts"

/** The version both ends must speak. They come from one package, so a difference is an installation gone wrong. */
export const PROTOCOL_VERSION = 1

/** The scheme byte of a sign frame. */
const SCHEME_BYTES = { ecdsa: 1, rsapss: 2, rsapkcs1v15: 3, eddsa: 4 } as const satisfies Record<Scheme, number>

export function schemeByte(scheme: Scheme): number {
    return SCHEME_BYTES[scheme]
}

export function parseSchemeByte(byte: number): Scheme {
    if (byte === 1) return "ecdsa"
    if (byte === 2) return "rsapss"
    if (byte === 3) return "rsapkcs1v15"
    if (byte === 4) return "eddsa"
    throw new FrameError("scheme is unknown")
}

export const ALGORITHMS: readonly Algorithm[] = ["p256", "p384", "rsa2048", "rsa3072", "rsa4096", "ed25519"]

export function encodeSealed(sealed: SealedSecret): object {
    return {
        ephemeralPublic: toBase64(sealed.ephemeralPublic),
        nonce: toBase64(sealed.nonce),
        ciphertext: toBase64(sealed.ciphertext),
    }
}

export function parseSealed(fields: Fields): SealedSecret {
    return { ephemeralPublic: fields.bytes("ephemeralPublic"), nonce: fields.bytes("nonce"), ciphertext: fields.bytes("ciphertext") }
}

export function parseContext(fields: Fields): SecretContext {
    return { purpose: fields.text("purpose"), subject: fields.text("subject") }
}

export function encodePublicKey(key: PublicKeyBytes): { keytype: string; bytes: string } {
    return { keytype: key.keytype, bytes: toBase64(key.bytes) }
}

export function parsePublicKey(fields: Fields): PublicKeyBytes {
    return { keytype: fields.oneOf("keytype", ["ecdsa", "rsa", "ed25519"]), bytes: fields.bytes("bytes") }
}

export function samePublicKey(a: PublicKeyBytes, b: PublicKeyBytes): boolean {
    return a.keytype === b.keytype && Buffer.compare(a.bytes, b.bytes) === 0
}

export function parseCost(fields: Fields): Argon2Cost {
    return { passes: fields.integer("passes"), memoryKiB: fields.integer("memoryKiB"), lanes: fields.integer("lanes") }
}

/** What a token's flags say about the tries left before its PIN is blocked. They may be stale. */
export type PinTries = "ok" | "low" | "final" | "blocked"

/** A token as its signer sees it. */
export type TokenSnapshot = {
    /** A YubiKey can do more than PKCS#11 has words for: the operations whose names begin with `piv-`. */
    readonly kind: "pkcs11" | "yubikey"
    readonly state: "absent" | "present" | "logged-in" | "blocked" | "failed"
    readonly label: string
    readonly serial: string
    readonly manufacturer: string
    readonly model: string
    readonly tries: PinTries
    /** Of a login that is limited to so many; zero without a limit. */
    readonly usesLeft: number
    /** After so long without use other programs shall have it; zero: never. */
    readonly releaseAfterMs: number
    /** Other programs have it. A login that goes on is told the token again when it is used. */
    readonly released: boolean
    /** Another program has it for itself. */
    readonly taken: boolean
    /** It may be taken out at any time: CKF_REMOVABLE_DEVICE. */
    readonly removable: boolean
    /** Why it has failed, for a person. */
    readonly reason: string
    /** The PIN is typed on the token itself. */
    readonly pinPad: boolean
}

export const ABSENT_TOKEN: TokenSnapshot = {
    kind: "pkcs11",
    state: "absent",
    label: "",
    serial: "",
    manufacturer: "",
    model: "",
    tries: "ok",
    usesLeft: 0,
    releaseAfterMs: 0,
    released: false,
    taken: false,
    removable: false,
    reason: "",
    pinPad: false,
}

export function parseTokenSnapshot(fields: Fields): TokenSnapshot {
    return {
        kind: fields.oneOf("kind", ["pkcs11", "yubikey"]),
        state: fields.oneOf("state", ["absent", "present", "logged-in", "blocked", "failed"]),
        label: fields.text("label"),
        serial: fields.text("serial"),
        manufacturer: fields.text("manufacturer"),
        model: fields.text("model"),
        tries: fields.oneOf("tries", ["ok", "low", "final", "blocked"]),
        usesLeft: fields.integer("usesLeft"),
        releaseAfterMs: fields.integer("releaseAfterMs"),
        released: fields.flag("released"),
        taken: fields.flag("taken"),
        removable: fields.flag("removable"),
        reason: fields.text("reason"),
        pinPad: fields.flag("pinPad"),
    }
}

/** A private key object on a token. What it says of itself (local, sensitive, extractable) is a claim, not a proof. */
export type TokenKeyFacts = {
    readonly id: Uint8Array
    readonly label: string
    readonly serial: string
    readonly publicKey: PublicKeyBytes | undefined
    readonly local: boolean
    readonly sensitive: boolean
    readonly extractable: boolean
    readonly alwaysAuthenticate: boolean
}

export function encodeTokenKey(facts: TokenKeyFacts): object {
    return {
        ...facts,
        id: toBase64(facts.id),
        publicKey: facts.publicKey === undefined ? undefined : encodePublicKey(facts.publicKey),
    }
}

export function parseTokenKey(fields: Fields): TokenKeyFacts {
    return {
        id: fields.bytes("id"),
        label: fields.text("label"),
        serial: fields.text("serial"),
        publicKey: fields.has("publicKey") ? parsePublicKey(fields.fields("publicKey")) : undefined,
        local: fields.flag("local"),
        sensitive: fields.flag("sensitive"),
        extractable: fields.flag("extractable"),
        alwaysAuthenticate: fields.flag("alwaysAuthenticate"),
    }
}

export function encodeError(error: TrustkeyError): object {
    return { code: error.code, message: error.message }
}

/** The public facts a sealed key's ciphertext is bound to. Label and bindings may change, so they are not among them. */
export function sealedKeyFacts(facts: {
    readonly id: string
    readonly algorithm: Algorithm
    readonly publicKey: PublicKeyBytes
    readonly purpose: string
    readonly origin: string
    readonly createdAt: string
}): Uint8Array {
    return Buffer.from(
        JSON.stringify([
            "trustkeyd sealed key v1",
            facts.id,
            facts.algorithm,
            facts.publicKey.keytype,
            toBase64(facts.publicKey.bytes),
            facts.purpose,
            facts.origin,
            facts.createdAt,
        ]),
        "utf8",
    )
}

/** Whose passphrase a copy is made with, and where to: it is good for no other key and no other token. */
export function copySubject(keyId: string, token: string): string {
    return `${keyId}:${token}`
}

/** For whom a key is exported goes with its passphrase: it is good for no other key and for no other recipients. */
export function exportSubject(keyId: string, recipients: readonly string[]): string {
    return `${keyId}:${toOfRecipients(recipients)}`
}

/** What a file's passphrase is for: this key in this form. */
export function filePassphraseSubject(keyId: string, format: KeyFileFormat): string {
    return `${keyId}:${format}`
}

/** The key's passphrase goes with the one the file gets: it is good for no other key, no other form and no other file's passphrase. */
export function exportFileSubject(keyId: string, format: KeyFileFormat, filePassphrase: SealedSecret): string {
    return `${filePassphraseSubject(keyId, format)}:${sealedSecretHash(filePassphrase)}`
}

/** For whom a backup is, as secrets are bound to it: recipients in their order. One that opens with a passphrase is for `sealedSecretHash` of that. */
export function toOfRecipients(recipients: readonly string[]): string {
    return sha256(Buffer.from(recipients.join("\n"), "utf8")).toString("hex")
}

/** What the passphrase for a backup's key files is for. */
export function backupSubject(to: string): string {
    return `backup:${to}`
}

/** A key's passphrase, or a group's (`group:<name>`), for a backup: it is good for this one's recipients alone. */
export function keyFileSubject(subject: string, to: string): string {
    return `${subject}:${to}`
}

/** The public facts a group's ciphertext is bound to. */
export function sealedGroupFacts(facts: { readonly name: string; readonly createdAt: string }): Uint8Array {
    return Buffer.from(JSON.stringify(["trustkeyd sealed group v1", facts.name, facts.createdAt]), "utf8")
}

export function locked(): TrustkeyError {
    return new TrustkeyError("key_locked", "the key is locked; unlock it first")
}
