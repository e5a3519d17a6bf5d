import { type Command, Option } from "commander"
import { TrustkeyError } from "../../errors.ts"
import type { Cli } from "../context.ts"
import { ALGORITHMS, type AlgorithmName, type Daemon, type DaemonKey, type DaemonToken } from "../daemon-types.ts"
import { tokenOf } from "../key-home.ts"
import { shortId } from "../output.ts"
import type { SetUpOptions } from "../setup/set-up.ts"
import {
    type ManagementKeyFlags,
    newCommand,
    type PassphraseOptions,
    type PinOptions,
    repeated,
    withExamples,
    withManagementKey,
    withPassphrase,
    withPin,
} from "../syntax.ts"
import { withFilePassphrase } from "./key-import.ts"

type InitOptions = SetUpOptions &
    PinOptions &
    PassphraseOptions &
    ManagementKeyFlags & {
        algorithm: AlgorithmName
        label: string
        credential?: boolean
        evenFinalTry?: boolean
        import?: string
        filePassphraseFd?: number
        filePassphraseFile?: string
    }

export function initCommand(cli: Cli): Command {
    const command = newCommand(
        cli,
        "init",
        "The first thing to run, as root: pick up the token, write the configuration, make or import the root key. May be run again at any time.",
    )
        .option("--token <name>", "the token for the root key; may be left out when there is only one. A new one gets this name")
        .option("--sealed", "no token: the root key is kept sealed under a passphrase")
        .addOption(new Option("--import <file>", "a root key of docker, notary or OpenSSL, instead of making one").conflicts("algorithm"))
        .option("--serial <number>", "which token to configure, when several are there")
        .option("--module <file>", "a PKCS#11 module to look for tokens with, instead of the usual ones; repeatable", repeated)
        .option("--environment <name=value>", "what the new token's module needs in its environment; repeatable", repeated)
        .option("--signer <account>", "take this account into the group that may ask for signatures; repeatable", repeated)
        .option("--backup-recipient <recipient>", "for whom backups are: an age recipient (age1...); repeatable", repeated)
        .option("--restart", "restart the daemon for a new configuration without asking, though keys are unlocked")
        .option("--config <file>", "the configuration of a daemon other than the machine's own")
        .option("--credential", "log in with the PIN the daemon is configured with")
        .option("--even-final-try", "log in although one more wrong PIN blocks the token; needs the admin socket")
        .option("--label <text>", "a name for the root key", "root")
        .addOption(new Option("--algorithm <algorithm>", "of the root key").choices(ALGORITHMS).default("p256"))
        .action((options: InitOptions) => init(cli, options))
    return withExamples(withFilePassphrase(withPassphrase(withManagementKey(withPin(command)))), [
        "trustkey init",
        "trustkey init --serial 12345678 --signer alice --backup-recipient age1...",
        "trustkey init --import ~/.docker/trust/private/3fa9c2d1e0aa*.key",
        "trustkey init --token root-token --pin-file /run/user/1000/pin",
    ])
}

async function init(cli: Cli, options: InitOptions): Promise<void> {
    const { output } = cli
    const { isAdministrator, setUp } = await import("../setup/set-up.ts")
    const recipients = isAdministrator(cli, options) ? await setUp(cli, options) : undefined
    const daemon = await cli.daemon()
    const status = await daemon.status()
    output.note(`The daemon answers: trustkeyd ${status.version} on ${cli.socketPath("sign")}; you are ${status.caller}.`)
    for (const problem of status.problems) output.warn(problem)
    if (options.sealed === true) await haveSealedRootKey(cli, daemon, options)
    else await haveRootKey(cli, daemon, await findToken(daemon, options.token), options)
    sayWhatIsNext(cli, options, recipients)
}

async function haveRootKey(cli: Cli, daemon: Daemon, token: DaemonToken, options: InitOptions): Promise<void> {
    if (options.import !== undefined) {
        await importRootKey(cli, options.import, { ...options, token: token.name })
        return
    }
    const existing = await existingRootKey(daemon, token.name)
    // With all it wants a YubiKey is logged in to when the key is made.
    if (existing !== undefined || token.kind !== "yubikey") await logInIfNeeded(cli, daemon, token, options)
    const key = existing ?? (await makeRootKey(cli, daemon, token.name, options))
    cli.output.line(`Root key ${key.id} is on token ${token.name}`)
}

async function haveSealedRootKey(cli: Cli, daemon: Daemon, { token: _none, ...options }: InitOptions): Promise<void> {
    if (options.import !== undefined) {
        await importRootKey(cli, options.import, options)
        return
    }
    const { createAt } = await import("../create-key.ts")
    const key = (await existingRootKey(daemon, undefined)) ?? (await createAt(cli, daemon, { ...options, purpose: "root", bindings: [] }))
    cli.output.line(`Root key ${key.id} is sealed`)
}

/** A key that is here already is said to be, and stays where it is. */
async function importRootKey(cli: Cli, file: string, options: Omit<InitOptions, "import">): Promise<void> {
    const { importKeyFiles } = await import("../import-files.ts")
    const { algorithm: _its, label: _its2, ...rest } = options
    await importKeyFiles(cli, [file], { ...rest, role: "root" })
}

/** @param recipients of backups, where the configuration was looked at */
function sayWhatIsNext({ output }: Cli, { sealed }: InitOptions, recipients: number | undefined): void {
    output.note("Next: trustkey trust init REGISTRY/REPOSITORY begins the trust data of a repository.")
    output.note(
        sealed === true
            ? "Keep the passphrase safe: nobody can recover it. A token that holds the root key is better: trustkey key copy."
            : "Think of a second token now: if this one is lost, so is the root key it holds.",
    )
    output.note(
        recipients === 0
            ? "Nobody can open a backup yet: trustkey init --backup-recipient age1... says for whom backups are; the key for it comes from age-keygen, or from trustkey backup shares create."
            : "trustkey backup create makes the first backup, and trustkey backup drill FILE shows that it brings the keys back.",
    )
    output.note("trustkey doctor says what is wrong on this machine, or soon will be.")
}

async function findToken(daemon: Daemon, name: string | undefined): Promise<DaemonToken> {
    const tokens = await daemon.listTokens()
    const names = tokens.map((token) => token.name).join(", ")
    if (tokens.length === 0)
        throw new TrustkeyError(
            "not_found",
            "the daemon has no token: root finds one with trustkey init; if there is a [[token]] table in its configuration, restart it",
        )
    const found = name === undefined ? tokens : tokens.filter((token) => token.name === name)
    const only = found[0]
    if (only === undefined) throw new TrustkeyError("not_found", `no token is called ${name}; there are ${names}`)
    if (found.length > 1) throw new TrustkeyError("usage", `choose with --token: ${names}`)
    return only
}

async function logInIfNeeded(cli: Cli, daemon: Daemon, token: DaemonToken, options: InitOptions): Promise<void> {
    if (token.state === "logged-in") return
    if (token.state === "absent") throw new TrustkeyError("token_absent", `token ${token.name} is not there`)
    if (token.state === "blocked") throw new TrustkeyError("pin_blocked", `token ${token.name} is blocked`)
    const { login } = await import("../secrets.ts")
    const door = options.evenFinalTry === true ? await cli.daemon("admin") : daemon
    const after = await login(cli, door, token.name, options)
    cli.output.note(`Token ${after.name} (${after.label}, serial ${after.serial}) is ${after.state}.`)
}

/** @param token undefined: sealed */
async function existingRootKey(daemon: Daemon, token: string | undefined): Promise<DaemonKey | undefined> {
    const keys = await daemon.listKeys({})
    return keys.find(({ purpose, home, state }) => purpose === "root" && tokenOf(home) === token && state !== "removed")
}

async function makeRootKey(cli: Cli, daemon: Daemon, token: string, options: InitOptions): Promise<DaemonKey> {
    cli.output.note(`Making the root key on token ${token}; it never leaves it.`)
    const { createAt } = await import("../create-key.ts")
    const key = await createAt(cli, daemon, { ...options, purpose: "root", bindings: [], token })
    cli.output.note(`Made root key ${shortId(key.id)}.`)
    return key
}
