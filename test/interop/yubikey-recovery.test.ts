import assert from "node:assert/strict"
import { spawn } from "node:child_process"
import { once } from "node:events"
import path from "node:path"
import { describe, test } from "node:test"
import { setTimeout as sleep } from "node:timers/promises"
import { TrustkeyError } from "../../src/errors.ts"
import type { KeyRecord } from "../../src/journal/index.ts"
import type { TokenConfig, TokenState } from "../../src/keys/index.ts"
import type { Store } from "../../src/storage/index.ts"
import { isGood } from "../integration/keys/signer-contract.ts"
import { startDaemon } from "../support/daemon.ts"
import { KeyRig, type KeyRigOptions, killSigner } from "../support/key-rig.ts"
import { type CommandResult, mustRun, runCommand } from "../support/process.ts"
import { createAttestationAuthority } from "../support/yubikey/attestation.ts"
import { startYubikeyRig, type YubikeyRig } from "../support/yubikey/rig.ts"
import { DEFAULT_MANAGEMENT_KEY } from "../support/yubikey/state.ts"

const PIN = "123456"
const SERIAL = 12_345_678
const READER = "Yubico YubiKey OTP+FIDO+CCID 00 00"
const RELEASE_MS = 300
/** What is said of an idle token is at most this old. */
const TRUTH_MS = 2_000

const authority = createAttestationAuthority("rsa")

/** A virtual YubiKey with a key in 9a (PIN once) and one in 9c (PIN always), and a key store that has both, logged out. */
type World = AsyncDisposable & { readonly yubikey: YubikeyRig; readonly rig: KeyRig; readonly once: KeyRecord; readonly always: KeyRecord }

async function openWorld(config: Partial<TokenConfig> = {}, options: Pick<KeyRigOptions, "wrapStore"> = {}): Promise<World> {
    const stack = new AsyncDisposableStack()
    const yubikey = stack.use(await startYubikeyRig({ cards: [{ serial: SERIAL, authority }], authority }))
    for (const slot of ["9a", "9c"]) await piv(yubikey, "-a", "generate", "-s", slot, "-A", "ECCP256")
    const token = await yubikey.card.token()
    const whole = {
        name: "yk",
        module: token.module,
        uri: `pkcs11:serial=${token.serial}`,
        environment: token.moduleEnv,
        deadlineMs: 10_000,
        releaseAfterMs: RELEASE_MS,
        ...config,
    }
    const rig = stack.use(await KeyRig.open({ tokens: [whole], ...options }))
    await rig.login("yk", PIN)
    const enroll = (id: string): Promise<KeyRecord> =>
        rig.keys.enroll({ token: "yk", uri: `pkcs11:serial=${token.serial};id=%${id}`, purpose: "root", label: "", bindings: [] })
    const [once, always] = [await enroll("01"), await enroll("02")]
    await rig.keys.logout("yk")
    return { yubikey, rig, once, always, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

const piv = (rig: YubikeyRig, ...args: readonly string[]): Promise<string> => mustRun("yubico-piv-tool", args, { env: rig.env })
const tryPiv = (rig: YubikeyRig, ...args: readonly string[]): Promise<CommandResult> =>
    runCommand("yubico-piv-tool", args, { env: rig.env })

async function signs(rig: KeyRig, key: KeyRecord): Promise<boolean> {
    const intent = await rig.promiseCertificate(key)
    return isGood(key, intent, await rig.keys.sign(intent))
}

async function refused(rig: KeyRig, key: KeyRecord, code: string): Promise<void> {
    await assert.rejects(rig.keys.sign(await rig.promiseCertificate(key)), { code })
}

async function state(rig: KeyRig): Promise<TokenState> {
    const [token] = await rig.keys.tokens()
    assert.ok(token)
    return token
}

/** The truth is told within two seconds. */
async function told(rig: KeyRig, ...wanted: readonly TokenState["state"][]): Promise<void> {
    const deadline = performance.now() + TRUTH_MS
    let said = await state(rig)
    while (!wanted.includes(said.state) && performance.now() < deadline) {
        await sleep(100)
        said = await state(rig)
    }
    assert.ok(wanted.includes(said.state), `${said.state} is said (${said.detail}), not ${wanted.join(" or ")}`)
}

/** Long enough for the card to be let go of. */
const idle = (): Promise<void> => sleep(RELEASE_MS + 800)

/** A program that has the card for itself, if it gets it. */
async function holdCard(rig: YubikeyRig): Promise<{ readonly answer: string; end(): Promise<void> }> {
    const program = path.join(import.meta.dirname, "..", "support", "yubikey", "hold-card.ts")
    const child = spawn(process.execPath, [program, READER], { env: rig.env, stdio: ["pipe", "pipe", "inherit"] })
    const exited = once(child, "exit")
    const [first] = await once(child.stdout, "data")
    return {
        answer: String(first).trim(),
        end: async () => {
            child.stdin.end()
            await exited
        },
    }
}

/** SELECT and a signature in a slot by a stranger who never showed a PIN: the last status word. */
async function strangerSigns(rig: YubikeyRig, slot: string): Promise<string> {
    const digest = "11".repeat(32)
    const command = `00871${"1"}${slot}267c2482008120${digest}00`
    const select = "00a404000ba000000308000010000100"
    const { stdout } = await runCommand("opensc-tool", ["-r", READER, "-s", select, "-s", command], { env: rig.env })
    return [...stdout.matchAll(/SW1=0x(..), SW2=0x(..)/g)].at(-1)?.slice(1).join("") ?? stdout
}

describe("a YubiKey that is let go of", () => {
    test("while it is in use no other program gets it for itself, and after that every one does; the login goes on", async () => {
        await using world = await openWorld({ releaseAfterMs: 1_500 })
        const { rig, yubikey, once: key, always } = world
        await rig.login("yk", PIN)
        assert.ok(await signs(rig, key))
        const refusedHold = await holdCard(yubikey)
        assert.equal(refusedHold.answer, "8010000b")
        await sleep(2_500)
        const hold = await holdCard(yubikey)
        assert.equal(hold.answer, "have it")
        await told(rig, "busy")
        assert.match((await state(rig)).detail, /another program/)
        await refused(rig, key, "token_busy")
        await hold.end()
        await told(rig, "logged-in")
        assert.match(await piv(yubikey, "-a", "status"), /Serial Number:\t12345678/)
        const { pinsTried } = await yubikey.card.look()
        assert.ok(await signs(rig, key))
        assert.ok(await signs(rig, always))
        assert.ok(await signs(rig, always))
        assert.equal((await yubikey.card.look()).pinLeft, 3)
        assert.ok((await yubikey.card.look()).pinsTried > pinsTried)
    })

    test("nobody else signs with a slot that wants the PIN once, though the login goes on", async () => {
        await using world = await openWorld()
        const { rig, yubikey, once: key } = world
        await rig.login("yk", PIN)
        assert.ok(await signs(rig, key))
        await idle()
        assert.equal((await state(rig)).state, "logged-in")
        assert.equal(await strangerSigns(yubikey, "9a"), "6982")
    })

    test("what is said of it doesn't touch the card", async () => {
        await using world = await openWorld()
        const { rig, yubikey } = world
        await rig.login("yk", PIN)
        await idle()
        const { apdus } = await yubikey.card.look()
        for (let i = 0; i < 5; i += 1) await told(rig, "logged-in")
        assert.equal((await yubikey.card.look()).apdus, apdus)
    })

    test("TK-PIN-1 a PIN that was changed elsewhere costs one try, and no second", async () => {
        await using world = await openWorld()
        const { rig, yubikey, once: key } = world
        await rig.login("yk", PIN)
        await idle()
        await piv(yubikey, "-a", "change-pin", "-P", PIN, "-N", "654321")
        await refused(rig, key, "pin_incorrect")
        assert.equal((await yubikey.card.look()).pinLeft, 2)
        await refused(rig, key, "login_required")
        await refused(rig, key, "login_required")
        assert.equal((await yubikey.card.look()).pinLeft, 2)
        await rig.login("yk", "654321")
        assert.ok(await signs(rig, key))
    })

    test("TK-PIN-1 after wrong PINs of others none is tried that nobody types", async () => {
        await using world = await openWorld()
        const { rig, yubikey, always } = world
        await rig.login("yk", PIN)
        await idle()
        assert.notEqual((await tryPiv(yubikey, "-a", "verify-pin", "-P", "999999")).status, 0)
        await refused(rig, always, "login_required")
        await refused(rig, always, "login_required")
        assert.equal((await yubikey.card.look()).pinLeft, 2)
        assert.equal((await state(rig)).tries, "low")
        await rig.login("yk", PIN)
        assert.ok(await signs(rig, always))
    })

    test("a PIN that is changed elsewhere while the card is in use costs one try", async () => {
        await using world = await openWorld({ releaseAfterMs: 0 })
        const { rig, yubikey, once: key, always } = world
        await rig.login("yk", PIN)
        assert.ok((await signs(rig, key)) && (await signs(rig, always)))
        await piv(yubikey, "-a", "change-pin", "-P", PIN, "-N", "654321")
        for (const each of [always, key, always, key]) {
            await assert.rejects(rig.keys.sign(await rig.promiseCertificate(each)))
            assert.equal((await yubikey.card.look()).pinLeft, 2)
        }
        await rig.login("yk", "654321")
        assert.ok((await signs(rig, key)) && (await signs(rig, always)))
    })

    test("TK-KEY-4 a twin with the same serial that takes its place is told no PIN, and neither is the card itself when it is back", async () => {
        await using world = await openWorld()
        const { rig, yubikey, once: key } = world
        await rig.login("yk", PIN)
        await idle()
        const { pinsTried } = await yubikey.card.look()
        await yubikey.card.swap({ serial: SERIAL, twin: "evil", authority })
        await refused(rig, key, "login_required")
        await yubikey.card.swap({ serial: SERIAL, authority })
        await refused(rig, key, "login_required")
        assert.equal((await yubikey.card.look()).pinsTried, pinsTried)
        await rig.login("yk", PIN)
        assert.ok(await signs(rig, key))
    })

    test("is there after a logout, whether it was let go of by then or not", async () => {
        await using world = await openWorld({ releaseAfterMs: 1_500 })
        const { rig } = world
        assert.equal((await state(rig)).state, "present")
        await rig.login("yk", PIN)
        await rig.keys.logout("yk")
        assert.equal((await state(rig)).state, "present")
        await rig.login("yk", PIN)
        await sleep(2_500)
        await rig.keys.logout("yk")
        assert.equal((await state(rig)).state, "present")
    })

    test("a key asked for with a management key that doesn't open costs it nothing, not a command", async () => {
        await using world = await openWorld()
        const { rig, yubikey, once: key } = world
        await rig.login("yk", PIN)
        await idle()
        const { apdus } = await yubikey.card.look()
        const managementKey = await rig.seal("login", "token:yk", DEFAULT_MANAGEMENT_KEY)
        const card = { slot: "9d", pinPolicy: "always", touchPolicy: "never", managementKey } as const
        const spec = { algorithm: "p256", purpose: "root", label: "", bindings: [] } as const
        await assert.rejects(rig.keys.create({ ...spec, home: { kind: "token", token: "yk", card } }), { code: "challenge_expired" })
        assert.equal((await yubikey.card.look()).apdus, apdus)
        assert.ok(await signs(rig, key))
    })

    test("a key that was made and could not be recorded is said to lie in its slot, and is taken in when it can be", async () => {
        let isFull = false
        const wrapStore = (store: Store): Store => ({
            read: (query) => store.read(query),
            close: () => store.close(),
            commit: async (changes) => {
                if (isFull && changes[0]?.kind === "key.insert") throw new TrustkeyError("storage_failed", "the disk is full")
                await store.commit(changes)
            },
        })
        await using world = await openWorld({}, { wrapStore })
        const { rig } = world
        await rig.login("yk", PIN)
        isFull = true
        const managementKey = await rig.seal("management-key", "token:yk", DEFAULT_MANAGEMENT_KEY)
        const card = { slot: "9d", pinPolicy: "always", touchPolicy: "never", managementKey } as const
        const spec = { purpose: "root", label: "", bindings: [] } as const
        await assert.rejects(rig.keys.create({ ...spec, algorithm: "p256", home: { kind: "token", token: "yk", card } }), {
            code: "storage_failed",
            message: "the disk is full; the new key lies in slot 9d and was not taken in, which trustkey token enroll yk --slot 9d does",
        })
        isFull = false
        const enrolled = await rig.keys.enroll({ ...spec, token: "yk", uri: `pkcs11:serial=${SERIAL};id=%03` })
        assert.ok(await signs(rig, enrolled))
    })

    test("keys outside of 9c that want the PIN each time, which Yubico's module doesn't say, sign as often as they are asked", async () => {
        await using world = await openWorld({ releaseAfterMs: 0 })
        const { rig, yubikey } = world
        await piv(yubikey, "-a", "generate", "-s", "82", "-A", "ECCP256", "--pin-policy=always")
        await rig.login("yk", PIN)
        const managementKey = await rig.seal("management-key", "token:yk", DEFAULT_MANAGEMENT_KEY)
        const card = { slot: "9d", pinPolicy: "always", touchPolicy: "never", managementKey } as const
        const spec = { purpose: "root", label: "", bindings: [] } as const
        const made = await rig.keys.create({ ...spec, algorithm: "p256", home: { kind: "token", token: "yk", card } })
        const enrolled = await rig.keys.enroll({ ...spec, token: "yk", uri: `pkcs11:serial=${SERIAL};id=%05` })
        for (const key of [made, enrolled, made, enrolled, world.once, made]) assert.ok(await signs(rig, key))
        assert.equal((await state(rig)).state, "logged-in")
    })

    test("TK-KEY-4 an empty twin with the same serial is not told the stored PIN", async () => {
        await using world = await openWorld({ pinCredential: "pin" })
        const { rig, yubikey, once: key } = world
        await rig.writeCredential("pin", PIN)
        const { pinsTried } = await yubikey.card.look()
        await yubikey.card.swap({ serial: SERIAL, twin: "evil", authority })
        await rig.restart()
        await refused(rig, key, "token_changed")
        assert.equal((await yubikey.card.look()).pinsTried, pinsTried)
        await yubikey.card.swap({ serial: SERIAL, authority })
        assert.ok(await signs(rig, key))
    })

    test("a card that is taken out takes its login with it, at once and without a question", async () => {
        await using world = await openWorld()
        const { rig, yubikey, once: key } = world
        await rig.login("yk", PIN)
        await idle()
        assert.ok(rig.keys.state(key.id).ready)
        await yubikey.card.unplug()
        await told(rig, "absent")
        assert.deepEqual(rig.keys.state(key.id), { state: "absent", ready: false })
        await refused(rig, key, "token_absent")
        await yubikey.card.plug()
        await told(rig, "present")
        await refused(rig, key, "login_required")
        await rig.login("yk", PIN)
        assert.ok(await signs(rig, key))
    })
})

describe("recovery without a restart", () => {
    test("unplugged and plugged in between two signatures", async () => {
        await using world = await openWorld({ releaseAfterMs: 0 })
        const { rig, yubikey, once: key, always } = world
        await rig.login("yk", PIN)
        assert.ok(await signs(rig, key))
        await yubikey.card.unplug()
        await told(rig, "absent")
        await refused(rig, key, "token_absent")
        await yubikey.card.plug()
        await told(rig, "present")
        await refused(rig, key, "login_required")
        await rig.login("yk", PIN)
        assert.ok((await signs(rig, key)) && (await signs(rig, always)))
    })

    test("its process killed and started again", async () => {
        await using world = await openWorld({ releaseAfterMs: 0 })
        const { rig, yubikey, once: key } = world
        await rig.login("yk", PIN)
        assert.ok(await signs(rig, key))
        await yubikey.card.kill()
        await told(rig, "absent")
        await yubikey.card.revive()
        await yubikey.card.plug()
        await told(rig, "present")
        await rig.login("yk", PIN)
        assert.ok(await signs(rig, key))
    })

    test("another card in its place is not it", async () => {
        await using world = await openWorld({ releaseAfterMs: 0 })
        const { rig, yubikey, once: key } = world
        await rig.login("yk", PIN)
        assert.ok(await signs(rig, key))
        const { pinsTried } = await yubikey.card.look()
        await yubikey.card.swap({ serial: 87_654_321, authority })
        await told(rig, "absent")
        await refused(rig, key, "token_absent")
        assert.equal((await yubikey.card.look()).pinsTried, pinsTried)
        await yubikey.card.swap({ serial: SERIAL, authority })
        await told(rig, "present")
        await rig.login("yk", PIN)
        assert.ok(await signs(rig, key))
    })

    for (const signal of ["SIGTERM", "SIGKILL"] as const) {
        for (const [how, releaseAfterMs] of [
            ["in use", 0],
            ["let go of", RELEASE_MS],
        ] as const) {
            test(`pcscd ended by ${signal} and started again, the card ${how}`, async () => {
                await using world = await openWorld({ releaseAfterMs })
                const { rig, yubikey, once: key } = world
                await rig.login("yk", PIN)
                assert.ok(await signs(rig, key))
                if (releaseAfterMs > 0) await idle()
                await yubikey.stopPcscd(signal)
                await told(rig, "failed", "absent")
                const gone = await rig.keys.sign(await rig.promiseCertificate(key)).then(
                    () => "signed",
                    (error: { code?: string }) => error.code,
                )
                assert.ok(["token_absent", "token_failed", "signer_unavailable"].includes(gone ?? ""), gone)
                await yubikey.startPcscd()
                await told(rig, "present")
                // Who knows which card it is now.
                await refused(rig, key, "login_required")
                await rig.login("yk", PIN)
                assert.ok(await signs(rig, key))
                assert.equal((await yubikey.card.look()).pinLeft, 3)
            })
        }
    }

    test("its signer killed", async () => {
        await using world = await openWorld()
        const { rig, once: key } = world
        await rig.login("yk", PIN)
        assert.ok(await signs(rig, key))
        killSigner(rig, "yk")
        await told(rig, "present")
        await refused(rig, key, "login_required")
        await rig.login("yk", PIN)
        assert.ok(await signs(rig, key))
    })

    test("a card that doesn't answer is busy, and its signer is ended at the deadline", async () => {
        await using world = await openWorld({ releaseAfterMs: 0, deadlineMs: 4_000 })
        const { rig, yubikey, once: key } = world
        await rig.login("yk", PIN)
        assert.ok(await signs(rig, key))
        await yubikey.card.delay(20_000, 1)
        const waiting = assert.rejects(rig.keys.sign(await rig.promiseCertificate(key)), { code: "deadline_exceeded" })
        await told(rig, "busy")
        await waiting
        await yubikey.card.calm()
        await yubikey.card.unplug()
        await yubikey.card.plug()
        await told(rig, "present")
        await rig.login("yk", PIN)
        assert.ok(await signs(rig, key))
    })
})

describe("a YubiKey's PIN", () => {
    async function change(rig: KeyRig, how: "change" | "unblock", shown: string, next: string, evenFinalTry = false): Promise<void> {
        const sealed = await rig.seal(how === "change" ? "pin-old" : "puk", "token:yk", shown)
        await rig.keys.changePin("yk", { how, shown: sealed, next: await rig.seal("pin-new", "token:yk", next), evenFinalTry })
    }

    test("is changed, and unblocked with the PUK; no try is spent on what can't be one, nor the last without a word", async () => {
        await using world = await openWorld()
        const { rig, yubikey, once: key, always } = world
        await rig.login("yk", PIN)
        await change(rig, "change", PIN, "654321")
        await refused(rig, key, "login_required")
        await rig.login("yk", "654321")
        assert.ok((await signs(rig, key)) && (await signs(rig, always)))
        await assert.rejects(change(rig, "change", "654321", "12345"), { code: "invalid_request" })
        await assert.rejects(change(rig, "change", "12345", "777777"), { code: "pin_incorrect" })
        assert.equal((await yubikey.card.look()).pinLeft, 3)
        await assert.rejects(change(rig, "change", "999999", "777777"), { code: "pin_incorrect" })
        await assert.rejects(change(rig, "change", "999999", "777777"), { code: "pin_incorrect" })
        assert.equal((await yubikey.card.look()).pinLeft, 1)
        await assert.rejects(change(rig, "change", "654321", "777777"), { code: "pin_final_try" })
        await assert.rejects(change(rig, "change", "999999", "777777", true), { code: "pin_blocked" })
        assert.equal((await yubikey.card.look()).pinLeft, 0)
        await assert.rejects(change(rig, "unblock", "11111111", "777777"), { code: "puk_incorrect" })
        assert.equal((await yubikey.card.look()).pukLeft, 2)
        assert.equal((await state(rig)).state, "blocked")
        await change(rig, "unblock", "12345678", "777777")
        assert.deepEqual([(await state(rig)).state, (await state(rig)).tries], ["present", "ok"])
        assert.deepEqual([(await yubikey.card.look()).pinLeft, (await yubikey.card.look()).pukLeft], [3, 3])
        await rig.login("yk", "777777")
        assert.ok((await signs(rig, key)) && (await signs(rig, always)))
    })

    test("that another program unblocked is not said to be blocked; that program gets the card", async () => {
        await using world = await openWorld()
        const { rig, yubikey, once: key } = world
        await assert.rejects(rig.login("yk", "999999"), { code: "pin_incorrect" })
        await assert.rejects(rig.login("yk", "999998"), { code: "pin_incorrect" })
        assert.equal((await state(rig)).tries, "final")
        await piv(yubikey, "-a", "verify-pin", "-P", PIN)
        const deadline = performance.now() + TRUTH_MS
        while ((await state(rig)).tries !== "ok" && performance.now() < deadline) await sleep(100)
        assert.equal((await state(rig)).tries, "ok")
        for (const wrong of ["999999", "999998"]) await assert.rejects(rig.login("yk", wrong), { code: "pin_incorrect" })
        assert.notEqual((await tryPiv(yubikey, "-a", "verify-pin", "-P", "999999")).status, 0)
        await told(rig, "blocked")
        const hold = await holdCard(yubikey)
        assert.equal(hold.answer, "have it")
        await hold.end()
        await piv(yubikey, "-a", "unblock-pin", "-P", "12345678", "-N", PIN)
        await told(rig, "present")
        await rig.login("yk", PIN)
        assert.ok(await signs(rig, key))
    })
})

describe("the command line", () => {
    test("tells what is so within two seconds: unplugged, plugged in, without pcscd", async () => {
        await using yubikey = await startYubikeyRig({ cards: [{ serial: SERIAL, authority }], authority })
        await using daemon = await startDaemon({ tokens: { yk: await yubikey.card.token() } })
        const says = async (wanted: RegExp, ...args: readonly string[]): Promise<void> => {
            const deadline = performance.now() + TRUTH_MS
            let said = ""
            do {
                const { stdout, stderr } = await daemon.trustkey(args)
                said = stdout + stderr
            } while (!wanted.test(said) && performance.now() < deadline)
            assert.match(said, wanted)
        }
        await says(/^yk +present /m, "token", "list")
        await says(/^yk +ready +0 +present: log in/m, "status")
        await yubikey.card.unplug()
        await says(/^yk +absent /m, "token", "list")
        await says(/^yk +ready +0 +absent: insert the token/m, "status")
        await says(/warning +tokens +yk is not there/, "doctor")
        await yubikey.card.plug()
        await says(/^yk +present /m, "token", "list")
        await yubikey.stopPcscd()
        await says(/the smart card service \(pcscd\) does not answer; start it/, "token", "list")
        await says(/pcscd/, "status")
        await says(/failure +tokens +yk has failed: .*pcscd/, "doctor")
        await yubikey.startPcscd()
        await says(/^yk +present /m, "token", "list")
        await says(/^yk +ready +\d+ +present: log in/m, "status")
    })
})
