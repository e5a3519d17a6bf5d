import path from "node:path"
import { TrustkeyError } from "../../errors.ts"
import {
    fileMode,
    makeTemporaryDirectory,
    type NameLookup,
    ownFileMode,
    readNameDatabase,
    readTextFile,
    replaceFile,
    writeFileDurable,
} from "../../storage/index.ts"
import type { Cli } from "../context.ts"
import { DEFAULT_SIGN_SOCKET } from "../context.ts"
import { printable } from "../output.ts"
import { readConfig, SIGN_GROUP, withRecipients, withSigners, withToken } from "./config-text.ts"
import { type FoundToken, findTokens } from "./find-tokens.ts"

export const DEFAULT_CONFIG = "/etc/trustkeyd/trustkeyd.toml"
const DAEMON_USER = "trustkeyd"
const SERVICE = "trustkeyd.service"
const ADMIN_GROUP = "trustkey-admin"
const CONFIG_MODE = 0o640
const DEFAULT_TOKEN_NAME = "root-token"

export type SetUpOptions = {
    readonly config?: string
    readonly token?: string
    readonly module?: readonly string[]
    readonly environment?: readonly string[]
    readonly serial?: string
    readonly sealed?: boolean
    readonly signer?: readonly string[]
    readonly backupRecipient?: readonly string[]
    readonly restart?: boolean
}

/** Whose machine it is: root's, unless another daemon was named. */
export function isAdministrator(cli: Cli, { config }: SetUpOptions): boolean {
    return config !== undefined || (cli.context.uid === 0 && cli.socketPath("sign") === DEFAULT_SIGN_SOCKET)
}

/**
 * The part of `trustkey init` that needs no daemon: groups, configuration, the token in it, who may sign, for whom backups are. What is there
 * stays; what is added is added at the end of a file whose comments stay. The daemon judges the new file before it takes the old one's place.
 *
 * @returns how many recipients backups have
 * @throws config_invalid, not_found, usage, storage_failed: the configuration is as it was
 * @throws daemon_unreachable: it is written, and a person has to restart the daemon
 */
export async function setUp(cli: Cli, options: SetUpOptions): Promise<number> {
    const { config, signer, backupRecipient } = options
    const file = config ?? DEFAULT_CONFIG
    // A configuration elsewhere is somebody's own daemon: the machine's groups are none of its business.
    const isMachines = config === undefined
    if (!isMachines && signer !== undefined)
        throw new TrustkeyError("usage", "--signer is about the machine's own daemon, and --config is not")
    const names = await readNameDatabase()
    if (isMachines) await makeGroups(cli, names)
    // In its place a file would be put, and what it points to would stay as it is.
    if ((await ownFileMode(file))?.kind === "link")
        throw new TrustkeyError("usage", `${file} is a symbolic link: name the file itself with --config`)
    const before = await readTextFile(file).catch(missing)
    const first = before ?? (await readTextFile(path.join(cli.context.programs.directory, "trustkeyd.toml")))
    const known = readConfig(first)
    const changes: Change[] = []
    if (known.tokens.length === 0 && options.sealed !== true) changes.push(await addToken(cli, options, names))
    const signers = isMachines ? await whoSigns(cli, options, known.named) : []
    const stranger = signers.find((name) => names.user(name) === undefined)
    if (stranger !== undefined) throw new TrustkeyError("not_found", `there is no account ${stranger} in /etc/passwd; nothing was written`)
    if (signers.length > 0 && !known.named.includes(SIGNERS))
        changes.push({ did: `Wrote rules by which the group ${SIGN_GROUP} may ask for signatures.`, apply: withSigners })
    const recipients = known.recipients.length > 0 && backupRecipient === undefined ? [] : await forWhomBackupsAre(cli, options)
    const more = recipients.filter((recipient) => !known.recipients.includes(recipient))
    if (more.length > 0) changes.push({ did: `Backups are for ${more.join(", ")}.`, apply: (text) => withRecipients(text, more) })
    const text = changes.reduce((so, { apply }) => apply(so), first)
    if (text === before) {
        await addMembers(cli, signers)
        return known.recipients.length
    }
    await judge(cli, text)
    const isServed = await agreeToRestart(cli, options)
    if (before === undefined) {
        await writeFileDurable(file, text, CONFIG_MODE, ownerOf(options, names))
        cli.output.note(`Wrote ${file}, every setting in it with its explanation.`)
    } else await replaceFile(file, text)
    for (const { did } of changes) cli.output.note(did)
    await addMembers(cli, signers)
    await restart(cli, isServed)
    return known.recipients.length + more.length
}

/** What is to be added to the configuration, and how that is told. */
type Change = { readonly did: string; readonly apply: (text: string) => string }

const SIGNERS = `group:${SIGN_GROUP}`

/** Who else reads the configuration: the machine's daemon does, and of somebody's own one nobody. */
export function ownerOf({ config }: SetUpOptions, names: NameLookup): { readonly gid?: number } {
    const gid = config === undefined ? names.group(DAEMON_USER) : undefined
    return gid === undefined ? {} : { gid }
}

async function addToken(cli: Cli, options: SetUpOptions, names: NameLookup): Promise<Change> {
    const { token: name = DEFAULT_TOKEN_NAME } = options
    const environment = variables(options)
    const found = await chooseToken(cli, options, environment, names)
    const { module, uri } = found
    return {
        did: `Configured token ${name}: ${describe(found)}, by ${module}.`,
        apply: (text) => withToken(text, { name, module, uri, environment }),
    }
}

function missing(error: unknown): undefined {
    if (error instanceof TrustkeyError && error.code === "not_found") return undefined
    throw error
}

/** The package makes them; a machine without it gets them here. */
async function makeGroups(cli: Cli, names: NameLookup): Promise<void> {
    for (const name of [SIGN_GROUP, ADMIN_GROUP].filter((group) => names.group(group) === undefined)) {
        await run(cli, "groupadd", ["--system", name])
        cli.output.note(`Made the group ${name}.`)
    }
}

async function addMembers(cli: Cli, signers: readonly string[]): Promise<void> {
    if (signers.length === 0) return
    const groups = await readTextFile("/etc/group")
    const members = new RegExp(`^${SIGN_GROUP}:[^:]*:[^:]*:(.*)$`, "m").exec(groups)?.[1]?.split(",") ?? []
    for (const name of signers.filter((signer) => !members.includes(signer))) {
        await run(cli, "usermod", ["--append", "--groups", SIGN_GROUP, name])
        cli.output.note(`Took ${name} into the group ${SIGN_GROUP}; that holds from the next login on.`)
    }
}

async function chooseToken(
    cli: Cli,
    options: SetUpOptions,
    environment: Readonly<Record<string, string>>,
    names: NameLookup,
): Promise<FoundToken> {
    const isDaemons = options.config === undefined && names.user(DAEMON_USER) !== undefined
    const search = await findTokens(cli, options.module ?? [], environment, isDaemons ? DAEMON_USER : undefined)
    for (const problem of search.problems) cli.output.warn(problem)
    const found = search.tokens.filter(({ serial }) => options.serial === undefined || sameNumber(serial, options.serial))
    const [only, ...others] = found
    if (only === undefined) throw noToken(search.asked, options)
    if (others.length === 0) return only
    const prompts = await cli.prompts()
    const list = found.map((token, index) => `  ${index + 1}  ${describe(token)}`).join("\n")
    if (!prompts.possible) throw new TrustkeyError("usage", `there are ${found.length} tokens; choose with --serial:\n${list}`)
    cli.output.subject(`Tokens:\n${list}`)
    const typed = (await prompts.line("Which one is for the root key (its number in this list)? ", "--serial")).trim()
    const chosen = /^\d+$/.test(typed) ? found[Number(typed) - 1] : undefined
    if (chosen === undefined) throw new TrustkeyError("declined", "no token was chosen")
    return chosen
}

function noToken(asked: readonly string[], { serial }: SetUpOptions): TrustkeyError {
    const which = serial === undefined ? "no token was found" : `no token with the serial number ${serial} was found`
    const where =
        asked.length === 0 ? "no PKCS#11 module is installed (YubiKeys: apt install pcscd ykcs11)" : `asked were ${asked.join(", ")}`
    return new TrustkeyError(
        "not_found",
        `${which}: ${where}. Insert it, name its module with --module, or keep the root key sealed with --sealed`,
    )
}

function sameNumber(one: string, other: string): boolean {
    return one.replace(/^0+/, "") === other.replace(/^0+/, "")
}

function describe({ label, serial, manufacturer, model }: FoundToken): string {
    const parts = [manufacturer, model, label === "" ? "" : `"${label}"`, serial === "" ? "" : `serial ${serial}`]
    return printable(parts.filter((part) => part !== "").join(" "))
}

/** @throws usage */
function variables({ environment = [] }: SetUpOptions): Readonly<Record<string, string>> {
    const pairs = environment.map((text) => {
        const [, name, value] = /^([A-Za-z_][A-Za-z0-9_]*)=(.*)$/s.exec(text) ?? []
        if (name === undefined || value === undefined) throw new TrustkeyError("usage", `--environment takes NAME=VALUE, and not ${text}`)
        return [name, value] as const
    })
    return Object.fromEntries(pairs)
}

async function whoSigns(cli: Cli, { signer }: SetUpOptions, named: readonly string[]): Promise<readonly string[]> {
    if (signer !== undefined) return signer
    if (named.includes(SIGNERS)) return []
    return await words(cli, "Who may ask for signatures besides root? Account names; empty: nobody yet. ", "--signer")
}

async function forWhomBackupsAre(cli: Cli, { backupRecipient }: SetUpOptions): Promise<readonly string[]> {
    return (
        backupRecipient ??
        (await words(cli, "For whom are backups? age recipients (age1...); empty: that comes later. ", "--backup-recipient"))
    )
}

/** Nobody there to ask: nothing, and what is next says it. */
async function words(cli: Cli, question: string, flag: string): Promise<readonly string[]> {
    const prompts = await cli.prompts()
    if (!prompts.possible) return []
    return (await prompts.line(question, flag)).split(/[\s,]+/).filter((word) => word !== "")
}

/** By the program that will read it: every mistake is its to say. */
async function judge(cli: Cli, text: string): Promise<void> {
    const { node, directory } = cli.context.programs
    await using scratch = await makeTemporaryDirectory("/tmp")
    const draft = path.join(scratch.path, "trustkeyd.toml")
    await writeFileDurable(draft, text, 0o600)
    const { code, said } = await capture(cli, node, [
        "--jitless",
        path.join(directory, "trustkeyd.cjs"),
        "--check-config",
        "--config",
        draft,
    ])
    if (code === 0) return
    const lines = said.replaceAll(draft, "the configuration").replace(/^trustkeyd: /, "")
    throw new TrustkeyError("config_invalid", `${lines.replace(/ \[[a-z_]+\]$/, "")}; nothing was written`)
}

/**
 * Tokens and recipients are read at start. Asked before anything is written: whoever says no has the configuration that is in force.
 *
 * @returns whether systemd runs the daemon, so that we can restart it
 * @throws declined, no_terminal
 */
async function agreeToRestart(cli: Cli, { restart, config }: SetUpOptions): Promise<boolean> {
    const isBooted = config === undefined && (await fileMode("/run/systemd/system"))?.kind === "directory"
    if (!isBooted || (await capture(cli, "systemctl", ["cat", SERVICE])).code !== 0) return false
    if (restart === true || (await capture(cli, "systemctl", ["is-active", "--quiet", SERVICE])).code !== 0) return true
    const { unlockedKeys } = await (await cli.daemon()).status()
    const question = `The daemon has to be restarted for a new configuration, which locks ${unlockedKeys} unlocked keys. Now?`
    if (unlockedKeys > 0 && !(await (await cli.prompts()).confirm(question, "--restart")))
        throw new TrustkeyError("declined", "nothing was written, and the daemon goes on as it was")
    return true
}

/** @throws daemon_unreachable: only a person can */
async function restart(cli: Cli, isServed: boolean): Promise<void> {
    if (!isServed)
        throw new TrustkeyError(
            "daemon_unreachable",
            "the configuration is written: restart the daemon, then run trustkey init again, which goes on from here",
        )
    await run(cli, "systemctl", ["restart", SERVICE])
    cli.output.note("Restarted the daemon.")
}

/** @throws config_invalid with the program's last line */
async function run(cli: Cli, program: string, args: readonly string[]): Promise<void> {
    const { code, said } = await capture(cli, program, args)
    if (code !== 0)
        throw new TrustkeyError("config_invalid", printable(`${[program, ...args].join(" ")}: ${said.split("\n").at(-1) ?? ""}`))
}

async function capture(cli: Cli, program: string, args: readonly string[]): Promise<{ readonly code: number; readonly said: string }> {
    const said: Buffer[] = []
    const keep = (piece: Buffer): void => void said.push(piece)
    const env = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C.UTF-8" }
    const code = await cli.context.terminal.run(program, args, { env, withoutStdin: true, onStdout: keep, onStderr: keep })
    return { code, said: Buffer.concat(said).toString().trim() }
}
