import assert from "node:assert/strict"
import { createHash, createPublicKey, generateKeyPairSync, verify, X509Certificate } from "node:crypto"
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises"
import path from "node:path"
import { describe, test } from "node:test"
import { openDaemon } from "../../src/cli/daemon.ts"
import { type Daemon, type DaemonOptions, startDaemon } from "../support/daemon.ts"
import { type Notary, startNotary } from "../support/notary.ts"
import { mustRun } from "../support/process.ts"
import { makeWorkingDirectory } from "../support/temp.ts"
import { createAttestationAuthority } from "../support/yubikey/attestation.ts"
import { startYubikeyRig, type YubikeyRig } from "../support/yubikey/rig.ts"
import { type CardSpec, DEFAULT_MANAGEMENT_KEY } from "../support/yubikey/state.ts"

const PIN = "123456"
const SERIAL = "12345678"
const authority = createAttestationAuthority("rsa")

type Bench = AsyncDisposable & {
    readonly rig: YubikeyRig
    readonly daemon: Daemon
    /** The flags that give the card's secrets. */
    readonly secrets: readonly string[]
    readonly place: (name: string) => string
}

/** A daemon with one YubiKey, whose root it knows unless told otherwise. */
async function openBench(
    card: Partial<CardSpec> = {},
    options: Pick<DaemonOptions, "rules"> & { readonly knowsRoot?: boolean } = {},
): Promise<Bench> {
    const stack = new AsyncDisposableStack()
    try {
        const directory = await makeWorkingDirectory("yubikey-custody")
        stack.defer(directory.remove)
        const place = (name: string): string => path.join(directory.path, name)
        const rig = stack.use(await startYubikeyRig({ authority, cards: [{ serial: Number(SERIAL), ...card }] }))
        await rig.card.hand(20)
        for (const [name, text] of [
            ["pin", PIN],
            ["management-key", DEFAULT_MANAGEMENT_KEY],
        ] as const) {
            await writeFile(place(name), `${text}\n`, { mode: 0o600 })
        }
        await writeFile(place("root.pem"), authority.rootPem, { mode: 0o644 })
        const settings = options.knowsRoot === false ? [] : [`attestation_roots = "${place("root.pem")}"`]
        const token = { ...(await rig.card.token()), settings }
        const daemon = stack.use(
            await startDaemon({ tokens: { yubikey: token }, ...(options.rules === undefined ? {} : { rules: options.rules }) }),
        )
        const secrets = ["--pin-file", place("pin"), "--management-key-file", place("management-key")]
        const moved = stack.move()
        return { rig, daemon, secrets, place, [Symbol.asyncDispose]: () => moved[Symbol.asyncDispose]() }
    } catch (error) {
        await stack.disposeAsync()
        throw error
    }
}

describe("a root key on a YubiKey", () => {
    test("TK-KEY-3 is made in 9c with PIN and touch always, attested, kept so, and verified again whenever somebody looks", async () => {
        await using bench = await openBench()
        const { daemon, secrets, place } = bench
        const made = JSON.parse(await daemon.ok(["key", "create", "--purpose", "root", "--token", "yubikey", ...secrets, "--json"]))
        assert.equal(made.origin, "generated")
        assert.deepEqual([made.pinPolicy, made.touchPolicy], ["always", "always"])
        assert.equal(made.attestation.verdict, "attested")
        assert.equal(made.attestation.by, "configured")
        const shown = await daemon.ok(["key", "show", made.id])
        assert.match(
            shown,
            /attestation +made on YubiKey 12345678 .*slot 9c; not by a root of Yubico's: the daemon verified it up to Test PIV/,
        )
        const here = JSON.parse(await daemon.ok(["key", "show", made.id, "--attestation-roots", place("root.pem"), "--json"]))
        assert.equal(here.attested.verdict, "attested")
        assert.deepEqual(here.attested.facts, {
            slot: "9c",
            serial: SERIAL,
            firmware: "5.4.3",
            pinPolicy: "always",
            touchPolicy: "always",
            formFactor: "USB-A keychain",
            fips: false,
            issuer: "Test PIV Root CA",
        })
    })

    test("on a card that is not Yubico's is told from one that is, and so for ever", async () => {
        await using bench = await openBench({}, { knowsRoot: false })
        const { daemon } = bench
        const key = await makeRoot(bench)
        assert.equal(key.attestation?.verdict, "unknown-root")
        assert.match(await daemon.ok(["key", "show", key.id]), /attestation +says made on YubiKey 12345678 .*NOT YUBICO'S/)
    })

    test("is not taken from a card whose attestation is forged: nothing is recorded, the exit status says attack", async () => {
        await using bench = await openBench({ authority: createAttestationAuthority("rsa", "Yubico PIV Root CA Serial 263751") })
        const { daemon, secrets } = bench
        const made = await daemon.trustkey(["key", "create", "--purpose", "root", "--token", "yubikey", ...secrets])
        assert.equal(made.status, 7, made.stderr)
        assert.match(made.stderr, /attestation_invalid/)
        assert.match(made.stderr, /slot 9c is not valid: the card's certificate names Yubico PIV Root CA .* a forgery/)
        assert.match(await daemon.ok(["key", "list", "--json"]), /"keys": \[\]/)
        assert.match(await daemon.ok(["audit", "list"]), /create-key +attestation_invalid/)
    })

    test("overwrites none: an occupied slot is refused, and the key in it goes on", async () => {
        await using bench = await openBench()
        const { daemon, secrets } = bench
        const first = await makeRoot(bench, "--no-certificate")
        const second = await daemon.trustkey(["key", "create", "--purpose", "root", "--token", "yubikey", ...secrets])
        assert.equal(second.status, 4, second.stderr)
        assert.match(second.stderr, /already_exists/)
        assert.deepEqual(
            (await slotsOf(bench)).map(({ slot, keyId }) => ({ slot, keyId })),
            [{ slot: "9c", keyId: first.id }],
        )
        await daemon.ok(["token", "certificate", first.id, ...secrets])
    })

    test("asks for the PIN each time, unless somebody insists: made, enrolled or imported", async () => {
        await using bench = await openBench()
        const { daemon, rig, secrets } = bench
        const create = [
            "key",
            "create",
            "--token",
            "yubikey",
            "--slot",
            "9a",
            "--pin-policy",
            "once",
            "--touch-policy",
            "never",
            ...secrets,
        ]
        const refused = await daemon.trustkey([...create, "--purpose", "root"])
        assert.equal(refused.status, 4, refused.stderr)
        assert.match(refused.stderr, /PIN once, not for every signature.*--accept-pin-once.*key_unfit/s)
        assert.deepEqual(await slotsOf(bench), [], "before anything was made")
        await daemon.ok([...create, "--purpose", "delegation"])

        await mustRun("yubico-piv-tool", ["-a", "generate", "-s", "9d", "-A", "ECCP256", "--pin-policy=once"], { env: rig.env })
        const enroll = ["token", "enroll", "--slot", "9d", "--serial", SERIAL, "--no-certificate", ...secrets]
        const old = await daemon.trustkey(enroll)
        assert.equal(old.status, 4, old.stderr)
        assert.match(old.stderr, /key_unfit/)
        const taken = JSON.parse(await daemon.ok([...enroll, "--accept-pin-once", "--json"]))
        assert.deepEqual([taken.origin, taken.pinPolicy, taken.attestation.verdict], ["generated", "once", "attested"])
    })

    test("TK-KEY-3 that came from a file says so for ever, and has no attestation", async () => {
        await using bench = await openBench()
        const { daemon, place, secrets, rig } = bench
        const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" })
        await writeFile(place("root.key"), privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o600 })
        const imported = JSON.parse(
            await daemon.ok(["key", "import", "--token", "yubikey", "--role", "root", ...secrets, "--json", place("root.key")]),
        ).keys[0].key
        assert.deepEqual([imported.origin, imported.attestation, imported.home], ["imported", undefined, "token:yubikey"])
        assert.ok(Buffer.from(imported.publicKey, "base64").equals(publicKey.export({ type: "spki", format: "der" })))
        assert.match(await daemon.ok(["key", "show", imported.id]), /origin +imported\n.*attestation +none: the key came from a file/s)
        const [slot] = await slotsOf(bench)
        assert.deepEqual([slot?.origin, slot?.certificateName], ["imported", "root"])
        // Nobody is told that a second card has it.
        const again = await daemon.trustkey(["key", "import", "--token", "spare", "--role", "root", ...secrets, place("root.key")])
        assert.equal(again.status, 4, again.stderr)
        assert.match(again.stderr, /is here already, on token yubikey, and was not put on token spare.*already_exists/s)
        assert.doesNotMatch(again.stderr, /old copy still lies there/)
        // And one that somebody else put there by another tool.
        await mustRun("yubico-piv-tool", ["-a", "import-key", "-s", "9d", "-i", await sec1(bench), "--pin-policy=always"], { env: rig.env })
        const enrolled = JSON.parse(await daemon.ok(["token", "enroll", "--slot", "9d", "--serial", SERIAL, ...secrets, "--json"]))
        assert.deepEqual([enrolled.origin, enrolled.pinPolicy, enrolled.attestation], ["imported", "always", undefined])
    })

    test("is judged by the slot it is taken from, not by another one that has the same key", async () => {
        await using bench = await openBench()
        const { daemon, rig, secrets } = bench
        const from = ["-a", "import-key", "-i", await sec1(bench)]
        await mustRun("yubico-piv-tool", [...from, "-s", "9a", "--pin-policy=always", "--touch-policy=always"], { env: rig.env })
        await mustRun("yubico-piv-tool", [...from, "-s", "9c", "--pin-policy=never", "--touch-policy=never"], { env: rig.env })
        const enroll = ["token", "enroll", "--slot", "9c", "--serial", SERIAL, "--no-certificate", ...secrets]
        const refused = await daemon.trustkey(enroll)
        assert.equal(refused.status, 4, refused.stderr)
        assert.match(refused.stderr, /this slot asks for the PIN never/)
        const taken = JSON.parse(await daemon.ok([...enroll, "--accept-pin-once", "--json"]))
        assert.deepEqual([taken.pinPolicy, taken.touchPolicy], ["never", "never"])
    })

    test("is enrolled from the card whose printed number a person gives, and from no other", async () => {
        await using bench = await openBench()
        const { daemon, rig, secrets } = bench
        await mustRun("yubico-piv-tool", ["-a", "generate", "-s", "9c", "-A", "ECCP256", "--pin-policy=always"], { env: rig.env })
        const other = await daemon.trustkey(["token", "enroll", "--serial", "12345679", ...secrets])
        assert.equal(other.status, 7, other.stderr)
        assert.match(other.stderr, /says its serial number is 12345678, and not 12345679.*token_changed/s)
        const nowhere = await daemon.trustkey(["token", "enroll", "--slot", "9e", "--serial", SERIAL, ...secrets])
        assert.match(nowhere.stderr, /slot 9e has no key .* there are keys in 9c/)
        const key = JSON.parse(await daemon.ok(["token", "enroll", "--serial", SERIAL, ...secrets, "--json"]))
        assert.deepEqual([key.pinPolicy, key.touchPolicy, key.attestation.verdict], ["always", "never", "attested"])
        assert.equal((await slotsOf(bench))[0]?.certificateName, "root")
    })

    test("is not made with a wrong management key, and none is tried that nobody gave", async () => {
        await using bench = await openBench()
        const { daemon, place } = bench
        await writeFile(place("wrong"), `${"0a".repeat(24)}\n`, { mode: 0o600 })
        const create = ["key", "create", "--purpose", "root", "--token", "yubikey", "--pin-file", place("pin")]
        const wrong = await daemon.trustkey([...create, "--management-key-file", place("wrong")])
        assert.equal(wrong.status, 4, wrong.stderr)
        assert.match(wrong.stderr, /management_key_incorrect/)
        const none = await daemon.trustkey(create)
        assert.equal(none.status, 2, none.stderr)
        assert.match(none.stderr, /--management-key-fd, --management-key-file or --default-management-key/)
        assert.deepEqual(await slotsOf(bench), [])
        const said = await daemon.trustkey([...create, "--default-management-key", "--json"])
        assert.equal(said.status, 0, said.stderr)
        assert.match(said.stderr, /the management key every card is sold with/)
    })

    test("that nobody touched in time is not taken in; the same slot can be, when somebody does", async () => {
        await using bench = await openBench()
        const { daemon, rig, secrets } = bench
        await rig.card.hand()
        await rig.card.touchRule({ timeoutMs: 500, missed: 0x6982 })
        const missed = await daemon.trustkey(["key", "create", "--purpose", "root", "--token", "yubikey", ...secrets])
        assert.notEqual(missed.status, 0)
        assert.match(missed.stderr, /the new key lies in slot 9c and was not taken in, which trustkey token enroll yubikey --slot 9c does/)
        assert.match(await daemon.ok(["key", "list", "--json"]), /"keys": \[\]/)
        await rig.card.hand(20)
        const key = JSON.parse(await daemon.ok(["token", "enroll", "--serial", SERIAL, ...secrets, "--json"]))
        assert.deepEqual([key.origin, key.touchPolicy, key.attestation.verdict], ["generated", "always", "attested"])
    })

    test("is made by trustkey init, which finds it the next time", async () => {
        await using bench = await openBench()
        const { daemon, secrets } = bench
        const first = await daemon.ok(["init", "--token", "yubikey", ...secrets])
        const [id] = /[0-9a-f]{64}/.exec(first) ?? []
        assert.ok(id !== undefined, first)
        assert.match(
            await daemon.ok(["key", "show", id]),
            /PIN policy +always\ntouch policy +always\nattestation +made on YubiKey 12345678/,
        )
        assert.equal(await daemon.ok(["init", "--token", "yubikey", ...secrets]), first)
        assert.deepEqual(
            (await slotsOf(bench)).map(({ keyId, certificateName }) => ({ keyId, certificateName })),
            [{ keyId: id, certificateName: "root" }],
        )
    })

    test("has a certificate beside it that nobody overwrites unasked", async () => {
        await using bench = await openBench()
        const { daemon, secrets } = bench
        const key = await makeRoot(bench)
        const [before] = await slotsOf(bench)
        const again = await daemon.trustkey(["token", "certificate", key.id, ...secrets])
        assert.equal(again.status, 4, again.stderr)
        assert.match(again.stderr, /already_exists/)
        assert.equal((await slotsOf(bench))[0]?.certificateSha256, before?.certificateSha256)
        const replace = before?.certificateSha256.slice(0, 12) ?? ""
        const pem = await daemon.ok(["token", "certificate", key.id, "--replace", replace, ...secrets])
        const certificate = new X509Certificate(pem)
        assert.equal(certificate.subject, "O=trustkeyd card certificate\nCN=root")
        assert.ok(certificate.verify(certificate.publicKey))
        assert.equal((await slotsOf(bench))[0]?.certificateSha256, createHash("sha256").update(certificate.raw).digest("hex"))
        const entries = JSON.parse(await daemon.ok(["journal", "show", "--json"])).entries
        assert.deepEqual(new Set(entries.map(({ kind }: { kind: string }) => kind)), new Set(["card-certificate"]))
    })

    test("TK-SEC-1 leaves no management key and no PIN in the daemon's log, records or database", async () => {
        await using bench = await openBench()
        const { daemon } = bench
        await makeRoot(bench)
        await daemon.stop()
        const texts = [daemon.service.log()]
        for (const name of await readdir(daemon.stateDirectory)) {
            const file = path.join(daemon.stateDirectory, name)
            if ((await stat(file)).isFile()) texts.push(await readFile(file, "latin1"))
        }
        const key = Buffer.from(DEFAULT_MANAGEMENT_KEY, "hex").toString("latin1")
        for (const text of texts) for (const secret of [DEFAULT_MANAGEMENT_KEY, key]) assert.ok(!text.includes(secret))
    })
})

describe("a YubiKey", () => {
    test("is shown with firmware, slots, policies, tries, and what is known to be wrong with it", async () => {
        await using bench = await openBench()
        await makeRoot(bench)
        const { status, stdout, stderr } = await bench.daemon.trustkey(["token", "show"])
        assert.equal(status, 0)
        assert.match(stdout, /kind +YubiKey\n[\s\S]*serial +12345678\n[\s\S]*firmware +5\.4\.3\nPIN tries +3\nPUK tries +3\n/)
        assert.match(stdout, /9c +p256 +[0-9a-f]{12} +always +always +generated +CN=root [0-9a-f]{12}\n/)
        assert.match(stderr, /EUCLEAK, CVE-2024-45678.*So: .*What to do: /)
        assert.match(stderr, /the PIN is the one every card is sold with/)
        assert.match(stderr, /the management key is the one every card is sold with/)
        assert.doesNotMatch(stderr, /ROCA|AES-192/)
    })

    test("of firmware 5.7 has its AES management key explained, and keys made on it", async () => {
        await using bench = await openBench({ firmware: [5, 7, 1] })
        const key = await makeRoot(bench)
        assert.deepEqual([key.attestation?.verdict, key.pinPolicy], ["attested", "always"])
        const { stderr } = await bench.daemon.trustkey(["token", "show", "yubikey"])
        assert.match(
            stderr,
            /the management key is AES-192, as on every card since firmware 5\.7\. So: yubico-piv-tool and ykcs11 before 2\.3/,
        )
        assert.doesNotMatch(stderr, /EUCLEAK/)
    })

    test("tells whoever may only list tokens what the daemon knows, and is not asked for it", async () => {
        const uid = process.getuid?.() ?? 0
        await using bench = await openBench({}, { rules: `[[allow]]\nwho = ["uid:${uid}"]\ndo = ["list", "status"]\n` })
        const shown = JSON.parse(await bench.daemon.ok(["token", "show", "--json"]))
        assert.deepEqual([shown.token.kind, shown.firmware, shown.slots], ["yubikey", "", []])
        const { secrets, daemon } = bench
        const made = await daemon.trustkey(["key", "create", "--purpose", "root", "--token", "yubikey", ...secrets])
        assert.equal(made.status, 3, made.stderr)
    })
})

describe("stock notary beside the daemon", () => {
    test("lists the root key of a card that the daemon certified, and signs a root with it", async () => {
        await using bench = await openBench()
        await using notary = await startNotary()
        const { daemon, place } = bench
        const key = await makeRoot(bench)
        const gun = "registry.example.com/team/app"
        const door = openDaemon("sign", daemon.signSocket)
        const { pem } = await door.rootCertificate({ keyId: key.id, gun })
        door.close()
        await writeFile(place("gun.pem"), pem)
        const client = await notaryClient(bench, notary)
        assert.match(await client("key", "list"), new RegExp(`root +${key.id} +yubikey`))

        await client("init", "--rootcert", place("gun.pem"), gun)
        const text = await readFile(place(`trust/tuf/${gun}/metadata/root.json`), "utf8")
        const { signatures } = JSON.parse(text)
        assert.equal(signatures.length, 1)
        // Notary keeps what it signed as it signed it.
        const signed = /^\{"signed":(\{.*\}),"signatures":/s.exec(text)?.[1] ?? ""
        const publicKey = createPublicKey({ key: Buffer.from(key.publicKey, "base64"), format: "der", type: "spki" })
        const signature = Buffer.from(signatures[0].sig, "base64")
        assert.ok(verify("sha256", Buffer.from(signed), { key: publicKey, dsaEncoding: "ieee-p1363" }, signature))
    })
})

/** The stock client, which finds the card as any program does that has its reader's environment. */
async function notaryClient({ rig, place }: Bench, { url, caFile }: Notary): Promise<(...args: readonly string[]) => Promise<string>> {
    const config = place("notary.json")
    await mkdir(place("trust"), { mode: 0o700 })
    await writeFile(config, JSON.stringify({ trust_dir: place("trust"), remote_server: { url, root_ca: caFile } }))
    const passphrase = "a passphrase of the tests"
    const env = {
        ...rig.env,
        NOTARY_ROOT_PASSPHRASE: PIN,
        NOTARY_TARGETS_PASSPHRASE: passphrase,
        NOTARY_SNAPSHOT_PASSPHRASE: passphrase,
    }
    return (...args) => mustRun("/usr/bin/notary", ["-c", config, "-d", place("trust"), ...args], { env })
}

type ShownKey = {
    readonly id: string
    readonly publicKey: string
    readonly pinPolicy: string
    readonly attestation?: { readonly verdict: string }
}

async function makeRoot({ daemon, secrets }: Bench, ...options: readonly string[]): Promise<ShownKey> {
    return JSON.parse(await daemon.ok(["key", "create", "--purpose", "root", "--token", "yubikey", ...secrets, ...options, "--json"]))
}

type ShownSlot = {
    readonly slot: string
    readonly keyId: string
    readonly origin: string
    readonly certificateName: string
    readonly certificateSha256: string
}

async function slotsOf({ daemon }: Bench): Promise<readonly ShownSlot[]> {
    return JSON.parse(await daemon.ok(["token", "show", "--json"])).slots
}

async function sec1({ place }: Bench): Promise<string> {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" })
    await writeFile(place("sec1.pem"), privateKey.export({ type: "sec1", format: "pem" }), { mode: 0o600 })
    return place("sec1.pem")
}
