import assert from "node:assert/strict"
import { randomBytes } from "node:crypto"
import { describe, test } from "node:test"
import type { KeyRecord as KeptKey } from "../../../src/backup/index.ts"
import { encodeKeyFacts } from "../../../src/keys/key-facts.ts"
import { KeyIndex } from "../../../src/keys/key-index.ts"
import { planRestoredKeys } from "../../../src/keys/restore-keys.ts"
import type { SealedKeys } from "../../../src/keys/sealed-keys.ts"
import { canonicalKeyIdOf, tufKey } from "../../../src/tuf/index.ts"

const AT = "2026-01-01T00:00:00.000Z"

function removedKey(): KeptKey {
    const publicKey = { keytype: "ed25519" as const, bytes: randomBytes(32) }
    const id = canonicalKeyIdOf(tufKey(publicKey))
    const rest = { purpose: "delegation", label: "", bindings: [], home: { kind: "sealed" }, origin: "generated" } as const
    return { kind: "key", id, facts: encodeKeyFacts({ id, publicKey, algorithm: "ed25519", ...rest, createdAt: AT, removedAt: AT }) }
}

describe("the keys of a backup", () => {
    test("are looked at with pauses, so that many of them keep nobody waiting, nor the watchdog", async () => {
        const keys = Array.from({ length: 2000 }, removedKey)
        let turns = 0
        let over = false
        const turn = (): void => {
            turns += 1
            if (!over) setImmediate(turn)
        }
        setImmediate(turn)
        const plan = await planRestoredKeys(new KeyIndex(), { groups: new Map() } as SealedKeys, [], keys)
        over = true
        assert.equal(plan.changes.length, 2000)
        assert.ok(turns >= 4, `${turns} turns`)
    })
})
