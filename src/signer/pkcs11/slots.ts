import type { Slot } from "graphene-pk11"
import { TrustkeyError } from "../../errors.ts"
import { matchesToken, type Pkcs11Uri } from "../pkcs11-uri.ts"
import type { ProfiledSlot } from "../profile.ts"
import { listTokens } from "./candidates.ts"
import { finalize, initialize, type LoadedModule } from "./module.ts"
import { resultCode } from "./result-codes.ts"

/** The slots of one module, from C_Initialize to C_Finalize and as often again as it takes. */
export class Slots {
    readonly #loaded: LoadedModule
    #initialized = false
    #areReaders = false

    constructor(loaded: LoadedModule) {
        this.#loaded = loaded
    }

    /** They are PC/SC's, and the module looks into each, whoever else uses what is in it. Known once it was initialised. */
    get areReaders(): boolean {
        return this.#areReaders
    }

    /**
     * The one that holds the token; initialises the module when it isn't.
     *
     * @throws object_ambiguous, what the module says
     */
    find(uri: Pkcs11Uri): Slot | undefined {
        this.open()
        this.#areReaders ||= /^(Yubico|OpenSC)/.test(this.#loaded.module.manufacturerID)
        const matching = this.#present().filter((slot) => this.fits(uri, slot))
        if (matching.length > 1) {
            const names = listTokens(matching)
            throw new TrustkeyError("object_ambiguous", `several tokens fit the configured URI; add a serial number: ${names}`)
        }
        return matching[0]
    }

    /** Initialises the module when it isn't. @throws what the module says */
    open(): void {
        if (!this.#initialized) initialize(this.#loaded)
        this.#initialized = true
    }

    /** What there is to choose from, for a person; empty when it can't be said. */
    list(): string {
        try {
            return listTokens(this.#present())
        } catch {
            return ""
        }
    }

    /** Whether the token part of `uri` names the token in it. */
    fits(uri: Pkcs11Uri, slot: Slot): boolean {
        try {
            const token = slot.getToken()
            const { module } = this.#loaded
            return matchesToken(uri, {
                label: token.label,
                manufacturer: token.manufacturerID,
                serial: token.serialNumber,
                model: token.model,
                slotId: slot.handle.readBigUInt64LE(0),
                slotDescription: slot.slotDescription,
                slotManufacturer: slot.manufacturerID,
                libraryManufacturer: module.manufacturerID,
                libraryDescription: module.libraryDescription,
                libraryVersion: module.libraryVersion,
            })
        } catch (error) {
            // A token that went away between the list and the question.
            if (resultCode(error) === undefined) throw error
            return false
        }
    }

    /** Which slots hold which tokens: serial and label, since tpm2 and NSS have zeros for a serial. */
    describe(): string {
        const parts = this.#present().map((slot) => {
            const token = slot.getToken()
            return [slot.handle.toString("hex"), token.serialNumber, token.label].join("\u0000")
        })
        return parts.join("\u0001")
    }

    /** All of them, those without a token too. */
    describeAll(): readonly ProfiledSlot[] {
        return this.#list(false).map(describeSlot)
    }

    #present(): Slot[] {
        return this.#list(true)
    }

    #list(withToken: boolean): Slot[] {
        const list = this.#loaded.module.getSlots(withToken)
        const slots: Slot[] = []
        for (let i = 0; i < list.length; i += 1) slots.push(list.items(i))
        return slots
    }

    /** The module lets go of everything it has open. */
    close(): void {
        if (!this.#initialized) return
        this.#initialized = false
        finalize(this.#loaded)
    }
}

function describeSlot(slot: Slot): ProfiledSlot {
    const facts = { id: slot.handle.readBigUInt64LE(0).toString(), description: slot.slotDescription }
    try {
        const { label, serialNumber: serial, manufacturerID: manufacturer, model } = slot.getToken()
        return { ...facts, label, serial, manufacturer, model, present: true }
    } catch (error) {
        if (resultCode(error) === undefined) throw error
        return { ...facts, label: "", serial: "", manufacturer: "", model: "", present: false }
    }
}
