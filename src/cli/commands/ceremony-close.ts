import { type Command, Option } from "commander"
import type { StepOptions } from "../ceremony/work.ts"
import type { Cli } from "../context.ts"
import { newCommand, type PassphraseOptions, type PinOptions, wholeNumber, withExamples, withPassphrase } from "../syntax.ts"

type Options = StepOptions &
    PassphraseOptions & {
        abandon?: boolean
        qr?: boolean
        qrImages?: string
        witnessPassphraseFd?: number
        witnessPassphraseFile?: string
        witnessPinFd?: number
        witnessPinFile?: string
    }

export function ceremonyCloseCommand(cli: Cli): Command {
    const command = newCommand(
        cli,
        "close",
        "End the ceremony: the transcript's last record, signed with the vault's key and the witness's.",
    )
        .argument("<bundle>", "the bundle's directory")
        .option("--abandon", "end it without a result; nothing of it can be published")
        .option("--as <name>", "which witness is at the keyboard; otherwise it is asked")
        .option("--note <text>", "people's words, for the record")
        .addOption(
            new Option("--witness-passphrase-fd <n>", "read the passphrase of the witness's key from this open file descriptor").argParser(
                wholeNumber(0),
            ),
        )
        .addOption(
            new Option(
                "--witness-passphrase-file <file>",
                "read the passphrase of the witness's key from a file only you can read",
            ).conflicts("witnessPassphraseFd"),
        )
        .addOption(
            new Option("--witness-pin-fd <n>", "read the PIN of the witness's token from this open file descriptor").argParser(
                wholeNumber(0),
            ),
        )
        .addOption(
            new Option("--witness-pin-file <file>", "read the PIN of the witness's token from a file only you can read").conflicts(
                "witnessPinFd",
            ),
        )
        .option("--qr", "then show the bundle as QR codes; frames as text where there is no terminal")
        .option("--qr-images <directory>", "then write the codes as pictures, and a page with all of them")
        .action((directory: string, options: Options) => closeBundle(cli, directory, options))
    return withExamples(withPassphrase(command), ["trustkey ceremony close /media/stick", "trustkey ceremony close /media/stick --abandon"])
}

async function closeBundle(cli: Cli, directory: string, options: Options): Promise<void> {
    const { close } = await import("../ceremony/close.ts")
    const { lockedAfter } = await import("../ceremony/lock-up.ts")
    const { tellNext } = await import("../ceremony/next.ts")
    const { Work } = await import("../ceremony/work.ts")
    await using work = await Work.open(cli, directory)
    await lockedAfter(cli, () => close(work, { ...options, vault: vaultSecrets(options), witness: witnessSecrets(options) }))
    if (options.qr === true || options.qrImages !== undefined) {
        const { carryAsCodes } = await import("../ceremony/carry.ts")
        await carryAsCodes(work, options.qrImages)
    }
    tellNext(work)
}

function vaultSecrets({ passphraseFd, passphraseFile }: Options): PassphraseOptions {
    return {
        ...(passphraseFd === undefined ? {} : { passphraseFd }),
        ...(passphraseFile === undefined ? {} : { passphraseFile }),
    }
}

function witnessSecrets(options: Options): PassphraseOptions & PinOptions {
    const { witnessPassphraseFd, witnessPassphraseFile, witnessPinFd, witnessPinFile } = options
    return {
        ...(witnessPassphraseFd === undefined ? {} : { passphraseFd: witnessPassphraseFd }),
        ...(witnessPassphraseFile === undefined ? {} : { passphraseFile: witnessPassphraseFile }),
        ...(witnessPinFd === undefined ? {} : { pinFd: witnessPinFd }),
        ...(witnessPinFile === undefined ? {} : { pinFile: witnessPinFile }),
    }
}
