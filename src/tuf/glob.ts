import { TrustkeyError } from "../errors.ts"

const MAX_LENGTH = 512

type Token = { readonly kind: "character"; readonly character: string } | { readonly kind: "?" | "*" | "**" }

/** A pattern for GUNs, roles and target names. Nominal: only `parseGlob` makes one. docs/policy.md describes it. */
class ParsedGlob {
    readonly text: string
    readonly #tokens: readonly Token[]
    /** What comes before the first wildcard, and from there on. */
    readonly #literal: string
    readonly #rest: string

    constructor(text: string, tokens: readonly Token[]) {
        this.text = text
        this.#tokens = tokens
        this.#literal = text.replace(/[*?].*/, "")
        this.#rest = text.slice(this.#literal.length)
    }

    /**
     * Every place in the pattern is followed at once instead of one after the other, so the time is the product of the
     * two lengths at worst. A matcher that goes back and tries again takes time exponential in the number of stars.
     */
    matches(text: string): boolean {
        // Nearly every pattern is decided here. Each request asks several, and without a JIT the walk below takes most of its time.
        if (!text.startsWith(this.#literal)) return false
        if (this.#rest === "") return text.length === this.#literal.length
        if (this.#rest === "**") return true
        const end = this.#tokens.length
        let places = this.#throughStars(new Uint8Array(end + 1).fill(1, 0, 1))
        for (const character of text) {
            const next = new Uint8Array(end + 1)
            for (const [place, token] of this.#tokens.entries()) {
                if (places[place] === 0) continue
                if (token.kind === "**" || (token.kind === "*" && character !== "/")) next[place] = 1
                else if (token.kind === "?" && character !== "/") next[place + 1] = 1
                else if (token.kind === "character" && token.character === character) next[place + 1] = 1
            }
            places = this.#throughStars(next)
        }
        return places[end] === 1
    }

    /** A star may match nothing: whoever stands before it stands behind it too. */
    #throughStars(places: Uint8Array): Uint8Array {
        for (const [place, token] of this.#tokens.entries()) {
            if (places[place] === 1 && (token.kind === "*" || token.kind === "**")) places[place + 1] = 1
        }
        return places
    }
}

export type Glob = ParsedGlob

/**
 * `*` any characters but "/", `**` any characters, `?` one character but "/", everything else itself; the whole text has to match.
 *
 * What other matchers give a meaning ([abc], {a,b}, !x, \x) is refused, so that nobody relies on a meaning it doesn't have here.
 *
 * @throws invalid_request with a message that fits behind the name of the field.
 */
export function parseGlob(text: string): Glob {
    if (text === "") throw new TrustkeyError("invalid_request", 'the pattern is empty; "**" matches everything')
    if (text.length > MAX_LENGTH) throw new TrustkeyError("invalid_request", `the pattern is longer than ${MAX_LENGTH} characters`)
    if (!/^[\x21-\x7e]+$/.test(text)) throw new TrustkeyError("invalid_request", "the pattern may hold only printable ASCII without spaces")
    const reserved = /[[\]{}!\\]/.exec(text)?.[0]
    if (reserved !== undefined) {
        throw new TrustkeyError("invalid_request", `"${reserved}" has no meaning in a pattern; there are only "*", "**" and "?"`)
    }
    if (text.includes("***")) throw new TrustkeyError("invalid_request", 'more than two stars in a row; "**" already matches everything')
    const tokens = Array.from(text.matchAll(/\*\*|./g), ([part]): Token => {
        return part === "**" || part === "*" || part === "?" ? { kind: part } : { kind: "character", character: part }
    })
    return new ParsedGlob(text, tokens)
}

/** Whether the whole of `text` fits. Takes time proportional to the length of the text times that of the pattern. */
export function globMatches(glob: Glob, text: string): boolean {
    return glob.matches(text)
}
