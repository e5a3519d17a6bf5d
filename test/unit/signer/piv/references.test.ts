import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { INS } from "../../../support/yubikey/card.ts"
import { hex, refused, text, VirtualLink } from "./virtual-link.ts"

describe("PIN and PUK of a card", () => {
    test("are changed by who knows them, and the new ones count", () => {
        const link = new VirtualLink()
        const card = link.open()
        card.changePin(text("123456"), text("abcdef78"))
        card.changePuk(text("12345678"), text("654321"))
        refused(() => card.changePin(text("123456"), text("111111")), "pin_incorrect", /2 tries are left/)
        refused(() => card.changePuk(text("12345678"), text("111111")), "puk_incorrect", /2 tries are left/)
        card.changePin(text("abcdef78"), text("222222"))
        assert.deepEqual([card.pinTries(), card.pukTries()], [3, 2])
        card.unblockPin(text("654321"), text("333333"))
        assert.deepEqual([card.pinTries(), card.pukTries()], [3, 3])
    })

    for (const lastTry of ["63c0", "6983"] as const) {
        test(`a card that answers the last wrong PIN with ${lastTry} has blocked it, and the PUK unblocks it`, () => {
            const link = new VirtualLink({ lastTry })
            const card = link.open()
            refused(() => card.changePin(text("000000"), text("111111")), "pin_incorrect", /2 tries are left/)
            refused(() => card.changePin(text("000000"), text("111111")), "pin_incorrect", /one try is left/)
            const tried = link.count(INS.changeReference)
            refused(() => card.changePin(text("000000"), text("111111")), "pin_final_try")
            assert.equal(link.count(INS.changeReference), tried)
            refused(() => card.changePin(text("000000"), text("111111"), true), "pin_blocked")
            refused(() => card.changePin(text("123456"), text("111111"), true), "pin_blocked")
            assert.equal(link.count(INS.changeReference), tried + 1)
            card.unblockPin(text("12345678"), text("111111"))
            card.changePin(text("111111"), text("222222"))
        })
    }

    test("a PUK is not used up in silence either, and once it is blocked nothing is tried", () => {
        const link = new VirtualLink()
        const card = link.open()
        refused(() => card.unblockPin(text("00000000"), text("111111")), "puk_incorrect")
        refused(() => card.changePuk(text("00000000"), text("111111")), "puk_incorrect")
        const sent = link.count(INS.resetRetry) + link.count(INS.changeReference)
        refused(() => card.unblockPin(text("12345678"), text("111111")), "pin_final_try", /PUK/)
        refused(() => card.changePuk(text("12345678"), text("111111")), "pin_final_try", /PUK/)
        assert.equal(link.count(INS.resetRetry) + link.count(INS.changeReference), sent)
        refused(() => card.unblockPin(text("00000000"), text("111111"), true), "puk_blocked", /reset/)
        refused(() => card.unblockPin(text("12345678"), text("111111"), true), "puk_blocked")
        assert.equal(link.count(INS.resetRetry) + link.count(INS.changeReference), sent + 1)
    })

    test("what can't be one costs no try and reaches no card", () => {
        const link = new VirtualLink()
        const card = link.open()
        const before = link.sent.length
        // The last is filled up: to the card it would be another, shorter one.
        for (const wrong of ["", "3132333435", "313233343536373839", "3132333435ff"]) {
            const bytes = (): ReturnType<typeof text> => hex(wrong)
            refused(() => card.changePin(bytes(), text("111111")), "pin_incorrect", /no try/)
            refused(() => card.changePuk(bytes(), text("111111")), "puk_incorrect", /no try/)
            refused(() => card.unblockPin(bytes(), text("111111")), "puk_incorrect", /no try/)
            refused(() => card.changePin(text("123456"), bytes()), "invalid_request")
            refused(() => card.changePuk(text("12345678"), bytes()), "invalid_request")
            refused(() => card.unblockPin(text("12345678"), bytes()), "invalid_request")
        }
        assert.equal(link.sent.length, before)
    })
})
