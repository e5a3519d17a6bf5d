/**
 * cli: the thin client. It asks the daemon for signatures and never holds a private key; it fetches from and publishes to
 * trust servers, because the daemon has no network. It must never read the environment, the clock or set the exit code:
 * `bin` hands them in and takes the exit code out.
 */
import { CommanderError } from "commander"
import { TrustkeyError } from "../errors.ts"
import { adviceFor } from "./advice.ts"
import { Cli, type CliContext } from "./context.ts"
import { exitCodeOf } from "./exit-code.ts"
import { printable, printableLines } from "./output.ts"
import { makeProgram } from "./program.ts"
import { Interrupted } from "./terminal.ts"

export type { CliContext, DockerCommand, Environment, FrontEnd } from "./context.ts"
export { Interrupted, type RunOptions, type Terminal, type Tty } from "./terminal.ts"

/** Run one command. `argv` without program names. Resolves with the exit code; never rejects. */
export async function runCli(argv: readonly string[], context: CliContext): Promise<number> {
    const cli = new Cli(context)
    try {
        await makeProgram(cli).parseAsync([...argv], { from: "user" })
        return 0
    } catch (error) {
        return report(error, context)
    } finally {
        await cli.close()
    }
}

function report(error: unknown, context: CliContext): number {
    const say = (text: string): void => {
        context.terminal.stderr.write(text)
    }
    // Commander has already written its text; help that was asked for is no failure.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitCodeOf("usage")
    if (error instanceof Interrupted) return 130
    if (error instanceof TrustkeyError) {
        const message = error.message.split("\n").map(printable).join("\n  ")
        say(`trustkey: ${message} [${error.code}]\n  ${adviceFor(error.code)}\n`)
        return exitCodeOf(error.code)
    }
    const detail = error instanceof Error ? (error.stack ?? error.message) : String(error)
    say(`trustkey: an error we did not foresee [internal]\n  ${adviceFor("internal")}\n${printableLines(detail)}\n`)
    return exitCodeOf("internal")
}
