import assert from "node:assert/strict"
import { readFile } from "node:fs/promises"
import { after, before, describe, test } from "node:test"
import { makeAgeIdentity } from "../../src/crypto/index.ts"
import { buildDeb } from "../support/deb.ts"
import { bootMachine, debianTree, type Machine } from "../support/nspawn.ts"
import type { CommandResult } from "../support/process.ts"
import { makeWorkingDirectory } from "../support/temp.ts"

const PIN = "73914602"
const SOFTHSM = "directories.tokendir = /var/lib/tokens\nobjectstore.backend = file\n"
const DROP_IN = "[Service]\nReadWritePaths=/var/lib/tokens\n"
/** As docs/backup.md has it. */
const BACKUP_RULE = '\n[[allow]]\nwho = ["user:trustkeyd-backup"]\ndo = ["backup"]\n'
const CONFIGURATION = "/etc/trustkeyd/trustkeyd.toml"

describe("the first run on a booted Debian (trixie)", () => {
    const stack = new AsyncDisposableStack()
    let machine: Machine

    before(async () => void (await debianTree("trixie")), { timeout: 600_000 })
    before(
        async () => {
            const directory = stack.use(await makeWorkingDirectory("package"))
            const deb = await readFile(await buildDeb({ output: directory.path }))
            machine = stack.use(await bootMachine("trixie"))
            await machine.write("/root/trustkeyd.deb", deb)
            await machine.ok(["dpkg", "--install", "/root/trustkeyd.deb"], { env: { DEBIAN_FRONTEND: "noninteractive" } })
            await machine.write("/root/pin", `${PIN}\n`, 0o600)
            await machine.ok(["useradd", "--create-home", "alice"])
            await machine.write("/etc/softhsm/softhsm2.conf", SOFTHSM)
            await machine.ok(["chmod", "0755", "/etc/softhsm"])
            await machine.write("/etc/systemd/system/trustkeyd.service.d/tokens.conf", DROP_IN)
            await machine.ok(["install", "-d", "-o", "trustkeyd", "-m", "0700", "/var/lib/tokens"])
            await machine.ok(["systemctl", "daemon-reload"])
        },
        { timeout: 300_000 },
    )
    after(() => stack.disposeAsync())

    const init = (...args: readonly string[]): Promise<CommandResult> =>
        machine.run(["trustkey", "init", "--pin-file", "/root/pin", ...args])
    const configuration = (): Promise<string> => machine.ok(["cat", CONFIGURATION])

    test("without a token it says where it has looked, and changes nothing", async () => {
        const before = await configuration()
        const { status, stderr } = await init()
        assert.equal(status, 4, stderr)
        assert.match(stderr, /no token was found: asked were .*libykcs11\.so, .*libsofthsm2\.so.*\[not_found\]/)
        assert.equal(await configuration(), before)
    })

    test("one command takes the token, lets a signer in, starts the daemon anew and makes the root key; a second changes nothing", async () => {
        const token = ["softhsm2-util", "--init-token", "--free", "--label", "root", "--pin", PIN, "--so-pin", "12345678"]
        await machine.ok(token, { user: "trustkeyd", env: { HOME: "/" } })
        assert.notEqual((await machine.run(["trustkey", "status"], { user: "alice" })).status, 0)
        const shipped = await configuration()
        assert.match((await init("--signer", "nobody-here")).stderr, /no account nobody-here.*\[not_found\]/)
        assert.equal(await configuration(), shipped)
        await machine.ok(["groupdel", "trustkey-admin"])
        const first = await init("--signer", "alice")
        assert.equal(first.status, 0, first.stderr)
        assert.match(first.stdout, /^Root key [0-9a-f]{64} is on token root-token\n$/)
        assert.match(
            first.stderr,
            /Made the group trustkey-admin\.\n(?:.*\n)*Configured token root-token: SoftHSM.*\n.*Wrote rules.*\n.*Took alice into the group trustkey-sign.*\n.*Restarted the daemon/s,
        )
        assert.match(await machine.ok(["getent", "group", "trustkey-admin"]), /^trustkey-admin:/)
        const written = await configuration()
        assert.ok(written.startsWith(shipped))
        assert.equal(await machine.ok(["stat", "-c", "%a %U %G", CONFIGURATION]), "640 root trustkeyd\n")
        assert.match(await machine.ok(["trustkey", "status"], { user: "alice" }), /^daemon +trustkeyd /)

        const second = await init("--signer", "alice")
        assert.equal(second.status, 0, second.stderr)
        assert.equal(second.stdout, first.stdout)
        assert.doesNotMatch(second.stderr, /Configured|Wrote|Took|Restarted/)
        assert.equal(await configuration(), written)
    })

    test("a configuration that is gone is written anew, for root and the daemon to read", async () => {
        const before = await configuration()
        await machine.ok(["mv", CONFIGURATION, "/root/"])
        // The token's key would be locked.
        const unasked = await init()
        assert.match(unasked.stderr, /locks 1 unlocked keys.*--restart \[no_terminal\]/)
        assert.equal((await machine.run(["test", "-e", CONFIGURATION])).status, 1)
        const { status, stderr } = await init("--restart")
        assert.equal(status, 0, stderr)
        assert.match(stderr, /Wrote \/etc\/trustkeyd\/trustkeyd\.toml, every setting in it with its explanation/)
        assert.equal(await machine.ok(["stat", "-c", "%a %U %G", CONFIGURATION]), "640 root trustkeyd\n")
        assert.notEqual(await configuration(), before)
        await machine.ok(["mv", "/root/trustkeyd.toml", CONFIGURATION])
        await machine.ok(["systemctl", "restart", "trustkeyd.service"])
    })

    test("TK-BAK-1 is backed up by the timer's unit, which opens nothing; and a drill with what the package has brings every key back", async () => {
        const { identity, recipient } = makeAgeIdentity()
        await identity.reveal((bytes) => machine.write("/root/identity.txt", bytes, 0o600))
        const create = ["key", "create", "--purpose", "delegation", "--label", "kept", "--passphrase-file", "/root/passphrase"]
        await machine.write("/root/passphrase", "correct horse battery staple\n", 0o600)
        await machine.ok(["trustkey", ...create])
        const { keys }: { keys: { id: string; purpose: string }[] } = JSON.parse(await machine.ok(["trustkey", "key", "list", "--json"]))
        const { id } = keys.find(({ purpose }) => purpose === "delegation") ?? assert.fail("no such key")
        await machine.ok(["sh", "-c", `cat >> ${CONFIGURATION}`], { input: BACKUP_RULE })
        const { status, stderr } = await init("--backup-recipient", recipient, "--restart")
        assert.equal(status, 0, stderr)

        await machine.ok(["systemctl", "enable", "--now", "trustkeyd-backup.timer"])
        assert.match(await machine.ok(["systemctl", "list-timers", "--no-pager", "trustkeyd-backup.timer"]), /trustkeyd-backup\.service/)
        await machine.ok(["systemctl", "start", "trustkeyd-backup.service"])
        const [file = ""] = (await machine.ok(["sh", "-c", "ls -d /var/lib/trustkeyd-backups/*"])).trim().split("\n")
        assert.equal(await machine.ok(["stat", "-c", "%a %U", file]), "600 trustkeyd-backup\n")
        const opener = ["--identity", "/root/identity.txt"]
        await machine.ok(["trustkey", "backup", "verify", file, ...opener])
        await machine.write("/root/passphrases", `${id} correct horse battery staple\n`, 0o600)
        await machine.ok(["mkdir", "/root/receipts"])
        const drill = ["backup", "drill", file, ...opener, "--key-passphrases", "/root/passphrases", "--receipt", "/root/receipts"]
        assert.match(await machine.ok(["trustkey", ...drill]), /signed and verified +1 of 2 keys\non tokens +1 key/)
        const known = await machine.ok(["trustkey", "status"])
        assert.match(known, /last backup +less than an hour ago/)
        assert.match(known, /last good drill +less than an hour ago/)
    })

    test("the doctor finds nothing broken, then what others leave about: keys in a home directory, a configuration and a socket open to all", async () => {
        type Report = { readonly checks: readonly { name: string; verdict: string; findings: readonly string[] }[] }
        const doctor = async (): Promise<ReadonlyMap<string, string>> => {
            const { checks }: Report = JSON.parse((await machine.run(["trustkey", "doctor", "--json"])).stdout)
            return new Map(checks.map(({ name, verdict, findings }) => [name, `${verdict}: ${findings.join("; ")}`]))
        }
        const healthy = await doctor()
        for (const [name, found] of healthy) assert.doesNotMatch(found, /^failure/, name)
        assert.match(healthy.get("socket modes") ?? "", /^ok: sign 0660, admin 0660$/)
        assert.match(healthy.get("core dumps") ?? "", /^ok: none of what holds keys/)

        await machine.write("/home/alice/.notary/private/ab.key", "-----BEGIN EC PRIVATE KEY-----\n-----END EC PRIVATE KEY-----\n", 0o644)
        await machine.ok(["chmod", "0644", CONFIGURATION])
        await machine.ok(["chmod", "0666", "/run/trustkeyd/admin.sock"])
        const found = await doctor()
        assert.match(found.get("key files") ?? "", /^failure: 1 private key files.*\/home\/alice\/\.notary\/private\/ab\.key/)
        assert.match(found.get("configuration file") ?? "", /^warning: everybody can read/)
        assert.match(found.get("socket modes") ?? "", /^failure: everybody may connect to \/run\/trustkeyd\/admin\.sock/)
    })
})
