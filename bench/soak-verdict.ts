import { median, percentile } from "./statistics.ts"

/** One quiet moment between two stretches of load. */
export type Sample = {
    readonly seconds: number
    /** Of all processes, their own: without the pages of programs. */
    readonly megabytes: number
    /** Of all processes, counted one by one. */
    readonly descriptors: number
    /** Of the single signatures in the stretch before, milliseconds. */
    readonly p99: number
    /** A durable write of our own at the same time: what the machine itself does to latencies. */
    readonly durableWrite: number
}

export type Slope = { readonly perHour: number; readonly low: number; readonly high: number }

export type Verdict = {
    readonly samples: number
    /** Those after the first third, in which the runtime finds out how large a heap it wants. */
    readonly counted: number
    readonly memory: { readonly slope: Slope; readonly first: number; readonly last: number; readonly flat: boolean }
    readonly descriptors: { readonly least: number; readonly most: number; readonly flat: boolean }
    readonly p99: {
        readonly first: number
        readonly last: number
        readonly ratio: number
        readonly machine: number
        readonly stable: boolean
    }
}

/** Samples next to each other are alike: blocks of them are compared, or the interval would be too narrow. */
const BLOCKS = 12
/** Two-sided 95 % of the normal distribution. */
const Z = 1.96
/** The collector's sawtooth has no fixed height: growth below this over the whole run is none that a slope can show. */
const LEAST_GROWTH_MB = 4
const WORST_RATIO = 1.5

/** @throws Error for fewer samples than can be judged */
export function judge(all: readonly Sample[]): Verdict {
    const counted = all.slice(Math.floor(all.length / 3))
    if (counted.length < BLOCKS) throw new Error(`${counted.length} samples are too few to see a slope: ${BLOCKS} are needed`)
    const slope = slopeOf(counted.map(({ seconds, megabytes }) => [seconds / 3600, megabytes]))
    const [start, end] = [counted[0], counted.at(-1)]
    const hours = ((end?.seconds ?? 0) - (start?.seconds ?? 0)) / 3600
    const third = Math.floor(counted.length / 3)
    const [first, last] = [counted.slice(0, third), counted.slice(-third)]
    const descriptors = counted.map((sample) => sample.descriptors)
    const [least, most] = [Math.min(...descriptors), Math.max(...descriptors)]
    const ratio = ratioOf(first, last, ({ p99 }) => p99)
    const machine = ratioOf(first, last, ({ durableWrite }) => durableWrite)
    const of = (samples: readonly Sample[], value: (sample: Sample) => number): number => median(samples.map(value))
    return {
        samples: all.length,
        counted: counted.length,
        memory: {
            slope,
            first: of(first, ({ megabytes }) => megabytes),
            last: of(last, ({ megabytes }) => megabytes),
            flat: slope.low <= 0 || slope.perHour * hours < LEAST_GROWTH_MB,
        },
        descriptors: { least, most, flat: least === most },
        p99: {
            first: of(first, ({ p99 }) => p99),
            last: of(last, ({ p99 }) => p99),
            ratio,
            machine,
            stable: ratio <= WORST_RATIO * Math.max(1, machine),
        },
    }
}

function ratioOf(first: readonly Sample[], last: readonly Sample[], value: (sample: Sample) => number): number {
    return median(last.map(value)) / median(first.map(value))
}

/** Theil and Sen: the median of the slopes of all pairs, which no single outlier moves, with the interval of Kendall's statistic. */
export function slopeOf(points: readonly (readonly [x: number, y: number])[]): Slope {
    const size = points.length / BLOCKS
    const blocks = Array.from({ length: BLOCKS }, (_, block) => {
        const own = points.slice(Math.floor(block * size), Math.floor((block + 1) * size))
        return [median(own.map(([x]) => x)), median(own.map(([, y]) => y))] as const
    })
    const slopes: number[] = []
    for (const [index, [x, y]] of blocks.entries()) {
        for (const [laterX, laterY] of blocks.slice(index + 1)) slopes.push((laterY - y) / (laterX - x))
    }
    slopes.sort((a, b) => a - b)
    const spread = Z * Math.sqrt((BLOCKS * (BLOCKS - 1) * (2 * BLOCKS + 5)) / 18)
    const at = (rank: number): number => slopes[Math.min(slopes.length - 1, Math.max(0, rank))] ?? NaN
    return {
        perHour: percentile(slopes, 0.5),
        low: at(Math.floor((slopes.length - spread) / 2)),
        high: at(Math.ceil((slopes.length + spread) / 2)),
    }
}

export function verdictText({ samples, counted, memory, descriptors, p99 }: Verdict): string {
    const { slope } = memory
    const lines = [
        `${samples} quiet moments, of which the last ${counted} count`,
        `memory of all processes        ${memory.flat ? "flat" : "GROWS"}: ${number(memory.first)} MB in the first third, ${number(memory.last)} MB in the last; ${number(slope.perHour)} MB an hour (95 %: ${number(slope.low)} to ${number(slope.high)})`,
        `descriptors of all processes   ${descriptors.flat ? "flat" : "NOT FLAT"}: ${descriptors.least} to ${descriptors.most}`,
        `p99 of one signature           ${p99.stable ? "stable" : "NOT STABLE"}: ${number(p99.first)} ms, then ${number(p99.last)} ms; ratio ${p99.ratio.toFixed(2)}, of a durable write of the machine's meanwhile ${p99.machine.toFixed(2)}`,
    ]
    return `${lines.join("\n")}\n`
}

function number(value: number): string {
    return value.toFixed(1)
}
