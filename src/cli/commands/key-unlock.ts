import { type Command, Option } from "commander"
import type { Cli } from "../context.ts"
import { duration, newCommand, type PassphraseOptions, wholeNumber, withExamples, withPassphrase } from "../syntax.ts"

type UnlockOptions = PassphraseOptions & { group?: string; ttl?: number; uses?: number }

export function keyUnlockCommand(cli: Cli): Command {
    const command = newCommand(cli, "unlock", "Open a sealed key or a key group for a while.")
        .argument("[id]", "the key's ID, or its first 7 or more digits")
        .option("--group <name>", "open this key group instead")
        .addOption(new Option("--ttl <duration>", "how long, as 15m or 8h; the daemon has a default and a limit").argParser(duration))
        .addOption(new Option("--uses <n>", "lock again after this many signatures").argParser(wholeNumber(1)))
        .action(async (id: string | undefined, options: UnlockOptions) => {
            const { sealedThing } = await import("../subject.ts")
            const { unlock } = await import("../secrets.ts")
            const daemon = await cli.daemon()
            const thing = await sealedThing(daemon, id, options.group)
            const until = await unlock(cli, daemon, thing, options, { ttlSeconds: options.ttl ?? 0, uses: options.uses ?? 0 })
            cli.output.note(`Unlocked ${thing.name}${until === "" ? "" : ` until ${until}`}.`)
        })
    return withExamples(withPassphrase(command), [
        "trustkey key unlock 3fa9c2d1e0aa --ttl 15m",
        "trustkey key unlock 3fa9c2d1e0aa --uses 1 --passphrase-fd 3 3< <(pass show app-targets)",
        "trustkey key unlock --group ci",
    ])
}
