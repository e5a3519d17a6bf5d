import type { Command } from "commander"
import { TrustkeyError } from "../../errors.ts"
import type { Cli } from "../context.ts"
import { PULL_FLAGS } from "../engine/docker-flags.ts"
import { engineCommand } from "../engine/engine-command.ts"
import { type Arguments, switchValue, writtenWithout } from "../engine/flags.ts"

export function trustPullCommand(cli: Cli): Command {
    return engineCommand(cli, {
        name: "pull",
        description: "Pull what is signed under a tag, by its digest, as docker pull with content trust.",
        operands: ["<name>"],
        flags: PULL_FLAGS,
        examples: [
            "trustkey trust pull registry.example.com/team/app:v1",
            "trustkey trust pull --all-tags registry.example.com/team/app",
            "trustkey trust pull --disable-content-trust registry.example.com/team/app:v1",
        ],
        run: (args) => pull(cli, args),
    })
}

async function pull(cli: Cli, args: Arguments): Promise<void> {
    const { parseReference } = await import("../../publish/index.ts")
    const { openEngine } = await import("../engine/engine.ts")
    const { isTrustOn, passOn, tagTrusted } = await import("../trust/enforcement.ts")
    const { familiarName } = await import("../trust/familiar.ts")
    const { allTrusted, resolveTrusted } = await import("../trust/resolve-tag.ts")
    const { openSession } = await import("../trust/session.ts")
    const { flags, operands } = args
    const engine = openEngine(cli)
    if (!isTrustOn(cli, flags)) return passOn(engine, "pull", args)
    const reference = parseReference(operands[0] ?? "")
    const { gun, tag, digest } = reference
    const all = switchValue(flags, "all-tags") === true
    if (all && (tag !== undefined || digest !== undefined)) throw new TrustkeyError("usage", "tag can't be used with --all-tags/-a")
    // It says itself what it is.
    if (digest !== undefined) return passOn(engine, "pull", args)

    const quiet = switchValue(flags, "quiet") === true
    const wanted = tag ?? "latest"
    if (!all && tag === undefined && !quiet) cli.output.line(`Using default tag: ${wanted}`)
    const session = await openSession(cli, all ? gun : `${gun}:${wanted}`, "pull")
    const signed = [...(all ? await allTrusted(session) : new Map([[wanted, await resolveTrusted(session, wanted)]]))]
    const name = familiarName(reference)
    const options = {
        flags: writtenWithout(flags, ["all-tags", "quiet", "disable-content-trust"]),
        progress: quiet ? "none" : "stdout",
    } as const
    for (const [index, [signedTag, image]] of signed.entries()) {
        cli.output.line(`Pull (${index + 1} of ${signed.length}): ${name}:${signedTag}@${image.digest}`)
        const pinned = `${name}@${image.digest}`
        await engine.pull(pinned, options)
        await tagTrusted(cli, engine, { pinned, tagged: `${name}:${signedTag}` })
    }
    cli.output.line(all ? gun : `${gun}:${wanted}`)
}
