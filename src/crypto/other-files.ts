// What people take for a private key of ours. Only the first bytes are looked at, and the labels of PEM blocks.

const AGE_FILE = "a file encrypted with age: trustkey key import --identity opens it"

const BLOCKS: readonly (readonly [RegExp, string])[] = [
    [/^(?:RSA |EC )?PUBLIC KEY$/, "a public key"],
    [/^(?:X509 |TRUSTED )?CERTIFICATE$/, "a certificate"],
    [/^(?:NEW )?CERTIFICATE REQUEST$/, "a certificate request"],
    [/^OPENSSH PRIVATE KEY$/, "an OpenSSH private key"],
    [/^SSH2 (?:ENCRYPTED|PUBLIC)/, "an SSH key"],
    [/^PGP PRIVATE KEY BLOCK$/, "a PGP private key"],
    [/^PGP PUBLIC KEY BLOCK$/, "a PGP public key"],
    [/^DSA PRIVATE KEY$/, "a DSA private key"],
    [/^ENCRYPTED (?:SIGSTORE|COSIGN) PRIVATE KEY$/, "a cosign private key"],
    [/^(?:EC|DH|DSA|X9\.42 DH) PARAMETERS$/, "parameters without a key"],
    [/^PKCS7$|^CMS$/, "a PKCS#7 message"],
    [/^AGE ENCRYPTED FILE$/, AGE_FILE],
]

const BEGINNINGS: readonly (readonly [RegExp, string])[] = [
    [/^PuTTY-User-Key-File-/, "a PuTTY private key"],
    [/^(?:ssh-|ecdsa-sha2-|sk-ssh-|sk-ecdsa-)/, "an OpenSSH public key"],
    [/^AGE-SECRET-KEY-/, "an age identity"],
    [/^age-encryption\.org\//, AGE_FILE],
    [/^(?:\ufeff)?\s*[{[]/, "JSON"],
    [/^untrusted comment:/, "a minisign or signify key"],
    [/^(?:\xff\xfe|\xfe\xff)/, "text in UTF-16: save it as UTF-8"],
    [/^\xfe\xed\xfe\xed/, "a Java key store"],
    [/^\xce\xce\xce\xce/, "a Java key store"],
    [/^SQLite format 3/, "a database"],
]

const SEQUENCE = 0x30
/** PKCS#12 goes on with INTEGER 3. */
const VERSION_3 = Buffer.from([0x02, 0x01, 0x03])

/** Of a PEM block that is no private key of ours. Undefined: one we never heard of. */
export function describeBlock(label: string): string | undefined {
    return BLOCKS.find(([pattern]) => pattern.test(label))?.[1]
}

/** Of a file without any PEM block. */
export function describeContent(content: Buffer): string {
    if (content.length === 0) return "an empty file"
    const beginning = content.toString("latin1", 0, 64)
    const known = BEGINNINGS.find(([pattern]) => pattern.test(beginning))?.[1]
    if (known !== undefined) return known
    if (!isDer(content)) return "something else"
    const length = content[1] ?? 0
    const start = 2 + (length < 0x80 ? 0 : length - 0x80)
    if (content.subarray(start, start + VERSION_3.length).equals(VERSION_3))
        return "a PKCS#12 file: openssl pkcs12 -nocerts -in FILE -out NEWFILE takes the key out of it"
    return "a binary (DER) file: openssl pkey -inform DER -in FILE -out NEWFILE makes PEM of it"
}

function isDer(content: Buffer): boolean {
    const length = content[1] ?? 0
    return content[0] === SEQUENCE && length > 2 && length !== 0x80 && length <= 0x84
}
