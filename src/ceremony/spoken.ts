import { wordlist } from "@scure/bip39/wordlists/english.js"
import { TrustkeyError } from "../errors.ts"

/** A hash as people compare it, aloud or by eye. */
export type Spoken = {
    /** Its first 8 bytes, hexadecimal digits in four groups */
    readonly hex: string
    /** Its first 66 bits, six words of BIP-39's English list */
    readonly words: string
}

const WORDS = 6
const BITS_OF_WORD = 11

/** docs/formats/ceremony-bundle.md, "Codes read aloud". @param sha256 64 hexadecimal digits */
export function spoken(sha256: string): Spoken {
    if (!/^[0-9a-f]{64}$/.test(sha256)) throw new TrustkeyError("internal", "only a whole SHA-256 is read aloud")
    const bits = BigInt(`0x${sha256}`).toString(2).padStart(256, "0")
    const words = Array.from({ length: WORDS }, (_, index) => {
        const word = wordlist[Number.parseInt(bits.slice(index * BITS_OF_WORD, (index + 1) * BITS_OF_WORD), 2)]
        if (word === undefined) throw new TrustkeyError("internal", "the word list has 2048 words")
        return word
    })
    return { hex: (sha256.slice(0, 16).match(/.{4}/g) ?? []).join(" "), words: words.join(" ") }
}
