import assert from "node:assert/strict"
import { randomBytes } from "node:crypto"
import { chmod, readFile } from "node:fs/promises"
import path from "node:path"
import { describe, test } from "node:test"
import { Secret, sealSecret } from "../../../src/crypto/index.ts"
import type { KeyRecord } from "../../../src/journal/index.ts"
import { GUN, KeyRig, killSigner } from "../../support/key-rig.ts"
import { isGood } from "./signer-contract.ts"

const PASSPHRASE = "a passphrase of the tests"

async function signs(rig: KeyRig, key: KeyRecord): Promise<boolean> {
    const intent = await rig.promiseCertificate(key)
    return isGood(key, intent, await rig.keys.sign(intent))
}

async function isLocked(rig: KeyRig, key: KeyRecord): Promise<void> {
    await assert.rejects(rig.keys.sign(await rig.promiseCertificate(key)), { code: "key_locked" })
}

function sleep(milliseconds: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, milliseconds))
}

async function eventually(what: () => boolean | Promise<boolean>): Promise<void> {
    for (let i = 0; i < 100; i += 1) {
        if (await what()) return
        await sleep(50)
    }
    assert.fail("it did not happen within 5 s")
}

async function createGroup(rig: KeyRig, name: string): Promise<void> {
    await rig.keys.createGroup(name, await rig.seal("create", `group:${name}`, PASSPHRASE), undefined)
}

async function unlockGroup(rig: KeyRig, name: string, passphrase = PASSPHRASE, ttlSeconds = 0, uses = 0): Promise<Date | undefined> {
    return rig.keys.unlock({ group: name }, await rig.seal("unlock", `group:${name}`, passphrase), ttlSeconds, uses)
}

describe("a key under a passphrase", () => {
    test("a wrong passphrase and a damaged envelope get one and the same answer", async () => {
        await using rig = await KeyRig.open()
        const key = await rig.createSealed(PASSPHRASE)
        const answers: unknown[] = []
        await assert.rejects(rig.unlock(key, "another passphrase"), (error) => answers.push(describeError(error)) > 0)
        const [row] = await rig.store.read({ kind: "keys" })
        const envelope = row?.["envelope"]
        assert.ok(envelope instanceof Uint8Array)
        const damaged = Buffer.from(envelope)
        damaged.writeUInt8(damaged.readUInt8(damaged.length - 5) ^ 1, damaged.length - 5)
        await rig.store.commit([{ kind: "key.envelope", id: key.id, envelope: damaged, previous: envelope }])
        await rig.restart()
        await assert.rejects(rig.unlock(key, PASSPHRASE), (error) => answers.push(describeError(error)) > 0)
        assert.deepEqual(answers[0], answers[1])
        assert.match(String(answers[0]), /^open_failed /)
    })

    test("after several wrong passphrases the next has to wait, the key's owner too, other keys' owners not", async () => {
        await using rig = await KeyRig.open()
        const key = await rig.createSealed(PASSPHRASE)
        const other = await rig.createSealed(PASSPHRASE)
        for (let i = 0; i < 3; i += 1) await assert.rejects(rig.unlock(key, `wrong ${i}`), { code: "open_failed" })
        await assert.rejects(rig.unlock(key, PASSPHRASE), { code: "overloaded" })
        await rig.unlock(other, PASSPHRASE)
        await sleep(1_050)
        await rig.unlock(key, PASSPHRASE)
    })

    test("is open for as long as was said, and the process that held the last open key ends with it", async () => {
        await using rig = await KeyRig.open()
        const key = await rig.createSealed(PASSPHRASE)
        const until = await rig.unlock(key, PASSPHRASE, 1)
        assert.ok(until && Math.abs(until.getTime() - Date.now() - 1000) < 500)
        assert.deepEqual(rig.keys.state(key.id), { state: "unlocked", ready: true, until })
        const before = rig.signerPid("file")
        assert.ok(await signs(rig, key))
        await sleep(1_050)
        assert.equal(rig.keys.state(key.id).state, "locked")
        await isLocked(rig, key)
        await eventually(() => rig.keys.signers()[0]?.state === "ready" && rig.signerPid("file") !== before)
    })

    test("the signer refuses an expired key by itself, whatever its parent believes", async () => {
        // A parent whose clock stands still.
        await using rig = await KeyRig.open({ monotonic: () => 0 })
        const key = await rig.createSealed(PASSPHRASE)
        await rig.unlock(key, PASSPHRASE, 1)
        assert.ok(await signs(rig, key))
        await sleep(1_050)
        await isLocked(rig, key)
    })

    test("is open for as many uses as were said, also when they come all at once", async () => {
        await using rig = await KeyRig.open()
        const key = await rig.createSealed(PASSPHRASE)
        await rig.unlock(key, PASSPHRASE, 0, 3)
        assert.equal(rig.keys.state(key.id).usesLeft, 3)
        const intents = await Promise.all(Array.from({ length: 10 }, () => rig.promiseCertificate(key)))
        const results = await Promise.allSettled(intents.map((intent) => rig.keys.sign(intent)))
        assert.equal(results.filter((result) => result.status === "fulfilled").length, 3)
        assert.equal(rig.keys.state(key.id).state, "locked")
    })

    test("changes its passphrase: the new one opens it, the old one does not, after a restart neither", async () => {
        await using rig = await KeyRig.open()
        const key = await rig.createSealed(PASSPHRASE)
        const change = async (old: string, next: string): Promise<void> => {
            const [sealedOld, sealedNew] = [await rig.seal("passphrase-old", key.id, old), await rig.seal("passphrase-new", key.id, next)]
            await rig.keys.changePassphrase({ keyId: key.id }, sealedOld, sealedNew)
        }
        await assert.rejects(change("wrong", "another one"), { code: "open_failed" })
        await change(PASSPHRASE, "another one")
        await assert.rejects(rig.unlock(key, PASSPHRASE), { code: "open_failed" })
        await rig.restart()
        await assert.rejects(rig.unlock(key, PASSPHRASE), { code: "open_failed" })
        await rig.unlock(key, "another one")
        assert.ok(await signs(rig, key))
    })

    test("an envelope does not open under the facts of another key", async () => {
        await using rig = await KeyRig.open()
        const [a, b] = [await rig.createSealed(PASSPHRASE), await rig.createSealed(PASSPHRASE)]
        const rows = await rig.store.read({ kind: "keys" })
        const envelopeOf = (key: KeyRecord): Uint8Array => {
            const envelope = rows.find((row) => row["id"] === key.id)?.["envelope"]
            assert.ok(envelope instanceof Uint8Array)
            return envelope
        }
        await rig.store.commit([{ kind: "key.envelope", id: a.id, envelope: envelopeOf(b), previous: envelopeOf(a) }])
        await rig.restart()
        await assert.rejects(rig.unlock(a, PASSPHRASE), { code: "open_failed" })
    })
})

describe("secrets on their way", () => {
    test("TK-SEC-2 a sealed passphrase is good once, for its purpose, its subject and its process", async () => {
        await using rig = await KeyRig.open()
        const [key, other] = [await rig.createSealed(PASSPHRASE), await rig.createSealed(PASSPHRASE)]
        const sealed = await rig.seal("unlock", key.id, PASSPHRASE)
        await rig.keys.unlock({ keyId: key.id }, sealed, 0, 0)
        await assert.rejects(rig.keys.unlock({ keyId: key.id }, sealed, 0, 0), { code: "challenge_expired" })
        const forOther = await rig.seal("unlock", other.id, PASSPHRASE)
        await assert.rejects(rig.keys.unlock({ keyId: key.id }, forOther, 0, 0), { code: "challenge_expired" })
        const forChange = await rig.seal("passphrase-old", key.id, PASSPHRASE)
        await assert.rejects(rig.keys.unlock({ keyId: key.id }, forChange, 0, 0), { code: "challenge_expired" })
        const forDead = await rig.seal("unlock", key.id, PASSPHRASE)
        await rig.keys.lock("all")
        await assert.rejects(rig.keys.unlock({ keyId: key.id }, forDead, 0, 0), { code: "challenge_expired" })
    })

    test("TK-SEC-2 what was sealed for another key of the signer opens nothing", async () => {
        await using rig = await KeyRig.open()
        const key = await rig.createSealed(PASSPHRASE)
        const context = { purpose: "unlock", subject: key.id }
        const { nonce } = await rig.keys.challenge(context.purpose, context.subject)
        using secret = new Secret(Buffer.from(PASSPHRASE))
        const stranger = randomBytes(32)
        await assert.rejects(rig.keys.unlock({ keyId: key.id }, sealSecret(stranger, nonce, context, secret), 0, 0), {
            code: "open_failed",
        })
    })

    test("TK-SEC-2 neither database nor log holds a passphrase or a private key", async () => {
        await using rig = await KeyRig.open()
        const key = await rig.createSealed(PASSPHRASE)
        await assert.rejects(rig.unlock(key, "483920 is wrong"), { code: "open_failed" })
        await rig.unlock(key, PASSPHRASE)
        assert.ok(await signs(rig, key))
        const files = await Promise.all(
            ["trustkeyd.db", "trustkeyd.db-wal"].map((name) => readFile(path.join(rig.directory, name)).catch(() => Buffer.alloc(0))),
        )
        const all = Buffer.concat([...files, Buffer.from(JSON.stringify(rig.log))])
        assert.ok(all.includes(key.id))
        for (const text of [PASSPHRASE, "483920"]) assert.ok(!all.includes(text))
        // PKCS#8 of a P-256 key, up to the scalar.
        assert.ok(!all.includes(Buffer.from("06082a8648ce3d030107046d306b0201010420", "hex")))
    })
})

describe("a group of keys", () => {
    test("opens once for all its keys, which open at their first use, and closes for all", async () => {
        await using rig = await KeyRig.open()
        await createGroup(rig, "ci")
        await assert.rejects(rig.createInGroup("ci"), { code: "key_locked" })
        await unlockGroup(rig, "ci")
        const keys = await Promise.all(Array.from({ length: 20 }, () => rig.createInGroup("ci")))
        for (const key of keys) assert.ok(await signs(rig, key))
        assert.deepEqual(
            rig.keys.groups().map(({ name, byPassphrase, credential, unlocked, keys }) => [name, byPassphrase, credential, unlocked, keys]),
            [["ci", true, undefined, true, 20]],
        )
        await rig.keys.lock({ group: "ci" })
        for (const key of keys.slice(0, 3)) await isLocked(rig, key)
        await rig.restart()
        const [first] = keys
        assert.ok(first)
        await isLocked(rig, first)
        await assert.rejects(unlockGroup(rig, "ci", "wrong"), { code: "open_failed" })
        await unlockGroup(rig, "ci")
        // Twenty requests at once for a key that is not open yet open it once.
        const intents = await Promise.all(Array.from({ length: 20 }, () => rig.promiseCertificate(first)))
        for (const signature of await Promise.all(intents.map((intent) => rig.keys.sign(intent)))) assert.equal(signature.length, 64)
    })

    test("has one time and one number of uses for all its keys", async () => {
        await using rig = await KeyRig.open()
        await createGroup(rig, "ci")
        await unlockGroup(rig, "ci")
        const [a, b] = [await rig.createInGroup("ci"), await rig.createInGroup("ci")]
        await unlockGroup(rig, "ci", PASSPHRASE, 0, 3)
        assert.ok((await signs(rig, a)) && (await signs(rig, b)) && (await signs(rig, a)))
        await isLocked(rig, b)
        await unlockGroup(rig, "ci", PASSPHRASE, 1)
        assert.ok(await signs(rig, b))
        await sleep(1_050)
        await isLocked(rig, a)
    })

    test("with a credential opens by itself at the start and after a crash, but not after it was locked", async () => {
        await using rig = await KeyRig.open()
        await rig.writeCredential("ci-group", "the value of the credential")
        await rig.keys.createGroup("ci", undefined, "ci-group")
        assert.equal(await rig.keys.unlock({ group: "ci" }, undefined, 0, 0), undefined)
        const key = await rig.createInGroup("ci")
        await rig.restart()
        assert.ok(await signs(rig, key))
        killSigner(rig, "file")
        await eventually(() => signs(rig, key).catch(() => false))
        await rig.keys.lock("all")
        await isLocked(rig, key)
        killSigner(rig, "file")
        await eventually(() => (rig.keys.signers()[0]?.restarts ?? 0) >= 3)
        await isLocked(rig, key)
        await rig.keys.unlock({ group: "ci" }, undefined, 0, 0)
        assert.ok(await signs(rig, key))
    })

    test("stays locked when its credential is missing, unsafe or wrong, and the daemon starts all the same", async () => {
        await using rig = await KeyRig.open()
        await rig.writeCredential("ci-group", "the value of the credential")
        await rig.keys.createGroup("ci", undefined, "ci-group")
        for (const [prepare, code] of [
            [() => rig.writeCredential("ci-group", "another value"), "open_failed"],
            [() => chmod(path.join(rig.credentials, "ci-group"), 0o644), "file_unsafe"],
            [() => rig.writeCredential("ci-group", ""), "file_unsafe"],
        ] as const) {
            await prepare()
            await rig.restart()
            assert.equal(rig.keys.groups()[0]?.unlocked, false)
            await assert.rejects(rig.keys.unlock({ group: "ci" }, undefined, 0, 0), { code })
        }
    })

    test("changes its passphrase without touching its keys or its credential", async () => {
        await using rig = await KeyRig.open()
        await rig.writeCredential("ci-group", "the value of the credential")
        await rig.keys.createGroup("ci", await rig.seal("create", "group:ci", PASSPHRASE), "ci-group")
        await rig.keys.unlock({ group: "ci" }, undefined, 0, 0)
        const key = await rig.createInGroup("ci")
        const sealedOld = await rig.seal("passphrase-old", "group:ci", PASSPHRASE)
        await rig.keys.changePassphrase({ group: "ci" }, sealedOld, await rig.seal("passphrase-new", "group:ci", "another one"))
        await rig.restart()
        assert.ok(await signs(rig, key))
        await rig.keys.lock({ group: "ci" })
        await assert.rejects(unlockGroup(rig, "ci"), { code: "open_failed" })
        await unlockGroup(rig, "ci", "another one")
        assert.ok(await signs(rig, key))
    })

    test("is refused a second time, without a way to open it, and with a name that is none", async () => {
        await using rig = await KeyRig.open()
        await createGroup(rig, "ci")
        await assert.rejects(createGroup(rig, "ci"), { code: "already_exists" })
        await assert.rejects(rig.keys.createGroup("x", undefined, undefined), { code: "invalid_request" })
        await assert.rejects(rig.keys.createGroup("../x", undefined, "a"), { code: "invalid_request" })
        await assert.rejects(rig.keys.createGroup("x", undefined, "../a"), { code: "invalid_request" })
        await assert.rejects(rig.keys.unlock({ group: "none" }, undefined, 0, 0), { code: "not_found" })
    })
})

test("what belongs to a group or a token is not opened or closed as a key", async () => {
    await using rig = await KeyRig.open()
    await createGroup(rig, "ci")
    await unlockGroup(rig, "ci")
    const key = await rig.createInGroup("ci")
    await assert.rejects(rig.unlock(key, PASSPHRASE), { code: "invalid_request" })
    await assert.rejects(rig.keys.lock({ keyId: key.id }), { code: "invalid_request" })
    const sealed = await rig.createSealed(PASSPHRASE)
    await assert.rejects(rig.keys.unlock({ keyId: sealed.id }, undefined, 0, 0), { code: "invalid_request" })
    await assert.rejects(rig.keys.bind("0".repeat(64), [{ gun: GUN, role: rig.places[0].role }], []), { code: "not_found" })
})

function describeError(error: unknown): string {
    assert.ok(error instanceof Error && "code" in error)
    return `${error.code} ${error.message}`
}
