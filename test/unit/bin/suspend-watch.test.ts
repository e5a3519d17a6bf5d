import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { watchSleep } from "../../../src/bin/suspend-watch.ts"

/** Two clocks that a test moves: awake time moves both. */
function clocks() {
    let boot = 5_000_000
    let awake = 1_000_000
    return {
        boot: () => boot,
        awake: () => awake,
        pass: (milliseconds: number) => {
            boot += milliseconds
            awake += milliseconds
        },
        sleep: (milliseconds: number) => {
            boot += milliseconds
        },
    }
}

describe("a machine that sleeps", () => {
    test("is noticed once for each sleep, however long it was awake before", () => {
        const time = clocks()
        const slept = watchSleep(time)
        assert.equal(slept(), 0)
        time.pass(3_600_000)
        assert.equal(slept(), 0)
        time.sleep(30_000)
        assert.equal(slept(), 30_000)
        assert.equal(slept(), 0)
        time.pass(1_000)
        time.sleep(600)
        assert.equal(slept(), 600)
        assert.equal(slept(), 0)
    })

    test("is not what a busy machine is: time between the two readings, or between two questions", () => {
        let now = 0
        let pauses = 0
        // Each reading takes as long as a process may be kept waiting.
        const clock = (): number => {
            now += pauses
            return now
        }
        const slept = watchSleep({ boot: clock, awake: clock })
        pauses = 30_000
        for (let i = 0; i < 20; i += 1) assert.equal(slept(), 0)
        pauses = 0
        assert.equal(slept(), 0)
    })

    test("is noticed although short sleeps add up slowly", () => {
        const time = clocks()
        const slept = watchSleep(time)
        let noticed = 0
        for (let i = 0; i < 10; i += 1) {
            time.sleep(100)
            time.pass(1_000)
            noticed += slept()
        }
        assert.equal(noticed, 1_000)
    })
})
