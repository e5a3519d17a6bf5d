import type { Command } from "commander"
import type { Cli } from "../context.ts"
import { newCommand, type PassphraseOptions, type PinOptions, withExamples, withPassphrase, withPin } from "../syntax.ts"

type CsrOptions = PassphraseOptions & PinOptions & { out?: string }

export function keyCsrCommand(cli: Cli): Command {
    const command = newCommand(
        cli,
        "csr",
        "Make a certificate request (PKCS#10), by which an authority issues the certificate that stands for a root key in a repository's root.",
    )
        .argument("<id>", "the root key's ID, or its first 7 or more digits")
        .argument("<gun>", "the repository, which becomes the certificate's common name")
        .option("--out <file>", "write it to this file instead of stdout")
        .action((id: string, gun: string, options: CsrOptions) => request(cli, id, gun, options))
    return withExamples(withPin(withPassphrase(command)), [
        "trustkey key csr 3fa9c2d1e0aa registry.example.com/team/app --out app.csr",
        "trustkey key csr 3fa9c2d1e0aa registry.example.com/team/app | openssl req -noout -text -verify",
    ])
}

async function request(cli: Cli, id: string, gun: string, options: CsrOptions): Promise<void> {
    const { makeReady } = await import("../secrets.ts")
    const daemon = await cli.daemon()
    const key = await daemon.getKey(id)
    await makeReady(cli, daemon, key, options)
    const content = Buffer.from(await daemon.certificateRequest({ keyId: key.id, gun }))
    const { writeResult } = await import("../named-file.ts")
    await writeResult(cli, content, options.out)
    cli.output.note(`Next: trustkey key certificate ${key.id.slice(0, 12)} ${gun} --import CHAIN, with what the authority issues.`)
}
