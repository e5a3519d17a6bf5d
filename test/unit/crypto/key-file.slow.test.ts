import assert from "node:assert/strict"
import { createPublicKey, generateKeyPairSync } from "node:crypto"
import { readFileSync } from "node:fs"
import path from "node:path"
import { describe, test } from "node:test"
import fc from "fast-check"
import { type OpenedKey, publicKeyOf, readKeyFile } from "../../../src/crypto/index.ts"
import { TrustkeyError } from "../../../src/errors.ts"
import { canonicalKeyIdOf, tufKey } from "../../../src/tuf/index.ts"
import { der, oid, only, open, pbes2, pem, secret } from "./key-file-make.ts"
import { flipBit } from "./vector.ts"

const VECTORS = path.resolve(import.meta.dirname, "../../vectors/notary")

type KeyFileVector = {
    readonly file: string
    readonly passphrase: string
    readonly pem_headers: { readonly role: string; readonly gun?: string }
    readonly iterations: number
    readonly key_id: string
}

const { key_files: KEY_FILES } = JSON.parse(readFileSync(path.join(VECTORS, "vectors.json"), "utf8")) as { key_files: KeyFileVector[] }

function vector(name: string): Buffer {
    return readFileSync(path.join(VECTORS, name))
}

/** What came out is whole: the daemon's own reader takes it, and finds the public key that was named. */
function checkOpened({ pkcs8, publicKey }: OpenedKey): string {
    assert.deepEqual(publicKeyOf(pkcs8), publicKey)
    return canonicalKeyIdOf(tufKey(publicKey))
}

function spkiOf({ publicKey }: OpenedKey): Buffer {
    return Buffer.from(publicKey.bytes)
}

function refuses(content: Uint8Array | string, code: string, message: RegExp, passphrase?: string): void {
    assert.throws(
        () => open(content, passphrase),
        (error) => {
            assert.ok(error instanceof TrustkeyError, String(error))
            assert.equal(error.code, code, error.message)
            assert.match(error.message, message)
            return true
        },
    )
}

describe("private key files of the stock clients", () => {
    for (const { file, passphrase, pem_headers: headers, iterations, key_id: id } of KEY_FILES) {
        test(`${path.basename(file).slice(0, 12)} (${headers.role}): opens, and is the key its name says`, () => {
            const entry = only(vector(file))
            assert.equal(entry.role, headers.role)
            assert.equal(entry.gun, headers.gun ?? "")
            assert.deepEqual(entry.encryption, { kind: "pbes2", iterations, prf: "hmacWithSHA1", cipher: "AES-256-CBC" })
            assert.equal(checkOpened(entry.open(secret(passphrase))), id)
            assert.throws(() => entry.open(secret(`${passphrase}x`)), { code: "open_failed" })
            assert.throws(() => entry.open(undefined), { code: "open_failed" })
        })
    }

    test("an export holds all keys, each with its role, GUN and path, and the blocks may be surrounded by text and end in CRLF", () => {
        const exported = vector("keys/export-all.pem").toString()
        const noisy = `Subject: my keys\r\n\r\n${exported.replaceAll("\n", "\r\n")}that was all`
        for (const text of [exported, noisy, `\ufeff${exported}`]) {
            const entries = readKeyFile(Buffer.from(text))
            assert.ok(entries.length > 3)
            for (const entry of entries) {
                const known = KEY_FILES.find(({ key_id: id }) => id === entry.path)
                assert.ok(known !== undefined, entry.path)
                assert.equal(entry.role, known.pem_headers.role)
                assert.equal(checkOpened(entry.open(secret(known.passphrase))), known.key_id)
            }
        }
    })

    test("the same key as SEC1 in clear, with DEK-Info, and as Notary keeps it", () => {
        const spki = createPublicKey(vector("keys/alice.pub")).export({ type: "spki", format: "der" })
        const plain = open(vector("keys/alice-sec1-unencrypted.pem"))
        const legacy = only(vector("keys/alice-legacy-dek.pem"))
        assert.deepEqual(legacy.encryption, { kind: "dek-info", cipher: "AES-256-CBC" })
        for (const opened of [plain, legacy.open(secret("sample-legacy-pass"))]) {
            assert.deepEqual(spkiOf(opened), spki)
            checkOpened(opened)
        }
        assert.throws(() => legacy.open(secret("another")), { code: "open_failed" })
    })

    test("Notary's Ed25519 in PKCS#8, in its own PEM type with and without DEK-Info, and RFC 8410 give the same key", () => {
        const first = open(vector("keys/ed25519-delegation.pem"), "sample-delegation-pass")
        assert.equal(first.algorithm, "ed25519")
        const seed = first.pkcs8.reveal((der) => Buffer.from(der.subarray(16)))
        const raw = Buffer.concat([first.publicKey.bytes, seed, first.publicKey.bytes])
        const rfc8410 = first.pkcs8.reveal((der) => Buffer.from(der))
        const texts = [
            pem("ED25519 PRIVATE KEY", raw, ["role: edsigner"]),
            pem("PRIVATE KEY", rfc8410),
            pem("PRIVATE KEY", der(0x30, `020101 300506032b6570 0422${rfc8410.subarray(14).toString("hex")} 812100${publicHex(first)}`)),
        ]
        for (const text of texts) assert.deepEqual(open(text).publicKey, first.publicKey, text)
        refuses(
            pem("PRIVATE KEY", der(0x30, `020101 300506032b6570 0422${rfc8410.subarray(14).toString("hex")} 812100${"00".repeat(32)}`)),
            "key_file_invalid",
            /not the private key's/,
        )
        refuses(pem("ED25519 PRIVATE KEY", Buffer.concat([seed, seed, first.publicKey.bytes])), "key_file_invalid", /not the private key's/)
        refuses(pem("ED25519 PRIVATE KEY", Buffer.concat([seed, seed, seed])), "key_file_invalid", /not the private key's/)
    })
})

function publicHex({ publicKey }: OpenedKey): string {
    return Buffer.from(publicKey.bytes).toString("hex")
}

const P256 = generateKeyPairSync("ec", { namedCurve: "prime256v1" }).privateKey
const RSA = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey
const PKCS8 = P256.export({ type: "pkcs8", format: "der" })
const PKCS8_RSA = RSA.export({ type: "pkcs8", format: "der" })
const SPKI = createPublicKey(P256).export({ type: "spki", format: "der" })

describe("encrypted PKCS#8", () => {
    test("a file that states SHA-256 and was made with SHA-1, as Notary reads it, opens all the same", () => {
        const lying = pem("ENCRYPTED PRIVATE KEY", pbes2(PKCS8, "open sesame", { prf: "1.2.840.113549.2.9", digest: "sha1" }))
        assert.deepEqual(spkiOf(open(lying, "open sesame")), SPKI)
        refuses(lying, "open_failed", /wrong/, "open sesam")
        const honest = pem("ENCRYPTED PRIVATE KEY", pbes2(PKCS8, "open sesame", { prf: "1.2.840.113549.2.9", digest: "sha256" }))
        assert.deepEqual(spkiOf(open(honest, "open sesame")), SPKI)
    })

    test("every HMAC that has a number, whatever the key's length says", () => {
        for (const [prf, digest] of [
            ["1.2.840.113549.2.12", "sha512-224"],
            ["1.2.840.113549.2.13", "sha512-256"],
            ["2.16.840.1.101.3.4.2.14", "sha3-256"],
            ["2.16.840.1.101.3.4.2.16", "sha3-512"],
        ] as const) {
            const file = pem("ENCRYPTED PRIVATE KEY", pbes2(PKCS8, "x", { prf, digest, keyLength: 32 }))
            assert.deepEqual(spkiOf(open(file, "x")), SPKI)
        }
        const misfit = pem("ENCRYPTED PRIVATE KEY", pbes2(PKCS8, "x", { keyLength: 16 }))
        refuses(misfit, "key_file_invalid", /16 bytes does not fit AES-256-CBC/)
    })

    test("10 million rounds are worked off, one more is refused before anything is asked", () => {
        const file = (iterations: number): string =>
            pem("ENCRYPTED PRIVATE KEY", pbes2(PKCS8, "x", { iterations, ciphertext: Buffer.alloc(144) }))
        assert.equal(only(Buffer.from(file(10_000_000))).encryption.kind, "pbes2")
        refuses(file(10_000_001), "key_file_invalid", /10000001 rounds of PBKDF2, and more than 10000000 are not tried/)
        refuses(file(2 ** 40), "key_file_invalid", /1099511627776 rounds/)
        refuses(file(0), "key_file_invalid", /out of range/)
        assert.equal(readKeyFile(Buffer.from(file(10_000_000).repeat(2))).length, 2)
        refuses(file(10_000_000).repeat(2) + file(1), "key_file_invalid", /20000001 rounds of PBKDF2 together/)
    })

    test("what it is encrypted with is named when we can't", () => {
        const cases: readonly (readonly [Parameters<typeof pbes2>[2], RegExp])[] = [
            [{ derivation: "1.3.6.1.4.1.11591.4.11" }, /a key derived by scrypt/],
            [{ scheme: "1.3.14.3.2.7" }, /encrypted with DES,/],
            [{ scheme: "2.16.840.1.101.3.4.1.46" }, /AES-256-GCM/],
            [{ prf: "1.2.643.7.1.1.4.1" }, /the algorithm 1\.2\.643\.7\.1\.1\.4\.1/],
        ]
        for (const [options, message] of cases)
            refuses(pem("ENCRYPTED PRIVATE KEY", pbes2(PKCS8, "x", options)), "key_file_invalid", message)
        const pbes1 = der(
            0x30,
            der(0x30, oid("1.2.840.113549.1.12.1.3"), "300e 0408 0102030405060708 02020800"),
            der(0x04, Buffer.alloc(8)),
        )
        refuses(pem("ENCRYPTED PRIVATE KEY", pbes1), "key_file_invalid", /PKCS#12's triple DES.*openssl pkey -aes256/)
    })

    test("what is inside and no key of ours is told from a wrong passphrase", () => {
        const encrypted = (content: Buffer): string => pem("ENCRYPTED PRIVATE KEY", pbes2(content, "x"))
        refuses(encrypted(Buffer.from("not a key at all")), "open_failed", /wrong/, "x")
        refuses(encrypted(PKCS8.subarray(0, -1)), "open_failed", /damaged/, "x")
        const broken = Buffer.from(PKCS8)
        broken[broken.length - 3] = (broken.at(-3) ?? 0) ^ 1
        refuses(encrypted(broken), "key_file_invalid", /not the private key's/, "x")
        const p521 = generateKeyPairSync("ec", { namedCurve: "secp521r1" }).privateKey.export({ type: "pkcs8", format: "der" })
        refuses(encrypted(p521), "key_unfit", /a P-521 key/, "x")
    })
})

describe("private keys in clear", () => {
    test("a number without its zeros, or with one too many, is the same number", () => {
        const sec1 = (number: string): string => pem("EC PRIVATE KEY", der(0x30, "020101", der(0x04, number), "a00a 06082a8648ce3d030107"))
        const short = open(sec1("2a"))
        for (const number of ["002a", "2a".padStart(64, "0"), "2a".padStart(68, "0")]) assert.deepEqual(open(sec1(number)), short)
        assert.equal(checkOpened(short).length, 64)
        for (const number of ["00", "00".repeat(32), "", "ff".repeat(32), `01${"00".repeat(32)}`])
            refuses(sec1(number), "key_file_invalid", /damaged/)
        // n of P-256 itself, and one less.
        const order = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"
        refuses(sec1(order), "key_file_invalid", /damaged/)
        checkOpened(open(sec1(order.replace(/51$/, "50"))))
    })

    test("a public half that is another key's is refused, wherever it stands", () => {
        const other = createPublicKey(generateKeyPairSync("ec", { namedCurve: "prime256v1" }).privateKey)
        const point = other.export({ type: "spki", format: "der" }).subarray(-65)
        const swapped = Buffer.concat([PKCS8.subarray(0, -65), point])
        refuses(pem("PRIVATE KEY", swapped), "key_file_invalid", /not the private key's/)
        const sec1 = P256.export({ type: "sec1", format: "der" })
        refuses(pem("EC PRIVATE KEY", Buffer.concat([sec1.subarray(0, -65), point])), "key_file_invalid", /not the private key's/)
        // RFC 5958: the public half beside the private one.
        const beside = (bits: Buffer): string => pem("PRIVATE KEY", der(0x30, "020101", PKCS8.subarray(6), der(0x81, "00", bits)))
        assert.deepEqual(spkiOf(open(beside(SPKI.subarray(-65)))), SPKI)
        refuses(beside(point), "key_file_invalid", /not the private key's/)
    })

    test("an RSA key whose private exponent belongs to another key is refused", () => {
        const jwk = RSA.export({ format: "jwk" })
        const foreign = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ format: "jwk" })
        const number = (value: string | undefined): Buffer => der(0x02, "00", Buffer.from(value ?? "", "base64url"))
        const rest = [foreign.d, foreign.p, foreign.q, foreign.dp, foreign.dq, foreign.qi].map(number)
        const mixed = der(0x30, "020100", number(jwk.n), "0203010001", ...rest)
        refuses(pem("RSA PRIVATE KEY", mixed), "key_file_invalid", /not the private key.s/)
    })

    test("keys that are none of ours are named", () => {
        const clear = (key: { export(options: { type: "pkcs8"; format: "der" }): Buffer }): string =>
            pem("PRIVATE KEY", key.export({ type: "pkcs8", format: "der" }))
        const ec = (namedCurve: string): string => clear(generateKeyPairSync("ec", { namedCurve }).privateKey)
        refuses(ec("secp521r1"), "key_unfit", /a P-521 key; use P-256/)
        refuses(ec("secp224r1"), "key_unfit", /a P-224 key/)
        refuses(ec("secp256k1"), "key_unfit", /a secp256k1 key/)
        refuses(clear(generateKeyPairSync("x25519").privateKey), "key_unfit", /an X25519 key/)
        refuses(clear(generateKeyPairSync("ed448").privateKey), "key_unfit", /an Ed448 key/)
        refuses(clear(generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey), "key_unfit", /1024 bits/)
        refuses(clear(generateKeyPairSync("rsa-pss", { modulusLength: 2048 }).privateKey), "key_unfit", /an RSA-PSS key/)
        refuses(clear(generateKeyPairSync("dsa", { modulusLength: 2048, divisorLength: 256 }).privateKey), "key_unfit", /a DSA key/)
        const explicit = generateKeyPairSync("ec", { namedCurve: "prime256v1", paramEncoding: "explicit" }).privateKey
        refuses(clear(explicit), "key_unfit", /written out instead of named/)
        const multiPrime = der(0x30, "020101", PKCS8_RSA.subarray(29))
        refuses(pem("RSA PRIVATE KEY", multiPrime), "key_unfit", /more than two primes/)
    })

    test("no error shows anything of a key, not even as its cause", () => {
        const broken = Buffer.from(PKCS8)
        broken[36] = 0xff
        try {
            open(pem("PRIVATE KEY", broken.fill(0xff, 36, 68)))
            assert.fail("it was opened")
        } catch (error) {
            assert.ok(error instanceof TrustkeyError)
            assert.equal(error.cause, undefined)
            assert.equal(error.message, "the private key is damaged")
        }
    })
})

describe("what is no private key", () => {
    const cases: readonly (readonly [name: string, content: Buffer | string, message: RegExp])[] = [
        ["nothing", "", /an empty file/],
        ["a public key", vector("keys/alice.pub"), /it is a public key/],
        ["a certificate", vector("keys/bob.crt"), /it is a certificate/],
        ["both", Buffer.concat([vector("keys/alice.pub"), vector("keys/bob.crt")]), /a public key and a certificate/],
        ["OpenSSH's form", pem("OPENSSH PRIVATE KEY", Buffer.from("openssh-key-v1\0")), /an OpenSSH private key/],
        ["an OpenSSH public key", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI me@here\n", /an OpenSSH public key/],
        ["PuTTY's form", "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n", /a PuTTY private key/],
        ["PGP", "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nxcMFBF\n=AbCd\n-----END PGP PRIVATE KEY BLOCK-----\n", /a PGP private key/],
        ["cosign's form", pem("ENCRYPTED SIGSTORE PRIVATE KEY", Buffer.from("{}")), /a cosign private key/],
        ["DSA", pem("DSA PRIVATE KEY", Buffer.alloc(9)), /a DSA private key/],
        ["DER", PKCS8, /a binary \(DER\) file: openssl pkey -inform DER/],
        ["PKCS#12", Buffer.from("308209d1020103308209", "hex"), /a PKCS#12 file: openssl pkcs12/],
        ["JSON", '{"kty":"EC"}', /it is JSON/],
        ["UTF-16", Buffer.from("\ufeff-----BEGIN EC PRIVATE KEY-----", "utf16le"), /UTF-16: save it as UTF-8/],
        ["anything else", Buffer.from([0x7f, 0x45, 0x4c, 0x46, 0, 1, 2]), /it is something else/],
        ["a block nobody knows", pem("VERY PRIVATE KEY", Buffer.alloc(3)), /a block "VERY PRIVATE KEY"/],
        ["a private key we can't read beside one we can", `${pem("PRIVATE KEY", PKCS8)}${pem("OPENSSH PRIVATE KEY", PKCS8)}`, /OpenSSH/],
        ["no end", pem("PRIVATE KEY", PKCS8).replace(/-----END.*/s, ""), /has no end/],
        ["another's end", pem("PRIVATE KEY", PKCS8).replace("END PRIVATE", "END EC PRIVATE"), /has no end/],
        ["nothing inside", pem("PRIVATE KEY", Buffer.alloc(0)), /is not base64/],
        [
            "a digit missing",
            pem("PRIVATE KEY", PKCS8)
                .replace(/=*\n-----END/, "\n-----END")
                .replace("MIG", "MI"),
            /is not base64/,
        ],
        ["a strange digit", pem("PRIVATE KEY", PKCS8).replace("MIG", "MI!"), /is not base64/],
        ["digits after the padding", pem("PRIVATE KEY", Buffer.from("abcd")).replace("==", "=A"), /is not base64/],
        ["a header twice", pem("PRIVATE KEY", PKCS8, ["role: root", "role: targets"]), /header role twice/],
        ["a header that is none", pem("PRIVATE KEY", PKCS8, ["rôle: root"]), /a header that is none/],
        ["Proc-Type alone", pem("EC PRIVATE KEY", PKCS8, ["Proc-Type: 4,ENCRYPTED"]), /DEK-Info header is missing/],
        ["an unknown DEK-Info", pem("EC PRIVATE KEY", PKCS8, ["DEK-Info: DES-CBC,0011223344556677"]), /encrypted with DES-CBC/],
        ["a DEK-Info cut short", pem("EC PRIVATE KEY", PKCS8, ["DEK-Info: AES-256-CBC,0011"]), /DEK-Info header is malformed/],
        ["encryption told twice", pem("ENCRYPTED PRIVATE KEY", PKCS8, ["DEK-Info: AES-256-CBC,00"]), /twice how it is encrypted/],
        ["clear where encrypted is said", pem("ENCRYPTED PRIVATE KEY", PKCS8), /can't be read/],
        ["too many", pem("ED25519 PRIVATE KEY", Buffer.alloc(96)).repeat(1001), /more than 1000/],
        ["too long", Buffer.alloc(5_000_000), /5000000 bytes/],
    ]
    for (const [name, content, message] of cases) {
        test(`${name}: is told`, () => refuses(content, "key_file_invalid", message))
    }
})

describe("damaged private key files", () => {
    /** Success or a refusal of ours, whatever the file. */
    function survives(content: Uint8Array, passphrase: string): void {
        try {
            for (const entry of readKeyFile(content)) {
                using key = entry.open(secret(passphrase)).pkcs8
                assert.ok(publicKeyOf(key))
            }
        } catch (error) {
            assert.ok(error instanceof TrustkeyError, String(error instanceof Error ? error.stack : error))
            assert.ok(["open_failed", "key_file_invalid", "key_unfit"].includes(error.code), error.code)
        }
    }

    const ed25519 = generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "der" })
    const forms: readonly (readonly [name: string, label: string, content: Buffer])[] = [
        ["PKCS#8 EC", "PRIVATE KEY", PKCS8],
        ["SEC1", "EC PRIVATE KEY", P256.export({ type: "sec1", format: "der" })],
        ["RFC 8410", "PRIVATE KEY", ed25519],
    ]
    for (const [name, label, content] of forms) {
        test(`${name}: every single bit flipped gives the same key or a refusal`, () => {
            for (let bit = 0; bit < content.length * 8; bit += 1) survives(Buffer.from(pem(label, flipBit(content, bit))), "")
        })
    }

    test("RSA: flipped bits give a key that works or a refusal", () => {
        fc.assert(
            fc.property(fc.nat(PKCS8_RSA.length * 8 - 1), (bit) => survives(Buffer.from(pem("PRIVATE KEY", flipBit(PKCS8_RSA, bit))), "")),
            { numRuns: 150 },
        )
    })

    test("PBES2, 16 rounds: every single bit of the file's DER flipped gives the same key or a refusal", () => {
        const content = pbes2(PKCS8, "x", { iterations: 16 })
        for (let bit = 0; bit < content.length * 8; bit += 1) {
            const flipped = Buffer.from(pem("ENCRYPTED PRIVATE KEY", flipBit(content, bit)))
            // What has many rounds now is only read: working them off is tested elsewhere, and slow.
            const rounds = roundsOf(flipped)
            if (rounds < 10_000) survives(flipped, "x")
        }
    })

    function roundsOf(content: Buffer): number {
        try {
            const [entry] = readKeyFile(content)
            return entry?.encryption.kind === "pbes2" ? entry.encryption.iterations : 0
        } catch (error) {
            assert.ok(error instanceof TrustkeyError)
            return 0
        }
    }

    test("the text itself: bytes flipped, cut, doubled and exchanged", () => {
        const files = [vector("keys/alice-legacy-dek.pem"), vector("keys/export-all.pem"), vector("keys/alice-sec1-unencrypted.pem")]
        fc.assert(
            fc.property(
                fc.constantFrom(...files),
                fc.nat(),
                fc.nat(),
                fc.constantFrom("flip", "cut", "double", "insert"),
                (file, a, b, how) => {
                    const [at, to] = [a % file.length, b % file.length].sort((x, y) => x - y)
                    const [start, end] = [at ?? 0, to ?? 0]
                    const parts = {
                        flip: [flipBit(file, (a % file.length) * 8 + (b % 8))],
                        cut: [file.subarray(0, start), file.subarray(end)],
                        double: [file.subarray(0, end), file.subarray(start)],
                        insert: [file.subarray(0, start), Buffer.from([b & 0xff]), file.subarray(start)],
                    }[how]
                    survives(Buffer.concat(parts), "sample-legacy-pass")
                },
            ),
            { numRuns: 400 },
        )
    })

    test("any bytes at all, in any block", () => {
        const labels = ["PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY", "ED25519 PRIVATE KEY", "ENCRYPTED PRIVATE KEY"]
        fc.assert(
            fc.property(fc.constantFrom(...labels), fc.uint8Array({ minLength: 1, maxLength: 200 }), (label, content) =>
                survives(Buffer.from(pem(label, content)), "x"),
            ),
        )
        fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (content) => survives(content, "x")))
    })

    test("what was read is wiped when the entry is disposed", () => {
        const entry = only(Buffer.from(pem("PRIVATE KEY", PKCS8)))
        entry[Symbol.dispose]()
        assert.throws(() => entry.open(undefined), { code: "internal" })
    })
})
