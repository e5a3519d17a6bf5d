import assert from "node:assert/strict"
import { writeFile } from "node:fs/promises"
import path from "node:path"
import { describe, test } from "node:test"
import { type Daemon, startDaemon } from "../support/daemon.ts"
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
async function openBench(card: Partial<CardSpec> = {}, options: { readonly knowsRoot?: boolean } = {}): Promise<Bench> {
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
        const daemon = stack.use(await startDaemon({ tokens: { yubikey: token } }))
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
})
