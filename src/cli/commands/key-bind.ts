import type { Command } from "commander"
import { TrustkeyError } from "../../errors.ts"
import type { Cli } from "../context.ts"
import type { Daemon } from "../daemon-types.ts"
import { keyJson, printKey } from "../present.ts"
import { jsonOption, newCommand, repeated, withExamples } from "../syntax.ts"

type BindOptions = { add?: readonly string[]; remove?: readonly string[]; json?: boolean }

export function keyBindCommand(cli: Cli): Command {
    const command = newCommand(
        cli,
        "bind",
        "Change for which repositories and roles a key may sign. Keys other than delegation keys need the admin socket.",
    )
        .argument("<id>", "the key's ID, or its first 7 or more digits")
        .option("--add <role@gun>", "let it sign there; repeatable", repeated)
        .option("--remove <role@gun>", "no longer let it sign there; repeatable", repeated)
        .addOption(jsonOption())
        .action((id: string, options: BindOptions) => bindKey(cli, id, options))
    return withExamples(command, ["trustkey key bind 3fa9c2d1e0aa --add targets/releases@registry.example.com/team/app"])
}

async function bindKey(cli: Cli, given: string, options: BindOptions): Promise<void> {
    const { parseBinding } = await import("../decode.ts")
    const add = (options.add ?? []).map(parseBinding)
    const remove = (options.remove ?? []).map(parseBinding)
    if (add.length + remove.length === 0) throw new TrustkeyError("usage", "say what to change: --add or --remove ROLE@GUN")
    const { daemon, id } = await findKey(cli, given)
    const key = await daemon.bindKey({ id, add, remove })
    // A key in two repositories ties them together: whoever uses it needs permission for both.
    if (add.length > 0 && new Set(key.bindings.map(({ gun }) => gun)).size > 1 && key.purpose !== "root") {
        cli.output.warn("this key now signs for more than one repository; who uses it needs permission for all of them")
    }
    if (options.json === true) cli.output.json(keyJson(key))
    else printKey(cli.output, key)
}

/** On the admin socket any key can be bound. Whoever doesn't reach it binds delegation keys on the sign socket. */
async function findKey(cli: Cli, given: string): Promise<{ readonly daemon: Daemon; readonly id: string }> {
    const admin = await cli.daemon("admin")
    try {
        const { id } = await admin.getKey(given)
        return { daemon: admin, id }
    } catch (error) {
        if (!(error instanceof TrustkeyError) || error.code !== "daemon_unreachable") throw error
        const daemon = await cli.daemon("sign")
        const { id, purpose } = await daemon.getKey(given)
        if (purpose === "delegation") return { daemon, id }
        throw error
    }
}
