import assert from "node:assert/strict"
import { mkdir, readdir, readFile } from "node:fs/promises"
import path from "node:path"
import { after, before, describe, test } from "node:test"
import { makeIdentity } from "../integration/backup/backup-rig.ts"
import { mustRun } from "../support/process.ts"
import { openTrustRig, STOCK_PASSPHRASE, type TrustRig } from "../support/trust-rig.ts"

const GUN = "registry.example.com/team/app"

type Key = { readonly id: string; readonly purpose: string }

describe("a backup, in the hands of somebody who has Debian's age, tar, notary and docker, and no trustkeyd", () => {
    const stack = new AsyncDisposableStack()
    let rig: TrustRig
    let targets: string
    let alice: string
    let opened: string

    before(
        async () => {
            rig = stack.use(await openTrustRig())
            const sealed = ["--passphrase-file", rig.passphraseFile]
            await rig.init(GUN)
            const created = await rig.ok(["key", "create", "--purpose", "delegation", "--label", "alice", "--json", ...sealed])
            alice = (JSON.parse(created) as Key).id
            const file = path.join(rig.daemon.directory, "alice.pub")
            await rig.ok(["key", "public", alice, "--out", file])
            await rig.ok(["trust", "signer", "add", "--key", file, "alice", GUN, ...sealed])
            await rig.sign(`${GUN}:v1`, "ab", ...sealed)
            const { keys } = JSON.parse(await rig.ok(["key", "list", "--gun", GUN, "--json"])) as { keys: readonly Key[] }
            targets = keys.find(({ purpose }) => purpose === "targets")?.id ?? assert.fail("no targets key")
            const { file: identity, recipient } = await makeIdentity(rig.daemon.directory, "identity.txt")
            const backup = path.join(rig.daemon.directory, "backup.age")
            const keyFiles = ["--key-file", targets, "--key-file", alice, "--key-passphrase-file", rig.passphraseFile]
            const passphrase = ["--file-passphrase-file", await rig.secret("files", STOCK_PASSPHRASE)]
            await rig.ok(["backup", "create", "--out", backup, "--recipient", recipient, ...keyFiles, ...passphrase])
            await rig.daemon.stop()
            opened = path.join(rig.daemon.directory, "opened")
            await mkdir(opened)
            await mustRun("/bin/sh", [
                "-c",
                'age --decrypt --identity "$1" "$2" | tar --extract --directory "$3"',
                "sh",
                identity,
                backup,
                opened,
            ])
        },
        { timeout: 110_000 },
    )
    after(() => stack.disposeAsync())

    test("opens into files that say what they are", async () => {
        const names = await readdir(opened, { recursive: true })
        for (const name of [
            "README.txt",
            "trustkeyd-backup.json",
            "policy/trustkeyd.toml",
            `keys/${targets}.json`,
            `notary/${alice}.key`,
            "end.json",
        ])
            assert.ok(names.includes(name), name)
        const head = JSON.parse(await readFile(path.join(opened, "trustkeyd-backup.json"), "utf8"))
        assert.deepEqual([head.format, head.counts.lineages], ["trustkeyd-backup/1", 1])
        const root = JSON.parse(await readFile(path.join(opened, "repositories/0/roots/1.json"), "utf8"))
        assert.equal(root.signed._type, "Root")
        assert.match(await readFile(path.join(opened, "README.txt"), "utf8"), /notary key import/)
        // The password lies nowhere in it, having been given.
        assert.ok(!names.includes("notary/passphrase.txt"))
    })

    test("gives notary the repository's key, with which it publishes", { timeout: 110_000 }, async () => {
        const stock = path.join(rig.daemon.directory, "stock")
        await rig.stock(["-d", stock, "key", "import", path.join(opened, "notary", `${targets}.key`)])
        assert.match(await rig.stock(["-d", stock, "key", "list"]), new RegExp(`targets .*${targets}`))
        await rig.stock(["-d", stock, "addhash", GUN, "v2", "1234", "--sha256", "cd".repeat(32), "-p"])
        assert.deepEqual(
            (await rig.listed(GUN)).map(({ name, role }) => [name, role]),
            [
                ["v1", "targets/alice"],
                ["v2", "targets"],
            ].toSorted(),
        )
    })

    test("gives docker a signer's key, with which tags are signed", { timeout: 110_000 }, async () => {
        const file = path.join(opened, "notary", `${alice}.key`)
        assert.match(await rig.dockerOk(["trust", "key", "load", file]), /Successfully imported key/)
        const trust = path.join(rig.docker.configDirectory, "trust")
        await rig.stock([
            "-d",
            trust,
            "addhash",
            GUN,
            "v3",
            "1234",
            "--sha256",
            "ef".repeat(32),
            "-r",
            "targets/alice",
            "-r",
            "targets/releases",
            "-p",
        ])
        assert.ok((await rig.signedTags(GUN)).some(({ tag, signers }) => tag === "v3" && signers.includes("alice")))
    })
})
