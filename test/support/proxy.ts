import { readFileSync } from "node:fs"
import type { IncomingMessage, ServerResponse } from "node:http"
import { createServer } from "node:https"
import { askHttps, type HttpsAnswer } from "./https.ts"
import type { Notary } from "./notary.ts"

export type ProxyRequest = { readonly method: string; readonly path: string; readonly body: Buffer }
/** "cut": the connection ends without an answer. */
export type ProxyAnswer = { readonly status: number; readonly body: Buffer } | "cut"

/** Somebody between a client and notary-server, with a certificate the client trusts. Passes everything on until told otherwise. */
export type NotaryProxy = AsyncDisposable & {
    readonly url: string
    readonly host: string
    readonly port: number
    /** Answers in the server's place; undefined passes the request on. */
    intercept: ((request: ProxyRequest) => ProxyAnswer | undefined | Promise<undefined>) | undefined
    /** Changes what the server answered with 200, or keeps it from the client. */
    alter: ((request: ProxyRequest, answer: Buffer) => Buffer | "cut") | undefined
    /** `METHOD path` of every request. */
    readonly requests: string[]
}

export async function startNotaryProxy(notary: Notary, options: { readonly port?: number } = {}): Promise<NotaryProxy> {
    const { certFile, keyFile } = await notary.authority.issue("notary-proxy", "server")
    const server = createServer({ cert: readFileSync(certFile), key: readFileSync(keyFile) }, (incoming, response) => {
        pass(incoming, response).catch((error: unknown) => {
            response.writeHead(502).end(error instanceof Error ? error.message : String(error))
        })
    })
    const pass = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
        const request = { method: incoming.method ?? "GET", path: incoming.url ?? "/", body: await readAll(incoming) }
        proxy.requests.push(`${request.method} ${request.path}`)
        const instead = await proxy.intercept?.(request)
        if (instead === "cut") {
            incoming.socket.destroy()
            return
        }
        if (instead !== undefined) {
            response.writeHead(instead.status, { "content-type": "application/json", "content-length": instead.body.length })
            response.end(instead.body)
            return
        }
        const answer = await forward(notary, incoming, request)
        const body = answer.status === 200 ? (proxy.alter?.(request, answer.body) ?? answer.body) : answer.body
        if (body === "cut") {
            incoming.socket.destroy()
            return
        }
        response.writeHead(answer.status, { ...kept(answer.headers, ANSWER_HEADERS), "content-length": String(body.length) })
        response.end(body)
    }
    await new Promise<void>((resolve, reject) => server.once("error", reject).listen(options.port ?? 0, "127.0.0.1", resolve))
    const address = server.address()
    if (address === null || typeof address === "string") throw new Error("the proxy has no port")
    const host = `localhost:${address.port}`
    const proxy: NotaryProxy = {
        url: `https://${host}`,
        host,
        port: address.port,
        intercept: undefined,
        alter: undefined,
        requests: [],
        [Symbol.asyncDispose]: async () => {
            server.closeAllConnections()
            await new Promise((resolve) => server.close(resolve))
        },
    }
    return proxy
}

const REQUEST_HEADERS = ["authorization", "content-type", "accept"]
const ANSWER_HEADERS = ["content-type", "www-authenticate", "cache-control", "last-modified"]

async function forward(notary: Notary, incoming: IncomingMessage, { method, path, body }: ProxyRequest): Promise<HttpsAnswer> {
    return askHttps(`${notary.url}${path}`, {
        caFile: notary.caFile,
        method,
        headers: kept(incoming.headers, REQUEST_HEADERS),
        ...(body.length === 0 && method === "GET" ? {} : { body }),
    })
}

function kept(headers: IncomingMessage["headers"], names: readonly string[]): Record<string, string> {
    return Object.fromEntries(names.flatMap((name) => (typeof headers[name] === "string" ? [[name, headers[name]]] : [])))
}

async function readAll(incoming: IncomingMessage): Promise<Buffer> {
    const chunks: Buffer[] = []
    for await (const chunk of incoming) chunks.push(Buffer.from(chunk))
    return Buffer.concat(chunks)
}

/** The same metadata with one tag pointing elsewhere, of the same length; signatures are left as they were. */
export function redirectTag(metadata: Buffer, tag: string, digest: string): Buffer {
    const document: unknown = JSON.parse(metadata.toString())
    const target = at(at(at(at(document, "signed"), "targets"), tag), "hashes")
    const before = at(target, "sha256")
    if (typeof before !== "string") return metadata
    const after = Buffer.from(digest.replace(/^sha256:/, ""), "hex").toString("base64")
    return Buffer.from(metadata.toString().replace(before, after))
}

function at(value: unknown, name: string): unknown {
    return typeof value === "object" && value !== null ? Object.getOwnPropertyDescriptor(value, name)?.value : undefined
}
