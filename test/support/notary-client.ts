import { mkdir, writeFile } from "node:fs/promises"
import path from "node:path"
import { withoutYubikey } from "./no-yubikey.ts"
import type { Notary } from "./notary.ts"
import { type CommandResult, runCommand } from "./process.ts"
import { makeWorkingDirectory } from "./temp.ts"

export type NotaryClientOptions = {
    readonly notary: Notary
    readonly passphrases?: { readonly root?: string; readonly targets?: string; readonly snapshot?: string; readonly delegation?: string }
    readonly directory?: string
    /** The `trust_pinning` section of its configuration. */
    readonly trustPinning?: Readonly<Record<string, unknown>>
}

export type NotaryClient = AsyncDisposable & {
    /** Holds the trust directory and the files a test wants to sign. */
    readonly directory: string
    readonly trustDirectory: string
    run(args: readonly string[], options?: { input?: string; env?: Readonly<Record<string, string>> }): Promise<CommandResult>
    stop(): Promise<void>
}

/** The stock notary client with a trust directory of its own. */
export async function startNotaryClient(options: NotaryClientOptions): Promise<NotaryClient> {
    const directory = await makeWorkingDirectory("notary-client", options.directory)
    const trustDirectory = path.join(directory.path, "trust")
    const config = path.join(directory.path, "config.json")
    await mkdir(trustDirectory, { recursive: true, mode: 0o700 })
    await writeFile(
        config,
        `${JSON.stringify({
            trust_dir: trustDirectory,
            remote_server: { url: options.notary.url, root_ca: options.notary.caFile },
            ...(options.trustPinning === undefined ? {} : { trust_pinning: options.trustPinning }),
        })}\n`,
    )
    const env = {
        PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
        LANG: "C.UTF-8",
        HOME: directory.path,
        NOTARY_ROOT_PASSPHRASE: options.passphrases?.root ?? "notary-root-passphrase",
        NOTARY_TARGETS_PASSPHRASE: options.passphrases?.targets ?? "notary-targets-passphrase",
        NOTARY_SNAPSHOT_PASSPHRASE: options.passphrases?.snapshot ?? "notary-snapshot-passphrase",
        NOTARY_DELEGATION_PASSPHRASE: options.passphrases?.delegation ?? "notary-delegation-passphrase",
    }
    return {
        directory: directory.path,
        trustDirectory,
        run: (args, { input, env: more } = {}) => {
            const line = withoutYubikey("/usr/bin/notary", ["-c", config, "-d", trustDirectory, ...args])
            // Without input stdin is /dev/null: a prompt ends at once instead of hanging the test.
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
