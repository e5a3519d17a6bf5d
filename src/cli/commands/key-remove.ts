import type { Command } from "commander"
import type { Cli } from "../context.ts"
import type { DaemonKey } from "../daemon-types.ts"
import { tokenHome, tokenOf } from "../key-home.ts"
import { newCommand, withExamples } from "../syntax.ts"

export function keyRemoveCommand(cli: Cli): Command {
    const command = newCommand(
        cli,
        "remove",
        "Remove a key for ever. A sealed key is destroyed; on a token the object stays, and we forget it. Needs the admin socket.",
    )
        .argument("<id>", "the key's ID, or its first 7 or more digits")
        .option(
            "--confirm <words>",
            'the first 8 digits of the ID, instead of typing them; of a key that is needed "3fa9c2d1 is still needed"',
        )
        .action((id: string, options: { confirm?: string }) => removeKey(cli, id, options.confirm))
    return withExamples(command, ["trustkey key remove 3fa9c2d1e0aa", "trustkey key remove 3fa9c2d1e0aa --confirm 3fa9c2d1"])
}

async function removeKey(cli: Cli, given: string, confirmed: string | undefined): Promise<void> {
    const { askToType } = await import("../confirm.ts")
    const { printKey } = await import("../present.ts")
    const { printNeeds, removalWord } = await import("../key-needs.ts")
    const daemon = await cli.daemon("admin")
    const key = await daemon.getKey(given)
    const wanted = removalWord(key)
    if (confirmed === undefined) {
        printKey(cli.output, key)
        printNeeds(cli.output, key)
        cli.output.note(`${lossText(key)} The daemon knows its own repositories only; the same key may be trusted in others.`)
    }
    const confirm = confirmed ?? (await askToType(cli, `This can't be undone. Type "${wanted}" to remove the key: `, wanted))
    const removed = await daemon.removeKey({ id: key.id, confirm })
    cli.output.note(`Removed key ${removed.id}.`)
    const places = tokensOf(key)
    if (places.length > 0) cli.output.note(`Its object is still on ${places.join(", ")}: whoever has such a token can still sign with it.`)
}

function lossText(key: DaemonKey): string {
    const sealed = tokenOf(key.home) !== undefined ? "" : "The private key is destroyed here. "
    return `${sealed}${tokensOf(key).length === 0 ? "" : "The object on a token stays; the daemon forgets it. "}`.trimEnd()
}

/** Where it lies on besides what is sealed here. */
function tokensOf({ home, copies }: DaemonKey): readonly string[] {
    return [...(tokenOf(home) === undefined ? [] : [home]), ...copies.map(({ token }) => tokenHome(token))]
}
