import assert from "node:assert/strict"
import { describe, test } from "node:test"
import type { KeyRig } from "../../support/key-rig.ts"
import { startSoftHsm } from "../../support/softhsm.ts"
import { betweenHalves, exchanger, openWorld, signs, tokenState, tries } from "./token-world.ts"

const NEW_PIN = "73190264"

async function change(rig: KeyRig, old: string, next: string, evenFinalTry = false): Promise<void> {
    const [shown, chosen] = [await rig.seal("pin-old", "token:hsm", old), await rig.seal("pin-new", "token:hsm", next)]
    await rig.keys.changePin("hsm", { how: "change", shown, next: chosen, evenFinalTry })
}

async function unblock(rig: KeyRig, officer: string, next: string, evenFinalTry = false): Promise<void> {
    const [shown, chosen] = [await rig.seal("puk", "token:hsm", officer), await rig.seal("pin-new", "token:hsm", next)]
    await rig.keys.changePin("hsm", { how: "unblock", shown, next: chosen, evenFinalTry })
}

describe("a token's PIN", () => {
    test("is changed by the one there is, and nobody is logged in then", async () => {
        await using world = await openWorld()
        const { rig, hsm } = world
        await rig.login("hsm", hsm.userPin)
        const key = await rig.createOnToken("hsm")
        await change(rig, hsm.userPin, NEW_PIN)
        assert.equal((await tokenState(rig)).state, "present")
        await assert.rejects(rig.keys.sign(await rig.promiseCertificate(key)), { code: "login_required" })
        await assert.rejects(rig.login("hsm", hsm.userPin), { code: "pin_incorrect" })
        await rig.login("hsm", NEW_PIN)
        assert.ok(await signs(rig, key))
        assert.deepEqual(await tries(rig), [])
    })

    test("TK-PIN-1 a wrong one changes nothing, and leaves its record", async () => {
        await using world = await openWorld()
        const { rig, hsm } = world
        await assert.rejects(change(rig, "00000000", NEW_PIN), { code: "pin_incorrect" })
        assert.deepEqual(await tries(rig), ["human:hsm"])
        await rig.login("hsm", hsm.userPin)
    })

    test("is set anew by the security officer, whose wrong PIN is a try on record as well", async () => {
        await using world = await openWorld()
        const { rig, hsm } = world
        await rig.login("hsm", hsm.userPin)
        const key = await rig.createOnToken("hsm")
        await assert.rejects(unblock(rig, "not the officer's", NEW_PIN), { code: "puk_incorrect" })
        assert.deepEqual(await tries(rig), ["puk:hsm"])
        await assert.rejects(rig.login("hsm", NEW_PIN), { code: "pin_incorrect" })
        await unblock(rig, hsm.soPin, NEW_PIN)
        await rig.login("hsm", NEW_PIN)
        assert.ok(await signs(rig, key))
        assert.deepEqual(await tries(rig), [])
    })

    test("that the token would not take, or that is the one there is, costs no try", async () => {
        await using world = await openWorld()
        const { rig, hsm, faults } = world
        await assert.rejects(change(rig, hsm.userPin, "12"), { code: "invalid_request" })
        await assert.rejects(change(rig, hsm.userPin, hsm.userPin), { code: "invalid_request" })
        await assert.rejects(unblock(rig, hsm.soPin, "12"), { code: "invalid_request" })
        assert.deepEqual(await tries(rig), [])
        await rig.login("hsm", hsm.userPin)
        assert.deepEqual(await faults.logins(), [1])
    })

    test("TK-PIN-1 is not changed with the last try unless somebody says so, nor when it is blocked", async () => {
        await using world = await openWorld()
        const { rig, hsm, faults } = world
        await faults.set("flags", 0x20000)
        await assert.rejects(change(rig, hsm.userPin, NEW_PIN), { code: "pin_final_try" })
        await faults.set("flags", 0x40000)
        await assert.rejects(change(rig, hsm.userPin, NEW_PIN, true), { code: "pin_blocked" })
        await faults.set("flags", 0x200000)
        await assert.rejects(unblock(rig, hsm.soPin, NEW_PIN), { code: "pin_final_try" })
        await faults.set("flags", 0x400000)
        await assert.rejects(unblock(rig, hsm.soPin, NEW_PIN, true), { code: "puk_blocked" })
        assert.deepEqual(await tries(rig), [])
        await faults.set("flags", 0x20000)
        await change(rig, hsm.userPin, NEW_PIN, true)
        await faults.clear("flags")
        await rig.login("hsm", NEW_PIN)
    })

    test("TK-PIN-1 a credential that holds the old one is not tried after the change, after a restart neither", async () => {
        await using world = await openWorld({ pinCredential: "hsm-pin" })
        const { rig, hsm, faults } = world
        await rig.writeCredential("hsm-pin", hsm.userPin)
        const key = await rig.createOnToken("hsm")
        await change(rig, hsm.userPin, NEW_PIN)
        const count = (await faults.logins()).length
        await assert.rejects(rig.keys.sign(await rig.promiseCertificate(key)), { code: "pin_refused_before" })
        await rig.restart()
        await assert.rejects(rig.keys.sign(await rig.promiseCertificate(key)), { code: "pin_refused_before" })
        assert.equal((await faults.logins()).length, count)
        assert.deepEqual(await tries(rig), ["credential:hsm"])
        // A change that was refused says nothing of the credential.
        await assert.rejects(change(rig, "11111111", "22222222"), { code: "pin_incorrect" })
        await rig.writeCredential("hsm-pin", NEW_PIN)
        await rig.login("hsm", NEW_PIN)
        assert.ok(await signs(rig, key))
        assert.deepEqual(await tries(rig), [])
    })

    test("TK-PIN-1 a refused change leaves the credential as good as it was", async () => {
        await using world = await openWorld({ pinCredential: "hsm-pin" })
        const { rig, hsm } = world
        await rig.writeCredential("hsm-pin", hsm.userPin)
        await assert.rejects(change(rig, "11111111", NEW_PIN), { code: "pin_incorrect" })
        const key = await rig.createOnToken("hsm")
        assert.ok(await signs(rig, key))
    })

    test("TK-PIN-1 is told to no token that was exchanged while the try was written down", async () => {
        const halves = betweenHalves()
        await using world = await openWorld({ uri: "pkcs11:token=trustkeyd-test" }, halves)
        await using twin = await startSoftHsm()
        const { rig, hsm } = world
        const exchange = await exchanger(world, twin)
        for (const attempt of [() => change(rig, hsm.userPin, NEW_PIN), () => unblock(rig, hsm.soPin, NEW_PIN)]) {
            await rig.keys.tokens()
            halves.arm(exchange.there)
            await assert.rejects(attempt(), { code: "token_busy" })
            assert.equal((await tokenState(rig)).tries, "ok")
            await exchange.back()
        }
        await rig.login("hsm", hsm.userPin)
    })

    test("and a credential that already holds the new one is used at once", async () => {
        await using world = await openWorld({ pinCredential: "hsm-pin" })
        const { rig, hsm } = world
        await rig.writeCredential("hsm-pin", NEW_PIN)
        await assert.rejects(rig.keys.login("hsm", undefined, false), { code: "pin_incorrect" })
        await change(rig, hsm.userPin, NEW_PIN)
        const key = await rig.createOnToken("hsm")
        assert.ok(await signs(rig, key))
    })
})
