import type { Command } from "commander"
import { TrustkeyError } from "../../errors.ts"
import type { Cli } from "../context.ts"
import { PUSH_FLAGS, SIGNING_FLAGS } from "../engine/docker-flags.ts"
import { engineCommand } from "../engine/engine-command.ts"
import { type Arguments, type Flag, lastValue, switchValue, writtenWithout } from "../engine/flags.ts"
import type { SecretOptions } from "../trust/sign-tag.ts"

export function trustPushCommand(cli: Cli): Command {
    return engineCommand(cli, {
        name: "push",
        description: "Push an image and sign what was pushed, as docker push with content trust.",
        operands: ["<name>"],
        flags: PUSH_FLAGS,
        examples: [
            "trustkey trust push registry.example.com/team/app:v1",
            "trustkey trust push --all-tags registry.example.com/team/app",
            "trustkey trust push --passphrase-file /run/secrets/release registry.example.com/team/app:v1",
        ],
        run: (args) => push(cli, args),
    })
}

async function push(cli: Cli, args: Arguments): Promise<void> {
    const { parseReference } = await import("../../publish/index.ts")
    const { openEngine } = await import("../engine/engine.ts")
    const { isTrustOn, passOn } = await import("../trust/enforcement.ts")
    const { openSession } = await import("../trust/session.ts")
    const { prepareToSign, signPushed } = await import("../trust/sign-pushed.ts")
    const { flags, operands } = args
    const secrets = secretOptions(flags)
    cli.reserveDescriptor(secrets.passphraseFd)
    cli.reserveDescriptor(secrets.pinFd)
    const engine = openEngine(cli)
    if (!isTrustOn(cli, flags)) return passOn(engine, "push", args, SIGNING_FLAGS)
    const reference = parseReference(operands[0] ?? "")
    const { gun, tag, digest } = reference
    const all = switchValue(flags, "all-tags") === true
    if (digest !== undefined) throw new TrustkeyError("usage", "cannot push a digest reference")
    if (all && tag !== undefined) throw new TrustkeyError("usage", "tag can't be used with --all-tags/-a")

    const quiet = switchValue(flags, "quiet") === true
    if (!all && tag === undefined && !quiet) cli.output.line("Using default tag: latest")
    const session = await openSession(cli, gun, "push")
    const daemon = await cli.daemon()
    // Of an image that isn't there docker says so, and nobody has been asked for a passphrase.
    const isThere = all || (await engine.image(`${gun}:${tag ?? "latest"}`)) !== undefined
    using ready = isThere ? await prepareToSign(session, daemon, all ? undefined : (tag ?? "latest"), secrets) : undefined

    const options = {
        flags: writtenWithout(flags, ["all-tags", "quiet", "disable-content-trust", ...SIGNING_FLAGS]),
        progress: quiet ? "none" : "stdout",
    } as const
    const pushed = all ? await engine.pushAll(reference, options) : [{ tag: tag ?? "latest", ...(await engine.push(reference, options)) }]
    if (pushed.length === 0) throw new TrustkeyError("engine_refused", `docker pushed no tag of ${gun}`)
    cli.output.line("Signing and pushing trust metadata")
    for (const image of pushed) await signPushed(session, daemon, image, { ...secrets, plan: ready?.plan })
}

function secretOptions(flags: readonly Flag[]): SecretOptions {
    const [passphraseFd, pinFd] = [descriptor(flags, "passphrase-fd"), descriptor(flags, "pin-fd")]
    const [passphraseFile, pinFile] = [lastValue(flags, "passphrase-file"), lastValue(flags, "pin-file")]
    return {
        ...(passphraseFd === undefined ? {} : { passphraseFd }),
        ...(passphraseFile === undefined ? {} : { passphraseFile }),
        ...(pinFd === undefined ? {} : { pinFd }),
        ...(pinFile === undefined ? {} : { pinFile }),
    }
}

function descriptor(flags: readonly Flag[], name: string): number | undefined {
    const text = lastValue(flags, name)
    if (text === undefined) return undefined
    if (!/^\d{1,9}$/.test(text)) throw new TrustkeyError("usage", `--${name} is the number of an open file descriptor`)
    return Number(text)
}
