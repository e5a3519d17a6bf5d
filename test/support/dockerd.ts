import { writeFile } from "node:fs/promises"
import path from "node:path"
import { type CommandResult, mustRun, runCommand, startService } from "./process.ts"
import { makeWorkingDirectory } from "./temp.ts"

export type DockerEngine = AsyncDisposable & {
    /** For DOCKER_HOST. */
    readonly host: string
    readonly directory: string
    readonly logFile: string
    /** The distribution's docker, without content trust, speaking to this engine. */
    docker(args: readonly string[], options?: { readonly input?: string }): Promise<CommandResult>
    /** The same, which has to succeed; its stdout, trimmed. */
    ok(args: readonly string[], options?: { readonly input?: string }): Promise<string>
    /** A small image that has a shell, `cat` and `true`, made without any registry. `note` is a label: another note, another image. Its ID. */
    makeImage(name: string, note: string): Promise<string>
    stop(): Promise<void>
}

export type DockerEngineOptions = {
    /** `localhost:port` of registries that speak TLS, if BuildKit is to pull from them. docker itself needs no telling. */
    readonly registries?: readonly string[]
    /** Default: one of its own, which goes with it. */
    readonly directory?: string
    /** Where its sockets are; default: in the directory. */
    readonly socketDirectory?: string
}

export const DOCKERD = "/usr/sbin/dockerd"
const ENVIRONMENT = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LANG: "C.UTF-8" }
// Everything else lies in the working directory; dockerd wants to write an identity there whatever it is told.
const HIDE_ETC = `mkdir -p /etc/docker && mount -t tmpfs tmpfs /etc/docker && exec "$@"`

/**
 * Debian's dockerd with a socket, data and processes of its own; containers run, without a network. It lives in mount and PID
 * namespaces that end with it, so neither a mount nor a process of it is left, however it ends. Needs root.
 */
export async function startDockerd(options: DockerEngineOptions = {}): Promise<DockerEngine> {
    const directory = await makeWorkingDirectory("dockerd", options.directory)
    const sockets = options.socketDirectory ?? directory.path
    const place = (name: string): string => path.join(directory.path, name)
    // BuildKit speaks plain HTTP to localhost, unless it is told that there is a registry without a certificate it knows.
    const insecure = (options.registries ?? []).map((registry) => `https://${registry}`)
    await writeFile(place("daemon.json"), JSON.stringify({ "insecure-registries": insecure }))
    const host = `unix://${path.join(sockets, "docker.sock")}`
    const environment = { ...ENVIRONMENT, HOME: directory.path, DOCKER_CONFIG: place("config"), DOCKER_HOST: host }
    const docker: DockerEngine["docker"] = (args, options = {}) => runCommand("/usr/bin/docker", args, { ...options, env: environment })
    const ok: DockerEngine["ok"] = async (args, options = {}) =>
        (await mustRun("/usr/bin/docker", args, { ...options, env: environment })).trim()
    const files = [
        "--config-file",
        place("daemon.json"),
        "--host",
        host,
        "--data-root",
        place("data"),
        "--exec-root",
        path.join(sockets, "exec"),
    ]
    const network = [
        "--bridge=none",
        "--iptables=false",
        "--ip6tables=false",
        "--ip-forward=false",
        "--ip-masq=false",
        "--userland-proxy=false",
    ]
    const command = [DOCKERD, ...files, "--pidfile", place("pid"), "--storage-driver", "vfs", ...network]
    const namespaces = ["--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--mount-proc"]
    try {
        const service = await startService({
            name: "dockerd",
            command: "unshare",
            args: [...namespaces, "--", "sh", "-euc", HIDE_ETC, "sh", ...command],
            directory: directory.path,
            env: { ...ENVIRONMENT, HOME: directory.path },
            ready: async () => (await docker(["version"])).status === 0,
            timeoutMs: 60_000,
        })
        const stop = async (): Promise<void> => {
            // unshare takes the first process of the namespace with it, and that one all others.
            if (service.ended() === undefined) process.kill(service.pid, "SIGKILL")
            await service.stop()
            await directory.remove()
        }
        return {
            host,
            directory: directory.path,
            logFile: service.logFile,
            docker,
            ok,
            makeImage: async (name, note) => {
                const tar = await baseTar(place("base.tar"))
                return ok(["import", "--change", `LABEL note=${note}`, tar, name])
            },
            stop,
            [Symbol.asyncDispose]: stop,
        }
    } catch (error) {
        await directory.remove()
        throw error
    }
}

/** A tar file with this machine's own shell, `cat` and `true` and what they need to run. */
export async function baseTar(file: string): Promise<string> {
    const programs = ["/bin/sh", "/bin/cat", "/bin/true"]
    const libraries = await Promise.all(programs.map(async (program) => (await mustRun("ldd", [program])).match(/\/\S+/g) ?? []))
    await mustRun("tar", ["--create", "--dereference", "--file", file, "--absolute-names", ...new Set([...programs, ...libraries.flat()])])
    return file
}
