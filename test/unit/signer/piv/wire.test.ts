import assert from "node:assert/strict"
import { describe, test } from "node:test"
import fc from "fast-check"
import { type CardLink, exchange } from "../../../../src/signer/piv/apdu.ts"
import { encodeTlv, findTlv, parseTlvs } from "../../../../src/signer/piv/tlv.ts"
import { encodeTlv as independentEncode, parseTlvs as independentParse } from "../../../support/yubikey/tlv.ts"
import { refused } from "./virtual-link.ts"

/** Answers in turn, hexadecimal. */
class Script implements CardLink {
    readonly sent: string[] = []
    readonly #answers: string[]

    constructor(...answers: string[]) {
        this.#answers = answers
    }

    transmit(apdu: Buffer): Buffer {
        this.sent.push(apdu.toString("hex"))
        return Buffer.from(this.#answers.shift() ?? "9000", "hex")
    }
}

describe("a command", () => {
    test("that fits goes in one APDU, without data as case 2", () => {
        const card = new Script()
        exchange(card, { ins: 0xfd, p1: 0, p2: 0 })
        exchange(card, { ins: 0xdb, p1: 0x3f, p2: 0xff, data: Buffer.alloc(255, 7) })
        assert.deepEqual(card.sent, ["00fd000000", `00db3fffff${"07".repeat(255)}`])
    })

    test("that doesn't fit is chained, and the last part is not", () => {
        const card = new Script()
        exchange(card, { ins: 0xdb, p1: 1, p2: 2, data: Buffer.alloc(511, 7) })
        assert.deepEqual(
            card.sent.map((apdu) => apdu.slice(0, 10)),
            ["10db0102ff", "10db0102ff", "00db010201"],
        )
    })

    test("is not gone on with when the card refuses a part of it", () => {
        const card = new Script("9000", "6982", "9000")
        assert.equal(exchange(card, { ins: 0xdb, p1: 1, p2: 2, data: Buffer.alloc(1000, 7) }).sw, 0x6982)
        assert.equal(card.sent.length, 2)
    })
})

describe("an answer", () => {
    test("in parts is put together", () => {
        const card = new Script(`${"01".repeat(256)}6100`, `${"02".repeat(256)}6103`, "0303039000")
        const { sw, data } = exchange(card, { ins: 0xcb, p1: 0, p2: 0 })
        assert.deepEqual([sw, data.length, data.at(-1)], [0x9000, 515, 3])
        assert.deepEqual(card.sent.slice(1), ["00c0000000", "00c0000003"])
    })

    test("in one piece of more than 256 bytes is taken too", () => {
        assert.equal(exchange(new Script(`${"01".repeat(3000)}9000`), { ins: 0xcb, p1: 0, p2: 0 }).data.length, 3000)
    })

    test("without an end, without progress or without a status word is refused", () => {
        const endless: CardLink = { transmit: () => Buffer.from(`${"00".repeat(256)}6100`, "hex") }
        refused(() => exchange(endless, { ins: 0xcb, p1: 0, p2: 0 }), "token_failed", /no end/)
        const idle: CardLink = { transmit: () => Buffer.from("6100", "hex") }
        refused(() => exchange(idle, { ins: 0xcb, p1: 0, p2: 0 }), "token_failed", /nothing/)
        for (const none of ["", "90"]) {
            refused(
                () => exchange({ transmit: () => Buffer.from(none, "hex") }, { ins: 0xcb, p1: 0, p2: 0 }),
                "token_failed",
                /status word/,
            )
        }
    })
})

describe("elements", () => {
    test("are read and written as by another program", () => {
        const tag = fc.constantFrom(0x5c, 0x53, 0x7c, 0x80, 0x7f49, 0x5f2f)
        fc.assert(
            fc.property(fc.array(fc.tuple(tag, fc.uint8Array({ maxLength: 300 }))), (elements) => {
                const ours = Buffer.concat(elements.map(([name, value]) => encodeTlv(name, value)))
                assert.deepEqual(ours, Buffer.concat(elements.map(([name, value]) => independentEncode(name, value))))
                assert.deepEqual(parseTlvs(ours), independentParse(ours))
            }),
        )
        const long = encodeTlv(0x53, Buffer.alloc(70_000, 1))
        assert.equal(findTlv(parseTlvs(long), 0x53)?.length, 70_000)
    })

    test("that don't hold together are refused, whatever the bytes", () => {
        for (const wrong of ["53", "5305", "5380", "538400000001", "5382", "7f", "530100ff"]) {
            refused(() => parseTlvs(Buffer.from(wrong, "hex")), "token_failed")
        }
        fc.assert(
            fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
                let size: number | undefined
                try {
                    size = parseTlvs(Buffer.from(bytes)).reduce((sum, { value }) => sum + value.length, 0)
                } catch (error) {
                    assert.equal(Reflect.get(Object(error), "code"), "token_failed")
                }
                assert.ok(size === undefined || size <= bytes.length)
            }),
        )
    })
})
