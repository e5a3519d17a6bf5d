import { randomBytes, randomInt } from "node:crypto"
import path from "node:path"
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

/** SoftHSM tokens for a daemon that goes with everything in it. */
export type ScratchTokens = {
    /** By the tokens' names. */
    readonly serials: ReadonlyMap<string, string>
    pinFile(token: string): string
    /** Their tables in a daemon's configuration. */
    readonly tables: readonly string[]
}

/**
 * New SoftHSM tokens of these names, in this directory.
 *
 * @param purpose who needs them, for messages: "a rehearsal"
 * @throws not_found: there is no SoftHSM; token_failed
 */
export async function makeScratchTokens(cli: Cli, directory: string, tokens: readonly string[], purpose: string): Promise<ScratchTokens> {
    const module = await findModule(purpose)
    const place = (name: string): string => path.join(directory, name)
    await makeDirectory(place("tokens"), 0o700)
    const softhsm = `directories.tokendir = ${place("tokens")}\nobjectstore.backend = file\nlog.level = ERROR\n`
    await writeFileDurable(place("softhsm2.conf"), softhsm, 0o600)
    const env = { ...cli.context.env, SOFTHSM2_CONF: place("softhsm2.conf") }
    const softhsmUtil = (args: readonly string[]): Promise<string> => output(cli, "softhsm2-util", args, env, purpose)
    for (const [index, token] of tokens.entries()) {
        // It protects what is gone with the directory.
        const pin = String(randomInt(10_000_000, 100_000_000))
        await writeFileDurable(place(`${token}.pin`), `${pin}\n`, 0o600)
        await softhsmUtil(["--init-token", "--free", "--label", labelOf(index), "--pin", pin, "--so-pin", randomBytes(8).toString("hex")])
    }
    const serials = serialsIn(await softhsmUtil(["--show-slots"]), tokens)
    const tables = [...serials].map(([name, serial]) =>
        [
            "[[token]]",
            `name = ${JSON.stringify(name)}`,
            `module = ${JSON.stringify(module)}`,
            `uri = ${JSON.stringify(`pkcs11:serial=${encodeURIComponent(serial)}`)}`,
            `environment = { SOFTHSM2_CONF = ${JSON.stringify(place("softhsm2.conf"))} }`,
            "",
        ].join("\n"),
    )
    return { serials, pinFile: (token) => place(`${token}.pin`), tables }
}

async function findModule(purpose: string): Promise<string> {
    for (const file of MODULES) if ((await fileMode(file))?.kind === "file") return file
    throw new TrustkeyError("not_found", `SoftHSM is not installed here: ${purpose} needs it for its tokens (Debian: apt install softhsm2)`)
}

/** SoftHSM's are at most 32 characters long. */
function labelOf(index: number): string {
    return `scratch-${index}`
}

async function output(
    { context }: Cli,
    program: string,
    args: readonly string[],
    env: Cli["context"]["env"],
    purpose: string,
): Promise<string> {
    const pieces: Buffer[] = []
    const take = (piece: Buffer): void => {
        pieces.push(piece)
    }
    const status = await context.terminal
        .run(program, args, { env, withoutStdin: true, onStdout: take, onStderr: take })
        .catch((cause: unknown) => {
            throw new TrustkeyError("not_found", `${program} is not installed here: ${purpose} needs it (Debian: apt install softhsm2)`, {
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
