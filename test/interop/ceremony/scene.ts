import assert from "node:assert/strict"
import { mkdir, writeFile } from "node:fs/promises"
import path from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { type Daemon, startDaemon } from "../../support/daemon.ts"
import type { KillSwitch } from "../../support/kill-switch.ts"
import { type CommandResult, mustRun, runCommand } from "../../support/process.ts"
import { type SoftHsm, startSoftHsm } from "../../support/softhsm.ts"
import { openTrustRig, type TrustRig } from "../../support/trust-rig.ts"

const TRUSTKEY = fileURLToPath(new URL("../../../dist/trustkey.cjs", import.meta.url))
export const TOKENS = ["vault-a", "vault-b", "vault-c", "vault-d"] as const

/**
 * Two machines, each in a network of its own: `online` with a real Notary and a daemon that holds the other keys; `vault` with four tokens and no
 * network at all. A directory is the stick that goes between them.
 */
export type Scene = AsyncDisposable & {
    readonly rig: TrustRig
    readonly vault: Daemon
    readonly tokens: Readonly<Record<string, SoftHsm>>
    /** A place for plans, sticks and public keys. */
    readonly directory: string
    /** `trustkey` at the vault, in its network; whatever it ends with. */
    atVault(args: readonly string[], env?: Readonly<Record<string, string>>, input?: string): Promise<CommandResult>
    /** The same, which has to succeed; its stdout. */
    vaultOk(args: readonly string[]): Promise<string>
    /** The same, which has to refuse. */
    vaultRefuses(args: readonly string[], code: string): Promise<string>
    /** Flags that give a token's PIN. */
    pin(token: string): readonly string[]
    readonly closeFlags: readonly string[]
}

export async function openScene(): Promise<Scene> {
    await using opened = new AsyncDisposableStack()
    const rig = opened.use(await openTrustRig())
    const network = `tkd-vault-${process.pid}`
    await mustRun("ip", ["netns", "add", network])
    opened.defer(async () => {
        await mustRun("ip", ["netns", "del", network])
    })
    const tokens: Record<string, SoftHsm> = {}
    for (const name of TOKENS) tokens[name] = opened.use(await startSoftHsm({ label: name }))
    const inside = ["ip", "netns", "exec", network]
    const vault = opened.use(await startDaemon({ tokens, wrapper: inside }))
    const directory = path.join(vault.directory, "table")
    await mkdir(directory)
    for (const [name, { userPin }] of Object.entries(tokens)) {
        await writeFile(path.join(directory, `${name}.pin`), `${userPin}\n`, { mode: 0o600 })
    }
    const atVault: Scene["atVault"] = (args, env = {}, input) => {
        const variables = {
            PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
            HOME: vault.directory,
            TRUSTKEYD_SOCKET: vault.signSocket,
            TRUSTKEYD_ADMIN_SOCKET: vault.adminSocket,
            ...env,
        }
        const set = Object.entries(variables).map(([name, value]) => `${name}=${value}`)
        const [ip = "", ...rest] = inside
        return runCommand(ip, [...rest, "env", "-i", ...set, process.execPath, TRUSTKEY, ...args], input === undefined ? {} : { input })
    }
    const vaultOk: Scene["vaultOk"] = async (args) => {
        const { status, stdout, stderr } = await atVault(args)
        assert.equal(status, 0, `trustkey ${args.join(" ")}: ${stdout}${stderr}\n${vault.service.log()}`)
        return stdout
    }
    const closing = async (name: string): Promise<readonly [string, string]> => {
        const passphrase = path.join(directory, `${name}.passphrase`)
        await writeFile(passphrase, `the ${name}'s passphrase\n`, { mode: 0o600 })
        const made = JSON.parse(
            await vaultOk(["key", "create", "--purpose", "ceremony", "--label", name, "--passphrase-file", passphrase, "--json"]),
        ) as { id: string }
        const file = path.join(directory, `${name}.pub`)
        await vaultOk(["key", "public", made.id, "--out", file])
        return [passphrase, file]
    }
    const [vaultPassphrase] = await closing("vault")
    const [witnessPassphrase] = await closing("witness")
    const everything = opened.move()
    return {
        rig,
        vault,
        tokens,
        directory,
        atVault,
        vaultOk,
        vaultRefuses: async (args, code) => {
            const { status, stdout, stderr } = await atVault(args)
            assert.match(stderr, new RegExp(`\\[${code}\\]`), `trustkey ${args.join(" ")} (${status}): ${stdout}${stderr}`)
            return stderr
        },
        pin: (token) => ["--pin-file", path.join(directory, `${token}.pin`)],
        closeFlags: ["--passphrase-file", vaultPassphrase, "--witness-passphrase-file", witnessPassphrase],
        [Symbol.asyncDispose]: () => everything.disposeAsync(),
    }
}

/** What `ceremony resume` says. */
export async function standing(scene: Scene, directory: string): Promise<{ phase: string; records: number; next: readonly string[] }> {
    return JSON.parse(await scene.vaultOk(["ceremony", "resume", directory, "--json"])) as {
        phase: string
        records: number
        next: string[]
    }
}

/**
 * A command at the vault, killed where it writes, in the row of writes `first` and then in each that follows (every `stride`th), until it gets to its
 * end. After each the ceremony goes on from where it was.
 *
 * @returns how often it was killed
 */
export async function killedOnTheWay(
    scene: Scene,
    killSwitch: KillSwitch,
    stick: string,
    args: readonly string[],
    stride = 1,
): Promise<number> {
    const { records, phase } = await standing(scene, stick)
    for (let kills = 0, row = 1; ; row += stride, kills += 1) {
        killSwitch.set({ row, write: 0, moment: "before" })
        const result = await scene.atVault(args, killSwitch.env).catch((error: unknown) => {
            assert.match(String(error), /was ended by SIGKILL/)
            return undefined
        })
        if (result !== undefined) {
            assert.equal(result.status, 0, `${args.join(" ")}: ${result.stdout}${result.stderr}`)
            return kills
        }
        const now = await standing(scene, stick)
        assert.ok(now.records === records || now.records === records + 1, `${records} records became ${now.records}`)
        // On record although nobody was told: it is done. A close is signed after that.
        if (now.phase === "ended" && phase !== "ended") continue
        if (now.records > records || (phase === "ended" && now.phase === "closed")) return kills + 1
    }
}

/** The same for a command online, which has to be possible again until it succeeds. */
export async function killedOnline(
    scene: Scene,
    killSwitch: KillSwitch,
    args: readonly string[],
    between: () => Promise<void> = async () => {},
): Promise<number> {
    for (let kills = 0; ; kills += 1) {
        killSwitch.set({ row: kills + 1, write: 0, moment: "before" })
        try {
            await scene.rig.ok(args, { env: killSwitch.env })
            return kills
        } catch (error) {
            if (String(error).includes("has a bundle already")) return kills
            assert.match(String(error), /was ended by SIGKILL/)
        }
        await between()
    }
}

export async function until(holds: () => Promise<boolean>): Promise<void> {
    for (let attempt = 0; !(await holds()); attempt += 1) {
        assert.ok(attempt < 50, "it never came about")
        await sleep(100)
    }
}

/** SHA-256 of the plan, and the codes of the differences, as people read them off the paper. */
export async function planHash(file: string): Promise<string> {
    return (await mustRun("sha256sum", [file])).slice(0, 64)
}
