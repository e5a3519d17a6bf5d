import assert from "node:assert/strict"
import { describe, test } from "node:test"
import fc from "fast-check"
import { LEAST_COST, open, rewrap, Secret, seal, type Wrap, waysToOpen } from "../../../src/crypto/index.ts"
import { flipBit } from "./vector.ts"

const FACTS = Buffer.from('{"id":"1"}')
const GROUP_KEY = Buffer.alloc(32, 7)

function secretOf(text: string): Secret {
    return new Secret(Buffer.from(text))
}

function groupKey(): Secret {
    return new Secret(Buffer.from(GROUP_KEY))
}

function byGroup(group = "release", key = groupKey()): Wrap {
    return { kind: "group", group, key }
}

function byPassphrase(text: string): Wrap {
    return { kind: "passphrase", secret: secretOf(text), cost: LEAST_COST }
}

async function openText(envelope: Uint8Array, opener: Parameters<typeof open>[2]): Promise<string> {
    using content = await open(envelope, FACTS, opener)
    return content.reveal((bytes) => bytes.toString())
}

describe("envelopes", () => {
    test("each way to open it gives the content; what it holds can't be read in it", async () => {
        const wraps: readonly Wrap[] = [
            byPassphrase("one"),
            byGroup(),
            { kind: "credential", name: "signing", secret: secretOf("two"), cost: LEAST_COST },
        ]
        const envelope = await seal(secretOf("the content"), FACTS, wraps)
        assert.equal(Buffer.from(envelope).includes("the content"), false)
        assert.deepEqual(waysToOpen(envelope), [
            { kind: "passphrase", name: "" },
            { kind: "group", name: "release" },
            { kind: "credential", name: "signing" },
        ])
        assert.equal(await openText(envelope, { kind: "passphrase", secret: secretOf("one") }), "the content")
        assert.equal(await openText(envelope, { kind: "group", key: groupKey() }), "the content")
        assert.equal(await openText(envelope, { kind: "credential", name: "signing", secret: secretOf("two") }), "the content")
    })

    test("a wrong secret, other facts, another way and damage have one answer", async () => {
        const envelope = await seal(secretOf("the content"), FACTS, [byPassphrase("right"), byGroup()])
        const damaged = flipBit(envelope, envelope.length * 8 - 1)
        const right = () => ({ kind: "passphrase", secret: secretOf("right") }) as const
        const failures = await Promise.all(
            [
                open(envelope, FACTS, { kind: "passphrase", secret: secretOf("wrong") }),
                open(envelope, FACTS, { kind: "passphrase", secret: secretOf("") }),
                open(envelope, FACTS, { kind: "group", key: Secret.random(32) }),
                open(envelope, FACTS, { kind: "group", key: Secret.random(31) }),
                open(envelope, FACTS, { kind: "credential", name: "signing", secret: secretOf("right") }),
                open(envelope, Buffer.from("other"), { kind: "group", key: groupKey() }),
                open(damaged, FACTS, right()),
                open(envelope.subarray(1), FACTS, right()),
            ].map((attempt) =>
                attempt.then(
                    () => "opened",
                    (error: Error & { code: string }) => `${error.code}: ${error.message} ${error.cause ?? ""}`,
                ),
            ),
        )
        assert.deepEqual([...new Set(failures)], ["open_failed: the secret is wrong or what is sealed is damaged "])
    })

    test("open(seal(x)) = x", async () => {
        const name = fc.string({ unit: "grapheme", maxLength: 20 })
        await fc.assert(
            fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 3000 }), fc.uint8Array(), name, async (bytes, facts, group) => {
                using content = new Secret(Buffer.from(bytes))
                const envelope = await seal(content, facts, [byGroup(group)])
                using opened = await open(envelope, facts, { kind: "group", key: groupKey() })
                assert.equal(opened.equals(content), true)
            }),
        )
    })

    test("no single flipped bit, no missing and no further byte gets through", async () => {
        const envelope = await seal(secretOf("content"), FACTS, [byGroup("g")])
        const opener = () => ({ kind: "group", key: groupKey() }) as const
        for (let bit = 0; bit < envelope.length * 8; bit += 1) {
            await assert.rejects(open(flipBit(envelope, bit), FACTS, opener()), { code: "open_failed" }, `bit ${bit}`)
        }
        for (let length = 0; length < envelope.length; length += 1) {
            await assert.rejects(open(envelope.subarray(0, length), FACTS, opener()), { code: "open_failed" }, `${length} bytes`)
        }
        await assert.rejects(open(Buffer.concat([envelope, Buffer.alloc(1)]), FACTS, opener()), { code: "open_failed" })
    })

    test("flipped bits in a passphrase's wrap open nothing, and a forged cost is refused without paying it", async () => {
        const envelope = Buffer.from(await seal(secretOf("content"), FACTS, [byPassphrase("right")]))
        const opener = () => ({ kind: "passphrase", secret: secretOf("right") }) as const
        const wrap = 6
        // passes, memory, lanes; then one bit each of salt, commitment, sealed data key.
        for (const [offset, value] of [
            [wrap + 2, 0x8000_0003],
            [wrap + 2, 2],
            [wrap + 2, 0],
            [wrap + 6, 0xffff_ffff],
            [wrap + 6, 65_535],
            [wrap + 6, 2 ** 21 + 1],
            [wrap + 10, 0],
            [wrap + 10, 0x0100_0004],
        ] as const) {
            const forged = Buffer.from(envelope)
            forged.writeUInt32BE(value, offset)
            await assert.rejects(open(forged, FACTS, opener()), { code: "open_failed" })
            // Reading alone refuses it, so no memory was ever asked for.
            assert.throws(() => waysToOpen(forged), { code: "open_failed" })
        }
        for (const offset of [wrap + 14, wrap + 30, wrap + 62]) {
            await assert.rejects(open(flipBit(envelope, offset * 8), FACTS, opener()), { code: "open_failed" })
        }
    })

    test("a way to open moved in from another envelope opens nothing", async () => {
        const one = Buffer.from(await seal(secretOf("content"), FACTS, [byGroup()]))
        const two = Buffer.from(await seal(secretOf("content"), FACTS, [byGroup()]))
        const end = one.length - 16 - 4 - ("content".length + 16)
        const crossed = Buffer.concat([one.subarray(0, end), two.subarray(end)])
        await assert.rejects(open(crossed, FACTS, { kind: "group", key: groupKey() }), { code: "open_failed" })
    })

    test("a wrap opens for one key only: the commitment is compared", async () => {
        const envelope = await seal(secretOf("content"), FACTS, [byGroup("g")])
        const commitment = 6 + 2 + 1 + 16
        await assert.rejects(open(flipBit(envelope, commitment * 8), FACTS, { kind: "group", key: groupKey() }), { code: "open_failed" })
    })

    test("two envelopes of the same content have nothing in common but their form", async () => {
        const [one, two] = await Promise.all([0, 1].map(() => seal(secretOf("content"), FACTS, [byGroup("g")])))
        assert.ok(one && two)
        assert.notDeepEqual(one.subarray(9, 25), two.subarray(9, 25))
        assert.notDeepEqual(one.subarray(-7 - 16), two.subarray(-7 - 16))
    })

    test("a new passphrase replaces the old one and leaves the rest byte for byte", async () => {
        const envelope = await seal(secretOf("the content"), FACTS, [byPassphrase("old"), byGroup()])
        const changed = await rewrap(envelope, FACTS, { kind: "passphrase", secret: secretOf("old") }, [byPassphrase("new")])
        await assert.rejects(open(changed, FACTS, { kind: "passphrase", secret: secretOf("old") }), { code: "open_failed" })
        assert.equal(await openText(changed, { kind: "passphrase", secret: secretOf("new") }), "the content")
        assert.equal(await openText(changed, { kind: "group", key: groupKey() }), "the content")
        const content = 16 + 4 + "the content".length + 16
        assert.deepEqual(changed.subarray(-content), envelope.subarray(-content))
        assert.deepEqual(waysToOpen(changed), [
            { kind: "group", name: "release" },
            { kind: "passphrase", name: "" },
        ])
    })

    test("a further way is added by whoever can open it, and by nobody else", async () => {
        const envelope = await seal(secretOf("the content"), FACTS, [byGroup("one")])
        const otherKey = Buffer.alloc(32, 8)
        const further = () => byGroup("two", new Secret(Buffer.from(otherKey)))
        await assert.rejects(rewrap(envelope, FACTS, { kind: "group", key: Secret.random(32) }, [further()]), { code: "open_failed" })
        const both = await rewrap(envelope, FACTS, { kind: "group", key: groupKey() }, [further()])
        assert.equal(await openText(both, { kind: "group", key: new Secret(Buffer.from(otherKey)) }), "the content")
        assert.equal(await openText(both, { kind: "group", key: groupKey() }), "the content")
    })

    test("damaged content is not wrapped anew", async () => {
        const envelope = await seal(secretOf("the content"), FACTS, [byGroup()])
        const damaged = flipBit(envelope, (envelope.length - 20) * 8)
        await assert.rejects(rewrap(damaged, FACTS, { kind: "group", key: groupKey() }, [byGroup("two")]), { code: "open_failed" })
    })

    const refused: Readonly<Record<string, () => readonly Wrap[]>> = {
        "no way to open it": () => [],
        "two passphrases": () => [byPassphrase("one"), byPassphrase("two")],
        "the same group twice": () => [byGroup("g"), byGroup("g")],
        "nine ways": () => Array.from({ length: 9 }, (_, index) => byGroup(`g${index}`)),
        "an empty passphrase": () => [byPassphrase("")],
        "a cost below the least": () => [{ kind: "passphrase", secret: secretOf("x"), cost: { ...LEAST_COST, memoryKiB: 1024 } }],
        "a cost above the largest": () => [{ kind: "passphrase", secret: secretOf("x"), cost: { ...LEAST_COST, passes: 17 } }],
        "a name of 256 bytes": () => [byGroup("x".repeat(256))],
    }
    for (const [name, wraps] of Object.entries(refused)) {
        test(`refuses ${name}`, async () => {
            await assert.rejects(seal(secretOf("content"), FACTS, wraps()), { code: "invalid_request" })
        })
    }

    test("refuses to seal nothing, or too much", async () => {
        await assert.rejects(seal(secretOf(""), FACTS, [byGroup()]), { code: "invalid_request" })
        await assert.rejects(seal(new Secret(Buffer.alloc(65_537)), FACTS, [byGroup()]), { code: "invalid_request" })
    })

    test("any bytes at all are an envelope or open_failed", () => {
        fc.assert(
            fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
                assert.throws(() => waysToOpen(bytes), { code: "open_failed" })
                assert.throws(() => waysToOpen(Buffer.concat([Buffer.from("TKEV\x01\x01\x02"), bytes])), { code: "open_failed" })
            }),
        )
    })
})
