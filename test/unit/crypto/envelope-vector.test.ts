import assert from "node:assert/strict"
import { argon2Sync, createDecipheriv, createHash, hkdfSync } from "node:crypto"
import { describe, test } from "node:test"
import { open, Secret } from "../../../src/crypto/index.ts"
import { hex, readVector } from "./vector.ts"

// Written from docs/formats/envelope.md, sharing nothing with src/crypto: if this reads the vector, the page is complete.

type Part = Buffer | string

function sha256(bytes: Buffer): Buffer {
    return createHash("sha256").update(bytes).digest()
}

function transcript(...parts: readonly Part[]): Buffer {
    return Buffer.concat(
        parts.flatMap((part) => {
            const length = Buffer.alloc(4)
            length.writeUInt32BE(Buffer.byteLength(part))
            return [length, Buffer.from(part)]
        }),
    )
}

function hkdf(secret: Buffer, salt: Buffer, info: Buffer, length: number): Buffer {
    return Buffer.from(hkdfSync("sha256", secret, salt, info, length))
}

function unbox(secret: Buffer, salt: Buffer, context: Buffer, sealed: Buffer): Buffer {
    const okm = hkdf(secret, salt, sha256(context), 44)
    const decipher = createDecipheriv("aes-256-gcm", okm.subarray(0, 32), okm.subarray(32))
    decipher.setAAD(context)
    decipher.setAuthTag(sealed.subarray(-16))
    return Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()])
}

function openBySpecification(
    envelope: Buffer,
    facts: Buffer,
    keyOf: (kind: number, salt: Buffer, cost: readonly number[]) => Buffer | undefined,
): string {
    let at = 0
    const take = (length: number) => {
        at += length
        return envelope.subarray(at - length, at)
    }
    assert.equal(take(5).toString("hex"), "544b455601")
    const count = take(1).readUInt8()
    let dataKey: Buffer | undefined
    for (let index = 0; index < count; index += 1) {
        const start = at
        const kind = take(1).readUInt8()
        take(take(1).readUInt8())
        const cost = kind === 2 ? [] : [take(4).readUInt32BE(), take(4).readUInt32BE(), take(4).readUInt32BE()]
        const salt = take(16)
        const head = envelope.subarray(start, at)
        const [commitment, sealed] = [take(32), take(48)]
        const key = keyOf(kind, salt, cost)
        if (key === undefined) continue
        assert.deepEqual(hkdf(key, salt, sha256(transcript("trustkeyd envelope 1 commitment", head)), 32), commitment)
        dataKey = unbox(key, salt, transcript("trustkeyd envelope 1 wrap", head, facts), sealed)
    }
    assert.ok(dataKey)
    const salt = take(16)
    const content = unbox(dataKey, salt, transcript("trustkeyd envelope 1 content", facts), take(take(4).readUInt32BE()))
    assert.equal(at, envelope.length)
    return content.toString("hex")
}

describe("the vector of docs/formats/envelope.md", () => {
    const vector = readVector("envelope.md")
    const facts = hex(vector("facts"))
    const envelope = hex(vector("envelope"))

    test("opens with trustkeyd, both ways", async () => {
        using byPassphrase = await open(envelope, facts, { kind: "passphrase", secret: new Secret(hex(vector("passphrase"))) })
        using byGroup = await open(envelope, facts, { kind: "group", key: new Secret(hex(vector("group key"))) })
        for (const content of [byPassphrase, byGroup]) {
            assert.equal(
                content.reveal((bytes) => bytes.toString("hex")),
                vector("content"),
            )
        }
    })

    test("opens with a reader written from the page", () => {
        const byGroup = openBySpecification(envelope, facts, (kind) => (kind === 2 ? hex(vector("group key")) : undefined))
        assert.equal(byGroup, vector("content"))
        const byPassphrase = openBySpecification(envelope, facts, (kind, nonce, [passes = 0, memory = 0, parallelism = 0]) => {
            if (kind !== 1) return undefined
            return argon2Sync("argon2id", { message: hex(vector("passphrase")), nonce, passes, memory, parallelism, tagLength: 32 })
        })
        assert.equal(byPassphrase, vector("content"))
    })
})
