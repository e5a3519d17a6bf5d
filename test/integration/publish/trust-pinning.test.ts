import assert from "node:assert/strict"
import { rm, writeFile } from "node:fs/promises"
import path from "node:path"
import { describe, test } from "node:test"
import { type ErrorCode, TrustkeyError } from "../../../src/errors.ts"
import {
    type CurrentRepository,
    type FetchOptions,
    fetchRepository,
    openTrustCache,
    openTrustServer,
    parseReference,
    publishFiles,
    readTrustPins,
    type TrustCache,
} from "../../../src/publish/index.ts"
import { parseFile, parseRoleName } from "../../../src/tuf/index.ts"
import { type BuiltCertificate, buildAuthority, buildCertificate, type CertificateSpec } from "../../support/certificate-builder.ts"
import { type FakeTrustServer, startFakeTrustServer } from "../../support/fake-trust-server.ts"
import { certifiedRootKey, type TestKey, TestRepository } from "../../support/repository-builder.ts"

const NOW = new Date("2026-11-21T09:00:00Z")
const IMAGE = parseReference("registry.example.com/team/app:v1")
const ROOT = parseRoleName("root")
const authority = buildAuthority({ name: "Example Root" })

function issuedKey(spec: Partial<CertificateSpec> = {}, chain: readonly BuiltCertificate[] = []): TestKey {
    const certificate = buildCertificate({ name: IMAGE.gun, issuer: authority, keyUsage: 0x80, ...spec })
    return certifiedRootKey([certificate, ...chain].map(({ pem }) => pem).join(""), certificate.privateKey)
}

type Scene = AsyncDisposable & {
    readonly server: FakeTrustServer
    readonly cache: TrustCache
    configure(text: string): Promise<void>
    fetch(options?: FetchOptions): Promise<CurrentRepository | undefined>
    refused(code: ErrorCode, message: RegExp, options?: FetchOptions): Promise<void>
    forget(): Promise<void>
    options(): Promise<FetchOptions>
}

async function start(repository: TestRepository): Promise<Scene> {
    const server = await startFakeTrustServer()
    server.serve(repository.files)
    const cache = openTrustCache(path.join(server.configDirectory, "trust"))
    const user = path.join(server.configDirectory, "client.toml")
    await writeFile(path.join(server.configDirectory, "ca.pem"), authority.pem, { mode: 0o600 })
    const place = { configDirectory: server.configDirectory, trustServer: server.url }
    const options = async (): Promise<FetchOptions> => ({ pins: await readTrustPins({ administrator: "/nonexistent", user }) })
    const fetch: Scene["fetch"] = async (more = {}) =>
        await fetchRepository(await openTrustServer(IMAGE, place, "pull"), IMAGE.gun, cache, NOW, { ...(await options()), ...more })
    return {
        server,
        cache,
        options,
        configure: async (text) => await writeFile(user, text, { mode: 0o600 }),
        fetch,
        refused: async (code, message, more) => {
            const before = await cache.read(IMAGE.gun, ROOT)
            await assert.rejects(fetch(more), (error) => {
                assert.ok(error instanceof TrustkeyError, String(error))
                assert.equal(error.code, code, error.message)
                assert.match(error.message, message)
                return true
            })
            assert.deepEqual(await cache.read(IMAGE.gun, ROOT), before)
        },
        forget: async () => await rm(path.join(server.configDirectory, "trust"), { recursive: true, force: true }),
        [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    }
}

const certificates = (...keys: readonly TestKey[]): string =>
    `[[pin]]\ngun = ["${IMAGE.gun}"]\ncertificates = ${JSON.stringify(keys.map(({ id }) => id))}\n`
const AUTHORITY = `[[pin]]\ngun = ["registry.example.com/**"]\nauthority = "ca.pem"\n`
const FORBIDDEN = "first_use = false\n"

const rootKeyOf = (repository: TestRepository): TestKey => repository.keys.root[0] ?? assert.fail()

describe("first use", () => {
    test("names the root certificate that was taken on faith, once", async () => {
        const repository = new TestRepository(IMAGE.gun, NOW)
        await using scene = await start(repository)
        assert.deepEqual((await scene.fetch())?.onFaith, [rootKeyOf(repository).id])
        assert.equal((await scene.fetch())?.onFaith, undefined)
    })

    test("when forbidden leaves only what is pinned, cached or known to the daemon", async () => {
        const repository = new TestRepository(IMAGE.gun, NOW)
        await using scene = await start(repository)
        await scene.configure(FORBIDDEN)
        await scene.refused("not_pinned", /nothing says which root .* first use is forbidden/)
        assert.equal(scene.server.requests.filter((line) => line.includes("timestamp")).length, 0)
        await scene.refused("not_pinned", /./, { wholeRootChain: true })
        assert.ok(await scene.fetch({ trusted: parseFile(repository.root.content, ROOT) }))
        assert.ok(await scene.fetch())
        await scene.forget()
        await scene.configure(FORBIDDEN + certificates(rootKeyOf(repository)))
        assert.equal((await scene.fetch())?.onFaith, undefined)
    })

    test("when forbidden says nothing about a repository that isn't there", async () => {
        await using scene = await start(new TestRepository(IMAGE.gun, NOW))
        scene.server.files.clear()
        await scene.configure(FORBIDDEN)
        assert.equal(await scene.fetch(), undefined)
    })

    test("that a person is to confirm is not forbidden, and leaves nothing behind", async () => {
        const repository = new TestRepository(IMAGE.gun, NOW)
        await using scene = await start(repository)
        await scene.configure(FORBIDDEN)
        assert.ok(await scene.fetch({ wholeRootChain: true, unconfirmed: true }))
        assert.equal(await scene.cache.read(IMAGE.gun, ROOT), undefined)
        await scene.configure(certificates(rootKeyOf(new TestRepository(IMAGE.gun, NOW))))
        await scene.refused("pin_mismatch", /not the one pinned/, { wholeRootChain: true, unconfirmed: true })
    })
})

describe("a pinned certificate", () => {
    test("is the root's, or the repository is refused, whoever has seen it before", async () => {
        const [repository, other] = [new TestRepository(IMAGE.gun, NOW), new TestRepository(IMAGE.gun, NOW)]
        await using scene = await start(repository)
        await scene.configure(certificates(rootKeyOf(other)))
        await scene.refused("pin_mismatch", new RegExp(`key ${rootKeyOf(repository).id}: this certificate is not pinned`))
        await scene.configure("")
        await scene.fetch()
        await scene.configure(certificates(rootKeyOf(other)))
        await scene.refused("pin_mismatch", /not the one pinned in .*client\.toml/)
        await scene.refused("pin_mismatch", /./, { trusted: parseFile(repository.root.content, ROOT) })
        await scene.configure(certificates(rootKeyOf(other), rootKeyOf(repository)))
        await scene.fetch()
    })

    test("holds over rotations away from it, for those who start anew as for those who walked along", async () => {
        const repository = new TestRepository(IMAGE.gun, NOW)
        const pinned = rootKeyOf(repository)
        await using scene = await start(repository)
        await scene.configure(FORBIDDEN + certificates(pinned))
        await scene.fetch()
        for (let i = 0; i < 2; i += 1) {
            repository.rotate({ root: [repository.builder.rootKey()] })
            scene.server.serve(repository.files)
        }
        assert.equal((await scene.fetch())?.verified.root.signed.document.version, 3)
        // Now the cached root is one that nobody pinned.
        assert.ok(await scene.fetch())
        await scene.forget()
        assert.ok(await scene.fetch())
        await scene.forget()
        assert.ok(await scene.fetch({ wholeRootChain: true }))
        // A server that hides where its root comes from can't use the pin.
        await scene.forget()
        scene.server.files.delete("2.root")
        await scene.refused("verification_failed", /root version 3 does not follow on 1/)
        scene.server.files.delete("1.root")
        await scene.refused("pin_mismatch", /this certificate is not pinned/)
    })

    test("may be the one a repository has rotated to", async () => {
        const repository = new TestRepository(IMAGE.gun, NOW)
        await using scene = await start(repository)
        await scene.fetch()
        const key = repository.builder.rootKey()
        scene.server.serve(repository.rotate({ root: [key] }).files)
        await scene.configure(certificates(key))
        assert.ok(await scene.fetch())
        await scene.forget()
        assert.ok(await scene.fetch())
    })

    test("vouches by its signature, not by standing in a root", async () => {
        const pinned = new TestRepository(IMAGE.gun, NOW)
        const thief = new TestRepository(IMAGE.gun, NOW)
        const own = rootKeyOf(thief)
        thief.root = thief.builder.root({ version: 1, keys: { ...thief.keys, root: [rootKeyOf(pinned), own] }, signers: [own] })
        thief.seal()
        await using scene = await start(thief)
        await scene.configure(certificates(rootKeyOf(pinned)))
        await scene.refused("pin_mismatch", /0 valid signatures/)
        // Nor does the true chain vouch for another one beside it.
        thief.root = thief.builder.root({ version: 2, keys: thief.keys })
        scene.server.serve(thief.seal().files)
        scene.server.files.set("1.root", pinned.root.content)
        scene.server.files.delete("2.root")
        await scene.refused("verification_failed", /root version 2: 0 valid signatures by version 1's keys/)
    })

    test("needs as many of them as the root's threshold", async () => {
        const repository = new TestRepository(IMAGE.gun, NOW)
        const two = [rootKeyOf(repository), repository.builder.rootKey()] as const
        const keys = { ...repository.keys, root: two }
        repository.root = repository.builder.root({ version: 1, keys, thresholds: { root: 2 } })
        await using scene = await start(repository.seal())
        await scene.configure(certificates(two[0]))
        await scene.refused("pin_mismatch", /this certificate is not pinned/)
        await scene.configure(certificates(...two))
        assert.ok(await scene.fetch())
    })
})

describe("a pinned authority", () => {
    test("has issued the root's certificate, directly or through another", async () => {
        const middle = buildAuthority({ name: "Example Code Signing", issuer: authority })
        for (const key of [issuedKey(), issuedKey({ issuer: middle }, [middle])]) {
            await using scene = await start(new TestRepository(IMAGE.gun, NOW, { root: [key] }))
            await scene.configure(FORBIDDEN + AUTHORITY)
            assert.equal((await scene.fetch())?.onFaith, undefined)
        }
    })

    test("is not believed for another repository, a wrong use or a forged signature", async () => {
        const impostor = buildAuthority({ name: "Example Root" })
        const cases: readonly (readonly [key: TestKey, code: ErrorCode, message: RegExp])[] = [
            [issuedKey({ name: "registry.example.com/team/other" }), "verification_failed", /for another repository/],
            [issuedKey({ issuer: impostor }), "pin_mismatch", /is not signed by the certificate "Example Root"/],
            [issuedKey({ extKeyUsages: ["1.3.6.1.5.5.7.3.1"] }), "pin_mismatch", /not for signing code/],
            [issuedKey({ sha1: true }), "verification_failed", /SHA-1/],
            [new TestRepository(IMAGE.gun, NOW).keys.root[0] ?? assert.fail(), "pin_mismatch", /no pinned authority/],
        ]
        for (const [key, code, message] of cases) {
            await using scene = await start(new TestRepository(IMAGE.gun, NOW, { root: [key] }))
            await scene.configure(AUTHORITY)
            await scene.refused(code, message)
            await scene.refused(code, message, { wholeRootChain: true, unconfirmed: true })
        }
    })

    test("is asked again after a rotation, so that old clients see what new ones see", async () => {
        const repository = new TestRepository(IMAGE.gun, NOW, { root: [issuedKey()] })
        await using scene = await start(repository)
        await scene.configure(AUTHORITY)
        await scene.fetch()
        scene.server.serve(repository.rotate({ root: [issuedKey()] }).files)
        await scene.fetch()
        scene.server.serve(repository.rotate({ root: [repository.builder.rootKey()] }).files)
        await scene.refused("pin_mismatch", /root version 3, .*no pinned authority/)
        await scene.forget()
        await scene.refused("pin_mismatch", /root version 3, .*no pinned authority/)
        // Back under the authority, with the roots between as they are.
        scene.server.serve(repository.rotate({ root: [issuedKey()] }).files)
        assert.ok(await scene.fetch())
    })

    test("must have issued as many certificates as the threshold needs signatures", async () => {
        const repository = new TestRepository(IMAGE.gun, NOW)
        const both = [issuedKey(), rootKeyOf(repository)] as const
        repository.root = repository.builder.root({ version: 1, keys: { ...repository.keys, root: both }, signers: [both[1]] })
        await using scene = await start(repository.seal())
        await scene.configure(AUTHORITY)
        await scene.refused("pin_mismatch", /0 valid signatures/)
        repository.root = repository.builder.root({ version: 1, keys: { ...repository.keys, root: both } })
        scene.server.serve(repository.seal().files)
        assert.ok(await scene.fetch())
    })
})

test("what was published is read back under the same pins", async () => {
    const repository = new TestRepository(IMAGE.gun, NOW)
    await using scene = await start(repository)
    scene.server.handlers.set(`POST /v2/${IMAGE.gun}/_trust/tuf/`, (request, response) => {
        request.resume().on("end", () => response.end())
    })
    const place = { configDirectory: scene.server.configDirectory, trustServer: scene.server.url }
    const publish = async (): Promise<unknown> => {
        const server = await openTrustServer(IMAGE, place, "push")
        const { pins } = await scene.options()
        return await publishFiles(server, IMAGE.gun, [repository.targets, repository.root], scene.cache, NOW, {
            pins: pins ?? assert.fail(),
        })
    }
    await scene.configure(AUTHORITY)
    await assert.rejects(publish(), { code: "publish_unconfirmed", message: /no pinned authority/ })
    await scene.configure(FORBIDDEN)
    assert.ok(await publish())
})
