import { type Command, Option } from "commander"
import { TrustkeyError } from "../../errors.ts"
import type { Cli } from "../context.ts"
import { ALGORITHMS, type AlgorithmName, type Daemon, type DaemonKey, type DaemonToken } from "../daemon-types.ts"
import { tokenOf } from "../key-home.ts"
import { shortId } from "../output.ts"
import { type ManagementKeyFlags, newCommand, type PinOptions, withExamples, withManagementKey, withPin } from "../syntax.ts"

type InitOptions = PinOptions &
    ManagementKeyFlags & { token?: string; algorithm: AlgorithmName; label: string; credential?: boolean; evenFinalTry?: boolean }

export function initCommand(cli: Cli): Command {
    const command = newCommand(
        cli,
        "init",
        "The first thing to run: see that the daemon answers, log in to the token, make the root key. May be run again at any time.",
    )
        .option("--token <name>", "the token for the root key; may be left out when there is only one")
        .option("--credential", "log in with the PIN the daemon is configured with")
        .option("--even-final-try", "log in although one more wrong PIN blocks the token; needs the admin socket")
        .option("--label <text>", "a name for the root key", "root")
        .addOption(new Option("--algorithm <algorithm>", "of the root key").choices(ALGORITHMS).default("p256"))
        .action((options: InitOptions) => init(cli, options))
    return withExamples(withManagementKey(withPin(command)), [
        "trustkey init",
        "trustkey init --token root-token --pin-file /run/user/1000/pin",
    ])
}

async function init(cli: Cli, options: InitOptions): Promise<void> {
    const { output } = cli
    const daemon = await cli.daemon()
    const status = await daemon.status()
    output.note(`The daemon answers: trustkeyd ${status.version} on ${cli.socketPath("sign")}; you are ${status.caller}.`)
    for (const problem of status.problems) output.warn(problem)
    const token = await findToken(daemon, options.token)
    const existing = await existingRootKey(daemon, token.name)
    // With all it wants a YubiKey is logged in to when the key is made.
    if (existing !== undefined || token.kind !== "yubikey") await logInIfNeeded(cli, daemon, token, options)
    const key = existing ?? (await makeRootKey(cli, daemon, token.name, options))
    output.line(`Root key ${key.id} is on token ${token.name}`)
    output.note("Next: trustkey trust init REGISTRY/REPOSITORY begins the trust data of a repository.")
    output.note("Think of a second token now: if this one is lost, so is the root key it holds.")
}

async function findToken(daemon: Daemon, name: string | undefined): Promise<DaemonToken> {
    const tokens = await daemon.listTokens()
    const names = tokens.map((token) => token.name).join(", ")
    if (tokens.length === 0)
        throw new TrustkeyError("not_found", "no token is configured: add a [[token]] table to the daemon's configuration and restart it")
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

async function existingRootKey(daemon: Daemon, token: string): Promise<DaemonKey | undefined> {
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
