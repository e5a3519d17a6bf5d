import { createPublicKey, randomBytes } from "node:crypto"
import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises"
import path from "node:path"
import { type CommandResult, mustRun, runCommand } from "../../support/process.ts"
import { startSoftHsm } from "../../support/softhsm.ts"
import { makeWorkingDirectory } from "../../support/temp.ts"
import { type ProvisionedKey, type ProvisionedKind, ToolRefused } from "./contract-module.ts"

export const SOFTHSM_LABEL = "trust"
export const SOFTHSM_PIN = "483920"

export type ShelvedToken = {
    readonly serial: string
    /** With SoftHSM's own tools, and opensc's. */
    provision(kind: ProvisionedKind, id?: string): Promise<ProvisionedKey>
    putAway(): Promise<void>
    putBack(): Promise<void>
    destroy(): Promise<void>
}

/** SoftHSM tokens that can be put in and taken out: each is a directory. */
export type SoftHsmShelf = AsyncDisposable & {
    readonly directory: string
    readonly module: string
    readonly moduleEnv: Readonly<Record<string, string>>
    /** A fresh token, in its place. All have the same label and the same PIN. */
    make(): Promise<ShelvedToken>
}

export async function openSoftHsmShelf(): Promise<SoftHsmShelf> {
    const directory = await makeWorkingDirectory("softhsm-shelf")
    // It knows where the module is.
    const { module, stop } = await startSoftHsm()
    await stop()
    const place = (...names: string[]): string => path.join(directory.path, ...names)
    await Promise.all(["tokens", "shelf"].map((name) => mkdir(place(name), { mode: 0o700 })))
    const conf = place("softhsm2.conf")
    await writeFile(
        conf,
        `directories.tokendir = ${place("tokens")}\nobjectstore.backend = file\nlog.level = ERROR\nslots.removable = false\n`,
    )
    const moduleEnv = { SOFTHSM2_CONF: conf }
    const env = { ...moduleEnv, PATH: "/usr/bin:/bin", HOME: directory.path, LC_ALL: "C.UTF-8" }
    return {
        directory: directory.path,
        module,
        moduleEnv,
        make: async () => {
            const known = new Set(await readdir(place("tokens")))
            const pins = ["--pin", SOFTHSM_PIN, "--so-pin", "48392000"]
            const printed = await mustRun("softhsm2-util", ["--init-token", "--free", "--label", SOFTHSM_LABEL, ...pins], { env })
            const name = (await readdir(place("tokens"))).find((each) => !known.has(each))
            const slot = /reassigned to slot (\d+)/.exec(printed)?.[1]
            if (name === undefined || slot === undefined) throw new Error(`softhsm2-util made no token: ${printed}`)
            // SoftHSM's serial is the end of the name.
            const serial = name.replaceAll("-", "").slice(-16)
            return {
                serial,
                provision: (kind, id) => provision({ env, module, directory: directory.path }, serial, kind, id),
                putAway: () => rename(place("tokens", name), place("shelf", name)),
                putBack: () => rename(place("shelf", name), place("tokens", name)),
                destroy: async () => {
                    for (const where of ["tokens", "shelf"]) await rm(place(where, name), { recursive: true, force: true })
                },
            }
        },
        [Symbol.asyncDispose]: directory.remove,
    }
}

export type ToolPlace = {
    readonly env: Readonly<Record<string, string>>
    readonly module: string
    readonly directory: string
    /** A command line where the module works; default: as it is. */
    readonly enter?: (program: readonly string[]) => readonly [command: string, args: readonly string[]]
}

async function provision(place: ToolPlace, serial: string, kind: ProvisionedKind, given?: string): Promise<ProvisionedKey> {
    const id = given ?? randomBytes(4).toString("hex")
    if (kind === "imported") {
        const file = path.join(place.directory, `${id}.pem`)
        const publicKey = await makeKeyFile(file)
        const where = ["--serial", serial, "--pin", SOFTHSM_PIN]
        await mustRun("softhsm2-util", ["--import", file, ...where, "--label", KEY_LABEL, "--id", id], { env: place.env })
        return { id, publicKey }
    }
    return generateByTool(place, await slotOf(place, serial), SOFTHSM_PIN, id, "EC:prime256v1", kind)
}

export const KEY_LABEL = "of the contract"

export async function makeKeyFile(file: string): Promise<string> {
    await mustRun("openssl", ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", file])
    return mustRun("openssl", ["pkey", "-in", file, "-pubout"])
}

/** pkcs11-tool's slot for a token, by what it shows. */
export async function slotOf({ env, module }: ToolPlace, serial: string): Promise<string> {
    const shown = await mustRun("pkcs11-tool", ["--module", module, "--list-token-slots"], { env })
    let slot: string | undefined
    for (const line of shown.split("\n")) {
        slot = /^Slot \d+ \((0x[0-9a-f]+)\)/.exec(line)?.[1] ?? slot
        if (/^\s+serial num\s+:/.test(line) && line.includes(serial) && slot !== undefined) return slot
    }
    throw new Error(`no token has the serial ${serial}: ${shown}`)
}

/** Make a key with pkcs11-tool. @throws ToolRefused when the module doesn't make such keys */
export async function generateByTool(
    place: ToolPlace,
    slot: string,
    pin: string,
    id: string,
    keyType: string,
    kind: ProvisionedKind,
): Promise<ProvisionedKey> {
    const { module, directory } = place
    const base = ["--module", module, "--slot", slot, "--login", "--pin", pin]
    const always = kind === "always" ? ["--always-auth"] : []
    const names = ["--id", id, "--label", KEY_LABEL]
    const made = await runTool(place, [...base, "--keypairgen", "--key-type", keyType, "--usage-sign", ...names, ...always])
    if (made.status !== 0) throw new ToolRefused(`pkcs11-tool: ${made.stderr}`)
    const file = path.join(directory, `${id}.der`)
    const read = await runTool(place, [...base, "--read-object", "--type", "pubkey", "--id", id, "--output-file", file])
    if (read.status !== 0) throw new Error(`pkcs11-tool doesn't show the key it has made: ${read.stderr}`)
    const pem = await mustRun("openssl", ["pkey", "-pubin", "-inform", "DER", "-in", file])
    return { id, publicKey: createPublicKey(pem).export({ type: "spki", format: "pem" }).toString() }
}

function runTool({ env, enter }: ToolPlace, args: readonly string[]): Promise<CommandResult> {
    const [command, all] = enter?.(["pkcs11-tool", ...args]) ?? ["pkcs11-tool", args]
    return runCommand(command, all, { env })
}
