import { type Command, Option } from "commander"
import type { Cli } from "../context.ts"
import { withExplain } from "../rotate/explain-command.ts"
import { withAgreement, withHolders, withOldKey, withRoleKeys } from "../rotate/options.ts"
import type { RootKeyOptions } from "../rotate/root-keys.ts"
import type { RotationOptions } from "../rotate/run.ts"
import { newCommand, repeated, withExamples } from "../syntax.ts"

type RootOptions = RootKeyOptions & RotationOptions

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
        .action((repository: string, options: RootOptions) => rotateRoot(cli, repository, options))
    return withExamples(withExplain(withHolders(withAgreement(withOldKey(withRoleKeys(command))))), [
        "trustkey rotate root registry.example.com/team/app",
        "trustkey rotate root registry.example.com/team/app --keep --new-on-token yubikey-b --new-on-token yubikey-c --threshold 2",
        "trustkey rotate root registry.example.com/team/app --retire 3fa9c2d1e0aa --key 77e0b1c2",
        "trustkey rotate root registry.example.com/team/app --key 77e0b1c2 --root-certificate issued.pem",
        "trustkey rotate root registry.example.com/team/app --keep --root-certificate bob.pem --threshold 2 --collect root-2.json",
        "trustkey rotate root registry.example.com/team/app --signature from-bob.json",
    ])
}

async function rotateRoot(cli: Cli, repository: string, options: RootOptions): Promise<void> {
    const { RootKeys } = await import("../rotate/root-keys.ts")
    const { runRotation } = await import("../rotate/run.ts")
    await runRotation(cli, repository, "root", options, (session, daemon, opened) =>
        opened.use(new RootKeys(session, daemon, options)).wish(),
    )
}
