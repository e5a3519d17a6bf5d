import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import { copyFile, mkdir } from "node:fs/promises"
import type { IncomingMessage, ServerResponse } from "node:http"
import { createServer, type Server } from "node:https"
import path from "node:path"
import type { BuiltFile } from "./repository-builder.ts"
import { makeWorkingDirectory } from "./temp.ts"
import { type Certificate, startAuthority } from "./tls.ts"

export type Handler = (request: IncomingMessage, response: ServerResponse) => void

/** A trust server that does as it is told: serves files, lies, stalls. `https://localhost:<port>`, its CA where docker looks for it. */
export type FakeTrustServer = AsyncDisposable & {
    readonly url: string
    readonly host: string
    /** A docker configuration directory that trusts the server. */
    readonly configDirectory: string
    readonly caFile: string
    /** Its certificate, good for any port of localhost: for whoever else is to be trusted. */
    readonly certificate: Certificate
    /** What is served, by the name without `.json`. */
    readonly files: Map<string, Buffer>
    /** Asked before `files`; by `METHOD path`, or the name of a file. */
    readonly handlers: Map<string, Handler>
    /** `METHOD path` of every request. */
    readonly requests: string[]
    /** Serve these as notary-server would: each by its name and its hash, roots by their version. */
    serve(files: readonly BuiltFile[]): void
}

export async function startFakeTrustServer(): Promise<FakeTrustServer> {
    const directory = await makeWorkingDirectory("fake-trust-server")
    const authority = await startAuthority(path.join(directory.path, "authority"))
    const certificate = await authority.issue("fake", "server")
    const { certFile, keyFile } = certificate
    const files = new Map<string, Buffer>()
    const handlers = new Map<string, Handler>()
    const requests: string[] = []
    const server = createServer({ cert: readFileSync(certFile), key: readFileSync(keyFile) }, (request, response) => {
        const line = `${request.method} ${request.url}`
        requests.push(line)
        const name = /\/_trust\/tuf\/(.+)\.json$/.exec(request.url ?? "")?.[1] ?? ""
        const handler = handlers.get(line) ?? handlers.get(name) ?? handlers.get("*")
        if (handler !== undefined) return handler(request, response)
        const content = request.method === "GET" ? files.get(name) : undefined
        if (content === undefined) return answer(response, 404, { errors: [{ code: "METADATA_NOT_FOUND", message: "no such metadata" }] })
        response.writeHead(200, { "content-type": "text/plain", "content-length": content.length }).end(content)
    })
    const port = await listen(server)
    const host = `localhost:${port}`
    const configDirectory = path.join(directory.path, "docker")
    await mkdir(path.join(configDirectory, "tls", host), { recursive: true })
    await copyFile(authority.caFile, path.join(configDirectory, "tls", host, "ca.crt"))
    return {
        url: `https://${host}`,
        host,
        configDirectory,
        caFile: authority.caFile,
        certificate,
        files,
        handlers,
        requests,
        serve: (built) => {
            for (const { role, version, content } of built) {
                files.set(role, content)
                files.set(`${role}.${createHash("sha256").update(content).digest("hex")}`, content)
                if (role === "root") files.set(`${version}.root`, content)
            }
        },
        [Symbol.asyncDispose]: async () => {
            server.closeAllConnections()
            await new Promise((resolve) => server.close(resolve))
            await directory.remove()
        },
    }
}

export function answer(response: ServerResponse, status: number, document: unknown, headers: Readonly<Record<string, string>> = {}): void {
    response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(document))
}

async function listen(server: Server): Promise<number> {
    await new Promise<void>((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", resolve))
    const address = server.address()
    if (address === null || typeof address === "string") throw new Error("the server has no port")
    return address.port
}
