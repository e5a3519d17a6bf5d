import type { Command } from "commander"
import type { Cli } from "../context.ts"
import { newCommand, withExamples } from "../syntax.ts"

export function keyForgetSealedCommand(cli: Cli): Command {
    const command = newCommand(
        cli,
        "forget-sealed",
        "Destroy what is sealed here of a key that was brought to tokens: it signs there only, from then on. Needs the admin socket.",
    )
        .argument("<id>", "the key's ID, or its first 7 or more digits")
        .option("--confirm <digits>", "the first 8 digits of the ID, instead of typing them")
        .action((id: string, options: { confirm?: string }) => forget(cli, id, options.confirm))
    return withExamples(command, ["trustkey key forget-sealed 3fa9c2d1e0aa", "trustkey key forget-sealed 3fa9c2d1e0aa --confirm 3fa9c2d1"])
}

async function forget(cli: Cli, given: string, confirmed: string | undefined): Promise<void> {
    const { askToType } = await import("../confirm.ts")
    const { printKey } = await import("../present.ts")
    const daemon = await cli.daemon("admin")
    const key = await daemon.getKey(given)
    const wanted = key.id.slice(0, 8)
    if (confirmed === undefined) {
        printKey(cli.output, key)
        cli.output.note("Backups and older disk images may hold what is sealed; with its passphrase they still open.")
    }
    const confirm = confirmed ?? (await askToType(cli, `This can't be undone. Type "${wanted}" to destroy what is sealed of it: `, wanted))
    const { id, home } = await daemon.forgetSealed({ id: key.id, confirm })
    cli.output.line(`Key ${id} is on ${home.replace(":", " ")} and no longer sealed here`)
}
