import type { Command } from "commander"
import type { Cli } from "../context.ts"

export type ExplainOptions = { readonly explain?: boolean; readonly json?: boolean }

/** The command's action has to ask for it before anything else: see explainRole. */
export function withExplain(command: Command): Command {
    return command.option("--explain", "only say who still needs which key, those that stood there before included; sign nothing")
}

/** `--explain` of a rotation. */
export async function explainRole(cli: Cli, repository: string, role: string, options: ExplainOptions): Promise<void> {
    const { openRepositorySession } = await import("../trust/session.ts")
    const { explainOldKeys } = await import("./explain.ts")
    const { parseRoleName } = await import("../../tuf/index.ts")
    const session = await openRepositorySession(cli, repository, "pull")
    await explainOldKeys(session, await cli.daemon(), parseRoleName(role), options)
}
