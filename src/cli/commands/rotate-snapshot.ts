import { type Command, Option } from "commander"
import type { Cli } from "../context.ts"
import { type ExplainOptions, explainRole, withExplain } from "../rotate/explain-command.ts"
import { withAgreement, withComingKeys, withHolders, withOldKey } from "../rotate/options.ts"
import type { RoleKeyOptions } from "../rotate/role-keys.ts"
import type { RotateOptions } from "../rotate/rotate.ts"
import type { TellOptions } from "../rotate/tell.ts"
import { newCommand, withExamples } from "../syntax.ts"

type SnapshotOptions = RoleKeyOptions & RotateOptions & TellOptions & ExplainOptions & { readonly toServer?: boolean }

export function rotateSnapshotCommand(cli: Cli): Command {
    const command = newCommand(
        cli,
        "snapshot",
        "Replace the snapshot key: by one of whoever holds it now, by one of the trust server's, or by one here. Takes the root key.",
    )
        .argument("<repository>", "the image's name without a tag")
        .addOption(
            new Option("--to-server", "the trust server makes the key, holds it and signs snapshots from now on").conflicts([
                "key",
                "newSealed",
                "newOnToken",
                "newInGroup",
            ]),
        )
        .action((repository: string, options: SnapshotOptions) => rotateSnapshot(cli, repository, options))
    return withExamples(withExplain(withHolders(withAgreement(withOldKey(withComingKeys(command))))), [
        "trustkey rotate snapshot registry.example.com/team/app",
        "trustkey rotate snapshot registry.example.com/team/app --to-server --old-key remove",
        "trustkey rotate snapshot registry.example.com/team/app --new-sealed",
    ])
}

async function rotateSnapshot(cli: Cli, repository: string, options: SnapshotOptions): Promise<void> {
    if (options.explain === true) return await explainRole(cli, repository, "snapshot", options)
    const { openRepositorySession } = await import("../trust/session.ts")
    const { snapshotWish } = await import("../rotate/server-keys.ts")
    const { RoleKeys } = await import("../rotate/role-keys.ts")
    const { rotate } = await import("../rotate/rotate.ts")
    const { conclude } = await import("../rotate/tell.ts")
    const session = await openRepositorySession(cli, repository, "push")
    const daemon = await cli.daemon()
    using keys = new RoleKeys(session, daemon, "snapshot", options)
    const rotated = await rotate(session, daemon, snapshotWish(session, keys, options.toServer === true), options)
    await conclude(session, daemon, "snapshot", rotated, options)
}
