import path from "node:path"
import type { Command } from "commander"
import { TrustkeyError } from "../../errors.ts"
import type { Cli } from "../context.ts"
import type { DaemonKey } from "../daemon-types.ts"
import { newCommand, type PassphraseOptions, withExamples, withPassphrase } from "../syntax.ts"

type GenerateOptions = PassphraseOptions & { dir?: string }

export function trustKeyGenerateCommand(cli: Cli): Command {
    const command = newCommand(cli, "generate", "Make a key for signing tags in the daemon, and write its public half to NAME.pub.")
        .argument("<name>", "the signer's name")
        .option("--dir <directory>", "where NAME.pub is written; default: the current directory")
        .action((name: string, options: GenerateOptions) => generate(cli, name, options))
    return withExamples(withPassphrase(command), ["trustkey trust key generate alice", "trustkey trust key generate alice --dir ~/keys"])
}

/** Nothing is made before all that can be known was looked at. */
async function generate(cli: Cli, name: string, options: GenerateOptions): Promise<void> {
    const { checkKeyName } = await import("../key-name.ts")
    const { createAt } = await import("../create-key.ts")
    const { createFileDurable, fileMode, ownFileMode } = await import("../../storage/index.ts")
    checkKeyName(name)
    const directory = options.dir ?? path.resolve(".")
    if ((await fileMode(directory))?.kind !== "directory")
        throw new TrustkeyError("not_found", `public key path does not exist: "${directory}"`)
    const file = path.join(directory, `${name}.pub`)
    if ((await ownFileMode(file)) !== undefined) throw new TrustkeyError("already_exists", `public key file already exists: "${file}"`)
    cli.output.line(`Generating key for ${name}...`)
    const daemon = await cli.daemon()
    const key = await createAt(cli, daemon, { ...options, purpose: "delegation", algorithm: "p256", label: name, bindings: [] })
    try {
        await createFileDurable(file, await publicKeyFile(key, name), 0o600)
    } catch (error) {
        if (!(error instanceof TrustkeyError)) throw error
        const again = `key ${key.id} was made, and its public half is to be had with trustkey key public ${key.id.slice(0, 12)} --out FILE`
        throw new TrustkeyError(error.code, `failed to write public key to "${file}": ${error.message}; ${again}`, { cause: error.cause })
    }
    cli.output.line(`Successfully generated and loaded private key. Corresponding public key available: ${file}`)
}

/** As docker writes it: with the name as a PEM header. */
async function publicKeyFile({ keytype, publicKey }: DaemonKey, name: string): Promise<Buffer> {
    const { publicKeyToPem } = await import("../../crypto/index.ts")
    if (keytype !== "ecdsa") throw new TrustkeyError("internal", `a key of type ecdsa was asked for, and one of ${keytype} was made`)
    const [begin = "", ...rest] = publicKeyToPem({ keytype, bytes: publicKey }).split("\n")
    return Buffer.from([begin, `role: ${name}`, "", ...rest].join("\n"))
}
