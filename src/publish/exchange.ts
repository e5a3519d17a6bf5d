import { type Agent, type ClientRequest, type IncomingHttpHeaders, type IncomingMessage, request as requestHttp } from "node:http"
import { request as requestHttps } from "node:https"

/** Milliseconds: until the connection stands, without a byte either way, and for one request as a whole. */
export type HttpTimes = { readonly connectMs: number; readonly idleMs: number; readonly totalMs: number }

export const DEFAULT_TIMES: HttpTimes = { connectMs: 10_000, idleMs: 30_000, totalMs: 120_000 }

export type HttpQuestion = {
    readonly method: "GET" | "POST" | "DELETE"
    readonly url: URL
    readonly headers?: Readonly<Record<string, string>>
    readonly body?: Uint8Array
    /** The most a 200 may carry. What a refusal carries beyond `MAX_REFUSAL` is left unread. */
    readonly maxBytes: number
}

export type HttpAnswer = { readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: Buffer }

/** How an exchange came to nothing. `not-tls`: somebody is there who speaks something else. */
export type HttpFailureKind = "unreachable" | "untrusted" | "not-tls" | "timeout" | "too-long" | "malformed" | "lost" | "stale"

/** `message` continues a sentence that begins with the server's name. */
export class HttpFailure extends Error {
    override readonly name = "HttpFailure"
    readonly kind: HttpFailureKind

    constructor(kind: HttpFailureKind, message: string, options?: { cause?: unknown }) {
        super(message, options)
        this.kind = kind
    }
}

const MAX_HEADERS = 32 * 1024
const MAX_REFUSAL = 16 * 1024
// 103 Early Hints and their like: each would be read and thrown away, for as long as the server pleases.
const MAX_INTERIM = 8

/** `kept` leaves its connections open for the next request; `single` makes a new one each time. */
export type Agents = { readonly kept: Agent; readonly single: Agent }

/**
 * One request, one answer, both bounded in size and time. Redirects and refusals are answers. The agents bring the certificates, and
 * nothing (NODE_TLS_REJECT_UNAUTHORIZED neither) turns their verification off.
 *
 * @throws HttpFailure
 */
export async function exchange(question: HttpQuestion, agents: Agents, times: HttpTimes): Promise<HttpAnswer> {
    if (question.method !== "GET") return await exchangeOnce(question, agents.single, times)
    try {
        return await exchangeOnce(question, agents.kept, times)
    } catch (error) {
        // A kept connection may be closed by the other side in the moment we use it. Asking again is harmless; sending would not be.
        if (error instanceof HttpFailure && error.kind === "stale") return await exchangeOnce(question, agents.single, times)
        throw error
    }
}

function exchangeOnce(question: HttpQuestion, agent: Agent, times: HttpTimes): Promise<HttpAnswer> {
    const { url, body, method } = question
    const secure = url.protocol === "https:"
    return new Promise((resolve, reject) => {
        const options = {
            method,
            agent,
            maxHeaderSize: MAX_HEADERS,
            rejectUnauthorized: true,
            headers: {
                ...question.headers,
                "accept-encoding": "identity",
                ...(body === undefined ? {} : { "content-length": String(body.length) }),
            },
        }
        const request = secure ? requestHttps(url, options) : requestHttp(url, options)
        let connected = false
        const fail = (failure: HttpFailure): void => {
            stopTimers()
            reject(failure)
            request.destroy()
        }
        const total = setTimeout(() => fail(new HttpFailure("timeout", `did not finish within ${seconds(times.totalMs)}`)), times.totalMs)
        const connecting = setTimeout(() => {
            fail(new HttpFailure("unreachable", `did not take a connection within ${seconds(times.connectMs)}`))
        }, times.connectMs)
        const stopTimers = (): void => {
            clearTimeout(total)
            clearTimeout(connecting)
        }
        request.on("socket", (socket) => {
            const established = (): void => {
                connected = true
                clearTimeout(connecting)
            }
            if (request.reusedSocket) established()
            else socket.once(secure ? "secureConnect" : "connect", established)
        })
        request.setTimeout(times.idleMs, () => fail(new HttpFailure("timeout", `sent nothing for ${seconds(times.idleMs)}`)))
        request.on("error", (error) => fail(failureOf(error, connected, request)))
        let interim = 0
        request.on("information", () => {
            interim += 1
            if (interim > MAX_INTERIM) fail(new HttpFailure("malformed", `sent more than ${MAX_INTERIM} interim answers`))
        })
        request.on("response", (response) => {
            readBody(response, question.maxBytes).then(
                (content) => {
                    stopTimers()
                    resolve({ status: response.statusCode ?? 0, headers: response.headers, body: content })
                    if (!response.complete) request.destroy()
                },
                (error: unknown) => fail(failureOf(error, true, request)),
            )
        })
        request.end(body)
    })
}

function readBody(response: IncomingMessage, maxBytes: number): Promise<Buffer> {
    const status = response.statusCode ?? 0
    const good = status >= 200 && status < 300
    const limit = good ? maxBytes : MAX_REFUSAL
    return new Promise((resolve, reject) => {
        const chunks: Buffer[] = []
        let length = 0
        const tooLong = (): void => reject(new HttpFailure("too-long", `sent more than ${maxBytes} bytes`))
        if (good && Number(response.headers["content-length"] ?? 0) > limit) tooLong()
        response.on("data", (chunk: Buffer) => {
            chunks.push(chunk)
            length += chunk.length
            if (length <= limit) return
            response.pause()
            if (good) tooLong()
            else resolve(Buffer.concat(chunks).subarray(0, limit))
        })
        response.on("end", () => resolve(Buffer.concat(chunks)))
        response.on("error", reject)
        response.on("close", () => reject(new HttpFailure("lost", "broke off in the middle of its answer")))
    })
}

function failureOf(error: unknown, connected: boolean, request: ClientRequest): HttpFailure {
    if (error instanceof HttpFailure) return error
    const code = codeOf(error)
    const options = { cause: error }
    if (code === "HPE_HEADER_OVERFLOW") return new HttpFailure("malformed", "sent headers longer than any server needs", options)
    if (code.startsWith("HPE_")) return new HttpFailure("malformed", `sent something that isn't HTTP (${code})`, options)
    if (!connected) {
        // The other side answered our greeting in clear: it speaks plain HTTP, or another protocol altogether.
        if (error instanceof Error && NOT_TLS.test(error.message)) return new HttpFailure("not-tls", "does not speak TLS", options)
        const trouble = certificateTrouble(error, code)
        if (trouble !== undefined) return new HttpFailure("untrusted", trouble, options)
        return new HttpFailure("unreachable", `can't be reached (${code === "" ? "no reason known" : code})`, options)
    }
    return new HttpFailure(request.reusedSocket ? "stale" : "lost", `broke off the connection (${code})`, options)
}

// OpenSSL's reasons, which the runtime passes on in the text of an EPROTO.
const NOT_TLS = /:(?:wrong version number|packet length too long|http request|unexpected message):/

const CERTIFICATE_TROUBLE: Readonly<Record<string, string>> = {
    ERR_TLS_CERT_ALTNAME_INVALID: "has a certificate for another name",
    CERT_HAS_EXPIRED: "has a certificate that has expired",
    CERT_NOT_YET_VALID: "has a certificate that is not valid yet",
    CERT_REVOKED: "has a certificate that was revoked",
}

function certificateTrouble(error: unknown, code: string): string | undefined {
    const known = CERTIFICATE_TROUBLE[code]
    if (known !== undefined) return known
    if (/^(?:ERR_SSL_|ERR_TLS_|EPROTO)/.test(code)) return `refused or failed the TLS handshake (${code})`
    // X509_V_ERR_… as OpenSSL names them.
    if (/CERT|CRL|ISSUER|SIGNATURE|CHAIN|_CA$|^HOSTNAME_MISMATCH$/.test(code))
        return `has a certificate that no known authority vouches for (${code})`
    return error instanceof Error && /certificate/i.test(error.message) ? "has a certificate that can't be verified" : undefined
}

function codeOf(error: unknown): string {
    // One address after the other was tried: the last error speaks for all.
    const last = error instanceof AggregateError ? error.errors.at(-1) : error
    return last instanceof Error && "code" in last && typeof last.code === "string" ? last.code : ""
}

function seconds(milliseconds: number): string {
    return `${milliseconds / 1000} s`
}
