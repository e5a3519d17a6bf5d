import { copyFile, mkdir, writeFile } from "node:fs/promises"
import path from "node:path"
import type { Daemon } from "../support/daemon.ts"
import { withoutYubikey } from "../support/no-yubikey.ts"
import type { Notary } from "../support/notary.ts"
import { mustRun, runCommand } from "../support/process.ts"
import type { NotaryProxy } from "../support/proxy.ts"
import type { Registry } from "../support/registry.ts"
import type { SoftHsm } from "../support/softhsm.ts"
import type { RunLine } from "./lines.ts"

const ROOT = path.resolve(import.meta.dirname, "../..")

/** Programs to be used by hand and by the demonstration alike: in `bin`, and finding everything by `env`. */
export type Tools = {
    /** A shell file with the lines a person puts into effect. */
    readonly envFile: string
    readonly exports: readonly string[]
    /** Run a command line from the directory above the sandbox's, with the tools in the path. All it prints comes as stdout, in order. */
    readonly run: RunLine
}

type Servers = {
    readonly notary: Notary
    readonly proxy: NotaryProxy
    readonly registry: Registry
    readonly daemon: Daemon
    readonly token: SoftHsm
    readonly engineHost: string
}

export async function makeTools(directory: string, servers: Servers): Promise<Tools> {
    const { notary, proxy, registry, daemon, token, engineHost } = servers
    const within = (name: string): string => path.join(directory, name)
    await layDockerConfig(within("docker"), servers)
    await layDockerConfig(within("other-machine"), servers)
    const notaryConfig = within("notary-client/config.json")
    await mkdir(within("notary-client/trust"), { recursive: true, mode: 0o700 })
    await mkdir(within("try"), { recursive: true, mode: 0o700 })
    await writeFile(
        notaryConfig,
        `${JSON.stringify({ trust_dir: within("notary-client/trust"), remote_server: { url: notary.url, root_ca: notary.caFile } })}\n`,
    )
    const variables = {
        TRUSTKEYD_SOCKET: daemon.signSocket,
        TRUSTKEYD_ADMIN_SOCKET: daemon.adminSocket,
        DOCKER_CONFIG: within("docker"),
        // There or not: docker in the sandbox never means the machine's own engine.
        DOCKER_HOST: engineHost,
        DOCKER_CONTENT_TRUST_SERVER: notary.url,
        REGISTRY: registry.host,
        PROXY: proxy.url,
        SOFTHSM2_CONF: token.conf,
        // Tells the programs in `bin` that the rest is set.
        TRUSTKEYD_SANDBOX: directory,
    }
    const exports = [
        ...Object.entries(variables).map(([name, value]) => `export ${name}=${quoted(value)}`),
        `export PATH=${quoted(within("bin"))}:"$PATH"`,
    ]
    const envFile = within("env")
    await writeFile(envFile, `${exports.join("\n")}\n`)

    await mkdir(within("bin"), { recursive: true, mode: 0o700 })
    const tool = (name: string, line: { readonly command: string; readonly args: readonly string[] }): Promise<void> => {
        const lines = [
            "#!/bin/sh",
            "# Written by npm run sandbox. Where the sandbox's env is in effect already, what was changed in it counts.",
            `[ "\${TRUSTKEYD_SANDBOX-}" = ${quoted(directory)} ] || . ${quoted(envFile)}`,
            `exec ${[line.command, ...line.args].map(quoted).join(" ")} "$@"`,
            "",
        ]
        return writeFile(within(`bin/${name}`), lines.join("\n"), { mode: 0o700 })
    }
    const trustkey = path.join(ROOT, "dist/trustkey.cjs")
    await tool("trustkey", { command: process.execPath, args: [trustkey] })
    // docker trustkey
    for (const machine of ["docker", "other-machine"]) {
        await mustRun(process.execPath, [trustkey, "plugin", "install", "--directory", within(`${machine}/cli-plugins`)])
    }
    await tool("notary", withoutYubikey("/usr/bin/notary", ["-c", notaryConfig]))
    await tool("docker", withoutYubikey("/usr/bin/docker", []))
    for (const name of ["fetch-image", "layer-file"]) {
        const script = path.join(import.meta.dirname, `${name}.ts`)
        await tool(name, { command: process.execPath, args: [script, registry.caFile, registry.storage] })
    }

    return { envFile, exports, run: lineRunner(directory) }
}

/** Of a sandbox that is there, whoever brought it up. Lines run as those of somebody who has put its `env` into effect, and who has no terminal. */
export function lineRunner(directory: string): RunLine {
    const env = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", HOME: directory, LANG: "C.UTF-8" }
    const cwd = path.dirname(directory)
    return (line) => runCommand("sh", ["-c", `. ${quoted(path.join(directory, "env"))}\nexec 2>&1\n${line}`], { cwd, env })
}

/** A docker configuration that trusts the sandbox's servers. */
async function layDockerConfig(directory: string, { notary, proxy, registry }: Servers): Promise<void> {
    const certificates = [
        [`tls/${notary.host}`, notary.caFile],
        [`tls/${proxy.host}`, notary.caFile],
        [`certs.d/${registry.host}`, registry.caFile],
    ] as const
    for (const [folder, caFile] of certificates) {
        await mkdir(path.join(directory, folder), { recursive: true, mode: 0o700 })
        await copyFile(caFile, path.join(directory, folder, "ca.crt"))
    }
}

function quoted(text: string): string {
    return /^[-\w./:=@]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}
