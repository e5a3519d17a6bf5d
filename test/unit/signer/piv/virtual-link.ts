import assert from "node:assert/strict"
import { randomBytes } from "node:crypto"
import { Secret } from "../../../../src/crypto/index.ts"
import { type ErrorCode, TrustkeyError } from "../../../../src/errors.ts"
import type { CardLink } from "../../../../src/signer/piv/apdu.ts"
import { PivCard } from "../../../../src/signer/piv/piv-card.ts"
import { type AttestationAuthority, createAttestationAuthority } from "../../../support/yubikey/attestation.ts"
import { PivCard as VirtualCard } from "../../../support/yubikey/card.ts"
import { type CardSpec, type CardState, factoryState } from "../../../support/yubikey/state.ts"

/** One for all: RSA keys take their time. */
export const AUTHORITY: AttestationAuthority = createAttestationAuthority("ec")
export const DEFAULT_KEY = "010203040506070801020304050607080102030405060708"

export const text = (value: string): Secret => new Secret(Buffer.from(value))
export const hex = (value: string): Secret => new Secret(Buffer.from(value, "hex"))

export function refused(work: () => unknown, code: ErrorCode, message = /./): void {
    assert.throws(work, (error: unknown) => {
        assert.ok(error instanceof TrustkeyError, String(error))
        assert.equal(error.code, code, error.message)
        assert.match(error.message, message)
        return true
    })
}

/** What stands between the card and us: sees each APDU before the card does, and may answer in its place, or throw. */
export type Between = (apdu: Buffer, index: number, pass: () => Buffer) => Buffer

/** A virtual card without reader: somebody touches it whenever it asks, unless told otherwise. */
export class VirtualLink implements CardLink {
    readonly card: VirtualCard
    /** As they were sent; the originals are wiped. */
    readonly sent: Buffer[] = []
    /** The very buffers that were handed over. */
    readonly originals: Buffer[] = []
    between: Between = (_apdu, _index, pass) => pass()
    /** The status word of a touch that doesn't come. */
    missed: number | undefined

    constructor(spec: Partial<CardSpec> = {}, state: CardState = factoryState({ serial: 12_345_678, authority: AUTHORITY, ...spec })) {
        this.card = new VirtualCard(state, { now: () => 0, random: randomBytes })
    }

    transmit(apdu: Buffer): Buffer {
        this.originals.push(apdu)
        this.sent.push(Buffer.from(apdu))
        const index = this.sent.length - 1
        return this.between(apdu, index, () => {
            const outcome = this.card.transmit(apdu)
            if ("answer" in outcome) return outcome.answer
            return this.missed === undefined ? outcome.touched() : outcome.missed(this.missed)
        })
    }

    /** The applet selected anew, as for each operation of ours. */
    open(): PivCard {
        return PivCard.open(this)
    }

    /** Instructions sent, in order. */
    get instructions(): readonly number[] {
        return this.sent.map((apdu) => apdu[1] ?? 0)
    }

    count(instruction: number): number {
        return this.instructions.filter((ins) => ins === instruction).length
    }
}
