import { type Command, InvalidArgumentError } from "commander"
import type { Cli } from "../context.ts"
import { newCommand, wholeNumber, withExamples } from "../syntax.ts"

export function journalVoidCommand(cli: Cli): Command {
    const command = newCommand(
        cli,
        "void",
        "Void an unpublished root promise, on the record, so that another root of that version can be made. Needs the admin socket.",
    )
        .argument("<gun>", "the repository")
        .argument("<role>", "only root can be voided", onlyRoot)
        .argument("<version>", "the promised version", wholeNumber(1))
        .option("--confirm <text>", "'void VERSION', instead of typing it")
        .action(async (gun: string, role: string, version: number, options: { confirm?: string }) => {
            const { askToType } = await import("../confirm.ts")
            const wanted = `void ${version}`
            const question = `If that ${role} was published after all, clients may refuse the next one. Type '${wanted}': `
            const confirm = options.confirm ?? (await askToType(cli, question, wanted))
            await (await cli.daemon("admin")).voidPromise({ gun, role, version, confirm })
            cli.output.note(`Voided ${role} ${version} of ${gun}.`)
        })
    return withExamples(command, ["trustkey journal void registry.example.com/team/app root 3"])
}

function onlyRoot(text: string): string {
    if (text !== "root") throw new InvalidArgumentError("only root can be voided; other roles take the next version.")
    return text
}
