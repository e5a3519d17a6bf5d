import type { Command } from "commander"
import { TrustkeyError } from "../../errors.ts"
import type { Cli } from "../context.ts"
import type { DaemonTokenReport } from "../daemon-types.ts"
import { jsonOption, newCommand, withExamples } from "../syntax.ts"

type DoctorOptions = { readonly json?: boolean; readonly write?: boolean }

export function tokenDoctorCommand(cli: Cli): Command {
    const command = newCommand(
        cli,
        "doctor",
        "Examine a token and its module: what it can do, where it differs, whether keys can be had from it. Needs the admin socket.",
    )
        .argument("[token]", "the token's name in the configuration, or a pkcs11: URI that fits it; may be left out when there is only one")
        .option("--write", "keep what was found for the daemon; the token's signer starts anew, so somebody has to log in again")
        .addOption(jsonOption())
        .action(async (name: string | undefined, options: DoctorOptions) => {
            const { chooseToken } = await import("../choose-token.ts")
            const daemon = await cli.daemon("admin")
            const report = await daemon.examineToken({ token: await chooseToken(daemon, name), write: options.write === true })
            if (options.json === true) cli.output.json({ ...report, quirks: JSON.parse(report.quirks) })
            else printReport(cli, report)
            if (report.written !== "") cli.output.note(`Written: ${report.written}. Log in again: trustkey token login ${report.token}`)
            if (report.verdict === "unfit")
                throw new TrustkeyError("token_unfit", `no key is kept on token ${report.token}: ${report.reason}`)
            if (report.verdict !== "fit") throw new TrustkeyError("login_required", report.reason)
        })
    return withExamples(command, ["trustkey token doctor root-token", "trustkey token doctor 'pkcs11:serial=12345678' --write"])
}

function printReport(cli: Cli, report: DaemonTokenReport): void {
    const { output } = cli
    output.facts([
        ["verdict", `${report.verdict}: ${report.reason}`],
        ["token", report.token],
        ["module", report.module],
        ["library", report.library],
        ["family", report.family],
        ["label", report.label],
        ["serial", report.serial],
        ["maker", report.manufacturer],
        ["model", report.model],
        ["flags", report.flags.join(" ")],
    ])
    section(
        cli,
        ["WEIGHT", "FOUND", "CONSEQUENCE"],
        report.findings.map(({ weight, found, consequence }) => [weight, found, consequence]),
    )
    section(
        cli,
        ["ALGORITHM", "MAKES", "SIGNS", "DETAIL"],
        report.algorithms.map(({ algorithm, makes, signs, detail }) => [algorithm, makes, signs, detail]),
    )
    section(
        cli,
        ["ASKED FOR A KEY BY", "OUTCOME", "ANSWER"],
        report.ways.map(({ way, outcome, answer }) => [way, outcome, answer]),
    )
    section(
        cli,
        ["SLOT", "DESCRIPTION", "TOKEN", "SERIAL"],
        report.slots.map(({ id, description, present, label, serial }) => [id, description, present ? label : "none", serial]),
    )
    output.line()
    output.line(`${report.mechanisms.length} mechanisms; --json lists them.`)
}

function section(cli: Cli, header: readonly string[], rows: readonly (readonly string[])[]): void {
    if (rows.length === 0) return
    cli.output.line()
    cli.output.table(header, rows)
}
