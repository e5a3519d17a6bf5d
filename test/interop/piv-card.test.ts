import assert from "node:assert/strict"
import { createPublicKey, verify, X509Certificate } from "node:crypto"
import { readFileSync } from "node:fs"
import { writeFile } from "node:fs/promises"
import path from "node:path"
import { after, before, describe, test } from "node:test"
import { setTimeout as sleep } from "node:timers/promises"
import { generatePrivateKey, Secret } from "../../src/crypto/index.ts"
import { TrustkeyError } from "../../src/errors.ts"
import { withPivCard } from "../../src/signer/piv/find-card.ts"
import { openPcsc } from "../../src/signer/piv/pcsc.ts"
import type { PivCard } from "../../src/signer/piv/piv-card.ts"
import { PcscStranger } from "../support/pcsc-stranger.ts"
import { startPkcs11Process } from "../support/pkcs11-process.ts"
import { type CommandResult, mustRun, runCommand } from "../support/process.ts"
import { TokenRig } from "../support/token-rig.ts"
import { createAttestationAuthority } from "../support/yubikey/attestation.ts"
import { INS } from "../support/yubikey/card.ts"
import { certificateFor } from "../support/yubikey/certificate.ts"
import { startYubikeyRig, type YubikeyRig } from "../support/yubikey/rig.ts"
import { DEFAULT_MANAGEMENT_KEY } from "../support/yubikey/state.ts"

const OWN_KEY = "a1b2c3d4e5f60718".repeat(3)
const DIGEST_OF_HELLO = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"

const authority = createAttestationAuthority("ec")
let rig: YubikeyRig
let serial = 100

before(async () => {
    rig = await startYubikeyRig({ authority, cards: [{ serial }, { serial: 99, firmware: [5, 7, 1] }] })
    await rig.cards[1]?.unplug()
    // pcsc-lite reads it from the environment of the process that calls it, at the first call.
    process.env["PCSCLITE_CSOCK_NAME"] = rig.moduleEnv["PCSCLITE_CSOCK_NAME"]
})
after(() => rig.stop())

/** A card nobody has used, in the first place. */
async function freshCard(firmware: readonly [number, number, number] = [5, 4, 3]): Promise<void> {
    serial += 1
    await rig.card.calm()
    if ((await rig.card.look()).plugged) await rig.card.unplug()
    await rig.card.swap({ serial, firmware })
}

function onCard<T>(work: (card: PivCard) => T): T {
    using pcsc = openPcsc()
    const [reader = ""] = pcsc.readers()
    return withPivCard(openPcsc, { reader, serial: String(serial) }, work)
}

const text = (value: string): Secret => new Secret(Buffer.from(value))
const hex = (value: string): Secret => new Secret(Buffer.from(value, "hex"))
const tool = (...args: readonly string[]): Promise<CommandResult> => runCommand("yubico-piv-tool", args, { env: rig.env })
const ok = (...args: readonly string[]): Promise<string> => mustRun("yubico-piv-tool", args, { env: rig.env })
const inRig = (name: string): string => path.join(rig.directory, name)

function refused(code: string): (error: unknown) => boolean {
    return (error) => {
        assert.ok(error instanceof TrustkeyError, String(error))
        assert.equal(error.code, code, error.message)
        return true
    }
}

function openSigner(module = rig.module, uri = `pkcs11:serial=${serial}`): Promise<TokenRig> {
    return TokenRig.open({ name: "card", module, uri, environment: rig.moduleEnv, deadlineMs: 20_000 })
}

describe("yubico-piv-tool and ykcs11", () => {
    for (const firmware of [
        [5, 4, 3],
        [5, 7, 1],
    ] as const) {
        const version = firmware.join(".")
        test(`list a key that we made on a ${version} card, sign with it, and attest it as we do`, async () => {
            await freshCard(firmware)
            const { publicKey, attested } = onCard((card) =>
                card.generate("9c", "p256", { pinPolicy: "always", touchPolicy: "cached" }, hex(DEFAULT_MANAGEMENT_KEY)),
            )
            const statement = new X509Certificate(await ok("-a", "attest", "-s", "9c"))
            assert.deepEqual(statement.publicKey.export({ type: "spki", format: "der" }), Buffer.from(publicKey.bytes))
            await writeFile(inRig("ours.der"), attested?.attestation ?? "")
            await writeFile(inRig("f9.pem"), new X509Certificate(attested?.intermediate ?? "").toString())
            await writeFile(inRig("root.pem"), [authority.rootPem, ...authority.intermediatePems].join(""))
            const chain = ["-CAfile", inRig("root.pem"), "-untrusted", inRig("f9.pem")]
            await mustRun("openssl", ["x509", "-inform", "der", "-in", inRig("ours.der"), "-out", inRig("ours.pem")])
            assert.match(await mustRun("openssl", ["verify", ...chain, inRig("ours.pem")]), /OK/)
            // Yubico's extension: always (3), cached (3).
            assert.match(await mustRun("openssl", ["asn1parse", "-in", inRig("ours.pem")]), /41482\.3\.8\n.*\[HEX DUMP\]:0303/)

            await rig.card.hand(20)
            await using module = startPkcs11Process(rig.module, rig.moduleEnv)
            await module.ask({ do: "open", serial: String(serial) })
            await module.ask({ do: "login", who: "user", pin: "123456" })
            const key = {
                key: createPublicKey({ key: Buffer.from(publicKey.bytes), format: "der", type: "spki" }),
                dsaEncoding: "ieee-p1363",
            } as const
            for (const _ of [1, 2]) {
                const signature = await module.ask({ do: "sign", id: "02", digest: DIGEST_OF_HELLO, pin: "123456" })
                assert.ok(verify("sha256", Buffer.from("hello"), key, Buffer.from(signature, "hex")))
            }
        })
    }

    test("read the certificate we wrote, and use the key we imported", async () => {
        await freshCard()
        const { pkcs8, publicKey } = generatePrivateKey("p256")
        const certificate = certificateFor(publicKey, 2000)
        onCard((card) => {
            card.importKey("9a", pkcs8, { pinPolicy: "once", touchPolicy: "never" }, hex(DEFAULT_MANAGEMENT_KEY))
            card.putCertificate("9a", certificate, hex(DEFAULT_MANAGEMENT_KEY))
        })
        assert.deepEqual(new X509Certificate(await ok("-a", "read-certificate", "-s", "9a")).raw, certificate)
        await writeFile(inRig("certificate.pem"), new X509Certificate(certificate).toString())
        const signed = ["-a", "verify-pin", "-P", "123456", "-a", "test-signature", "-s", "9a", "-i", inRig("certificate.pem")]
        assert.match((await tool(...signed)).stderr, /Successful ECDSA verification/)
        assert.notEqual((await tool("-a", "attest", "-s", "9a")).status, 0)
    })

    test("read back what they wrote themselves as we do", async () => {
        await freshCard()
        await ok("-a", "generate", "-s", "9d", "-A", "RSA2048", "--pin-policy=once", "--touch-policy=always")
        await writeFile(inRig("given.pem"), new X509Certificate(certificateFor(generatePrivateKey("p256").publicKey)).toString())
        await ok("-a", "import-certificate", "-s", "82", "-i", inRig("given.pem"))
        const { slots } = onCard((card) => card.describe())
        assert.deepEqual(
            slots.map((facts) => [facts.slot, facts.algorithm, facts.pinPolicy, facts.touchPolicy, facts.origin]),
            [
                ["9d", "rsa2048", "once", "always", "generated"],
                ["82", undefined, "unknown", "unknown", "unknown"],
            ],
        )
        assert.equal(new X509Certificate(slots[1]?.certificate ?? "").toString(), readFileSync(inRig("given.pem"), "utf8"))
    })

    test("know the PIN, the PUK and the management key that we set, and not the old ones", async () => {
        await freshCard()
        onCard((card) => {
            card.changePin(text("123456"), text("246810"))
            card.changePuk(text("12345678"), text("86420864"))
            card.setManagementKey(hex(DEFAULT_MANAGEMENT_KEY), hex(OWN_KEY), "3des")
        })
        await ok("-a", "verify-pin", "-P", "246810")
        assert.notEqual((await tool("-a", "verify-pin", "-P", "123456")).status, 0)
        assert.notEqual((await tool("-a", "generate", "-s", "9a", "-A", "ECCP256")).status, 0)
        await ok(`-k${OWN_KEY}`, "-a", "generate", "-s", "9a", "-A", "ECCP256")
        await ok("-a", "unblock-pin", "-P", "86420864", "-N", "112233")
        onCard((card) => card.unblockPin(text("86420864"), text("332211")))
        await using module = startPkcs11Process(rig.module, rig.moduleEnv)
        await module.ask({ do: "open", serial: String(serial) })
        await module.ask({ do: "login", who: "user", pin: "332211" })
        await assert.rejects(module.ask({ do: "login", who: "so", pin: DEFAULT_MANAGEMENT_KEY }))
    })

    test("a wrong PIN, PUK or management key costs one try, or none", async () => {
        await freshCard([5, 7, 1])
        assert.throws(() => onCard((card) => card.changePin(text("000000"), text("111111"))), refused("pin_incorrect"))
        assert.throws(() => onCard((card) => card.changePuk(text("00000000"), text("111111"))), refused("puk_incorrect"))
        assert.throws(() => onCard((card) => card.authenticate(hex(OWN_KEY))), refused("management_key_incorrect"))
        const { pinLeft, pukLeft } = await rig.card.look()
        assert.deepEqual([pinLeft, pukLeft], [2, 2])
    })
})

describe("whoever comes after us", () => {
    test("finds neither the PIN nor the management key shown to the card", async () => {
        await freshCard()
        onCard((card) => {
            card.generate("9a", "p256", { pinPolicy: "once", touchPolicy: "never" }, hex(DEFAULT_MANAGEMENT_KEY))
            card.changePin(text("123456"), text("246810"))
        })
        using stranger = new PcscStranger("shared")
        stranger.select()
        const digest = "00".repeat(32)
        // GENERAL AUTHENTICATE with 9a, and PUT DATA.
        assert.equal(stranger.send(`0087119a267c2482008120${digest}`), "6982")
        assert.equal(stranger.send("00db3fff075c035fc1055300"), "6982")
    })

    test("waits while we are at work, and we wait for whoever was before", async () => {
        await freshCard()
        await using signer = await openSigner()
        using stranger = new PcscStranger("shared")
        stranger.begin()
        let isDone = false
        const described = signer.keys.piv.describe().finally(() => {
            isDone = true
        })
        await sleep(400)
        assert.equal(isDone, false)
        stranger.end()
        assert.equal((await described).serial, String(serial))
    })
})

describe("a card that can't be had", () => {
    test("because another program has it for itself is busy", async () => {
        await freshCard()
        using stranger = new PcscStranger("exclusive")
        assert.throws(() => onCard((card) => card.describe()), refused("token_busy"))
        stranger[Symbol.dispose]()
        assert.equal(
            onCard((card) => card.serial),
            String(serial),
        )
    })

    test("because it is gone, or another is in its place, is absent or another", async () => {
        await freshCard()
        await rig.card.unplug()
        assert.throws(() => onCard((card) => card.describe()), refused("token_absent"))
        await rig.card.plug()
        serial += 1
        assert.throws(() => onCard((card) => card.describe()), refused("token_changed"))
    })

    test("because a twin with its serial is there as well is neither of them", async () => {
        await freshCard()
        const other = rig.cards[1]
        await other?.swap({ serial })
        assert.throws(() => onCard((card) => card.describe()), refused("object_ambiguous"))
        await other?.unplug()
        assert.equal(
            onCard((card) => card.serial),
            String(serial),
        )
    })

    test("because pcscd is not running is said so, and had again when it is", async () => {
        await freshCard()
        await rig.stopPcscd()
        assert.throws(() => openPcsc(), refused("token_failed"))
        await rig.startPcscd()
        assert.equal(
            onCard((card) => card.serial),
            String(serial),
        )
    })
})

describe("a signer process", () => {
    const place = async (signer: TokenRig, key = DEFAULT_MANAGEMENT_KEY) =>
        ({ slot: "9c", pinPolicy: "always", touchPolicy: "never", managementKey: await signer.seal("management-key", key) }) as const

    for (const module of ["ykcs11", "opensc"] as const) {
        test(`makes a key past ${module}, which finds it and signs the canary`, async () => {
            await freshCard()
            await using signer = await openSigner(...(module === "ykcs11" ? ([] as const) : ([rig.openscModule, "pkcs11:"] as const)))
            const made = await signer.keys.piv.generate("p256", await place(signer))
            // OpenSC shows no key without a certificate.
            const certificate = certificateFor(made.publicKey)
            await signer.keys.piv.putCertificate("9c", certificate, await signer.seal("management-key", DEFAULT_MANAGEMENT_KEY))
            await signer.login("123456")
            const { label, serial: shown } = await signer.keys.refresh()
            const found = await signer.keys.find(`pkcs11:token=${encodeURIComponent(label)};serial=${shown};id=%02`, undefined)
            assert.deepEqual(found.publicKey, made.publicKey)
            const { slots } = await signer.keys.piv.describe()
            assert.deepEqual(Buffer.from(slots[0]?.certificate ?? ""), certificate)
            const { attestation, intermediate } = await signer.keys.piv.attest("9c")
            assert.deepEqual(
                new X509Certificate(attestation).publicKey.export({ type: "spki", format: "der" }),
                Buffer.from(made.publicKey.bytes),
            )
            assert.deepEqual(intermediate, made.intermediate)
            // The card had another owner meanwhile; who logged in is still, for as long as that is.
            assert.equal((await signer.keys.refresh()).state, "logged-in")
            assert.deepEqual((await signer.keys.find(`pkcs11:serial=${shown};id=%02`, undefined)).publicKey, made.publicKey)
        })
    }

    test("takes a private key that crossed the daemon sealed, and its certificate", async () => {
        await freshCard([5, 7, 1])
        await using signer = await openSigner()
        const { pkcs8, publicKey } = generatePrivateKey("p384")
        const sealed = await pkcs8.reveal((bytes) => signer.seal("import", bytes))
        assert.deepEqual(await signer.keys.piv.importKey(sealed, await place(signer)), publicKey)
        await signer.login("123456")
        assert.deepEqual((await signer.keys.find(`pkcs11:serial=${serial};id=%02`, undefined)).publicKey, publicKey)
        await assert.rejects(signer.keys.piv.attest("9c"), refused("not_found"))
    })

    test("sets another management key, and the old one is refused from then on", async () => {
        await freshCard([5, 7, 1])
        await using signer = await openSigner()
        const next = "77".repeat(32)
        await signer.keys.piv.setManagementKey(
            await signer.seal("management-key", DEFAULT_MANAGEMENT_KEY),
            await signer.seal("management-key-new", next),
            "aes256",
        )
        assert.deepEqual((await signer.keys.piv.describe()).managementKey, { algorithm: "aes256", isDefault: "no", touch: "never" })
        await assert.rejects(
            place(signer).then((spec) => signer.keys.piv.generate("p256", spec)),
            refused("management_key_incorrect"),
        )
        await signer.keys.piv.generate("p256", await place(signer, next))
    })

    test("refuses what can't be with its reason, and lives on", async () => {
        await freshCard()
        await using signer = await openSigner()
        const generate = async (algorithm: "p256" | "rsa4096", key = DEFAULT_MANAGEMENT_KEY): Promise<unknown> =>
            signer.keys.piv.generate(algorithm, await place(signer, key))
        await assert.rejects(generate("rsa4096"), refused("key_unfit"))
        await assert.rejects(generate("p256", "not hexadecimal"), refused("management_key_incorrect"))
        await assert.rejects(generate("p256", OWN_KEY), refused("management_key_incorrect"))
        await assert.rejects(signer.keys.piv.attest("9c"), refused("not_found"))
        await generate("p256")
        await assert.rejects(generate("p256"), refused("already_exists"))
        const spec = await place(signer)
        await assert.rejects(
            signer.keys.piv.generate("p256", { ...spec, slot: "9a", managementKey: await signer.seal("login", OWN_KEY) }),
            refused("challenge_expired"),
        )
        assert.equal(signer.keys.process.state.restarts, 0)
    })

    test("whose card is pulled out in the middle says so, and goes on when it is back", async () => {
        await freshCard()
        await using signer = await openSigner()
        for (const instruction of [INS.getMetadata, INS.authenticate, INS.generate, INS.attest]) {
            const spec = await place(signer)
            await rig.card.delay(1_500, 1, instruction)
            const made = signer.keys.piv.generate("p256", spec)
            made.catch(() => {})
            await sleep(700)
            await rig.card.unplug()
            await assert.rejects(made, refused("token_absent"))
            await rig.card.calm()
            await rig.card.plug()
            assert.equal((await signer.keys.piv.describe()).serial, String(serial))
        }
        assert.equal(signer.keys.process.state.restarts, 0)
    })

    test("spends no try that nobody typed, whatever is asked of the card", async () => {
        await freshCard()
        const before = await rig.card.look()
        await using signer = await openSigner()
        await signer.keys.piv.generate("p256", await place(signer))
        await signer.keys.piv.describe()
        await signer.keys.piv.attest("9c")
        const { pinsTried, pinLeft, pukLeft } = await rig.card.look()
        assert.deepEqual([pinsTried - before.pinsTried, pinLeft, pukLeft], [0, 3, 3])
    })
})
