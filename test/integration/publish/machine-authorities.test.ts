import assert from "node:assert/strict"
import { once } from "node:events"
import { readFileSync } from "node:fs"
import { copyFile, mkdir } from "node:fs/promises"
import { createServer } from "node:https"
import path from "node:path"
import { after, before, describe, test } from "node:test"
import { openTrustServer, parseReference } from "../../../src/publish/index.ts"
import { makeWorkingDirectory, type WorkingDirectory } from "../../support/temp.ts"
import { type CertificateAuthority, startAuthority } from "../../support/tls.ts"

const IMAGE = parseReference("registry.example.com/team/app")

// The runtime reads the machine's authorities once for a process, from where OpenSSL's own variable says: hence a file for these tests.
describe("the machine's authorities", () => {
    let working: WorkingDirectory
    let machines: CertificateAuthority
    let others: CertificateAuthority

    before(async () => {
        working = await makeWorkingDirectory("machine-authorities")
        machines = await startAuthority(path.join(working.path, "machines"))
        others = await startAuthority(path.join(working.path, "others"))
        process.env["SSL_CERT_FILE"] = machines.caFile
        process.env["SSL_CERT_DIR"] = path.join(working.path, "none")
    })
    after(() => working[Symbol.asyncDispose]())

    async function ask(issuer: CertificateAuthority, kept: CertificateAuthority | undefined, times: number): Promise<readonly string[]> {
        const { certFile, keyFile } = await issuer.issue("server", "server")
        const server = createServer({ cert: readFileSync(certFile), key: readFileSync(keyFile) }, (_, response) => response.end("hello"))
        server.unref().listen(0, "127.0.0.1")
        await once(server, "listening")
        const address = server.address()
        const port = typeof address === "object" && address !== null ? address.port : assert.fail()
        const configDirectory = path.join(working.path, `docker-${port}`)
        const directory = path.join(configDirectory, "tls", `localhost:${port}`)
        await mkdir(directory, { recursive: true })
        if (kept !== undefined) await copyFile(kept.caFile, path.join(directory, "ca.crt"))
        const place = { configDirectory, trustServer: `https://localhost:${port}`, environment: {} }
        const trustServer = await openTrustServer(IMAGE, place, "pull")
        try {
            const answers = Array.from({ length: times }, () => trustServer.get(IMAGE.gun, "root"))
            return (await Promise.all(answers)).map((content) => String(content))
        } finally {
            server.close()
        }
    }

    test("count where none is kept for the server, and where the one that is kept did not issue its certificate", async () => {
        assert.deepEqual(await ask(machines, undefined, 1), ["hello"])
        assert.deepEqual(await ask(machines, others, 3), ["hello", "hello", "hello"])
    })

    test("are not needed where the authority kept for the server issued its certificate", async () => {
        assert.deepEqual(await ask(others, others, 2), ["hello", "hello"])
    })

    test("vouch for no certificate they did not issue", async () => {
        await assert.rejects(ask(others, undefined, 1), { code: "server_unreachable", message: /no known authority vouches for/ })
        await assert.rejects(ask(others, machines, 1), { code: "server_unreachable", message: /no known authority vouches for/ })
    })
})
