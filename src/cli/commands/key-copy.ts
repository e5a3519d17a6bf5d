import type { Command } from "commander"
import { TrustkeyError } from "../../errors.ts"
import type { Cli } from "../context.ts"
import type { Daemon, DaemonKey } from "../daemon-types.ts"
import { tokenOf } from "../key-home.ts"
import { shortId } from "../output.ts"
import { type CardFlags, newCommand, type PassphraseOptions, type PinOptions, withCard, withExamples, withPassphrase } from "../syntax.ts"

type CopyOptions = PassphraseOptions &
    PinOptions &
    CardFlags & { token: string; serial?: string; present?: boolean; acceptPinOnce?: boolean }

export function keyCopyCommand(cli: Cli): Command {
    const command = newCommand(
        cli,
        "copy",
        "Bring a sealed key to a token besides, where it signs from then on too. Needs the key's passphrase and the admin socket.",
    )
        .argument("<id>", "the key's ID, or its first 7 or more digits")
        .requiredOption("--token <name>", "the token, by its name in the configuration")
        .option("--serial <number>", "the token's serial number as you know it, instead of typing it")
        .option("--present", "it lies on the token already, as after a copy that was interrupted: only look, and record it")
        .action((id: string, options: CopyOptions) => copyKey(cli, id, options))
    return withExamples(withCard(withPassphrase(command)), [
        "trustkey key copy 3fa9c2d1e0aa --token spare --serial 12345678",
        "trustkey key copy 3fa9c2d1e0aa --token yubikey --slot 9c",
    ])
}

async function copyKey(cli: Cli, id: string, options: CopyOptions): Promise<void> {
    const { tokenNamed } = await import("../token-pins.ts")
    const { confirmedSerial } = await import("../token-serial.ts")
    const daemon = await cli.daemon("admin")
    const key = await daemon.getKey(id)
    if (options.present !== true && tokenOf(key.home) !== undefined)
        throw new TrustkeyError("key_unfit", "this key is on a token, which gives it to nobody: a copy is made while it is sealed here")
    const serial = await confirmedSerial(cli, await tokenNamed(daemon, options.token), options.serial)
    const made = options.present === true ? await record(cli, daemon, key, serial, options) : await bring(cli, daemon, key, serial, options)
    cli.output.line(`Key ${made.id} lies on token ${options.token} (serial ${serial}) too`)
    if (tokenOf(made.home) === undefined)
        cli.output.note(`It is still sealed here as well. When it lies on enough tokens: trustkey key forget-sealed ${shortId(made.id)}`)
}

async function record(cli: Cli, daemon: Daemon, key: DaemonKey, serial: string, options: CopyOptions): Promise<DaemonKey> {
    const { logInTo } = await import("../card.ts")
    await logInTo(cli, daemon, options.token, options)
    const piv = options.slot === undefined ? {} : { piv: { slot: options.slot } }
    return await daemon.copyKey({ id: key.id, token: options.token, serial, from: { present: true }, ...piv, ...accepted(options) })
}

async function bring(cli: Cli, daemon: Daemon, key: DaemonKey, serial: string, options: CopyOptions): Promise<DaemonKey> {
    const { logInTo, openCard } = await import("../card.ts")
    const { askPassphrase, sealFor, thingOfKey } = await import("../secrets.ts")
    const { token } = options
    using card = await openCard(cli, daemon, token, options)
    if (card === undefined) await logInTo(cli, daemon, token, options)
    const { secret } = await askPassphrase(cli, options, thingOfKey(key))
    using passphrase = secret
    const piv = card === undefined ? {} : { piv: await card.placement(daemon) }
    const from = { passphrase: await sealFor(daemon, "copy", `${key.id}:${token}`, passphrase) }
    return await daemon.copyKey({ id: key.id, token, serial, from, ...piv, ...accepted(options) })
}

function accepted({ acceptPinOnce }: CopyOptions): { acceptPinOnce?: boolean } {
    return acceptPinOnce === true ? { acceptPinOnce } : {}
}
