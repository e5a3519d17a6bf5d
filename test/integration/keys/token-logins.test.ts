import assert from "node:assert/strict"
import { readdir, rename } from "node:fs/promises"
import path from "node:path"
import { describe, test } from "node:test"
import { setTimeout as sleep } from "node:timers/promises"
import type { KeyRecord } from "../../../src/journal/index.ts"
import type { Store } from "../../../src/storage/index.ts"
import type { FaultModule } from "../../support/fault-module.ts"
import type { KeyRig } from "../../support/key-rig.ts"
import { mustRun } from "../../support/process.ts"
import { type SoftHsm, startSoftHsm } from "../../support/softhsm.ts"
import { betweenHalves, exchanger, openWorld, replaceKey, signs, tokenDirectory, tokenState, tries } from "./token-world.ts"

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

/** Long enough for a test's next step, short enough to wait for. */
const RELEASE_MS = 150

/** After this the token has been let go of. */
const idle = (): Promise<void> => sleep(RELEASE_MS + 700)

describe("a token that is let go of when nobody uses it", () => {
    test("TK-PIN-1 it is logged in again at its next use with the PIN that is kept, each try on record before it is made", async () => {
        const seen: { kind: string; logins: number }[] = []
        let faults: FaultModule | undefined
        const wrapStore = (store: Store): Store => ({
            read: (query) => store.read(query),
            close: () => store.close(),
            commit: async (changes) => {
                await store.commit(changes)
                const kind = changes[0]?.kind ?? ""
                if (kind.startsWith("pin-try")) seen.push({ kind, logins: (await faults?.logins())?.length ?? -1 })
            },
        })
        await using world = await openWorld({ releaseAfterMs: RELEASE_MS }, { wrapStore })
        const { rig, hsm } = world
        await login(rig, hsm.userPin, 600, 5)
        const key = await rig.createOnToken("hsm")
        assert.ok(await signs(rig, key))
        await idle()
        seen.length = 0
        faults = world.faults
        assert.deepEqual(await faults.logins(), [1])
        assert.equal((await tokenState(rig)).state, "logged-in")
        assert.ok(rig.keys.state(key.id).ready)
        assert.ok(await signs(rig, key))
        assert.deepEqual(await faults.logins(), [1, 1])
        assert.deepEqual(seen, [
            { kind: "pin-try.put", logins: 1 },
            { kind: "pin-try.remove", logins: 2 },
        ])
        // The time and the uses are those of the login that somebody typed.
        assert.equal(rig.keys.state(key.id).usesLeft, 3)
        const { until } = await tokenState(rig)
        assert.ok(until !== undefined && until.getTime() - Date.now() < 600_000)
    })

    test("its login ends at its time, also while other programs have the token", async () => {
        await using world = await openWorld({ releaseAfterMs: RELEASE_MS })
        const { rig, hsm, faults } = world
        await login(rig, hsm.userPin, 60)
        const key = await rig.createOnToken("hsm")
        await login(rig, hsm.userPin, 2)
        await idle()
        const before = rig.signerPid("hsm")
        await sleep(1_500)
        await replaced(rig, before)
        await refused(rig, key, "login_required")
        assert.deepEqual(await faults.logins(), [1, 1])
    })

    test("TK-PIN-1 a PIN that was changed elsewhere is tried once, forgotten, and stays on record", async () => {
        await using world = await openWorld({ releaseAfterMs: RELEASE_MS })
        const { rig, hsm, faults } = world
        await login(rig, hsm.userPin, 600)
        const key = await rig.createOnToken("hsm")
        await idle()
        await changePin(hsm, hsm.userPin, "87654321")
        await refused(rig, key, "pin_incorrect")
        assert.deepEqual(await tries(rig), ["human:hsm"])
        await refused(rig, key, "login_required")
        assert.deepEqual(await faults.logins(), [1, 1])
        assert.deepEqual(rig.keys.state(key.id), { state: "locked", ready: false })
        await login(rig, "87654321", 600)
        assert.ok(await signs(rig, key))
    })

    test("TK-PIN-1 a credential's PIN that was changed elsewhere is tried once, after a restart neither", async () => {
        await using world = await openWorld({ releaseAfterMs: RELEASE_MS, pinCredential: "hsm-pin" })
        const { rig, hsm, faults } = world
        await rig.writeCredential("hsm-pin", hsm.userPin)
        const key = await rig.createOnToken("hsm")
        await idle()
        await changePin(hsm, hsm.userPin, "87654321")
        await refused(rig, key, "pin_incorrect")
        await refused(rig, key, "pin_refused_before")
        await rig.restart()
        await refused(rig, key, "pin_refused_before")
        assert.deepEqual(await faults.logins(), [1, 1])
        assert.deepEqual(await tries(rig), ["credential:hsm"])
    })

    for (const [flag, value] of [
        ["low", 0x10000],
        ["final", 0x20000],
        ["blocked", 0x40000],
    ] as const) {
        test(`TK-PIN-1 with tries ${flag} the PIN that is kept is not tried, and forgotten`, async () => {
            await using world = await openWorld({ releaseAfterMs: RELEASE_MS })
            const { rig, hsm, faults } = world
            await login(rig, hsm.userPin, 600)
            const key = await rig.createOnToken("hsm")
            await idle()
            await faults.set("flags", value)
            await refused(rig, key, "login_required")
            await faults.clear("flags")
            await refused(rig, key, "login_required")
            assert.deepEqual(await faults.logins(), [1])
        })
    }

    test("TK-KEY-4 the PIN that is kept is not told to a token that shows another key under the same serial, label and id", async () => {
        await using world = await openWorld({ releaseAfterMs: RELEASE_MS })
        const { rig, hsm, faults } = world
        await login(rig, hsm.userPin, 600)
        const key = await rig.createOnToken("hsm")
        const [object] = await rig.keys.objects("hsm")
        await idle()
        await replaceKey(hsm, Buffer.from(object?.id ?? []).toString("hex"))
        await refused(rig, key, "token_changed")
        assert.deepEqual(await faults.logins(), [1])
        await refused(rig, key, "login_required")
    })

    test("a token that was taken out and put back meanwhile wants its PIN anew", async () => {
        await using world = await openWorld({ releaseAfterMs: RELEASE_MS })
        const { rig, hsm, faults } = world
        await login(rig, hsm.userPin, 600)
        const key = await rig.createOnToken("hsm")
        await idle()
        const [name = ""] = await readdir(tokenDirectory(hsm))
        const away = path.join(path.dirname(hsm.conf), "away")
        await rename(path.join(tokenDirectory(hsm), name), away)
        assert.equal((await tokenState(rig)).state, "absent")
        await refused(rig, key, "token_absent")
        await rename(away, path.join(tokenDirectory(hsm), name))
        assert.equal((await tokenState(rig)).state, "present")
        await refused(rig, key, "login_required")
        assert.deepEqual(await faults.logins(), [1])
    })

    test("whatever is asked for at the moment it is let go of is done", async () => {
        await using world = await openWorld({ releaseAfterMs: 20 })
        const { rig, hsm, faults } = world
        await login(rig, hsm.userPin, 600)
        const key = await rig.createOnToken("hsm")
        for (let round = 0; round < 25; round += 1) {
            await sleep(round * 2)
            const signed = await Promise.all([signs(rig, key), signs(rig, key), rig.keys.objects("hsm")])
            assert.deepEqual(signed.slice(0, 2), [true, true])
            await sleep(480 + round * 2)
        }
        assert.ok((await faults.logins()).length > 5)
    })

    test("the doctor ends no login of a token that was let go of, and spends no try", async () => {
        await using world = await openWorld({ releaseAfterMs: RELEASE_MS })
        const { rig, hsm, faults } = world
        await login(rig, hsm.userPin, 600)
        const key = await rig.createOnToken("hsm")
        await idle()
        const { report } = await rig.keys.examine("hsm", false)
        assert.equal(report.verdict, "incomplete")
        assert.deepEqual(await faults.logins(), [1])
        assert.equal((await tokenState(rig)).state, "logged-in")
        assert.ok(await signs(rig, key))
    })

    test("lock --all forgets the PIN of a token that was let go of", async () => {
        await using world = await openWorld({ releaseAfterMs: RELEASE_MS })
        const { rig, hsm, faults } = world
        await login(rig, hsm.userPin, 600)
        const key = await rig.createOnToken("hsm")
        await idle()
        await rig.keys.lock("all")
        await refused(rig, key, "login_required")
        assert.deepEqual(await faults.logins(), [1])
    })
})

describe("between the writing down of a try and the try", () => {
    test("TK-PIN-1 a token that was exchanged is told neither the stored PIN nor a typed one, and nothing is held against them", async () => {
        const halves = betweenHalves()
        await using world = await openWorld({ pinCredential: "hsm-pin", uri: "pkcs11:token=trustkeyd-test" }, halves)
        await using twin = await startSoftHsm()
        const { rig, hsm, faults } = world
        await rig.writeCredential("hsm-pin", hsm.userPin)
        const key = await rig.createOnToken("hsm")
        await rig.restart()
        const before = await faults.logins()
        const exchange = await exchanger(world, twin)
        halves.arm(exchange.there)
        await refused(rig, key, "token_busy")
        assert.equal((await tokenState(rig)).serial, twin.serial)
        assert.deepEqual(await faults.logins(), before)
        assert.deepEqual(await tries(rig), [])
        await exchange.back()
        halves.arm(exchange.there)
        await assert.rejects(login(rig, hsm.userPin, 60), { code: "token_busy" })
        assert.deepEqual(await faults.logins(), before)
        await exchange.back()
        assert.ok(await signs(rig, key))
    })

    test("TK-PIN-1 a login whose time ends then is not begun again with its PIN", async () => {
        const halves = betweenHalves()
        await using world = await openWorld({ releaseAfterMs: RELEASE_MS }, halves)
        const { rig, hsm, faults } = world
        await login(rig, hsm.userPin, 60)
        const key = await rig.createOnToken("hsm")
        await login(rig, hsm.userPin, 3)
        await idle()
        halves.arm(() => sleep(2_500))
        await refused(rig, key, "login_required")
        assert.deepEqual(await faults.logins(), [1, 1])
        assert.deepEqual(await tries(rig), [])
    })
})

async function changePin(hsm: SoftHsm, from: string, to: string): Promise<void> {
    const how = ["--module", hsm.module, "--token-label", hsm.label, "--login", "--pin", from, "--change-pin", "--new-pin", to]
    await mustRun("pkcs11-tool", how, { env: hsm.env })
}
