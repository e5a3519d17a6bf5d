import type { Command } from "commander"
import { TrustkeyError } from "../../errors.ts"
import { askToType } from "../confirm.ts"
import type { Cli } from "../context.ts"
import { newCommand, withExamples } from "../syntax.ts"
import type { TrustSession } from "../trust/session.ts"

export function trustResetCommand(cli: Cli): Command {
    const command = newCommand(
        cli,
        "reset",
        "End a repository's history after its trust data was deleted on the server; the next root begins a new one. Needs the admin socket.",
    )
        .argument("<repository>", "the image's name without a tag")
        .option("--confirm <gun>", "the repository's full name, instead of typing it")
        .action((repository: string, options: { confirm?: string }) => reset(cli, repository, options.confirm))
    return withExamples(command, ["trustkey trust reset registry.example.com/team/app"])
}

async function reset(cli: Cli, repository: string, confirmed: string | undefined): Promise<void> {
    const { openRepositorySession } = await import("../trust/session.ts")
    const session = await openRepositorySession(cli, repository, "pull")
    const { gun } = session
    await warnIfStillThere(cli, session)
    const admin = await cli.daemon("admin")
    // Before anybody types: whether its socket can be reached from here.
    await admin.status()
    const confirm =
        confirmed ?? (await askToType(cli, `Every client that trusts the old root will refuse the new one. Type ${gun} to go on: `, gun))
    await admin.reset({ gun, confirm })
    // The cache would hold the old root against the new repository.
    await session.cache.remove(gun)
    cli.output.line(`Reset ${gun}`)
    cli.output.note(
        `Next: trustkey trust init ${gun}, or trustkey trust adopt ${gun}. Other machines keep the old root in their docker trust directory: remove tuf/${gun} there.`,
    )
}

async function warnIfStillThere(cli: Cli, session: TrustSession): Promise<void> {
    try {
        const root = await session.server.get(session.gun, "root")
        if (root !== undefined)
            cli.output.warn(
                `${session.server.url} still serves trust data for ${session.gun}; a reset is for data that was deleted or replaced`,
            )
    } catch (error) {
        if (!(error instanceof TrustkeyError)) throw error
        cli.output.warn(`whether the server still has the old trust data can't be said: ${error.message}`)
    }
}
