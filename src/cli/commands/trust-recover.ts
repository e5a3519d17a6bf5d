import { type Command, Option } from "commander"
import type { Cli } from "../context.ts"
import { jsonOption, newCommand, repeated, withExamples } from "../syntax.ts"
import type { RecoveryPlan, RoleState } from "../trust/plan-recovery.ts"

type RecoverOptions = { lost?: readonly string[]; json?: boolean }

export function trustRecoverCommand(cli: Cli): Command {
    const command = newCommand(
        cli,
        "recover",
        "When keys are lost: say which of a repository's keys are where, and which commands mend it. Changes nothing.",
    )
        .argument("<repository>", "the image's name without a tag")
        .addOption(new Option("--lost <id>", "this key is lost, although the daemon knows it (repeatable)").argParser(repeated))
        .addOption(jsonOption())
        .action((repository: string, options: RecoverOptions) => recover(cli, repository, options))
    return withExamples(command, [
        "trustkey trust recover registry.example.com/team/app",
        "trustkey trust recover registry.example.com/team/app --lost 3fa9c2d1e0aa",
    ])
}

async function recover(cli: Cli, repository: string, { lost = [], json }: RecoverOptions): Promise<void> {
    const { openRepositorySession } = await import("../trust/session.ts")
    const { recoveryFacts } = await import("../trust/recovery-facts.ts")
    const { planRecovery } = await import("../trust/plan-recovery.ts")
    const session = await openRepositorySession(cli, repository, "push")
    const plan = planRecovery(await recoveryFacts(session, await cli.daemon(), lost))
    if (json === true) cli.output.json({ gun: session.gun, ...plan })
    else await print(cli, plan)
}

async function print({ output }: Cli, { roles, next, ended }: RecoveryPlan): Promise<void> {
    const { shortId } = await import("../output.ts")
    const keyText = ({ id, place, home }: RoleState["keys"][number]): string => `${shortId(id)} ${place}${home === "" ? "" : ` (${home})`}`
    output.table(
        ["ROLE", "MUST SIGN", "STATE", "KEYS"],
        roles.map(({ role, threshold, keys, state }) => [role, `${threshold} of ${keys.length}`, state, keys.map(keyText).join(", ")]),
    )
    output.line()
    if (next.length === 0) {
        output.line("Nothing is lost that is known here. A key that is lost all the same is named with --lost ID.")
        return
    }
    output.line(ended ? "The root can't be signed any more. What is left:" : "What mends it, in this order:")
    for (const command of next) output.line(`  ${command}`)
    output.note("docs/recover.md says what happens to whom.")
}
