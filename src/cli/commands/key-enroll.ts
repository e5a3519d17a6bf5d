import { type Command, Option } from "commander"
import type { Cli } from "../context.ts"
import { PURPOSES, type PurposeName } from "../daemon-types.ts"
import { keyJson, printKey } from "../present.ts"
import { jsonOption, newCommand, repeated, withExamples } from "../syntax.ts"

type EnrollOptions = {
    token: string
    uri: string
    purpose: PurposeName
    label: string
    bind?: readonly string[]
    acceptPinOnce?: boolean
    json?: boolean
}

export function keyEnrollCommand(cli: Cli): Command {
    const command = newCommand(cli, "enroll", "Take in a private key that is already on a token. Needs the admin socket.")
        .requiredOption("--token <name>", "the token's name in the configuration")
        .requiredOption("--uri <uri>", "an RFC 7512 URI that matches exactly one private key, as trustkey token objects shows it")
        .addOption(new Option("--purpose <purpose>", "what the key is for").choices(PURPOSES).makeOptionMandatory())
        .option("--label <text>", "a name for people", "")
        .option("--bind <role@gun>", "where it may sign; repeatable", repeated)
        .option("--accept-pin-once", "a root key although its slot on a YubiKey does not ask for the PIN each time")
        .addOption(jsonOption())
        .action(async (options: EnrollOptions) => {
            const { parseBinding } = await import("../decode.ts")
            const { token, uri, purpose, label } = options
            const bindings = (options.bind ?? []).map(parseBinding)
            const key = await (await cli.daemon("admin")).enrollKey({
                token,
                uri,
                purpose,
                label,
                bindings,
                acceptPinOnce: options.acceptPinOnce === true,
            })
            if (options.json === true) cli.output.json(keyJson(key))
            else printKey(cli.output, key)
        })
    return withExamples(command, ["trustkey key enroll --token root-token --uri 'pkcs11:serial=12345678;object=root' --purpose root"])
}
