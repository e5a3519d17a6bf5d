import type { Command } from "commander"
import { Cli, type CliContext } from "../src/cli/context.ts"
import { makeProgram } from "../src/cli/program.ts"

/** The definitions that `trustkey` runs by, for what is written from them. */
export function commandLine(version: string): Command {
    return makeProgram(new Cli(contextForHelp(version)))
}

/** The commands that do something, in the order of the help. */
export function leaves(command: Command): readonly Command[] {
    const children = command.commands.filter((child) => child.name() !== "help")
    return children.length === 0 ? [command] : children.flatMap((child) => leaves(child))
}

export function fullName(command: Command): string {
    return command.parent === null ? command.name() : `${fullName(command.parent)} ${command.name()}`
}

export function help(command: Command): string {
    return command.helpInformation().trimEnd()
}

/** Nothing is run: the commands are only asked what they are. */
function contextForHelp(version: string): CliContext {
    const never = (): never => {
        throw new Error("a command that is only described runs nothing")
    }
    return {
        env: {},
        now: never,
        terminal: {
            stdin: process.stdin,
            stdout: process.stdout,
            stderr: process.stderr,
            stdoutIsTerminal: false,
            stderrIsTerminal: false,
            openTty: () => undefined,
            openDescriptor: never,
            run: never,
            ttyName: undefined,
            converse: never,
        },
        home: "/nonexistent",
        version,
        frontEnd: "trustkey",
        docker: { program: "docker", globalFlags: [], configDirectory: undefined },
        programs: { node: "node", directory: "/nonexistent" },
    }
}
