/** Lets changes to one thing happen one after the other; different things do not wait for each other. */
export class Turns {
    readonly #last = new Map<string, Promise<unknown>>()

    async take<T>(name: string, work: () => Promise<T>): Promise<T> {
        const before = this.#last.get(name) ?? Promise.resolve()
        const turn = before.then(work, work)
        this.#last.set(name, turn)
        try {
            return await turn
        } finally {
            if (this.#last.get(name) === turn) this.#last.delete(name)
        }
    }
}
