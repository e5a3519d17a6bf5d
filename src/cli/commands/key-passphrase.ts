import { type Command, Option } from "commander"
import type { Cli } from "../context.ts"
import { newCommand, type PassphraseOptions, wholeNumber, withExamples, withPassphrase } from "../syntax.ts"

type ChangeOptions = PassphraseOptions & { group?: string; newPassphraseFd?: number; newPassphraseFile?: string }

export function keyPassphraseCommand(cli: Cli): Command {
    const command = withPassphrase(
        newCommand(cli, "passphrase", "Change the passphrase of a sealed key or a key group. The key stays the same.")
            .argument("[id]", "the key's ID, or its first 7 or more digits")
            .option("--group <name>", "change this key group's instead"),
    )
        .addOption(
            new Option("--new-passphrase-fd <n>", "read the new passphrase from this open file descriptor").argParser(wholeNumber(0)),
        )
        .addOption(
            new Option("--new-passphrase-file <file>", "read the new passphrase from a file only you can read").conflicts(
                "newPassphraseFd",
            ),
        )
        .action((id: string | undefined, options: ChangeOptions) => changePassphrase(cli, id, options))
    return withExamples(command, [
        "trustkey key passphrase 3fa9c2d1e0aa",
        "trustkey key passphrase --group ci --passphrase-fd 3 --new-passphrase-fd 4 3<old 4<new",
    ])
}

async function changePassphrase(cli: Cli, id: string | undefined, options: ChangeOptions): Promise<void> {
    const { sealedThing } = await import("../subject.ts")
    const { askNewPassphrase, askPassphrase, NO_VARIABLE, sealFor, subjectText } = await import("../secrets.ts")
    const daemon = await cli.daemon()
    const thing = await sealedThing(daemon, id, options.group)
    const subject = subjectText(thing.subject)
    const { secret } = await askPassphrase(cli, options, thing)
    using old = secret
    using fresh = await askNewPassphrase(
        cli,
        {
            ...(options.newPassphraseFd === undefined ? {} : { passphraseFd: options.newPassphraseFd }),
            ...(options.newPassphraseFile === undefined ? {} : { passphraseFile: options.newPassphraseFile }),
        },
        { purpose: NO_VARIABLE, name: thing.name },
    )
    const oldSealed = await sealFor(daemon, "passphrase-old", subject, old)
    const newSealed = await sealFor(daemon, "passphrase-new", subject, fresh)
    await daemon.changePassphrase({ subject: thing.subject, oldSealed, newSealed })
    cli.output.note(`Changed the passphrase of ${thing.name}.`)
}
