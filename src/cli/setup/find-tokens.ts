import path from "node:path"
import { fileMode } from "../../storage/index.ts"
import type { Cli } from "../context.ts"
import { printable } from "../output.ts"

/** A token that nobody has configured yet. */
export type FoundToken = {
    readonly module: string
    readonly uri: string
    readonly label: string
    readonly serial: string
    readonly manufacturer: string
    readonly model: string
    readonly description: string
}

export type Search = {
    /** Modules that were asked, and what those said that could not answer. */
    readonly asked: readonly string[]
    readonly problems: readonly string[]
    readonly tokens: readonly FoundToken[]
}

const LIBRARIES = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib"]
/** Where Debian's packages have them; the first of a line that is there counts, and Yubico's before OpenSC's, which knows the same cards. */
const MODULES = [
    ["libykcs11.so", "libykcs11.so.2"],
    ["opensc-pkcs11.so"],
    ["pkcs11/yubihsm_pkcs11.so"],
    ["softhsm/libsofthsm2.so"],
    ["libtpm2_pkcs11.so.1", "pkcs11/libtpm2_pkcs11.so"],
]
const SECONDS = "30"
const MOST_OUTPUT = 1024 * 1024

/**
 * Have each module say what is in it, in a process of its own that ends after 30 seconds, with the environment the daemon would give it.
 *
 * @param given modules to ask instead of the usual ones
 * @param user as whom: what the daemon's user can't reach, the daemon won't find
 */
export async function findTokens(
    cli: Cli,
    given: readonly string[],
    environment: Readonly<Record<string, string>>,
    user: string | undefined,
): Promise<Search> {
    const asked = given.length > 0 ? given : await installedModules()
    const problems: string[] = []
    const tokens: FoundToken[] = []
    for (const module of asked) {
        const answer = await ask(cli, module, environment, user)
        if (typeof answer === "string") problems.push(`${module}: ${answer}`)
        else tokens.push(...answer)
    }
    return { asked, problems, tokens: withoutTwins(tokens) }
}

async function installedModules(): Promise<readonly string[]> {
    const found: string[] = []
    for (const names of MODULES) {
        const places = LIBRARIES.flatMap((directory) => names.map((name) => path.join(directory, name)))
        for (const place of places) {
            if ((await fileMode(place).catch(() => undefined))?.kind !== "file") continue
            found.push(place)
            break
        }
    }
    return found
}

async function ask(
    cli: Cli,
    module: string,
    environment: Readonly<Record<string, string>>,
    user: string | undefined,
): Promise<readonly FoundToken[] | string> {
    const { terminal, programs } = cli.context
    const program = [programs.node, "--jitless", path.join(programs.directory, "signer-pkcs11.cjs"), "--list-tokens", module]
    // In a session of its own: whoever is that user could type into root's terminal by way of a process that has it (TIOCSTI, ioctl_tty(2)).
    // timeout(1) still reaches it: setsid(1) forks only where it leads a process group, and that is timeout.
    const as = user === undefined ? [] : ["setsid", "setpriv", `--reuid=${user}`, `--regid=${user}`, "--init-groups", "--no-new-privs"]
    const said: Buffer[] = []
    const printed: Buffer[] = []
    const code = await terminal.run("timeout", ["--kill-after=1", SECONDS, ...as, ...program], {
        env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", ...environment },
        withoutStdin: true,
        onStdout: (piece) => void printed.push(piece),
        onStderr: (piece) => void said.push(piece),
    })
    const lastWords = Buffer.concat(said).toString().trim().split("\n").at(-1) ?? ""
    if (code === 124 || code === 137) return `did not answer within ${SECONDS} seconds`
    if (code !== 0) return printable(lastWords === "" ? `ended with ${code}` : lastWords)
    return parseTokens(module, Buffer.concat(printed))
}

/** What our own program writes, in its last line; a module may speak after it, and then it is not known. */
function parseTokens(module: string, output: Buffer): readonly FoundToken[] | string {
    const list = output.length > MOST_OUTPUT ? undefined : jsonOf(output.toString().trim().split("\n").at(-1) ?? "")
    if (!Array.isArray(list) || list.some((token) => typeof token !== "object" || token === null)) return "what it said can't be understood"
    return list.map((token: Readonly<Record<string, unknown>>) => {
        const text = (name: string): string => (typeof token[name] === "string" ? token[name] : "")
        const facts = { uri: text("uri"), label: text("label"), serial: text("serial") }
        return { ...facts, module, manufacturer: text("manufacturer"), model: text("model"), description: text("description") }
    })
}

function jsonOf(line: string): unknown {
    try {
        return JSON.parse(line)
    } catch {
        return undefined
    }
}

/** A YubiKey is seen by Yubico's module and by OpenSC's: with the first the daemon knows its serial number and manages it. */
function withoutTwins(tokens: readonly FoundToken[]): readonly FoundToken[] {
    const readers = new Set(tokens.filter(({ module }) => module.includes("ykcs11")).map(({ description }) => description))
    return tokens.filter(({ module, description }) => !module.includes("opensc") || !readers.has(description))
}
