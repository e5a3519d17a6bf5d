import type { Command } from "commander"
import { TrustkeyError } from "../../errors.ts"
import type { Cli } from "../context.ts"
import type { Daemon, KeySubject } from "../daemon-types.ts"
import { newCommand, withExamples } from "../syntax.ts"

type LockOptions = { group?: string; all?: boolean }

export function keyLockCommand(cli: Cli): Command {
    const command = newCommand(cli, "lock", "Lock a key, a key group, or everything: then no signer process holds anything any more.")
        .argument("[id]", "the key's ID, or its first 7 or more digits")
        .option("--group <name>", "lock this key group")
        .option("--all", "end the signer processes: every key is locked, every token logged out")
        .action(async (id: string | undefined, options: LockOptions) => {
            const daemon = await cli.daemon()
            await daemon.lock(await whatToLock(daemon, id, options))
            cli.output.note("Locked.")
        })
    return withExamples(command, ["trustkey key lock 3fa9c2d1e0aa", "trustkey key lock --all"])
}

async function whatToLock(daemon: Daemon, id: string | undefined, options: LockOptions): Promise<KeySubject | "all"> {
    const given = [id !== undefined, options.group !== undefined, options.all === true].filter(Boolean).length
    if (given !== 1) throw new TrustkeyError("usage", "name one of: a key's ID, --group NAME, --all")
    if (options.group !== undefined) return { group: options.group }
    return id === undefined ? "all" : { keyId: (await daemon.getKey(id)).id }
}
