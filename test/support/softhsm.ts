import { randomBytes, randomInt } from "node:crypto"
import { existsSync } from "node:fs"
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises"
import path from "node:path"
import { mustRun, runCommand } from "./process.ts"
import { makeWorkingDirectory } from "./temp.ts"

export type SoftHsm = AsyncDisposable & {
    /** The PKCS#11 module of the distribution. */
    readonly module: string
    /** The value for SOFTHSM2_CONF. */
    readonly conf: string
    readonly label: string
    readonly serial: string
    readonly userPin: string
    readonly soPin: string
    /** All that a process which loads the module needs in its environment. */
    readonly moduleEnv: Readonly<Record<string, string>>
    /** The environment in which the module finds the token: ours, with SOFTHSM2_CONF. */
    readonly env: Readonly<Record<string, string>>
    stop(): Promise<void>
}

export type SoftHsmOptions = { readonly label?: string; readonly directory?: string }

/** A fresh software token with PINs of its own; one made earlier in the same directory is used again. */
export async function startSoftHsm(options: SoftHsmOptions = {}): Promise<SoftHsm> {
    const directory = await makeWorkingDirectory("softhsm", options.directory)
    try {
        const module = await findModule()
        const conf = path.join(directory.path, "softhsm2.conf")
        const tokens = path.join(directory.path, "tokens")
        const env = { ...inheritedEnvironment(), SOFTHSM2_CONF: conf }
        await mkdir(tokens, { recursive: true, mode: 0o700 })
        await writeFile(
            conf,
            [`directories.tokendir = ${tokens}`, "objectstore.backend = file", "log.level = ERROR", "slots.removable = false", ""].join(
                "\n",
            ),
        )
        const { label, userPin, soPin } = await readOrChoosePins(directory.path, options.label ?? "trustkeyd-test")
        if ((await findSerial(module, env, label)) === undefined) {
            const pins = ["--pin", userPin, "--so-pin", soPin]
            await mustRun("softhsm2-util", ["--init-token", "--free", "--label", label, ...pins], { env })
        }
        const serial = await findSerial(module, env, label)
        if (serial === undefined) throw new Error(`softhsm2-util reported success, but no token is labelled ${label}`)
        const moduleEnv = { SOFTHSM2_CONF: conf }
        const stop = directory.remove
        return { module, conf, label, serial, userPin, soPin, moduleEnv, env, stop, [Symbol.asyncDispose]: stop }
    } catch (error) {
        await directory.remove()
        throw error
    }
}

function inheritedEnvironment(): Record<string, string> {
    return Object.fromEntries(Object.entries(process.env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])))
}

type Pins = { readonly label: string; readonly userPin: string; readonly soPin: string }

async function readOrChoosePins(directory: string, label: string): Promise<Pins> {
    const file = path.join(directory, "pins")
    if (existsSync(file)) {
        const [keptLabel, userPin, soPin] = (await readFile(file, "utf8")).split("\n")
        if (keptLabel !== label || userPin === undefined || soPin === undefined) {
            throw new Error(`${file} is not of the token ${label}; remove the directory to start afresh`)
        }
        return { label, userPin, soPin }
    }
    const pins = { label, userPin: String(randomInt(10_000_000, 100_000_000)), soPin: randomBytes(8).toString("hex") }
    await writeFile(file, `${pins.label}\n${pins.userPin}\n${pins.soPin}\n`)
    await chmod(file, 0o600)
    return pins
}

/** SoftHSM's module lies in /usr/lib/softhsm, or in the processor's own directory. */
async function findModule(): Promise<string> {
    const known = [
        "/usr/lib/softhsm/libsofthsm2.so",
        "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
        "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
    ].find((file) => existsSync(file))
    if (known !== undefined) return known
    const listed = await runCommand("dpkg-query", ["-L", "libsofthsm2"])
    const found = listed.stdout.split("\n").find((file) => file.endsWith("/libsofthsm2.so"))
    if (found === undefined) throw new Error("libsofthsm2.so not found; install it: apt-get install softhsm2")
    return found
}

/** The serial that pkcs11-tool shows for a token label. */
async function findSerial(module: string, env: Readonly<Record<string, string>>, label: string): Promise<string | undefined> {
    const slots = await mustRun("pkcs11-tool", ["--module", module, "--list-token-slots"], { env })
    let current: string | undefined
    for (const line of slots.split("\n")) {
        const field = /^\s+(token label|serial num)\s+:\s+(.*?)\s*$/.exec(line)
        if (field?.[1] === "token label") current = field[2]
        else if (field?.[1] === "serial num" && current === label) return field[2]
    }
    return undefined
}
