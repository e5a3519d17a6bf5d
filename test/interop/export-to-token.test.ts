import assert from "node:assert/strict"
import { readFile, writeFile } from "node:fs/promises"
import path from "node:path"
import { after, before, describe, test } from "node:test"
import { openDaemon } from "../../src/cli/daemon.ts"
import { sealFor } from "../../src/cli/secrets.ts"
import { Secret, sha256 } from "../../src/crypto/index.ts"
import { startDaemon } from "../support/daemon.ts"
import { mustRun } from "../support/process.ts"
import { type SoftHsm, startSoftHsm } from "../support/softhsm.ts"
import { openTrustRig, type TrustRig } from "../support/trust-rig.ts"
import { startYubikeyRig, type YubikeyRig } from "../support/yubikey/rig.ts"
import { DEFAULT_MANAGEMENT_KEY } from "../support/yubikey/state.ts"

const PIN = "123456"
const SERIAL = "12345678"

type Shown = { readonly id: string; readonly origin: string; readonly home: string; readonly pinPolicy: string; readonly algorithm: string }

describe("a key that a vault made and exported, put on a token after the vault is gone", () => {
    const everything = new AsyncDisposableStack()
    let rig: TrustRig
    let yubikeys: YubikeyRig
    let hsm: SoftHsm
    let identity: string

    before(async () => {
        yubikeys = everything.use(await startYubikeyRig())
        await yubikeys.card.hand(20)
        hsm = everything.use(await startSoftHsm({ label: "hsm" }))
        rig = everything.use(await openTrustRig({ tokens: { hsm, yubikey: await yubikeys.card.token() } }))
        identity = place("dana.identity")
        await mustRun("age-keygen", ["-o", identity])
    })
    after(() => everything.disposeAsync())

    const place = (name: string): string => path.join(rig.daemon.directory, name)
    const secret = async (text: string): Promise<Secret> => new Secret(Buffer.from(text))

    /** As a ceremony's step does it. @returns its age file and the key's ID */
    async function vaultExport(algorithm: string): Promise<{ file: string; id: string }> {
        await using vault = await startDaemon()
        const passphrase = path.join(vault.directory, "passphrase")
        await writeFile(passphrase, "the vault's passphrase\n", { mode: 0o600 })
        const create = ["key", "create", "--purpose", "root", "--algorithm", algorithm, "--passphrase-file", passphrase, "--json"]
        const { id } = JSON.parse(await vault.ok(create)) as Shown
        const daemon = openDaemon("admin", vault.adminSocket)
        const recipients = [(await mustRun("age-keygen", ["-y", identity])).trim()]
        const subject = `${id}:${sha256(Buffer.from(recipients.join("\n"))).toString("hex")}`
        const sealed = {
            passphrase: await sealFor(daemon, "export", subject, await secret("the vault's passphrase")),
            identity: await sealFor(daemon, "identity", subject, new Secret(await readFile(identity))),
        }
        const content = await daemon.exportKey({ id, recipients, ...sealed })
        daemon.close()
        const file = place(`${id.slice(0, 12)}.age`)
        // It is ciphertext: who may read it does not matter.
        await writeFile(file, content, { mode: 0o644 })
        return { file, id }
    }

    const take = (file: string, ...more: readonly string[]): readonly string[] => [
        ...["key", "import", "--role", "root", "--json", "--identity", identity, ...more, file],
    ]
    const toHsm = async (): Promise<readonly string[]> => ["--token", "hsm", "--pin-file", await rig.secret("hsm-pin", hsm.userPin)]
    const only = (text: string): Shown => (JSON.parse(text) as { keys: { key: Shown }[] }).keys[0]?.key ?? assert.fail(text)

    async function signsFor(gun: string, id: string): Promise<void> {
        await rig.init(gun, "--root-key", id)
        await rig.sign(`${gun}:v1`, "ab")
        assert.deepEqual(await rig.signedTags(gun), [{ tag: "v1", hex: "ab".repeat(32), signers: ["Repo Admin"] }])
    }

    for (const algorithm of ["p256", "p384", "rsa2048"]) {
        test(`TK-KEY-3 ${algorithm} lies on an HSM, marked imported, where nobody gets it out; it roots a repository for stock clients`, async () => {
            const { file, id } = await vaultExport(algorithm)
            const key = only(await rig.ok(take(file, "--serial", hsm.serial, ...(await toHsm()))))
            assert.deepEqual([key.id, key.origin, key.home, key.algorithm], [id, "imported", "token:hsm", algorithm])
            const objects = ["token", "objects", "hsm", "--json"]
            const listed = JSON.parse(await rig.ok(objects)) as { objects: { keyId: string; sensitive: boolean; extractable: boolean }[] }
            const [object] = listed.objects.filter(({ keyId }) => keyId === id)
            assert.deepEqual([object?.sensitive, object?.extractable], [true, false])
            await signsFor(`registry.example.com/hsm/${algorithm}`, id)
        })
    }

    test("TK-KEY-3 lies in a slot of a YubiKey, with the policies that were asked for, and signs the certificate of a repository", async () => {
        const { file, id } = await vaultExport("p256")
        const secrets = [
            ...["--pin-file", await rig.secret("card-pin", PIN)],
            ...["--management-key-file", await rig.secret("management-key", DEFAULT_MANAGEMENT_KEY)],
        ]
        const place = ["--token", "yubikey", "--slot", "9c", "--touch-policy", "never", ...secrets]
        const wrong = take(file, "--serial", "12345679", ...place)
        assert.match(await rig.refused(wrong, "token_changed", 7), /its serial number is 12345678; the one that was named is 12345679/)
        const key = only(await rig.ok(take(file, "--serial", SERIAL, ...place)))
        assert.deepEqual([key.id, key.origin, key.home, key.pinPolicy], [id, "imported", "token:yubikey", "always"])
        await rig.ok(["key", "certificate", id, "registry.example.com/card/app", ...secrets.slice(0, 2)])
    })

    test("goes nowhere by a wrong serial number, identity or file, and is said to be here already; nothing is left on the token", async () => {
        const { file, id } = await vaultExport("p256")
        const count = async (): Promise<number> => {
            return (JSON.parse(await rig.ok(["token", "objects", "hsm", "--json"])) as { objects: object[] }).objects.length
        }
        const [before, flags] = [await count(), await toHsm()]
        const right = ["--serial", hsm.serial, ...flags]
        await rig.refused(take(file, "--serial", "no-such-token", ...flags), "token_changed", 7)
        await rig.refused(take(file, ...flags), "no_terminal", 2)
        await mustRun("age-keygen", ["-o", place("mallory.identity")])
        const mallory = ["key", "import", "--role", "root", "--identity", place("mallory.identity"), ...right, file]
        await rig.refused(mallory, "open_failed", 5)
        const bytes = await readFile(file)
        for (const [name, content] of [
            ["cut", bytes.subarray(0, -20)],
            ["flipped", Buffer.concat([bytes.subarray(0, -1), Buffer.from([(bytes.at(-1) ?? 0) ^ 1])])],
        ] as const) {
            await writeFile(place(name), content)
            await rig.refused(take(place(name), ...right), "backup_invalid", 7)
        }
        await writeFile(place("text"), "no key at all\n")
        await mustRun("age", ["-r", (await mustRun("age-keygen", ["-y", identity])).trim(), "-o", place("text.age"), place("text")])
        await rig.refused(take(place("text.age"), ...right), "key_file_invalid", 4)
        assert.equal(await count(), before)

        // Armored, and sealed here: then it goes no more by a file.
        await mustRun("age", ["-d", "-i", identity, "-o", place("clear.pem"), file])
        await mustRun("age", [
            "-a",
            "-r",
            (await mustRun("age-keygen", ["-y", identity])).trim(),
            "-o",
            place("armored.age"),
            place("clear.pem"),
        ])
        assert.equal(only(await rig.ok(take(place("armored.age"), "--passphrase-file", rig.passphraseFile))).id, id)
        assert.match(await rig.refused(take(file, ...right), "already_exists", 4), /here already, sealed, and was not put on token hsm/)
        await rig.ok(["key", "remove", id, "--confirm", id.slice(0, 8)])
        assert.match(await rig.refused(take(file, ...right), "already_exists", 4), /was removed here/)
        assert.equal(await count(), before)
    })
})
