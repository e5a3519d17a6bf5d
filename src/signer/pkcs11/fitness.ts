import { SessionFlag, type Slot } from "graphene-pk11"
import type { PKCS11 } from "pkcs11js"
import { TrustkeyError } from "../../errors.ts"
import type { Quirks, WrapProbe } from "../quirks.ts"
import { type MechanismFacts, mechanismName, readMechanisms } from "./mechanisms.ts"
import { OwnSession } from "./own-session.ts"
import type { Token } from "./token.ts"
import { probeWrapping } from "./wrap-probe.ts"

/** Whether a token is one that keys may be kept on: tried once in a process, before the first key; again when another token is in its place. */
export class Fitness {
    readonly #lib: PKCS11
    readonly #token: Token
    #probed: { readonly of: string; readonly probe: WrapProbe } | undefined

    constructor(lib: PKCS11, token: Token) {
        this.#lib = lib
        this.#token = token
    }

    /**
     * No key begins its life with us on a token that gives keys away in clear. Somebody has to be logged in.
     *
     * @throws token_unfit
     */
    require(): void {
        const { wrapOut } = this.#token.quirks
        if (wrapOut === "leaves") throw unfit("its quirks file says so")
        const { verdict, reason } = this.probe()
        if (verdict === "leaves") throw unfit(reason)
        if (verdict === "untested" && wrapOut !== "accepted") {
            throw new TrustkeyError(
                "token_unfit",
                `whether keys can be had in clear from this token can't be tried: ${reason}. If you know that they stay, say so in its quirks file`,
            )
        }
    }

    /** @throws what the module throws when the token is lost meanwhile */
    probe(): WrapProbe {
        const { serial, label } = this.#token.snapshot
        const of = `${serial}\0${label}`
        if (this.#probed?.of === of) return this.#probed.probe
        const { slot, quirks } = this.#token
        // For reading only: in such a session a module can't make anything that stays.
        using session = new OwnSession(slot.open(SessionFlag.SERIAL_SESSION))
        const mechanisms = presentMechanisms(this.#lib, slot, quirks)
        const probe = probeWrapping(this.#lib, session.session, mechanisms, quirks.sessionObjects === "usable")
        this.#probed = { of, probe }
        return probe
    }
}

/** What the module lists, but for what is known not to work. */
function presentMechanisms(lib: PKCS11, slot: Slot, quirks: Quirks): readonly MechanismFacts[] {
    return readMechanisms(lib, slot.handle).filter(({ mechanism }) => !quirks.absentMechanisms.includes(mechanismName(mechanism)))
}

function unfit(reason: string): TrustkeyError {
    return new TrustkeyError("token_unfit", `keys can be had in clear from this token, so none is kept there: ${reason}`)
}
