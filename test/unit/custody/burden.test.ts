import assert from "node:assert/strict"
import { test } from "node:test"
import { Burden } from "../../../src/custody/burden.ts"

const OVERLOADED = { name: "TrustkeyError", code: "overloaded" }
const never = (): Promise<never> => new Promise(() => {})

test("one user's unfinished requests are bounded in bytes, wherever in a request the bytes are", async () => {
    const burden = new Burden()
    const request = { gun: "g", bodies: [{ signed: new Uint8Array(8 * 1024 * 1024) }, { signed: new Uint8Array(8 * 1024 * 1024) }] }
    for (let count = 0; count < 16; count++) void burden.carry(1000, request, never)
    await assert.rejects(
        burden.carry(1000, request, async () => "done"),
        OVERLOADED,
    )
    assert.equal(await burden.carry(1000, { id: "small" }, async () => "done"), "done")
    assert.equal(await burden.carry(1001, request, async () => "done"), "done")
})

test("and in number; what is done makes room", async () => {
    const burden = new Burden()
    const finish: (() => void)[] = []
    const started = Array.from({ length: 1024 }, () => burden.carry(1000, {}, () => new Promise<void>((resolve) => finish.push(resolve))))
    await assert.rejects(
        burden.carry(1000, {}, async () => {}),
        OVERLOADED,
    )
    finish[0]?.()
    await started[0]
    await burden.carry(1000, {}, async () => {})
})
