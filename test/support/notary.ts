import { writeFile } from "node:fs/promises"
import path from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { askHttps } from "./https.ts"
import { isListening, type Service, startService, withFreePorts } from "./process.ts"
import { makeWorkingDirectory } from "./temp.ts"
import { type CertificateAuthority, startAuthority } from "./tls.ts"

export type NotaryOptions = {
    /** `remote` runs a notary-signer beside the server (P-256 keys); `local` keeps Ed25519 keys in the server itself. */
    readonly trustService?: "remote" | "local"
    readonly directory?: string
    /** The `auth` section of the server's configuration; "token" needs a token server. */
    readonly auth?: { readonly type: "token"; readonly options: Readonly<Record<string, string>> }
    /** The CA of the servers' certificates, to share one with other parts. */
    readonly authority?: CertificateAuthority
    /** Ports to use instead of free ones. */
    readonly ports?: { readonly server: number; readonly signer: number }
}

export type Notary = AsyncDisposable & {
    readonly url: string
    /** `localhost:port`, the name under which docker looks for the CA. */
    readonly host: string
    readonly ports: { readonly server: number; readonly signer: number }
    readonly caFile: string
    /** The CA that notary's parts trust, for a client or signer of our own. */
    readonly authority: CertificateAuthority
    readonly serverLogFile: string
    /** The signer starts anew with an empty key store: the server has lost every key it had, and serves what it has. */
    loseKeys(): Promise<void>
    stop(): Promise<void>
}

/** A real notary-server. It keeps everything in memory: stopping it loses all repositories. */
export async function startNotary(options: NotaryOptions = {}): Promise<Notary> {
    const directory = await makeWorkingDirectory("notary", options.directory)
    try {
        const authority = options.authority ?? (await startAuthority(path.join(directory.path, "tls")))
        const start = (ports: { server: number; signer: number }) => startOnPorts(authority, directory.path, options, ports)
        const { signer, server, ports } =
            options.ports === undefined
                ? await withFreePorts(2, ([a = 0, b = 0]) => start({ server: a, signer: b }))
                : await start(options.ports)
        let running = signer
        const loseKeys = async (): Promise<void> => {
            if (running === undefined) throw new Error("the keys of a local trust service are lost with the server only")
            await running.stop()
            running = await startSigner(authority, directory.path, ports.signer)
            await reconnected(authority, ports.server)
        }
        const stop = async (): Promise<void> => {
            await server.stop()
            await running?.stop()
            await directory.remove()
        }
        return {
            url: `https://localhost:${ports.server}`,
            host: `localhost:${ports.server}`,
            ports,
            caFile: authority.caFile,
            authority,
            serverLogFile: server.logFile,
            loseKeys,
            stop,
            [Symbol.asyncDispose]: stop,
        }
    } catch (error) {
        await directory.remove()
        throw error
    }
}

async function startOnPorts(
    authority: CertificateAuthority,
    directory: string,
    options: NotaryOptions,
    ports: { server: number; signer: number },
): Promise<{ signer: Service | undefined; server: Service; ports: { server: number; signer: number } }> {
    const signer = (options.trustService ?? "remote") === "remote" ? await startSigner(authority, directory, ports.signer) : undefined
    try {
        const trust = signer === undefined ? { type: "local" } : await remoteTrustService(authority, ports.signer)
        return { signer, server: await startServer(authority, directory, ports.server, trust, options.auth), ports }
    } catch (error) {
        await signer?.stop()
        throw error
    }
}

async function startSigner(authority: CertificateAuthority, directory: string, port: number): Promise<Service> {
    const { certFile, keyFile } = await authority.issue("notary-signer", "server")
    const config = path.join(directory, "signer.json")
    await writeJson(config, {
        server: {
            grpc_addr: `127.0.0.1:${port}`,
            tls_cert_file: certFile,
            tls_key_file: keyFile,
            client_ca_file: authority.caFile,
        },
        logging: { level: "info" },
        storage: { backend: "memory" },
    })
    return startService({
        name: "notary-signer",
        command: "/usr/bin/notary-signer",
        args: ["-config", config],
        directory,
        ready: (service) => isListening(service.pid, port),
    })
}

/** The server finds its signer again after a while of its own (gRPC's back-off). */
async function reconnected(authority: CertificateAuthority, port: number): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
        const url = `https://localhost:${port}/v2/notary.example/reconnected/_trust/tuf/timestamp.key`
        if ((await askHttps(url, { caFile: authority.caFile })).status === 200) return
        if (attempt === RECONNECT_ATTEMPTS) throw new Error("notary-server does not find its signer again")
        await sleep(RECONNECT_PAUSE_MS)
    }
}

const RECONNECT_ATTEMPTS = 100
const RECONNECT_PAUSE_MS = 200

async function remoteTrustService(authority: CertificateAuthority, port: number): Promise<Record<string, string>> {
    const { certFile, keyFile } = await authority.issue("notary-server-client", "client")
    return {
        type: "remote",
        hostname: "localhost",
        port: String(port),
        key_algorithm: "ecdsa",
        tls_ca_file: authority.caFile,
        tls_client_cert: certFile,
        tls_client_key: keyFile,
    }
}

async function startServer(
    authority: CertificateAuthority,
    directory: string,
    port: number,
    trustService: Record<string, string>,
    auth: NotaryOptions["auth"],
): Promise<Service> {
    const { certFile, keyFile } = await authority.issue("notary-server", "server")
    const config = path.join(directory, "server.json")
    await writeJson(config, {
        server: { http_addr: `127.0.0.1:${port}`, tls_cert_file: certFile, tls_key_file: keyFile },
        trust_service: trustService,
        ...(auth === undefined ? {} : { auth }),
        logging: { level: "info" },
        storage: { backend: "memory" },
    })
    return startService({
        name: "notary-server",
        command: "/usr/bin/notary-server",
        args: ["-config", config],
        directory,
        ready: async (service) => {
            if (!(await isListening(service.pid, port))) return false
            const health = await askHttps(`https://localhost:${port}/_notary_server/health`, { caFile: authority.caFile })
            return health.status === 200
        },
    })
}

async function writeJson(file: string, content: unknown): Promise<void> {
    await writeFile(file, `${JSON.stringify(content, undefined, 4)}\n`)
}
