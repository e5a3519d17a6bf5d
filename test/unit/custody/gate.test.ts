import assert from "node:assert/strict"
import { describe, mock, test } from "node:test"
import { Gate } from "../../../src/custody/gate.ts"

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe("what has to be alone", () => {
    test("waits for what runs, and what comes waits for it", async () => {
        const gate = new Gate()
        const order: string[] = []
        const first = Promise.withResolvers<void>()
        const step = async (name: string, until: Promise<void> = Promise.resolve()): Promise<void> => {
            order.push(`${name} begins`)
            await until
            order.push(`${name} ends`)
        }
        const running = gate.pass(() => step("first", first.promise))
        const alone = gate.alone(() => step("alone"))
        const later = gate.pass(() => step("later"))
        await turn()
        assert.deepEqual(order, ["first begins"])
        first.resolve()
        await Promise.all([running, alone, later])
        assert.deepEqual(order, ["first begins", "first ends", "alone begins", "alone ends", "later begins", "later ends"])
    })

    test("is refused while something else is alone, and leaves the way open when it fails", async () => {
        const gate = new Gate()
        const until = Promise.withResolvers<void>()
        const failing = gate.alone(async () => {
            await until.promise
            throw new Error("in vain")
        })
        await assert.rejects(
            gate.alone(async () => {}),
            { code: "overloaded" },
        )
        until.resolve()
        await assert.rejects(failing, /in vain/)
        assert.equal(await gate.pass(async () => 1), 1)
        assert.equal(await gate.alone(async () => 2), 2)
    })

    test("gives up on what runs for too long, having begun nothing", async () => {
        mock.timers.enable({ apis: ["setTimeout"] })
        try {
            const gate = new Gate()
            const touch = Promise.withResolvers<void>()
            const waiting = gate.pass(() => touch.promise)
            let begun = false
            const alone = gate.alone(async () => {
                begun = true
            })
            const refused = assert.rejects(alone, { code: "overloaded" })
            mock.timers.tick(31_000)
            await refused
            assert.equal(begun, false)
            touch.resolve()
            await waiting
            assert.equal(await gate.pass(async () => 1), 1)
        } finally {
            mock.timers.reset()
        }
    })
})
