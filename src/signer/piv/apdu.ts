import { secretBytes } from "../../crypto/index.ts"
import { malformed } from "./tlv.ts"

/** The wire to a card: one command, and its answer with the status word at its end. */
export type CardLink = { transmit(apdu: Buffer): Buffer }

export type Command = { readonly ins: number; readonly p1: number; readonly p2: number; readonly data?: Uint8Array }
export type Answer = { readonly sw: number; readonly data: Buffer }

/** ISO 7816-4 §5.6, with the meanings Yubico gives them. */
export const SW = {
    ok: 0x9000,
    securityStatus: 0x6982,
    blocked: 0x6983,
    conditions: 0x6985,
    wrongData: 0x6a80,
    notFound: 0x6a82,
    noSpace: 0x6a84,
    wrongParameters: 0x6a86,
    referenceNotFound: 0x6a88,
    noInstruction: 0x6d00,
} as const

const CHAINING = 0x10
const GET_RESPONSE = 0xc0
const LARGEST_PART = 255
/** The largest object has 3052 bytes. A card that goes on for longer lies. */
const LARGEST_ANSWER = 8192

/**
 * One command and all of its answer. Commands that are too long for a short APDU are chained, answers that are come by GET
 * RESPONSE: every firmware and every reader can do that, which can't be said of extended lengths. An answer that comes in one
 * piece of more than 256 bytes is taken too.
 *
 * Every APDU is wiped once it was sent. It is never sent a second time: it may cost a try.
 *
 * @throws token_failed for an answer that is none, and what the link throws
 */
export function exchange(link: CardLink, command: Command): Answer {
    const data = command.data ?? Buffer.alloc(0)
    let at = 0
    for (; data.length - at > LARGEST_PART; at += LARGEST_PART) {
        const refusal = readAnswer(send(link, CHAINING, command, data.subarray(at, at + LARGEST_PART)))
        if (refusal.sw !== SW.ok) return refusal
    }
    return collect(link, send(link, 0, command, data.subarray(at)))
}

function send(link: CardLink, cla: number, { ins, p1, p2 }: Command, part: Uint8Array): Buffer {
    const apdu = secretBytes(5 + part.length)
    apdu.set([cla, ins, p1, p2, part.length])
    apdu.set(part, 5)
    try {
        return link.transmit(apdu)
    } finally {
        apdu.fill(0)
    }
}

function collect(link: CardLink, first: Buffer): Answer {
    let answer = readAnswer(first)
    const parts = [answer.data]
    let size = answer.data.length
    while (answer.sw >> 8 === 0x61) {
        answer = readAnswer(link.transmit(Buffer.from([0, GET_RESPONSE, 0, 0, answer.sw & 0xff])))
        if (answer.data.length === 0 && answer.sw >> 8 === 0x61) throw malformed("an answer goes on with nothing")
        size += answer.data.length
        if (size > LARGEST_ANSWER) throw malformed("an answer has no end")
        parts.push(answer.data)
    }
    return { sw: answer.sw, data: Buffer.concat(parts) }
}

function readAnswer(bytes: Buffer): Answer {
    if (bytes.length < 2) throw malformed("an answer has no status word")
    return { sw: bytes.readUInt16BE(bytes.length - 2), data: bytes.subarray(0, -2) }
}
