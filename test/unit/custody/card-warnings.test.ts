import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { cardWarnings } from "../../../src/custody/card-warnings.ts"
import type { PivDescription, PivSlotFacts } from "../../../src/signer/index.ts"

const publicKey = { keytype: "ecdsa", bytes: Buffer.alloc(91) } as const
const EC: PivSlotFacts = { slot: "9c", algorithm: "p256", publicKey, pinPolicy: "always", touchPolicy: "always", origin: "generated" }
const RSA: PivSlotFacts = { ...EC, slot: "9a", algorithm: "rsa2048", publicKey: { keytype: "rsa", bytes: Buffer.alloc(300) } }

function named(firmware: string, changes: Partial<PivDescription> = {}): readonly string[] {
    const managementKey = { algorithm: "3des", isDefault: "no", touch: "never" } as const
    return cardWarnings({ serial: "1", firmware, managementKey, pinIsDefault: "no", slots: [], ...changes }).map(({ name }) => name)
}

describe("what is known to be wrong with a card", () => {
    for (const [firmware, slots, expected] of [
        ["4.2.5", [RSA], []],
        ["4.2.6", [RSA], ["roca"]],
        ["4.3.4", [RSA, EC], ["roca", "eucleak"]],
        ["4.3.4", [{ ...RSA, origin: "imported" }], []],
        ["4.3.5", [RSA], []],
        ["4.4.2", [EC], ["weak-randomness", "eucleak"]],
        ["4.4.5", [EC], ["eucleak"]],
        ["5.4.3", [EC], ["eucleak"]],
        ["5.4.3", [RSA], []],
        ["5.6.9", [EC], ["eucleak"]],
        ["5.7.0", [EC], []],
        ["5.10.0", [EC, RSA], []],
    ] as const) {
        const keys = slots.map(({ algorithm, origin }) => `${algorithm} ${origin}`).join(" and ")
        test(`firmware ${firmware} with ${keys}: ${expected.join(", ") || "nothing"}`, () => {
            assert.deepEqual(named(firmware, { slots }), expected)
        })
    }

    test("of an empty card is said before it gets a key", () => {
        assert.deepEqual(named("4.3.4"), ["roca", "eucleak"])
        assert.deepEqual(named("5.4.3"), ["eucleak"])
        assert.deepEqual(named("5.7.4"), [])
    })

    test("includes a PIN and a management key everybody knows, and what AES means", () => {
        const managementKey = { algorithm: "aes192", isDefault: "yes", touch: "never" } as const
        assert.deepEqual(named("5.7.4", { pinIsDefault: "yes", managementKey }), [
            "default-pin",
            "default-management-key",
            "aes-management-key",
        ])
        assert.deepEqual(named("5.2.6", { pinIsDefault: "unknown", slots: [RSA] }), [])
    })

    test("says what follows and what to do", () => {
        const managementKey = { algorithm: "aes192", isDefault: "yes", touch: "never" } as const
        const all = cardWarnings({ serial: "1", firmware: "4.3.4", managementKey, pinIsDefault: "yes", slots: [] })
        for (const warning of all) for (const text of Object.values(warning)) assert.ok(text.length > 2 && !text.endsWith("."), text)
    })
})
