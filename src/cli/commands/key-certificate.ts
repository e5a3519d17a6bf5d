import { type Command, Option } from "commander"
import { TrustkeyError } from "../../errors.ts"
import type { Cli } from "../context.ts"
import type { Daemon, DaemonCertificate, DaemonKey } from "../daemon-types.ts"
import { printable } from "../output.ts"
import { jsonOption, newCommand, type PassphraseOptions, type PinOptions, withExamples, withPassphrase, withPin } from "../syntax.ts"

type CertificateOptions = PassphraseOptions & PinOptions & { import?: string; out?: string; json?: boolean }

const MAX_CHAIN = 64 * 1024

export function keyCertificateCommand(cli: Cli): Command {
    const command = newCommand(
        cli,
        "certificate",
        "Print the certificate that stands for a root key in a repository's root, made now if there is none; or keep one that an authority issued.",
    )
        .argument("<id>", "the root key's ID, or its first 7 or more digits")
        .argument("<gun>", "the repository")
        .addOption(
            new Option("--import <file>", "keep this certificate; those that lead up from it follow in the file, PEM").conflicts("out"),
        )
        .option("--out <file>", "write it to this file instead of stdout")
        .addOption(jsonOption().conflicts("out"))
        .action((id: string, gun: string, options: CertificateOptions) => certificate(cli, id, gun, options))
    return withExamples(withPin(withPassphrase(command)), [
        "trustkey key certificate 3fa9c2d1e0aa registry.example.com/team/app --import chain.pem",
        "trustkey key certificate 3fa9c2d1e0aa registry.example.com/team/app | openssl x509 -noout -text",
    ])
}

async function certificate(cli: Cli, id: string, gun: string, options: CertificateOptions): Promise<void> {
    const daemon = await cli.daemon()
    const key = await daemon.getKey(id)
    if (options.import === undefined) {
        await print(cli, await standing(cli, daemon, key, gun, options), options)
        return
    }
    const kept = await keep(daemon, key.id, gun, options.import)
    if (options.json === true) {
        cli.output.json({ gun, keyId: key.id, ...kept })
        return
    }
    cli.output.line(`Root certificate ${kept.tufKeyId} stands for key ${key.id} in ${gun} from now on`)
    for (const warning of kept.warnings) cli.output.warn(printable(warning))
    cli.output.note(
        `It ends on ${kept.expires}: the root needs another before that. The first root is built with it: trustkey trust init ${gun}`,
    )
}

/** The key is opened only when its certificate is still to be made. */
async function standing(
    cli: Cli,
    daemon: Daemon,
    key: DaemonKey,
    gun: string,
    options: CertificateOptions,
): Promise<{ readonly pem: string; readonly tufKeyId: string }> {
    try {
        return await daemon.rootCertificate({ keyId: key.id, gun })
    } catch (error) {
        if (!(error instanceof TrustkeyError) || !["key_locked", "login_needed"].includes(error.code)) throw error
    }
    const { makeReady } = await import("../secrets.ts")
    await makeReady(cli, daemon, key, options)
    return await daemon.rootCertificate({ keyId: key.id, gun })
}

async function print(cli: Cli, found: { readonly pem: string; readonly tufKeyId: string }, options: CertificateOptions): Promise<void> {
    if (options.json === true) {
        cli.output.json(found)
        return
    }
    const { writeResult } = await import("../named-file.ts")
    await writeResult(cli, Buffer.from(found.pem), options.out)
}

/** A file that holds a private key besides is not sent anywhere. */
async function keep(daemon: Daemon, keyId: string, gun: string, file: string): Promise<DaemonCertificate> {
    const { readNamed } = await import("../named-file.ts")
    const { pemToPublicKey } = await import("../../crypto/index.ts")
    const chainPem = (await readNamed(file, MAX_CHAIN)).toString("latin1")
    pemToPublicKey(chainPem)
    return await daemon.keepRootCertificate({ keyId, gun, chainPem })
}
