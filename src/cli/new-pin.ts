import type { Cli } from "./context.ts"
import type { Daemon } from "./daemon-types.ts"
import { tokenHome } from "./key-home.ts"
import { fromFlags, sealFor } from "./secrets.ts"
import type { PinOptions } from "./syntax.ts"
import { askNewPin, askPin, requireTries, tokenNamed } from "./token-pins.ts"

type NewPinOptions = Pick<PinOptions, "pinentry"> & { newPinFd?: number; newPinFile?: string; evenFinalTry?: boolean }

const OLD_FLAGS = "--pin-fd or --pin-file"
const NEW_FLAGS = "--new-pin-fd or --new-pin-file"
const PUK_FLAGS = "--puk-fd or --puk-file"

/** TK-PIN-1: one try with the old one, and no other if it was wrong. */
export async function changePin(cli: Cli, daemon: Daemon, name: string, options: NewPinOptions & PinOptions): Promise<void> {
    const evenFinalTry = options.evenFinalTry === true
    const token = await tokenNamed(daemon, name)
    requireTries(token, evenFinalTry)
    using secrets = new DisposableStack()
    const given = await fromFlags(cli, options.pinFd, options.pinFile)
    const old = secrets.use(given ?? (await askPin(cli, options, { token, what: "PIN", flags: OLD_FLAGS })))
    const chosen = await fromFlags(cli, options.newPinFd, options.newPinFile)
    const next = secrets.use(chosen ?? (await askNewPin(cli, options, token, NEW_FLAGS)))
    const subject = tokenHome(name)
    const [oldSealed, newSealed] = [await sealFor(daemon, "pin-old", subject, old), await sealFor(daemon, "pin-new", subject, next)]
    await daemon.changePin({ token: name, oldSealed, newSealed, evenFinalTry })
    cli.output.note(`Token ${name} has a new PIN. Nobody is logged in.`)
}

/** With the PUK of a YubiKey, the security officer's PIN of another. */
export async function unblockPin(
    cli: Cli,
    daemon: Daemon,
    name: string,
    options: NewPinOptions & { pukFd?: number; pukFile?: string },
): Promise<void> {
    const token = await tokenNamed(daemon, name)
    using secrets = new DisposableStack()
    const what = token.kind === "yubikey" ? "PUK" : "SO PIN"
    const given = await fromFlags(cli, options.pukFd, options.pukFile)
    const puk = secrets.use(given ?? (await askPin(cli, options, { token, what, flags: PUK_FLAGS })))
    const chosen = await fromFlags(cli, options.newPinFd, options.newPinFile)
    const next = secrets.use(chosen ?? (await askNewPin(cli, options, token, NEW_FLAGS)))
    const subject = tokenHome(name)
    const [pukSealed, newSealed] = [await sealFor(daemon, "puk", subject, puk), await sealFor(daemon, "pin-new", subject, next)]
    await daemon.unblockPin({ token: name, pukSealed, newSealed, evenFinalTry: options.evenFinalTry === true })
    cli.output.note(`Token ${name} has a new PIN, with all its tries. Nobody is logged in.`)
}
