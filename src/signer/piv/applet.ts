import { Secret, secretBytes } from "../../crypto/index.ts"
import { TrustkeyError } from "../../errors.ts"
import { type Answer, type CardLink, type Command, exchange, SW } from "./apdu.ts"
import type { PivSlot } from "./description.ts"
import { findTlv, malformed, parseTlvs, type Tlv } from "./tlv.ts"

// SP 800-73-4 part 2, and Yubico's own: https://docs.yubico.com/yesdk/users-manual/application-piv/apdu/
export const INS = {
    verify: 0x20,
    changeReference: 0x24,
    resetRetry: 0x2c,
    generate: 0x47,
    authenticate: 0x87,
    select: 0xa4,
    getData: 0xcb,
    putData: 0xdb,
    getMetadata: 0xf7,
    getSerial: 0xf8,
    attest: 0xf9,
    getVersion: 0xfd,
    importKey: 0xfe,
    setManagementKey: 0xff,
    otpRequest: 0x01,
} as const

const PIV_APPLET = Buffer.from("a000000308", "hex")
const OTP_APPLET = Buffer.from("a0000005272001", "hex")
const OTP_SERIAL = 0x10

/** The PIV applet of one YubiKey, selected, over a link that nobody else uses meanwhile. */
export class PivApplet {
    readonly firmware: readonly [major: number, minor: number, patch: number]
    /** Decimal */
    readonly serial: string
    readonly #link: CardLink

    private constructor(link: CardLink, firmware: PivApplet["firmware"], serial: string) {
        this.#link = link
        this.firmware = firmware
        this.serial = serial
    }

    /** @throws token_failed: no YubiKey's PIV applet. What the link throws */
    static open(link: CardLink): PivApplet {
        const select = (applet: Uint8Array): Answer => exchange(link, { ins: INS.select, p1: 0x04, p2: 0, data: applet })
        accepted(select(PIV_APPLET), "select PIV")
        const [major, minor, patch, ...others] = accepted(exchange(link, { ins: INS.getVersion, p1: 0, p2: 0 }), "tell its version")
        if (major === undefined || minor === undefined || patch === undefined || others.length > 0) throw malformed("a version is none")
        let answer = exchange(link, { ins: INS.getSerial, p1: 0, p2: 0 })
        if (answer.sw === SW.noInstruction) {
            // Before 5.0 only the OTP applet tells it.
            accepted(select(OTP_APPLET), "select OTP")
            answer = exchange(link, { ins: INS.otpRequest, p1: OTP_SERIAL, p2: 0 })
            accepted(select(PIV_APPLET), "select PIV")
        }
        const serial = accepted(answer, "tell its serial number")
        if (serial.length !== 4) throw malformed("a serial number is none")
        return new PivApplet(link, [major, minor, patch], String(serial.readUInt32BE()))
    }

    /** Whether the card tells what is in its slots, and how many tries are left. */
    get hasMetadata(): boolean {
        return this.isAtLeast(5, 3)
    }

    isAtLeast(major: number, minor: number): boolean {
        return this.firmware[0] > major || (this.firmware[0] === major && this.firmware[1] >= minor)
    }

    /** The fields of GET METADATA; undefined when there is nothing, or the card has no such command. */
    metadata(reference: number): readonly Tlv[] | undefined {
        if (!this.hasMetadata) return undefined
        const answer = this.send({ ins: INS.getMetadata, p1: 0, p2: reference })
        if (answer.sw === SW.referenceNotFound) return undefined
        return parseTlvs(accepted(answer, "describe itself"))
    }

    send(command: Command): Answer {
        return exchange(this.#link, command)
    }

    sendSecret(command: Omit<Command, "data">, data: Secret): Answer {
        return data.reveal((bytes) => this.send({ ...command, data: bytes }))
    }
}

/** @param what the card was to do, in words for a person: "select PIV" @throws token_failed */
export function accepted(answer: Answer, what: string): Buffer {
    if (answer.sw !== SW.ok) throw refused(what, answer.sw)
    return answer.data
}

export function refused(what: string, sw: number): TrustkeyError {
    return new TrustkeyError("token_failed", `the card did not ${what} (status ${sw.toString(16).padStart(4, "0")})`)
}

/** A field of one byte. @throws token_failed */
export function byteOf(fields: readonly Tlv[], tag: number): number {
    const value = findTlv(fields, tag)
    if (value?.length !== 1) throw malformed("a field is missing")
    return value[0] ?? 0
}

export function invalid(why: string): TrustkeyError {
    return new TrustkeyError("invalid_request", why)
}

export function concatenated(parts: readonly Secret[]): Secret {
    const bytes = secretBytes(parts.reduce((sum, { length }) => sum + length, 0))
    let at = 0
    for (const part of parts) at += part.reveal((value) => value.copy(bytes, at))
    return new Secret(bytes)
}

export function numberOf(slot: PivSlot): number {
    return Number.parseInt(slot, 16)
}
