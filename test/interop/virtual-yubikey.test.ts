import assert from "node:assert/strict"
import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, verify, X509Certificate } from "node:crypto"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { writeFile } from "node:fs/promises"
import path from "node:path"
import { describe, test } from "node:test"
import { setTimeout as sleep } from "node:timers/promises"
import { startDaemon } from "../support/daemon.ts"
import { type Pkcs11Process, startPkcs11Process } from "../support/pkcs11-process.ts"
import { type CommandResult, mustRun, runCommand } from "../support/process.ts"
import { createAttestationAuthority } from "../support/yubikey/attestation.ts"
import { INS } from "../support/yubikey/card.ts"
import { startYubikeyRig, type YubikeyRig } from "../support/yubikey/rig.ts"
import { DEFAULT_MANAGEMENT_KEY } from "../support/yubikey/state.ts"

const PIN = "123456"
const SERIAL = "12345678"
const MESSAGE = Buffer.from("hello")
const DIGEST = createHash("sha256").update(MESSAGE).digest("hex")
/** ykcs11's CKA_ID for a slot. */
const ID = { "9a": "01", "9c": "02" } as const

const authority = createAttestationAuthority("rsa")
const startRig = (options: Parameters<typeof startYubikeyRig>[0] = {}): Promise<YubikeyRig> => startYubikeyRig({ authority, ...options })

function tool(rig: YubikeyRig, ...args: readonly string[]): Promise<CommandResult> {
    return runCommand("yubico-piv-tool", args, { env: rig.env })
}

async function ok(rig: YubikeyRig, ...args: readonly string[]): Promise<string> {
    return mustRun("yubico-piv-tool", args, { env: rig.env })
}

/** A new key by Yubico's tool, and its public half as the tool wrote it. */
async function generate(rig: YubikeyRig, slot: string, algorithm = "ECCP256", ...policies: readonly string[]): Promise<KeyObject> {
    return createPublicKey(await ok(rig, "-a", "generate", "-s", slot, "-A", algorithm, ...policies))
}

function signed(key: KeyObject, signature: string, hash = "sha256"): boolean {
    return verify(hash, MESSAGE, { key, dsaEncoding: "ieee-p1363" }, Buffer.from(signature, "hex"))
}

async function openModule(rig: YubikeyRig, serial = SERIAL): Promise<Pkcs11Process> {
    const module = startPkcs11Process(rig.module, rig.moduleEnv)
    try {
        await module.ask({ do: "open", serial })
        return module
    } catch (error) {
        await module.kill()
        throw error
    }
}

/** pcscd looks for cards about twice a second. */
async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
    const deadline = performance.now() + 20_000
    while (!(await holds())) {
        assert.ok(performance.now() < deadline, `not in time: ${what}`)
        await sleep(50)
    }
}

describe("yubico-piv-tool", () => {
    test("shows status and version of both cards, each in its reader", async () => {
        await using rig = await startRig({ cards: [{ serial: 12_345_678 }, { serial: 23_456_789, firmware: [5, 7, 1] }] })
        const readers = (await ok(rig, "-a", "list-readers")).trim().split("\n")
        assert.equal(readers.length, 2)
        const shown = await Promise.all(readers.map((reader) => ok(rig, "-r", reader, "-a", "status")))
        assert.match(shown[0] ?? "", /Version:\t5\.4\.3\nSerial Number:\t12345678\n(.*\n)*PIN tries left:\t3/)
        assert.match(shown[1] ?? "", /Version:\t5\.7\.1\nSerial Number:\t23456789\n/)
    })

    for (const [slot, algorithm] of [
        ["9a", "ECCP256"],
        ["9c", "ECCP384"],
        ["9d", "RSA2048"],
        ["9e", "RSA1024"],
    ] as const) {
        test(`generates ${algorithm} in ${slot}, and openssl follows its attestation to the root`, async () => {
            await using rig = await startRig()
            const key = await generate(rig, slot, algorithm, "--pin-policy=always", "--touch-policy=cached")
            const file = (name: string): string => path.join(rig.directory, name)
            await writeFile(file("root.pem"), rig.authority.rootPem)
            await writeFile(file("f9.pem"), await ok(rig, "-a", "read-certificate", "-s", "f9"))
            await writeFile(file("statement.pem"), await ok(rig, "-a", "attest", "-s", slot))
            const checked = await mustRun("openssl", [
                "verify",
                ...["-CAfile", file("root.pem"), "-untrusted", file("f9.pem"), file("statement.pem")],
            ])
            assert.match(checked, /statement\.pem: OK/)
            const statement = new X509Certificate(readFileSync(file("statement.pem")))
            assert.ok(statement.publicKey.equals(key))
            // openssl prints what it doesn't know as text: policies always (3) and cached (3).
            const text = await mustRun("openssl", ["asn1parse", "-in", file("statement.pem")])
            assert.match(text, /1\.3\.6\.1\.4\.1\.41482\.3\.8\n.*OCTET STRING +\[HEX DUMP\]:0303/)
            assert.match(text, /1\.3\.6\.1\.4\.1\.41482\.3\.3\n.*OCTET STRING +\[HEX DUMP\]:050403/)
        })
    }

    test("changes PIN and PUK, and unblocks a PIN that was tried wrong too often", async () => {
        await using rig = await startRig()
        await ok(rig, "-a", "change-pin", "-P", PIN, "-N", "234567")
        await ok(rig, "-a", "change-puk", "-P", "12345678", "-N", "87654321")
        await ok(rig, "-a", "verify-pin", "-P", "234567")
        for (const left of [2, 1, 0]) {
            assert.notEqual((await tool(rig, "-a", "verify-pin", "-P", PIN)).status, 0)
            assert.equal((await rig.card.look()).pinLeft, left)
        }
        assert.match((await tool(rig, "-a", "verify-pin", "-P", "234567")).stderr, /blocked|unblock/i)
        assert.notEqual((await tool(rig, "-a", "unblock-pin", "-P", "12345678", "-N", "345678")).status, 0)
        assert.equal((await rig.card.look()).pukLeft, 2)
        await ok(rig, "-a", "unblock-pin", "-P", "87654321", "-N", "345678")
        await ok(rig, "-a", "verify-pin", "-P", "345678")
    })

    test("imports keys of every kind, which then sign as those they are", async () => {
        await using rig = await startRig()
        for (const [kind, hash] of [
            ["prime256v1", "SHA256"],
            ["secp384r1", "SHA384"],
            ["rsa", "SHA256"],
        ] as const) {
            const pair =
                kind === "rsa" ? generateKeyPairSync("rsa", { modulusLength: 2048 }) : generateKeyPairSync("ec", { namedCurve: kind })
            const file = path.join(rig.directory, `${kind}.pem`)
            const type = kind === "rsa" ? "pkcs1" : "sec1"
            await writeFile(file, createPem(pair.privateKey, type))
            await ok(rig, "-a", "import-key", "-s", "9a", "-i", file, "--pin-policy=once")
            await ok(rig, "-a", "import-certificate", "-s", "9a", "-i", await certificateOf(rig, file))
            const printed = await tool(
                rig,
                "-a",
                "verify-pin",
                "-P",
                PIN,
                "-a",
                "test-signature",
                "-s",
                "9a",
                "-H",
                hash,
                "-i",
                path.join(rig.directory, "certificate.pem"),
            )
            assert.match(printed.stderr, /Successful (ECDSA|RSA) verification/, `${kind}: ${printed.stderr}`)
        }
        assert.notEqual((await tool(rig, "-a", "attest", "-s", "9a")).status, 0)
    })

    test("resets the applet when both are blocked, and sets the management key and the numbers of tries", async () => {
        await using rig = await startRig()
        const key = "a0b1c2d3e4f50718".repeat(3)
        await ok(rig, "-a", "set-mgm-key", "-n", key)
        assert.notEqual((await tool(rig, "-a", "generate", "-s", "9a", "-A", "ECCP256")).status, 0)
        await ok(rig, `-k${key}`, "-a", "verify-pin", "-P", PIN, "-a", "pin-retries", "--pin-retries=1", "--puk-retries=1")
        assert.notEqual((await tool(rig, "-a", "reset")).status, 0)
        await tool(rig, "-a", "verify-pin", "-P", "000000")
        await tool(rig, "-a", "unblock-pin", "-P", "00000000", "-N", "000000")
        await ok(rig, "-a", "reset")
        await generate(rig, "9a")
        assert.equal((await rig.card.look()).pinLeft, 3)
    })
})

function createPem(key: KeyObject, type: "pkcs1" | "sec1"): string {
    return key.export({ format: "pem", type }).toString()
}

async function certificateOf(rig: YubikeyRig, keyFile: string): Promise<string> {
    const file = path.join(rig.directory, "certificate.pem")
    await mustRun("openssl", ["req", "-x509", "-new", "-key", keyFile, "-subj", "/CN=root", "-days", "10", "-out", file])
    return file
}

describe("ykcs11", () => {
    test("signs on 9a after one login, and on 9c only after a login for each signature", async () => {
        await using rig = await startRig()
        const [first, second] = [await generate(rig, "9a"), await generate(rig, "9c")]
        await using module = await openModule(rig)
        await module.ask({ do: "login", who: "user", pin: PIN })
        for (const round of [1, 2]) {
            assert.ok(signed(first, await module.ask({ do: "sign", id: ID["9a"], digest: DIGEST })), `9a, ${round}`)
            assert.ok(signed(second, await module.ask({ do: "sign", id: ID["9c"], digest: DIGEST, pin: PIN })), `9c, ${round}`)
        }
        await assert.rejects(module.ask({ do: "sign", id: ID["9c"], digest: DIGEST }), /CKR_USER_NOT_LOGGED_IN/)
    })

    test("signs with P-384", async () => {
        await using rig = await startRig()
        const key = await generate(rig, "9c", "ECCP384")
        await using module = await openModule(rig)
        await module.ask({ do: "login", who: "user", pin: PIN })
        const digest = createHash("sha384").update(MESSAGE).digest("hex")
        assert.ok(signed(key, await module.ask({ do: "sign", id: ID["9c"], digest, pin: PIN }), "sha384"))
    })

    test("counts wrong PINs down to locked, and the right one is refused then", async () => {
        await using rig = await startRig({ cards: [{ serial: 12_345_678, lastTry: "6983" }] })
        await using module = await openModule(rig)
        const login = (pin: string): Promise<string> => module.ask({ do: "login", who: "user", pin })
        await assert.rejects(login("000000"), /CKR_PIN_INCORRECT/)
        assert.equal(await module.ask({ do: "flags" }), "CKF_USER_PIN_COUNT_LOW")
        await assert.rejects(login("000000"), /CKR_PIN_INCORRECT/)
        assert.match(await module.ask({ do: "flags" }), /CKF_USER_PIN_FINAL_TRY/)
        await assert.rejects(login("000000"), /CKR_PIN_LOCKED/)
        assert.match(await module.ask({ do: "flags" }), /CKF_USER_PIN_LOCKED/)
        await assert.rejects(login(PIN), /CKR_PIN_LOCKED/)
        assert.equal((await rig.card.look()).pinsTried, 4)
    })

    test("a PIN of the wrong length costs no try", async () => {
        await using rig = await startRig()
        await using module = await openModule(rig)
        await assert.rejects(module.ask({ do: "login", who: "user", pin: "12345" }), /CKR_ARGUMENTS_BAD/)
        assert.deepEqual(pick(await rig.card.look()), { pinLeft: 3, pinsTried: 0 })
    })

    test("waits for the touch, and the signature comes with it", async () => {
        await using rig = await startRig()
        const key = await generate(rig, "9a", "ECCP256", "--touch-policy=always")
        await using module = await openModule(rig)
        await module.ask({ do: "login", who: "user", pin: PIN })
        assert.equal(await rig.card.touch(), false)
        let done = false
        const signature = module.ask({ do: "sign", id: ID["9a"], digest: DIGEST }).finally(() => {
            done = true
        })
        await rig.card.awaitTouch()
        await sleep(300)
        assert.equal(done, false)
        assert.equal(await rig.card.touch(), true)
        assert.ok(signed(key, await signature))
        await rig.card.hand(20)
        assert.ok(signed(key, await module.ask({ do: "sign", id: ID["9a"], digest: DIGEST })))
        assert.equal((await rig.card.look()).touchesAsked, 2)
    })

    for (const [missed, code] of [
        [0x6982, "CKR_USER_NOT_LOGGED_IN"],
        [0x6985, "CKR_DEVICE_ERROR"],
    ] as const) {
        test(`a touch that doesn't come, answered with ${missed.toString(16)}, is ${code}`, async () => {
            await using rig = await startRig()
            await generate(rig, "9a", "ECCP256", "--touch-policy=always")
            await rig.card.touchRule({ timeoutMs: 400, missed })
            await using module = await openModule(rig)
            await module.ask({ do: "login", who: "user", pin: PIN })
            const started = performance.now()
            await assert.rejects(module.ask({ do: "sign", id: ID["9a"], digest: DIGEST }), new RegExp(code))
            assert.ok(performance.now() - started >= 400)
        })
    }

    test("a card that is pulled out fails the signature, also one that waits for a touch, and signs again when it is back", async () => {
        await using rig = await startRig()
        const [plain] = [await generate(rig, "9a"), await generate(rig, "9c", "ECCP256", "--pin-policy=once", "--touch-policy=always")]
        await using module = await openModule(rig)
        await module.ask({ do: "login", who: "user", pin: PIN })
        const waiting = module.ask({ do: "sign", id: ID["9c"], digest: DIGEST })
        // Whatever fails before it is looked at, it is the other failure that should be told.
        waiting.catch(() => {})
        await rig.card.awaitTouch()
        await rig.card.unplug()
        await assert.rejects(waiting, /CKR_DEVICE_ERROR/)
        await until("the reader is empty", async () => (await module.serials()).length === 0)
        await rig.card.plug()
        await until("the card is back", async () => (await module.serials()).includes(SERIAL))
        await module.ask({ do: "open", serial: SERIAL })
        await module.ask({ do: "login", who: "user", pin: PIN })
        assert.ok(signed(plain, await module.ask({ do: "sign", id: ID["9a"], digest: DIGEST })))
    })

    test("a killed card process is a pulled card, and its keys are there when it comes back", async () => {
        await using rig = await startRig()
        const key = await generate(rig, "9a")
        await rig.card.kill()
        await assert.rejects(openModule(rig), /no token has the serial|CKR_/)
        await rig.card.revive()
        await rig.card.plug()
        await using module = await openModule(rig)
        await module.ask({ do: "login", who: "user", pin: PIN })
        assert.ok(signed(key, await module.ask({ do: "sign", id: ID["9a"], digest: DIGEST })))
    })

    test("a swapped card signs with its own key, and the first one is the same when it returns", async () => {
        await using rig = await startRig()
        const first = await generate(rig, "9a")
        await rig.card.swap({ serial: 87_654_321 })
        const second = await generate(rig, "9a")
        for (const [serial, key] of [
            [87_654_321, second],
            [12_345_678, first],
        ] as const) {
            await rig.card.swap({ serial })
            await using module = await openModule(rig, String(serial))
            await module.ask({ do: "login", who: "user", pin: PIN })
            assert.ok(signed(key, await module.ask({ do: "sign", id: ID["9a"], digest: DIGEST })), String(serial))
        }
    })

    test("two cards at once are two tokens, each with its own key and its own PIN", async () => {
        await using rig = await startRig({ cards: [{ serial: 12_345_678 }, { serial: 23_456_789 }] })
        const readers = (await ok(rig, "-a", "list-readers")).trim().split("\n")
        for (const [index, serial] of [SERIAL, "23456789"].entries()) {
            const key = await generate(rig, "9a", "ECCP256", "-r", readers[index] ?? "")
            await using module = await openModule(rig, serial)
            assert.deepEqual((await module.serials()).toSorted(), [SERIAL, "23456789"])
            await assert.rejects(module.ask({ do: "login", who: "user", pin: "000000" }), /CKR_PIN_INCORRECT/)
            assert.deepEqual(await Promise.all(rig.cards.map(async (card) => (await card.look()).pinLeft)), index === 0 ? [2, 3] : [3, 2])
            await module.ask({ do: "login", who: "user", pin: PIN })
            assert.ok(signed(key, await module.ask({ do: "sign", id: ID["9a"], digest: DIGEST })))
        }
    })

    test("a status word or a delay put between card and reader does what it says, as often as it says", async () => {
        await using rig = await startRig()
        const key = await generate(rig, "9a")
        await using module = await openModule(rig)
        await module.ask({ do: "login", who: "user", pin: PIN })
        const sign = (): Promise<string> => module.ask({ do: "sign", id: ID["9a"], digest: DIGEST })
        await rig.card.answer(INS.authenticate, 0x6f00, 2)
        await assert.rejects(sign(), /CKR_DEVICE_ERROR/)
        await assert.rejects(sign(), /CKR_DEVICE_ERROR/)
        assert.ok(signed(key, await sign()))
        await rig.card.delay(500, 1, INS.authenticate)
        const started = performance.now()
        assert.ok(signed(key, await sign()))
        assert.ok(performance.now() - started >= 500)
        await rig.card.answer(INS.authenticate, 0x6f00, 9)
        await rig.card.calm()
        assert.ok(signed(key, await sign()))
    })

    for (const signal of ["SIGTERM", "SIGKILL"] as const) {
        test(`pcscd ended by ${signal} and started again: the module recovers by C_Finalize and C_Initialize`, async () => {
            await using rig = await startRig()
            const key = await generate(rig, "9a")
            await using module = await openModule(rig)
            await module.ask({ do: "login", who: "user", pin: PIN })
            await rig.stopPcscd(signal)
            await assert.rejects(module.ask({ do: "sign", id: ID["9a"], digest: DIGEST }), /CKR_DEVICE_ERROR/)
            await rig.startPcscd()
            await module.ask({ do: "restart" })
            await module.ask({ do: "open", serial: SERIAL })
            await module.ask({ do: "login", who: "user", pin: PIN })
            assert.ok(signed(key, await module.ask({ do: "sign", id: ID["9a"], digest: DIGEST })))
        })
    }

    test("firmware 5.7's AES management key looks like a wrong one, while signing goes on", async () => {
        await using rig = await startRig({ cards: [{ serial: 12_345_678, firmware: [5, 7, 1] }] })
        assert.notEqual((await tool(rig, "-a", "generate", "-s", "9a", "-A", "ECCP256")).status, 0)
        await using module = await openModule(rig)
        await assert.rejects(module.ask({ do: "login", who: "so", pin: DEFAULT_MANAGEMENT_KEY }), /CKR_PIN_INCORRECT/)
        await module.ask({ do: "login", who: "user", pin: PIN })
    })

    test("opensc's module shows the same card", async () => {
        await using rig = await startRig()
        const shown = await mustRun("pkcs11-tool", ["--module", rig.openscModule, "--list-token-slots"], { env: rig.env })
        assert.match(shown, /Yubico YubiKey OTP\+FIDO\+CCID/)
        assert.match(shown, /PIV_II/)
    })
})

describe("the rig", () => {
    test("gives the daemon a token that it logs in to with the PIN it has, once", async () => {
        await using rig = await startRig()
        await generate(rig, "9c")
        await using daemon = await startDaemon({ tokens: { yubikey: await rig.card.token() }, credentials: { "yubikey-pin": PIN } })
        assert.match(await daemon.ok(["token", "objects", "yubikey"]), /p256 .*;serial=12345678;type=private;id=%02/)
        assert.match(await daemon.ok(["token", "list"]), /yubikey +logged-in +YubiKey PIV #12345678/)
        assert.deepEqual(pick(await rig.card.look()), { pinLeft: 3, pinsTried: 1 })
    })

    test("is seen by those who have its environment only", async () => {
        await using rig = await startRig()
        const { PCSCLITE_CSOCK_NAME: _, ...env } = rig.env
        const stranger = await runCommand("yubico-piv-tool", ["-a", "status"], { env })
        assert.notEqual(stranger.status, 0, stranger.stdout)
        assert.ok(!stranger.stdout.includes(SERIAL))
        const port = (35_963).toString(16).toUpperCase()
        for (const table of ["tcp", "tcp6"]) {
            const listening = readFileSync(`/proc/self/net/${table}`, "utf8")
                .split("\n")
                .filter((line) => new RegExp(`:${port} .* 0A `).test(line))
            assert.deepEqual(listening, [])
        }
    })

    test("ends its processes, two side by side don't disturb each other, and a directory keeps the cards", async () => {
        await using first = await startRig()
        const key = await generate(first, "9a")
        {
            await using second = await startRig({ directory: path.join(first.directory, "kept"), cards: [{ serial: 12_345_678 }] })
            assert.notEqual((await tool(second, "-a", "attest", "-s", "9a")).status, 0)
            await generate(second, "9a")
        }
        await using third = await startRig({ directory: path.join(first.directory, "kept"), cards: [{ serial: 12_345_678 }] })
        assert.match(await ok(third, "-a", "attest", "-s", "9a"), /BEGIN CERTIFICATE/)
        const statement = new X509Certificate(await ok(first, "-a", "attest", "-s", "9a"))
        assert.ok(statement.publicKey.equals(key))
        const { directory } = third
        assert.notDeepEqual(processesNaming(directory), [])
        await third.stop()
        assert.deepEqual(processesNaming(directory), [])
        assert.ok(existsSync(directory))
    })
})

/** Command lines with this text, of processes that are running: procps is not on every machine. */
function processesNaming(text: string): readonly string[] {
    return readdirSync("/proc")
        .filter((name) => /^\d+$/.test(name))
        .map((pid) => {
            try {
                return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ")
            } catch {
                // It has ended since the directory was read.
                return ""
            }
        })
        .filter((line) => line.includes(text))
}

function pick({ pinLeft, pinsTried }: { readonly pinLeft: number; readonly pinsTried: number }): unknown {
    return { pinLeft, pinsTried }
}
