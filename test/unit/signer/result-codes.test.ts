import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { loginRefusal } from "../../../src/signer/pkcs11/login-refusal.ts"
import { judge, judgeLogin, judgeTouch, resultCode } from "../../../src/signer/pkcs11/result-codes.ts"

describe("PKCS#11 result codes", () => {
    test("are found in both forms pkcs11js throws", () => {
        assert.equal(resultCode(Object.assign(new Error("CKR_X"), { code: 0x30 })), 0x30)
        assert.equal(resultCode(new Error("CKR_ATTRIBUTE_VALUE_INVALID:19")), 19)
        assert.equal(resultCode(Object.assign(new Error("CKR_VENDOR:2147483648"), { code: 0 })), 2 ** 31)
        assert.equal(resultCode(new TypeError("not ours")), undefined)
        assert.equal(resultCode("CKR_X:1"), undefined)
    })
    test("that cost the session say so, unknown ones and a module's inventions too", () => {
        // DEVICE_ERROR, SESSION_HANDLE_INVALID, SESSION_CLOSED, OBJECT_HANDLE_INVALID, GENERAL_ERROR, HOST_MEMORY, OPERATION_ACTIVE, NOT_INITIALIZED
        for (const code of [0x30, 0xb3, 0xb0, 0x82, 0x05, 0x02, 0x90, 0x190, 0x8000_0001, 2 ** 64 - 1, undefined]) {
            const { consequence, error } = judge(code, undefined)
            assert.deepEqual([consequence, error.code], ["lost", "token_failed"], String(code))
        }
        for (const code of [0xe0, 0x32])
            assert.deepEqual([judge(code, undefined).consequence, judge(code, undefined).error.code], ["lost", "token_absent"])
    })
    test("a missing login is a missing login, or a missed touch", () => {
        assert.deepEqual([judge(0x101, undefined).consequence, judge(0x101, undefined).error.code], ["logged-out", "login_required"])
    })
    test("what is wrong with a key or for the moment leaves the session alone", () => {
        // ATTRIBUTE_TYPE_INVALID, ATTRIBUTE_VALUE_INVALID, FUNCTION_NOT_SUPPORTED and TEMPLATE_INCONSISTENT: ykcs11 and OpenSC make no keys.
        for (const code of [0x62, 0x63, 0x68, 0x70, 0x71, 0x12, 0x13, 0x54, 0xd1]) {
            assert.deepEqual([judge(code, undefined).consequence, judge(code, undefined).error.code], ["none", "key_unfit"])
        }
        for (const code of [0xb1, 0x200])
            assert.deepEqual([judge(code, undefined).consequence, judge(code, undefined).error.code], ["none", "token_busy"])
    })
    test("of C_Login tell a wrong PIN from a blocked one and from what cannot be a PIN", () => {
        assert.deepEqual([0, 0x100, 0xa0, 0xa4, 0xa2, 0xa1, 0x07, 0x30].map(judgeLogin), [
            "ok",
            "already",
            "incorrect",
            "blocked",
            "impossible",
            "impossible",
            "impossible",
            "other",
        ])
    })
    test("an incorrect PIN whose try blocked the token is called blocked, whatever the code says", () => {
        assert.equal(loginRefusal("incorrect", "blocked").code, "pin_blocked")
        assert.equal(loginRefusal("blocked", "ok").code, "pin_blocked")
        assert.equal(loginRefusal("incorrect", "final").code, "pin_incorrect")
        assert.match(loginRefusal("incorrect", "final").message, /one try is left/)
        assert.equal(loginRefusal("other", "ok").code, "token_failed")
    })
})

describe("a signature that was refused", () => {
    const [NOT_LOGGED_IN, DEVICE_ERROR, GENERAL_ERROR] = [0x101, 0x30, 0x05]

    test("within a moment did not wait for a touch, whatever the card says and the key wants", () => {
        for (const code of [NOT_LOGGED_IN, DEVICE_ERROR, undefined])
            for (const policy of ["always", "cached", undefined] as const) assert.equal(judgeTouch(code, 999, policy), "ruled-out")
    })
    test("after seconds was not touched, if the card says what cards say then", () => {
        for (const policy of ["always", "cached"] as const) {
            assert.equal(judgeTouch(NOT_LOGGED_IN, 15_000, policy), "missed")
            assert.equal(judgeTouch(DEVICE_ERROR, 10_000, policy), "missed")
            assert.equal(judgeTouch(GENERAL_ERROR, 15_000, policy), "undecided")
        }
        // Of a key about which nothing is known a failing device is a failing device.
        assert.equal(judgeTouch(NOT_LOGGED_IN, 15_000, undefined), "missed")
        assert.equal(judgeTouch(DEVICE_ERROR, 15_000, undefined), "undecided")
    })
    test("in between could be either, so nobody may sign again", () => {
        assert.equal(judgeTouch(NOT_LOGGED_IN, 1_000, "always"), "undecided")
        assert.equal(judgeTouch(NOT_LOGGED_IN, 2_999, undefined), "undecided")
    })
    test("by a key that never waits for a touch was not waiting for one, however long it took", () => {
        assert.equal(judgeTouch(NOT_LOGGED_IN, 20_000, "never"), "ruled-out")
    })
})
