import { copyFile, mkdir } from "node:fs/promises"
import path from "node:path"
import { withoutYubikey } from "./no-yubikey.ts"
import type { Notary } from "./notary.ts"
import { type CommandResult, runCommand } from "./process.ts"
import { makeWorkingDirectory } from "./temp.ts"

export type DockerClientOptions = {
    readonly notary: Notary
    readonly rootPassphrase?: string
    readonly repositoryPassphrase?: string
    readonly directory?: string
}

export type DockerClient = AsyncDisposable & {
    /** DOCKER_CONFIG: trust data lie in `trust` under it. */
    readonly configDirectory: string
    readonly env: Readonly<Record<string, string>>
    run(args: readonly string[], options?: { input?: string; env?: Readonly<Record<string, string>> }): Promise<CommandResult>
    stop(): Promise<void>
}

/** The distribution's docker client, knowing one Notary and nothing of the person who runs the test. */
export async function startDockerClient(options: DockerClientOptions): Promise<DockerClient> {
    const directory = await makeWorkingDirectory("docker", options.directory)
    const configDirectory = path.join(directory.path, "config")
    const tls = path.join(configDirectory, "tls", options.notary.host)
    await mkdir(tls, { recursive: true, mode: 0o700 })
    await copyFile(options.notary.caFile, path.join(tls, "ca.crt"))
    const env = {
        PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
        LANG: "C.UTF-8",
        HOME: directory.path,
        DOCKER_CONFIG: configDirectory,
        // Nothing listens there: a command that needs an engine fails instead of using the machine's own.
        DOCKER_HOST: `unix://${path.join(directory.path, "no-engine.sock")}`,
        DOCKER_CONTENT_TRUST_SERVER: options.notary.url,
        DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE: options.rootPassphrase ?? "docker-root-passphrase",
        DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: options.repositoryPassphrase ?? "docker-repository-passphrase",
    }
    return {
        configDirectory,
        env,
        run: (args, { input, env: more } = {}) => {
            const line = withoutYubikey("/usr/bin/docker", args)
            return runCommand(line.command, line.args, {
                cwd: directory.path,
                env: { ...env, ...more },
                ...(input === undefined ? {} : { input }),
            })
        },
        stop: directory.remove,
        [Symbol.asyncDispose]: directory.remove,
    }
}
