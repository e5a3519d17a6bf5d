import { randomBytes, randomInt } from "node:crypto"
import path from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { makeAgeIdentity } from "../../crypto/index.ts"
import { TrustkeyError } from "../../errors.ts"
import { fileMode, makeDirectory, writeFileDurable } from "../../storage/index.ts"
import type { Cli } from "../context.ts"

const MODULES = [
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
] as const
const START_ATTEMPTS = 100
const START_PAUSE_MS = 100

/** A daemon like the vault's, with software tokens for its tokens. It goes with everything in it. */
export type ScratchVault = AsyncDisposable & {
    /** What a client needs in its environment to find it. */
    readonly env: Readonly<Record<string, string>>
    /** By the tokens' names. */
    readonly serials: ReadonlyMap<string, string>
    pinFile(token: string): string
    readonly passphraseFile: string
    /** An age identity, and who can be written for with it. */
    readonly identityFile: string
    readonly recipient: string
}

/**
 * Start the trustkeyd of this package on SoftHSM tokens of these names, in a directory of its own.
 *
 * @throws not_found: there is no SoftHSM; signer_unavailable: the daemon does not start
 */
export async function startScratchVault(cli: Cli, directory: string, tokens: readonly string[]): Promise<ScratchVault> {
    const module = await findModule()
    const place = (name: string): string => path.join(directory, name)
    await makeDirectory(place("tokens"), 0o700)
    const softhsm = `directories.tokendir = ${place("tokens")}\nobjectstore.backend = file\nlog.level = ERROR\n`
    await writeFileDurable(place("softhsm2.conf"), softhsm, 0o600)
    const env = { ...cli.context.env, SOFTHSM2_CONF: place("softhsm2.conf") }
    for (const [index, token] of tokens.entries()) {
        // It protects stand-ins that are gone when the rehearsal is over.
        const pin = String(randomInt(10_000_000, 100_000_000))
        await writeFileDurable(place(`${token}.pin`), `${pin}\n`, 0o600)
        const args = ["--init-token", "--free", "--label", labelOf(index), "--pin", pin, "--so-pin", randomBytes(8).toString("hex")]
        await output(cli, "softhsm2-util", args, env)
    }
    const serials = serialsIn(await output(cli, "softhsm2-util", ["--show-slots"], env), tokens)
    await writeFileDurable(place("passphrase"), `${randomBytes(12).toString("hex")}\n`, 0o600)
    const { identity, recipient } = makeAgeIdentity()
    using secret = identity
    await writeFileDurable(
        place("identity"),
        secret.reveal((bytes) => Buffer.concat([bytes, Buffer.from("\n")])),
        0o600,
    )
    await writeFileDurable(place("trustkeyd.toml"), configText(directory, module, serials), 0o600)
    const stop = await startDaemon(cli, directory)
    return {
        env: { TRUSTKEYD_SOCKET: place("sign.sock"), TRUSTKEYD_ADMIN_SOCKET: place("admin.sock") },
        serials,
        pinFile: (token) => place(`${token}.pin`),
        passphraseFile: place("passphrase"),
        identityFile: place("identity"),
        recipient,
        [Symbol.asyncDispose]: stop,
    }
}

async function findModule(): Promise<string> {
    for (const file of MODULES) if ((await fileMode(file))?.kind === "file") return file
    throw new TrustkeyError(
        "not_found",
        "SoftHSM is not installed here: a rehearsal needs it for its tokens (Debian: apt install softhsm2)",
    )
}

/** SoftHSM's are at most 32 characters long. */
function labelOf(index: number): string {
    return `rehearsal-${index}`
}

async function output({ context }: Cli, program: string, args: readonly string[], env: Cli["context"]["env"]): Promise<string> {
    const pieces: Buffer[] = []
    const take = (piece: Buffer): void => {
        pieces.push(piece)
    }
    const status = await context.terminal
        .run(program, args, { env, withoutStdin: true, onStdout: take, onStderr: take })
        .catch((cause: unknown) => {
            throw new TrustkeyError("not_found", `${program} is not installed here: a rehearsal needs it (Debian: apt install softhsm2)`, {
                cause,
            })
        })
    const text = Buffer.concat(pieces).toString("utf8")
    if (status !== 0) throw new TrustkeyError("token_failed", `${program} ended with ${status}: ${text.trim().split("\n").at(-1) ?? ""}`)
    return text
}

function serialsIn(slots: string, tokens: readonly string[]): ReadonlyMap<string, string> {
    const byLabel = new Map<string, string>()
    let serial = ""
    for (const line of slots.split("\n")) {
        const [, name, value = ""] = /^\s*(Serial number|Label):\s*(.*?)\s*$/.exec(line) ?? []
        if (name === "Serial number") serial = value
        else if (name === "Label") byLabel.set(value, serial)
    }
    return new Map(
        tokens.map((token, index) => {
            const found = byLabel.get(labelOf(index))
            if (found === undefined) throw new TrustkeyError("token_failed", `SoftHSM shows no token for ${token}`)
            return [token, found]
        }),
    )
}

function configText(directory: string, module: string, serials: ReadonlyMap<string, string>): string {
    const place = (name: string): string => JSON.stringify(path.join(directory, name))
    const tokens = [...serials].map(([name, serial]) =>
        [
            "[[token]]",
            `name = ${JSON.stringify(name)}`,
            `module = ${JSON.stringify(module)}`,
            `uri = ${JSON.stringify(`pkcs11:serial=${encodeURIComponent(serial)}`)}`,
            `environment = { SOFTHSM2_CONF = ${place("softhsm2.conf")} }`,
            "",
        ].join("\n"),
    )
    return [
        `state_directory = ${place("state")}`,
        "[sockets.sign]",
        `path = ${place("sign.sock")}`,
        'mode = "0666"',
        "[sockets.admin]",
        `path = ${place("admin.sock")}`,
        "[argon2]",
        'memory = "64MiB"',
        ...tokens,
        // Nobody else gets into the directory.
        "[[allow]]",
        'who = ["everyone"]',
        'do = ["*"]',
        "",
    ].join("\n")
}

/** @returns ends it */
async function startDaemon({ context }: Cli, directory: string): Promise<() => Promise<void>> {
    const { node, directory: programs } = context.programs
    const daemon = [
        node,
        "--jitless",
        "--disable-sigusr1",
        path.join(programs, "trustkeyd.cjs"),
        "--config",
        path.join(directory, "trustkeyd.toml"),
    ]
    // What it logs is of no interest unless it does not start.
    const conversation = await context.terminal.converse("/bin/sh", ["-c", 'exec "$@" 2>&1', "sh", ...daemon], context.env)
    const log: Buffer[] = []
    let hasEnded = false
    const ended = (async () => {
        for await (const piece of conversation.output) log.push(piece)
        hasEnded = true
    })()
    const stop = async (): Promise<void> => {
        conversation.end("")
        await ended
    }
    const [sign, admin] = [path.join(directory, "sign.sock"), path.join(directory, "admin.sock")]
    for (let attempt = 0; attempt < START_ATTEMPTS; attempt += 1) {
        if (hasEnded) break
        if ((await fileMode(sign))?.kind === "socket" && (await fileMode(admin))?.kind === "socket") return stop
        await sleep(START_PAUSE_MS)
    }
    await stop()
    const last = Buffer.concat(log).toString("utf8").trim().split("\n").at(-1) ?? ""
    throw new TrustkeyError("signer_unavailable", `the daemon for the rehearsal does not start: ${last}`)
}
