import { TrustkeyError } from "../../errors.ts"
import type { OpenPcsc, Pcsc, PcscCard } from "./pcsc.ts"
import { PivCard } from "./piv-card.ts"

/** Which card is meant: what PKCS#11 says of it. */
export type CardName = {
    /** The reader it was last seen in. */
    readonly reader: string
    /** The YubiKey's own, in decimal. ykcs11 knows it; OpenSC has a number of the CHUID, or zeros, and then the reader has to do. */
    readonly serial: string | undefined
}

type Found = { readonly reader: string; readonly card: PcscCard; readonly piv: PivCard }

/** All readers with a YubiKey in them have such a name; ykcs11 goes by it too. */
const YUBICO = /^Yubico/
/** A PKCS#11 slot description has room for so much of a reader's name. */
const DESCRIPTION_LENGTH = 64

/** The PC/SC reader that a PKCS#11 slot describes, if it is a YubiKey's. */
export function yubikeyReader(
    openPcsc: OpenPcsc,
    slot: { readonly description: string; readonly manufacturer: string },
): string | undefined {
    if (!YUBICO.test(slot.description) && !YUBICO.test(slot.manufacturer)) return undefined
    try {
        using pcsc = openPcsc()
        return pcsc.readers().find((reader) => slot.description !== "" && clip(reader) === clip(slot.description))
    } catch {
        // Without PC/SC it is a PKCS#11 token like others.
        return undefined
    }
}

function clip(name: string): string {
    return name.slice(0, DESCRIPTION_LENGTH).trimEnd()
}

/**
 * Do something with one card, in a transaction; it is reset afterwards, so nothing that was shown to it (PIN, management key) counts any
 * more, for anybody.
 *
 * TK-KEY-4: the card is known by its serial. Each YubiKey there is asked for its own, and two with the same are refused: one of them lies.
 *
 * @throws token_absent, token_busy, token_changed: another card is in the reader. object_ambiguous: several have this serial
 */
export function withPivCard<T>(openPcsc: OpenPcsc, name: CardName, work: (card: PivCard) => T): T {
    using pcsc = openPcsc()
    const search = new CardSearch(pcsc, name)
    try {
        return work(search.find().piv)
    } finally {
        search.release()
    }
}

class CardSearch {
    readonly #pcsc: Pcsc
    readonly #name: CardName
    readonly #found: Found[] = []
    readonly #problems = new Map<string, TrustkeyError>()
    #chosen: Found | undefined

    constructor(pcsc: Pcsc, name: CardName) {
        this.#pcsc = pcsc
        this.#name = name
    }

    find(): Found {
        const readers = this.#pcsc.readers().filter((reader) => YUBICO.test(reader) || reader === this.#name.reader)
        for (const reader of readers) this.#ask(reader)
        const matching = this.#matching()
        const [chosen] = matching
        if (chosen === undefined) throw this.#missing()
        const twins = this.#found.filter(({ piv }) => piv.serial === chosen.piv.serial)
        if (twins.length > 1) {
            throw new TrustkeyError(
                "object_ambiguous",
                `${twins.length} cards say that they have the serial number ${chosen.piv.serial}; at least one of them lies, take out all but yours`,
            )
        }
        this.#chosen = chosen
        this.#release((found) => found !== chosen)
        return chosen
    }

    #ask(reader: string): void {
        try {
            const card = this.#pcsc.connect(reader)
            try {
                card.begin()
                this.#found.push({ reader, card, piv: PivCard.open(card) })
            } catch (error) {
                card.release("leave")
                throw error
            }
        } catch (error) {
            if (!(error instanceof TrustkeyError)) throw error
            this.#problems.set(reader, error)
        }
    }

    #matching(): readonly Found[] {
        const { serial, reader } = this.#name
        return this.#found.filter((found) => (serial === undefined ? found.reader === reader : found.piv.serial === serial))
    }

    #missing(): TrustkeyError {
        const { serial, reader } = this.#name
        if (this.#found.some((found) => found.reader === reader)) {
            return new TrustkeyError("token_changed", `the card in the reader is not the one with the serial number ${serial}`)
        }
        // One that nobody could ask may be the one.
        const busy = [...this.#problems.values()].find(({ code }) => code === "token_busy")
        return this.#problems.get(reader) ?? busy ?? new TrustkeyError("token_absent", "the card is not there; insert it")
    }

    release(): void {
        this.#release(() => true)
    }

    /** The others were only asked who they are, and whoever uses them shall go on. */
    #release(which: (found: Found) => boolean): void {
        const leaving = this.#found.filter(which)
        for (const found of leaving) {
            this.#found.splice(this.#found.indexOf(found), 1)
            found.card.release(found === this.#chosen ? "reset" : "leave")
        }
    }
}
