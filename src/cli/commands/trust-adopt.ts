import type { Command } from "commander"
import { TrustkeyError } from "../../errors.ts"
import { askToType } from "../confirm.ts"
import type { Cli } from "../context.ts"
import { newCommand, withExamples } from "../syntax.ts"

export function trustAdoptCommand(cli: Cli): Command {
    const command = newCommand(cli, "adopt", "Take in a repository whose trust data was made elsewhere. Needs the admin socket.")
        .argument("<repository>", "the image's name without a tag")
        .option("--confirm <fingerprint>", "the fingerprint, learned from somebody you trust, instead of typing it")
        .action((repository: string, options: { confirm?: string }) => adopt(cli, repository, options.confirm))
    return withExamples(command, [
        "trustkey trust adopt registry.example.com/team/app",
        "trustkey trust adopt registry.example.com/team/app --confirm 67c4e1a0d5b29f13",
    ])
}

async function adopt(cli: Cli, repository: string, confirmed: string | undefined): Promise<void> {
    const { openRepositorySession, toWire } = await import("../trust/session.ts")
    const { viewOf } = await import("../trust/view.ts")
    const { lineageOf } = await import("../../tuf/index.ts")
    const session = await openRepositorySession(cli, repository, "pull")
    const { gun } = session
    const current = await session.fetchToConfirm()
    const first = current.roots[0]
    if (first === undefined) throw new TrustkeyError("no_trust_data", `${session.server.url} has no root of ${gun}`)
    const lineage = lineageOf(first.signed)
    const fingerprint = lineage.slice(0, 16)
    if (confirmed === undefined) {
        const view = viewOf(current, undefined)
        cli.output.note(`Trust data of ${gun} at ${session.server.url}`)
        cli.output.note(`  fingerprint      ${fingerprint}`)
        cli.output.note(`  root keys        ${view.administrativeKeys.root.join(", ")}`)
        cli.output.note(`  repository keys  ${view.administrativeKeys.repository.join(", ")}`)
        cli.output.note(`  signers          ${view.signers.map(({ name }) => name).join(", ") || "none"}`)
        cli.output.note(`  signed tags      ${view.signedTags.length}`)
        cli.output.note("Compare the fingerprint with what whoever made the repository tells you.")
    }
    const admin = await cli.daemon("admin")
    // Before anybody types: whether its socket can be reached from here.
    await admin.status()
    const confirm = confirmed ?? (await askToType(cli, `Type ${fingerprint} to trust this repository from now on: `, fingerprint))
    if (confirm.length < fingerprint.length || !lineage.startsWith(confirm.toLowerCase())) {
        throw new TrustkeyError(
            "verification_failed",
            `the fingerprint of ${gun} at ${session.server.url} is ${fingerprint}, not ${confirm}`,
        )
    }
    const adopted = await admin.adopt({ gun, files: toWire(current.files), confirm: fingerprint })
    await session.keep(current)
    cli.output.line(`Adopted ${gun}, fingerprint ${adopted.lineage.slice(0, 16)}, root version ${adopted.rootVersion}`)
    cli.output.note(`Next: bind or make keys for it, e.g. trustkey key bind ID --add targets@${gun}`)
}
