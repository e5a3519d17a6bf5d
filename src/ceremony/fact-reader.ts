import { refuse } from "./fault.ts"
import { HASH, isText } from "./forms.ts"
import type { Facts } from "./record.ts"

/** The facts of a record, each asked for once: whatever is left over at the end has no place there. All refuse with a Fault. */
export class FactReader {
    readonly #facts: Facts
    readonly #asked = new Set<string>()

    constructor(facts: Facts) {
        this.#facts = facts
    }

    find(name: string, isRight: (text: string) => boolean = isText): string | undefined {
        this.#asked.add(name)
        const fact = this.#facts.get(name)
        if (fact === undefined) return undefined
        return typeof fact === "string" && isRight(fact) ? fact : refuse(`the fact "${name}" is not what it must be`)
    }

    text(name: string, isRight: (text: string) => boolean = isText): string {
        return this.find(name, isRight) ?? refuse(`the fact "${name}" is missing`)
    }

    hash(name: string): string {
        return this.text(name, (text) => HASH.test(text))
    }

    oneOf<T extends string>(name: string, allowed: readonly T[]): T {
        const text = this.text(name)
        return allowed.find((value) => value === text) ?? refuse(`the fact "${name}" is not one of ${allowed.join(", ")}`)
    }

    number(name: string): number {
        this.#asked.add(name)
        const fact = this.#facts.get(name)
        return typeof fact === "number" ? fact : refuse(`the fact "${name}" is no number`)
    }

    /** The fact is there and is `expected`. */
    equals(name: string, expected: string | number): void {
        this.#asked.add(name)
        if (this.#facts.get(name) !== expected) refuse(`the fact "${name}" is not ${expected}`)
    }

    /** Nothing else was said. */
    finish(): void {
        for (const name of this.#facts.keys()) if (!this.#asked.has(name)) refuse("there is a fact that does not belong to this step")
    }
}
