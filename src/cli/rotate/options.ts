import { type Command, Option } from "commander"
import { ALGORITHMS } from "../daemon-types.ts"
import { jsonOption, repeated, wholeNumber, withCard, withPassphrase } from "../syntax.ts"

/** `unbind`: it may be asked to sign there no more. `remove`: a sealed key is destroyed, of one on a token the daemon forgets. */
export const OLD_KEY_CHOICES = ["keep", "unbind", "remove"] as const
export type OldKeyChoice = (typeof OLD_KEY_CHOICES)[number]

/** Where the keys come from that a role gets. */
export function withComingKeys(command: Command): Command {
    const placed = command
        .addOption(new Option("--key <id>", "a key the daemon has already (repeatable)").argParser(repeated))
        .option("--new-sealed", "a new key, sealed under a passphrase")
        .addOption(
            new Option("--new-on-token <name>", "a new key, made on this token, which it never leaves (repeatable)").argParser(repeated),
        )
        .option("--new-in-group <name>", "a new key, sealed in this key group")
        .addOption(new Option("--algorithm <algorithm>", "of a new key; as a rule that of the old one").choices(ALGORITHMS))
    return withCard(withPassphrase(placed))
}

/** Which of a role's keys go, and how many have to sign. */
export function withRoleKeys(command: Command): Command {
    return withComingKeys(command)
        .addOption(new Option("--retire <id>", "only this key goes, the others stay (repeatable)").argParser(repeated))
        .addOption(new Option("--keep", "all keys stay, and the new one comes beside them").conflicts("retire"))
        .addOption(new Option("--threshold <n>", "how many of the keys have to sign").argParser(wholeNumber(1)))
}

export function withOldKey(command: Command): Command {
    return command.addOption(
        new Option("--old-key <choice>", "what becomes of a key that counts no more, when its successor is published").choices(
            OLD_KEY_CHOICES,
        ),
    )
}

/** What a root that others have signed already leaves nothing to say of. */
const KEY_FLAGS = [
    "key",
    "newSealed",
    "newOnToken",
    "newInGroup",
    "retire",
    "keep",
    "threshold",
    "rootCertificate",
    "toServer",
    "withSnapshot",
]

/** Root keys that are elsewhere. */
export function withHolders(command: Command): Command {
    return command
        .option(
            "--collect <file>",
            "when signatures are missing: sign what can be signed here, and write the root there for the next holder",
        )
        .addOption(
            new Option("--signature <file>", "a root begun with --collect, as a holder has signed it (repeatable)")
                .argParser(repeated)
                .conflicts(KEY_FLAGS),
        )
}

/** Seeing, agreeing, and the form of the answer. */
export function withAgreement(command: Command): Command {
    return command
        .option("--dry-run", "say what would be done; make, sign and publish nothing")
        .option("--confirm", "sign what is shown without asking")
        .addOption(jsonOption())
}
