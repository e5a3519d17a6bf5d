import path from "node:path"
import { TrustkeyError } from "../../errors.ts"
import { type FileFacts, fileMode, listDirectory, type NameLookup, parseNameDatabase, readTextFile } from "../../storage/index.ts"
import type { Cli } from "../context.ts"

/** A socket, and the directory in which somebody could put another one in its place. Undefined: not there, or not to be seen. */
export type SocketFile = {
    readonly which: "sign" | "admin"
    readonly path: string
    readonly file: FileFacts | undefined
    readonly directory: FileFacts | undefined
}

export type Swap = { readonly name: string; readonly safe: boolean }

/** A process of a systemd service. */
export type ServiceProcess = {
    readonly service: "trustkeyd" | "pcscd"
    readonly pid: string
    readonly name: string
    /** Its soft limit, as the kernel writes it: bytes, or "unlimited". */
    readonly coreLimit: string
    /** proc(5): its files belong to root when it may not be dumped. Of a process of root that can't be told. */
    readonly dumpable: boolean
}

/** A credential that the unit has systemd bring. Undefined: nothing is wrong with its file, or who runs the doctor can't tell. */
export type UnitCredential = { readonly name: string; readonly fault: string | undefined }

/** What the doctor sees of the machine without asking the daemon. */
export type Machine = {
    readonly names: NameLookup
    /** Who runs the doctor. */
    readonly uid: number | undefined
    readonly sockets: readonly SocketFile[]
    readonly configuration: { readonly path: string; readonly file: FileFacts | undefined }
    readonly swaps: readonly Swap[]
    /** Whether the daemon's memory may be swapped out at all (memory.swap.max of its control group). */
    readonly daemonSwaps: boolean
    readonly processes: readonly ServiceProcess[]
    /** core(5): empty is none, "|" a program. */
    readonly corePattern: string
    /** undefined: nobody here knows. */
    readonly clockSynchronized: boolean | undefined
    /** When this program was built: no time before it is right. */
    readonly built: Date | undefined
    readonly pcscd: { readonly asksPolkit: boolean; readonly hasRule: boolean }
    readonly credentials: readonly UnitCredential[]
}

const CONFIGURATION = "/etc/trustkeyd/trustkeyd.toml"
/** pcsc-lite installs it when it was built to ask polkit; Debian's does from 13 on. */
const PCSC_ACTIONS = "/usr/share/polkit-1/actions/org.debian.pcsc-lite.policy"
const POLKIT_RULES = ["/usr/share/polkit-1/rules.d", "/etc/polkit-1/rules.d", "/usr/local/share/polkit-1/rules.d"]
/** Version 2, and the two places version 1 has in a hybrid hierarchy. */
const CONTROL_GROUPS = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd"]

/** @param root where the machine's files are looked for: `/`, but for tests */
export async function lookAtMachine(cli: Cli, root = "/"): Promise<Machine> {
    const files = new MachineFiles(root)
    return {
        names: parseNameDatabase(await files.text("/etc/passwd"), await files.text("/etc/group")),
        uid: cli.context.uid,
        sockets: await Promise.all((["sign", "admin"] as const).map((which) => lookAtSocket(which, cli.socketPath(which)))),
        configuration: { path: CONFIGURATION, file: await files.facts(CONFIGURATION) },
        swaps: await swapsOf(files),
        daemonSwaps: !(await swapIsForbidden(files)),
        processes: (await Promise.all((["trustkeyd", "pcscd"] as const).map((service) => processesOf(files, service)))).flat(),
        corePattern: (await files.text("/proc/sys/kernel/core_pattern")).trim(),
        clockSynchronized: await isSynchronized(cli),
        built: (await seen(path.join(cli.context.programs.directory, "client.cjs")))?.modified,
        pcscd: await pcscdOf(files),
        credentials: await credentialsOf(cli, files),
    }
}

/** Home directories of this machine's users, each once; the user's own first. Those that can't be looked into say nothing. */
export async function homeDirectories(own: string, root = "/"): Promise<readonly string[]> {
    const passwd = await new MachineFiles(root).text("/etc/passwd")
    const homes = passwd.split("\n").map((line) => line.split(":")[5] ?? "")
    return [...new Set([own, ...homes.filter((home) => path.isAbsolute(home) && home !== "/")])]
}

/** What can't be read is as if it weren't there: no check rests on its absence alone. */
class MachineFiles {
    readonly #root: string

    constructor(root: string) {
        this.#root = root
    }

    async text(file: string): Promise<string> {
        return await readTextFile(path.join(this.#root, file)).catch(nothing("" as string))
    }

    async list(directory: string): Promise<readonly string[]> {
        return await listDirectory(path.join(this.#root, directory)).catch(nothing<readonly string[]>([]))
    }

    async facts(file: string): Promise<FileFacts | undefined> {
        return await seen(path.join(this.#root, file))
    }
}

function nothing<T>(value: T): (error: unknown) => T {
    return (error) => {
        if (error instanceof TrustkeyError) return value
        throw error
    }
}

async function seen(file: string): Promise<FileFacts | undefined> {
    return await fileMode(file).catch(nothing<FileFacts | undefined>(undefined))
}

async function lookAtSocket(which: SocketFile["which"], file: string): Promise<SocketFile> {
    return { which, path: file, file: await seen(file), directory: await seen(path.dirname(path.resolve(file))) }
}

async function swapsOf(files: MachineFiles): Promise<readonly Swap[]> {
    const [, ...lines] = (await files.text("/proc/swaps")).split("\n")
    const names = lines.flatMap((line) => line.split(/\s/)[0] || [])
    return await Promise.all(names.map(async (name) => ({ name, safe: await isSafe(files, path.basename(name)) })))
}

/** Encrypted by the kernel, or in memory; a file on a file system is not known to be. */
async function isSafe(files: MachineFiles, device: string): Promise<boolean> {
    const place = `/sys/class/block/${device}`
    if (/^zram\d+$/.test(device)) return /^(?:none\s*)?$/.test(await files.text(`${place}/backing_dev`))
    if ((await files.text(`${place}/dm/uuid`)).startsWith("CRYPT-")) return true
    const below = await files.list(`${place}/slaves`)
    return below.length > 0 && (await Promise.all(below.map((name) => isSafe(files, name)))).every(Boolean)
}

async function swapIsForbidden(files: MachineFiles): Promise<boolean> {
    const limits = CONTROL_GROUPS.map((base) => files.text(`${base}/system.slice/trustkeyd.service/memory.swap.max`))
    return (await Promise.all(limits)).some((text) => text.trim() === "0")
}

async function processesOf(files: MachineFiles, service: ServiceProcess["service"]): Promise<readonly ServiceProcess[]> {
    const lists = await Promise.all(CONTROL_GROUPS.map((base) => files.text(`${base}/system.slice/${service}.service/cgroup.procs`)))
    const pids = new Set(lists.flatMap((list) => list.split("\n").filter((line) => /^\d+$/.test(line))))
    return (await Promise.all([...pids].map((pid) => lookAtProcess(files, service, pid)))).flat()
}

async function lookAtProcess(files: MachineFiles, service: ServiceProcess["service"], pid: string): Promise<readonly ServiceProcess[]> {
    const limits = `/proc/${pid}/limits`
    const [, coreLimit] = /^Max core file size\s+(\S+)/m.exec(await files.text(limits)) ?? []
    const [, uid] = /^Uid:\s+(\d+)/m.exec(await files.text(`/proc/${pid}/status`)) ?? []
    // It has just ended.
    if (coreLimit === undefined || uid === undefined) return []
    const name = (await files.text(`/proc/${pid}/comm`)).trim()
    const dumpable = uid !== "0" && (await files.facts(limits))?.uid === Number(uid)
    return [{ service, pid, name, coreLimit, dumpable }]
}

/** The kernel's word, whichever program keeps the clock: timedatectl(1). */
async function isSynchronized(cli: Cli): Promise<boolean | undefined> {
    const text = (await ask(cli, "timedatectl", ["show", "--property=NTPSynchronized", "--value"]))?.stdout.trim()
    return text === "yes" || text === "no" ? text === "yes" : undefined
}

/** systemd starts nothing when it can't read one of them, and says of none which it was. A relative path is a matter of systemd's own. */
async function credentialsOf(cli: Cli, files: MachineFiles): Promise<readonly UnitCredential[]> {
    const unit = (await ask(cli, "systemctl", ["cat", "--no-pager", "trustkeyd.service"]))?.stdout ?? ""
    let lines: { readonly kind: string; readonly name: string; readonly file: string }[] = []
    for (const [, kind = "", value = ""] of unit.matchAll(/^LoadCredential(Encrypted|)=(.*)$/gm)) {
        const [name = "", ...rest] = value.trim().split(":")
        // Without a value what was there before is forgotten: systemd.exec(5).
        lines = name === "" ? lines.filter((line) => line.kind !== kind) : [...lines, { kind, name, file: rest.join(":") }]
    }
    return await Promise.all(
        lines
            .filter(({ file }) => path.isAbsolute(file))
            .map(async ({ kind, name, file }) => ({ name, fault: await faultOf(cli, files, kind === "Encrypted", name, file) })),
    )
}

/** Root alone may try; what is in it goes nowhere. */
async function faultOf(cli: Cli, files: MachineFiles, isEncrypted: boolean, name: string, file: string): Promise<string | undefined> {
    if (cli.context.uid !== 0) return undefined
    if ((await files.facts(file)) === undefined) return `${file} is not there`
    const tried = isEncrypted ? await ask(cli, "systemd-creds", ["decrypt", `--name=${name}`, file, "/dev/null"]) : undefined
    return tried === undefined || tried.code === 0 ? undefined : `${file} does not open on this machine under this name`
}

/** What a program of systemd's says. Undefined: there is none. */
async function ask(
    cli: Cli,
    program: string,
    args: readonly string[],
): Promise<{ readonly code: number; readonly stdout: string } | undefined> {
    const { terminal, env } = cli.context
    const answer: Buffer[] = []
    const options = { env, withoutStdin: true, onStdout: (piece: Buffer) => void answer.push(piece), onStderr: () => {} }
    try {
        const code = await terminal.run(program, args, options)
        return { code, stdout: Buffer.concat(answer).toString() }
    } catch (error) {
        if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "EACCES")) return undefined
        throw error
    }
}

async function pcscdOf(files: MachineFiles): Promise<Machine["pcscd"]> {
    const asksPolkit = (await files.facts(PCSC_ACTIONS)) !== undefined
    if (!asksPolkit) return { asksPolkit, hasRule: false }
    const rules = await Promise.all(
        POLKIT_RULES.map(async (directory) => {
            const names = await files.list(directory)
            return await Promise.all(names.map((name) => files.text(path.join(directory, name))))
        }),
    )
    const hasRule = rules.flat().some((text) => text.includes("org.debian.pcsc-lite.access_pcsc") && text.includes("trustkeyd"))
    return { asksPolkit, hasRule }
}
