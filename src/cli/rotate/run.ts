import type { Cli } from "../context.ts"
import type { Daemon } from "../daemon-types.ts"
import { openRepositorySession, type TrustSession } from "../trust/session.ts"
import { type ExplainOptions, explainRole } from "./explain-command.ts"
import { type RotateOptions, rotate, type Wish } from "./rotate.ts"
import { conclude, type TellOptions } from "./tell.ts"

export type RotationOptions = RotateOptions & TellOptions & ExplainOptions

/**
 * A `rotate` command of a role that the root names, from its arguments to its end.
 *
 * @param wishOf what is wanted of the repository; what it opens for that goes into `opened`
 */
export async function runRotation(
    cli: Cli,
    repository: string,
    role: Parameters<typeof conclude>[2],
    options: RotationOptions,
    wishOf: (session: TrustSession, daemon: Daemon, opened: DisposableStack) => Wish,
): Promise<void> {
    if (options.explain === true) return await explainRole(cli, repository, role, options)
    const session = await openRepositorySession(cli, repository, "push")
    const daemon = await cli.daemon()
    using opened = new DisposableStack()
    await conclude(session, daemon, role, await rotate(session, daemon, wishOf(session, daemon, opened), options), options)
}
