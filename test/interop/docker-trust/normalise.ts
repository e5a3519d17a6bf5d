/** Replaces what is each world's own by names: the same name for the same thing all through one world's run. */
export class Names {
    readonly #fixed: readonly (readonly [string, string])[]
    readonly #ids = new Map<string, string>()
    #unnamed = 0

    /** Texts, and what stands for them. */
    constructor(fixed: readonly (readonly [string, string])[]) {
        // Longer ones first: a part must not spoil the whole.
        this.#fixed = fixed.toSorted(([a], [b]) => b.length - a.length)
    }

    /** Say what an ID or a digest (64 hex digits) is. The first name stays. */
    learn(id: string, name: string): void {
        if (!this.#ids.has(id)) this.#ids.set(id, name)
    }

    /** IDs nobody has named are numbered by first appearance. */
    normalise(text: string): string {
        let plain = text
        for (const [from, to] of this.#fixed) plain = plain.replaceAll(from, to)
        plain = plain.replaceAll(/^time="[^"]*" /gm, 'time="TIME" ')
        // A layer as an engine calls it has nothing to do with trust.
        plain = plain.replaceAll(/^[0-9a-f]{12}: (?=Preparing|Waiting|Pushed|Pushing|Mounted|Layer)/gm, "LAYER: ")
        return plain.replaceAll(HEX_IDS, (id) => this.#nameOf(id))
    }

    #nameOf(id: string): string {
        const known = this.#ids.get(id) ?? (id.length < 64 ? this.#byStart(id) : undefined)
        if (known !== undefined) return id.length < 64 ? `${known}…` : known
        this.#unnamed += 1
        const name = `ID-${this.#unnamed}`
        this.#ids.set(id, name)
        return name
    }

    #byStart(start: string): string | undefined {
        for (const [id, name] of this.#ids) if (id.startsWith(start)) return name
        return undefined
    }
}

/** Whole ones, and shortened to 12 digits, at least one of them a decimal digit: a word is no ID. To 7 where docker's words are before it. */
const HEX_IDS = /(?<![0-9a-f])(?:[0-9a-f]{64}|(?=[a-f]*[0-9])[0-9a-f]{12}|(?<=with ID )[0-9a-f]{7})(?![0-9a-f])/g
