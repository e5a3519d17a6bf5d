import { type Command, Option } from "commander"
import type { Cli } from "../context.ts"
import { type ExplainOptions, explainRole, withExplain } from "../rotate/explain-command.ts"
import { withAgreement, withOldKey, withRoleKeys } from "../rotate/options.ts"
import type { RootKeyOptions } from "../rotate/root-keys.ts"
import type { RotateRootOptions } from "../rotate/rotate-root.ts"
import type { TellRootOptions } from "../rotate/tell-root.ts"
import { newCommand, repeated, withExamples } from "../syntax.ts"

type RootOptions = RootKeyOptions & RotateRootOptions & TellRootOptions & ExplainOptions

/** What a root that others have signed already leaves nothing to say of. */
const KEY_FLAGS = ["key", "newSealed", "newOnToken", "newInGroup", "retire", "keep", "threshold", "rootCertificate"]

export function rotateRootCommand(cli: Cli): Command {
    const command = newCommand(
        cli,
        "root",
        "Replace root keys, add holders, take some away, change how many have to sign. Old and new keys sign the next root.",
    )
        .argument("<repository>", "the image's name without a tag")
        .addOption(
            new Option(
                "--root-certificate <file>",
                "the certificate of a root key, issued by an authority or of a key held elsewhere; PEM, leaf first (repeatable)",
            ).argParser(repeated),
        )
        .option(
            "--collect <file>",
            "when signatures are missing: sign what can be signed here, and write the root there for the next holder",
        )
        .addOption(
            new Option("--signature <file>", "a root begun with --collect, as a holder has signed it (repeatable)")
                .argParser(repeated)
                .conflicts(KEY_FLAGS),
        )
        .action((repository: string, options: RootOptions) => rotate(cli, repository, options))
    return withExamples(withExplain(withAgreement(withOldKey(withRoleKeys(command)))), [
        "trustkey rotate root registry.example.com/team/app",
        "trustkey rotate root registry.example.com/team/app --keep --new-on-token yubikey-b --new-on-token yubikey-c --threshold 2",
        "trustkey rotate root registry.example.com/team/app --retire 3fa9c2d1e0aa --key 77e0b1c2",
        "trustkey rotate root registry.example.com/team/app --key 77e0b1c2 --root-certificate issued.pem",
        "trustkey rotate root registry.example.com/team/app --keep --root-certificate bob.pem --threshold 2 --collect root-2.json",
        "trustkey rotate root registry.example.com/team/app --signature from-bob.json",
    ])
}

async function rotate(cli: Cli, repository: string, options: RootOptions): Promise<void> {
    if (options.explain === true) return await explainRole(cli, repository, "root", options)
    const { openRepositorySession } = await import("../trust/session.ts")
    const { RootKeys } = await import("../rotate/root-keys.ts")
    const { rotateRoot } = await import("../rotate/rotate-root.ts")
    const { concludeRoot } = await import("../rotate/tell-root.ts")
    const session = await openRepositorySession(cli, repository, "push")
    const daemon = await cli.daemon()
    using keys = new RootKeys(session, daemon, options)
    await concludeRoot(session, daemon, await rotateRoot(session, daemon, keys, options), options)
}
