import { X509Certificate } from "node:crypto"
import { Agent as HttpAgent } from "node:http"
import { Agent as HttpsAgent } from "node:https"
import path from "node:path"
import { createSecureContext, getCACertificates } from "node:tls"
import { TrustkeyError } from "../errors.ts"
import { fileMode, listDirectory, readBytes } from "../storage/index.ts"
import { type Agents, DEFAULT_TIMES, exchange, type HttpAnswer, HttpFailure, type HttpQuestion } from "./exchange.ts"
import type { DockerPlace } from "./place.ts"

/** `<docker config>/tls/<host>` is for trust servers (docker/cli, certificateDirectory), the two `certs.d/<host>` are for registries. */
export type CertificateUse = "trust server" | "registry"

const SYSTEM_REGISTRY_CERTIFICATES = "/etc/docker/certs.d"
const MAX_PEM = 1024 * 1024
const MAX_REDIRECTS = 5

/** `url` is where the answer came from in the end. */
export type FollowedAnswer = HttpAnswer & { readonly url: URL }

/** `hasAll`: the machine's authorities count too, not only those that are kept for this server. */
type KnownAgents = Agents & { readonly hasAll: boolean }

type ClientPair = { readonly cert: Buffer; readonly key: Buffer }

/**
 * What one server and those it sends us to are spoken to with. Certificates are read once per host. docker leaves the verification out for
 * registries on loopback addresses, and for their trust servers; we never do.
 */
export class Connections {
    readonly #place: DockerPlace
    readonly #use: CertificateUse
    readonly #home: URL
    readonly #agents = new Map<string, Promise<KnownAgents>>()

    constructor(place: DockerPlace, use: CertificateUse, home: URL) {
        this.#place = place
        this.#use = use
        this.#home = home
    }

    /** @throws HttpFailure; config_invalid: certificate files that don't fit together */
    async exchange(question: HttpQuestion): Promise<HttpAnswer> {
        const { url } = question
        const times = this.#place.times ?? DEFAULT_TIMES
        const made = this.#agentsFor(url)
        const agents = await made
        try {
            return await exchange(question, agents, times)
        } catch (error) {
            // The handshake failed, so nothing was sent yet. Another request may have met the same and gone ahead.
            if (agents.hasAll || !(error instanceof HttpFailure) || error.kind !== "untrusted") throw error
            if (this.#agents.get(url.origin) === made) this.#agents.set(url.origin, this.#secureAgents(url, { hasAll: true }))
            return await exchange(question, await this.#agentsFor(url), times)
        }
    }

    /**
     * Like `exchange`, and follows a GET where it is sent. The Authorization stays behind when the host changes (RFC 9110 §15.4), and nobody
     * can send us from TLS to plain HTTP.
     */
    async follow(question: HttpQuestion): Promise<FollowedAnswer> {
        let current = question
        for (let hops = 0; ; hops += 1) {
            const answer = await this.exchange(current)
            const location = answer.headers.location
            if (question.method !== "GET" || ![301, 302, 303, 307, 308].includes(answer.status) || location === undefined)
                return { ...answer, url: current.url }
            if (hops === MAX_REDIRECTS) throw new HttpFailure("malformed", `redirects more than ${MAX_REDIRECTS} times`)
            const next = URL.canParse(location, current.url.href) ? new URL(location, current.url) : undefined
            if (next === undefined || next.username !== "" || next.password !== "")
                throw new HttpFailure("malformed", "redirects to something that isn't a URL")
            const samePlace = next.origin === current.url.origin
            if (next.protocol !== "https:" && !samePlace) throw new HttpFailure("malformed", "redirects to a place without TLS")
            current = { ...current, url: next, headers: samePlace ? (current.headers ?? {}) : withoutAuthorization(current.headers) }
        }
    }

    #agentsFor(url: URL): Promise<KnownAgents> {
        const known = this.#agents.get(url.origin)
        if (known !== undefined) return known
        const made = url.protocol === "https:" ? this.#secureAgents(url, { hasAll: false }) : plainAgents()
        this.#agents.set(url.origin, made)
        return made
    }

    /** Reading the machine's authorities takes longer than a small request: only where those kept for the server are not enough. */
    async #secureAgents(url: URL, wanted: { readonly hasAll: boolean }): Promise<KnownAgents> {
        const own = await this.#certificatesFor(url)
        // docker uses a server's authorities for the token server it names as well. Its client certificates are for itself only.
        const home = url.host === this.#home.host ? undefined : await this.#certificatesFor(this.#home)
        const extra = this.#place.extraCa === undefined ? [] : [await readAuthority(this.#place.extraCa)]
        const kept = [...extra, ...own.authorities, ...(home?.authorities ?? [])]
        const hasAll = wanted.hasAll || kept.length === 0
        const authorities = hasAll ? [...systemAuthorities(), ...kept] : kept
        try {
            const secureContext = createSecureContext({
                ca: authorities,
                minVersion: "TLSv1.2",
                ...(own.pairs.length === 0 ? {} : { cert: own.pairs.map(({ cert }) => cert), key: own.pairs.map(({ key }) => key) }),
            })
            return {
                kept: new HttpsAgent({ secureContext, keepAlive: true }),
                single: new HttpsAgent({ secureContext, keepAlive: false }),
                hasAll,
            }
        } catch (error) {
            throw new TrustkeyError("config_invalid", `the certificate files for ${url.host} can't be used`, { cause: error })
        }
    }

    async #certificatesFor(url: URL): Promise<{ authorities: Buffer[]; pairs: ClientPair[] }> {
        const roots =
            this.#use === "trust server"
                ? [path.join(this.#place.configDirectory, "tls")]
                : [path.join(this.#place.configDirectory, "certs.d"), SYSTEM_REGISTRY_CERTIFICATES]
        const hosts = url.port === "" ? [url.host, `${url.host}:${url.protocol === "https:" ? 443 : 80}`] : [url.host]
        const authorities: Buffer[] = []
        const pairs: ClientPair[] = []
        for (const directory of roots.flatMap((root) => hosts.map((host) => path.join(root, host)))) {
            for (const name of await namesIn(directory)) {
                if (name.endsWith(".crt")) authorities.push(await readAuthority(path.join(directory, name)))
                if (name.endsWith(".cert")) pairs.push(await readPair(directory, name.slice(0, -".cert".length)))
            }
        }
        return { authorities, pairs }
    }
}

async function plainAgents(): Promise<KnownAgents> {
    return { kept: new HttpAgent({ keepAlive: true }), single: new HttpAgent({ keepAlive: false }), hasAll: true }
}

/** The machine's own list, as docker uses it; Node's built-in one only where the machine has none. */
function systemAuthorities(): string[] {
    const system = getCACertificates("system")
    // A certificate lies there under its name, under its hash and in the bundle.
    return system.length > 0 ? [...new Set(system)] : getCACertificates("bundled")
}

async function namesIn(directory: string): Promise<string[]> {
    const facts = await fileMode(directory)
    return facts?.kind === "directory" ? await listDirectory(directory) : []
}

async function readPair(directory: string, name: string): Promise<ClientPair> {
    const keyFile = path.join(directory, `${name}.key`)
    if ((await fileMode(keyFile)) === undefined) {
        throw new TrustkeyError(
            "config_invalid",
            `${path.join(directory, `${name}.cert`)} has no ${name}.key beside it; CA certificates end in .crt`,
        )
    }
    return { cert: await readPem(path.join(directory, `${name}.cert`)), key: await readPem(keyFile) }
}

/** The runtime passes over what isn't a certificate, and the server would seem to have the fault. */
async function readAuthority(file: string): Promise<Buffer> {
    const pem = await readPem(file)
    try {
        new X509Certificate(pem)
    } catch (error) {
        throw new TrustkeyError("config_invalid", `${file} holds no certificate`, { cause: error })
    }
    return pem
}

async function readPem(file: string): Promise<Buffer> {
    const bytes = await readBytes(file, { maxBytes: MAX_PEM })
    if (bytes === undefined) throw new TrustkeyError("config_invalid", `${file} does not exist`)
    return bytes
}

function withoutAuthorization(headers: HttpQuestion["headers"]): Record<string, string> {
    return Object.fromEntries(Object.entries(headers ?? {}).filter(([name]) => name.toLowerCase() !== "authorization"))
}

export function isLoopback(url: URL): boolean {
    return url.hostname === "localhost" || /^127(?:\.[0-9]{1,3}){3}$/.test(url.hostname)
}
