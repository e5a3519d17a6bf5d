import assert from "node:assert/strict"
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto"
import { encodeCommand } from "../../support/yubikey/apdu.ts"
import { INS, type Outcome, PivCard } from "../../support/yubikey/card.ts"
import { type CardSpec, DEFAULT_MANAGEMENT_KEY, factoryState, MANAGEMENT, padReference } from "../../support/yubikey/state.ts"
import { encodeTlv, findTlv, parseTlvs } from "../../support/yubikey/tlv.ts"

export type Answer = { readonly sw: string; readonly data: Buffer }

/** A card without reader: commands in, whole answers out, time at the test's will. */
export class Applet {
    readonly card: PivCard
    /** Milliseconds */
    clock = 0

    constructor(spec: Partial<CardSpec> = {}, state = factoryState({ serial: 12_345_678, ...spec })) {
        this.card = new PivCard(state, { now: () => this.clock, random: randomBytes })
        this.card.transmit(Buffer.from("00a4040005a000000308", "hex"))
    }

    /** One APDU as it is, and what the card says to it. */
    raw(apdu: Uint8Array): Outcome {
        return this.card.transmit(apdu)
    }

    /** Everything of one command, chained if it must be; without a touch. */
    send(ins: number, p1: number, p2: number, data: Uint8Array = Buffer.alloc(0)): Answer {
        return this.#collect(answered(this.#last(ins, p1, p2, data)))
    }

    /** The same, for what is to wait for a touch. */
    sendTouched(ins: number, p1: number, p2: number, data: Uint8Array): Answer {
        const outcome = this.#last(ins, p1, p2, data)
        assert.ok("touched" in outcome, "the card asked for no touch")
        return this.#collect(outcome.touched())
    }

    #last(ins: number, p1: number, p2: number, data: Uint8Array): Outcome {
        const apdus = encodeCommand(ins, p1, p2, data)
        for (const apdu of apdus.slice(0, -1)) {
            const outcome = this.raw(apdu)
            if (answered(outcome).toString("hex") !== "9000") return outcome
        }
        return this.raw(apdus.at(-1) ?? Buffer.alloc(0))
    }

    #collect(first: Buffer): Answer {
        const parts: Buffer[] = []
        for (let answer = first; ; answer = answered(this.raw(Buffer.from("00c0000000", "hex")))) {
            parts.push(answer.subarray(0, -2))
            const sw = answer.subarray(-2).toString("hex")
            if (!sw.startsWith("61")) return { sw, data: Buffer.concat(parts) }
        }
    }

    ok(ins: number, p1: number, p2: number, data: Uint8Array = Buffer.alloc(0)): Buffer {
        const { sw, data: answer } = this.send(ins, p1, p2, data)
        assert.equal(sw, "9000")
        return answer
    }

    select(aid: string): Answer {
        return this.send(INS.select, 4, 0, Buffer.from(aid, "hex"))
    }

    verify(pin: string): string {
        return this.send(INS.verify, 0, 0x80, padReference(pin)).sw
    }

    /** Mutual authentication, as every client of Yubico does it. */
    authenticate(key = DEFAULT_MANAGEMENT_KEY, algorithm: (typeof MANAGEMENT)[keyof typeof MANAGEMENT] = MANAGEMENT.tripleDes): string {
        const first = this.send(INS.authenticate, algorithm.id, 0x9b, Buffer.from("7c028000", "hex"))
        if (first.sw !== "9000") return first.sw
        const bytes = Buffer.from(key, "hex")
        const decipher = createDecipheriv(algorithm.cipher, bytes, null).setAutoPadding(false)
        const witness = decipher.update(element(first.data, 0x80))
        const challenge = randomBytes(algorithm.block)
        const answer = encodeTlv(0x7c, encodeTlv(0x80, witness), encodeTlv(0x81, challenge))
        const second = this.send(INS.authenticate, algorithm.id, 0x9b, answer)
        if (second.sw !== "9000") return second.sw
        const cipher = createCipheriv(algorithm.cipher, bytes, null).setAutoPadding(false)
        assert.deepEqual(element(second.data, 0x82), cipher.update(challenge))
        return second.sw
    }

    /** The public point or modulus of a new key. */
    generate(slot: number, algorithm: number, policies = ""): Buffer {
        const template = encodeTlv(0xac, encodeTlv(0x80, Buffer.from([algorithm])), Buffer.from(policies, "hex"))
        const [key] = parseTlvs(this.ok(INS.generate, 0, slot, template))
        assert.equal(key?.tag, 0x7f49)
        return parseTlvs(key.value)[0]?.value ?? Buffer.alloc(0)
    }

    sign(slot: number, algorithm: number, block: Uint8Array): Answer {
        return strip(this.send(INS.authenticate, algorithm, slot, signing(block)))
    }
}

/** `7C { 82 , 81 block }` */
export function signing(block: Uint8Array, tag = 0x81): Buffer {
    return encodeTlv(0x7c, encodeTlv(0x82), encodeTlv(tag, block))
}

export function strip({ sw, data }: Answer): Answer {
    return { sw, data: sw === "9000" ? element(data, 0x82) : data }
}

function element(data: Buffer, tag: number): Buffer {
    const value = findTlv(parseTlvs(findTlv(parseTlvs(data), 0x7c) ?? Buffer.alloc(0)), tag)
    assert.ok(value !== undefined)
    return value
}

function answered(outcome: Outcome): Buffer {
    assert.ok("answer" in outcome, "the card waits for a touch")
    return outcome.answer
}
