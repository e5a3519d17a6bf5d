import { Argument, type Command, InvalidArgumentError, Option } from "commander"
import type { CeremonyKind } from "../../ceremony/index.ts"
import { TrustkeyError } from "../../errors.ts"
import type { PlanOptions } from "../ceremony/make-plan.ts"
import type { Cli } from "../context.ts"
import { newCommand, repeated, wholeNumber, withExamples } from "../syntax.ts"

const KINDS: readonly CeremonyKind[] = ["create-root", "rotate-root", "replace-holder", "root-lost"]

export function ceremonyPlanCommand(cli: Cli): Command {
    const command = newCommand(
        cli,
        "plan",
        "Write the plan of a ceremony, from what is published now. It is a text file: review it, change it, and have others review it.",
    )
        .addArgument(new Argument("<kind>", "what the ceremony is for").choices(KINDS))
        .argument("<gun...>", "repositories; all of them have the same root keys")
        .requiredOption("--out <file>", "write the plan here; a file that is there stays as it is")
        .requiredOption("--reason <text>", "why")
        .addOption(timeOption("--from <time>", "not before this moment, as 2026-11-21T08:00:00Z").makeOptionMandatory())
        .addOption(timeOption("--until <time>", "not after this moment").makeOptionMandatory())
        .addOption(new Option("--threshold <n>", "how many root keys sign from then on").argParser(wholeNumber(1)).makeOptionMandatory())
        .addOption(
            new Option("--person <fields>", "name=dana,part=witness; parts: lead, witness, holder (repeatable)")
                .argParser(repeated)
                .makeOptionMandatory(),
        )
        .addOption(
            new Option(
                "--key <fields>",
                "name=alice-2,holder=alice,change=new,token=vault-a; changes: new, added, kept, retired, lost (with id=…) (repeatable)",
            )
                .argParser(repeated)
                .makeOptionMandatory(),
        )
        .requiredOption("--vault-key <file>", "public key with which the vault signs the close: trustkey key public")
        .requiredOption("--witness-key <file>", "public key with which the witness signs the close")
        .option("--id <name>", "of the ceremony (default: the day, and -a)")
        .addOption(timeOption("--expires <time>", "when the new roots expire (default: ten years on)"))
        .addOption(new Option("--spare <fields>", "token=vault-d: may take a spoilt token's place (repeatable)").argParser(repeated))
        .option("--targets-key <id>", "create-root, root-lost: the repository key (default: the one that is bound)")
        .option("--snapshot-key <id>", "create-root, root-lost: a snapshot key of ours instead of the server's")
        .addOption(new Option("--recipient <text>", "who can open the export of a vault-made key (repeatable)").argParser(repeated))
        .action((kind: CeremonyKind, guns: readonly string[], options: PlanOptions & { out: string }) =>
            writePlan(cli, kind, guns, options),
        )
    return withExamples(command, [
        "trustkey ceremony plan create-root registry.example.com/team/app --out plan.toml --reason 'first root' --threshold 2 --from 2026-11-21T08:00:00Z --until 2026-11-21T20:00:00Z --person name=lea,part=lead --person name=dana,part=witness --person name=alice,part=holder --person name=bob,part=holder --key name=alice-1,holder=alice,change=new,token=vault-a --key name=bob-1,holder=bob,change=new,token=vault-b --vault-key vault.pub --witness-key dana.pub",
    ])
}

export function timeOption(flags: string, description: string): Option {
    return new Option(flags, description).argParser((text) => {
        const time = new Date(text)
        if (/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(text) && !Number.isNaN(time.getTime())) return time
        throw new InvalidArgumentError("a time looks like 2026-11-21T08:00:00Z.")
    })
}

async function writePlan(cli: Cli, kind: CeremonyKind, guns: readonly string[], options: PlanOptions & { out: string }): Promise<void> {
    const { makePlan } = await import("../ceremony/make-plan.ts")
    const { createFileDurable, ownFileMode } = await import("../../storage/index.ts")
    const { codeText } = await import("../difference.ts")
    if ((await ownFileMode(options.out)) !== undefined) throw new TrustkeyError("already_exists", `${options.out} exists already`)
    const plan = await makePlan(cli, kind, guns, options)
    await createFileDurable(options.out, plan.bytes, 0o644)
    cli.output.line(`Wrote ${options.out}`)
    cli.output.note(`Its hash now: ${codeText(plan.sha256)}. Any change to the file changes it.`)
    cli.output.note(`Next: review it, then trustkey ceremony check ${options.out}`)
}
