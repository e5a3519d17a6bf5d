import type { Command } from "commander"
import { TrustkeyError } from "../../errors.ts"
import type { PublishOptions } from "../ceremony/publish.ts"
import type { Cli } from "../context.ts"
import { newCommand, withExamples, withPassphrase, withPin } from "../syntax.ts"

export function ceremonyPublishCommand(cli: Cli): Command {
    const command = newCommand(
        cli,
        "publish",
        "Publish the roots of a closed ceremony, once everything about its bundle is verified again.",
    )
        .argument("<bundle>", "the bundle's directory")
        .option("--plan <digits>", "the plan's hash from the paper, 32 digits or more; otherwise it is asked")
        .option("--dry-run", "say what would be published, and publish nothing")
        .option("--confirm <gun>", "root-lost: the repository's full name, instead of typing it")
        .option("--as <name>", "who is at the keyboard; otherwise it is asked")
        .option("--note <text>", "people's words, for the record")
        .action((directory: string, options: PublishOptions) => publishBundle(cli, directory, options))
    return withExamples(withPin(withPassphrase(command)), [
        "trustkey ceremony publish /media/stick --dry-run",
        "trustkey ceremony publish /media/stick",
    ])
}

async function publishBundle(cli: Cli, directory: string, options: PublishOptions): Promise<void> {
    const { verifyCeremony } = await import("../../ceremony/index.ts")
    const { publish } = await import("../ceremony/publish.ts")
    const { tellNext } = await import("../ceremony/next.ts")
    const { Work } = await import("../ceremony/work.ts")
    await using work = await Work.open(cli, directory)
    const { ok, findings } = verifyCeremony(work.stick.files)
    for (const { level, text } of findings) if (level === "warning") cli.output.warn(text)
    if (!ok) throw new TrustkeyError("bundle_invalid", findings.find(({ level }) => level === "error")?.text ?? "the bundle is not good")
    await publish(work, options)
    tellNext(work)
}
