import assert from "node:assert/strict"
import { readFile, stat, writeFile } from "node:fs/promises"
import path from "node:path"
import { after, before, describe, test } from "node:test"
import { findDockerClis } from "../support/docker-clis.ts"
import { withoutYubikey } from "../support/no-yubikey.ts"
import { mustRun, runCommand } from "../support/process.ts"
import { openTrustRig, type TrustRig } from "../support/trust-rig.ts"

const { clis } = await findDockerClis()

/** The rig's stock clients know it, so they can open what was exported. */
const FILE_PASSPHRASE = "stock-client-passphrase"
const ALGORITHMS = ["p256", "p384", "rsa2048", "ed25519"] as const

type Key = { readonly id: string; readonly purpose: string; readonly bindings: readonly { readonly gun: string }[] }

/** What leaves is used by those it is for: each key exported here signs in a program that is none of ours. */
describe("keys that leave for other programs", () => {
    let rig: TrustRig
    let filePassphrase: string
    before(async () => {
        rig = await openTrustRig()
        filePassphrase = place("file-passphrase")
        await writeFile(filePassphrase, `${FILE_PASSPHRASE}\n`, { mode: 0o600 })
    })
    after(async () => {
        await rig?.[Symbol.asyncDispose]()
    })

    const place = (name: string): string => path.join(rig.daemon.directory, name)

    async function create(purpose: string, ...more: readonly string[]): Promise<string> {
        const key = await rig.ok(["key", "create", "--purpose", purpose, "--passphrase-file", rig.passphraseFile, "--json", ...more])
        return (JSON.parse(key) as Key).id
    }

    const exportArgs = (id: string, format: string, file: string): readonly string[] => [
        ...["key", "export", id, "--format", format, "--out", file, "--confirm", id.slice(0, 8)],
        ...["--passphrase-file", rig.passphraseFile, "--file-passphrase-file", filePassphrase],
    ]

    async function exported(id: string, format: "notary" | "pkcs8", ...more: readonly string[]): Promise<string> {
        const file = place(`${id.slice(0, 12)}.${format}`)
        assert.match(await rig.ok([...exportArgs(id, format, file), ...more]), new RegExp(`^Exported .*${id.slice(0, 12)} to `))
        return file
    }

    const spkiOf = async (id: string): Promise<string> => (await rig.ok(["key", "public", id])).trim()

    test("openssl opens what was exported as pkcs8, for each algorithm, with the file's passphrase alone", async () => {
        for (const algorithm of ALGORITHMS) {
            const id = await create("delegation", "--algorithm", algorithm)
            const file = await exported(id, "pkcs8")
            assert.equal((await stat(file)).mode & 0o777, 0o600)
            assert.doesNotMatch(await readFile(file, "utf8"), /^\w+:/m)
            const shown = await mustRun("openssl", ["pkey", "-in", file, "-passin", `file:${filePassphrase}`, "-pubout"])
            assert.equal(shown.trim(), await spkiOf(id))
            const wrong = await runCommand("openssl", ["pkey", "-in", file, "-passin", `file:${rig.passphraseFile}`, "-noout"])
            assert.notEqual(wrong.status, 0)
            // It comes back the same.
            const again = ["key", "import", "--role", "delegation", "--file-passphrase-file", filePassphrase, file]
            assert.match(await rig.ok([...again, "--passphrase-file", rig.passphraseFile]), /^Here already: /)
        }
    })

    test("notary takes keys of each algorithm in its format, and opens them when it changes their passphrases", async () => {
        for (const algorithm of ALGORITHMS) {
            const id = await create("delegation", "--algorithm", algorithm, "--label", `signer-${algorithm}`)
            await rig.stock(["key", "import", await exported(id, "notary")])
            assert.match(await rig.stock(["key", "list"]), new RegExp(`signer-${algorithm}.* ${id}`))
            await rig.stock(["key", "passwd", id])
        }
    })

    test("a repository goes on in notary alone: its root key rotates there, and its targets key signs the next tag", async () => {
        const gun = "registry.example.com/team/leaving"
        const root = await create("root")
        await rig.init(gun, "--root-key", root)
        await rig.sign(`${gun}:v1`, "ab")
        const { keys } = JSON.parse(await rig.ok(["key", "list", "--gun", gun, "--json"])) as { keys: Key[] }
        const targets = keys.find(({ purpose }) => purpose === "targets")?.id ?? assert.fail("no targets key")
        for (const id of [root, targets]) await rig.stock(["key", "import", await exported(id, "notary")])
        assert.match(await rig.stock(["key", "list"]), new RegExp(`root +${root}[^]*targets +\\S*leaving +${targets}`))
        await rig.stock(["addhash", gun, "v2", "1234", "--sha256", "cd".repeat(32), "-p"])
        await rig.stock(["key", "rotate", gun, "snapshot", "-r"])
        assert.deepEqual(await rig.signedTags(gun), [
            { tag: "v1", hex: "ab".repeat(32), signers: ["Repo Admin"] },
            { tag: "v2", hex: "cd".repeat(32), signers: ["Repo Admin"] },
        ])
    })

    for (const { version, program } of clis) {
        test(`docker ${version} loads a signer's key, and the key signs from docker's own directory`, async () => {
            const name = `alice${version.replaceAll(/\W/g, "")}`
            const gun = `registry.example.com/team/${name}`
            await rig.init(gun, "--root-key", await create("root"))
            const id = await create("delegation", "--label", name)
            const [publicKey, trust] = [place(`${name}.pub`), path.join(place(name), "trust")]
            await writeFile(publicKey, await rig.ok(["key", "public", id]))
            await rig.ok(["trust", "signer", "add", "--key", publicKey, name, gun, "--passphrase-file", rig.passphraseFile])
            const line = withoutYubikey(program, ["trust", "key", "load", await exported(id, "notary")])
            const env = { ...rig.docker.env, DOCKER_CONFIG: place(name) }
            const { status, stdout, stderr } = await runCommand(line.command, line.args, { env })
            assert.equal(status, 0, stderr)
            assert.match(stdout, /Successfully imported key/)
            assert.match(await rig.stock(["-d", trust, "key", "list"]), new RegExp(`${name} +${id}`))
            const to = ["-r", `targets/${name}`, "-r", "targets/releases", "-p"]
            await rig.stock(["-d", trust, "addhash", gun, "v1", "1234", "--sha256", "ab".repeat(32), ...to])
            assert.deepEqual(await rig.signedTags(gun), [{ tag: "v1", hex: "ab".repeat(32), signers: [name] }])
        })
    }

    test("what can't leave, or is not meant to, is said before anything is written", async () => {
        const id = await create("targets")
        const file = place("refused.key")
        assert.match(await rig.refused(exportArgs(id, "notary", file), "usage", 2), /bound to no repository: say which \(--gun\)/)
        const gun = ["--gun", "registry.example.com/team/app"]
        const confirmed = exportArgs(id, "notary", file).map((argument) => (argument === id.slice(0, 8) ? "00000000" : argument))
        await rig.refused([...confirmed, ...gun], "confirmation_required", 5)
        const same = exportArgs(id, "notary", file).map((argument) => (argument === filePassphrase ? rig.passphraseFile : argument))
        assert.match(await rig.refused([...same, ...gun], "invalid_request", 4), /gets another/)
        await writeFile(place("wrong"), "not the passphrase\n", { mode: 0o600 })
        const other = exportArgs(id, "notary", file).map((argument) => (argument === rig.passphraseFile ? place("wrong") : argument))
        await rig.refused([...other, ...gun], "open_failed", 5)
        await rig.refused([...exportArgs(id, "pkcs8", file), ...gun], "usage", 2)
        await assert.rejects(stat(file), { code: "ENOENT" })
        await rig.refused(exportArgs(id, "pkcs8", rig.passphraseFile), "already_exists", 4)

        const { keys } = JSON.parse(await rig.ok(["key", "list", "--json"])) as { keys: (Key & { home: string })[] }
        const onToken = keys.find(({ home }) => home === "token:root-token")?.id ?? assert.fail("no key on the token")
        await rig.init("registry.example.com/team/on-token", "--root-key", onToken)
        const refusal = await rig.refused(exportArgs(onToken, "pkcs8", file), "key_unfit", 4)
        assert.match(refusal, /on token root-token, which gives it to nobody.*its only key: without it no root can be signed any more/)
    })
})
