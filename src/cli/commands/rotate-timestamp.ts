import type { Command } from "commander"
import type { Cli } from "../context.ts"
import { withExplain } from "../rotate/explain-command.ts"
import { withAgreement, withHolders } from "../rotate/options.ts"
import type { RotationOptions } from "../rotate/run.ts"
import { newCommand, withExamples, withPassphrase, withPin } from "../syntax.ts"

type TimestampOptions = RotationOptions & { readonly withSnapshot?: boolean }

export function rotateTimestampCommand(cli: Cli): Command {
    const command = newCommand(
        cli,
        "timestamp",
        "Have the trust server make a new timestamp key, also when it has lost the old one. Takes the root key.",
    )
        .argument("<repository>", "the image's name without a tag")
        .option("--with-snapshot", "the server gets a new snapshot key too, in the same root: when it has lost both")
        .action((repository: string, options: TimestampOptions) => rotateTimestamp(cli, repository, options))
    return withExamples(withExplain(withHolders(withAgreement(withPin(withPassphrase(command))))), [
        "trustkey rotate timestamp registry.example.com/team/app",
        "trustkey rotate timestamp registry.example.com/team/app --with-snapshot",
    ])
}

async function rotateTimestamp(cli: Cli, repository: string, options: TimestampOptions): Promise<void> {
    const { runRotation } = await import("../rotate/run.ts")
    const { timestampWish } = await import("../rotate/server-keys.ts")
    await runRotation(cli, repository, "timestamp", options, (session) => timestampWish(session, options.withSnapshot === true))
}
