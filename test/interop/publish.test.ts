import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import { copyFile, mkdir, writeFile } from "node:fs/promises"
import { createServer } from "node:https"
import path from "node:path"
import { after, before, describe, test } from "node:test"
import {
    type CurrentRepository,
    type DockerPlace,
    type FetchOptions,
    fetchRepository,
    openRegistry,
    openTrustCache,
    openTrustServer,
    parseReference,
    publishFiles,
    type TrustCache,
    type TrustServer,
} from "../../src/publish/index.ts"
import { type Gun, keyIdOf, type TufKey } from "../../src/tuf/index.ts"
import { startDockerClient } from "../support/docker.ts"
import { buildImage, MANIFEST_TYPE, pushImage, tamperBlob } from "../support/image.ts"
import { type Notary, startNotary } from "../support/notary.ts"
import { type NotaryClient, startNotaryClient } from "../support/notary-client.ts"
import { startRegistry } from "../support/registry.ts"
import { type BuiltFile, makeKey, RepositoryBuilder, type RepositoryKeys, type TestKey } from "../support/repository-builder.ts"
import { makeWorkingDirectory, type WorkingDirectory } from "../support/temp.ts"
import { startAuthority } from "../support/tls.ts"

const now = (): Date => new Date()

type Client = {
    readonly gun: Gun
    readonly server: TrustServer
    readonly cache: TrustCache
    fetch(options?: FetchOptions): Promise<CurrentRepository | undefined>
    publish(files: readonly BuiltFile[]): Promise<CurrentRepository>
}

/** Ours, with docker's configuration in `directory` and the cache in `trustDirectory`. */
async function openClient(
    notary: Notary,
    name: string,
    directory: string,
    trustDirectory = path.join(directory, "trust"),
): Promise<Client> {
    const tls = path.join(directory, "tls", notary.host)
    await mkdir(tls, { recursive: true })
    await copyFile(notary.caFile, path.join(tls, "ca.crt"))
    const reference = parseReference(name)
    const server = await openTrustServer(reference, { configDirectory: directory, trustServer: notary.url }, "push")
    const cache = openTrustCache(trustDirectory)
    return {
        gun: reference.gun,
        server,
        cache,
        fetch: async (options = {}) => await fetchRepository(server, reference.gun, cache, now(), options),
        publish: async (files) => await publishFiles(server, reference.gun, files, cache, now()),
    }
}

const rootVersions = (current: CurrentRepository | undefined): unknown => current?.roots.map(({ signed }) => signed.document.version)

function targetNames(current: CurrentRepository | undefined): unknown {
    const files = [current?.verified.targets ?? assert.fail("no repository"), ...(current?.verified.delegations.values() ?? [])]
    return files.flatMap(({ role, signed }) =>
        signed.document.type === "targets" ? [...signed.document.targets.keys()].map((name) => `${role} ${name}`) : [],
    )
}

describe("a repository the stock notary client made", () => {
    const NAME = "registry.example.com/stock/app"
    let notary: Notary
    let stock: NotaryClient
    let directory: WorkingDirectory

    before(async () => {
        notary = await startNotary()
        stock = await startNotaryClient({ notary })
        directory = await makeWorkingDirectory("publish-interop")
    })
    after(async () => {
        await stock?.stop()
        await notary?.stop()
        await directory?.remove()
    })

    async function run(...args: readonly string[]): Promise<string> {
        const result = await stock.run(args, args.includes("root") ? { input: "yes\n" } : {})
        assert.equal(result.status, 0, result.stderr)
        return result.stdout
    }

    test("is fetched and verified as that client does, through every rotation it knows", async () => {
        const ours = await openClient(notary, NAME, directory.path)
        assert.equal(await ours.fetch(), undefined)
        await writeFile(path.join(stock.directory, "v1"), "one\n")
        await run("init", NAME)
        await run("add", "-p", NAME, "v1", "v1")
        assert.deepEqual(targetNames(await ours.fetch()), ["targets v1"])

        await run("key", "generate", "ecdsa", "-o", "alice")
        await run("delegation", "add", "-p", NAME, "targets/releases", "alice.pem", "--all-paths")
        const warned = await ours.fetch()
        assert.deepEqual(warned?.warnings, [])

        await run("key", "rotate", NAME, "snapshot", "-r")
        await run("key", "rotate", NAME, "targets")
        await run("key", "rotate", NAME, "timestamp", "-r")
        await run("key", "rotate", NAME, "root")
        assert.deepEqual(rootVersions(await ours.fetch()), [1, 2, 3, 4, 5])
        assert.deepEqual(rootVersions(await ours.fetch()), [5])
        assert.deepEqual(rootVersions(await ours.fetch({ wholeRootChain: true })), [1, 2, 3, 4, 5])

        const stranger = await openClient(notary, NAME, directory.path, path.join(directory.path, "another cache"))
        assert.deepEqual(rootVersions(await stranger.fetch()), [5])
    })

    test("is cached so that each goes on from where the other was", async () => {
        const theirs = await openClient(notary, NAME, directory.path, stock.trustDirectory)
        // That client doesn't refresh its cache after publishing.
        assert.deepEqual(rootVersions(await theirs.fetch()), [4, 5])
        await run("key", "rotate", NAME, "root")
        assert.deepEqual(rootVersions(await theirs.fetch()), [5, 6])
        assert.match(await run("list", NAME), /v1 .* targets/)

        const ours = path.join(directory.path, "trust")
        assert.match(await run("list", NAME, "-d", ours), /v1 .* targets/)
        const client = await openClient(notary, NAME, directory.path)
        assert.deepEqual(rootVersions(await client.fetch()), [6])
    })

    test("is missed when it is deleted on the server", async () => {
        const ours = await openClient(notary, NAME, directory.path)
        await ours.server.remove(ours.gun)
        await assert.rejects(ours.fetch(), { code: "no_trust_data", message: /any more/ })
        await ours.cache.remove(ours.gun)
        assert.equal(await ours.fetch(), undefined)
    })
})

describe("what we publish to a real notary-server", () => {
    let notary: Notary
    let directory: WorkingDirectory

    before(async () => {
        notary = await startNotary()
        directory = await makeWorkingDirectory("publish-interop")
    })
    after(async () => {
        await notary?.stop()
        await directory?.remove()
    })

    /** The server's key, which we can name but not use. */
    const served = (key: TufKey): TestKey => ({ id: keyIdOf(key), key, sign: () => assert.fail("the server signs with it") })

    type Made = { readonly client: Client; readonly builder: RepositoryBuilder; readonly keys: RepositoryKeys; readonly root: BuiltFile }

    async function make(name: string, snapshotBy: "server" | "us"): Promise<Made> {
        const client = await openClient(notary, name, directory.path)
        const builder = new RepositoryBuilder(client.gun, now())
        const keys = {
            root: [builder.rootKey()],
            targets: [makeKey()],
            snapshot: [snapshotBy === "us" ? makeKey() : served(await client.server.key(client.gun, "snapshot"))],
            timestamp: [served(await client.server.key(client.gun, "timestamp"))],
        }
        return { client, builder, keys, root: builder.root({ version: 1, keys }) }
    }

    test("is what docker trust inspect and the stock notary client see", async () => {
        const name = "localhost/ours/app"
        const { client, builder, keys, root } = await make(name, "server")
        const image = buildImage("hello", "hello\n")
        const targets = builder.targets({ version: 1, targets: { v1: image.manifest.toString() }, signers: keys.targets })
        const current = await client.publish([root, targets])
        assert.deepEqual(targetNames(current), ["targets v1"])

        await using docker = await startDockerClient({ notary })
        const inspect = await docker.run(["trust", "inspect", name])
        assert.equal(inspect.status, 0, inspect.stderr)
        assert.deepEqual(JSON.parse(inspect.stdout)[0].SignedTags, [
            { SignedTag: "v1", Digest: image.digest.slice(7), Signers: ["Repo Admin"] },
        ])
        await using stock = await startNotaryClient({ notary })
        assert.match((await stock.run(["list", name])).stdout, new RegExp(`v1\\s+${image.digest.slice(7)}`))
    })

    test("may be published again, and is refused with the server's reason when it can't follow", async () => {
        const { client, builder, keys, root } = await make("localhost/ours/again", "server")
        const targets = builder.targets({ version: 1, signers: keys.targets })
        await client.publish([root, targets])
        await client.publish([root, targets])
        const skipped = builder.root({ version: 3, keys })
        await assert.rejects(client.publish([skipped]), { code: "server_refused", message: /INVALID_UPDATE: .*ErrBadRoot.* new 3/ })
        const strangers = builder.targets({ version: 2, signers: [makeKey()] })
        await assert.rejects(client.publish([strangers]), { code: "server_refused", message: /INVALID_UPDATE: .*ErrBadTargets/ })
        await assert.rejects(
            client.publish([{ ...targets, content: builder.targets({ version: 1, targets: { x: "" }, signers: keys.targets }).content }]),
            {
                code: "server_refused",
                message: /VERSION/,
            },
        )
    })

    test("is found out when the server accepts what it will never be able to serve, and repaired by the next publication", async () => {
        const { client, builder, keys, root } = await make("localhost/ours/bricked", "us")
        const targets = builder.targets({ version: 1, signers: keys.targets })
        const snapshot = builder.snapshot({ version: 1, files: [root, targets], signers: keys.snapshot })
        const pretty = { ...snapshot, content: Buffer.from(JSON.stringify(JSON.parse(snapshot.content.toString()), undefined, 2)) }
        await assert.rejects(client.publish([root, targets, pretty]), {
            code: "publish_unconfirmed",
            message: /can't give out a timestamp/,
        })
        const next = builder.snapshot({ version: 2, files: [root, targets], signers: keys.snapshot })
        const current = await client.publish([next])
        assert.equal(current.verified.snapshot.signed.document.version, 2)
    })

    test("is found out when the server-managed snapshot covers other bytes than we sent", async () => {
        const { client, builder, keys, root } = await make("localhost/ours/other-bytes", "server")
        const targets = builder.targets({ version: 1, signers: keys.targets })
        const spaced = { ...targets, content: Buffer.concat([targets.content, Buffer.from("\n")]) }
        await assert.rejects(client.publish([root, spaced]), { code: "publish_unconfirmed" })
    })

    test("goes on with a new key of the server's", async () => {
        const { client, builder, keys, root } = await make("localhost/ours/rotated", "server")
        const targets = builder.targets({ version: 1, targets: { v1: "one" }, signers: keys.targets })
        await client.publish([root, targets])
        const timestamp = served(await client.server.newKey(client.gun, "timestamp"))
        assert.notEqual(timestamp.id, keys.timestamp[0]?.id)
        const current = await client.publish([builder.root({ version: 2, keys: { ...keys, timestamp: [timestamp] } })])
        assert.deepEqual(rootVersions(current), [1, 2])
    })
})

describe("an image in a real registry", () => {
    async function placeFor(directory: string, host: string, caFile: string): Promise<DockerPlace> {
        const certificates = path.join(directory, "certs.d", host)
        await mkdir(certificates, { recursive: true })
        await copyFile(caFile, path.join(certificates, "ca.crt"))
        return { configDirectory: directory, trustServer: undefined }
    }

    test("is looked up by tag and digest, and not believed when it was changed on the disk", async () => {
        await using registry = await startRegistry()
        await using directory = await makeWorkingDirectory("publish-registry")
        const image = buildImage("hello", "hello\n")
        await pushImage(registry, "demo/app", "v1", image)
        const place = await placeFor(directory.path, registry.host, registry.caFile)
        const tagged = parseReference(`${registry.host}/demo/app:v1`)
        const client = await openRegistry(tagged, place)
        const found = { digest: image.digest, size: image.size, mediaType: MANIFEST_TYPE }
        assert.deepEqual(await client.resolve(tagged), found)
        const pinned = parseReference(`${registry.host}/demo/app@${image.digest}`)
        assert.deepEqual(await client.resolve(pinned), found)
        await assert.rejects(client.resolve(parseReference(`${registry.host}/demo/app:v2`)), { code: "not_found" })
        // One digit of a layer's digest: another layer, and still a manifest.
        await tamperBlob(registry, image.digest, image.manifest.indexOf("sha256:") + 7)
        await assert.rejects(client.resolve(pinned), { code: "digest_mismatch" })
        await assert.rejects(client.resolve(tagged), { code: "digest_mismatch" })
    })

    test("is reached with a token when the registry asks for one", async () => {
        await using directory = await makeWorkingDirectory("publish-registry")
        const authority = await startAuthority(path.join(directory.path, "tokens"))
        const { certFile, keyFile } = await authority.issue("tokens", "server")
        const asked: string[] = []
        const tokens = createServer({ cert: readFileSync(certFile), key: readFileSync(keyFile) }, (request, response) => {
            asked.push(`${request.url} ${request.headers.authorization}`)
            response.end('{"token":"any"}')
        })
        await new Promise<void>((resolve) => tokens.listen(0, "127.0.0.1", resolve))
        try {
            const address = tokens.address()
            const realm = `localhost:${typeof address === "object" && address !== null ? address.port : assert.fail()}`
            // docker-registry's "silly" checks that there is a token, not what it says; its challenge is the real one.
            await using registry = await startRegistry({ auth: { silly: { realm: `https://${realm}/token`, service: "registry" } } })
            const place = await placeFor(directory.path, registry.host, registry.caFile)
            await placeFor(directory.path, realm, authority.caFile)
            const login = Buffer.from("alice:password").toString("base64")
            await writeFile(path.join(directory.path, "config.json"), JSON.stringify({ auths: { [registry.host]: { auth: login } } }))
            const reference = parseReference(`${registry.host}/demo/app:v1`)
            await assert.rejects((await openRegistry(reference, place)).resolve(reference), { code: "not_found" })
            assert.deepEqual(asked, [`/token?service=registry&scope=repository%3Ademo%2Fapp%3Apull&account=alice Basic ${login}`])
        } finally {
            tokens.closeAllConnections()
            tokens.close()
        }
    })
})
