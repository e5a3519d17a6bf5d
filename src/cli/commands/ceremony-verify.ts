import type { Command } from "commander"
import { TrustkeyError } from "../../errors.ts"
import type { Cli } from "../context.ts"
import { printable } from "../output.ts"
import { jsonOption, newCommand, withExamples } from "../syntax.ts"

type VerifyOptions = { json?: boolean; qr?: boolean }

export function ceremonyVerifyCommand(cli: Cli): Command {
    const command = newCommand(
        cli,
        "verify",
        "Verify a closed bundle from its files alone: no network, no daemon, no key. docs/verify-ceremony.py does the same and shares no code.",
    )
        .argument("<bundle>", "the bundle's directory")
        .option("--qr", "first read the bundle from QR codes into the directory: a scanner's lines, on standard input")
        .addOption(jsonOption())
        .action((directory: string, options: VerifyOptions) => verify(cli, directory, options))
    return withExamples(command, ["trustkey ceremony verify /media/stick", "trustkey ceremony verify bundle --qr < frames.txt"])
}

async function verify(cli: Cli, directory: string, { json, qr }: VerifyOptions): Promise<void> {
    const { verifyCeremony } = await import("../../ceremony/index.ts")
    const { codeText } = await import("../difference.ts")
    const { readBundleFiles } = await import("../ceremony/stick.ts")
    if (qr === true) {
        const { takeFromCodes } = await import("../ceremony/carry.ts")
        await takeFromCodes(cli, directory)
    }
    const verdict = verifyCeremony(await readBundleFiles(directory))
    const { ok, findings } = verdict
    if (json === true) cli.output.json({ ok, ...(verdict.ok ? { outcome: verdict.outcome } : {}), findings })
    else {
        for (const { level, record, text } of verdict.findings) {
            const place = record === undefined ? "" : `${typeof record === "number" ? `record ${record}` : record}: `
            cli.output.line(`${level === "error" ? "WRONG" : "note "}  ${place}${printable(text)}`)
        }
    }
    const wrong = verdict.findings.find(({ level }) => level === "error")
    if (!verdict.ok)
        throw new TrustkeyError("bundle_invalid", `${placeText(wrong?.record)}${wrong?.text ?? "it is not good"}: publish nothing of it`)
    if (json === true || !verdict.ok) return
    const { plan, state } = verdict.bundle
    cli.output.line(`The bundle is good: ceremony ${plan.id}, ${verdict.outcome}, ${state.last?.n ?? 0} records`)
    cli.output.line(`  plan  ${codeText(plan.sha256)}`)
    cli.output.line(`  all of it  ${plan.sha256}`)
    cli.output.note("It is the bundle of that plan and no other: compare the plan's hash with the paper.")
}

function placeText(place: number | string | undefined): string {
    if (place === undefined) return ""
    return `${typeof place === "number" ? `record ${place}` : place}: `
}
