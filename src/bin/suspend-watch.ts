/** Milliseconds of two clocks: the one that goes on while the machine sleeps (CLOCK_BOOTTIME), and the one that stands still (CLOCK_MONOTONIC). */
export type SleepClocks = { readonly boot: () => number; readonly awake: () => number }

/** Less is the time between the two readings, on a busy machine. */
const LEAST_SLEEP_MS = 500

/**
 * Find out that the machine was asleep. The kernel tells a service nothing of it; the clocks do.
 *
 * @returns asked again and again, it says for how many milliseconds the machine slept since it was last asked; 0 when it didn't
 */
export function watchSleep({ boot, awake }: SleepClocks): () => number {
    const ahead = (): number => {
        const before = awake()
        const between = boot()
        // The smaller bound: time that passes between two readings must not look like sleep.
        return between - Math.max(before, awake())
    }
    // One reading may be held up, and would count as sleep later.
    let last = Math.max(ahead(), ahead(), ahead())
    return () => {
        const now = ahead()
        const slept = now - last
        if (slept < LEAST_SLEEP_MS) return 0
        last = now
        return slept
    }
}
