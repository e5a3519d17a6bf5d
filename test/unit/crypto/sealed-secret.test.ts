import assert from "node:assert/strict"
import { createDecipheriv, createHash, hkdfSync } from "node:crypto"
import { describe, test } from "node:test"
import fc from "fast-check"
import { type SealedSecret, Secret, SecretInbox, sealSecret } from "../../../src/crypto/index.ts"
import { openWith, rawPublic, sealFrom, x25519Private } from "../../../src/crypto/sealed-secret.ts"
import { CHALLENGE_LIFE_MS, MOST_CHALLENGES } from "../../../src/crypto/secret-inbox.ts"
import { flipBit, hex, readVector } from "./vector.ts"

const CONTEXT = { purpose: "unlock", subject: "group:release" }

function secretOf(text: string): Secret {
    return new Secret(Buffer.from(text))
}

function textOf(secret: Secret): string {
    return secret.reveal((bytes) => bytes.toString())
}

function openInbox(): { inbox: SecretInbox; wait: (milliseconds: number) => void } {
    let now = 1000
    return {
        inbox: new SecretInbox(() => now),
        wait: (milliseconds) => {
            now += milliseconds
        },
    }
}

describe("sealed secrets", () => {
    test("TK-SEC-2 a secret sealed for a signer opens there, once", () => {
        const { inbox } = openInbox()
        const sealed = sealSecret(inbox.publicKey, inbox.challenge(CONTEXT), CONTEXT, secretOf("1234"))
        assert.equal(Buffer.from(sealed.ciphertext).includes("1234"), false)
        using opened = inbox.open(CONTEXT, sealed)
        assert.equal(textOf(opened), "1234")
        assert.throws(() => inbox.open(CONTEXT, sealed), { code: "challenge_expired" })
    })

    test("TK-SEC-2 it opens for no other purpose, subject or signer", () => {
        const { inbox } = openInbox()
        const seal = () => sealSecret(inbox.publicKey, inbox.challenge(CONTEXT), CONTEXT, secretOf("1234"))
        assert.throws(() => inbox.open({ ...CONTEXT, purpose: "login" }, seal()), { code: "challenge_expired" })
        assert.throws(() => inbox.open({ ...CONTEXT, subject: "group:other" }, seal()), { code: "challenge_expired" })
        assert.throws(() => openInbox().inbox.open(CONTEXT, seal()), { code: "challenge_expired" })
        // A daemon that gives a client one context's nonce for another gains nothing.
        const crossed = sealSecret(inbox.publicKey, inbox.challenge(CONTEXT), { ...CONTEXT, purpose: "login" }, secretOf("1234"))
        assert.throws(() => inbox.open(CONTEXT, crossed), { code: "open_failed" })
    })

    test("the same nonce opens nothing sealed for another signer's key", () => {
        const { inbox } = openInbox()
        const nonce = inbox.challenge(CONTEXT)
        const sealed = sealSecret(openInbox().inbox.publicKey, nonce, CONTEXT, secretOf("1234"))
        assert.throws(() => inbox.open(CONTEXT, sealed), { code: "open_failed" })
    })

    test("a failed try uses the nonce up", () => {
        const { inbox } = openInbox()
        const sealed = sealSecret(inbox.publicKey, inbox.challenge(CONTEXT), CONTEXT, secretOf("1234"))
        assert.throws(() => inbox.open(CONTEXT, { ...sealed, ciphertext: Buffer.alloc(20) }), { code: "open_failed" })
        assert.throws(() => inbox.open(CONTEXT, sealed), { code: "challenge_expired" })
    })

    test("a challenge lasts two minutes", () => {
        const { inbox, wait } = openInbox()
        const early = sealSecret(inbox.publicKey, inbox.challenge(CONTEXT), CONTEXT, secretOf("early"))
        const late = sealSecret(inbox.publicKey, inbox.challenge(CONTEXT), CONTEXT, secretOf("late"))
        wait(CHALLENGE_LIFE_MS - 1)
        using opened = inbox.open(CONTEXT, early)
        assert.equal(textOf(opened), "early")
        wait(1)
        assert.throws(() => inbox.open(CONTEXT, late), { code: "challenge_expired" })
    })

    test("no more than 256 challenges are outstanding: the oldest gives way", () => {
        const { inbox } = openInbox()
        const nonces = Array.from({ length: MOST_CHALLENGES + 1 }, () => inbox.challenge(CONTEXT))
        const [oldest, second] = nonces
        const newest = nonces.at(-1)
        assert.ok(oldest && second && newest)
        const tryWith = (nonce: Uint8Array) => inbox.open(CONTEXT, sealSecret(inbox.publicKey, nonce, CONTEXT, secretOf("x")))
        assert.throws(() => tryWith(oldest), { code: "challenge_expired" })
        for (const nonce of [second, newest]) tryWith(nonce)[Symbol.dispose]()
    })

    test("a closed inbox opens nothing", () => {
        const { inbox } = openInbox()
        const sealed = sealSecret(inbox.publicKey, inbox.challenge(CONTEXT), CONTEXT, secretOf("1234"))
        inbox[Symbol.dispose]()
        assert.throws(() => inbox.open(CONTEXT, sealed), { code: "challenge_expired" })
    })

    test("open(seal(x)) = x, for all contexts", () => {
        const { inbox } = openInbox()
        const text = fc.string({ unit: "grapheme", maxLength: 40 })
        fc.assert(
            fc.property(fc.uint8Array({ minLength: 1, maxLength: 200 }), text, text, (bytes, purpose, subject) => {
                const context = { purpose, subject }
                using secret = new Secret(Buffer.from(bytes))
                using opened = inbox.open(context, sealSecret(inbox.publicKey, inbox.challenge(context), context, secret))
                assert.equal(opened.equals(secret), true)
            }),
        )
    })

    test("purpose and subject can't be shifted into each other", () => {
        const { inbox } = openInbox()
        const nonce = inbox.challenge({ purpose: "ab", subject: "c" })
        const sealed = sealSecret(inbox.publicKey, nonce, { purpose: "a", subject: "bc" }, secretOf("1234"))
        assert.throws(() => inbox.open({ purpose: "ab", subject: "c" }, sealed), { code: "open_failed" })
    })

    test("no single flipped bit gets through", () => {
        const { inbox } = openInbox()
        for (const field of ["ephemeralPublic", "nonce", "ciphertext"] as const) {
            const fresh = () => sealSecret(inbox.publicKey, inbox.challenge(CONTEXT), CONTEXT, secretOf("1234"))
            const expected = field === "nonce" ? "challenge_expired" : "open_failed"
            for (let bit = 0; bit < fresh()[field].length * 8; bit += 1) {
                const sealed = fresh()
                const flipped = { ...sealed, [field]: flipBit(sealed[field], bit) }
                assert.throws(() => inbox.open(CONTEXT, flipped), { code: expected }, `${field} bit ${bit}`)
            }
        }
    })

    test("points of low order are refused on both sides", () => {
        // The ones of RFC 7748 §6.1's warning, as listed at cr.yp.to/ecdh.html#validate.
        const points = [
            "0000000000000000000000000000000000000000000000000000000000000000",
            "0100000000000000000000000000000000000000000000000000000000000000",
            "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
            "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        ]
        const { inbox } = openInbox()
        for (const point of points) {
            assert.throws(() => sealSecret(hex(point), Buffer.alloc(16), CONTEXT, secretOf("1234")), { code: "invalid_request" })
            const sealed = sealSecret(inbox.publicKey, inbox.challenge(CONTEXT), CONTEXT, secretOf("1234"))
            assert.throws(() => inbox.open(CONTEXT, { ...sealed, ephemeralPublic: hex(point) }), { code: "open_failed" })
        }
    })

    test("what can't be a challenge or a secret is refused before sealing", () => {
        const { inbox } = openInbox()
        const nonce = inbox.challenge(CONTEXT)
        assert.throws(() => sealSecret(Buffer.alloc(31), nonce, CONTEXT, secretOf("1")), { code: "invalid_request" })
        assert.throws(() => sealSecret(inbox.publicKey, Buffer.alloc(15), CONTEXT, secretOf("1")), { code: "invalid_request" })
        assert.throws(() => sealSecret(inbox.publicKey, nonce, CONTEXT, secretOf("")), { code: "invalid_request" })
        assert.throws(() => sealSecret(inbox.publicKey, nonce, { purpose: "\ud800", subject: "" }, secretOf("1")), {
            code: "invalid_request",
        })
    })

    test("fields of the wrong length are refused", () => {
        const { inbox } = openInbox()
        const broken: ReadonlyArray<(sealed: SealedSecret) => SealedSecret> = [
            (sealed) => ({ ...sealed, ephemeralPublic: Buffer.alloc(0) }),
            (sealed) => ({ ...sealed, ephemeralPublic: Buffer.concat([sealed.ephemeralPublic, Buffer.alloc(1)]) }),
            (sealed) => ({ ...sealed, ciphertext: Buffer.alloc(0) }),
            (sealed) => ({ ...sealed, ciphertext: Buffer.alloc(16) }),
            (sealed) => ({ ...sealed, ciphertext: Buffer.alloc(70_000) }),
        ]
        for (const change of broken) {
            const sealed = sealSecret(inbox.publicKey, inbox.challenge(CONTEXT), CONTEXT, secretOf("1234"))
            assert.throws(() => inbox.open(CONTEXT, change(sealed)), { code: "open_failed" })
        }
    })

    test("the vector of docs/formats/sealed-secret.md", () => {
        const vector = readVector("sealed-secret.md")
        const context = { purpose: vector("purpose"), subject: vector("subject") }
        const own = x25519Private(hex(vector("own private key")))
        const signer = x25519Private(hex(vector("signer private key")))
        using secret = new Secret(hex(vector("secret")))
        const sealed = sealFrom(own, hex(vector("signer public key")), hex(vector("nonce")), context, secret)
        assert.equal(rawPublic(signer).toString("hex"), vector("signer public key"))
        assert.equal(Buffer.from(sealed.ephemeralPublic).toString("hex"), vector("own public key"))
        assert.equal(Buffer.from(sealed.ciphertext).toString("hex"), vector("ciphertext"))
        using opened = openWith(signer, context, sealed)
        assert.equal(opened?.equals(secret), true)
    })

    test("the vector opens with steps written from the page alone", () => {
        const vector = readVector("sealed-secret.md")
        const nonce = hex(vector("nonce"))
        const texts = ["trustkeyd sealed secret 1", vector("purpose"), vector("subject")].map((text) => Buffer.from(text))
        const context = Buffer.concat(
            [...texts, nonce, hex(vector("own public key")), hex(vector("signer public key"))].flatMap((part) => [
                Buffer.from([0, 0, 0, part.length]),
                part,
            ]),
        )
        const info = createHash("sha256").update(context).digest()
        const okm = Buffer.from(hkdfSync("sha256", hex(vector("shared")), nonce, info, 44))
        const decipher = createDecipheriv("aes-256-gcm", okm.subarray(0, 32), okm.subarray(32))
        const ciphertext = hex(vector("ciphertext"))
        decipher.setAAD(context).setAuthTag(ciphertext.subarray(-16))
        const plain = Buffer.concat([decipher.update(ciphertext.subarray(0, -16)), decipher.final()])
        assert.equal(plain.toString("hex"), vector("secret"))
    })
})
