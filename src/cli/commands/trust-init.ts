import { type Command, Option } from "commander"
import type { Cli } from "../context.ts"
import { ALGORITHMS } from "../daemon-types.ts"
import { jsonOption, newCommand, repeated, wholeNumber, withExamples, withPassphrase, withPin } from "../syntax.ts"
import type { InitOptions } from "../trust/init-repository.ts"

export function trustInitCommand(cli: Cli): Command {
    const command = newCommand(cli, "init", "Begin a repository's trust data: keys, root and targets, signed and published.")
        .argument("<repository>", "the image's name without a tag, as docker takes it")
        .option("--root-key <id>", "this root key, when there are several or the only one is not your own; repeatable", repeated)
        .addOption(new Option("--root-threshold <count>", "how many of several root keys have to sign a root").argParser(wholeNumber(1)))
        .option("--targets-key <id>", "use this key for targets instead of making one")
        .option("--group <name>", "seal the new keys in this key group instead of under a passphrase")
        .option("--snapshot-key", "keep the snapshot key here; as a rule the server holds it")
        .addOption(new Option("--algorithm <algorithm>", "of the new keys").choices(ALGORITHMS).default("p256"))
        .addOption(jsonOption())
        .action((repository: string, options: InitOptions & { json?: boolean }) => init(cli, repository, options))
    return withExamples(withPin(withPassphrase(command)), [
        "trustkey trust init registry.example.com/team/app",
        "trustkey trust init registry.example.com/team/app --group release --root-key 3fa9c2d1e0aa",
        "trustkey trust init registry.example.com/team/app --root-key 3fa9c2d1 --root-key 77e0b1c2 --root-key a4410f93 --root-threshold 2",
    ])
}

async function init(cli: Cli, repository: string, options: InitOptions & { json?: boolean }): Promise<void> {
    const { openRepositorySession } = await import("../trust/session.ts")
    const { initRepository } = await import("../trust/init-repository.ts")
    const session = await openRepositorySession(cli, repository, "push")
    const result = await initRepository(session, options)
    if (options.json === true) {
        cli.output.json({ gun: session.gun, server: session.server.url, ...result })
        return
    }
    cli.output.line(
        result.created
            ? `Initialised ${session.gun} at ${session.server.url}`
            : `${session.gun} is already initialised at ${session.server.url}`,
    )
    cli.output.facts([
        ["fingerprint", result.lineage.slice(0, 16)],
        ["root key", result.rootKeyIds.join(", ")],
        ["targets key", result.targetsKeyIds.join(", ")],
        ["snapshot key", result.snapshotHeldBy === "server" ? "held by the server" : "held here"],
    ])
    cli.output.note(`Next: trustkey trust sign ${repository}:TAG`)
}
