import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { soak } from "../../../bench/soak.ts"
import { judge, type Sample } from "../../../bench/soak-verdict.ts"

const SAMPLES = 120

/** An hour of quiet moments with some noise, always the same. */
function hour(change: (sample: Sample, share: number) => Sample): readonly Sample[] {
    let state = 1
    const noise = (): number => {
        state = (state * 48_271) % 0x7fff_ffff
        return state / 0x7fff_ffff - 0.5
    }
    return Array.from({ length: SAMPLES }, (_, index) => {
        const even = { seconds: index * 30, megabytes: 200 + 20 * noise(), descriptors: 84, p99: 20 + 4 * noise(), durableWrite: 1 }
        return change(even, index / SAMPLES)
    })
}

describe("a soak's verdict", () => {
    test("takes noise for noise", () => {
        const { memory, descriptors, p99 } = judge(hour((sample) => sample))
        assert.deepEqual([memory.flat, descriptors.flat, p99.stable], [true, true, true])
        assert.ok(memory.slope.low < 0 && memory.slope.high > 0)
    })

    test("sees a leak of the noise's own size, but not a heap that finds its size in the first third", () => {
        assert.equal(judge(hour((sample, share) => ({ ...sample, megabytes: sample.megabytes + 20 * share }))).memory.flat, false)
        const start = hour((sample, share) => ({ ...sample, megabytes: sample.megabytes - (share < 0.3 ? 80 : 0) }))
        assert.equal(judge(start).memory.flat, true)
    })

    test("sees one descriptor that stays open", () => {
        assert.equal(judge(hour((sample, share) => ({ ...sample, descriptors: share > 0.9 ? 85 : 84 }))).descriptors.flat, false)
    })

    test("sees latencies that rise, unless the machine's own do", () => {
        const slower = (sample: Sample, share: number): Sample => ({ ...sample, p99: sample.p99 * (1 + 4 * share) })
        assert.equal(judge(hour(slower)).p99.stable, false)
        const busy = (sample: Sample, share: number): Sample => ({ ...slower(sample, share), durableWrite: 1 + 4 * share })
        assert.equal(judge(hour(busy)).p99.stable, true)
    })
})

// Its long form is an hour: npm run soak.
const BUSY_MACHINE = { timeout: 140_000 }

test(
    "half a minute of mixed load leaves as many descriptors as there were, an unbroken audit chain and the answers that were due",
    BUSY_MACHINE,
    async () => {
        const samples: Sample[] = []
        const { verdict, signatures, refused, audit, log } = await soak({
            minutes: 0.4,
            stretchMs: 500,
            settleMs: 200,
            least: 18,
            onSample: (sample) => samples.push(sample),
        })
        assert.equal(verdict.descriptors.flat, true, JSON.stringify(samples.map(({ descriptors }) => descriptors)))
        // Short as it is, only a flood would show.
        assert.ok(verdict.memory.last < verdict.memory.first + 100, JSON.stringify(verdict.memory))
        assert.ok(signatures > 50)
        for (const code of ["denied", "metadata_rejected"]) assert.ok((refused.get(code) ?? 0) > 0, code)
        assert.match(audit, /unbroken/)
        assert.doesNotMatch(log, /"level":(50|60|"error")/)
    },
)
