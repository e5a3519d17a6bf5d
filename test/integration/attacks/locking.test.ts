// Who locks has the last word: nothing that began before is open afterwards.
import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { setTimeout as sleep } from "node:timers/promises"
import type { KeyRecord } from "../../../src/journal/index.ts"
import type { TokenConfig } from "../../../src/keys/index.ts"
import type { Store } from "../../../src/storage/index.ts"
import { buildFaultModule, type FaultModule } from "../../support/fault-module.ts"
import { KeyRig, type KeyRigOptions, killSigner } from "../../support/key-rig.ts"
import { type SoftHsm, startSoftHsm } from "../../support/softhsm.ts"

const PASSPHRASE = "correct horse battery staple"

type World = AsyncDisposable & { readonly hsm: SoftHsm; readonly faults: FaultModule; readonly rig: KeyRig; readonly config: TokenConfig }

/** A token that logs in by its credential. */
async function openWorld(options: KeyRigOptions = {}): Promise<World> {
    const stack = new AsyncDisposableStack()
    const hsm = stack.use(await startSoftHsm())
    const faults = stack.use(await buildFaultModule(hsm.module))
    const config = {
        name: "hsm",
        module: faults.module,
        uri: `pkcs11:token=${hsm.label}`,
        environment: { SOFTHSM2_CONF: hsm.conf, ...faults.environment },
        deadlineMs: 5_000,
        pinCredential: "hsm-pin",
    }
    const rig = stack.use(await KeyRig.open({ tokens: [config], ...options }))
    await rig.writeCredential("hsm-pin", hsm.userPin)
    return { hsm, faults, rig, config, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

/** Something to do between the record of a try and the try. */
function betweenRecordAndTry(): { readonly wrapStore: (store: Store) => Store; once: (() => Promise<unknown>) | undefined } {
    const hook = {
        once: undefined as (() => Promise<unknown>) | undefined,
        wrapStore: (store: Store): Store => ({
            read: (query) => store.read(query),
            close: () => store.close(),
            commit: async (changes) => {
                await store.commit(changes)
                if (changes[0]?.kind !== "pin-try.put") return
                const { once } = hook
                hook.once = undefined
                await once?.()
            },
        }),
    }
    return hook
}

async function sign(rig: KeyRig, key: KeyRecord): Promise<Uint8Array> {
    return rig.keys.sign(await rig.promiseCertificate(key))
}

async function tokenState(rig: KeyRig): Promise<string | undefined> {
    return (await rig.keys.tokens())[0]?.state
}

describe("a sealed key", () => {
    test("that was locked while somebody unlocked it stays locked", async () => {
        await using rig = await KeyRig.open()
        const key = await rig.createSealed(PASSPHRASE)
        const sealed = await rig.seal("unlock", key.id, PASSPHRASE)
        const unlocking = rig.keys.unlock({ keyId: key.id }, sealed, 0, 0)
        await rig.keys.lock({ keyId: key.id })
        await assert.rejects(unlocking, { code: "key_locked" })
        assert.equal(rig.keys.state(key.id).state, "locked")
        await assert.rejects(sign(rig, key), { code: "key_locked" })
        await rig.unlock(key, PASSPHRASE)
        await sign(rig, key)
    })

    test("is not guessed faster by asking for many guesses at once", async () => {
        await using rig = await KeyRig.open()
        const key = await rig.createSealed(PASSPHRASE)
        const guesses = await Promise.all(Array.from({ length: 12 }, (_, index) => rig.seal("unlock", key.id, `guess ${index}`)))
        const results = await Promise.allSettled(guesses.map((sealed) => rig.keys.unlock({ keyId: key.id }, sealed, 0, 0)))
        const codes = results.map((result) => (result.status === "rejected" ? result.reason.code : "open"))
        assert.deepEqual(codes.filter((code) => code === "open_failed").length, 3, codes.join(" "))
        assert.deepEqual(codes.filter((code) => code === "overloaded").length, 9, codes.join(" "))
    })
})

describe("a group with a credential", () => {
    test("that somebody opened for one use is not opened without limit by a crash", async () => {
        await using rig = await KeyRig.open()
        await rig.writeCredential("ci-group", "the value of the credential")
        await rig.keys.createGroup("ci", undefined, "ci-group")
        await rig.keys.unlock({ group: "ci" }, undefined, 0, 0)
        const key = await rig.createInGroup("ci")
        await rig.keys.unlock({ group: "ci" }, undefined, 60, 1)
        const before = rig.keys.signers()[0]?.restarts ?? 0
        killSigner(rig, "file")
        while ((rig.keys.signers()[0]?.restarts ?? 0) === before || rig.keys.signers()[0]?.state !== "ready") await sleep(20)
        await sleep(500)
        assert.equal(rig.keys.groups()[0]?.unlocked, false)
        await assert.rejects(sign(rig, key), { code: "key_locked" })
        await rig.keys.unlock({ group: "ci" }, undefined, 0, 0)
        await sign(rig, key)
    })

    test("TK-SEC-2 can't be made with the credential of a token's PIN, which a thief of the database would then guess", async () => {
        await using world = await openWorld()
        await assert.rejects(world.rig.keys.createGroup("ci", undefined, "hsm-pin"), { code: "invalid_request" })
    })
})

describe("a token with a credential", () => {
    test("that was logged out during a login stays logged out", async () => {
        const hook = betweenRecordAndTry()
        await using world = await openWorld({ wrapStore: hook.wrapStore })
        const { rig } = world
        const key = await rig.createOnToken("hsm")
        killSigner(rig, "hsm")
        while ((await tokenState(rig)) !== "present") await sleep(20)
        let loggedOut: Promise<unknown> | undefined
        hook.once = async () => {
            loggedOut = rig.keys.logout("hsm")
            await sleep(200)
        }
        await assert.rejects(sign(rig, key))
        await loggedOut
        assert.equal(await tokenState(rig), "present")
        await assert.rejects(sign(rig, key), { code: "login_required" })
    })

    test("is not logged in again after lock --all by who asked before", async () => {
        const hook = betweenRecordAndTry()
        await using world = await openWorld({ wrapStore: hook.wrapStore })
        const { rig } = world
        const keys = [await rig.createOnToken("hsm"), await rig.createOnToken("hsm")]
        killSigner(rig, "hsm")
        while ((await tokenState(rig)) !== "present") await sleep(20)
        const restarts = rig.keys.signers()[1]?.restarts ?? 0
        hook.once = () => rig.keys.lock("all")
        const results = await Promise.allSettled(keys.map((key) => sign(rig, key)))
        assert.deepEqual(
            results.map(({ status }) => status),
            ["rejected", "rejected"],
        )
        assert.equal(await tokenState(rig), "present")
        for (const key of keys) await assert.rejects(sign(rig, key), { code: "login_required" })
        // The fresh signer had nothing to complain of.
        assert.equal(rig.keys.signers()[1]?.restarts, restarts + 1)
        await rig.keys.login("hsm", undefined, false)
        for (const key of keys) await sign(rig, key)
    })

    test("TK-SIG-2 that gave a bad signature is not taken into use again by the stored PIN, only by a person who types it", async () => {
        await using world = await openWorld()
        const { rig, faults, hsm } = world
        const key = await rig.createOnToken("hsm")
        await faults.set("sign-flip")
        await assert.rejects(sign(rig, key), { code: "bad_signature" })
        await faults.clear("sign-flip")
        await assert.rejects(rig.keys.login("hsm", undefined, false), { code: "token_failed" })
        await assert.rejects(sign(rig, key), { code: "token_failed" })
        await rig.login("hsm", hsm.userPin)
        await sign(rig, key)
    })

    test("TK-KEY-4 TK-PIN-1 does not tell the stored PIN to an evil twin with the right label", async () => {
        await using world = await openWorld()
        const { rig, faults, config } = world
        const key = await rig.createOnToken("hsm")
        await using twin = await startSoftHsm({ label: world.hsm.label })
        await rig.restart({ tokens: [{ ...config, environment: { ...config.environment, SOFTHSM2_CONF: twin.conf } }] })
        const before = (await faults.logins()).length
        await assert.rejects(sign(rig, key), { code: "token_changed" })
        await assert.rejects(rig.keys.login("hsm", undefined, false), { code: "token_changed" })
        assert.equal((await faults.logins()).length, before, "the PIN was told to the twin")
        // A person may mean it: this is how a second token is taken into use.
        await rig.login("hsm", twin.userPin)
        await assert.rejects(sign(rig, key), { code: "token_changed" })
    })
})

test("who may open one key can't keep others from opening theirs by asking for challenges", async () => {
    await using rig = await KeyRig.open()
    const [mine, theirs] = [await rig.createSealed(PASSPHRASE), await rig.createSealed(PASSPHRASE)]
    const sealed = await rig.seal("unlock", mine.id, PASSPHRASE)
    for (let i = 0; i < 300; i += 1) await rig.keys.challenge("unlock", theirs.id)
    await rig.keys.unlock({ keyId: mine.id }, sealed, 0, 0)
})
