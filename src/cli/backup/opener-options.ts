import { type Command, Option } from "commander"
import { type PassphraseOptions, repeated, wholeNumber, withPassphrase } from "../syntax.ts"

/** How a backup is to be opened: one way, or none, and then a person is asked. */
export type OpenerOptions = PassphraseOptions & {
    identity?: string
    identityFd?: number
    share?: readonly string[]
    shares?: boolean
    shareSet?: string
}

const PASSPHRASE = ["passphraseFd", "passphraseFile"]
const IDENTITY = ["identity", "identityFd"]

/** Every way to open a backup, for a command that does: an identity, its passphrase, or shares of an identity. */
export function withOpener(command: Command): Command {
    return withPassphrase(withIdentity(command, PASSPHRASE))
        .addOption(
            new Option(
                "--share <file>",
                "a share of its identity, in a file only you can read; repeated; - for a scanner's lines on standard input",
            )
                .argParser(repeated)
                .conflicts([...PASSPHRASE, ...IDENTITY]),
        )
        .addOption(new Option("--shares", "ask for shares of its identity, one by one").conflicts([...PASSPHRASE, ...IDENTITY]))
        .addOption(shareSetOption())
}

/** The ways to give an age identity without a terminal. */
export function withIdentity(command: Command, others: readonly string[] = []): Command {
    return command
        .addOption(
            new Option("--identity <file>", "an age identity (AGE-SECRET-KEY-1…), in a file only you can read").conflicts([
                "identityFd",
                ...others,
            ]),
        )
        .addOption(
            new Option("--identity-fd <n>", "read the age identity from this open file descriptor")
                .argParser(wholeNumber(0))
                .conflicts([...others]),
        )
}

export function shareSetOption(): Option {
    return new Option("--share-set <file>", "the public file of the set (backup-shares.json): says which share is not as it was made")
}
