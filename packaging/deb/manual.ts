import type { Command } from "commander"
import { Cli, type CliContext } from "../../src/cli/context.ts"
import { makeProgram } from "../../src/cli/program.ts"

type ManualPage = { readonly name: string; readonly section: 1 | 8; readonly text: string }

/** trustkey(1), from the definitions its --help comes from, and trustkeyd(8). */
export async function manualPages(version: string, date: Date): Promise<readonly ManualPage[]> {
    return [
        { name: "trustkey", section: 1, text: clientPage(version, date) },
        { name: "trustkeyd", section: 8, text: daemonPage(version, date) },
    ]
}

function heading(name: string, section: number, version: string, date: Date): string {
    return `.TH ${name.toUpperCase()} ${section} "${date.toISOString().slice(0, 10)}" "trustkeyd ${version}"\n`
}

function clientPage(version: string, date: Date): string {
    const program = makeProgram(new Cli(contextForHelp(version)))
    const commands = leaves(program).map((command) => `.SS ${roff(fullName(command))}\n.nf\n${roff(help(command))}\n.fi\n`)
    return [
        heading("trustkey", 1, version, date),
        ".SH NAME\ntrustkey \\- ask trustkeyd for signatures, and administer it\n",
        ".SH SYNOPSIS\n.B trustkey\n[\\fIoptions\\fR] \\fIcommand\\fR\n",
        `.SH DESCRIPTION\n.nf\n${roff(help(program))}\n.fi\n`,
        `.SH COMMANDS\n${commands.join("")}`,
        ".SH SEE ALSO\n.BR trustkeyd (8)\n.br\n/usr/share/doc/trustkeyd/README.md; exit codes: docs/errors.md there\n",
    ].join("")
}

function daemonPage(version: string, date: Date): string {
    return [
        heading("trustkeyd", 8, version, date),
        ".SH NAME\ntrustkeyd \\- keeper of the signing keys of Docker Content Trust repositories\n",
        ".SH SYNOPSIS\n.B trustkeyd\n[\\fB\\-\\-config\\fR \\fIfile\\fR] [\\fB\\-\\-check\\-config\\fR] [\\fB\\-\\-version\\fR] [\\fB\\-\\-help\\fR]\n",
        ".SH DESCRIPTION\nsystemd starts it as trustkeyd.service when the first client connects to one of its sockets.\n",
        "By hand it is of use to look at its configuration:\n",
        ".TP\n\\fB\\-\\-config\\fR \\fIfile\\fR\ndefault /etc/trustkeyd/trustkeyd.toml\n",
        ".TP\n.B \\-\\-check\\-config\nsay every mistake in the configuration, and end\n",
        ".SH EXIT STATUS\n.TP\n.B 78\nThe configuration or the state needs a person; systemd does not start it again by itself.\n",
        ".SH FILES\n.TP\n.I /etc/trustkeyd/trustkeyd.toml\nThe configuration; every field is explained there.\n",
        ".TP\n.I /var/lib/trustkeyd\nSealed keys, promises, audit records. Removing the package leaves them.\n",
        ".TP\n.I /run/trustkeyd/sign.sock, /run/trustkeyd/admin.sock\nFor the groups trustkey\\-sign and trustkey\\-admin.\n",
        ".SH SEE ALSO\n.BR trustkey (1)\n.br\n/usr/share/doc/trustkeyd/docs/install.md\n",
    ].join("")
}

function leaves(command: Command): readonly Command[] {
    const children = command.commands.filter((child) => child.name() !== "help")
    return children.length === 0 ? [command] : children.flatMap((child) => leaves(child))
}

function fullName(command: Command): string {
    return command.parent === null ? command.name() : `${fullName(command.parent)} ${command.name()}`
}

function help(command: Command): string {
    return command.helpInformation().trimEnd()
}

/** Text as it stands: nothing in it is a request to the formatter. */
function roff(text: string): string {
    return text
        .replaceAll("\\", "\\e")
        .replaceAll("-", "\\-")
        .replaceAll(/^([.'])/gm, "\\&$1")
}

/** Nothing is run: the commands are only asked what they are. */
function contextForHelp(version: string): CliContext {
    const never = (): never => {
        throw new Error("a manual page runs nothing")
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
