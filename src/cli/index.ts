/**
 * cli: the thin client. It asks the daemon for signatures and holds no private key, but for the moment in which one from a file is
 * sealed for the signer; it fetches from and publishes to trust servers, because the daemon has no network. It must never read the
 * environment, the clock or set the exit code: `bin` hands them in and takes the exit code out.
 */
import { CommanderError } from "commander"
import { TrustkeyError } from "../errors.ts"
import { Cli, type CliContext } from "./context.ts"
import { COMPLETION_REQUEST } from "./docker-arguments.ts"
import { errorRefusal, faultRefusal, missingCommandExitCode } from "./front-end.ts"
import { makeProgram } from "./program.ts"
import { markPassedArguments } from "./syntax.ts"
import { Ended, Interrupted } from "./terminal.ts"

export type { CliContext, DockerCommand, Environment, FrontEnd } from "./context.ts"
export { readDockerArguments } from "./docker-arguments.ts"
export { type Conversation, Interrupted, type RunOptions, type Terminal, type Tty } from "./terminal.ts"

/** Run one command. `argv` without program names. Resolves with the exit code; never rejects. */
export async function runCli(argv: readonly string[], context: CliContext): Promise<number> {
    const cli = new Cli(context)
    try {
        const program = makeProgram(cli)
        if (argv[0] === COMPLETION_REQUEST) {
            const { printCompletion } = await import("./completion/complete.ts")
            await printCompletion(cli, program, argv.slice(1))
            return 0
        }
        await program.parseAsync([...markPassedArguments(program, argv)], { from: "user" })
        return 0
    } catch (error) {
        return report(error, context)
    } finally {
        await cli.close()
    }
}

function report(error: unknown, { frontEnd, terminal }: CliContext): number {
    // What there was to say is said; help that was asked for is no failure.
    if (error instanceof CommanderError) {
        return error.code === "commander.help" && error.exitCode !== 0 ? missingCommandExitCode(frontEnd) : error.exitCode
    }
    if (error instanceof Interrupted) return 130
    if (error instanceof Ended) return error.exitCode
    const { text, exitCode } = error instanceof TrustkeyError ? errorRefusal(frontEnd, error) : faultRefusal(frontEnd, error)
    terminal.stderr.write(text)
    return exitCode
}
