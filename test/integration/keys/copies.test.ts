import assert from "node:assert/strict"
import { cp, readdir, readFile, rename, writeFile } from "node:fs/promises"
import path from "node:path"
import { after, before, describe, test } from "node:test"
import type { KeyRecord } from "../../../src/journal/index.ts"
import type { CopyKeySpec, TokenConfig } from "../../../src/keys/index.ts"
import { parsePkcs11Uri } from "../../../src/signer/index.ts"
import type { Store } from "../../../src/storage/index.ts"
import { KeyRig } from "../../support/key-rig.ts"
import { mustRun } from "../../support/process.ts"
import { type SoftHsm, startSoftHsm } from "../../support/softhsm.ts"
import { replaceKey, signs, tokenDirectory } from "./token-world.ts"

const PASSPHRASE = "a passphrase of the tests"

function configOf(name: string, hsm: SoftHsm, conf = hsm.conf): TokenConfig {
    const uri = `pkcs11:token=${hsm.label};serial=${hsm.serial}`
    return { name, module: hsm.module, uri, environment: { SOFTHSM2_CONF: conf }, deadlineMs: 5_000 }
}

/** What `key copy` asks for, with the passphrase sealed for `sealedFor`, as a rule the token itself. */
async function copySpec(rig: KeyRig, key: KeyRecord, token: string, serial: string, sealedFor = token): Promise<CopyKeySpec> {
    const passphrase = await rig.seal("copy", `${key.id}:${sealedFor}`, PASSPHRASE)
    return { keyId: key.id, token, serial, from: { kind: "sealed", passphrase } }
}

async function isOn(rig: KeyRig, key: KeyRecord, token: string): Promise<boolean> {
    return (await rig.keys.objects(token)).some(({ keyId }) => keyId === key.id)
}

describe("a sealed key that is brought to tokens", () => {
    let one: SoftHsm
    let two: SoftHsm
    let rig: KeyRig
    before(async () => {
        one = await startSoftHsm({ label: "one" })
        two = await startSoftHsm({ label: "two" })
        rig = await KeyRig.open({ tokens: [configOf("one", one), configOf("two", two)] })
        await logIn()
    })
    after(async () => {
        await rig?.[Symbol.asyncDispose]()
        await one?.stop()
        await two?.stop()
    })

    async function logIn(): Promise<void> {
        await rig.login("one", one.userPin)
        await rig.login("two", two.userPin)
    }

    const copy = async (key: KeyRecord, token: string): Promise<KeyRecord> =>
        rig.keys.copy(await copySpec(rig, key, token, token === "one" ? one.serial : two.serial))

    for (const algorithm of ["p256", "p384", "rsa2048"] as const) {
        test(`TK-KEY-3 signs on each of them (${algorithm}); where it was made and that it was brought there is kept`, async () => {
            const key = await rig.createSealed(PASSPHRASE, { algorithm })
            await copy(key, "one")
            const copied = await copy(key, "two")
            assert.equal(copied.origin, "generated")
            assert.deepEqual(copied.home, { kind: "sealed" })
            assert.deepEqual(
                copied.copies?.map(({ token, serial, brought }) => ({ token, serial, brought })),
                [
                    { token: "one", serial: one.serial, brought: true },
                    { token: "two", serial: two.serial, brought: true },
                ],
            )
            const lying = (await rig.keys.objects("one")).find(({ keyId }) => keyId === key.id)
            assert.deepEqual([lying?.local, lying?.sensitive, lying?.extractable], [false, true, false])
            for (const token of ["one", "two"]) {
                await rig.keys.logout(token)
                assert.ok(await signs(rig, copied), `while ${token} is closed`)
                await logIn()
            }
            await rig.restart()
            assert.deepEqual(rig.keys.find(key.id), copied)
            await logIn()
            assert.ok(await signs(rig, copied))
        })
    }

    test("signs on whichever token is there, in the moment one is pulled out too", async () => {
        const key = await rig.createSealed(PASSPHRASE)
        await copy(key, "one")
        const copied = await copy(key, "two")
        assert.ok(await signs(rig, copied))
        const [name = ""] = await readdir(tokenDirectory(one))
        const [there, away] = [path.join(tokenDirectory(one), name), path.join(path.dirname(one.conf), "away")]
        await rename(there, away)
        try {
            assert.ok(await signs(rig, copied))
            assert.deepEqual([rig.keys.state(key.id).ready, rig.keys.state(key.id).state], [true, "unlocked"])
        } finally {
            await rename(away, there)
            await rig.restart()
            await logIn()
        }
    })

    test("signs where it is sealed while it is unlocked, and is ready when any of its places is", async () => {
        const key = await rig.createSealed(PASSPHRASE)
        await copy(key, "one")
        await rig.keys.logout("one")
        assert.equal(rig.keys.state(key.id).ready, false)
        await rig.unlock(key, PASSPHRASE)
        assert.equal(rig.keys.state(key.id).ready, true)
        assert.ok(await signs(rig, key))
        await logIn()
    })

    test("can be had there only: what is sealed of it is destroyed, for ever", async () => {
        const key = await rig.createSealed(PASSPHRASE)
        await assert.rejects(rig.keys.forgetSealed(key.id), { code: "key_unfit" })
        await copy(key, "one")
        await copy(key, "two")
        await rig.unlock(key, PASSPHRASE)
        const left = await rig.keys.forgetSealed(key.id)
        assert.deepEqual([left.origin, left.home.kind === "token" && left.home.token, left.copies?.length], ["generated", "one", 1])
        assert.equal(left.home.kind === "token" && left.home.brought, true)
        await assert.rejects(rig.unlock(key, PASSPHRASE), { code: "invalid_request" })
        const [row] = await rig.store.read({ kind: "keys" }).then((rows) => rows.filter(({ id }) => id === key.id))
        assert.equal(row?.["envelope"], null)
        assert.ok(await signs(rig, left))
        await assert.rejects(rig.keys.forgetSealed(key.id), { code: "key_unfit" })
        await rig.restart()
        await logIn()
        assert.deepEqual(rig.keys.find(key.id), left)
        assert.ok(await signs(rig, left))
    })

    test("stays sealed here when no token shows that it has the copy: it is away, nobody is logged in, or the copy was deleted there", async () => {
        const key = await rig.createSealed(PASSPHRASE)
        const { copies: [home] = [] } = await copy(key, "one")
        const [name = ""] = await readdir(tokenDirectory(one))
        const [there, away] = [path.join(tokenDirectory(one), name), path.join(path.dirname(one.conf), "away")]
        await rig.keys.logout("one")
        await assert.rejects(rig.keys.forgetSealed(key.id), { code: "login_required" })
        await logIn()
        await rename(there, away)
        await assert.rejects(rig.keys.forgetSealed(key.id), { code: "token_absent" })
        await rename(away, there)
        await rig.restart()
        await logIn()
        const id = Buffer.from(parsePkcs11Uri(home?.uri ?? "").id ?? []).toString("hex")
        await removeObject(one, "privkey", id)
        await rig.restart()
        await logIn()
        await assert.rejects(rig.keys.forgetSealed(key.id), { code: "not_found" })
        await rig.unlock(key, PASSPHRASE)
        await copy(key, "two")
        // One that has it is enough, to sign too: what is on record for the other is stale.
        await rig.keys.forgetSealed(key.id)
        assert.ok(await signs(rig, rig.keys.find(key.id) ?? key))
        // That token has shown it is not what is on record.
        await rig.keys.remove(key.id)
        await rig.restart()
        await logIn()
    })

    test("removed, is forgotten on all of them", async () => {
        const key = await rig.createSealed(PASSPHRASE)
        const copied = await copy(key, "one")
        assert.ok(await signs(rig, copied))
        await rig.keys.remove(key.id)
        await assert.rejects(rig.keys.sign(await rig.promiseCertificate(copied)), { code: "not_found" })
    })

    test("of a group takes the group's passphrase; one that opens by a credential alone never leaves", async () => {
        await rig.keys.createGroup("team", await rig.seal("create", "group:team", PASSPHRASE), undefined)
        await rig.keys.unlock({ group: "team" }, await rig.seal("unlock", "group:team", PASSPHRASE), 0, 0)
        const key = await rig.createInGroup("team")
        await rig.keys.lock({ group: "team" })
        const copied = await copy(key, "one")
        assert.ok(await signs(rig, copied))
        await rig.writeCredential("unattended", PASSPHRASE)
        await rig.keys.createGroup("unattended", undefined, "unattended")
        await rig.keys.unlock({ group: "unattended" }, undefined, 0, 0)
        const kept = await rig.createInGroup("unattended")
        assert.ok(await signs(rig, kept))
        await assert.rejects(copy(kept, "one"), { code: "open_failed" })
        assert.equal(await isOn(rig, kept, "one"), false)
    })

    test("is not given away for a wrong passphrase, nor for one that was given for another token, another key or to unlock it", async () => {
        const key = await rig.createSealed(PASSPHRASE)
        const other = await rig.createSealed(PASSPHRASE)
        const spec = await copySpec(rig, key, "one", one.serial)
        const with_ = (passphrase: Awaited<ReturnType<KeyRig["seal"]>>): CopyKeySpec => ({ ...spec, from: { kind: "sealed", passphrase } })
        await assert.rejects(rig.keys.copy(with_(await rig.seal("copy", `${key.id}:one`, "wrong"))), { code: "open_failed" })
        for (const passphrase of [
            await rig.seal("copy", `${key.id}:two`, PASSPHRASE),
            await rig.seal("copy", `${other.id}:one`, PASSPHRASE),
            await rig.seal("unlock", key.id, PASSPHRASE),
        ]) {
            await assert.rejects(rig.keys.copy(with_(passphrase)), { code: "challenge_expired" })
        }
        assert.equal(await isOn(rig, key, "one"), false)
        // Given once, it is good once.
        await rig.keys.copy(spec)
        await assert.rejects(rig.keys.copy({ ...spec, token: "two", serial: two.serial }), { code: "challenge_expired" })
    })

    test("is not brought twice to one token, and not from a token", async () => {
        const key = await rig.createSealed(PASSPHRASE)
        await copy(key, "one")
        await assert.rejects(copy(key, "one"), { code: "already_exists" })
        const made = await rig.createOnToken("one")
        await assert.rejects(rig.keys.copy(await copySpec(rig, made, "two", two.serial)), { code: "key_unfit" })
        const edwards = await rig.createSealed(PASSPHRASE, { algorithm: "ed25519" })
        await assert.rejects(copy(edwards, "one"), { code: "key_unfit" })
    })

    test("that lies on the token already, after a copy that was interrupted, is taken in when somebody says so", async () => {
        let fails = false
        const wrapStore = (store: Store): Store => ({
            read: (query) => store.read(query),
            close: () => store.close(),
            commit: (changes) =>
                fails && changes[0]?.kind === "key.facts" ? Promise.reject(new Error("killed here")) : store.commit(changes),
        })
        await rig.restart({ wrapStore })
        await logIn()
        const key = await rig.createSealed(PASSPHRASE)
        fails = true
        await assert.rejects(copy(key, "one"), /killed here/)
        fails = false
        await rig.restart()
        await logIn()
        assert.equal(rig.keys.find(key.id)?.copies, undefined)
        await assert.rejects(copy(key, "one"), { code: "already_exists", message: /the token holds this key already/ })
        const present = { keyId: key.id, token: "one", serial: one.serial, from: { kind: "present" } } as const
        await assert.rejects(rig.keys.copy({ ...present, token: "two", serial: two.serial }), { code: "not_found" })
        const copied = await rig.keys.copy(present)
        assert.equal(copied.copies?.[0]?.brought, true)
        assert.ok(await signs(rig, copied))
    })
})

describe("TK-KEY-4 an evil twin that is offered as the place for a copy gets none", () => {
    let own: SoftHsm
    let rig: KeyRig
    let config: TokenConfig
    let sealed: KeyRecord
    before(async () => {
        own = await startSoftHsm({ label: "one" })
        config = configOf("one", own)
        rig = await KeyRig.open({ tokens: [config] })
        await rig.login("one", own.userPin)
        sealed = await rig.createSealed(PASSPHRASE)
    })
    after(async () => {
        await rig?.[Symbol.asyncDispose]()
        await own?.stop()
    })

    const copy = async (serial = own.serial): Promise<KeyRecord> => rig.keys.copy(await copySpec(rig, sealed, "one", serial))

    /** The token, byte for byte, in another place; changed by `change`. */
    async function twinOf(name: string, change: (twin: SoftHsm) => Promise<void>): Promise<SoftHsm> {
        const directory = path.join(path.dirname(own.conf), name)
        await cp(tokenDirectory(own), path.join(directory, "tokens"), { recursive: true })
        const conf = path.join(directory, "softhsm2.conf")
        const text = (await readFile(own.conf, "utf8")).replace(tokenDirectory(own), path.join(directory, "tokens"))
        await writeFile(conf, text)
        const twin = { ...own, conf, moduleEnv: { SOFTHSM2_CONF: conf }, env: { ...own.env, SOFTHSM2_CONF: conf } }
        await change(twin)
        return twin
    }

    async function offer(twin: SoftHsm): Promise<void> {
        await rig.restart({ tokens: [{ ...config, environment: twin.moduleEnv }] })
        await rig.login("one", own.userPin)
    }

    test("with its label, by the serial number a person knows the token by", async () => {
        await using twin = await startSoftHsm({ label: "one" })
        await rig.restart({ tokens: [{ ...config, uri: "pkcs11:token=one", environment: twin.moduleEnv }] })
        await rig.login("one", twin.userPin)
        await assert.rejects(copy(), { code: "token_changed", message: new RegExp(`its serial number is ${twin.serial}`) })
        assert.deepEqual(await rig.keys.objects("one"), [])
        await offer(own)
    })

    test("with its serial number and PIN too, by the key of ours that it does not have", async () => {
        const mark = await rig.createOnToken("one")
        const id = Buffer.from((await rig.keys.objects("one"))[0]?.id ?? []).toString("hex")
        const empty = await twinOf("empty", async (twin) => removeObject(twin, "privkey", id))
        const other = await twinOf("other", async (twin) => replaceKey(twin, id))
        const false_ = await twinOf("false", async (twin) => {
            await removeObject(twin, "privkey", id)
            await putPrivateKey(twin, id)
        })
        for (const twin of [empty, other, false_]) {
            await offer(twin)
            await assert.rejects(copy(), { code: "token_changed", message: /does not sign with a key of ours/ })
            assert.equal(await isOn(rig, sealed, "one"), false)
        }
        await offer(own)
        const copied = await copy()
        assert.ok(await signs(rig, copied))
        assert.ok(await signs(rig, mark))
    })
})

async function removeObject(hsm: SoftHsm, type: string, id: string): Promise<void> {
    const login = ["--login", "--pin", hsm.userPin, "--token-label", hsm.label]
    await mustRun("pkcs11-tool", ["--module", hsm.module, ...login, "--delete-object", "--type", type, "--id", id], { env: hsm.env })
}

/** A private key of somebody else's, beside the public half that was there. */
async function putPrivateKey(hsm: SoftHsm, id: string): Promise<void> {
    const file = path.join(path.dirname(hsm.conf), "other.der")
    const make = ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-outform", "DER", "-out", file]
    await mustRun("openssl", make)
    const login = ["--login", "--pin", hsm.userPin, "--token-label", hsm.label]
    const write = ["--write-object", file, "--type", "privkey", "--id", id, "--usage-sign"]
    await mustRun("pkcs11-tool", ["--module", hsm.module, ...login, ...write], { env: hsm.env })
}
