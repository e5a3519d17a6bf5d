import assert from "node:assert/strict"
import { createHash } from "node:crypto"
import { existsSync, globSync } from "node:fs"
import { chmod, mkdir, readdir, readFile, rename, rm, rmdir, stat, writeFile } from "node:fs/promises"
import path from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { type CommandOptions, type CommandResult, mustRun, runCommand, type Service, startService } from "./process.ts"
import { makeWorkingDirectory } from "./temp.ts"

export type Release = "bookworm" | "trixie"

/** A Debian that was really booted, in a container. Its root is ours: what is refused to it here would be refused to any. */
export type Machine = AsyncDisposable & {
    /** A command in it, as root or as `user`. */
    run(args: readonly string[], options?: MachineCommandOptions): Promise<CommandResult>
    /** One that has to succeed; its stdout. */
    ok(args: readonly string[], options?: MachineCommandOptions): Promise<string>
    /** A file in it, which is root's. Not under /run or /tmp. */
    write(file: string, content: string | Uint8Array, mode?: number): Promise<void>
    /** Down in order, and up again on the same disk. */
    reboot(): Promise<void>
}

export type MachineCommandOptions = {
    readonly user?: string
    readonly env?: Readonly<Record<string, string>>
    readonly input?: string
}

const KEPT_TREES = path.resolve(import.meta.dirname, "../../packaging/build/trees")
const KEPT_MILLISECONDS = 7 * 86_400_000
const PACKAGES = "systemd,systemd-sysv,init-system-helpers,softhsm2,libstdc++6,pcscd,polkitd,ykcs11"
const NAME_PREFIX = "trustkeyd-test-"
const PATH = "/usr/sbin:/usr/bin:/sbin:/bin"

/** What systemd(1) does on these when it is the first process. */
const SIGRTMIN = 34
const REBOOT = SIGRTMIN + 5
const POWER_OFF = SIGRTMIN + 4
/** systemd-nspawn leaves it to us to start it again. */
const REBOOTING = 133

/** A small Debian with systemd, as an archive; made from the machine's own package sources, and kept for a week. */
export async function debianTree(release: Release): Promise<string> {
    const kind = createHash("sha256").update(PACKAGES).digest("hex").slice(0, 8)
    const file = path.join(KEPT_TREES, `${release}-${kind}.tar`)
    const facts = await stat(file).catch(() => undefined)
    if (facts !== undefined && Date.now() - facts.mtimeMs < KEPT_MILLISECONDS) return file
    await mkdir(KEPT_TREES, { recursive: true })
    const unfinished = path.join(KEPT_TREES, `${release}.${process.pid}.tar`)
    try {
        const args = ["--variant=minbase", `--include=${PACKAGES}`, release, unfinished, await mirror()]
        await mustRun("mmdebstrap", ["--quiet", ...args], { timeoutMs: 600_000 })
        await rename(unfinished, file)
    } finally {
        await rm(unfinished, { force: true })
    }
    return file
}

/** Where this machine has its Debian packages from. */
async function mirror(): Promise<string> {
    const policy = await mustRun("apt-get", ["indextargets", "--format", "$(SITE)", "Label: Debian", "Identifier: Packages"])
    const site = policy.split("\n").find((line) => /^https?:/.test(line))
    assert.ok(site !== undefined, "apt has no Debian archive to make a tree from")
    return site
}

/** A fresh machine of the release, up. */
export async function bootMachine(release: Release): Promise<Machine> {
    await sweep()
    const tree = await debianTree(release)
    const directory = await makeWorkingDirectory("machine")
    const name = `${NAME_PREFIX}${process.pid}-${release}`
    const root = path.join(directory.path, "root")
    let booted: Booted | undefined
    const end = async (): Promise<void> => {
        await booted?.powerOff()
        await removeControlGroups(name)
        await directory.remove()
    }
    try {
        await mkdir(root)
        await mustRun("tar", ["-xf", tree, "-C", root])
        await writeFile(path.join(root, "etc/machine-id"), "")
        await writeFile(path.join(root, "etc/hosts"), "127.0.0.1 localhost\n")
        booted = await boot(name, root, directory.path)
    } catch (error) {
        await end()
        throw error
    }
    const run: Machine["run"] = (args, { user, env, input } = {}) => {
        const as = user === undefined ? [] : ["runuser", "-u", user, "--"]
        const options: CommandOptions = {
            env: { PATH, LC_ALL: "C.UTF-8", HOME: user === undefined ? "/root" : `/home/${user}`, ...env },
            ...(input === undefined ? {} : { input }),
        }
        return runCommand("nsenter", ["--all", "--target", String(booted?.leader), "--", "env", "--chdir=/", ...as, ...args], options)
    }
    return {
        run,
        ok: async (args, options) => {
            const { status, stdout, stderr } = await run(args, options)
            assert.equal(status, 0, `${args.join(" ")}: ${stdout}${stderr}`)
            return stdout
        },
        write: async (file, content, mode = 0o644) => {
            const place = path.join(root, file)
            await mkdir(path.dirname(place), { recursive: true })
            await writeFile(place, content)
            await chmod(place, mode)
        },
        reboot: async () => {
            assert.equal(await booted?.end(REBOOT), `ended with exit status ${REBOOTING}`)
            booted = await boot(name, root, directory.path)
        },
        [Symbol.asyncDispose]: end,
    }
}

type Booted = {
    /** The machine's first process, as we see it. */
    readonly leader: number
    /** Tell it to end; how the container ended. */
    end(signal: number): Promise<string | undefined>
    powerOff(): Promise<void>
}

/**
 * The container gets control groups of its own, in every hierarchy systemd looks at, so that the two systemds don't meet. No manager on
 * this machine hears of it (--register, --keep-unit): there may be none. It ends with us: systemd-nspawn's first process is bound to it.
 */
async function boot(name: string, root: string, directory: string): Promise<Booted> {
    const groups = controlGroups(name)
    for (const group of groups) await mkdir(group, { recursive: true })
    const join = 'for group in $GROUPS; do echo $$ > "$group/cgroup.procs"; done; exec "$@"'
    const flags = ["--quiet", "--boot", "--register=no", "--keep-unit", "--link-journal=no", "--resolv-conf=off", "--timezone=off"]
    const nspawn = ["systemd-nspawn", ...flags, "--console=pipe", `--machine=${name}`, `--directory=${root}`]
    let leader = 0
    const isUp = async (service: Service): Promise<boolean> => {
        leader = (await firstProcess(service.pid)) ?? 0
        if (leader === 0) return false
        const asked = await runCommand("nsenter", ["--all", "--target", String(leader), "--", "systemctl", "is-system-running"])
        return asked.stdout === "running\n"
    }
    const service = await startService({
        name: "nspawn",
        command: "/bin/sh",
        args: ["-c", join, "sh", ...nspawn],
        directory,
        env: { PATH, GROUPS: groups.join(" ") },
        ready: isUp,
        timeoutMs: 60_000,
    })
    const end = async (signal: number): Promise<string | undefined> => {
        process.kill(leader, signal)
        for (let tries = 0; tries < 600 && service.ended() === undefined; tries += 1) await sleep(100)
        return service.ended()
    }
    const powerOff = async (): Promise<void> => {
        if (service.ended() === undefined) await end(POWER_OFF)
        await service.stop()
    }
    return { leader, end, powerOff }
}

/** Of the children of systemd-nspawn the one that is 1 in a namespace of its own. */
async function firstProcess(nspawn: number): Promise<number | undefined> {
    const children = (await readFile(`/proc/${nspawn}/task/${nspawn}/children`, "utf8")).trim().split(" ")
    for (const pid of children.filter((text) => text !== "")) {
        const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "")
        if (/^NSpid:.*\t1$/m.test(status)) return Number(pid)
    }
    return undefined
}

function controlGroups(name: string): readonly string[] {
    const both = ["/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified"].filter((directory) => existsSync(directory))
    return (both.length === 0 ? ["/sys/fs/cgroup"] : both).map((directory) => path.join(directory, name))
}

/** Empty ones: the kernel refuses the others. */
async function removeControlGroups(name: string): Promise<void> {
    for (const group of controlGroups(name).filter((directory) => existsSync(directory))) {
        const inside = await readdir(group, { recursive: true, withFileTypes: true })
        const directories = inside.filter((entry) => entry.isDirectory()).map((entry) => path.join(entry.parentPath, entry.name))
        for (const directory of [...directories.sort().reverse(), group]) await rmdir(directory)
    }
    await rmdir(`/run/systemd/nspawn/propagate/${name}`).catch(() => {})
}

/** What test processes left that were killed. */
async function sweep(): Promise<void> {
    for (const group of globSync(controlGroups(`${NAME_PREFIX}*`)[0] ?? "")) {
        const name = path.basename(group)
        const [, pid] = /^trustkeyd-test-(\d+)-/.exec(name) ?? []
        if (pid !== undefined && !existsSync(`/proc/${pid}`)) await removeControlGroups(name).catch(() => {})
    }
}
