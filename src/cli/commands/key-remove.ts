import type { Command } from "commander"
import type { Cli } from "../context.ts"
import { newCommand, withExamples } from "../syntax.ts"

export function keyRemoveCommand(cli: Cli): Command {
    const command = newCommand(
        cli,
        "remove",
        "Remove a key for ever. A sealed key is destroyed; on a token the object stays, and we forget it. Needs the admin socket.",
    )
        .argument("<id>", "the key's ID, or its first 7 or more digits")
        .option("--confirm <digits>", "the first 8 digits of the ID, instead of typing them")
        .action((id: string, options: { confirm?: string }) => removeKey(cli, id, options.confirm))
    return withExamples(command, ["trustkey key remove 3fa9c2d1e0aa", "trustkey key remove 3fa9c2d1e0aa --confirm 3fa9c2d1"])
}

async function removeKey(cli: Cli, given: string, confirmed: string | undefined): Promise<void> {
    const { askToType } = await import("../confirm.ts")
    const { printKey } = await import("../present.ts")
    const daemon = await cli.daemon("admin")
    const key = await daemon.getKey(given)
    if (confirmed === undefined) printKey(cli.output, key)
    const wanted = key.id.slice(0, 8)
    const confirm = confirmed ?? (await askToType(cli, `This can't be undone. Type ${wanted} to remove the key: `, wanted))
    const removed = await daemon.removeKey({ id: key.id, confirm })
    cli.output.note(`Removed key ${removed.id}.`)
}
