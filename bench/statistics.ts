/** Of sorted or unsorted values; NaN when there are none. */
export function median(values: readonly number[]): number {
    return percentile(values, 0.5)
}

/** The nearest-rank percentile; between the two middle ones for an even number's median. */
export function percentile(values: readonly number[], share: number): number {
    const sorted = values.toSorted((a, b) => a - b)
    if (share === 0.5 && sorted.length % 2 === 0) return ((sorted[sorted.length / 2 - 1] ?? NaN) + (sorted[sorted.length / 2] ?? NaN)) / 2
    return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? NaN
}
