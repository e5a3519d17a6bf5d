import { type Command, Option } from "commander"
import type { Cli } from "../context.ts"
import { ALGORITHMS, type AlgorithmName, PURPOSES, type PurposeName } from "../daemon-types.ts"
import { keyJson, printKey } from "../present.ts"
import {
    type CardFlags,
    jsonOption,
    newCommand,
    type PassphraseOptions,
    type PinOptions,
    repeated,
    withCard,
    withExamples,
    withPassphrase,
} from "../syntax.ts"

type CreateOptions = PassphraseOptions &
    CardFlags &
    PinOptions & {
        purpose: PurposeName
        algorithm: AlgorithmName
        label: string
        token?: string
        group?: string
        bind?: readonly string[]
        acceptPinOnce?: boolean
        certificate: boolean
        json?: boolean
    }

export function keyCreateCommand(cli: Cli): Command {
    const command = newCommand(cli, "create", "Make a new key: sealed under a passphrase, in a key group, or on a token.")
        .addOption(new Option("--purpose <purpose>", "what the key is for").choices(PURPOSES).makeOptionMandatory())
        .addOption(new Option("--algorithm <algorithm>", "the kind of key").choices(ALGORITHMS).default("p256"))
        .option("--label <text>", "a name for people", "")
        .addOption(new Option("--token <name>", "make it on this token; it never leaves it").conflicts("group"))
        .option("--group <name>", "seal it in this key group, which has to be unlocked")
        .option("--bind <role@gun>", "where it may sign; repeatable", repeated)
        .option("--no-certificate", "on a YubiKey: don't write the certificate by which stock Notary clients find a root key")
        .addOption(jsonOption())
        .action((options: CreateOptions) => createKey(cli, options))
    return withExamples(withCard(withPassphrase(command)), [
        "trustkey key create --purpose root --token root-token --label 'root 2026'",
        "trustkey key create --purpose root --token yubikey --slot 9c --management-key-fd 3 3< <(pass show management-key)",
        "trustkey key create --purpose targets --bind targets@registry.example.com/team/app",
        "trustkey key create --purpose delegation --group ci --bind targets/releases@registry.example.com/team/app",
    ])
}

async function createKey(cli: Cli, options: CreateOptions): Promise<void> {
    const { parseBinding } = await import("../decode.ts")
    const { createAt } = await import("../create-key.ts")
    const daemon = await cli.daemon()
    const bindings = (options.bind ?? []).map(parseBinding)
    const key = await createAt(cli, daemon, { ...options, bindings })
    if (options.json === true) cli.output.json(keyJson(key))
    else printKey(cli.output, key)
}
