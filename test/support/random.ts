/** The same numbers for the same seed: mulberry32. */
export class Random {
    #state: number

    constructor(seed: number) {
        this.#state = seed | 0
    }

    /** 0 to below `limit` */
    below(limit: number): number {
        this.#state = (this.#state + 0x6d2b79f5) | 0
        let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
        mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
        return ((mixed ^ (mixed >>> 14)) >>> 0) % limit
    }

    /** `list` must not be empty. */
    one<T>(list: readonly T[]): T {
        const index = this.below(list.length)
        for (const one of list.slice(index, index + 1)) return one
        throw new Error("there is nothing to choose from")
    }

    bytes(most: number): Buffer {
        const bytes = Buffer.alloc(this.below(most + 1))
        for (let index = 0; index < bytes.length; index += 1) bytes[index] = this.below(256)
        return bytes
    }
}
