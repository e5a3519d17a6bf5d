import { mkdir, writeFile } from "node:fs/promises"
import path from "node:path"
import { askHttps } from "./https.ts"
import { isListening, startService, withFreePorts } from "./process.ts"
import { makeWorkingDirectory } from "./temp.ts"
import { type CertificateAuthority, startAuthority } from "./tls.ts"

export type RegistryOptions = {
    readonly directory?: string
    readonly port?: number
    /** The `auth` section of the registry's configuration, as the registry documents it (htpasswd, token). */
    readonly auth?: Readonly<Record<string, Readonly<Record<string, string>>>>
    /** The CA of the registry's certificate, to share one with other parts. */
    readonly authority?: CertificateAuthority
}

export type Registry = AsyncDisposable & {
    readonly url: string
    /** `localhost:port`, the first part of every image name. */
    readonly host: string
    readonly port: number
    readonly caFile: string
    /** The storage's root; blobs lie under `docker/registry/v2/blobs`. */
    readonly storage: string
    readonly logFile: string
    stop(): Promise<void>
}

/** A real docker-registry with its storage on disk. */
export async function startRegistry(options: RegistryOptions = {}): Promise<Registry> {
    const directory = await makeWorkingDirectory("registry", options.directory)
    try {
        const authority = options.authority ?? (await startAuthority(path.join(directory.path, "tls")))
        const { certFile, keyFile } = await authority.issue("registry", "server")
        const storage = path.join(directory.path, "storage")
        await mkdir(storage, { recursive: true })
        const start = async (port: number): Promise<Registry> => {
            // JSON is YAML, and needs no second writer.
            const config = path.join(directory.path, "registry.yml")
            const content = {
                version: 0.1,
                log: { level: "warn", accesslog: { disabled: true } },
                storage: { filesystem: { rootdirectory: storage }, delete: { enabled: true } },
                http: { addr: `127.0.0.1:${port}`, tls: { certificate: certFile, key: keyFile } },
                ...(options.auth === undefined ? {} : { auth: options.auth }),
            }
            await writeFile(config, `${JSON.stringify(content, undefined, 4)}\n`)
            const url = `https://localhost:${port}`
            const service = await startService({
                name: "registry",
                command: "/usr/bin/docker-registry",
                args: ["serve", config],
                directory: directory.path,
                ready: async ({ pid }) => {
                    if (!(await isListening(pid, port))) return false
                    const { status } = await askHttps(`${url}/v2/`, { caFile: authority.caFile })
                    // 401 is the healthy answer of a registry that wants a login.
                    return status === 200 || status === 401
                },
            })
            const stop = async (): Promise<void> => {
                await service.stop()
                await directory.remove()
            }
            return {
                url,
                host: `localhost:${port}`,
                port,
                caFile: authority.caFile,
                storage,
                logFile: service.logFile,
                stop,
                [Symbol.asyncDispose]: stop,
            }
        }
        return options.port === undefined ? await withFreePorts(1, ([port = 0]) => start(port)) : await start(options.port)
    } catch (error) {
        await directory.remove()
        throw error
    }
}
