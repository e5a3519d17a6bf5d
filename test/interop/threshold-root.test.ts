import assert from "node:assert/strict"
import { readFile, writeFile } from "node:fs/promises"
import path from "node:path"
import { after, before, describe, test } from "node:test"
import { setTimeout as sleep } from "node:timers/promises"
import { openTrustServer, parseReference } from "../../src/publish/index.ts"
import { assembleFile, encodeRoot, parseFile, ROOT, type RootDocument, type Signature } from "../../src/tuf/index.ts"
import { type SoftHsm, startSoftHsm } from "../support/softhsm.ts"
import { openTrustRig, type TrustRig } from "../support/trust-rig.ts"
import { startYubikeyRig, type YubikeyRig } from "../support/yubikey/rig.ts"
import { DEFAULT_MANAGEMENT_KEY } from "../support/yubikey/state.ts"

const DAY = 86_400_000
const YUBIKEY_PIN = "123456"

describe("a root that several people hold, made by trustkeyd and judged by the stock programs", () => {
    const everything = new AsyncDisposableStack()
    let rig: TrustRig
    let yubikeys: YubikeyRig
    let vault: SoftHsm
    /** On root-token, on the other SoftHSM token, on the YubiKey. */
    let alice: string
    let bob: string
    let carol: string

    before(async () => {
        yubikeys = everything.use(await startYubikeyRig())
        await yubikeys.card.hand(20)
        vault = everything.use(await startSoftHsm({ label: "vault" }))
        rig = everything.use(await openTrustRig({ tokens: { vault, yubikey: await yubikeys.card.token() } }))
        alice = /[0-9a-f]{64}/.exec(await rig.ok(["init", "--token", "root-token"]))?.[0] ?? assert.fail("no root key")
        await rig.ok(["token", "login", "vault", "--pin-file", await rig.secret("vault-pin", vault.userPin)])
        bob = await makeRoot("vault", "--algorithm", "p384")
        const card = ["--pin-file", await rig.secret("yubikey-pin", YUBIKEY_PIN), "--management-key-file"]
        carol = await makeRoot("yubikey", ...card, await rig.secret("management-key", DEFAULT_MANAGEMENT_KEY))
    })
    after(() => everything.disposeAsync())

    async function makeRoot(token: string, ...more: readonly string[]): Promise<string> {
        const made = await rig.ok(["key", "create", "--purpose", "root", "--token", token, "--label", token, "--json", ...more])
        return (JSON.parse(made) as { id: string }).id
    }

    function heldBy(threshold: number, ...ids: readonly string[]): readonly string[] {
        return [...ids.flatMap((id) => ["--root-key", id.slice(0, 16)]), "--root-threshold", String(threshold)]
    }

    async function root(gun: string): Promise<{ readonly document: RootDocument; readonly signatures: readonly Signature[] }> {
        const { signed, signatures } = parseFile(await rig.served(gun, "root"), ROOT)
        return { document: signed.document.type === "root" ? signed.document : assert.fail("no root"), signatures }
    }

    async function isUsable(gun: string): Promise<void> {
        await rig.sign(`${gun}:v1`, "ab")
        assert.deepEqual(await rig.listed(gun), [{ name: "v1", hex: "ab".repeat(32), size: 1234, role: "targets" }])
        assert.deepEqual(await rig.signedTags(gun), [{ tag: "v1", hex: "ab".repeat(32), signers: ["Repo Admin"] }])
    }

    test("2 of 3 on a YubiKey and two HSMs is taken by notary-server, and by notary and docker that never saw it before", async () => {
        const gun = "registry.example.com/threshold/two-of-three"
        const made = JSON.parse(await rig.init(gun, ...heldBy(2, alice, bob, carol), "--json")) as { rootKeyIds: string[] }
        assert.deepEqual([...made.rootKeyIds].sort(), [alice, bob, carol].sort())
        const { document, signatures } = await root(gun)
        assert.equal(document.roles.get("root")?.threshold, 2)
        assert.equal(document.roles.get("root")?.keyIds.length, 3)
        // Whoever is there signs, as Notary's own client does it.
        assert.deepEqual(signatures.map(({ keyId }) => keyId).sort(), [...(document.roles.get("root")?.keyIds ?? [])].sort())
        await isUsable(gun)
        const shown = JSON.parse(await rig.ok(["trust", "show", "--json", gun])) as {
            images: { roles: { role: string; threshold: number; keyIds: string[] }[] }[]
        }
        const shownRoot = shown.images[0]?.roles.find(({ role }) => role === "root")
        assert.equal(shownRoot?.threshold, 2)
        assert.deepEqual([...(shownRoot?.keyIds ?? [])].sort(), [alice, bob, carol].sort())
    })

    /** Into the safe; the daemon has noticed when this resolves. */
    async function pullOut(): Promise<void> {
        await yubikeys.card.unplug()
        while (!/^yubikey +absent/m.test(await rig.ok(["token", "list"]))) await sleep(100)
    }

    /** The next root with nothing changed but its end, signed by all our keys. */
    async function nextRoot(gun: string, days: number): Promise<Buffer> {
        const { document } = await root(gun)
        const expires = new Date(Math.floor(Date.now() / 1000) * 1000 + days * DAY)
        const [input, output] = ["next", "signed"].map((name) => path.join(rig.daemon.directory, name))
        assert.ok(input !== undefined && output !== undefined)
        await writeFile(input, encodeRoot({ ...document, version: document.version + 1, expires }))
        await rig.ok(["sign", "--gun", gun, "--role", "root", "--confirm", "--out", output, input])
        return await readFile(output)
    }

    async function post(gun: string, content: Buffer): Promise<void> {
        const reference = parseReference(gun)
        const place = { configDirectory: rig.docker.configDirectory, trustServer: rig.notary.url }
        await (await openTrustServer(reference, place, "push")).post(reference.gun, [{ role: ROOT, content }])
    }

    test("is refused by notary-server with one signature too few, whichever is left out", async () => {
        const gun = "registry.example.com/threshold/too-few"
        await rig.init(gun, ...heldBy(2, alice, bob))
        const full = await nextRoot(gun, 100)
        const { signed, signatures } = parseFile(full, ROOT)
        assert.equal(signatures.length, 2)
        for (const signature of signatures) {
            await assert.rejects(post(gun, assembleFile(signed, [signature])), /failed to validate|could not rotate trust/)
        }
        await post(gun, full)
        await isUsable(gun)
    })

    test("is renewed by as many holders as the threshold while the others' tokens are in the safe", async () => {
        const gun = "registry.example.com/threshold/renewed"
        await rig.init(gun, ...heldBy(2, alice, bob, carol))
        await isUsable(gun)
        await post(gun, await nextRoot(gun, 20))
        await pullOut()
        try {
            await rig.ok(["trust", "renew", gun, "--passphrase-file", rig.passphraseFile])
        } finally {
            await yubikeys.card.plug()
        }
        const { document, signatures } = await root(gun)
        assert.equal(document.version, 3)
        assert.equal(signatures.length, 2)
        await isUsable(gun)
    })

    test("is made over several occasions when the tokens are never there together, and nothing is published before", async () => {
        const gun = "registry.example.com/threshold/one-by-one"
        await pullOut()
        const wanted = [...heldBy(2, alice, carol), "--passphrase-file", rig.passphraseFile]
        const absent = await rig.refused(["trust", "init", gun, ...wanted], "token_absent", 5)
        assert.match(absent, new RegExp(`The certificates of ${alice.slice(0, 12)} are kept`))
        assert.match(
            absent,
            new RegExp(`the certificate of ${carol.slice(0, 12)} \\(token yubikey\\) is still to be made.*same command again`),
        )
        const listed = await rig.client.run(["list", gun])
        assert.match(listed.stdout, /does not have trust data/)
        await yubikeys.card.plug()
        await rig.ok(["token", "login", "yubikey", "--pin-file", await rig.secret("yubikey-pin", YUBIKEY_PIN)])
        await rig.ok(["trust", "init", gun, ...wanted])
        assert.equal((await root(gun)).signatures.length, 2)
        await isUsable(gun)
    })

    test("is not begun with a number of signatures that nobody has chosen or nobody could make", async () => {
        const gun = "registry.example.com/threshold/unsaid"
        const init = ["trust", "init", gun, "--passphrase-file", rig.passphraseFile]
        const [a, b] = [
            ["--root-key", alice],
            ["--root-key", bob],
        ] as const
        assert.match(await rig.refused([...init, ...a, ...b], "usage", 2), /--root-threshold 2/)
        assert.match(await rig.refused([...init, ...heldBy(3, alice, bob)], "usage", 2), /3 root keys would have to sign, and 2 are named/)
        assert.match(await rig.refused([...init, ...heldBy(2, alice, alice)], "usage", 2), /is named twice/)
        const listed = await rig.client.run(["list", gun])
        assert.match(listed.stdout, /does not have trust data/)
    })
})
