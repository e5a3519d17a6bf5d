import { type Command, Option } from "commander"
import type { IdentityOptions } from "../ceremony/export.ts"
import type { KeyStepOptions } from "../ceremony/key-steps.ts"
import type { SignOptions } from "../ceremony/root-steps.ts"
import type { StepOptions, Work } from "../ceremony/work.ts"
import type { Cli } from "../context.ts"
import { newCommand, repeated, wholeNumber, withCard, withExamples, withPassphrase, withPin } from "../syntax.ts"

/** The steps at the vault, between opening and closing: one record each. */
export const CEREMONY_STEPS = [
    ceremonyKeygenCommand,
    ceremonyPresentCommand,
    ceremonyVoidKeyCommand,
    ceremonyBuildCommand,
    ceremonySignCommand,
    ceremonyVoidRootCommand,
    ceremonyBackupCommand,
] as const

function stepCommand(cli: Cli, name: string, description: string): Command {
    return newCommand(cli, name, description)
        .argument("<bundle>", "the bundle's directory")
        .option("--as <name>", "who is at the keyboard; otherwise it is asked")
        .option("--note <text>", "people's words, for the record")
}

function ceremonyKeygenCommand(cli: Cli): Command {
    const command = stepCommand(cli, "keygen", "Make a new key of the plan on its token.")
        .argument("<key>", "the key's name in the plan")
        .option("--token <name>", "a spare of the plan, instead of the token that was spoilt")
        .action((directory: string, key: string, options: KeyStepOptions) =>
            asHolder(cli, directory, async (work) => (await import("../ceremony/key-steps.ts")).keygen(work, key, asPlanned(options))),
        )
    return withExamples(withCard(withPassphrase(command)), ["trustkey ceremony step keygen /media/stick alice-2"])
}

/** Slot and policies are the plan's to say. */
function asPlanned({ slot: _slot, pinPolicy: _pin, touchPolicy: _touch, ...options }: KeyStepOptions): KeyStepOptions {
    return options
}

function ceremonyPresentCommand(cli: Cli): Command {
    const command = stepCommand(cli, "present", "Show a key of the plan that exists: that it is here, and on which token.")
        .argument("<key>", "the key's name in the plan")
        .action((directory: string, key: string, options: KeyStepOptions) =>
            asHolder(cli, directory, async (work) => (await import("../ceremony/key-steps.ts")).present(work, key, options)),
        )
    return withExamples(withPin(command), ["trustkey ceremony step present /media/stick alice-1"])
}

type VoidOptions = StepOptions & { reason: string }

function ceremonyVoidKeyCommand(cli: Cli): Command {
    const command = stepCommand(cli, "void-key", "Put on record that a key's token was spoilt, so that the key is made or presented again.")
        .argument("<key>", "the key's name in the plan")
        .requiredOption("--reason <text>", "what happened")
        .action((directory: string, key: string, options: VoidOptions) =>
            atWork(cli, directory, async (work) => (await import("../ceremony/key-steps.ts")).voidKey(work, key, options)),
        )
    return withExamples(command, ["trustkey ceremony step void-key /media/stick alice-2 --reason 'the token fell and does not answer'"])
}

function ceremonyBuildCommand(cli: Cli): Command {
    const command = stepCommand(cli, "build", "Build the new roots from the plan and the keys, and show what they change.").action(
        (directory: string, options: StepOptions) =>
            atWork(cli, directory, async (work) => (await import("../ceremony/root-steps.ts")).build(work, options)),
    )
    return withExamples(command, ["trustkey ceremony step build /media/stick"])
}

function ceremonySignCommand(cli: Cli): Command {
    const command = stepCommand(cli, "sign", "Sign the new roots with one key, having seen what they change.")
        .argument("<key>", "the key's name in the plan")
        .addOption(
            new Option(
                "--code <digits>",
                "the code of what is to be signed, 16 digits or more, instead of being asked; one for each repository (repeatable)",
            ).argParser(repeated),
        )
        .action((directory: string, key: string, options: SignOptions) =>
            asHolder(cli, directory, async (work) => (await import("../ceremony/root-steps.ts")).sign(work, key, options)),
        )
    return withExamples(withPin(withPassphrase(command)), ["trustkey ceremony step sign /media/stick alice-1"])
}

function ceremonyVoidRootCommand(cli: Cli): Command {
    const command = stepCommand(
        cli,
        "void-root",
        "Put on record that the roots are void, with every signature on them; they are built again.",
    )
        .requiredOption("--reason <text>", "what happened")
        .action((directory: string, options: VoidOptions) =>
            atWork(cli, directory, async (work) => (await import("../ceremony/root-steps.ts")).voidRoot(work, options)),
        )
    return withExamples(command, ["trustkey ceremony step void-root /media/stick --reason 'bob has brought the wrong token'"])
}

function ceremonyBackupCommand(cli: Cli): Command {
    const command = stepCommand(
        cli,
        "backup",
        "Put on record what becomes of a new key if its token is lost; a key that the vault made is copied to the next of its tokens, and last exported for the plan's recipients.",
    )
        .argument("<key>", "the key's name in the plan")
        .option("--token <name>", "the token that is to get a copy, one of the plan's or a spare (default: the next of them)")
        .addOption(
            new Option(
                "--identity-file <file>",
                "the age identity of one of the plan's recipients, in a file only you can read: export, and open it again",
            ),
        )
        .addOption(
            new Option("--identity-fd <n>", "read the identity from this open file descriptor")
                .argParser(wholeNumber(0))
                .conflicts("identityFile"),
        )
        .action((directory: string, key: string, options: KeyStepOptions & IdentityOptions) =>
            asHolder(cli, directory, async (work) => (await import("../ceremony/key-steps.ts")).backup(work, key, options)),
        )
    return withExamples(withCard(withPassphrase(command)), [
        "trustkey ceremony step backup /media/stick alice-2",
        "trustkey ceremony step backup /media/stick alice-2 --identity-file dana.identity",
    ])
}

/** A step at which a key is opened. */
async function asHolder(cli: Cli, directory: string, step: (work: Work) => Promise<void>): Promise<void> {
    const { lockedAfter } = await import("../ceremony/lock-up.ts")
    await atWork(cli, directory, (work) => lockedAfter(cli, () => step(work)))
}

async function atWork(cli: Cli, directory: string, step: (work: Work) => Promise<void>): Promise<void> {
    const { Work: Opened } = await import("../ceremony/work.ts")
    const { tellNext } = await import("../ceremony/next.ts")
    await using work = await Opened.open(cli, directory)
    await step(work)
    tellNext(work)
}
