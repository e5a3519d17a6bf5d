import assert from "node:assert/strict"
import { generateKeyPairSync } from "node:crypto"
import { existsSync } from "node:fs"
import { writeFile } from "node:fs/promises"
import path from "node:path"
import { after, before, describe, test } from "node:test"
import { runCli } from "../../src/cli/index.ts"
import { publicKeyToPem } from "../../src/crypto/index.ts"
import { type Daemon, startDaemon } from "../support/daemon.ts"
import { mustRun } from "../support/process.ts"
import { startSoftHsm } from "../support/softhsm.ts"
import { openTrustRig, signArgs, type TrustRig } from "../support/trust-rig.ts"
import { type FakeTerminal, fakeTerminal } from "../unit/cli/fake-terminal.ts"

const CTRL_C = "\u0003"
const EC = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]

let rig: TrustRig

/** The same command line with a person at its terminal, who types these lines. */
async function typing(
    args: readonly string[],
    typed: readonly string[],
    env: Readonly<Record<string, string>> = {},
): Promise<{ code: number; terminal: FakeTerminal }> {
    const terminal = fakeTerminal({ typed })
    const code = await runCli(args, {
        env: {
            DOCKER_CONFIG: rig.docker.configDirectory,
            DOCKER_CONTENT_TRUST_SERVER: rig.notary.url,
            TRUSTKEYD_SOCKET: rig.daemon.signSocket,
            TRUSTKEYD_ADMIN_SOCKET: rig.daemon.adminSocket,
            ...env,
        },
        now: () => new Date(),
        terminal,
        home: rig.daemon.directory,
        version: "0",
        frontEnd: "trustkey",
        docker: { program: "docker", globalFlags: [], configDirectory: undefined },
        programs: { node: process.execPath, directory: "dist" },
    })
    return { code, terminal }
}

/** `--passphrase-file` for every key that is made. */
function sealed(): readonly string[] {
    return ["--passphrase-file", rig.passphraseFile]
}

type Key = {
    readonly id: string
    readonly purpose: string
    readonly label: string
    readonly bindings: { readonly gun: string; readonly role: string }[]
}

async function keys(): Promise<readonly Key[]> {
    return (JSON.parse(await rig.ok(["key", "list", "--json"])) as { keys: Key[] }).keys
}

function placesOf(key: Key | undefined, gun: string): readonly string[] {
    return (key?.bindings ?? [])
        .filter((binding) => binding.gun === gun)
        .map(({ role }) => role)
        .sort()
}

/** A new signer's key in the daemon, bound nowhere and open, and its public half in a file. `more`: else it is in the group of all signers. */
async function newSigner(name: string, more: readonly string[] = ["--group", "signers"]): Promise<{ id: string; file: string }> {
    const create = ["key", "create", "--purpose", "delegation", "--label", name, ...more, "--json"]
    const { id, publicKey } = JSON.parse(await rig.ok(create)) as { id: string; publicKey: string }
    const file = path.join(rig.daemon.directory, `${id}.pub`)
    await writeFile(file, publicKeyToPem({ keytype: "ecdsa", bytes: Buffer.from(publicKey, "base64") }))
    return { id, file }
}

/** Signers as the stock client on another machine shows them. */
async function signers(gun: string): Promise<Record<string, readonly string[]>> {
    const { status, stdout, stderr } = await rig.judge.run(["trust", "inspect", gun])
    assert.equal(status, 0, stderr)
    const [shown] = JSON.parse(stdout) as { Signers: { Name: string; Keys: { ID: string }[] }[] }[]
    return Object.fromEntries((shown?.Signers ?? []).map(({ Name, Keys }) => [Name, Keys.map(({ ID }) => ID)]))
}

describe("docker's signer workflow", () => {
    before(async () => {
        rig = await openTrustRig()
        await rig.ok(["key", "group", "create", "signers", ...sealed()])
        await rig.ok(["key", "unlock", "--group", "signers", ...sealed()])
    })
    after(async () => {
        await rig?.[Symbol.asyncDispose]()
    })

    test("the documentation's walk-through: signers are added, sign, are listed by the stock client, and leave", async () => {
        const gun = "registry.example.com/walk/through"
        const [alice, bob] = [await newSigner("alice"), await newSigner("bob")]
        assert.equal(
            await rig.ok(["trust", "signer", "add", "--key", alice.file, "alice", gun, ...sealed()]),
            `Adding signer "alice" to ${gun}...\nInitializing signed repository for ${gun}...\nSuccessfully initialized "${gun}"\nSuccessfully added signer: alice to ${gun}\n\n`,
        )
        assert.deepEqual(
            placesOf(
                (await keys()).find(({ id }) => id === alice.id),
                gun,
            ),
            ["targets/alice", "targets/releases"],
        )
        assert.equal(await rig.sign(`${gun}:v1`, "ab"), `Signing and pushing trust metadata\nSuccessfully signed ${gun}:v1\n`)
        assert.deepEqual(await rig.signedTags(gun), [{ tag: "v1", hex: "ab".repeat(32), signers: ["alice"] }])

        const added = await rig.ok(["trust", "signer", "add", "--key", bob.file, "bob", gun])
        assert.equal(added, `Adding signer "bob" to ${gun}...\nSuccessfully added signer: bob to ${gun}\n\n`)
        assert.deepEqual(await signers(gun), { bob: [bob.id], alice: [alice.id] })
        const again = await rig.ok(["trust", "sign", `${gun}:v1`])
        assert.equal(
            again,
            `Signing and pushing trust metadata for ${gun}:v1\nExisting signatures for tag v1 digest ${"ab".repeat(32)} from:\nalice\nSuccessfully signed ${gun}:v1\n`,
        )
        assert.deepEqual(await rig.signedTags(gun), [{ tag: "v1", hex: "ab".repeat(32), signers: ["alice", "bob"] }])

        assert.equal(
            await rig.ok(["trust", "signer", "remove", "alice", gun]),
            `Removing signer "alice" from ${gun}...\nSuccessfully removed alice from ${gun}\n\n`,
        )
        assert.deepEqual(await signers(gun), { bob: [bob.id] })
        assert.deepEqual(await rig.signedTags(gun), [{ tag: "v1", hex: "ab".repeat(32), signers: ["bob"] }])
        assert.deepEqual(
            placesOf(
                (await keys()).find(({ id }) => id === alice.id),
                gun,
            ),
            [],
        )
        await rig.refused(["trust", "signer", "remove", "alice", gun], "not_found", 4)

        await rig.ok(["trust", "signer", "remove", "bob", gun, "--resign"])
        assert.deepEqual(await signers(gun), {})
        assert.deepEqual(await rig.signedTags(gun), [{ tag: "v1", hex: "ab".repeat(32), signers: ["Repo Admin"] }])
        // Life goes on: with the repository key, and with a signer who finds what others left.
        await rig.sign(`${gun}:v2`, "cd")
        const carol = await newSigner("carol")
        await rig.ok(["trust", "signer", "add", "--key", carol.file, "carol", gun])
        await rig.sign(`${gun}:v3`, "ef")
        assert.deepEqual(
            (await rig.signedTags(gun)).map(({ tag, signers: by }) => [tag, by]),
            [
                ["v1", ["Repo Admin"]],
                ["v2", ["Repo Admin"]],
                ["v3", ["carol"]],
            ],
        )
    })

    test("the first signature of a repository begins it, with the login's user name as signer", async () => {
        const gun = "registry.example.com/first/signed"
        const config = path.join(rig.docker.configDirectory, "config.json")
        const sign = signArgs(`${gun}:v1`, "ab", ...sealed())
        const before = await keys()
        await rig.refused(sign, "login_needed", 5)
        await writeFile(config, JSON.stringify({ auths: { "registry.example.com": { identitytoken: "opaque", auth: "" } } }))
        await rig.refused(sign, "login_needed", 5)
        await writeFile(config, JSON.stringify({ auths: { "registry.example.com": { auth: Buffer.from("Al.ice:x").toString("base64") } } }))
        assert.match(await rig.refused(sign, "invalid_request", 4), /signer name "Al\.ice" must start/)
        assert.deepEqual(await keys(), before)
        assert.notEqual((await rig.client.run(["list", gun])).status, 0)

        await writeFile(config, JSON.stringify({ auths: { "registry.example.com": { auth: Buffer.from("dana:x").toString("base64") } } }))
        assert.equal(
            await rig.ok(sign),
            `Created signer: dana\nFinished initializing signed repository for ${gun}:v1\nSigning and pushing trust metadata\nSuccessfully signed ${gun}:v1\n`,
        )
        assert.deepEqual(await rig.signedTags(gun), [{ tag: "v1", hex: "ab".repeat(32), signers: ["dana"] }])
        const dana = (await keys()).find(({ label }) => label === "dana")
        assert.deepEqual(await signers(gun), { dana: [dana?.id] })

        // The key of one repository is not silently another's too.
        const second = "registry.example.com/first/second"
        await rig.ok(signArgs(`${second}:v1`, "ab", ...sealed()))
        assert.equal((await keys()).filter(({ label }) => label === "dana").length, 2)
        assert.equal((await rig.served(gun, "targets")).toString().includes("targets/dana"), true)
        await writeFile(config, "{}")
    })

    describe("the first signature of all, where there is no root key yet,", () => {
        const warning =
            /^There is no root key yet, so one is made now\. Every repository you begin rests on it(?:.|\n)*^Made the root key [0-9a-f]{12}\.$/m
        const variables = {
            DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE: "of the root key",
            DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: "of the other keys",
        }
        const env = () => ({ DOCKER_CONFIG: rig.docker.configDirectory, DOCKER_CONTENT_TRUST_SERVER: rig.notary.url, ...variables })
        const rootsOf = async (daemon: Daemon): Promise<readonly { readonly id: string; readonly home: string }[]> => {
            const { keys } = JSON.parse(await daemon.ok(["key", "list", "--json"])) as {
                keys: { id: string; purpose: string; home: string }[]
            }
            return keys.filter(({ purpose }) => purpose === "root")
        }

        test("makes one sealed, after a warning, under docker's variable for it; the next repository rests on it too", async () => {
            await using daemon = await startDaemon()
            const [one, two] = ["registry.example.com/no-root/one", "registry.example.com/no-root/two"]
            const first = await daemon.trustkey(signArgs(`${one}:v1`, "ab", "--as", "tess"), { env: env() })
            assert.equal(first.status, 0, first.stderr)
            assert.match(first.stderr, warning)
            assert.match(first.stderr, /kept sealed under a passphrase\.$/m)
            const second = await daemon.trustkey(signArgs(`${two}:v1`, "cd", "--as", "tess"), { env: env() })
            assert.equal(second.status, 0, second.stderr)
            assert.doesNotMatch(second.stderr, warning)
            const [root, ...others] = await rootsOf(daemon)
            assert.deepEqual([root?.home, others], ["sealed", []])
            const passphrase = await rig.secret("root-passphrase", variables.DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE)
            await daemon.ok(["key", "lock", root?.id ?? ""])
            await daemon.ok(["key", "unlock", root?.id ?? "", "--passphrase-file", passphrase])
            for (const [gun, hex] of [
                [one, "ab"],
                [two, "cd"],
            ] as const)
                assert.deepEqual(await rig.signedTags(gun), [{ tag: "v1", hex: hex.repeat(32), signers: ["tess"] }])
        })

        test("makes it on the token, whose PIN no variable is tried as", async () => {
            await using token = await startSoftHsm()
            await using daemon = await startDaemon({ tokens: { hsm: token } })
            const gun = "registry.example.com/no-root/token"
            const sign = signArgs(`${gun}:v1`, "ab", "--as", "tess")
            const refused = await daemon.trustkey(sign, { env: env() })
            assert.deepEqual([refused.status, /\[no_terminal\]/.test(refused.stderr)], [2, true], refused.stderr)
            assert.deepEqual(await rootsOf(daemon), [])
            const pin = ["--pin-file", await rig.secret("token-pin", token.userPin)]
            const { status, stderr } = await daemon.trustkey([...sign, ...pin], { env: env() })
            assert.equal(status, 0, stderr)
            assert.match(stderr, warning)
            assert.match(stderr, /kept on token hsm, which it never leaves\.$/m)
            assert.deepEqual(
                (await rootsOf(daemon)).map(({ home }) => home),
                ["token:hsm"],
            )
            assert.deepEqual(await rig.signedTags(gun), [{ tag: "v1", hex: "ab".repeat(32), signers: ["tess"] }])
        })
    })

    test("the first signer does not get a key for his own that somebody else has imported under his name", async () => {
        const gun = "registry.example.com/first/named"
        const file = path.join(rig.daemon.directory, "mallory.pem")
        await writeFile(file, generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o600 })
        const bind = ["--bind", `targets/mallory@${gun}`]
        await rig.ok(["key", "import", "--role", "mallory", "--name", "heidi", ...bind, "--group", "signers", file])
        const mallorys = (await keys()).find(({ label }) => label === "heidi")
        await rig.ok(signArgs(`${gun}:v1`, "ab", "--as", "heidi", ...sealed()))
        const [heidis, ...more] = (await signers(gun))["heidi"] ?? []
        assert.ok(heidis !== undefined && more.length === 0)
        assert.notEqual(heidis, mallorys?.id)
        assert.deepEqual(
            placesOf(
                (await keys()).find(({ id }) => id === mallorys?.id),
                gun,
            ),
            ["targets/mallory"],
        )
    })

    test("a signer whose key serves another repository already is added with a warning", async () => {
        const erin = await newSigner("erin")
        const [one, two] = ["registry.example.com/shared/one", "registry.example.com/shared/two"]
        await rig.ok(["trust", "signer", "add", "--key", erin.file, "erin", one, ...sealed()])
        const { status, stderr } = await rig.daemon.trustkey(["trust", "signer", "add", "--key", erin.file, "erin", two, ...sealed()], {
            env: { DOCKER_CONFIG: rig.docker.configDirectory, DOCKER_CONTENT_TRUST_SERVER: rig.notary.url },
        })
        assert.equal(status, 0, stderr)
        assert.match(stderr, /warning: key [0-9a-f]{12} signs for registry\.example\.com\/shared\/one too/)
        await rig.sign(`${two}:v1`, "ab")
        assert.deepEqual(await rig.signedTags(two), [{ tag: "v1", hex: "ab".repeat(32), signers: ["erin"] }])
    })

    test("several repositories: one that can't be is told, the others are done, and the end says which failed", async () => {
        const { file } = await newSigner("frank")
        const gun = "registry.example.com/several/app"
        const args = ["trust", "signer", "add", "--key", file, "frank", "registry.example.com/several/APP", gun, ...sealed()]
        const stderr = await rig.refused(args, "invalid_request", 4)
        assert.match(stderr, /^invalid reference format: repository name \(several\/APP\) must be lowercase\n\n/m)
        assert.match(stderr, /^trustkey: failed to add signer to: registry\.example\.com\/several\/APP \[/m)
        assert.deepEqual(Object.keys(await signers(gun)), ["frank"])
    })

    test("a repository the daemon doesn't know is not touched: adopt takes it in", async () => {
        const gun = "registry.example.com/not/ours"
        const { file } = await newSigner("gina")
        await rig.stock(["init", gun, "-p"])
        for (const args of [
            ["signer", "add", "--key", file, "gina", gun],
            ["signer", "remove", "gina", gun],
            signArgs(`${gun}:v1`, "ab").slice(1),
        ]) {
            assert.match(
                await rig.refused(["trust", ...args], "repository_unknown", 4),
                /trustkey trust adopt registry\.example\.com\/not\/ours/,
            )
        }
    })

    test("stock client and ours alternate on one repository, and each finds what the other did", async () => {
        const gun = "registry.example.com/to/and-fro"
        const directory = rig.docker.env["HOME"] ?? ""
        await rig.dockerOk(["trust", "key", "generate", "henry"])
        await rig.dockerOk(["trust", "signer", "add", "--key", path.join(directory, "henry.pub"), "henry", gun])
        await rig.ok(["trust", "adopt", gun, "--confirm", await rig.fingerprint(gun)])
        // The repository key stays with docker, so our signer comes in by docker's hand.
        const iris = await newSigner("iris")
        await rig.dockerOk(["trust", "signer", "add", "--key", iris.file, "iris", gun])
        await rig.ok(["key", "bind", iris.id, "--add", `targets/iris@${gun}`, "--add", `targets/releases@${gun}`])
        await rig.sign(`${gun}:v1`, "ab")
        await rig.dockerOk(["trust", "sign", `${gun}:v1`])
        assert.deepEqual(await rig.signedTags(gun), [{ tag: "v1", hex: "ab".repeat(32), signers: ["henry", "iris"] }])
        await rig.sign(`${gun}:v2`, "cd")
        await rig.dockerOk(["trust", "revoke", `${gun}:v1`])
        await rig.sign(`${gun}:v3`, "ef")
        await rig.dockerOk(["trust", "sign", `${gun}:v3`])
        assert.deepEqual(
            (await rig.signedTags(gun)).map(({ tag, signers: by }) => [tag, by]),
            [
                ["v2", ["iris"]],
                ["v3", ["henry", "iris"]],
            ],
        )
        assert.match(
            await rig.refused(["trust", "signer", "remove", "henry", gun], "not_found", 4),
            /could not find necessary signing keys, at least one of these keys must be available: [0-9a-f]{64}/,
        )
    })

    test("where we have no signer's key the tag is not signed at all, as docker has it", async () => {
        const gun = "registry.example.com/no/key"
        const file = path.join(rig.daemon.directory, "stranger.pub")
        await mustRun("openssl", ["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", `${file}.key`])
        await mustRun("openssl", ["ec", "-in", `${file}.key`, "-pubout", "-out", file])
        await rig.ok(["trust", "signer", "add", "--key", file, "stranger", gun, ...sealed()])
        const stderr = await rig.refused(signArgs(`${gun}:v1`, "ab"), "not_found", 4)
        assert.match(stderr, /failed to sign registry\.example\.com\/no\/key:v1: no valid signing keys for delegation roles/)
    })

    test("every signer's key at hand signs the releases, so that one may leave and nothing is lost", async () => {
        const gun = "registry.example.com/every/key"
        const [rosa, sven] = [await newSigner("rosa", sealed()), await newSigner("sven", sealed())]
        await rig.ok(["trust", "signer", "add", "--key", rosa.file, "rosa", gun, ...sealed()])
        await rig.ok(["trust", "signer", "add", "--key", sven.file, "sven", gun])
        // Both are closed: whoever opens one for its own role has it for the releases as well.
        await rig.sign(`${gun}:v1`, "ab", ...sealed())
        const { signatures } = JSON.parse((await rig.served(gun, "targets/releases")).toString()) as { signatures: { keyid: string }[] }
        assert.deepEqual(signatures.map(({ keyid }) => keyid).sort(), [rosa.id, sven.id].sort())
        await rig.ok(["trust", "signer", "remove", "rosa", gun])
        assert.deepEqual(await rig.signedTags(gun), [{ tag: "v1", hex: "ab".repeat(32), signers: ["sven"] }])
    })

    test("one key as bare key and as certificate is listed once, and what docker listed twice is put right", async () => {
        const place = (name: string): string => path.join(rig.daemon.directory, `twin.${name}`)
        await mustRun("openssl", ["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", place("key")])
        await mustRun("openssl", ["req", "-new", "-x509", "-key", place("key"), "-subj", "/CN=twin", "-days", "365", "-out", place("crt")])
        await mustRun("openssl", ["ec", "-in", place("key"), "-pubout", "-out", place("pub")])
        const gun = "registry.example.com/twin/ours"
        await rig.ok(["trust", "signer", "add", "--key", place("crt"), "--key", place("pub"), "twin", gun, ...sealed()])
        assert.equal((await signers(gun))["twin"]?.length, 1)

        const { signed } = JSON.parse((await rig.served(gun, "targets")).toString()) as {
            signed: { delegations: { roles: { keyids: string[] }[] } }
        }
        assert.deepEqual(
            signed.delegations.roles.map(({ keyids }) => keyids.length),
            [1, 1],
        )
    })

    test("a signer who has signed nothing goes without a question, which docker refuses", async () => {
        const gun = "registry.example.com/nothing/signed"
        const { file } = await newSigner("jack")
        await rig.ok(["trust", "signer", "add", "--key", file, "jack", gun, ...sealed()])
        await rig.ok(["trust", "signer", "remove", "jack", gun])
        assert.deepEqual(await signers(gun), {})
        const after = await rig.ok(["trust", "signer", "add", "--key", file, "jack", gun])
        assert.match(after, /Successfully added signer: jack/)
    })

    describe("the last signer", () => {
        const question =
            /The signer "kate" signed the last released version of \S+\. Removing this signer will make \S+ unpullable\. Are you sure you want to continue\? \[y\/N\] /

        async function withKate(name: string): Promise<string> {
            const gun = `registry.example.com/last/${name}`
            const { file } = await newSigner("kate")
            await rig.ok(["trust", "signer", "add", "--key", file, "kate", gun, ...sealed()])
            await rig.sign(`${gun}:v1`, "ab")
            await rig.sign(`${gun}:v2`, "cd")
            return gun
        }

        test("goes after docker's question only; no is declined, Ctrl-C is 130, and nobody to ask names the flags", async () => {
            const gun = await withKate("asked")
            const remove = ["trust", "signer", "remove", "kate", gun]
            const declined = await typing(remove, ["n"])
            assert.equal(declined.code, 3)
            assert.match(declined.terminal.shown(), question)
            assert.match(declined.terminal.remarks(), /error removing signer from: .* \[declined\]/)
            assert.equal((await typing(remove, [CTRL_C])).code, 130)
            assert.equal((await typing(remove, ["y", CTRL_C])).code, 130)
            assert.match(await rig.refused(remove, "no_terminal", 2), /--force, or --resign/)
            assert.deepEqual(Object.keys(await signers(gun)), ["kate"])
            assert.equal((await rig.signedTags(gun)).length, 2)
        })

        test("goes with the tags left unpullable when a person wants that, and a warning says so", async () => {
            const gun = await withKate("unpullable")
            const { code, terminal } = await typing(["trust", "signer", "remove", "kate", gun], ["y", "n"])
            assert.equal(code, 0, terminal.remarks())
            assert.match(terminal.shown(), /Sign its 2 tags again, in targets, so that they stay pullable\? \[y\/N\] /)
            assert.match(terminal.remarks(), /warning: .*can't be pulled/)
            assert.deepEqual(await rig.signedTags(gun), [])
        })

        test("goes and the tags stay when a person agrees", async () => {
            const gun = await withKate("agreed")
            const { code, terminal } = await typing(["trust", "signer", "remove", "kate", gun], ["y", "y"])
            assert.equal(code, 0, terminal.remarks())
            assert.deepEqual(
                (await rig.signedTags(gun)).map(({ tag }) => tag),
                ["v1", "v2"],
            )
        })

        test("goes with --force without a question", async () => {
            const gun = await withKate("forced")
            await rig.ok(["trust", "signer", "remove", "-f", "kate", gun])
            assert.deepEqual(await rig.signedTags(gun), [])
            assert.deepEqual(await signers(gun), {})
        })

        test("with another signer's key at hand, that one signs the releases again", async () => {
            const gun = await withKate("others")
            const lena = await newSigner("lena")
            await rig.ok(["trust", "signer", "add", "--key", lena.file, "lena", gun])
            await rig.ok(["trust", "signer", "remove", "kate", gun, "--resign"])
            assert.deepEqual(
                (await rig.listed(gun)).map(({ name, role }) => [name, role]),
                [
                    ["v1", "targets/releases"],
                    ["v2", "targets/releases"],
                ],
            )
        })

        test("gone, and its tags with it: a new signer begins anew and is told, or takes them along", async () => {
            const gun = await withKate("stale")
            await rig.ok(["trust", "signer", "remove", "--force", "kate", gun])
            const mona = await newSigner("mona")
            await rig.ok(["trust", "signer", "add", "--key", mona.file, "mona", gun])
            await rig.ok([...signArgs(`${gun}:v3`, "ef"), "--resign"])
            assert.deepEqual(
                (await rig.signedTags(gun)).map(({ tag }) => tag),
                ["v1", "v2", "v3"],
            )

            const other = await withKate("anew")
            await rig.ok(["trust", "signer", "remove", "--force", "kate", other])
            await rig.ok(["trust", "signer", "add", "--key", mona.file, "mona", other])
            const env = { DOCKER_CONFIG: rig.docker.configDirectory, DOCKER_CONTENT_TRUST_SERVER: rig.notary.url }
            const { status, stderr } = await rig.daemon.trustkey(signArgs(`${other}:v3`, "ef"), { env })
            assert.equal(status, 0, stderr)
            assert.match(stderr, /warning: the published targets\/releases .*\(v1, v2\).*--resign/)
            assert.deepEqual(
                (await rig.signedTags(other)).map(({ tag }) => tag),
                ["v3"],
            )
        })
    })

    describe("what goes wrong half way", () => {
        test("Ctrl-C at any prompt of the first signature makes nothing", async () => {
            const gun = "registry.example.com/interrupted/app"
            const before = await keys()
            const sign = ["trust", "sign", `${gun}:v1`, "--digest", `sha256:${"ab".repeat(32)}`, "--size", "1234", "--as", "nina"]
            const words = ["correct horse", "correct horse", "another horse", "another horse"]
            for (let count = 0; count < words.length; count += 1) {
                const { code, terminal } = await typing(sign, [...words.slice(0, count), CTRL_C])
                assert.equal(code, 130, terminal.remarks())
                assert.deepEqual(await keys(), before)
            }
            assert.notEqual((await rig.client.run(["list", gun])).status, 0)
            const { code, terminal } = await typing(sign, words)
            assert.equal(code, 0, terminal.remarks())
            assert.equal(
                terminal.shown(),
                "Enter passphrase for new repository key: \nRepeat passphrase for new repository key: \nEnter passphrase for new nina key: \nRepeat passphrase for new nina key: \n",
            )
            assert.deepEqual(
                (await rig.signedTags(gun)).map(({ signers: by }) => by),
                [["nina"]],
            )
        })

        test("Ctrl-C at any prompt of the other commands changes nothing", async () => {
            const gun = "registry.example.com/interrupted/others"
            const { file } = await newSigner("rick")
            await rig.ok(["trust", "signer", "add", "--key", file, "rick", gun, ...sealed()])
            await rig.sign(`${gun}:v1`, "ab")
            const closed = await newSigner("lisa", sealed())
            await rig.ok(["key", "lock", closed.id])
            const theirs = "registry.example.com/interrupted/theirs"
            await rig.stock(["init", theirs, "-p"])
            const encrypted = path.join(rig.daemon.directory, "encrypted.pem")
            await mustRun("openssl", ["genpkey", ...EC, "-aes256", "-pass", "pass:of the file", "-out", encrypted])
            const [before, tags] = [await keys(), await rig.signedTags(gun)]

            const [ofFile, once] = ["of the file", "correct horse"]
            const commands: readonly (readonly [args: readonly string[], before: readonly (readonly string[])[]])[] = [
                [
                    ["trust", "key", "generate", "zoe", "--dir", rig.daemon.directory],
                    [[], [once]],
                ],
                [
                    ["trust", "key", "load", "--name", "zoe", encrypted],
                    [[], [ofFile], [ofFile, once]],
                ],
                [["trust", "revoke", gun], [[]]],
                [["trust", "adopt", theirs], [[]]],
                [["trust", "reset", gun], [[]]],
                [
                    ["key", "create", "--purpose", "delegation"],
                    [[], [once]],
                ],
                [["key", "unlock", closed.id], [[]]],
                [
                    ["key", "passphrase", closed.id],
                    [[], ["correct horse battery"], ["correct horse battery", "another horse"]],
                ],
                [["key", "remove", closed.id], [[]]],
                [
                    ["token", "change-pin", "root-token"],
                    [[], ["0000"], ["0000", "1111"]],
                ],
            ]
            for (const [args, answers] of commands) {
                for (const answered of answers) {
                    const { code, terminal } = await typing(args, [...answered, CTRL_C])
                    assert.equal(code, 130, `${args.join(" ")}: ${terminal.shown()}${terminal.remarks()}`)
                }
            }
            assert.deepEqual(await keys(), before)
            assert.deepEqual(await rig.signedTags(gun), tags)
            assert.ok(!existsSync(path.join(rig.daemon.directory, "zoe.pub")))
            await rig.refused(signArgs(`${theirs}:v1`, "ab"), "repository_unknown", 4)
            await rig.ok(["key", "unlock", closed.id, ...sealed()])
        })

        test("a wrong passphrase signs nothing; typed wrong it is asked for again in docker's words", async () => {
            const gun = "registry.example.com/wrong/passphrase"
            const { id, file } = await newSigner("olga", sealed())
            await rig.ok(["trust", "signer", "add", "--key", file, "olga", gun, ...sealed()])
            await rig.ok(["key", "lock", id])
            const sign = signArgs(`${gun}:v1`, "ab")
            const wrong = path.join(rig.daemon.directory, "wrong-passphrase")
            await writeFile(wrong, "incorrect horse\n", { mode: 0o600 })
            await rig.refused([...sign, "--passphrase-file", wrong], "open_failed", 5)
            assert.deepEqual(await rig.signedTags(gun), [])
            const { code, terminal } = await typing(sign, ["wrong horse", "correct horse battery"])
            assert.equal(code, 0, terminal.remarks())
            const prompt = `Enter passphrase for olga key with ID ${id.slice(0, 7)}: `
            assert.equal(terminal.shown(), `${prompt}\n${prompt}\n`)
            assert.match(terminal.remarks(), /Passphrase incorrect\. Please retry\./)
        })

        test("docker's passphrase variables serve the new keys", async () => {
            const gun = "registry.example.com/by/variables"
            const env = {
                DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: "from the variable",
                DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE: "never a PIN",
            }
            await rig.ok(signArgs(`${gun}:v1`, "ab", "--as", "paul"), { env })
            const paul = (await keys()).find(({ label }) => label === "paul")
            await rig.ok(["key", "lock", paul?.id ?? ""])
            await rig.ok(signArgs(`${gun}:v2`, "ab"), { env })
            assert.equal((await rig.signedTags(gun)).length, 2)
        })

        test("a server that goes away at any moment leaves what a rerun finishes", async () => {
            const gun = "registry.example.com/down/app"
            const { id, file } = await newSigner("quinn")
            const steps: readonly (readonly string[])[] = [
                ["trust", "signer", "add", "--key", file, "quinn", gun, ...sealed()],
                signArgs(`${gun}:v1`, "ab"),
                ["trust", "signer", "remove", "quinn", gun, "--resign"],
                signArgs(`${gun}:v2`, "cd"),
            ]
            const env = { DOCKER_CONFIG: rig.docker.configDirectory, ...rig.throughProxy }
            for (const step of steps) {
                for (let allowed = 0; ; allowed += 1) {
                    assert.ok(allowed < 40, step.join(" "))
                    let count = 0
                    rig.proxy.intercept = () => (count++ < allowed ? undefined : "cut")
                    const { status, stdout, stderr } = await rig.daemon.trustkey(step, { env })
                    rig.proxy.intercept = undefined
                    if (status === 0) break
                    assert.match(stderr, /\[(server_unreachable|publish_unconfirmed)\]/, `${stdout}${stderr}`)
                    assert.doesNotMatch(stdout, /Successfully/)
                }
            }
            assert.deepEqual(await signers(gun), {})
            assert.deepEqual(
                (await rig.signedTags(gun)).map(({ tag }) => tag),
                ["v1", "v2"],
            )
            assert.deepEqual(
                placesOf(
                    (await keys()).find((key) => key.id === id),
                    gun,
                ),
                [],
            )
            assert.equal(
                (await keys()).filter(({ bindings }) => bindings.some((binding) => binding.gun === gun && binding.role === "targets"))
                    .length,
                1,
            )
        })
    })
})
