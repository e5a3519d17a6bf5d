import assert from "node:assert/strict"
import { argon2Sync } from "node:crypto"
import { describe, test } from "node:test"
import { argon2id } from "../../../src/crypto/argon2.ts"
import { DEFAULT_COST, isCostAllowed, LARGEST_COST, LEAST_COST, Secret } from "../../../src/crypto/index.ts"

describe("Argon2id", () => {
    test("agrees with OpenSSL's implementation", async () => {
        const salt = Buffer.alloc(16, 7)
        using secret = new Secret(Buffer.from("passphrase"))
        using result = await argon2id(secret, salt, LEAST_COST)
        const expected = argon2Sync("argon2id", {
            message: Buffer.from("passphrase"),
            nonce: salt,
            passes: LEAST_COST.passes,
            memory: LEAST_COST.memoryKiB,
            parallelism: LEAST_COST.lanes,
            tagLength: 32,
        })
        assert.equal(
            result.reveal((bytes) => bytes.toString("hex")),
            expected.toString("hex"),
        )
    })

    test("runs one at a time, and one that fails does not stop the next", async () => {
        const order: string[] = []
        using secret = new Secret(Buffer.from("passphrase"))
        const salt = Buffer.alloc(16)
        const first = argon2id(secret, salt, LEAST_COST).then(() => order.push("first"))
        const refused = argon2id(secret, salt, { ...LEAST_COST, passes: 1 }).catch(() => order.push("refused"))
        await Promise.all([first, refused])
        using result = await argon2id(secret, salt, LEAST_COST)
        assert.deepEqual(order, ["first", "refused"])
        assert.equal(result.length, 32)
    })

    test("bounds its cost on both sides", () => {
        assert.deepEqual([LEAST_COST, DEFAULT_COST, LARGEST_COST].map(isCostAllowed), [true, true, true])
        assert.equal(isCostAllowed({ ...LEAST_COST, lanes: 1 }), true)
        const bad = [
            { passes: 2 },
            { passes: 17 },
            { memoryKiB: 65535 },
            { memoryKiB: 2 ** 31 },
            { lanes: 0 },
            { lanes: 17 },
            { passes: 3.5 },
            { passes: Number.NaN },
        ]
        for (const part of bad) assert.equal(isCostAllowed({ ...LEAST_COST, ...part }), false)
    })
})
