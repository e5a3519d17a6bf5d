import type { Slot } from "graphene-pk11"
import type { Presence, Readers } from "../piv/readers.ts"
import { stripPadding } from "../pkcs11-uri.ts"

// Nobody pulls a card out and puts another in its place as fast as that.
const WATCH_MS = 250
// A card that was put in a moment ago may not answer yet. One that isn't ours is not bothered for ever.
const MOST_DOUBTS = 5

/** The PC/SC reader that a slot describes, if a YubiKey is in it. */
export type ReaderOf = (slot: { readonly description: string; readonly manufacturer: string }) => string | undefined

/**
 * Where the card is that a token lies on, and what happens to it there, by what PC/SC says without asking the card. Of a token that is no
 * YubiKey it knows no reader.
 */
export class CardWatch {
    readonly #readers: Readers
    readonly #readerOf: ReaderOf
    /** Of a YubiKey. */
    #reader: string | undefined
    /** The card's, since the token was opened. */
    #stay: string | undefined
    /** What the readers held when the token was let go of; undefined: not known. */
    #leftAs: string | undefined
    /** How often what was put into its reader is still looked at, to find the token in it. */
    #doubts = MOST_DOUBTS
    #timer: NodeJS.Timeout | undefined

    constructor(readers: Readers, readerOf: ReaderOf) {
        this.#readers = readers
        this.#readerOf = readerOf
    }

    get reader(): string | undefined {
        return this.#reader
    }

    get stay(): string | undefined {
        return this.#stay
    }

    /** Whether there is a PC/SC that answers. */
    get isServed(): boolean {
        return this.#readers.look() !== undefined
    }

    look(): Presence | undefined {
        return this.#reader === undefined ? undefined : this.#readers.look()?.get(this.#reader)
    }

    /** The token was opened in this slot. */
    opened(slot: Slot): void {
        this.#reader = this.#readerOf({ description: stripPadding(slot.slotDescription), manufacturer: slot.manufacturerID })
        this.#stay = this.look()?.stay
    }

    /** Nothing is open of it any more. `inReaders`: the module's slots are PC/SC's. */
    left(inReaders: boolean): void {
        this.#leftAs = inReaders ? describe(this.#readers.look()) : undefined
    }

    /** It may be there all the same: the next look is a real one, not at whether the readers have changed. */
    doubt(): void {
        this.#leftAs = undefined
        this.#doubts = MOST_DOUBTS
    }

    /**
     * The reader, since the token was let go of; `isWorthOpening` when it may have come back, or be another. Undefined when PC/SC couldn't
     * say then.
     */
    lookAgain(
        isMissing: boolean,
    ): { readonly stay: string | undefined; readonly isTaken: boolean; readonly isWorthOpening: boolean } | undefined {
        if (this.#leftAs === undefined) return undefined
        const looks = this.#readers.look()
        const own = this.#reader === undefined ? undefined : looks?.get(this.#reader)
        const isTaken = own?.isTaken === true
        const hasCard = own?.hasCard ?? [...(looks?.values() ?? [])].some((reader) => reader.hasCard)
        return { stay: own?.stay, isTaken, isWorthOpening: !isTaken && this.#isWorthOpening(describe(looks), isMissing && hasCard) }
    }

    #isWorthOpening(now: string | undefined, mayComeBack: boolean): boolean {
        if (this.#leftAs !== now) this.#doubts = MOST_DOUBTS
        else if (!mayComeBack || this.#doubts === 0) return false
        this.#doubts -= 1
        return true
    }

    /** Also while nobody asks for anything. */
    watch(onLook: (stay: string | undefined) => void): void {
        this.unwatch()
        if (this.#reader === undefined) return
        this.#timer = setInterval(() => onLook(this.look()?.stay), WATCH_MS)
    }

    unwatch(): void {
        clearInterval(this.#timer)
    }
}

/** What the readers hold, without who uses it. */
function describe(looks: ReadonlyMap<string, Presence> | undefined): string | undefined {
    return looks === undefined ? undefined : JSON.stringify(Array.from(looks, ([name, { hasCard, stay }]) => [name, hasCard, stay]))
}
