import { type Command, Option } from "commander"
import { TrustkeyError } from "../../errors.ts"
import type { Cli } from "../context.ts"
import type { Checked } from "../doctor/checks.ts"
import { exitCodeOf } from "../exit-code.ts"
import { printable } from "../output.ts"
import { days, jsonOption, newCommand, withExamples } from "../syntax.ts"

type DoctorOptions = { expiry: number; expiryWarning: number; json?: boolean }

const FAILURE_DAYS = 30
const WARNING_DAYS = 90

export function doctorCommand(cli: Cli): Command {
    const command = newCommand(cli, "doctor", "Look for what is wrong, or soon will be, with the daemon, its keys and this machine.")
        .addOption(
            new Option("--expiry <duration>", "what expires within this time is a failure")
                .argParser(days)
                .default(FAILURE_DAYS, `${FAILURE_DAYS}d`),
        )
        .addOption(
            new Option("--expiry-warning <duration>", "what expires within this time is a warning")
                .argParser(days)
                .default(WARNING_DAYS, `${WARNING_DAYS}d`),
        )
        .addOption(jsonOption())
        .action((options: DoctorOptions) => doctor(cli, options))
    return withExamples(command, ["trustkey doctor", "trustkey doctor --expiry 30d --json"])
}

/** Warnings are no failure: the exit code is 0 unless a check failed, and then that of the worst. */
async function doctor(cli: Cli, options: DoctorOptions): Promise<void> {
    const { examine } = await import("../doctor/checks.ts")
    const { THAT_FIRST } = await import("../doctor/verdict.ts")
    const { gatherFacts } = await import("../doctor/facts.ts")
    const limits = { failure: options.expiry, warning: Math.max(options.expiry, options.expiryWarning) }
    const checked = examine(await gatherFacts(cli, limits))
    if (options.json === true) cli.output.json({ checks: checked })
    else for (const each of together(checked, THAT_FIRST)) print(cli, each, Math.max(...checked.map(({ name }) => name.length)))
    const failed = checked.flatMap((each) => (each.verdict === "failure" ? [each] : []))
    if (failed.length === 0) return
    const worst = failed.reduce((one, other) => (severity(other.code) < severity(one.code) ? other : one))
    throw new TrustkeyError(worst.code, `${failed.length} of ${checked.length} checks failed: ${failed.map(({ name }) => name).join(", ")}`)
}

/** Checks that were not made for one reason are told in one line, below those that were. */
function together(checked: readonly Checked[], advice: string): readonly Checked[] {
    const made = checked.filter((each) => !("restsOn" in each))
    const unmade = Map.groupBy(
        checked.flatMap((each) => ("restsOn" in each ? [each] : [])),
        ({ restsOn }) => restsOn,
    )
    const lines = [...unmade].map(([restsOn, each]): Checked => {
        const findings = [`${each.map(({ name }) => name).join(", ")}: see ${restsOn}`]
        return { name: "not checked", verdict: "warning", findings, advice }
    })
    return [...made, ...lines]
}

const SHOWN_FINDINGS = 10

function print({ output }: Cli, checked: Checked, width: number): void {
    const indent = " ".repeat("warning  ".length + width + 2)
    const [first = "", ...rest] = checked.findings.map(printable)
    output.line(`${checked.verdict.padEnd("warning".length)}  ${checked.name.padEnd(width)}  ${first}`)
    for (const line of rest.slice(0, SHOWN_FINDINGS - 1)) output.line(`${indent}${line}`)
    if (rest.length >= SHOWN_FINDINGS) output.line(`${indent}and ${rest.length - SHOWN_FINDINGS + 1} more: trustkey doctor --json`)
    if (checked.verdict !== "ok") output.line(`${indent}→ ${checked.advice}`)
}

/** What may be an attack, then what is broken, then what a person has to do; what time may mend comes last. */
const BY_SEVERITY: readonly number[] = [7, 1, 78, 5, 4, 3, 2, 6]

function severity(code: TrustkeyError["code"]): number {
    return BY_SEVERITY.indexOf(exitCodeOf(code))
}
