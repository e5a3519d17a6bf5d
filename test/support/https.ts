import { readFileSync } from "node:fs"
import type { IncomingHttpHeaders } from "node:http"
import { request } from "node:https"

export type HttpsAnswer = { readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: Buffer }

export type HttpsOptions = {
    readonly caFile: string
    readonly method?: string
    readonly headers?: Readonly<Record<string, string>>
    readonly body?: Uint8Array
}

/** One request to one of our own servers, trusting only its throw-away CA. */
export async function askHttps(url: string | URL, options: HttpsOptions): Promise<HttpsAnswer> {
    return new Promise((resolve, reject) => {
        const outgoing = request(
            url,
            {
                method: options.method ?? "GET",
                ca: readFileSync(options.caFile),
                // A kept connection would keep the test process from ending.
                agent: false,
                timeout: 10_000,
                headers: { ...options.headers, ...(options.body === undefined ? {} : { "content-length": options.body.length }) },
            },
            (incoming) => {
                const chunks: Buffer[] = []
                incoming.on("data", (chunk: Buffer) => chunks.push(chunk))
                incoming.on("error", reject)
                incoming.on("end", () => {
                    resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: Buffer.concat(chunks) })
                })
            },
        )
        outgoing.on("timeout", () => outgoing.destroy(new Error(`${url} did not answer within 10 s`)))
        outgoing.on("error", reject)
        outgoing.end(options.body)
    })
}
