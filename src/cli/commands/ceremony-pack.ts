import type { Command } from "commander"
import { TrustkeyError } from "../../errors.ts"
import type { StepOptions } from "../ceremony/work.ts"
import type { Cli } from "../context.ts"
import { newCommand, withExamples } from "../syntax.ts"

type PackOptions = StepOptions & { to: string; qr?: boolean; qrImages?: string }

export function ceremonyPackCommand(cli: Cli): Command {
    const command = newCommand(cli, "pack", "Pack a plan and the roots it rests on for the vault: onto a stick, or as QR codes.")
        .argument("<plan>", "the plan's file")
        .requiredOption("--to <directory>", "an empty directory, such as a new one on a stick; the bundle grows there")
        .option("--as <name>", "who is at the keyboard; otherwise it is asked")
        .option("--note <text>", "people's words, for the record")
        .option("--qr", "then show the bundle as QR codes; frames as text where there is no terminal")
        .option("--qr-images <directory>", "then write the codes as pictures, and a page with all of them")
        .action((file: string, options: PackOptions) => packPlan(cli, file, options))
    return withExamples(command, [
        "trustkey ceremony pack plan.toml --to /media/stick",
        "trustkey ceremony pack plan.toml --to bundle --qr",
    ])
}

async function packPlan(cli: Cli, file: string, { to, qr, qrImages, ...options }: PackOptions): Promise<void> {
    if (qr === true && qrImages !== undefined) throw new TrustkeyError("usage", "--qr and --qr-images: one of the two")
    const { pack, readPlan } = await import("../ceremony/pack.ts")
    const { tellNext } = await import("../ceremony/next.ts")
    const { codeText } = await import("../difference.ts")
    const plan = await readPlan(file)
    await using work = await pack(cli, plan, to, options)
    const out = qr === true ? (line: string) => cli.output.note(line) : (line: string) => cli.output.line(line)
    out(`Packed ceremony ${plan.id} into ${to}`)
    out(`  plan  ${codeText(plan.sha256)}`)
    if (qr === true || qrImages !== undefined) {
        const { carryAsCodes } = await import("../ceremony/carry.ts")
        await carryAsCodes(work, qrImages)
    }
    tellNext(work)
}
