import { readFileSync } from "node:fs"
import path from "node:path"
import { commandLine, fullName, help, leaves } from "../command-line.ts"
import { configurationPage } from "./configuration-page.ts"
import { ROOT } from "./layout.ts"
import { rowsIn } from "./markdown.ts"
import { heading, roff } from "./roff.ts"

type ManualPage = { readonly name: string; readonly section: 1 | 5 | 8; readonly text: string }

/** trustkey(1), from the definitions its --help comes from, trustkeyd.toml(5), from the file that is shipped, and trustkeyd(8). */
export function manualPages(version: string, date: Date): readonly ManualPage[] {
    return [
        { name: "trustkey", section: 1, text: clientPage(version, date) },
        { name: "trustkeyd.toml", section: 5, text: configurationPage(version, date) },
        { name: "trustkeyd", section: 8, text: daemonPage(version, date) },
    ]
}

function clientPage(version: string, date: Date): string {
    const program = commandLine(version)
    const commands = leaves(program).map((command) => `.SS ${roff(fullName(command))}\n.nf\n${roff(help(command))}\n.fi\n`)
    return [
        heading("trustkey", 1, version, date),
        ".SH NAME\ntrustkey \\- ask trustkeyd for signatures, and administer it\n",
        ".SH SYNOPSIS\n.B trustkey\n[\\fIoptions\\fR] \\fIcommand\\fR\n",
        `.SH DESCRIPTION\n.nf\n${roff(help(program))}\n.fi\n`,
        `.SH COMMANDS\n${commands.join("")}`,
        exitStatus(),
        ".SH ENVIRONMENT\n",
        ".TP\n.B TRUSTKEYD_SOCKET, TRUSTKEYD_ADMIN_SOCKET\nThe daemon's sockets; the options go first.\n",
        ".TP\n.B DOCKER_CONFIG, DOCKER_CONTENT_TRUST_SERVER\nAs docker has them: its directory, with logins and certificates, and the trust server.\n",
        ".SH SEE ALSO\n.BR trustkeyd.toml (5),\n.BR trustkeyd (8)\n.br\n/usr/share/doc/trustkeyd/README.md; what to type when: docs there\n",
    ].join("")
}

/** docs/errors.md, whose rows a test keeps equal to what the program ends with. */
function exitStatus(): string {
    const page = readFileSync(path.join(ROOT, "docs/errors.md"), "utf8")
    const statuses = Array.from(page.matchAll(/\*\*(\d+)\*\*\s([^·.]+)[·.]/g), ([, status = "", meaning = ""]) => {
        return `.TP\n.B ${status}\n${roff(meaning.trim().replaceAll(/\s+/g, " "))}\n`
    })
    const codes = rowsIn(page).flatMap(([code = "", status = "", happened = "", advice = ""]) =>
        /^\w+$/.test(code) ? [`.TP\n.BR ${code} " (${status})"\n${roff(`${happened}. What to do: ${advice}`)}\n`] : [],
    )
    if (statuses.length === 0 || codes.length === 0) throw new Error("docs/errors.md has no list of exit statuses, or no codes")
    return `.SH EXIT STATUS\n.TP\n.B 0\ndone\n${statuses.join("")}.SH ERRORS\nThe code in brackets behind a message:\n${codes.join("")}`
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
        ".TP\n.B \\-\\-version\nsay the version, and end\n",
        ".TP\n.B \\-\\-help\nsay what it takes, and end\n",
        ".SH SIGNALS\n.TP\n.B SIGTERM, SIGINT\nFinish what is promised, within 20 seconds, and end.\n",
        ".TP\n.B SIGHUP\nRead the configuration again: rules, limits and recipients of backups. What else has changed waits for a restart.\n",
        ".TP\n.B SIGUSR2\nLock everything, as trustkey key lock \\-\\-all does, whoever may use a socket.\n",
        ".SH EXIT STATUS\n.TP\n.B 0\nIt was told to end.\n.TP\n.B 1\nIt failed; systemd starts it again.\n.TP\n.B 2\nThere is no such option.\n",
        ".TP\n.B 78\nThe configuration or the state needs a person; systemd does not start it again by itself.\n",
        ".TP\n.B 243\nsystemd could not read a credential that the unit names: docs/unattended.md.\n",
        ".SH FILES\n.TP\n.I /etc/trustkeyd/trustkeyd.toml\nThe configuration:\n.BR trustkeyd.toml (5).\n",
        ".TP\n.I /var/lib/trustkeyd\nSealed keys, promises, audit records. Removing the package leaves them.\n",
        ".TP\n.I /run/trustkeyd/sign.sock, /run/trustkeyd/admin.sock\nFor the groups trustkey\\-sign and trustkey\\-admin.\n",
        ".SH SEE ALSO\n.BR trustkey (1),\n.BR trustkeyd.toml (5)\n.br\n/usr/share/doc/trustkeyd/docs/install.md\n",
    ].join("")
}
