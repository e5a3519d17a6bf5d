import { TrustkeyError } from "../../errors.ts"
import type { OpenPcsc, Pcsc, ReaderLook } from "./pcsc.ts"

/** A reader at one moment. */
export type Presence = {
    readonly hasCard: boolean
    /** Another program has the card for itself. */
    readonly isTaken: boolean
    /** The same text as before: the card that is in it has been in it since. */
    readonly stay: string
}

/**
 * What PC/SC says of the readers, without connecting to a card: others have it meanwhile.
 *
 * pcscd counts what is put into a reader and taken out. A YubiKey is its own reader and takes the count with it, and so does a pcscd that
 * ends; so whoever needs to know looks often.
 */
export class Readers {
    readonly #openPcsc: OpenPcsc
    #pcsc: Pcsc | undefined
    /** Connections to pcscd so far, and for each reader how often what was in it was found gone. */
    #connections = 0
    readonly #known = new Map<string, { readonly hasCard: boolean; readonly losses: number }>()

    constructor(openPcsc: OpenPcsc) {
        this.#openPcsc = openPcsc
    }

    /** By the reader's name; undefined when PC/SC can't say. */
    look(): ReadonlyMap<string, Presence> | undefined {
        try {
            const pcsc = this.#connect()
            const found = new Map(pcsc.readers().flatMap((name) => lookAt(pcsc, name)))
            for (const name of new Set([...this.#known.keys(), ...found.keys()])) {
                const before = this.#known.get(name) ?? { hasCard: false, losses: 0 }
                const hasCard = found.get(name)?.hasCard === true
                this.#known.set(name, { hasCard, losses: before.losses + (before.hasCard && !hasCard ? 1 : 0) })
            }
            return new Map(
                Array.from(found, ([name, { hasCard, isTaken, changes }]) => {
                    return [name, { hasCard, isTaken, stay: [this.#connections, this.#known.get(name)?.losses, changes].join(".") }]
                }),
            )
        } catch {
            // What was known ends with pcscd.
            this.close()
            return undefined
        }
    }

    #connect(): Pcsc {
        if (this.#pcsc === undefined) this.#connections += 1
        this.#pcsc ??= this.#openPcsc()
        return this.#pcsc
    }

    close(): void {
        this.#pcsc?.[Symbol.dispose]()
        this.#pcsc = undefined
    }
}

function lookAt(pcsc: Pcsc, name: string): readonly (readonly [string, ReaderLook])[] {
    try {
        return [[name, pcsc.look(name)]]
    } catch (error) {
        // It went away between the list and the question.
        if (error instanceof TrustkeyError && error.code === "token_absent") return []
        throw error
    }
}
