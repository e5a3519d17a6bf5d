import type { Command } from "commander"
import type { Cli } from "../context.ts"
import { withExplain } from "../rotate/explain-command.ts"
import { withAgreement, withHolders, withOldKey, withRoleKeys } from "../rotate/options.ts"
import type { RoleKeyOptions } from "../rotate/role-keys.ts"
import type { RotationOptions } from "../rotate/run.ts"
import { newCommand, withExamples } from "../syntax.ts"

type TargetsOptions = RoleKeyOptions & RotationOptions

export function rotateTargetsCommand(cli: Cli): Command {
    const command = newCommand(
        cli,
        "targets",
        "Replace the repository key: the next root names another, and everything it signed is signed again. Takes the root key.",
    )
        .argument("<repository>", "the image's name without a tag")
        .action((repository: string, options: TargetsOptions) => rotateTargets(cli, repository, options))
    return withExamples(withExplain(withHolders(withAgreement(withOldKey(withRoleKeys(command))))), [
        "trustkey rotate targets registry.example.com/team/app",
        "trustkey rotate targets registry.example.com/team/app --new-on-token hsm --old-key remove",
        "trustkey rotate targets registry.example.com/team/app --keep --new-sealed --new-in-group ci --threshold 2",
        "trustkey rotate targets registry.example.com/team/app --dry-run",
    ])
}

async function rotateTargets(cli: Cli, repository: string, options: TargetsOptions): Promise<void> {
    const { RoleKeys } = await import("../rotate/role-keys.ts")
    const { runRotation } = await import("../rotate/run.ts")
    await runRotation(cli, repository, "targets", options, (session, daemon, opened) =>
        opened.use(new RoleKeys(session, daemon, "targets", options)).wish(),
    )
}
