import assert from "node:assert/strict"
import { randomBytes } from "node:crypto"
import { describe, test } from "node:test"
import { type Algorithm, type Scheme, verify } from "../../../src/crypto/index.ts"
import { TrustkeyError } from "../../../src/errors.ts"
import type { Intent, KeyRecord } from "../../../src/journal/index.ts"
import { type KeyRig, killSigner } from "../../support/key-rig.ts"

/** A place for private keys, as a test sees it. */
export type SignerHome = AsyncDisposable & {
    readonly rig: KeyRig
    /** The name of the signer process in `signers()`. */
    readonly process: string
    create(algorithm: Algorithm): Promise<KeyRecord>
    /** Whatever a person has to do so that `key` signs. */
    open(key: KeyRecord): Promise<void>
    close(key: KeyRecord): Promise<void>
    /** What a signature is refused with while nobody has opened the key. */
    readonly closedCode: string
}

const ALGORITHMS: readonly [Algorithm, Scheme, number][] = [
    ["p256", "ecdsa", 64],
    ["p384", "ecdsa", 96],
    ["rsa2048", "rsapss", 256],
    ["ed25519", "eddsa", 64],
]

/** What every place for keys must do. A backend is supported when it passes. */
export function signerContract(name: string, openHome: () => Promise<SignerHome>): void {
    describe(`the signer contract: ${name}`, () => {
        test("TK-SIG-2 every kind of key makes signatures that verify, in TUF's form and length", async () => {
            await using home = await openHome()
            for (const [algorithm, scheme, length] of ALGORITHMS) {
                const key = await home.create(algorithm)
                assert.equal(key.algorithm, algorithm)
                assert.equal(key.origin, "generated")
                await home.open(key)
                const intent = await home.rig.promise(key)
                const signature = await home.rig.keys.sign(intent)
                assert.equal(intent.scheme, scheme)
                assert.equal(signature.length, length)
                assert.ok(isGood(key, intent, signature), algorithm)
                if (algorithm === "ed25519") continue
                const certificate = await home.rig.promiseCertificate(key)
                assert.ok(isGood(key, certificate, await home.rig.keys.sign(certificate)), `${algorithm} certificate`)
            }
        })

        test("a closed key signs nothing, says so, and signs again when opened", async () => {
            await using home = await openHome()
            const key = await home.create("p256")
            await home.open(key)
            const intent = await home.rig.promiseCertificate(key)
            assert.ok(isGood(key, intent, await home.rig.keys.sign(intent)))
            assert.equal(home.rig.keys.state(key.id).state, "unlocked")
            await home.close(key)
            assert.equal(home.rig.keys.state(key.id).ready, false)
            await assert.rejects(home.rig.keys.sign(intent), { code: home.closedCode })
            await home.open(key)
            assert.ok(isGood(key, intent, await home.rig.keys.sign(intent)))
        })

        test("a thousand signatures at once are all made, each over its own bytes", async () => {
            await using home = await openHome()
            const key = await home.create("p256")
            await home.open(key)
            const intents = await Promise.all(Array.from({ length: 1000 }, () => home.rig.promiseCertificate(key)))
            const signatures = await Promise.all(intents.map((intent) => home.rig.keys.sign(intent)))
            for (const [i, intent] of intents.entries()) assert.ok(isGood(key, intent, signatures[i] ?? new Uint8Array()))
        })

        test("bytes of every size are signed, and more than a frame takes are refused", async () => {
            await using home = await openHome()
            const key = await home.create("p256")
            await home.open(key)
            for (const size of [1, 8 * 1024 * 1024]) {
                const intent = await home.rig.promiseCertificate(key, randomBytes(size))
                assert.ok(isGood(key, intent, await home.rig.keys.sign(intent)), String(size))
            }
            const large = await home.rig.promiseCertificate(key, Buffer.alloc(16 * 1024 * 1024 + 1))
            await assert.rejects(home.rig.keys.sign(large), { code: "payload_too_large" })
        })

        test("after a restart the same keys are known, closed, and sign when opened", async () => {
            await using home = await openHome()
            const key = await home.create("p256")
            await home.open(key)
            await home.rig.restart()
            assert.deepEqual(home.rig.keys.find(key.id.slice(0, 12))?.id, key.id)
            assert.equal(home.rig.keys.state(key.id).ready, false)
            const intent = await home.rig.promiseCertificate(key)
            await assert.rejects(home.rig.keys.sign(intent), { code: home.closedCode })
            await home.open(key)
            assert.ok(isGood(key, intent, await home.rig.keys.sign(intent)))
        })

        test("a signer killed under load answers every call with a signature or a typed error, comes back closed, and works again", async () => {
            await using home = await openHome()
            const key = await home.create("p256")
            await home.open(key)
            const intents = await Promise.all(Array.from({ length: 300 }, () => home.rig.promiseCertificate(key)))
            const early = intents.map((intent) => home.rig.keys.sign(intent))
            await early[20]
            // Asked for in the moment before the end, so that some are surely under way.
            const pending = [...early, ...intents.map((intent) => home.rig.keys.sign(intent))]
            killSigner(home.rig, home.process)
            const results = await Promise.allSettled(pending)
            const refused = results.filter((result) => result.status === "rejected")
            assert.ok(refused.length > 0)
            for (const result of refused) assert.ok(result.reason instanceof TrustkeyError && result.reason.code === "signer_unavailable")
            assert.equal(home.rig.keys.state(key.id).ready, false)
            await home.open(key)
            const again = await home.rig.promiseCertificate(key)
            assert.ok(isGood(key, again, await home.rig.keys.sign(again)))
            assert.ok((home.rig.keys.signers().find((signer) => signer.name === home.process)?.restarts ?? 0) >= 1)
        })

        test("locking everything ends the process and starts a fresh one, which holds nothing", async () => {
            await using home = await openHome()
            const key = await home.create("p256")
            await home.open(key)
            const before = home.rig.signerPid(home.process)
            await home.rig.keys.lock("all")
            assert.notEqual(home.rig.signerPid(home.process), before)
            assert.throws(() => process.kill(before, 0), { code: "ESRCH" })
            const intent = await home.rig.promiseCertificate(key)
            await assert.rejects(home.rig.keys.sign(intent), { code: home.closedCode })
            await home.open(key)
            assert.ok(isGood(key, intent, await home.rig.keys.sign(intent)))
        })

        test("a removed key is gone for signing and kept as a tombstone", async () => {
            await using home = await openHome()
            const key = await home.create("p256")
            await home.open(key)
            const intent = await home.rig.promiseCertificate(key)
            const removed = await home.rig.keys.remove(key.id)
            assert.match(removed.removedAt ?? "", /^\d{4}-/)
            assert.equal(home.rig.keys.state(key.id).state, "removed")
            await assert.rejects(home.rig.keys.sign(intent), { code: "not_found" })
            await home.rig.restart()
            assert.equal(home.rig.keys.find(key.id)?.removedAt, removed.removedAt)
            const rows = await home.rig.store.read({ kind: "keys" })
            assert.equal(rows.find((row) => row["id"] === key.id)?.["envelope"], null)
        })

        test("bindings change, and survive a restart", async () => {
            await using home = await openHome()
            const key = await home.create("p256")
            const [a, b] = home.rig.places
            await home.rig.keys.bind(key.id, [a, b, a], [])
            const bound = await home.rig.keys.bind(key.id, [], [a])
            assert.deepEqual(bound.bindings, [b])
            await home.rig.restart()
            assert.deepEqual(home.rig.keys.find(key.id)?.bindings, [b])
        })
    })
}

export function isGood(key: KeyRecord, intent: Intent, signature: Uint8Array): boolean {
    return verify(key.publicKey, intent.scheme, intent.bytes, signature)
}
