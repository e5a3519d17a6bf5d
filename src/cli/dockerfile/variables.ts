/** What a variable in the head of a Dockerfile is. `unsure`: builders fill it in themselves, or differ about it. */
export type Variable =
    | { readonly kind: "set"; readonly value: string }
    /** Declared by an ARG that gives it no value. */
    | { readonly kind: "empty" }
    | { readonly kind: "unknown" }
    | { readonly kind: "unsure"; readonly why: string }

/** A word that can't be worked out for certain. */
export class Unsure extends Error {
    override readonly name = "Unsure"
}

/**
 * A word with its quotes taken off and its variables filled in, as docker's shell lexer does it: $NAME, ${NAME}, and ${NAME} with :- - :+ +
 * and another word.
 *
 * @throws Unsure for everything else, and for variables that nobody has set
 */
export function expandWord(word: string, escaping: string, variable: (name: string) => Variable): string {
    const reader = new Reader(word, escaping, variable)
    return reader.until("")
}

class Reader {
    readonly #text: string
    readonly #escaping: string
    readonly #variable: (name: string) => Variable
    #at = 0

    constructor(text: string, escaping: string, variable: (name: string) => Variable) {
        this.#text = text
        this.#escaping = escaping
        this.#variable = variable
    }

    until(stop: string): string {
        let result = ""
        for (;;) {
            if (this.#at >= this.#text.length) {
                if (stop === "") return result
                throw new Unsure("a ${ is not closed")
            }
            const char = this.#take()
            if (char === stop) return result
            if (char === "'") result += this.#single()
            else if (char === '"') result += this.#double()
            else if (char === "$") result += this.#dollar()
            else if (char === this.#escaping) result += this.#take()
            else result += char
        }
    }

    #take(): string {
        const char = this.#text.charAt(this.#at)
        this.#at += 1
        return char
    }

    #single(): string {
        const end = this.#text.indexOf("'", this.#at)
        if (end === -1) throw new Unsure("a quote is not closed")
        const inside = this.#text.slice(this.#at, end)
        this.#at = end + 1
        return inside
    }

    #double(): string {
        let result = ""
        for (;;) {
            if (this.#at >= this.#text.length) throw new Unsure("a quote is not closed")
            const char = this.#take()
            if (char === '"') return result
            if (char === "$") result += this.#dollar()
            else if (char === this.#escaping) {
                const next = this.#take()
                result += ['"', "$", this.#escaping].includes(next) ? next : char + next
            } else result += char
        }
    }

    #dollar(): string {
        const braced = this.#text.charAt(this.#at) === "{"
        if (braced) this.#at += 1
        const name = /^[A-Za-z_][A-Za-z0-9_]*/.exec(this.#text.slice(this.#at))?.[0]
        if (name === undefined) throw new Unsure("there is a $ that no variable follows")
        this.#at += name.length
        if (!braced) return this.#known(name)
        const [operator = ""] = /^(?::?[-+]|\})/.exec(this.#text.slice(this.#at)) ?? []
        this.#at += operator.length
        if (operator === "}") return this.#known(name)
        if (operator === "") throw new Unsure(`\${${name}} has a modifier that isn't read here`)
        const word = this.until("}")
        const found = this.#variable(name)
        if (found.kind === "unsure") throw new Unsure(`${name} ${found.why}`)
        const isSet = operator.startsWith(":") ? found.kind === "set" && found.value !== "" : found.kind === "set"
        if (operator.endsWith("+")) return isSet ? word : ""
        return isSet && found.kind === "set" ? found.value : word
    }

    #known(name: string): string {
        const found = this.#variable(name)
        if (found.kind === "set") return found.value
        if (found.kind === "empty") return ""
        throw new Unsure(found.kind === "unsure" ? `${name} ${found.why}` : `no ARG before the first FROM declares ${name}`)
    }
}
