import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { setTimeout as sleep } from "node:timers/promises"
import type { KeyRecord } from "../../../src/journal/index.ts"
import type { KeyRig } from "../../support/key-rig.ts"
import { openWorld, signs, tokenState } from "./token-world.ts"

/** A login somebody types, with the limits of `token login --for --uses`. */
async function login(rig: KeyRig, pin: string, ttlSeconds: number, uses = 0): Promise<void> {
    await rig.keys.login("hsm", await rig.seal("login", "token:hsm", pin), false, { ttlSeconds, uses })
}

async function refused(rig: KeyRig, key: KeyRecord, code: string): Promise<void> {
    await assert.rejects(rig.keys.sign(await rig.promiseCertificate(key)), { code })
}

/** Until a fresh signer has taken the place of the one with process id `before`. */
async function replaced(rig: KeyRig, before: number): Promise<void> {
    for (let i = 0; i < 200; i += 1) {
        const now = currentPid(rig)
        if (now !== undefined && now !== before && (await tokenState(rig)).state === "present") return
        await sleep(50)
    }
    assert.fail("the signer's process was not replaced")
}

function currentPid(rig: KeyRig): number | undefined {
    try {
        return rig.signerPid("hsm")
    } catch {
        return undefined
    }
}

describe("the time of a login", () => {
    test("a login is over after its time, its signer's process ends with it, and a new one begins a new time", async () => {
        await using world = await openWorld()
        const { rig, hsm, faults } = world
        await login(rig, hsm.userPin, 60)
        const key = await rig.createOnToken("hsm")
        await login(rig, hsm.userPin, 1)
        assert.ok(await signs(rig, key))
        const state = rig.keys.state(key.id)
        assert.ok(state.until !== undefined && state.until.getTime() - Date.now() <= 1_000)
        const before = rig.signerPid("hsm")
        await sleep(1_100)
        await refused(rig, key, "login_required")
        await replaced(rig, before)
        assert.deepEqual(rig.keys.state(key.id), { state: "locked", ready: false })
        assert.equal((await tokenState(rig)).until, undefined)
        await login(rig, hsm.userPin, 60)
        assert.ok(await signs(rig, key))
        assert.deepEqual(await faults.logins(), [1, 1, 1])
    })

    test("a PIN somebody types is given the default time, the credential's has none", async () => {
        await using world = await openWorld({ pinCredential: "hsm-pin" })
        const { rig, hsm } = world
        await rig.writeCredential("hsm-pin", hsm.userPin)
        await rig.keys.login("hsm", undefined, false)
        assert.deepEqual([(await tokenState(rig)).state, (await tokenState(rig)).until], ["logged-in", undefined])
        await rig.login("hsm", hsm.userPin)
        const { until } = await tokenState(rig)
        assert.ok(until !== undefined)
        assert.ok(Math.abs(until.getTime() - Date.now() - 900_000) < 60_000)
    })

    test("after as many signatures as it was given for, a login is over", async () => {
        await using world = await openWorld()
        const { rig, hsm } = world
        await login(rig, hsm.userPin, 60)
        const key = await rig.createOnToken("hsm")
        await login(rig, hsm.userPin, 0, 3)
        const intents = await Promise.all([0, 1, 2, 3, 4].map(() => rig.promiseCertificate(key)))
        assert.ok(await signs(rig, key))
        assert.equal(rig.keys.state(key.id).usesLeft, 2)
        const before = rig.signerPid("hsm")
        const codes = (await Promise.allSettled(intents.map((intent) => rig.keys.sign(intent)))).map((result) =>
            result.status === "fulfilled" ? "signed" : result.reason.code,
        )
        assert.deepEqual(codes, ["signed", "signed", "login_required", "login_required", "login_required"])
        await replaced(rig, before)
        assert.deepEqual(rig.keys.state(key.id), { state: "locked", ready: false })
    })

    test("a use that the token refuses is a use", async () => {
        await using world = await openWorld()
        const { rig, hsm, faults } = world
        await login(rig, hsm.userPin, 60)
        const key = await rig.createOnToken("hsm")
        await login(rig, hsm.userPin, 60, 1)
        const CKR_SESSION_COUNT = 0xb1
        await faults.set("sign-code", CKR_SESSION_COUNT)
        await refused(rig, key, "token_busy")
        await faults.clear("sign-code")
        await refused(rig, key, "login_required")
    })

    test("TK-PIN-1 a running time is not made longer by a PIN that was not tried", async () => {
        await using world = await openWorld()
        const { rig, hsm, faults } = world
        await login(rig, hsm.userPin, 60)
        const key = await rig.createOnToken("hsm")
        await assert.rejects(login(rig, "00000000", 3600), { code: "pin_incorrect" })
        assert.deepEqual(await faults.logins(), [1, 1])
        // Whoever tries is not let in by the one before.
        await refused(rig, key, "login_required")
        await login(rig, hsm.userPin, 60)
        await login(rig, hsm.userPin, 3600)
        assert.deepEqual(await faults.logins(), [1, 1, 1, 1])
        const { until } = await tokenState(rig)
        assert.ok(until !== undefined && until.getTime() - Date.now() > 3_000_000)
    })

    test("the credential doesn't make more of a login that was given for so long or so often", async () => {
        await using world = await openWorld({ pinCredential: "hsm-pin" })
        const { rig, hsm, faults } = world
        await rig.writeCredential("hsm-pin", hsm.userPin)
        const key = await rig.createOnToken("hsm")
        await rig.keys.login("hsm", undefined, false, { ttlSeconds: 0, uses: 1 })
        assert.ok(await signs(rig, key))
        const count = (await faults.logins()).length
        await refused(rig, key, "login_required")
        assert.equal((await faults.logins()).length, count)
        // Without limits the credential is asked at need again.
        await rig.keys.login("hsm", undefined, false)
        assert.ok(await signs(rig, key))
    })

    test("lock --all ends a login and the process that held the PIN", async () => {
        await using world = await openWorld()
        const { rig, hsm } = world
        await login(rig, hsm.userPin, 3600)
        const key = await rig.createOnToken("hsm")
        const before = rig.signerPid("hsm")
        await rig.keys.lock("all")
        assert.notEqual(rig.signerPid("hsm"), before)
        await refused(rig, key, "login_required")
        assert.equal((await tokenState(rig)).until, undefined)
    })
})
