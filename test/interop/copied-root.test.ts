import assert from "node:assert/strict"
import { after, before, describe, test } from "node:test"
import { setTimeout as sleep } from "node:timers/promises"
import { type SoftHsm, startSoftHsm } from "../support/softhsm.ts"
import { openTrustRig, type TrustRig } from "../support/trust-rig.ts"
import { startYubikeyRig, type YubikeyRig } from "../support/yubikey/rig.ts"
import { DEFAULT_MANAGEMENT_KEY } from "../support/yubikey/state.ts"

const PIN = "123456"
const SERIAL = "12345678"

describe("one root key on a YubiKey and an HSM, made in the vault", () => {
    const everything = new AsyncDisposableStack()
    let rig: TrustRig
    let yubikeys: YubikeyRig
    let vault: SoftHsm

    before(async () => {
        yubikeys = everything.use(await startYubikeyRig())
        await yubikeys.card.hand(20)
        vault = everything.use(await startSoftHsm({ label: "vault" }))
        rig = everything.use(await openTrustRig({ tokens: { vault, yubikey: await yubikeys.card.token() } }))
    })
    after(() => everything.disposeAsync())

    async function sealedRoot(): Promise<string> {
        const create = ["key", "create", "--purpose", "root", "--label", "vault root", "--json", "--passphrase-file", rig.passphraseFile]
        return (JSON.parse(await rig.ok(create)) as { id: string }).id
    }

    type Shown = { origin: string; home: string; brought: boolean; copies: { token: string; serial: string; present: boolean }[] }
    const shown = async (id: string): Promise<Shown> => JSON.parse(await rig.ok(["key", "show", id, "--json"])) as Shown

    /** The flags that open the card and put a key into it. */
    async function card(): Promise<readonly string[]> {
        return [
            "--pin-file",
            await rig.secret("card-pin", PIN),
            "--management-key-file",
            await rig.secret("management-key", DEFAULT_MANAGEMENT_KEY),
        ]
    }

    test("signs with whichever is there, for stock clients that see one key", async () => {
        const gun = "registry.example.com/copied/app"
        const id = await sealedRoot()
        const passphrase = ["--passphrase-file", rig.passphraseFile]
        const toCard = ["key", "copy", id, "--token", "yubikey", ...passphrase, ...(await card())]
        assert.match(
            await rig.refused([...toCard, "--serial", "12345679"], "token_changed", 7),
            /its serial number is 12345678; the one that was named is 12345679/,
        )
        assert.match(await rig.ok([...toCard, "--serial", SERIAL]), /lies on token yubikey \(serial 12345678\) too/)
        const toVault = ["key", "copy", id, "--token", "vault", ...passphrase, "--serial", vault.serial]
        await rig.ok([...toVault, "--pin-file", await rig.secret("vault-pin", vault.userPin)])
        await rig.ok(["key", "forget-sealed", id, "--confirm", id.slice(0, 8)])
        const { origin, home, brought, copies } = await shown(id)
        assert.deepEqual([origin, home, brought], ["generated", "token:yubikey", true])
        assert.deepEqual(
            copies.map(({ token, present }) => ({ token, present })),
            [{ token: "vault", present: true }],
        )
        assert.match(await rig.ok(["key", "show", id]), /origin +generated, then brought to this token\nbrought to +token vault/)
        assert.match(await rig.ok(["audit", "list"]), /copy-key +ok/)

        await rig.ok(["token", "logout", "vault"])
        await rig.init(gun, "--root-key", id)
        await yubikeys.card.unplug()
        while (!/^yubikey +absent/m.test(await rig.ok(["token", "list"]))) await sleep(100)
        await rig.ok(["token", "login", "vault", "--pin-file", await rig.secret("vault-pin", vault.userPin)])
        assert.deepEqual(
            (await shown(id)).copies.map(({ present }) => present),
            [true],
        )
        const second = "registry.example.com/copied/other"
        await rig.init(second, "--root-key", id)
        for (const name of [gun, second]) {
            await rig.sign(`${name}:v1`, "ab")
            assert.deepEqual(await rig.listed(name), [{ name: "v1", hex: "ab".repeat(32), size: 1234, role: "targets" }])
            assert.deepEqual(await rig.signedTags(name), [{ tag: "v1", hex: "ab".repeat(32), signers: ["Repo Admin"] }])
        }
        await yubikeys.card.plug()
    })

    test("is not brought into a slot that asks for the PIN once, unless somebody insists, nor into one that has a key", async () => {
        const id = await sealedRoot()
        const passphrase = ["--passphrase-file", rig.passphraseFile]
        const copy = ["key", "copy", id, "--token", "yubikey", "--serial", SERIAL, ...passphrase, ...(await card())]
        assert.match(await rig.refused([...copy, "--slot", "9a", "--pin-policy", "once"], "key_unfit", 4), /--accept-pin-once/)
        assert.match(await rig.refused([...copy, "--slot", "9c"], "already_exists", 4), /slot 9c holds a key/)
        await rig.ok([...copy, "--slot", "9a", "--pin-policy", "once", "--accept-pin-once"])
        assert.equal((await shown(id)).copies[0]?.serial, SERIAL)
    })
})
