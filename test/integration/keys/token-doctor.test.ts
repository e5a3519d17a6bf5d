import assert from "node:assert/strict"
import { mkdir, readFile, writeFile } from "node:fs/promises"
import path from "node:path"
import { describe, test } from "node:test"
import { KeyRig } from "../../support/key-rig.ts"
import { startNss } from "../../support/nss.ts"
import { startSoftHsm } from "../../support/softhsm.ts"
import { openWorld, signs, tokenState } from "./token-world.ts"

const CKR_GENERAL_ERROR = 0x05

describe("the doctor, and what its findings do", () => {
    test("a module that refuses EXTRACTABLE makes keys once that is written down, and they are looked at all the same", async () => {
        await using world = await openWorld()
        const { rig, hsm, faults } = world
        await faults.set("template")
        await rig.login("hsm", hsm.userPin)
        await assert.rejects(rig.createOnToken("hsm"))
        await rig.login("hsm", hsm.userPin)
        const { report, written } = await rig.keys.examine("hsm", true)
        assert.equal(report.quirks.template, "minimal")
        assert.match(await readFile(written ?? "", "utf8"), /"template": "minimal"/)
        await rig.login("hsm", hsm.userPin)
        // SoftHSM's default for EXTRACTABLE is no.
        assert.ok(await signs(rig, await rig.createOnToken("hsm")))
        // And after a restart.
        await rig.restart()
        await rig.login("hsm", hsm.userPin)
        assert.ok(await signs(rig, await rig.createOnToken("hsm", { label: "another" })))
    })

    test("where wrapping can't be tried no key is kept, unless a person vouches for the token", async () => {
        await using world = await openWorld()
        const { rig, hsm, faults, config } = world
        await faults.set("wrap-code", CKR_GENERAL_ERROR)
        await rig.login("hsm", hsm.userPin)
        await assert.rejects(rig.createOnToken("hsm"), { code: "token_unfit", message: /can't be tried/ })
        const { report } = await rig.keys.examine("hsm", false)
        assert.equal(report.verdict, "unfit")
        const quirks = {
            format: "trustkeyd quirks v1",
            module: config.module,
            serial: hsm.serial,
            library: "",
            writtenAt: "",
            quirks: { wrapOut: "accepted" },
        }
        await mkdir(path.join(rig.directory, "quirks"), { mode: 0o700 })
        const file = path.join(rig.directory, "quirks", "hsm.json")
        await writeFile(file, JSON.stringify(quirks), { mode: 0o600 })
        await rig.restart()
        await rig.login("hsm", hsm.userPin)
        assert.ok(await signs(rig, await rig.createOnToken("hsm")))
        // The word is about one token, by its serial.
        await writeFile(file, JSON.stringify({ ...quirks, serial: "0000" }), { mode: 0o600 })
        await rig.restart()
        await rig.login("hsm", hsm.userPin)
        await assert.rejects(rig.createOnToken("hsm"), { code: "token_unfit" })
    })

    test("a person's word does not help a token whose keys came out", async () => {
        await using nss = await startNss()
        const token = {
            name: "nss",
            module: nss.module,
            uri: `pkcs11:token=${nss.label}`,
            libraryParameters: nss.libraryParameters,
            environment: {},
            deadlineMs: 10_000,
        }
        await using rig = await KeyRig.open({ tokens: [token] })
        const quirks = { wrapOut: "accepted" }
        const file = { format: "trustkeyd quirks v1", module: nss.module, serial: nss.serial, library: "", writtenAt: "", quirks }
        await mkdir(path.join(rig.directory, "quirks"), { mode: 0o700 })
        await writeFile(path.join(rig.directory, "quirks", "nss.json"), JSON.stringify(file), { mode: 0o600 })
        await rig.restart()
        await rig.login("nss", nss.userPin)
        await assert.rejects(rig.createOnToken("nss"), { code: "token_unfit", message: /came out by/ })
    })

    test("quirks decide which PINs are tried, which mechanisms are asked for, and who gets the PIN each time", async () => {
        await using world = await openWorld()
        const { rig, hsm, faults, config } = world
        const write = async (quirks: object): Promise<void> => {
            const file = { format: "trustkeyd quirks v1", module: config.module, serial: hsm.serial, library: "", writtenAt: "", quirks }
            await mkdir(path.join(rig.directory, "quirks"), { recursive: true, mode: 0o700 })
            await writeFile(path.join(rig.directory, "quirks", "hsm.json"), JSON.stringify(file), { mode: 0o600 })
            await rig.restart()
        }
        await write({ pinLengths: { least: 9, most: 12 } })
        await assert.rejects(rig.login("hsm", hsm.userPin), { code: "pin_incorrect" })
        assert.deepEqual(await faults.logins(), [])
        await write({ absentMechanisms: ["CKM_EDDSA"] })
        await rig.login("hsm", hsm.userPin)
        await assert.rejects(rig.createOnToken("hsm", { algorithm: "ed25519" }), { code: "key_unfit", message: /CKM_EDDSA/ })
        const key = await rig.createOnToken("hsm", { algorithm: "p256" })
        await write({ keyIds: "piv" })
        await rig.login("hsm", hsm.userPin)
        await assert.rejects(rig.createOnToken("hsm"), { code: "invalid_request", message: /slot/ })
        await write({ contextLogin: "always" })
        await rig.login("hsm", hsm.userPin)
        const before = (await faults.logins()).length
        await signs(rig, key).catch(() => {})
        assert.equal((await faults.logins()).slice(before).filter((user) => user === 2).length, 1)
    })

    test("no PIN is tried and no key of others is used, logged in or not", async () => {
        await using world = await openWorld()
        const { rig, hsm, faults } = world
        await rig.login("hsm", hsm.userPin)
        const key = await rig.createOnToken("hsm")
        const before = await rig.keys.objects("hsm")
        const logins = (await faults.logins()).length
        const { profile } = await rig.keys.examine("hsm", false)
        assert.deepEqual(
            profile.keys?.map(({ label, local, extractable }) => [label, local, extractable]),
            [["a key of the tests", "yes", "no"]],
        )
        assert.deepEqual(await rig.keys.objects("hsm"), before)
        assert.ok(await signs(rig, key))
        await rig.keys.logout("hsm")
        assert.equal((await rig.keys.examine("hsm", false)).report.verdict, "incomplete")
        assert.equal((await faults.logins()).length, logins)
        assert.equal((await tokenState(rig)).state, "present")
    })

    test("a module that can't lock is used without locks", async () => {
        await using world = await openWorld()
        const { rig, hsm, faults } = world
        await faults.set("cant-lock")
        await rig.restart()
        const { profile, report } = await rig.keys.examine("hsm", false)
        assert.equal(profile.initialize?.ours, 0x0a)
        assert.ok(report.findings.some(({ found }) => found.includes("CKF_OS_LOCKING_OK")))
        await rig.login("hsm", hsm.userPin)
        assert.ok(await signs(rig, await rig.createOnToken("hsm")))
    })

    test("TK-KEY-4 another vendor's token with the same label, and the stored PIN, is not taken for ours", async () => {
        await using hsm = await startSoftHsm({ label: "trust" })
        await using twin = await startNss({ label: "trust" })
        const ours = {
            name: "hsm",
            module: hsm.module,
            uri: "pkcs11:token=trust",
            environment: hsm.moduleEnv,
            pinCredential: "pin",
            deadlineMs: 10_000,
        }
        await using rig = await KeyRig.open({ tokens: [ours] })
        await rig.writeCredential("pin", hsm.userPin)
        const key = await rig.createOnToken("hsm")
        await rig.restart({ tokens: [{ ...ours, module: twin.module, libraryParameters: twin.libraryParameters }] })
        // The stored PIN is not told to it.
        await assert.rejects(rig.keys.sign(await rig.promiseCertificate(key)), { code: "token_changed" })
        // A person who is taken in by the label gets no signature from it either.
        await rig.login("hsm", twin.userPin)
        await assert.rejects(rig.keys.sign(await rig.promiseCertificate(key)), { code: "token_changed" })
    })
})
