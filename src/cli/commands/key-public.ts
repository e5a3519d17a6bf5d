import { type Command, Option } from "commander"
import { TrustkeyError } from "../../errors.ts"
import type { Cli } from "../context.ts"
import type { DaemonKey } from "../daemon-types.ts"
import { newCommand, withExamples } from "../syntax.ts"

type Format = "pem" | "der" | "base64"
type PublicOptions = { format: Format; out?: string }

export function keyPublicCommand(cli: Cli): Command {
    const command = newCommand(cli, "public", "Print a key's public half, as docker trust signer add --key takes it.")
        .argument("<id>", "the key's ID, or its first 7 or more digits")
        .addOption(new Option("--format <format>", "how to write it").choices(["pem", "der", "base64"]).default("pem"))
        .option("--out <file>", "write it to this file instead of stdout")
        .action((id: string, options: PublicOptions) => printPublic(cli, id, options))
    return withExamples(command, ["trustkey key public 3fa9c2d1e0aa", "trustkey key public 3fa9c2d1e0aa --out alice.pub"])
}

async function printPublic(cli: Cli, id: string, options: PublicOptions): Promise<void> {
    const content = await encodePublic(await (await cli.daemon()).getKey(id), options.format)
    const { writeResult } = await import("../named-file.ts")
    await writeResult(cli, content, options.out)
}

async function encodePublic(key: DaemonKey, format: Format): Promise<Buffer> {
    if (format === "der") return Buffer.from(key.publicKey)
    if (format === "base64") return Buffer.from(`${Buffer.from(key.publicKey).toString("base64")}\n`)
    const { publicKeyToPem } = await import("../../crypto/index.ts")
    const { keytype } = key
    if (keytype !== "ecdsa" && keytype !== "rsa" && keytype !== "ed25519") {
        throw new TrustkeyError("key_unfit", `a key of type ${keytype} can't be written as PEM by this version`)
    }
    return Buffer.from(publicKeyToPem({ keytype, bytes: key.publicKey }))
}
