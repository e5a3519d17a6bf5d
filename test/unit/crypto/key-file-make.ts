import assert from "node:assert/strict"
import { createCipheriv, pbkdf2Sync } from "node:crypto"
import { type KeyFileEntry, type OpenedKey, readKeyFile, Secret } from "../../../src/crypto/index.ts"

export function secret(text: string): Secret {
    return new Secret(Buffer.from(text))
}

export function only(content: Uint8Array): KeyFileEntry {
    const [entry, ...more] = readKeyFile(content)
    assert.ok(entry !== undefined && more.length === 0)
    return entry
}

export function open(content: Uint8Array | string, passphrase?: string): OpenedKey {
    const bytes = typeof content === "string" ? Buffer.from(content) : content
    return only(bytes).open(passphrase === undefined ? undefined : secret(passphrase))
}

/** Any label, any headers. */
export function pem(label: string, content: Uint8Array, headers: readonly string[] = []): string {
    const base64 =
        Buffer.from(content)
            .toString("base64")
            .match(/.{1,64}/g) ?? []
    const head = headers.length === 0 ? [] : [...headers, ""]
    return [`-----BEGIN ${label}-----`, ...head, ...base64, `-----END ${label}-----`, ""].join("\n")
}

/** One DER element; parts are bytes, or text in hexadecimal with spaces. */
export function der(tag: number, ...parts: readonly (Uint8Array | string)[]): Buffer {
    const content = Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part.replaceAll(" ", ""), "hex") : part)))
    const { length } = content
    const head = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
    return Buffer.concat([Buffer.from([tag, ...head]), content])
}

/** An OBJECT IDENTIFIER of small arcs and the few large ones here. */
export function oid(dotted: string): Buffer {
    const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number)
    const bytes = [first * 40 + second, ...rest].flatMap((arc) => {
        const groups: number[] = []
        for (let left = arc; left > 0 || groups.length === 0; left = Math.floor(left / 128)) groups.unshift((left % 128) | 0x80)
        groups[groups.length - 1] = (groups.at(-1) ?? 0) & 0x7f
        return groups
    })
    return der(0x06, Buffer.from(bytes))
}

export type Pbes2Options = {
    readonly iterations?: number
    /** What the file says; undefined: nothing. */
    readonly prf?: string
    /** What is really used. */
    readonly digest?: string
    readonly keyLength?: number
    readonly scheme?: string
    readonly derivation?: string
    readonly cipher?: string
    /** Of the ciphertext itself, for what is not a key. */
    readonly ciphertext?: Buffer
}

/** EncryptedPrivateKeyInfo, right or wrong as told. The rounds are not worked when the ciphertext is given. */
export function pbes2(clear: Uint8Array, passphrase: string, options: Pbes2Options = {}): Buffer {
    const { iterations = 2048, prf, digest = "sha1", keyLength, cipher = "aes-256-cbc" } = options
    const salt = Buffer.from("0102030405060708", "hex")
    const iv = Buffer.alloc(cipher.startsWith("des") ? 8 : 16, 7)
    const encrypt = (): Buffer => {
        const length = cipher.startsWith("aes-128") ? 16 : cipher.startsWith("aes-256") ? 32 : 24
        const made = createCipheriv(cipher, pbkdf2Sync(passphrase, salt, iterations, length, digest), iv)
        return Buffer.concat([made.update(clear), made.final()])
    }
    const hex = iterations.toString(16)
    const rounds = Buffer.from(hex.padStart(hex.length + (hex.length % 2), "0"), "hex")
    const number = (rounds[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.alloc(1), rounds]) : rounds
    const derivation = der(
        0x30,
        oid(options.derivation ?? "1.2.840.113549.1.5.12"),
        der(
            0x30,
            der(0x04, salt),
            der(0x02, number),
            keyLength === undefined ? "" : der(0x02, Buffer.from([keyLength])),
            prf === undefined ? "" : der(0x30, oid(prf), "0500"),
        ),
    )
    const scheme = der(0x30, oid(options.scheme ?? "2.16.840.1.101.3.4.1.42"), der(0x04, iv))
    const algorithm = der(0x30, oid("1.2.840.113549.1.5.13"), der(0x30, derivation, scheme))
    return der(0x30, algorithm, der(0x04, options.ciphertext ?? encrypt()))
}
