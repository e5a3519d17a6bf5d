import { spawn } from "node:child_process"
import { copyFile, mkdir, writeFile } from "node:fs/promises"
import path from "node:path"
import { startDaemon } from "../../support/daemon.ts"
import type { DockerCli } from "../../support/docker-clis.ts"
import { buildImage } from "../../support/image.ts"
import { type CommandLine, withoutYubikey } from "../../support/no-yubikey.ts"
import type { Notary } from "../../support/notary.ts"
import { type CommandResult, mustRun, runCommand } from "../../support/process.ts"
import type { Registry } from "../../support/registry.ts"
import { startSoftHsm } from "../../support/softhsm.ts"
import { makeWorkingDirectory } from "../../support/temp.ts"
import { writeKeyFiles } from "./key-files.ts"
import { IMAGES } from "./script.ts"

/** What both worlds share: servers they don't notice each other on. */
export type Surroundings = {
    readonly cli: DockerCli
    readonly notary: Notary
    readonly registry: Registry
    /** DOCKER_HOST of a real engine. */
    readonly engine: string
    /** A directory of key files, the same bytes for both. */
    readonly keyFiles: string
}

/** One person's machine: a directory, a docker configuration, and a part of the registry of its own. */
export type World = AsyncDisposable & {
    readonly name: "stock" | "ours"
    readonly directory: string
    /** `localhost:port/stock-20`: what PREFIX stands for. */
    readonly prefix: string
    readonly env: Readonly<Record<string, string>>
    /** `docker trust ARGS` here, `docker trustkey ARGS` there. */
    run(args: readonly string[], options?: { typed?: string; env?: Readonly<Record<string, string>> }): Promise<CommandResult>
    /** `docker push` or `docker pull` with trust on here, `docker trustkey push` or `pull` there. */
    trusted(args: readonly string[]): Promise<CommandResult>
    /** Passphrases have to be given again. */
    lock(): Promise<void>
    /** docker itself, which has to succeed. */
    docker(args: readonly string[], input?: Buffer): Promise<string>
}

export const USER = "alice"

/** docker's own `trust`, keys in files. */
export function openStock(surroundings: Surroundings): Promise<World> {
    return openWorld("stock", "trust", surroundings, async () => ({ env: {}, lock: async () => {} }))
}

/** The same CLI with our plugin, keys in a daemon, the root key on a token. */
export function openOurs(surroundings: Surroundings): Promise<World> {
    return openWorld("ours", "trustkey", surroundings, async (opened, folders) => {
        const token = opened.use(await startSoftHsm())
        const daemon = opened.use(await startDaemon({ tokens: { "root-token": token } }))
        const pin = path.join(daemon.directory, "pin")
        await writeFile(pin, token.userPin, { mode: 0o600 })
        await daemon.ok(["init", "--pin-file", pin])
        for (const folder of folders) await daemon.ok(["plugin", "install", "--directory", path.join(folder, "cli-plugins")])
        return {
            env: { TRUSTKEYD_SOCKET: daemon.signSocket, TRUSTKEYD_ADMIN_SOCKET: daemon.adminSocket },
            lock: async () => {
                await daemon.ok(["key", "lock", "--all"])
                // No PIN comes from docker's variables: the root key stays in reach.
                await daemon.ok(["token", "login", "root-token", "--pin-file", pin])
            },
        }
    })
}

/** Another program in the plugin's place, for one user. The lines are run before it. */
export async function writePlugin(configDirectory: string, command: readonly string[], ...lines: readonly string[]): Promise<void> {
    const plugins = path.join(configDirectory, "cli-plugins")
    await mkdir(plugins, { recursive: true })
    const words = command.map((word) => `'${word}'`).join(" ")
    await writeFile(path.join(plugins, "docker-trustkey"), ["#!/bin/bash", ...lines, `exec ${words} "$@"`, ""].join("\n"), { mode: 0o755 })
}

/** How the world's keys are reached. */
type Keys = { readonly env: Readonly<Record<string, string>>; lock(): Promise<void> }

async function openWorld(
    name: World["name"],
    group: "trust" | "trustkey",
    { cli, notary, registry, engine, keyFiles }: Surroundings,
    more: (opened: AsyncDisposableStack, configDirectories: readonly string[]) => Promise<Keys>,
): Promise<World> {
    await using opened = new AsyncDisposableStack()
    const { path: directory } = opened.use(await makeWorkingDirectory(`difference-${name}`))
    // The second one belongs to somebody who has not logged in.
    const folders = [path.join(directory, "config"), path.join(directory, "config-stranger")] as const
    const auths = { [registry.host]: { auth: Buffer.from(`${USER}:password`).toString("base64") } }
    for (const [index, folder] of folders.entries()) {
        for (const place of [`tls/${notary.host}`, `certs.d/${registry.host}`]) {
            await mkdir(path.join(folder, place), { recursive: true, mode: 0o700 })
            await copyFile(notary.caFile, path.join(folder, place, "ca.crt"))
        }
        await writeFile(path.join(folder, "config.json"), JSON.stringify(index === 0 ? { auths } : {}), { mode: 0o600 })
    }
    await writeKeyFiles(keyFiles, directory)
    const { env: reached, lock } = await more(opened, folders)
    const env = {
        PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
        LANG: "C.UTF-8",
        HOME: directory,
        DOCKER_CONFIG: folders[0],
        DOCKER_HOST: engine,
        DOCKER_CONTENT_TRUST_SERVER: notary.url,
        DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE: "a root passphrase",
        DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: "a repository passphrase",
        // Colours on a terminal are no difference.
        NO_COLOR: "1",
        ...reached,
    }
    const everything = opened.move()
    return {
        name,
        directory,
        prefix: `${registry.host}/${name}-${cli.major}`,
        env,
        run: (args, { typed, env: given } = {}) => {
            const line = withoutYubikey(cli.program, [group, ...args])
            const options = { cwd: directory, env: { ...env, ...given } }
            return typed === undefined ? runCommand(line.command, line.args, options) : runOnTerminal(line, typed, options)
        },
        trusted: (args) => {
            const words = name === "stock" ? args : [group, ...args]
            const line = withoutYubikey(cli.program, words)
            return runCommand(line.command, line.args, { cwd: directory, env: { ...env, DOCKER_CONTENT_TRUST: "1" } })
        },
        lock,
        docker: (args, input) => mustRun(cli.program, args, { cwd: directory, env, ...(input === undefined ? {} : { input }) }),
        [Symbol.asyncDispose]: () => everything.disposeAsync(),
    }
}

/**
 * On a terminal of its own; all that was written there counts as stdout. The answer is typed when a question has been asked; all further ones
 * are answered with no.
 */
function runOnTerminal(
    line: CommandLine,
    typed: string,
    options: { readonly cwd: string; readonly env: Readonly<Record<string, string>> },
): Promise<CommandResult> {
    const words = [line.command, ...line.args].map((word) => `'${word.replaceAll("'", `'\\''`)}'`)
    const child = spawn("script", ["-qefc", words.join(" "), "/dev/null"], { ...options, stdio: ["pipe", "pipe", "ignore"] })
    let seen = ""
    let answered = 0
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
        seen += text
        for (const asked = seen.split("[y/N] ").length - 1; answered < asked; answered += 1)
            child.stdin.write(answered === 0 ? typed : "n\r")
    })
    return new Promise((resolve, reject) => {
        const timer = setTimeout(() => child.kill("SIGKILL"), 60_000)
        child.on("error", reject)
        child.on("close", (code) => {
            clearTimeout(timer)
            if (code === null) reject(new Error(`${words.join(" ")} did not end; its terminal shows:\n${seen}`))
            else resolve({ status: code, stdout: seen.replaceAll("\r", ""), stderr: "" })
        })
    })
}

/** The images of the script, in the engine under this world's names. What is in them is this world's own: no layer is known yet. */
export async function importImages(world: World): Promise<void> {
    for (const image of IMAGES) {
        const { layers, blobs } = buildImage("content", `${image} of ${world.prefix}\n`)
        const layer = blobs.get(layers[0]?.digest ?? "")
        if (layer === undefined) throw new Error("an image without a layer")
        const file = path.join(world.directory, "config", "image.tar.gz")
        await writeFile(file, layer)
        await world.docker(["import", file, `${world.prefix}/${image}`])
    }
}
