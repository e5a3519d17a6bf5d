import assert from "node:assert/strict"
import { execFileSync } from "node:child_process"
import { copyFile, readFile, writeFile } from "node:fs/promises"
import path from "node:path"
import { after, before, describe, test } from "node:test"
import { openTrustServer, parseReference } from "../../src/publish/index.ts"
import { parseRoleName } from "../../src/tuf/index.ts"
import { type Daemon, startDaemon } from "../support/daemon.ts"
import { openTrustRig, signArgs, signedPart, type TrustRig } from "../support/trust-rig.ts"

const VECTORS = path.resolve(import.meta.dirname, "../vectors/notary")

type KeyFileVector = {
    readonly file: string
    readonly passphrase: string
    readonly key_id: string
    readonly pem_headers: { readonly role: string }
}
type ImportedKeys = {
    keys: { imported: boolean; key: { id: string; origin: string; purpose: string; label: string; algorithm: string } }[]
}

/** Every key file of the stock clients goes in, signs, and the stock clients accept what it signed. */
describe("private keys of the stock clients, imported", () => {
    let rig: TrustRig
    let vectors: readonly KeyFileVector[]

    before(async () => {
        rig = await openTrustRig()
        vectors = (JSON.parse(await readFile(path.join(VECTORS, "vectors.json"), "utf8")) as { key_files: KeyFileVector[] }).key_files
    })
    after(async () => {
        await rig?.[Symbol.asyncDispose]()
    })

    const vectorOf = (id: string): KeyFileVector => vectors.find(({ key_id: known }) => known.startsWith(id)) ?? assert.fail(id)
    const env = (): Record<string, string> => ({
        DOCKER_CONFIG: rig.docker.configDirectory,
        DOCKER_CONTENT_TRUST_SERVER: rig.notary.url,
    })

    /** `trustkey key import` of a copy that only we can read. */
    async function take(daemon: Daemon, file: string, passphrase: string, ...more: readonly string[]): Promise<ImportedKeys["keys"]> {
        const copy = path.join(daemon.directory, path.basename(file))
        await writeFile(copy, await readFile(path.join(VECTORS, file)), { mode: 0o600 })
        const passphrases = ["--file-passphrase-file", await rig.secret("old", passphrase), "--passphrase-file", rig.passphraseFile]
        const { keys } = JSON.parse(
            await daemon.ok(["key", "import", copy, ...passphrases, "--json", ...more], { env: env() }),
        ) as ImportedKeys
        for (const { key } of keys) assert.equal(key.origin, "imported")
        return keys
    }

    async function takeOne(id: string, ...more: readonly string[]): Promise<string> {
        const { file, passphrase, key_id: whole } = vectorOf(id)
        const [only, ...others] = await take(rig.daemon, file, passphrase, ...more)
        assert.equal(only?.key.id, whole)
        assert.deepEqual(others, [])
        return whole
    }

    /** A root key serves more than one repository. */
    async function takeOnce(id: string): Promise<string> {
        const [only] = await take(rig.daemon, vectorOf(id).file, vectorOf(id).passphrase)
        return only?.key.id ?? assert.fail()
    }

    const signing = (image: string, pair: string): readonly string[] => signArgs(image, pair, "--passphrase-file", rig.passphraseFile)

    async function adopt(daemon: Daemon, gun: string): Promise<void> {
        await daemon.ok(["trust", "adopt", gun, "--confirm", await rig.fingerprint(gun)], { env: env() })
    }

    /** The same key in clear, by OpenSSL, for commands of the stock client that can't ask for a passphrase. */
    async function clearFile(id: string): Promise<string> {
        const { file, passphrase } = vectorOf(id)
        const [bare, clear] = [path.join(rig.client.directory, "bare.pem"), path.join(rig.client.directory, `${id}.pem`)]
        const pem = (await readFile(path.join(VECTORS, file), "utf8")).replace(/^\w+: .*\n/gm, "").replace(/-----\n\n/, "-----\n")
        await writeFile(bare, pem, { mode: 0o600 })
        execFileSync("openssl", ["pkcs8", "-in", bare, "-passin", `pass:${passphrase}`, "-out", clear])
        return clear
    }

    for (const id of ["272a4ce4", "31d6a2ac", "b5a7b200"]) {
        test(`root key ${id}: a repository that rests on it is made, signed in, and its root renewed`, async () => {
            const gun = `registry.example.com/imported/root-${id}`
            const key = await takeOnce(id)
            await rig.init(gun, "--root-key", key)
            await rig.sign(`${gun}:v1`, "ab")
            assert.deepEqual(await rig.listed(gun), [{ name: "v1", hex: "ab".repeat(32), size: 1234, role: "targets" }])

            // A second root, signed by the same key: a client that knows the first one follows.
            const next = JSON.parse(signedPart(await rig.served(gun, "root"))) as { version: number }
            next.version += 1
            await publishSigned(rig.daemon, gun, "root", next)
            assert.deepEqual(await rig.signedTags(gun), [{ tag: "v1", hex: "ab".repeat(32), signers: ["Repo Admin"] }])
            assert.equal((await rig.listed(gun)).length, 1)
            assert.equal((JSON.parse(signedPart(await rig.served(gun, "root"))) as { version: number }).version, 2)
        })
    }

    test("targets and snapshot keys of a notary repository: both roles are signed by them", async () => {
        const gun = "example.test/demo/app"
        await rig.stock(["init", gun, "-p"])
        for (const [role, id] of [
            ["targets", "d1bdf5bf"],
            ["snapshot", "7ade0cf0"],
        ] as const) {
            await rig.stock(["key", "rotate", gun, role, "-k", await clearFile(id)])
            await takeOne(id)
        }
        await adopt(rig.daemon, gun)
        await rig.ok(signing(`${gun}:v1`, "ab"))
        assert.deepEqual(await rig.listed(gun), [{ name: "v1", hex: "ab".repeat(32), size: 1234, role: "targets" }])
        for (const role of ["targets", "snapshot"]) {
            const { signatures } = JSON.parse((await rig.served(gun, role)).toString()) as { signatures: { keyid: string }[] }
            assert.deepEqual(
                signatures.map(({ keyid }) => keyid),
                [vectorOf(role === "targets" ? "d1bdf5bf" : "7ade0cf0").key_id],
            )
        }
        // The key that took its place in the samples too.
        await rig.stock(["key", "rotate", gun, "targets", "-k", await clearFile("db3c2ae8")])
        await takeOne("db3c2ae8")
        await rig.ok(signing(`${gun}:v2`, "cd"))
        assert.deepEqual(
            (await rig.signedTags(gun)).map(({ tag }) => tag),
            ["v1", "v2"],
        )
    })

    test("docker's repository key", async () => {
        const gun = "localhost:21500/sample/img"
        await rig.stock(["init", gun, "-p"])
        await rig.stock(["key", "rotate", gun, "targets", "-k", await clearFile("14128527")])
        await rig.stock(["key", "rotate", gun, "snapshot", "-r"])
        await takeOne("14128527")
        await adopt(rig.daemon, gun)
        await rig.ok(signing(`${gun}:v1`, "ab"))
        assert.deepEqual(await rig.signedTags(gun), [{ tag: "v1", hex: "ab".repeat(32), signers: ["Repo Admin"] }])
    })

    for (const [id, name] of [
        ["afa0927f", "alice"],
        ["95ed45ff", "bob"],
        ["cd2f1d88", "carol"],
        ["2bb95cea", "dana"],
    ] as const) {
        test(`${name}'s delegation key ${id}: docker makes her a signer, and sees what she signs`, async () => {
            const gun = `registry.example.com/imported/${name}`
            const key = await takeOne(id, "--bind", `targets/releases@${gun}`, "--bind", `targets/${name}@${gun}`)
            const file = path.join(rig.docker.configDirectory, `${name}.pub`)
            await rig.ok(["key", "public", key, "--out", file])
            await rig.dockerOk(["trust", "signer", "add", "--key", file, name, gun])
            await adopt(rig.daemon, gun)
            await rig.ok(signing(`${gun}:v1`, "ab"))
            assert.deepEqual(await rig.signedTags(gun), [{ tag: "v1", hex: "ab".repeat(32), signers: [name] }])
            assert.deepEqual(await rig.listed(gun), [{ name: "v1", hex: "ab".repeat(32), size: 1234, role: `targets/${name}` }])
        })
    }

    for (const [id, certificate] of [
        ["95ed45ff", "bob"],
        ["cd2f1d88", "carol"],
    ] as const) {
        test(`key ${id}, delegated to by ${certificate}'s certificate instead of the bare key`, async () => {
            const gun = `registry.example.com/imported/certificate-${certificate}`
            await rig.stock(["init", gun, "-p"])
            await rig.stock(["key", "rotate", gun, "snapshot", "-r"])
            const file = path.join(rig.client.directory, `${certificate}.crt`)
            await copyFile(path.join(VECTORS, `keys/${certificate}.crt`), file)
            await rig.stock(["delegation", "add", gun, "targets/releases", file, "--all-paths", "-p"])
            await using daemon = await anotherDaemon(gun)
            const { file: keyFile, passphrase } = vectorOf(id)
            await take(daemon, keyFile, passphrase, "--bind", `targets/releases@${gun}`)
            await daemon.ok(signing(`${gun}:v1`, "ab"), { env: env() })
            assert.deepEqual(await rig.listed(gun), [{ name: "v1", hex: "ab".repeat(32), size: 1234, role: "targets/releases" }])
        })
    }

    test("the Ed25519 delegation key in both of Notary's files: the stock client verifies its signature", async () => {
        const gun = "registry.example.com/imported/ed25519"
        await rig.init(gun, "--root-key", await takeOnce("272a4ce4"))
        const bind = ["--bind", `targets/releases@${gun}`]
        const key = await takeOne("012bcbb5", ...bind)
        await delegate(gun, "targets/releases", key)
        await rig.ok(signing(`${gun}:v1`, "ab"))
        assert.deepEqual(await rig.listed(gun), [{ name: "v1", hex: "ab".repeat(32), size: 1234, role: "targets/releases" }])
        await using other = await anotherDaemon(gun)
        const [only] = await take(other, "keys/ed25519-delegation.pem", vectorOf("012bcbb5").passphrase, ...bind)
        assert.equal(only?.key.id, key)
        await other.ok(signing(`${gun}:v2`, "cd"), { env: env() })
        assert.deepEqual(
            (await rig.listed(gun)).map(({ name }) => name),
            ["v1", "v2"],
        )
    })

    test("alice's key as OpenSSL writes it, in clear and with DEK-Info, is the one the stock client delegated to", async () => {
        const gun = "registry.example.com/imported/openssl"
        await rig.stock(["init", gun, "-p"])
        await rig.stock(["key", "rotate", gun, "snapshot", "-r"])
        const publicKey = path.join(rig.client.directory, "alice.pub")
        await copyFile(path.join(VECTORS, "keys/alice.pub"), publicKey)
        await rig.stock(["delegation", "add", gun, "targets/releases", publicKey, "--all-paths", "-p"])
        for (const file of ["keys/alice-sec1-unencrypted.pem", "keys/alice-legacy-dek.pem"]) {
            await using daemon = await anotherDaemon(gun)
            const [only] = await take(daemon, file, "sample-legacy-pass", "--role", "alice", "--bind", `targets/releases@${gun}`)
            assert.equal(only?.key.id, vectorOf("afa0927f").key_id)
            assert.equal(only.key.label, "alice")
            await daemon.ok(signing(`${gun}:${path.basename(file, ".pem")}`, "ab"), { env: env() })
        }
        assert.deepEqual(
            (await rig.listed(gun)).map(({ name }) => name),
            ["alice-legacy-dek", "alice-sec1-unencrypted"],
        )
    })

    /** One more daemon, which knows the repository and none of its keys. */
    async function anotherDaemon(gun: string): Promise<Daemon> {
        const daemon = await startDaemon()
        await adopt(daemon, gun)
        return daemon
    }

    /** The next targets, with the role delegated to a key of ours. */
    async function delegate(gun: string, role: string, id: string): Promise<void> {
        const { keys } = JSON.parse(await rig.ok(["key", "list", "--gun", gun, "--json"])) as {
            keys: { id: string; keytype: string; publicKey: string }[]
        }
        const { keytype, publicKey } = keys.find((key) => key.id === id) ?? assert.fail()
        const signed = JSON.parse(signedPart(await rig.served(gun, "targets"))) as {
            version: number
            delegations: { keys: Record<string, unknown>; roles: unknown[] }
        }
        signed.version += 1
        signed.delegations.keys[id] = { keytype, keyval: { private: null, public: publicKey } }
        signed.delegations.roles = [{ keyids: [id], name: role, paths: [""], threshold: 1 }]
        await publishSigned(rig.daemon, gun, "targets", signed)
    }

    /** Signed by the daemon, sent by us. */
    async function publishSigned(daemon: Daemon, gun: string, role: string, signed: object): Promise<void> {
        const [input, output] = [path.join(daemon.directory, "unsigned"), path.join(daemon.directory, "signed")]
        await writeFile(input, JSON.stringify(signed))
        await daemon.ok(
            ["sign", "--gun", gun, "--role", role, "--confirm", "--passphrase-file", rig.passphraseFile, "--out", output, input],
            {
                env: env(),
            },
        )
        const reference = parseReference(gun)
        const place = { configDirectory: rig.docker.configDirectory, trustServer: rig.notary.url }
        const server = await openTrustServer(reference, place, "push")
        await server.post(reference.gun, [{ role: parseRoleName(role), content: await readFile(output) }])
    }
})
