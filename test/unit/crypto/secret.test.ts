import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { inspect } from "node:util"
import { Secret } from "../../../src/crypto/index.ts"

describe("Secret", () => {
    test("TK-SEC-1 shows nothing of itself in text, JSON, inspection or its keys", () => {
        using secret = new Secret(Buffer.from("hunter2"))
        const shown = [
            `${secret}`,
            JSON.stringify({ secret }),
            inspect({ secret }, { depth: 9, showHidden: true }),
            Object.keys(secret).join(),
        ]
        for (const text of shown) assert.doesNotMatch(text, /hunter2|68 75 6e 74|104/)
        assert.equal(shown[0], "[secret]")
    })

    test("wipes its bytes when its block ends", () => {
        const bytes = Buffer.from("hunter2")
        {
            using secret = new Secret(bytes)
            assert.equal(
                secret.reveal((lent) => lent.toString()),
                "hunter2",
            )
        }
        assert.deepEqual(bytes, Buffer.alloc(7))
    })

    test("refuses to be used after it was wiped", () => {
        const secret = Secret.random(32)
        secret[Symbol.dispose]()
        assert.throws(() => secret.reveal(() => 0), { code: "internal" })
    })

    test("compares by content", () => {
        using a = new Secret(Buffer.from("abc"))
        using b = new Secret(Buffer.from("abc"))
        using c = new Secret(Buffer.from("abd"))
        using d = new Secret(Buffer.from("ab"))
        assert.deepEqual([a.equals(b), a.equals(c), a.equals(d)], [true, false, false])
    })

    test("a clone outlives it", () => {
        const original = new Secret(Buffer.from("abc"))
        using copy = original.clone()
        original[Symbol.dispose]()
        assert.equal(
            copy.reveal((bytes) => bytes.toString()),
            "abc",
        )
    })

    test("random ones have the length asked for and differ", () => {
        using a = Secret.random(32)
        using b = Secret.random(32)
        assert.equal(a.length, 32)
        assert.equal(a.equals(b), false)
    })
})
