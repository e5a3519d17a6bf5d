import assert from "node:assert/strict"
import { X509Certificate } from "node:crypto"
import { copyFile, mkdir, readFile } from "node:fs/promises"
import path from "node:path"
import { after, before, describe, test } from "node:test"
import { pemToPublicKey } from "../../src/crypto/index.ts"
import {
    canonicalKeyIdOf,
    type KeyType,
    type MetadataFile,
    parseFile,
    ROOT,
    type RootDocument,
    rootOf,
    tufKey,
} from "../../src/tuf/index.ts"
import { type Daemon, startDaemon } from "../support/daemon.ts"
import { type DockerCli, findDockerClis } from "../support/docker-clis.ts"
import { type DockerEngine, startDockerd } from "../support/dockerd.ts"
import { askHttps } from "../support/https.ts"
import { withoutYubikey } from "../support/no-yubikey.ts"
import { type Notary, startNotary } from "../support/notary.ts"
import { type NotaryClient, startNotaryClient } from "../support/notary-client.ts"
import { runCommand } from "../support/process.ts"
import { type Registry, startRegistry } from "../support/registry.ts"
import { startSoftHsm } from "../support/softhsm.ts"
import { makeWorkingDirectory, writeSecret } from "../support/temp.ts"
import { type CertificateAuthority, startAuthority } from "../support/tls.ts"
import { issueRootCertificate } from "./root-certificate.ts"

const { clis } = await findDockerClis()

/** Somebody's docker, that pulls with trust; what it has cached stays. */
type Puller = { readonly name: string; pull(image: string): Promise<void> }
type Walker = { readonly notary: NotaryClient; readonly pullers: readonly Puller[] }

describe("stock clients that met root version 1 walk every rotation of the root key, and pull", () => {
    const everything = new AsyncDisposableStack()
    let directory: string
    let authority: CertificateAuthority
    let notary: Notary
    let registry: Registry
    let engine: DockerEngine
    let daemon: Daemon
    let gun: string
    let digest: string
    let unlocking: readonly string[]
    /** Follows every rotation. */
    let regular: Walker
    /** Sees root 1, and then nothing until the last. */
    let late: Walker

    before(async () => {
        directory = everything.use(await makeWorkingDirectory("walk")).path
        authority = await startAuthority(path.join(directory, "tls"))
        ;[notary, registry] = await Promise.all([startNotary({ authority }), startRegistry({ authority })])
        everything.use(notary)
        everything.use(registry)
        engine = everything.use(await startDockerd({ registries: [registry.host] }))
        const token = everything.use(await startSoftHsm())
        daemon = everything.use(await startDaemon({ tokens: { "root-token": token } }))
        gun = `${registry.host}/team/walked`
        unlocking = ["--passphrase-file", await writeSecret(directory, "passphrase", "correct horse battery")]
        await ok("init", "--pin-file", await writeSecret(directory, "pin", token.userPin))
        await ok("trust", "init", gun, ...unlocking)
        await engine.makeImage(`${gun}:v1`, "walked")
        const pushed = await engine.ok(["push", `${gun}:v1`])
        digest = /digest: (sha256:[0-9a-f]{64}) size/.exec(pushed)?.[1] ?? assert.fail(pushed)
        const size = /size: (\d+)/.exec(pushed)?.[1] ?? assert.fail(pushed)
        await ok("trust", "sign", `${gun}:v1`, "--digest", digest, "--size", size)
        regular = await openWalker("regular")
        late = await openWalker("late")
        for (const walker of [regular, late]) await isSeenBy(walker)
    })
    after(() => everything.disposeAsync())

    async function configuration(name: string): Promise<string> {
        const folder = path.join(directory, `docker-${name}`)
        for (const place of [`tls/${notary.host}`, `certs.d/${registry.host}`]) {
            await mkdir(path.join(folder, place), { recursive: true, mode: 0o700 })
            await copyFile(authority.caFile, path.join(folder, place, "ca.crt"))
        }
        return folder
    }

    async function openWalker(name: string): Promise<Walker> {
        const pullers = await Promise.all(clis.map((cli) => openPuller(cli, `${name}-${cli.major}`)))
        return { notary: everything.use(await startNotaryClient({ notary })), pullers }
    }

    async function openPuller(cli: DockerCli, name: string): Promise<Puller> {
        const env = {
            PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
            LANG: "C.UTF-8",
            HOME: directory,
            DOCKER_CONFIG: await configuration(name),
            DOCKER_HOST: engine.host,
            DOCKER_CONTENT_TRUST: "1",
            DOCKER_CONTENT_TRUST_SERVER: notary.url,
        }
        const pull = async (image: string): Promise<void> => {
            const line = withoutYubikey(cli.program, ["pull", image])
            const { status, stdout, stderr } = await runCommand(line.command, line.args, { env })
            assert.equal(status, 0, `docker ${cli.version}: ${stdout}${stderr}`)
            assert.match(stdout, new RegExp(`^Pull \\(1 of 1\\): ${gun}:v1@${digest}$`, "m"))
        }
        return { name: `docker ${cli.version}`, pull }
    }

    async function isSeenBy({ notary: client, pullers }: Walker): Promise<void> {
        const { status, stdout, stderr } = await client.run(["list", gun])
        assert.equal(status, 0, stderr)
        assert.match(stdout, new RegExp(`^v1 +${digest.slice("sha256:".length)}`, "m"))
        for (const { pull } of pullers) await pull(`${gun}:v1`)
    }

    async function ok(...args: readonly string[]): Promise<string> {
        const env = { DOCKER_CONFIG: await configuration("ours"), DOCKER_CONTENT_TRUST_SERVER: notary.url }
        return await daemon.ok(args, { env, timeoutMs: 60_000 })
    }

    async function served(name = "root"): Promise<MetadataFile> {
        const { status, body } = await askHttps(`${notary.url}/v2/${gun}/_trust/tuf/${name}.json`, { caFile: notary.caFile })
        assert.equal(status, 200, name)
        return parseFile(body, ROOT)
    }

    async function rotate(...args: readonly string[]): Promise<RootDocument> {
        const earlier = rootOf((await served()).signed)
        const answer = JSON.parse(await ok("rotate", "root", gun, "--confirm", "--old-key", "keep", "--json", ...unlocking, ...args)) as {
            outcome: string
            published: { role: string; version: number }[]
        }
        assert.equal(answer.outcome, "rotated")
        assert.deepEqual(answer.published, [{ role: "root", version: earlier.version + 1 }])
        const root = rootOf((await served()).signed)
        assert.equal(root.version, earlier.version + 1)
        // Old certificates stay where notary's own client would leave them.
        for (const id of earlier.keys.keys()) assert.ok(root.keys.has(id), id)
        await isSeenBy(regular)
        return root
    }

    function roleRoot(root: RootDocument): {
        threshold: number
        keytypes: readonly (KeyType | undefined)[]
        algorithms: readonly string[]
    } {
        const { keyIds = [], threshold = 0 } = root.roles.get("root") ?? {}
        const keys = keyIds.map((id) => root.keys.get(id))
        const algorithms = keys.map((key) => {
            const { asymmetricKeyType, asymmetricKeyDetails } = new X509Certificate(Buffer.from(key?.public ?? [])).publicKey
            return `${asymmetricKeyType} ${asymmetricKeyDetails?.namedCurve ?? asymmetricKeyDetails?.modulusLength}`
        })
        return { threshold, keytypes: keys.map((key) => key?.keytype), algorithms }
    }

    test("from P-256 on a token to another there, which nobody is asked about further", async () => {
        const root = await rotate()
        assert.deepEqual(roleRoot(root), { threshold: 1, keytypes: ["ecdsa-x509"], algorithms: ["ec prime256v1"] })
        const { signatures } = await served()
        assert.equal(signatures.length, 2)
    })

    test("to P-384, sealed", async () => {
        const root = await rotate("--new-sealed", "--algorithm", "p384")
        assert.deepEqual(roleRoot(root), { threshold: 1, keytypes: ["ecdsa-x509"], algorithms: ["ec secp384r1"] })
    })

    test("to RSA", async () => {
        const root = await rotate("--new-sealed", "--algorithm", "rsa2048")
        assert.deepEqual(roleRoot(root), { threshold: 1, keytypes: ["rsa-x509"], algorithms: ["rsa 2048"] })
    })

    test("to a key with a certificate that an authority has issued", async () => {
        const made = JSON.parse(await ok("key", "create", "--purpose", "root", "--json", ...unlocking)) as { id: string }
        const pem = await ok("key", "public", made.id)
        const { chain, authority: issuer } = await issueRootCertificate(directory, gun, pem)
        const root = await rotate("--root-certificate", chain)
        const [id] = root.roles.get("root")?.keyIds ?? []
        const key = id === undefined ? undefined : root.keys.get(id)
        assert.equal(Buffer.from(key?.public ?? []).toString(), await readFile(chain, "utf8"))
        assert.equal(key === undefined ? "" : canonicalKeyIdOf(key), made.id)
        assert.equal(canonicalKeyIdOf(tufKey(pemToPublicKey(pem))), made.id)
        // Somebody new, who trusts nothing but that authority.
        const pinning = (ca: string) => ({ ca: { [`${registry.host}/`]: ca }, disable_tofu: true })
        await using pinned = await startNotaryClient({ notary, trustPinning: pinning(issuer) })
        await isSeenBy({ notary: pinned, pullers: [] })
        const another = await issueRootCertificate(directory, gun)
        await using elsewhere = await startNotaryClient({ notary, trustPinning: pinning(another.authority) })
        const { status, stdout, stderr } = await elsewhere.run(["list", gun])
        assert.notEqual(status, 0, `${stdout}${stderr}`)
        assert.match(`${stdout}${stderr}`, /unable to match any certificates to trust_pinning config/)
    })

    test("to two of three holders", async () => {
        const root = await rotate("--keep", "--new-on-token", "root-token", "--new-on-token", "root-token", "--threshold", "2")
        assert.equal(roleRoot(root).threshold, 2)
        assert.equal(roleRoot(root).keytypes.length, 3)
    })

    test("to three of five", async () => {
        const root = await rotate("--keep", "--new-on-token", "root-token", "--new-sealed", "--threshold", "3")
        assert.equal(roleRoot(root).threshold, 3)
        assert.equal(roleRoot(root).keytypes.length, 5)
        // Two of the old three, three of the new five: whoever is at hand signs.
        assert.ok((await served()).signatures.length >= 3)
    })

    test("and back to one, for which the old three of five sign too", async () => {
        const root = await rotate("--new-sealed", "--algorithm", "p256", "--threshold", "1")
        assert.deepEqual(roleRoot(root), { threshold: 1, keytypes: ["ecdsa-x509"], algorithms: ["ec prime256v1"] })
    })

    test("all seven in one go", async () => {
        assert.equal(rootOf((await served()).signed).version, 8)
        await isSeenBy(late)
    })
})
