import type { Command } from "commander"
import { TrustkeyError } from "../../errors.ts"
import type { Cli } from "../context.ts"
import { newCommand, type PassphraseOptions, withExamples, withPassphrase } from "../syntax.ts"

type GroupOptions = PassphraseOptions & { credential?: string; passphrase: boolean }

export function keyGroupCreateCommand(cli: Cli): Command {
    const command = newCommand(cli, "create", "Make a key group: many keys opened by one passphrase or credential. Needs the admin socket.")
        .argument("<name>", "the group's name")
        .option("--credential <name>", "a systemd credential of the daemon that opens it unattended")
        .option("--no-passphrase", "only the credential opens it")
        .action((name: string, options: GroupOptions) => createGroup(cli, name, options))
    return withExamples(withPassphrase(command), [
        "trustkey key group create release",
        "trustkey key group create ci --credential ci-group --no-passphrase",
    ])
}

async function createGroup(cli: Cli, name: string, options: GroupOptions): Promise<void> {
    if (!options.passphrase && options.credential === undefined)
        throw new TrustkeyError("usage", "--no-passphrase needs --credential NAME: something has to open the group")
    const { askNewPassphrase, sealFor } = await import("../secrets.ts")
    const daemon = await cli.daemon("admin")
    const credential = options.credential ?? ""
    if (!options.passphrase) {
        await daemon.createGroup({ name, sealed: undefined, credential })
    } else {
        using secret = await askNewPassphrase(cli, options, { purpose: "group", name: `key group ${name}` })
        await daemon.createGroup({ name, sealed: await sealFor(daemon, "create", `group:${name}`, secret), credential })
    }
    cli.output.note(`Made key group ${name}.`)
}
