import type { Command } from "commander"
import { TrustkeyError } from "../../errors.ts"
import { askToType } from "../confirm.ts"
import type { Cli } from "../context.ts"
import type { Daemon, DaemonRepository } from "../daemon-types.ts"
import { newCommand, withExamples } from "../syntax.ts"
import type { TrustSession } from "../trust/session.ts"

type ResetOptions = { confirm?: string; delete?: boolean; dryRun?: boolean }

export function trustResetCommand(cli: Cli): Command {
    const command = newCommand(
        cli,
        "reset",
        "End a repository's history, when its root is lost or its trust data was deleted; the next root begins a new one. Needs the admin socket.",
    )
        .argument("<repository>", "the image's name without a tag")
        .option("--delete", "first delete the trust data on the trust server, with all its versions")
        .option("--dry-run", "only show what is lost, and what everybody who uses the repository has to do then")
        .option("--confirm <gun>", "the repository's full name, instead of typing it")
        .action((repository: string, options: ResetOptions) => reset(cli, repository, options))
    return withExamples(command, [
        "trustkey trust reset registry.example.com/team/app --dry-run",
        "trustkey trust reset registry.example.com/team/app --delete",
    ])
}

async function reset(cli: Cli, repository: string, options: ResetOptions): Promise<void> {
    const { openRepositorySession } = await import("../trust/session.ts")
    const session = await openRepositorySession(cli, repository, "pull")
    const { gun } = session
    const consequences = await describe(cli, session)
    if (options.dryRun === true) {
        for (const line of consequences) cli.output.line(line)
        return
    }
    if (options.delete !== true) await warnIfStillThere(cli, session)
    const admin = await cli.daemon("admin")
    // Before anybody types: whether its socket can be reached from here.
    await admin.status()
    const question = `Every client that trusts the old root will refuse the new one; --dry-run says what they have to do. Type ${gun} to go on: `
    const confirm = options.confirm ?? (await askToType(cli, question, gun))
    if (options.delete === true) await deleteThere(session, admin, confirm)
    await admin.reset({ gun, confirm })
    // The cache would hold the old root against the new repository.
    await session.cache.remove(gun)
    cli.output.line(`Reset ${gun}`)
    for (const line of ["", ...consequences]) cli.output.line(line)
    cli.output.note(`Next: trustkey trust init ${gun}, or trustkey trust adopt ${gun}. docs/recover.md has every step.`)
}

/** What is lost, by what the daemon has, and what it means for everybody. */
async function describe(cli: Cli, { gun }: TrustSession): Promise<readonly string[]> {
    const { consumerNotice, lostTags, signAgainLines } = await import("../trust/reset-notice.ts")
    const known = await whatIsKnown(cli, gun)
    const lost = known === undefined ? [] : [...signAgainLines(gun, lostTags(known.documents)), ""]
    return [...lost, ...consumerNotice(gun)]
}

/** Whoever may end a history need not be allowed to look at it. */
async function whatIsKnown(cli: Cli, gun: string): Promise<DaemonRepository | undefined> {
    try {
        return await (await cli.daemon()).showTrust(gun)
    } catch (error) {
        if (error instanceof TrustkeyError && error.code === "denied") return undefined
        throw error
    }
}

/** First the server, then the daemon: interrupted in between, the same command goes on. What the daemon would refuse is not begun. */
async function deleteThere({ cli, gun, server }: TrustSession, admin: Daemon, confirm: string): Promise<void> {
    if (confirm !== gun) throw new TrustkeyError("confirmation_required", `type the repository's name to confirm: ${gun}`)
    const known = await whatIsKnown(cli, gun)
    if (known !== undefined && known.state !== "active")
        throw new TrustkeyError("repository_unknown", `${gun} has no history here that could be ended`)
    await requireAllowed(admin, gun)
    await server.remove(gun)
    cli.output.note(`Deleted the trust data of ${gun} at ${server.url}.`)
}

/** A reset that nobody confirmed does nothing but say whether it were allowed. */
async function requireAllowed(admin: Daemon, gun: string): Promise<void> {
    try {
        await admin.reset({ gun, confirm: "" })
    } catch (error) {
        if (!(error instanceof TrustkeyError) || error.code !== "confirmation_required") throw error
    }
}

async function warnIfStillThere(cli: Cli, session: TrustSession): Promise<void> {
    try {
        const root = await session.server.get(session.gun, "root")
        if (root !== undefined)
            cli.output.warn(
                `${session.server.url} still serves trust data for ${session.gun}; a reset is for data that was deleted or replaced: --delete does that too`,
            )
    } catch (error) {
        if (!(error instanceof TrustkeyError)) throw error
        cli.output.warn(`whether the server still has the old trust data can't be said: ${error.message}`)
    }
}
