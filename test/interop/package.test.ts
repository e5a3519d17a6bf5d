import assert from "node:assert/strict"
import { appendFile, readFile } from "node:fs/promises"
import path from "node:path"
import { after, before, describe, test } from "node:test"
import { setTimeout as sleep } from "node:timers/promises"
import { buildDeb } from "../support/deb.ts"
import { startNotary } from "../support/notary.ts"
import { startNotaryClient } from "../support/notary-client.ts"
import { bootMachine, debianTree, type Machine, type Release } from "../support/nspawn.ts"
import { mustRun } from "../support/process.ts"
import { makeWorkingDirectory } from "../support/temp.ts"
import { signArgs } from "../support/trust-rig.ts"

const GUN = "registry.example.com/team/app"
const PIN = "73914602"
const PASSPHRASE = "correct horse battery staple"
const VERSIONS = ["0.1.0-0trustkeyd1", "0.1.1~rc1-0trustkeyd1"] as const

const SOFTHSM = "directories.tokendir = /var/lib/tokens\nobjectstore.backend = file\n"
/** Runs in the daemon: tries to reach a port, and when it is told so, its loop turns for ever. */
const INSIDE = `
require("node:net").connect(9, "127.0.0.1").on("error", ({ code }) => console.error("a connection: " + code))
process.on("SIGWINCH", () => { for (;;); })
`
/** The watchdog is as in the unit, but sooner. */
const DROP_IN = `[Service]
WatchdogSec=10s
ReadWritePaths=/var/lib/tokens
Environment=NODE_OPTIONS=--require=/etc/trustkeyd/inside.cjs
`
/** Every process of a user: what it is, and what it may do, as the kernel has it. */
const LOOK = `
const fs = require("node:fs")
const found = fs.readdirSync("/proc").filter((name) => /^[0-9]+$/.test(name)).flatMap((pid) => {
    // Others come and go.
    if (!fs.existsSync("/proc/" + pid + "/exe")) return []
    const status = fs.readFileSync("/proc/" + pid + "/status", "utf8")
    const of = (name) => new RegExp("^" + name + ":\\\\s+(\\\\S+)", "m").exec(status)?.[1]
    if (of("Uid") !== process.argv[1]) return []
    const [, ...words] = fs.readFileSync("/proc/" + pid + "/cmdline", "utf8").split("\\0")
    const [, core] = /^Max core file size +(\\S+ +\\S+)/m.exec(fs.readFileSync("/proc/" + pid + "/limits", "utf8"))
    return [{
        program: words.find((word) => word.endsWith(".cjs")).split("/").at(-1),
        flags: words.filter((word) => ["--jitless", "--disable-sigusr1"].includes(word)),
        owner: fs.statSync("/proc/" + pid + "/limits").uid,
        core: core.split(/ +/),
        ...Object.fromEntries(["Umask", "NoNewPrivs", "Seccomp", "CapBnd"].map((name) => [name, of(name)])),
    }]
})
console.log(JSON.stringify(found))
`
/** Files of a process that may not be dumped are root's: proc(5). */
const HARDENED = {
    flags: ["--jitless", "--disable-sigusr1"],
    owner: 0,
    core: ["0", "0"],
    Umask: "0077",
    NoNewPrivs: "1",
    // SECCOMP_MODE_FILTER
    Seccomp: "2",
    CapBnd: "0000000000000000",
}
const CONFIG = `
[[token]]
name = "root-token"
module = "/usr/lib/softhsm/libsofthsm2.so"
uri = "pkcs11:token=root"
environment = { SOFTHSM2_CONF = "/etc/trustkeyd/softhsm2.conf" }

[[allow]]
who = ["group:trustkey-sign"]
do = ["sign", "unlock", "list", "observe"]

[[allow]]
who = ["group:trustkey-sign"]
do = ["status"]
`

const shared = new AsyncDisposableStack()
let notary: Awaited<ReturnType<typeof startNotary>>
let packages: readonly [older: string, newer: string]

before(
    async () => {
        const directory = shared.use(await makeWorkingDirectory("packages"))
        notary = shared.use(await startNotary())
        const [older, newer] = VERSIONS
        packages = [await buildDeb({ output: directory.path, version: older }), await buildDeb({ output: directory.path, version: newer })]
        await explainMore(packages[1], directory.path)
    },
    { timeout: 170_000 },
)

after(() => shared.disposeAsync())

const EXPLANATION = "# What only the newer version explains."

/** The package with another configuration file in it, as most versions will have: dpkg has to choose whose to keep. */
async function explainMore(deb: string, directory: string): Promise<void> {
    const content = path.join(directory, "content")
    await mustRun("dpkg-deb", ["--raw-extract", deb, content])
    await appendFile(path.join(content, "etc/trustkeyd/trustkeyd.toml"), `${EXPLANATION}\n`)
    await mustRun("dpkg-deb", ["-Zxz", "-z0", "--root-owner-group", "--build", content, deb])
}

for (const release of ["bookworm", "trixie"] as const) {
    describe(`a booted Debian (${release}) with the package`, () => {
        const stack = new AsyncDisposableStack()
        let rig: Rig

        before(async () => void (await debianTree(release)), { timeout: 600_000 })
        before(
            async () => {
                rig = await Rig.open(release, stack)
            },
            { timeout: 120_000 },
        )
        after(() => stack.disposeAsync())

        test("listens at once, and starts the daemon when the first client comes", async () => {
            await rig.install(packages[0])
            assert.deepEqual(await rig.states("is-active"), { sign: "active", admin: "active", service: "inactive", lock: "inactive" })
            assert.deepEqual(await rig.states("is-enabled"), { sign: "enabled", admin: "enabled", service: "disabled", lock: "disabled" })
            assert.equal(await rig.machine.ok(["stat", "-c", "%a %U %G", "/etc/trustkeyd/trustkeyd.toml"]), "640 root trustkeyd\n")
            assert.equal(await rig.machine.ok(["dpkg", "--verify", "trustkeyd"]), "")
            assert.match(await rig.machine.ok(["trustkey", "status"]), /^daemon +trustkeyd /)
            assert.equal((await rig.states("is-active")).service, "active")
            await rig.machine.ok(["systemctl", "reload", "trustkeyd.service"])
            await rig.until(async () => (await rig.log()).includes('"reloaded"'))
            assert.match(await rig.machine.ok(["trustkeyd", "--check-config"]), /: ok\n$/)
            const plugin = "/usr/libexec/docker/cli-plugins/docker-trustkey"
            assert.equal(JSON.parse(await rig.machine.ok([plugin, "docker-cli-plugin-metadata"])).Vendor, "trustkeyd")
        })

        test("takes a token, begins a repository with a sealed key, and signs for a user of the group; stock notary agrees", async () => {
            await rig.configure()
            await rig.machine.ok(["trustkey", "init", "--token", "root-token", "--pin-file", "/root/pin"])
            await rig.machine.ok(["trustkey", "trust", "init", rig.gun, "--passphrase-file", "/root/passphrase"], { env: rig.env })
            assert.deepEqual((await rig.keys()).map(({ purpose }) => purpose).sort(), ["root", "targets"])
            await rig.machine.ok(["systemctl", "stop", "trustkeyd.service"])
            await rig.sign("v1", "a1")
            assert.deepEqual(await rig.published(), ["v1"])
        })

        test("TK-SEC-1 runs three processes, none of which can be dumped, debugged, go out to a network or get a right back", async () => {
            const uid = (await rig.machine.ok(["id", "-u", "trustkeyd"])).trim()
            const found: { program: string }[] = JSON.parse(await rig.machine.ok(["/usr/lib/trustkeyd/node", "-e", LOOK, uid]))
            const programs = ["signer-file.cjs", "signer-pkcs11.cjs", "trustkeyd.cjs"]
            assert.deepEqual(
                found.sort((a, b) => (a.program < b.program ? -1 : 1)),
                programs.map((program) => ({ program, ...HARDENED })),
            )
            assert.match(await rig.log(), /^a connection: EAFNOSUPPORT$/m)
        })

        test("has everything locked by the unit that goes before sleep when that is done, and not started for it", async () => {
            const { id } = (await rig.keys()).find(({ purpose }) => purpose === "targets") ?? assert.fail("no such key")
            const isReady = async (): Promise<boolean> => JSON.parse(await rig.machine.ok(["trustkey", "key", "show", id, "--json"])).ready
            await rig.machine.ok(["trustkey", "key", "unlock", id, "--passphrase-file", "/root/passphrase"])
            assert.equal(await isReady(), true)
            await rig.machine.ok(["systemctl", "start", "trustkeyd-lock.service"])
            assert.equal(await isReady(), false)
            assert.equal((await rig.machine.ok(["trustkey", "audit", "list"])).match(/signal:SIGUSR2 +lock +ok/g)?.length, 1)
            const before = await rig.machine.ok(["systemctl", "show", "--property", "Before", "trustkeyd-lock.service"])
            assert.match(before, /\bsleep\.target\b/)
            await rig.machine.ok(["systemctl", "stop", "trustkeyd.service"])
            await rig.machine.run(["systemctl", "start", "trustkeyd-lock.service"])
            assert.equal(await rig.property("ActiveState"), "inactive")
        })

        test("refuses a user of another group, and one of the signers at the administrators' socket", async () => {
            const eve = await rig.machine.run(["trustkey", "status"], { user: "eve" })
            assert.notEqual(eve.status, 0)
            assert.match(eve.stderr, /\/run\/trustkeyd\/sign\.sock/)
            const alice = await rig.machine.run(["trustkey", "audit", "list"], { user: "alice" })
            assert.notEqual(alice.status, 0)
            assert.match(alice.stderr, /\/run\/trustkeyd\/admin\.sock/)
            assert.equal((await rig.machine.run(["cat", "/etc/trustkeyd/trustkeyd.toml"], { user: "alice" })).status, 1)
            assert.equal((await rig.machine.run(["ls", "/var/lib/trustkeyd"], { user: "alice" })).status, 2)
        })

        test("has a daemon that hangs ended by the watchdog, and back with nothing lost", async () => {
            const before = await rig.keys()
            const [pid, restarts] = [await rig.property("MainPID"), Number(await rig.property("NRestarts"))]
            await rig.machine.ok(["sh", "-c", `kill -WINCH ${pid}`])
            await rig.until(async () => Number(await rig.property("NRestarts")) === restarts + 1)
            await rig.until(async () => (await rig.property("ActiveState")) === "active")
            assert.notEqual(await rig.property("MainPID"), pid)
            assert.match(await rig.log(), /Watchdog timeout/)
            assert.deepEqual(await rig.keys(), before)
            await rig.sign("v2", "a2")
            assert.deepEqual(await rig.published(), ["v1", "v2"])
        })

        test("is back however often it is killed, and its sockets stay", async () => {
            for (let killed = 0; killed < 6; killed += 1) {
                await rig.until(async () => (await rig.property("ActiveState")) === "active")
                const pid = await rig.property("MainPID")
                await rig.machine.ok(["sh", "-c", `kill -KILL ${pid}`])
                await rig.until(async () => ![pid, "0"].includes(await rig.property("MainPID")))
            }
            await rig.machine.ok(["trustkey", "status"])
            assert.deepEqual(await rig.states("is-active"), { sign: "active", admin: "active", service: "active", lock: "inactive" })
        })

        test("does not start a daemon again that needs a person, whoever asks for it, and goes on when that person was there", async () => {
            await rig.forgetStarts()
            const config = await rig.machine.ok(["cat", "/etc/trustkeyd/trustkeyd.toml"])
            await rig.machine.ok(["sed", "-i", 's/^log_level = .*/log_level = "loud"/', "/etc/trustkeyd/trustkeyd.toml"])
            assert.notEqual((await rig.machine.run(["systemctl", "restart", "trustkeyd.service"])).status, 0)
            await sleep(3_000)
            assert.equal(await rig.property("ActiveState"), "failed")
            assert.equal(await rig.property("ExecMainStatus"), "78")
            assert.match(await rig.property("StatusText"), /log_level.*\[config_invalid\]/s)
            const starts = async (): Promise<number> => (await rig.log()).split("Starting trustkeyd.service").length
            const before = await starts()
            const asking = await rig.machine.run(["trustkey", "status"])
            assert.match(asking.stderr, /\[daemon_unreachable\]/)
            await sleep(3_000)
            // The client itself tries twice.
            assert.ok((await starts()) - before <= 2, await rig.log())
            assert.deepEqual(await rig.states("is-active"), { sign: "active", admin: "active", service: "failed", lock: "inactive" })
            await rig.machine.ok(["sed", "-i", 's/^log_level = .*/log_level = "info"/', "/etc/trustkeyd/trustkeyd.toml"])
            assert.equal(await rig.machine.ok(["cat", "/etc/trustkeyd/trustkeyd.toml"]), config)
            await rig.machine.ok(["trustkey", "status"])
        })

        test("nor one that systemd itself can't start, for what a drop-in names; and the sockets stay", async () => {
            await rig.forgetStarts()
            const dropIn = "/etc/systemd/system/trustkeyd.service.d/nowhere.conf"
            await rig.machine.write(dropIn, "[Service]\nReadWritePaths=/nowhere\n")
            await rig.machine.ok(["systemctl", "daemon-reload"])
            assert.notEqual((await rig.machine.run(["systemctl", "restart", "trustkeyd.service"])).status, 0)
            await sleep(3_000)
            assert.equal(await rig.property("ExecMainStatus"), "226")
            assert.deepEqual([await rig.property("ActiveState"), await rig.property("NRestarts")], ["failed", "0"])
            assert.match(await rig.log(), /\/nowhere: No such file or directory/)
            assert.deepEqual(await rig.states("is-active"), { sign: "active", admin: "active", service: "failed", lock: "inactive" })
            await rig.machine.ok(["rm", dropIn])
            await rig.machine.ok(["systemctl", "daemon-reload"])
            await rig.machine.ok(["trustkey", "status"])
        })

        test("keeps its keys and promises over an upgrade, and what the administrator wrote", async () => {
            const before = await rig.keys()
            const config = await rig.machine.ok(["cat", "/etc/trustkeyd/trustkeyd.toml"])
            await rig.install(packages[1])
            assert.equal(await rig.machine.ok(["dpkg-query", "-W", "-f", "${" + "Version}", "trustkeyd"]), VERSIONS[1])
            assert.equal(await rig.machine.ok(["cat", "/etc/trustkeyd/trustkeyd.toml"]), config)
            assert.ok((await rig.machine.ok(["cat", "/etc/trustkeyd/trustkeyd.toml.dpkg-dist"])).endsWith(`${EXPLANATION}\n`))
            assert.equal(await rig.machine.ok(["stat", "-c", "%a %U %G", "/etc/trustkeyd/trustkeyd.toml"]), "640 root trustkeyd\n")
            assert.deepEqual(await rig.keys(), before)
            await rig.sign("v3", "a3")
            assert.deepEqual(await rig.published(), ["v1", "v2", "v3"])
        })

        test("keeps them over a reboot", async () => {
            const before = await rig.keys()
            await rig.machine.reboot()
            assert.deepEqual(await rig.states("is-active"), { sign: "active", admin: "active", service: "inactive", lock: "inactive" })
            assert.deepEqual(await rig.keys(), before)
            await rig.sign("v4", "a4")
            assert.deepEqual(await rig.published(), ["v1", "v2", "v3", "v4"])
            await rig.machine.ok(["trustkey", "audit", "verify"])
        })

        test("has written no PIN and no passphrase to the journal", async () => {
            const log = await rig.machine.ok(["journalctl", "--no-pager", "-o", "cat"])
            assert.match(log, /"ready"/)
            assert.ok(!log.includes(PIN) && !log.includes(PASSPHRASE))
        })

        test("leaves the keys when it is removed and purged, says where they are, and has them again when it is installed again", async () => {
            const before = await rig.keys()
            await rig.machine.ok(["systemctl", "enable", "trustkeyd.service", "trustkeyd-lock.service"])
            await rig.machine.ok(["systemctl", "enable", "--now", "trustkeyd-backup.timer"])
            await rig.machine.ok(["dpkg", "--remove", "trustkeyd"])
            assert.equal((await rig.states("is-active")).sign, "inactive")
            assert.equal((await rig.machine.run(["systemctl", "is-active", "trustkeyd-backup.timer"])).stdout, "inactive\n")
            assert.equal((await rig.machine.run(["test", "-e", "/usr/lib/trustkeyd"])).status, 1)
            const said = await rig.machine.ok(["dpkg", "--purge", "trustkeyd"])
            assert.match(said, /stay in \/var\/lib\/trustkeyd/)
            assert.equal(await rig.machine.ok(["find", "/etc/systemd/system", "-lname", "*trustkeyd*"]), "")
            assert.equal((await rig.machine.run(["test", "-e", "/etc/trustkeyd/trustkeyd.toml"])).status, 1)
            await rig.install(packages[1])
            await rig.configure()
            assert.deepEqual(await rig.keys(), before)
            await rig.sign("v5", "a5")
            assert.deepEqual(await rig.published(), ["v1", "v2", "v3", "v4", "v5"])
        })
    })
}

type Key = { readonly id: string; readonly purpose: string }

class Rig {
    readonly machine: Machine
    readonly gun: string
    readonly env = { DOCKER_CONTENT_TRUST_SERVER: notary.url }
    readonly #stock: Awaited<ReturnType<typeof startNotaryClient>>

    private constructor(machine: Machine, gun: string, stock: Awaited<ReturnType<typeof startNotaryClient>>) {
        this.machine = machine
        this.gun = gun
        this.#stock = stock
    }

    static async open(release: Release, stack: AsyncDisposableStack): Promise<Rig> {
        const stock = stack.use(await startNotaryClient({ notary }))
        const rig = new Rig(stack.use(await bootMachine(release)), `${GUN}-${release}`, stock)
        const { machine } = rig
        await machine.write("/root/pin", `${PIN}\n`, 0o600)
        await machine.write("/root/passphrase", `${PASSPHRASE}\n`, 0o600)
        for (const user of ["alice", "eve"]) await machine.ok(["useradd", "--create-home", user])
        const authority = await readFile(notary.caFile)
        for (const home of ["/root", "/home/alice"]) await machine.write(`${home}/.docker/tls/${notary.host}/ca.crt`, authority)
        await machine.write("/home/alice/passphrase", `${PASSPHRASE}\n`, 0o600)
        await machine.ok(["chown", "-R", "alice:alice", "/home/alice"])
        return rig
    }

    async install(file: string): Promise<void> {
        await this.machine.write(`/root/${path.basename(file)}`, await readFile(file))
        await this.machine.ok(["dpkg", "--install", "--force-confold", `/root/${path.basename(file)}`], {
            env: { DEBIAN_FRONTEND: "noninteractive" },
        })
    }

    /** A token that lies where the daemon may write, and rules for who signs. */
    async configure(): Promise<void> {
        const { machine } = this
        await machine.write("/etc/trustkeyd/softhsm2.conf", SOFTHSM)
        await machine.write("/etc/trustkeyd/inside.cjs", INSIDE)
        await machine.write("/etc/systemd/system/trustkeyd.service.d/test.conf", DROP_IN)
        if ((await machine.run(["test", "-e", "/var/lib/tokens"])).status !== 0) {
            await machine.ok(["install", "-d", "-o", "trustkeyd", "-m", "0700", "/var/lib/tokens"])
            const token = ["softhsm2-util", "--init-token", "--free", "--label", "root", "--pin", PIN, "--so-pin", "12345678"]
            await machine.ok(token, { user: "trustkeyd", env: { SOFTHSM2_CONF: "/etc/trustkeyd/softhsm2.conf", HOME: "/" } })
        }
        await machine.ok(["sh", "-c", "cat >> /etc/trustkeyd/trustkeyd.toml"], { input: CONFIG })
        await machine.ok(["usermod", "--append", "--groups", "trustkey-sign", "alice"])
        await machine.ok(["systemctl", "daemon-reload"])
        await machine.ok(["systemctl", "stop", "trustkeyd.service"])
    }

    /** As a user who may sign and nothing else. */
    async sign(tag: string, pair: string): Promise<void> {
        const args = signArgs(`${this.gun}:${tag}`, pair, "--passphrase-file", "/home/alice/passphrase")
        await this.machine.ok(["trustkey", ...args], { user: "alice", env: this.env })
    }

    /** The tags a stock client sees, which verifies what it shows. */
    async published(): Promise<readonly string[]> {
        const { status, stdout, stderr } = await this.#stock.run(["list", this.gun])
        assert.equal(status, 0, stderr)
        return Array.from(stdout.matchAll(/^(v\d+) /gm), ([, tag]) => tag ?? "").sort()
    }

    async keys(): Promise<readonly Key[]> {
        const { keys }: { keys: Key[] } = JSON.parse(await this.machine.ok(["trustkey", "key", "list", "--json"]))
        return keys.map(({ id, purpose }) => ({ id, purpose })).sort((a, b) => (a.id < b.id ? -1 : 1))
    }

    async states(question: "is-active" | "is-enabled"): Promise<Readonly<Record<"sign" | "admin" | "service" | "lock", string>>> {
        const units = ["trustkeyd-sign.socket", "trustkeyd-admin.socket", "trustkeyd.service", "trustkeyd-lock.service"]
        const { stdout } = await this.machine.run(["systemctl", question, ...units])
        const [sign = "", admin = "", service = "", lock = ""] = stdout.split("\n")
        return { sign, admin, service, lock }
    }

    async property(name: string): Promise<string> {
        return (await this.machine.ok(["systemctl", "show", "--value", "--property", name, "trustkeyd.service"])).trim()
    }

    /** Five starts within ten seconds are the most, and those of other tests count. */
    async forgetStarts(): Promise<void> {
        await this.machine.ok(["systemctl", "reset-failed", "trustkeyd.service"])
    }

    log(): Promise<string> {
        return this.machine.ok(["journalctl", "--no-pager", "-o", "cat", "-u", "trustkeyd.service"])
    }

    async until(holds: () => Promise<boolean>): Promise<void> {
        for (let tries = 0; tries < 300; tries += 1) {
            if (await holds()) return
            await sleep(200)
        }
        assert.fail(`not within a minute; the journal has:\n${await this.log()}`)
    }
}
