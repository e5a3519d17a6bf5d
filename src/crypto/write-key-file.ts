import { createCipheriv, pbkdf2, randomBytes } from "node:crypto"
import { promisify } from "node:util"
import { TrustkeyError } from "../errors.ts"
import { encodeDer, type Node, nothing, oid, primitive, sequence, Type, unsignedInteger } from "./der.ts"
import { DerReader, TAG } from "./private-der.ts"
import { canonicalPkcs8, publicKeyOf } from "./private-key.ts"
import { Secret } from "./secret.ts"
import { u32 } from "./transcript.ts"

/**
 * The two forms in which a private key leaves for other programs, both encrypted. "notary": as Notary's and docker's trust directories hold it,
 * with PEM headers. "pkcs8": what OpenSSL and everything else reads.
 */
export const KEY_FILE_FORMATS = ["notary", "pkcs8"] as const
export type KeyFileFormat = (typeof KEY_FILE_FORMATS)[number]

/** Notary's PEM headers. `gun` is empty for root and delegation keys, which belong to no repository. */
export type NotaryHeaders = {
    readonly role: string
    readonly gun: string
    /** The canonical key ID. docker trust key load loses an encrypted key whose file does not name it. */
    readonly path: string
}

/** PBKDF2's: Notary reads SHA-1 whatever a file says, and takes the number of rounds from the file. OWASP's numbers of rounds. */
const DERIVATIONS = {
    notary: { digest: "sha1", rounds: 1_300_000, prf: undefined },
    pkcs8: { digest: "sha256", rounds: 600_000, prf: "1.2.840.113549.2.9" },
} as const satisfies Record<KeyFileFormat, { digest: string; rounds: number; prf: string | undefined }>

/** What is written however much somebody is in a hurry. */
export const LEAST_ROUNDS = 100_000

const SALT_LENGTH = 16
const IV_LENGTH = 16
const KEY_LENGTH = 32
const PEM_COLUMNS = /.{1,64}/g
const LONGEST_HEADER = 512

const OID_PBES2 = "1.2.840.113549.1.5.13"
const OID_PBKDF2 = "1.2.840.113549.1.5.12"
const OID_AES_256_CBC = "2.16.840.1.101.3.4.1.42"

/** PKCS#8 around Notary's 96 bytes of an Ed25519 key, whose OID is GNU's: public ‖ seed ‖ public. */
const NOTARY_ED25519_PREFIX = Buffer.from("3072020100300b06092b06010401da470f010460", "hex")

const derive = promisify(pbkdf2)

/**
 * A passphrase, stretched once for all the key files that it protects: who finds it has them all, whether each has a salt of its own or not. Each file has its own
 * initialisation vector.
 */
export class KeyFileWriter implements Disposable {
    readonly format: KeyFileFormat
    readonly #algorithm: (iv: Buffer) => Node
    readonly #key: Secret

    private constructor(format: KeyFileFormat, algorithm: (iv: Buffer) => Node, key: Secret) {
        this.format = format
        this.#algorithm = algorithm
        this.#key = key
    }

    /** Takes half a second of work, on another thread. @param rounds at least 100,000 */
    static async open(format: KeyFileFormat, passphrase: Secret, rounds: number = DERIVATIONS[format].rounds): Promise<KeyFileWriter> {
        if (rounds < LEAST_ROUNDS) throw new TrustkeyError("internal", "too few rounds for a key file")
        const { digest, prf } = DERIVATIONS[format]
        const salt = randomBytes(SALT_LENGTH)
        // The runtime takes its own copy before it returns, and wipes that one.
        const key = await passphrase.reveal((bytes) => derive(bytes, salt, rounds, KEY_LENGTH, digest))
        // RFC 8018 §A.2: without a prf it is HMAC-SHA-1.
        const parameters = [primitive(Type.OCTETSTRING, salt), unsignedInteger(u32(rounds))]
        const stated = prf === undefined ? [] : [sequence(oid(prf), nothing())]
        const derivation = sequence(oid(OID_PBKDF2), sequence(...parameters, ...stated))
        const algorithm = (iv: Buffer): Node =>
            sequence(oid(OID_PBES2), sequence(derivation, sequence(oid(OID_AES_256_CBC), primitive(Type.OCTETSTRING, iv))))
        return new KeyFileWriter(format, algorithm, new Secret(key))
    }

    /**
     * The text of a file with this key, encrypted: one PEM block.
     *
     * @param headers of "notary", and of nothing else: OpenSSL reads past none
     * @throws invalid_request: a header that can't stand in a PEM text. key_unfit
     */
    write(pkcs8: Secret, headers?: NotaryHeaders): Buffer {
        using clear = this.format === "notary" ? notaryForm(pkcs8) : canonicalPkcs8(pkcs8)
        const iv = randomBytes(IV_LENGTH)
        const cipher = this.#key.reveal((key) => createCipheriv("aes-256-cbc", key, iv))
        const ciphertext = clear.reveal((bytes) => Buffer.concat([cipher.update(bytes), cipher.final()]))
        const der = encodeDer(sequence(this.#algorithm(iv), primitive(Type.OCTETSTRING, ciphertext)))
        return pem(der, this.format === "notary" && headers !== undefined ? headerLines(headers) : [])
    }

    [Symbol.dispose](): void {
        this.#key[Symbol.dispose]()
    }
}

/** Only Ed25519 is another there. */
function notaryForm(given: Secret): Secret {
    const pkcs8 = canonicalPkcs8(given)
    const { keytype, bytes: publicKey } = publicKeyOf(pkcs8)
    if (keytype !== "ed25519") return pkcs8
    using _ = pkcs8
    return pkcs8.reveal((der) => {
        const info = DerReader.structure(der)
        info.number()
        info.next(TAG.sequence)
        const seed = new DerReader(info.next(TAG.octetString)).next(TAG.octetString)
        const form = Buffer.alloc(NOTARY_ED25519_PREFIX.length + 3 * seed.length)
        for (const [index, part] of [publicKey, seed, publicKey].entries())
            form.set(part, NOTARY_ED25519_PREFIX.length + index * seed.length)
        NOTARY_ED25519_PREFIX.copy(form)
        return new Secret(form)
    })
}

/** Sorted, as Go writes them. */
function headerLines({ gun, path, role }: NotaryHeaders): readonly string[] {
    const headers = Object.entries({ gun, path, role }).filter(([, value]) => value !== "")
    for (const [name, value] of headers) {
        // Whatever could end the line, or come back trimmed.
        if (/\p{C}|\p{Zl}|\p{Zp}|^\s|\s$/u.test(value) || Buffer.byteLength(value) > LONGEST_HEADER)
            throw new TrustkeyError("invalid_request", `the ${name} of this key can't stand in a key file`)
    }
    return headers.map(([name, value]) => `${name}: ${value}`)
}

function pem(der: Buffer, headers: readonly string[]): Buffer {
    const lines = der.toString("base64").match(PEM_COLUMNS) ?? []
    const head = headers.length === 0 ? [] : [...headers, ""]
    return Buffer.from(
        ["-----BEGIN ENCRYPTED PRIVATE KEY-----", ...head, ...lines, "-----END ENCRYPTED PRIVATE KEY-----", ""].join("\n"),
        "utf8",
    )
}
