import assert from "node:assert/strict"
import { readFile } from "node:fs/promises"
import { after, before, describe, test } from "node:test"
import { setTimeout as sleep } from "node:timers/promises"
import { buildDeb } from "../support/deb.ts"
import { bootMachine, debianTree, type Machine, type Release } from "../support/nspawn.ts"
import type { CommandResult } from "../support/process.ts"
import { makeWorkingDirectory } from "../support/temp.ts"

const PIN = "73914602"
const SECRET = "cGFzc3BocmFzZSBvZiB0aGUgZ3JvdXAgY2k"
const SOFTHSM = "directories.tokendir = /var/lib/tokens\nobjectstore.backend = file\n"
const DROP_IN = `[Service]
ReadWritePaths=/var/lib/tokens
LoadCredentialEncrypted=root-pin:/etc/trustkeyd/root-pin.cred
LoadCredentialEncrypted=ci-group:/etc/trustkeyd/ci-group.cred
`
const CONFIG = `
[[token]]
name = "root-token"
module = "/usr/lib/softhsm/libsofthsm2.so"
uri = "pkcs11:token=root"
pin = { credential = "root-pin" }
environment = { SOFTHSM2_CONF = "/etc/trustkeyd/softhsm2.conf" }
`
const YUBIKEY = `
[[token]]
name = "yubikey"
module = "/usr/lib/x86_64-linux-gnu/libykcs11.so"
uri = "pkcs11:serial=12345678"
`
const GUN = "registry.example.com/team/app"

/** What pcscd says to whoever runs it: the result of SCardEstablishContext, in hexadecimal. */
const ASK_PCSCD = `
const koffi = require("/usr/lib/trustkeyd/node_modules/koffi")
const establish = koffi.load("libpcsclite.so.1").func("long SCardEstablishContext(unsigned long scope, void *a, void *b, void *context)")
console.log((Number(establish(2, null, null, Buffer.alloc(8))) >>> 0).toString(16))
`
const SCARD_W_SECURITY_VIOLATION = "8010006a\n"
const SCARD_E_NO_SERVICE = "8010001d\n"
const RULE = "/usr/share/polkit-1/rules.d/trustkeyd.rules"

const shared = new AsyncDisposableStack()
let deb: Buffer

before(
    async () => {
        const directory = shared.use(await makeWorkingDirectory("package"))
        deb = await readFile(await buildDeb({ output: directory.path }))
    },
    { timeout: 170_000 },
)

after(() => shared.disposeAsync())

for (const release of ["bookworm", "trixie"] as const) {
    describe(`a booted Debian (${release}) with encrypted credentials`, () => {
        const stack = new AsyncDisposableStack()
        let machine: Machine
        let ids: { readonly root: string; readonly ci: string }

        before(async () => void (await debianTree(release)), { timeout: 600_000 })
        before(
            async () => {
                machine = await installed(release, stack)
                await machine.write("/etc/trustkeyd/softhsm2.conf", SOFTHSM)
                await machine.ok(["install", "-d", "-o", "trustkeyd", "-m", "0700", "/var/lib/tokens"])
                const token = ["softhsm2-util", "--init-token", "--free", "--label", "root", "--pin", PIN, "--so-pin", "12345678"]
                await machine.ok(token, { user: "trustkeyd", env: { SOFTHSM2_CONF: "/etc/trustkeyd/softhsm2.conf", HOME: "/" } })
                await machine.ok(["sh", "-c", "cat >> /etc/trustkeyd/trustkeyd.toml"], { input: CONFIG })
                await credential(machine, "root-pin", PIN)
                await credential(machine, "ci-group", SECRET)
                await machine.write("/etc/systemd/system/trustkeyd.service.d/credentials.conf", DROP_IN)
                await machine.ok(["systemctl", "daemon-reload"])
                await machine.ok(["systemctl", "restart", "trustkeyd.service"])
            },
            { timeout: 300_000 },
        )
        after(() => stack.disposeAsync())

        test("what lies on the disk opens nothing by itself: neither PIN nor secret is in it", async () => {
            for (const [name, secret] of [
                ["root-pin", PIN],
                ["ci-group", SECRET],
            ] as const) {
                const text = await machine.ok(["cat", `/etc/trustkeyd/${name}.cred`])
                assert.ok(!Buffer.from(text, "base64").includes(secret))
                assert.ok(!text.includes(secret))
            }
        })

        test("makes a root key with a PIN, and a group with a secret, that nobody types", async () => {
            await machine.ok(["trustkey", "key", "group", "create", "ci", "--credential", "ci-group", "--no-passphrase"])
            const make = async (...args: readonly string[]): Promise<string> =>
                JSON.parse(await machine.ok(["trustkey", "key", "create", ...args, "--json"])).id
            ids = {
                root: await make("--purpose", "root", "--token", "root-token", "--bind", `root@${GUN}`),
                ci: await make("--purpose", "delegation", "--group", "ci", "--bind", `targets/releases@${GUN}`),
            }
            assert.equal(await isReady(machine, ids.ci), true)
        })

        test("has both open again after a reboot, without a person", async () => {
            await machine.reboot()
            assert.equal(await isReady(machine, ids.ci), true)
            // The token's key signs its own request.
            assert.match(await machine.ok(["trustkey", "key", "csr", ids.root, GUN]), /BEGIN CERTIFICATE REQUEST/)
            const { checks } = await doctor(machine)
            assert.equal(checks.find(({ name }) => name === "unattended groups")?.verdict, "ok")
        })

        test("says so when the credential is another one; the group stays closed, and a refused PIN is tried once and not again", async () => {
            await credential(machine, "ci-group", "another secret")
            await credential(machine, "root-pin", "00000000")
            await machine.ok(["systemctl", "restart", "trustkeyd.service"])
            assert.equal(await isReady(machine, ids.ci), false)
            const log = await journal(machine)
            assert.match(log, /"event":"group-not-opened","group":"ci","credential":"ci-group"/)
            const { checks, status } = await doctor(machine)
            assert.notEqual(status, 0)
            const groups = checks.find(({ name }) => name === "unattended groups")
            assert.deepEqual(
                [groups?.verdict, groups?.findings],
                ["failure", ["ci is locked although it opens by credential ci-group; it has 1 keys"]],
            )
            const csr = (): Promise<CommandResult> => machine.run(["trustkey", "key", "csr", ids.root, GUN])
            assert.match((await csr()).stderr, /\[(?:pin_incorrect|pin_refused_before)\]/)
            await machine.ok(["systemctl", "restart", "trustkeyd.service"])
            assert.match((await csr()).stderr, /\[pin_refused_before\]/)
        })

        test("with a credential that was encrypted on another machine nothing starts, the unit says 243, and nothing is tried again by itself", async () => {
            // Five starts within ten seconds are the most, and those of the test before count.
            await machine.ok(["systemctl", "reset-failed", "trustkeyd.service"])
            await machine.ok(["sh", "-c", "mv /var/lib/systemd/credential.secret /root/ && systemd-creds setup"])
            assert.notEqual((await machine.run(["systemctl", "restart", "trustkeyd.service"])).status, 0)
            assert.match(await journal(machine), /status=243\/CREDENTIALS/)
            assert.match((await machine.run(["trustkey", "status"])).stderr, /\[daemon_unreachable\]/)
            // Nobody is there who could put it right within seconds.
            await sleep(3_000)
            const property = (name: string): Promise<string> =>
                machine.ok(["systemctl", "show", "--value", "--property", name, "trustkeyd.service"])
            assert.deepEqual([await property("NRestarts"), await property("ActiveState")], ["0\n", "failed\n"])
            const sockets = ["trustkeyd-sign.socket", "trustkeyd-admin.socket"]
            assert.equal((await machine.run(["systemctl", "is-active", ...sockets])).stdout, "active\nactive\n")
            const { checks } = await doctor(machine)
            assert.deepEqual(
                checks.find(({ name }) => name === "credentials")?.findings,
                ["root-pin", "ci-group"].map(
                    (name) =>
                        `${name}: /etc/trustkeyd/${name}.cred does not open on this machine under this name; the daemon does not start`,
                ),
            )
            await machine.ok(["mv", "/root/credential.secret", "/var/lib/systemd/credential.secret"])
            await credential(machine, "ci-group", SECRET)
            await credential(machine, "root-pin", PIN)
            await machine.ok(["systemctl", "reset-failed", "trustkeyd.service"])
            await machine.ok(["systemctl", "restart", "trustkeyd.service"])
            assert.equal(await isReady(machine, ids.ci), true)
            assert.match(await machine.ok(["trustkey", "key", "csr", ids.root, GUN]), /BEGIN CERTIFICATE REQUEST/)
        })

        test("has written neither to the journal", async () => {
            const log = await machine.ok(["journalctl", "--no-pager", "-o", "cat"])
            assert.match(log, /"group-opened"/)
            assert.ok(!log.includes(PIN) && !log.includes(SECRET))
        })

        // Debian 12's asks nobody.
        if (release !== "trixie") return
        /** What pcscd answers; while it starts, or is about to end because nobody needed it, there is none to answer. */
        const asks = async (user: string): Promise<string> => {
            for (let tries = 0; tries < 60; tries += 1) {
                const answer = await machine.ok(["/usr/lib/trustkeyd/node", "-e", ASK_PCSCD], { user })
                if (answer !== SCARD_E_NO_SERVICE) return answer
                await sleep(500)
            }
            assert.fail(await machine.ok(["journalctl", "--no-pager", "-o", "cat", "-u", "pcscd.service", "-u", "pcscd.socket"]))
        }

        test("has a pcscd that asks polkit: it lets the daemon in, and still nobody else whom polkit does not know", async () => {
            await machine.ok(["sh", "-c", "cat >> /etc/trustkeyd/trustkeyd.toml"], { input: YUBIKEY })
            await machine.ok(["systemctl", "restart", "trustkeyd.service"])
            assert.equal(await asks("trustkeyd"), "0\n")
            assert.equal(await asks("nobody"), SCARD_W_SECURITY_VIOLATION)
            await pcscdIs(machine, "ok")
        })

        test("without the polkit rule the daemon is refused: it sees no card, the doctor says why, and the rule brings it back", async () => {
            await machine.ok(["mv", RULE, "/root/"])
            await machine.ok(["systemctl", "restart", "polkit.service"])
            assert.equal(await asks("trustkeyd"), SCARD_W_SECURITY_VIOLATION)
            await machine.ok(["systemctl", "restart", "trustkeyd.service"])
            const found = await pcscdIs(machine, "failure")
            assert.match(await machine.ok(["trustkey", "token", "list"]), /^yubikey +failed .*\(pcscd\).*polkit/m)
            assert.notEqual((await doctor(machine)).status, 0)
            assert.match(found.findings[0] ?? "", /no rule names trustkeyd/)
            assert.match(found.advice ?? "", /trustkeyd\.rules/)

            await machine.ok(["mv", "/root/trustkeyd.rules", RULE])
            await machine.ok(["systemctl", "restart", "polkit.service"])
            assert.equal(await asks("trustkeyd"), "0\n")
            await pcscdIs(machine, "ok")
        })
    })
}

async function installed(release: Release, stack: AsyncDisposableStack): Promise<Machine> {
    const machine = stack.use(await bootMachine(release))
    await machine.write("/root/trustkeyd.deb", deb)
    await machine.ok(["dpkg", "--install", "/root/trustkeyd.deb"], { env: { DEBIAN_FRONTEND: "noninteractive" } })
    return machine
}

/** As docs/unattended.md does it: for this machine, and for this name only. */
async function credential(machine: Machine, name: string, secret: string): Promise<void> {
    await machine.ok(["systemd-creds", "encrypt", `--name=${name}`, "-", `/etc/trustkeyd/${name}.cred`], { input: secret })
}

async function isReady(machine: Machine, id: string): Promise<boolean> {
    return JSON.parse(await machine.ok(["trustkey", "key", "show", id, "--json"])).ready
}

type Check = { readonly name: string; readonly verdict: string; readonly findings: readonly string[]; readonly advice?: string }
type Report = { readonly checks: readonly Check[] }

async function doctor(machine: Machine): Promise<Report & { readonly status: number | null }> {
    const { status, stdout } = await machine.run(["trustkey", "doctor", "--json"])
    const report: Report = JSON.parse(stdout)
    return { ...report, status }
}

/** What the doctor says of pcscd, once it has `verdict`: the daemon looks for a missing token every five seconds. */
async function pcscdIs(machine: Machine, verdict: string): Promise<Check> {
    let last: Check | undefined
    for (let tries = 0; tries < 40; tries += 1) {
        last = (await doctor(machine)).checks.find(({ name }) => name === "pcscd")
        if (last?.verdict === verdict) return last
        await sleep(500)
    }
    assert.fail(`the doctor says of pcscd: ${JSON.stringify(last)}`)
}

function journal(machine: Machine): Promise<string> {
    return machine.ok(["journalctl", "--no-pager", "-o", "cat", "-u", "trustkeyd.service"])
}
