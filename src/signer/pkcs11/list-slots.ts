import { formatPkcs11Uri } from "../pkcs11-uri.ts"
import { loadModule } from "./module.ts"
import { Slots } from "./slots.ts"

/** A token that a module shows to whoever asks, and the URI by which the configuration would name it. */
export type ListedToken = {
    readonly label: string
    readonly serial: string
    readonly manufacturer: string
    readonly model: string
    /** Of the slot: a reader's name, often. */
    readonly description: string
    readonly uri: string
}

/** The tokens of one module. Nothing is logged in to, nothing is changed. @throws module_invalid, what the module says */
export function listTokensOf(file: string): readonly ListedToken[] {
    const loaded = loadModule(file)
    const slots = new Slots(loaded)
    slots.open()
    try {
        // One without a label was never initialised: no key is in it, and nobody knows it again.
        return slots.describeAll().flatMap(({ present, label, serial, manufacturer, model, description }) => {
            if (!present || (label === "" && serial === "")) return []
            // NSS, tpm2 and OpenSC have zeros where others have a number.
            const uri = formatPkcs11Uri(/[^0]/.test(serial) ? { serial } : { token: label })
            return [{ label, serial, manufacturer, model, description, uri }]
        })
    } finally {
        slots.close()
    }
}
