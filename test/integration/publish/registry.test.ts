import assert from "node:assert/strict"
import { copyFile, mkdir, writeFile } from "node:fs/promises"
import { createServer } from "node:http"
import path from "node:path"
import { describe, test } from "node:test"
import { type ErrorCode, TrustkeyError } from "../../../src/errors.ts"
import { openRegistry, parseReference, type ResolvedImage } from "../../../src/publish/index.ts"
import { answer, type FakeTrustServer, type Handler, startFakeTrustServer } from "../../support/fake-trust-server.ts"
import { buildImage, digestOf, MANIFEST_TYPE } from "../../support/image.ts"
import { makeWorkingDirectory } from "../../support/temp.ts"

const TIMES = { connectMs: 10_000, idleMs: 2_000, totalMs: 20_000 }
const IMAGE = buildImage("hello", "hello\n")
const INDEX = "application/vnd.oci.image.index.v1+json"

type Scene = AsyncDisposable & {
    readonly server: FakeTrustServer
    /** What the registry answers for any manifest. */
    manifest(body: Uint8Array | string, headers?: Readonly<Record<string, string>>): void
    handle(handler: Handler): void
    resolve(name?: string): Promise<ResolvedImage>
    refused(code: ErrorCode, message: RegExp, name?: string): Promise<void>
}

/** A registry on TLS, its CA in `certs.d`. */
async function start(): Promise<Scene> {
    const server = await startFakeTrustServer()
    const directory = path.join(server.configDirectory, "certs.d", server.host)
    await mkdir(directory, { recursive: true })
    await copyFile(server.caFile, path.join(directory, "ca.crt"))
    const place = { configDirectory: server.configDirectory, trustServer: undefined, times: TIMES }
    server.handlers.set("GET /v2/", (_, response) => void response.end("{}"))
    const scene: Scene = {
        server,
        manifest: (body, headers = {}) => {
            scene.handle((_, response) => void response.writeHead(200, { "content-type": MANIFEST_TYPE, ...headers }).end(body))
        },
        handle: (handler) => void server.handlers.set("*", handler),
        resolve: async (name = "team/app:v1") => {
            const reference = parseReference(`${server.host}/${name}`)
            return await (await openRegistry(reference, place)).resolve(reference)
        },
        refused: async (code, message, name) => {
            await assert.rejects(scene.resolve(name), (error) => {
                assert.ok(error instanceof TrustkeyError, String(error))
                assert.equal(error.code, code, error.message)
                assert.match(error.message, message)
                return true
            })
        },
        [Symbol.asyncDispose]: async () => server[Symbol.asyncDispose](),
    }
    return scene
}

describe("looking up an image", () => {
    test("takes the digest from the manifest's bytes", async () => {
        await using scene = await start()
        scene.manifest(IMAGE.manifest)
        assert.deepEqual(await scene.resolve(), { digest: IMAGE.digest, size: IMAGE.size, mediaType: MANIFEST_TYPE })
        scene.manifest(IMAGE.manifest, { "docker-content-digest": IMAGE.digest })
        assert.equal((await scene.resolve("team/app")).digest, IMAGE.digest)
        assert.equal((await scene.resolve(`team/app@${IMAGE.digest}`)).digest, IMAGE.digest)
        assert.deepEqual(
            scene.server.requests.filter((line) => line !== "GET /v2/"),
            ["v1", "latest", IMAGE.digest].map((name) => `GET /v2/team/app/manifests/${name}`),
        )
    })

    test("takes lists of images for several platforms", async () => {
        await using scene = await start()
        const list = JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests: [] })
        scene.manifest(list, { "content-type": `${INDEX}; charset=utf-8` })
        assert.deepEqual(await scene.resolve(), { digest: digestOf(Buffer.from(list)), size: list.length, mediaType: INDEX })
    })

    test("notices a registry that says one digest and sends another", async () => {
        await using scene = await start()
        scene.manifest(IMAGE.manifest, { "docker-content-digest": `sha256:${"0".repeat(64)}` })
        await scene.refused("digest_mismatch", /says .* is "sha256:0000/)
        scene.manifest(IMAGE.manifest)
        await scene.refused("digest_mismatch", /when asked for sha256:1111/, `team/app@sha256:${"1".repeat(64)}`)
    })

    test("takes nothing that is two things at once", async () => {
        await using scene = await start()
        const both = JSON.stringify({ schemaVersion: 2, manifests: [], layers: [], config: {} })
        scene.manifest(both)
        await scene.refused("registry_refused", /content contradicts its type/)
        scene.manifest(both, { "content-type": INDEX })
        await scene.refused("registry_refused", /content contradicts its type/)
        scene.manifest(JSON.stringify({ schemaVersion: 2, mediaType: INDEX }))
        await scene.refused("registry_refused", /content contradicts its type/)
    })

    test("takes nothing that isn't a manifest", async () => {
        await using scene = await start()
        scene.manifest("<html>", { "content-type": "text/html" })
        await scene.refused("registry_refused", /isn't JSON/)
        scene.manifest("{}", { "content-type": "application/vnd.docker.distribution.manifest.v1+prettyjws" })
        await scene.refused("registry_refused", /something other than an image manifest/)
        scene.manifest(Buffer.alloc(4 * 1024 * 1024 + 1, " "))
        await scene.refused("registry_unreachable", /sent more than 4194304 bytes/)
        scene.handle(() => {})
        await scene.refused("registry_unreachable", /sent nothing for 2 s/)
    })

    test("says what is not there, not allowed or not working", async () => {
        await using scene = await start()
        const error = (status: number, code: string): void =>
            scene.handle((_, response) => answer(response, status, { errors: [{ code, message: "m" }] }))
        error(404, "MANIFEST_UNKNOWN")
        await scene.refused("not_found", /has no localhost:\d+\/team\/app:v1/)
        error(403, "DENIED")
        await scene.refused("registry_refused", /status 403: DENIED: m/)
        error(503, "UNAVAILABLE")
        await scene.refused("registry_unreachable", /failed \(status 503/)
        error(401, "UNAUTHORIZED")
        await scene.refused("login_needed", /./)
    })

    test("follows to where the manifest is kept, and leaves the authorization behind", async () => {
        await using store = await startFakeTrustServer()
        const seen: unknown[] = []
        store.handlers.set("*", (request, response) => {
            seen.push(request.headers.authorization)
            response.writeHead(200, { "content-type": MANIFEST_TYPE }).end(IMAGE.manifest)
        })
        await using scene = await start()
        await copyFile(store.caFile, path.join(scene.server.configDirectory, "certs.d", scene.server.host, "store.crt"))
        const auth = Buffer.from("alice:s3cret").toString("base64")
        await writeFile(
            path.join(scene.server.configDirectory, "config.json"),
            JSON.stringify({ auths: { [scene.server.host]: { auth } } }),
        )
        scene.handle((request, response) => {
            if (request.headers.authorization === `Basic ${auth}`) response.writeHead(307, { location: `${store.url}/blob` }).end()
            else answer(response, 401, {}, { "www-authenticate": 'Basic realm="x"' })
        })
        assert.equal((await scene.resolve()).digest, IMAGE.digest)
        assert.deepEqual(seen, [undefined])
        scene.handle((request, response) => void response.writeHead(307, { location: `${request.url}` }).end())
        await scene.refused("registry_unreachable", /redirects more than 5 times/)
    })

    test("uses the CA in certs.d only, and never goes without one", async () => {
        await using server = await startFakeTrustServer()
        const reference = parseReference(`${server.host}/team/app`)
        const place = { configDirectory: server.configDirectory, trustServer: undefined, times: TIMES }
        await assert.rejects(openRegistry(reference, place), { code: "registry_unreachable", message: /no known authority vouches/ })
    })

    test("speaks plain HTTP to a registry on this machine, and to no other", async () => {
        await using directory = await makeWorkingDirectory("registry")
        const place = { configDirectory: directory.path, trustServer: undefined, times: TIMES }
        const plain = createServer((request, response) => {
            if (request.url === "/v2/") response.end("{}")
            else response.writeHead(200, { "content-type": MANIFEST_TYPE }).end(IMAGE.manifest)
        })
        await new Promise<void>((resolve) => plain.listen(0, "127.0.0.1", resolve))
        try {
            const address = plain.address()
            const port = typeof address === "object" && address !== null ? address.port : assert.fail()
            for (const host of ["localhost", "127.0.0.1"]) {
                const reference = parseReference(`${host}:${port}/team/app:v1`)
                assert.equal((await (await openRegistry(reference, place)).resolve(reference)).digest, IMAGE.digest)
            }
            // A name for this machine that doesn't say so.
            const elsewhere = parseReference(`localhost.localdomain:${port}/team/app:v1`)
            const registry = await openRegistry(elsewhere, place)
            await assert.rejects(registry.resolve(elsewhere), { code: "registry_unreachable" })
            await assert.rejects(registry.resolve(parseReference(`localhost:${port}/team/app:v1`)), { code: "invalid_request" })
        } finally {
            plain.closeAllConnections()
            plain.close()
        }
    })
})
