import { type Command, Option } from "commander"
import type { Cli } from "../context.ts"
import { withExplain } from "../rotate/explain-command.ts"
import { withAgreement, withComingKeys, withHolders, withOldKey } from "../rotate/options.ts"
import type { RoleKeyOptions } from "../rotate/role-keys.ts"
import type { RotationOptions } from "../rotate/run.ts"
import { newCommand, withExamples } from "../syntax.ts"

type SnapshotOptions = RoleKeyOptions & RotationOptions & { readonly toServer?: boolean }

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
    const { RoleKeys } = await import("../rotate/role-keys.ts")
    const { runRotation } = await import("../rotate/run.ts")
    const { snapshotWish } = await import("../rotate/server-keys.ts")
    await runRotation(cli, repository, "snapshot", options, (session, daemon, opened) =>
        snapshotWish(session, opened.use(new RoleKeys(session, daemon, "snapshot", options)), options.toServer === true),
    )
}
