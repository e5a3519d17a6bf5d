import assert from "node:assert/strict"
import { once } from "node:events"
import { chmod, chown, mkdir, rm, writeFile } from "node:fs/promises"
import { createServer } from "node:net"
import path from "node:path"
import { describe, test } from "node:test"
import { Cli } from "../../../src/cli/context.ts"
import { CHECKS, examine } from "../../../src/cli/doctor/checks.ts"
import type { Facts } from "../../../src/cli/doctor/facts.ts"
import { homeDirectories, lookAtMachine, type Machine } from "../../../src/cli/doctor/machine.ts"
import type { Verdict } from "../../../src/cli/doctor/verdict.ts"
import { makeWorkingDirectory } from "../../support/temp.ts"
import { sampleToken } from "../../unit/cli/fake-daemon.ts"
import { fakeContext, fakeTerminal, NOW } from "../../unit/cli/fake-terminal.ts"

const PASSWD = "root:x:0:0::/root:/bin/sh\ntrustkeyd:x:998:998::/var/lib/trustkeyd:/bin/false\nalice:x:1000:1000::/home/alice:/bin/sh\n"
const SERVICE = "/sys/fs/cgroup/system.slice/trustkeyd.service"
const CONFIGURATION = "/etc/trustkeyd/trustkeyd.toml"
const RULE = 'if (action.id === "org.debian.pcsc-lite.access_pcsc" && subject.user === "trustkeyd") return polkit.Result.YES\n'
const ROOT_UID = 0
const ALICE = 1000

/** A machine's files below a directory, and the doctor's look at them. */
class Disk {
    readonly root: string
    /** What timedatectl prints; undefined: there is none. */
    timedatectl: string | undefined = "yes\n"
    /** The unit, as systemctl shows it. */
    unit = "[Service]\nType=notify\n"
    /** Of the credentials' files those that systemd can decrypt, and under which name. */
    readonly opening = new Map<string, string>()

    constructor(root: string) {
        this.root = root
    }

    async put(file: string, content: string, mode = 0o644, uid = ROOT_UID): Promise<void> {
        const place = path.join(this.root, file)
        await mkdir(path.dirname(place), { recursive: true })
        await writeFile(place, content)
        await chmod(place, mode)
        await chown(place, uid, uid)
    }

    async look(uid = ROOT_UID): Promise<Machine> {
        const terminal = fakeTerminal()
        const run: typeof terminal.run = async (program, args, options) => {
            if (program === "systemd-creds") {
                const [command, name, file = "", output] = args
                assert.deepEqual([command, output], ["decrypt", "/dev/null"])
                return name === `--name=${this.opening.get(file)}` ? 0 : 1
            }
            const said = program === "systemctl" ? this.unit : this.timedatectl
            if (said === undefined) return terminal.run(program, args, options)
            assert.ok(program === "systemctl" || program === "timedatectl")
            options.onStdout?.(Buffer.from(said))
            return 0
        }
        const env = { TRUSTKEYD_SOCKET: this.socket("sign"), TRUSTKEYD_ADMIN_SOCKET: this.socket("admin") }
        return await lookAtMachine(new Cli({ ...fakeContext({ ...terminal, run }, env), uid }), this.root)
    }

    socket(which: string): string {
        return path.join(this.root, "sockets", `${which}.sock`)
    }

    /** What one check says of the machine as it is now. */
    async verdict(name: string, { tokenState = "present", uid = ROOT_UID } = {}): Promise<Verdict> {
        const facts: Pick<Facts, "machine" | "now" | "newestRecord" | "tokens"> = {
            machine: await this.look(uid),
            now: NOW,
            newestRecord: { answer: undefined },
            tokens: { answer: [sampleToken({ state: tokenState })] },
        }
        const checks = CHECKS.filter((check) => check.name === name)
        // These checks look at nothing else.
        const [checked] = examine(facts as Facts, checks)
        return checked ?? assert.fail(`there is no check ${name}`)
    }
}

async function disk(): Promise<Disk & AsyncDisposable> {
    const directory = await makeWorkingDirectory("machine")
    const made = new Disk(directory.path)
    await made.put("/etc/passwd", PASSWD)
    await made.put("/etc/group", "root:x:0:\n")
    return Object.assign(made, { [Symbol.asyncDispose]: () => directory.remove() })
}

function code(found: Verdict): string {
    return found.verdict === "failure" ? found.code : found.verdict
}

describe("what the doctor finds on the machine, and says what to do about", {
    skip: process.geteuid?.() !== 0 && "makes files of others",
}, () => {
    test("sockets that everybody may connect to, that another made, or whose directory others can write", async () => {
        await using machine = await disk()
        await mkdir(path.join(machine.root, "sockets"), { mode: 0o755 })
        await chmod(path.join(machine.root, "sockets"), 0o755)
        const servers = ["sign", "admin"].map((which) => createServer().listen(machine.socket(which)))
        try {
            await Promise.all(servers.map((server) => once(server, "listening")))
            for (const which of ["sign", "admin"]) await chmod(machine.socket(which), 0o660)
            assert.deepEqual((await machine.verdict("socket modes")).findings, ["sign 0660, admin 0660"])

            await chmod(machine.socket("sign"), 0o666)
            assert.equal(code(await machine.verdict("socket modes")), "warning")
            await chmod(machine.socket("admin"), 0o666)
            const open = await machine.verdict("socket modes")
            assert.equal(code(open), "file_unsafe")
            assert.deepEqual(open.findings, [`everybody may connect to ${machine.socket("admin")} (mode 0666)`])

            for (const which of ["sign", "admin"]) await chmod(machine.socket(which), 0o660)
            await chown(machine.socket("sign"), ALICE, ALICE)
            assert.deepEqual((await machine.verdict("socket modes")).findings, [`${machine.socket("sign")} belongs to alice`])
            await chown(machine.socket("sign"), 998, 998)
            assert.equal(code(await machine.verdict("socket modes")), "ok")

            await chmod(path.join(machine.root, "sockets"), 0o777)
            const replaceable = await machine.verdict("socket modes")
            assert.equal(code(replaceable), "file_unsafe")
            assert.equal(replaceable.findings.length, 2)
            await chmod(path.join(machine.root, "sockets"), 0o1777)
            assert.equal(code(await machine.verdict("socket modes")), "ok")
        } finally {
            for (const server of servers) server.close()
        }
    })

    test("a configuration that others can write or read", async () => {
        await using machine = await disk()
        assert.equal(code(await machine.verdict("configuration file")), "ok")
        const modes = [
            [0o640, ROOT_UID, "ok"],
            [0o644, ROOT_UID, "warning"],
            [0o660, ROOT_UID, "file_unsafe"],
            [0o640, ALICE, "file_unsafe"],
        ] as const
        for (const [mode, uid, expected] of modes) {
            await machine.put(CONFIGURATION, "", mode, uid)
            assert.equal(code(await machine.verdict("configuration file")), expected, `${mode.toString(8)} ${uid}`)
        }
    })

    test("a pcscd that asks polkit and has no rule for the daemon; worse when a token is missing because of it", async () => {
        await using machine = await disk()
        assert.equal(code(await machine.verdict("pcscd", { tokenState: "absent" })), "ok")
        await machine.put("/usr/share/polkit-1/actions/org.debian.pcsc-lite.policy", "<policyconfig/>")
        await machine.put("/usr/share/polkit-1/rules.d/50-default.rules", 'polkit.addAdminRule(() => ["unix-user:0"])\n')
        assert.equal(code(await machine.verdict("pcscd")), "warning")
        assert.equal(code(await machine.verdict("pcscd", { tokenState: "absent" })), "config_invalid")
        await machine.put("/etc/polkit-1/rules.d/10-own.rules", RULE)
        assert.equal(code(await machine.verdict("pcscd", { tokenState: "absent" })), "ok")
    })

    test("swap that is not known to be encrypted, whether the daemon may be put there or not", async () => {
        await using machine = await disk()
        const swaps = async (...names: readonly string[]): Promise<void> => {
            const lines = names.map((name) => `${name}\tpartition\t999420\t0\t-2\n`)
            await machine.put("/proc/swaps", `Filename\tType\tSize\tUsed\tPriority\n${lines.join("")}`)
        }
        await swaps()
        assert.deepEqual((await machine.verdict("swap")).findings, ["none"])
        await machine.put("/sys/class/block/dm-0/dm/uuid", "CRYPT-PLAIN-swap\n")
        await machine.put("/sys/class/block/dm-1/dm/uuid", "LVM-abc\n")
        await machine.put("/sys/class/block/dm-1/slaves/dm-0/uevent", "")
        await machine.put("/sys/class/block/zram0/backing_dev", "none\n")
        await swaps("/dev/dm-0", "/dev/dm-1", "/dev/zram0")
        assert.equal(code(await machine.verdict("swap")), "ok")

        await swaps("/dev/dm-0", "/dev/sda2", "/swapfile")
        const open = await machine.verdict("swap")
        assert.equal(code(open), "warning")
        assert.match(open.findings[0] ?? "", /^what the daemon and its clients .* to \/dev\/sda2, \/swapfile,/)
        await machine.put(`${SERVICE}/memory.swap.max`, "0\n")
        assert.match((await machine.verdict("swap")).findings[0] ?? "", /^what clients have in memory, though not the daemon/)
        // A device with a disk behind it, and one that lies on several of which one is plain.
        await machine.put("/sys/class/block/zram0/backing_dev", "/dev/sda3\n")
        await machine.put("/sys/class/block/dm-1/slaves/sda5/uevent", "")
        await swaps("/dev/dm-1", "/dev/zram0")
        assert.match((await machine.verdict("swap")).findings[0] ?? "", /to \/dev\/dm-1, \/dev\/zram0,/)
    })

    test("a daemon whose crash would write its memory, and a pcscd through which PINs go", async () => {
        await using machine = await disk()
        const runs = async (service: string, pid: number, limit: string, owner: number): Promise<void> => {
            await machine.put(`/sys/fs/cgroup/system.slice/${service}.service/cgroup.procs`, `${pid}\n`)
            await machine.put(`/proc/${pid}/comm`, `${service}\n`)
            await machine.put(`/proc/${pid}/status`, `Name:\t${service}\nUid:\t998\t998\t998\t998\n`)
            await machine.put(
                `/proc/${pid}/limits`,
                `Limit  Soft Limit  Hard Limit  Units\nMax core file size  ${limit}  unlimited  bytes\n`,
                0o444,
                owner,
            )
        }
        await machine.put("/proc/sys/kernel/core_pattern", "|/usr/lib/systemd/systemd-coredump %P\n")
        await runs("trustkeyd", 41, "0", ROOT_UID)
        assert.deepEqual((await machine.verdict("core dumps")).findings, ["none of what holds keys or sees PINs"])

        await runs("pcscd", 42, "unlimited", 998)
        assert.equal(code(await machine.verdict("core dumps")), "warning")
        await runs("trustkeyd", 41, "0", 998)
        const dumpable = await machine.verdict("core dumps")
        assert.equal(code(dumpable), "config_invalid")
        assert.match(dumpable.findings[0] ?? "", /^a crash of trustkeyd \(41\) could write keys to \|/)
        await runs("trustkeyd", 41, "unlimited", ROOT_UID)
        assert.equal(code(await machine.verdict("core dumps")), "config_invalid")
        await machine.put("/proc/sys/kernel/core_pattern", "\n")
        assert.equal(code(await machine.verdict("core dumps")), "ok")
    })

    test("a credential of the unit's that is not there, or that systemd can't open: by name, and to root alone", async () => {
        await using machine = await disk()
        assert.deepEqual((await machine.verdict("credentials")).findings, ["the unit names none"])
        const cred = (name: string): string => `/etc/trustkeyd/${name}.cred`
        const forgotten = "LoadCredentialEncrypted=old:/nowhere/old.cred\nLoadCredentialEncrypted=\n"
        const lines = ["ci", "root-pin"].map((name) => `LoadCredentialEncrypted=${name}:${cred(name)}\n`).join("")
        machine.unit = `[Service]\n${forgotten}${lines}LoadCredential=plain:/etc/plain\n`
        await machine.put(cred("ci"), "sealed")
        await machine.put("/etc/plain", "open")
        // Encrypted under another name.
        machine.opening.set(cred("ci"), "ci").set(cred("root-pin"), "pin")
        const missing = await machine.verdict("credentials")
        assert.equal(code(missing), "config_invalid")
        assert.deepEqual(missing.findings, [`root-pin: ${cred("root-pin")} is not there; the daemon does not start`])
        await machine.put(cred("root-pin"), "sealed")
        assert.deepEqual((await machine.verdict("credentials")).findings, [
            `root-pin: ${cred("root-pin")} does not open on this machine under this name; the daemon does not start`,
        ])
        assert.equal(code(await machine.verdict("credentials", { uid: ALICE })), "warning")
        machine.opening.set(cred("root-pin"), "root-pin")
        assert.deepEqual((await machine.verdict("credentials")).findings, ["ci, root-pin, plain open"])
    })

    test("a clock that nothing keeps right, or of which nobody knows", async () => {
        await using machine = await disk()
        assert.equal(code(await machine.verdict("clock")), "ok")
        machine.timedatectl = "no\n"
        assert.deepEqual((await machine.verdict("clock")).findings, ["nothing keeps the clock right"])
        machine.timedatectl = "Failed to connect to bus\n"
        assert.equal(code(await machine.verdict("clock")), "warning")
        machine.timedatectl = undefined
        assert.equal(code(await machine.verdict("clock")), "warning")
    })

    test("looks into every home directory the machine has, its user's own first", async () => {
        await using machine = await disk()
        const own = "/home/alice"
        assert.deepEqual(await homeDirectories(own, machine.root), [own, "/root", "/var/lib/trustkeyd"])
        await rm(path.join(machine.root, "etc/passwd"))
        assert.deepEqual(await homeDirectories(own, machine.root), [own])
    })
})
