import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import { copyFile, mkdir, rm, writeFile } from "node:fs/promises"
import { createServer as createHttp } from "node:http"
import { createServer as createHttps, type ServerOptions } from "node:https"
import { createServer as createTcp, type Server } from "node:net"
import path from "node:path"
import { describe, test } from "node:test"
import { type ErrorCode, TrustkeyError } from "../../../src/errors.ts"
import { type DockerPlace, openTrustServer, parseReference } from "../../../src/publish/index.ts"
import { mustRun } from "../../support/process.ts"
import { makeWorkingDirectory } from "../../support/temp.ts"
import { type CertificateAuthority, startAuthority } from "../../support/tls.ts"

const IMAGE = parseReference("registry.example.com/team/app")
const TIMES = { connectMs: 2_000, idleMs: 10_000, totalMs: 20_000 }

type Scene = AsyncDisposable & {
    readonly directory: string
    readonly configDirectory: string
    readonly authority: CertificateAuthority
    /** Start `server` on a free port of 127.0.0.1, or another address. */
    listen(server: Server, address?: string): Promise<number>
    https(options?: ServerOptions, address?: string): Promise<number>
    /** The directory in which docker looks for the server's certificates. */
    tlsDirectory(host: string): Promise<string>
    trust(host: string): Promise<void>
    get(url: string, place?: Partial<DockerPlace>): Promise<string | undefined>
    refused(url: string, code: ErrorCode, message: RegExp, place?: Partial<DockerPlace>): Promise<void>
}

async function start(): Promise<Scene> {
    const working = await makeWorkingDirectory("connection")
    const authority = await startAuthority(path.join(working.path, "authority"))
    const { certFile, keyFile } = await authority.issue("server", "server")
    const configDirectory = path.join(working.path, "docker")
    const servers: Server[] = []
    const scene: Scene = {
        directory: working.path,
        configDirectory,
        authority,
        listen: async (server, host = "127.0.0.1") => {
            servers.push(server)
            server.unref()
            await new Promise<void>((resolve) => server.listen(0, host, resolve))
            const address = server.address()
            return typeof address === "object" && address !== null ? address.port : assert.fail()
        },
        https: async (options = {}, address) => {
            const server = createHttps({ cert: readFileSync(certFile), key: readFileSync(keyFile), ...options }, (_, response) => {
                response.end("hello")
            })
            return await scene.listen(server, address)
        },
        tlsDirectory: async (host) => {
            const directory = path.join(configDirectory, "tls", host)
            await mkdir(directory, { recursive: true })
            return directory
        },
        trust: async (host) => await copyFile(authority.caFile, path.join(await scene.tlsDirectory(host), "ca.crt")),
        get: async (url, place = {}) => {
            const server = await openTrustServer(IMAGE, { configDirectory, trustServer: url, times: TIMES, ...place }, "pull")
            return (await server.get(IMAGE.gun, "root"))?.toString()
        },
        refused: async (url, code, message, place) => {
            await assert.rejects(scene.get(url, place), (error) => {
                assert.ok(error instanceof TrustkeyError, String(error))
                assert.equal(error.code, code, error.message)
                assert.match(error.message, message)
                return true
            })
        },
        [Symbol.asyncDispose]: async () => {
            for (const server of servers) {
                if ("closeAllConnections" in server && typeof server.closeAllConnections === "function") server.closeAllConnections()
                server.close()
            }
            await working.remove()
        },
    }
    return scene
}

describe("a connection to a trust server", () => {
    test("is made when its CA lies where docker keeps it", async () => {
        await using scene = await start()
        const port = await scene.https()
        await scene.trust(`localhost:${port}`)
        assert.equal(await scene.get(`https://localhost:${port}`), "hello")
    })

    test("is made with a CA handed in", async () => {
        await using scene = await start()
        const port = await scene.https()
        assert.equal(await scene.get(`https://localhost:${port}`, { extraCa: scene.authority.caFile }), "hello")
        await scene.refused(`https://localhost:${port}`, "config_invalid", /does not exist/, {
            extraCa: path.join(scene.directory, "no.crt"),
        })
    })

    test("is refused without that CA, on loopback too, whatever the environment says", async () => {
        await using scene = await start()
        const port = await scene.https()
        await scene.refused(`https://localhost:${port}`, "server_unreachable", /certificate that no known authority vouches for/)
        const script = `
            import { openTrustServer, parseReference } from ${JSON.stringify(new URL("../../../src/publish/index.ts", import.meta.url).href)}
            const image = parseReference("registry.example.com/team/app")
            const place = { configDirectory: "/nowhere", trustServer: "https://localhost:${port}" }
            const server = await openTrustServer(image, place, "pull")
            console.log(await server.get(image.gun, "root").then(String, (error) => error.code))
        `
        const args = ["--no-warnings", "--input-type=module", "--eval", script]
        assert.equal(await mustRun(process.execPath, args, { env: { NODE_TLS_REJECT_UNAUTHORIZED: "0" } }), "server_unreachable\n")
    })

    test("is refused when the certificate names another host or has expired", async () => {
        await using scene = await start()
        const port = await scene.https({}, "127.0.0.2")
        await scene.trust(`127.0.0.2:${port}`)
        await scene.refused(`https://127.0.0.2:${port}`, "server_unreachable", /certificate for another name/)

        const issued = await scene.authority.issue("old", "server")
        const old = path.join(scene.directory, "old.crt")
        // x509 counts the days from now on, so one day less than none has passed.
        const self = ["x509", "-in", issued.certFile, "-signkey", issued.keyFile, "-days", "-1", "-out", old]
        await mustRun("/usr/bin/openssl", self)
        const expired = await scene.https({ cert: readFileSync(old), key: readFileSync(issued.keyFile) })
        await copyFile(old, path.join(await scene.tlsDirectory(`localhost:${expired}`), "ca.crt"))
        await scene.refused(`https://localhost:${expired}`, "server_unreachable", /certificate that has expired/)
    })

    test("brings the client certificate from docker's directory, and to that server only", async () => {
        await using scene = await start()
        const names: unknown[] = []
        const server = createHttps(
            {
                cert: readFileSync((await scene.authority.issue("server", "server")).certFile),
                key: readFileSync(path.join(scene.directory, "authority/server.key")),
                ca: readFileSync(scene.authority.caFile),
                requestCert: true,
                rejectUnauthorized: false,
            },
            (request, response) => {
                const socket = request.socket as import("node:tls").TLSSocket
                names.push(socket.authorized && socket.getPeerCertificate().subject.CN)
                if (request.url?.endsWith("root.json")) response.writeHead(302, { location: `https://127.0.0.1:${port}/x` }).end()
                else response.end("hello")
            },
        )
        const port = await scene.listen(server)
        await scene.trust(`localhost:${port}`)
        const { certFile, keyFile } = await scene.authority.issue("alice", "client")
        const directory = await scene.tlsDirectory(`localhost:${port}`)
        await copyFile(certFile, path.join(directory, "client.cert"))
        await copyFile(keyFile, path.join(directory, "client.key"))
        assert.equal(await scene.get(`https://localhost:${port}`), "hello")
        assert.deepEqual(names, ["alice", false])
    })

    test("is not tried with a client certificate that lacks its key, or a CA that is none", async () => {
        await using scene = await start()
        const directory = await scene.tlsDirectory("localhost:1")
        await copyFile(scene.authority.caFile, path.join(directory, "client.cert"))
        await scene.refused("https://localhost:1", "config_invalid", /has no client.key beside it/)
        await rm(path.join(directory, "client.cert"))
        await writeFile(path.join(directory, "broken.crt"), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        await scene.refused("https://localhost:1", "config_invalid", /broken.crt holds no certificate/)
    })

    test("fails in good time when nobody is there, nobody answers, or nobody speaks TLS", async () => {
        await using scene = await start()
        await scene.refused("https://localhost:1", "server_unreachable", /can't be reached \(ECONNREFUSED\)/)
        await scene.refused(
            "https://trust.invalid",
            "server_unreachable",
            /can't be reached \((?:ENOTFOUND|EAI_AGAIN)\)|did not take a connection/,
        )
        const silent = await scene.listen(createTcp(() => {}))
        await scene.refused(`https://localhost:${silent}`, "server_unreachable", /did not take a connection within 2 s/)
        const plain = await scene.listen(createHttp((_, response) => void response.end("hello")))
        await scene.refused(`https://localhost:${plain}`, "server_unreachable", /does not speak TLS/)
        const rude = await scene.listen(createTcp((socket) => socket.destroy()))
        await scene.refused(`https://localhost:${rude}`, "server_unreachable", /can't be reached/)
    })

    test("is made anew when the server closed the one that was kept", async () => {
        await using scene = await start()
        const server = createHttps(
            {
                cert: readFileSync((await scene.authority.issue("server", "server")).certFile),
                key: readFileSync(path.join(scene.directory, "authority/server.key")),
            },
            (_, response) => void response.end("hello"),
        )
        // The next request comes over a connection whose other end is gone by then.
        server.on("request", (request) => setTimeout(() => request.socket.destroy(), 20))
        const port = await scene.listen(server)
        const place = {
            configDirectory: scene.configDirectory,
            trustServer: `https://localhost:${port}`,
            times: TIMES,
            extraCa: scene.authority.caFile,
        }
        const client = await openTrustServer(IMAGE, place, "pull")
        for (let round = 0; round < 5; round += 1) {
            assert.equal(String(await client.get(IMAGE.gun, "root")), "hello")
            await new Promise((resolve) => setTimeout(resolve, 19 + round))
        }
    })
})
