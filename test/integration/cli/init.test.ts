import assert from "node:assert/strict"
import { generateKeyPairSync } from "node:crypto"
import { readFile, stat, writeFile } from "node:fs/promises"
import path from "node:path"
import { describe, test } from "node:test"
import { RECIPIENTS } from "../../support/ceremony/plan-text.ts"
import { type Daemon, PROJECT, startDaemon } from "../../support/daemon.ts"
import { type CommandResult, mustRun } from "../../support/process.ts"
import { type SoftHsm, startSoftHsm } from "../../support/softhsm.ts"
import { writeSecret } from "../../support/temp.ts"

/** `trustkey init` for the configuration of a daemon of ours, with SoftHSM's module to look for tokens with. */
function init(daemon: Daemon, token: SoftHsm, ...args: readonly string[]): Promise<CommandResult> {
    const search = ["--module", token.module, "--environment", `SOFTHSM2_CONF=${token.conf}`]
    return daemon.trustkey(["init", "--config", daemon.configFile, ...search, ...args])
}

async function again(daemon: Daemon): Promise<Daemon> {
    await daemon.stop()
    return await startDaemon({ directory: daemon.directory, isConfigured: true })
}

describe("trustkey init for an administrator", () => {
    test("picks up the token that is there, goes on after the restart, makes the root key, and does all of it once", async () => {
        await using token = await startSoftHsm()
        await using daemon = await startDaemon()
        const pin = await writeSecret(daemon.directory, "pin", token.userPin)
        const before = await readFile(daemon.configFile, "utf8")
        const first = await init(daemon, token, "--token", "root-a", "--pin-file", pin)
        assert.equal(first.status, 6, first.stderr)
        assert.match(first.stderr, new RegExp(`Configured token root-a: SoftHSM.* serial ${token.serial}, by ${token.module}`))
        assert.match(first.stderr, /restart the daemon, then run trustkey init again/)
        const written = await readFile(daemon.configFile, "utf8")
        assert.ok(written.startsWith(before))
        assert.match(written, new RegExp(`^uri = "pkcs11:serial=${token.serial}"$`, "m"))
        assert.equal((await stat(daemon.configFile)).mode & 0o777, 0o600)

        const restarted = await again(daemon)
        const second = await init(restarted, token, "--pin-file", pin)
        assert.equal(second.status, 0, second.stderr)
        const [, id] = /^Root key ([0-9a-f]{64}) is on token root-a\n$/.exec(second.stdout) ?? []
        assert.ok(id !== undefined, second.stdout)
        assert.match(second.stderr, /Next: trustkey trust init/)
        assert.match(second.stderr, /trustkey init --backup-recipient/)
        const third = await init(restarted, token, "--pin-file", pin)
        assert.equal(third.stdout, second.stdout)
        assert.equal(await readFile(daemon.configFile, "utf8"), written)
        await restarted.stop()
    })

    test("of several tokens it takes none unasked: the serial number chooses", async () => {
        await using token = await startSoftHsm()
        await using daemon = await startDaemon()
        const other = ["--init-token", "--free", "--label", "other", "--pin", token.userPin, "--so-pin", token.soPin]
        await mustRun("softhsm2-util", other, { env: token.env })
        const before = await readFile(daemon.configFile, "utf8")
        const unsure = await init(daemon, token)
        assert.equal(unsure.status, 2, unsure.stderr)
        assert.match(unsure.stderr, /there are 2 tokens; choose with --serial/)
        assert.ok(unsure.stderr.includes(token.serial))
        const wrong = await init(daemon, token, "--serial", "99")
        assert.match(wrong.stderr, /no token with the serial number 99 was found.*\[not_found\]/)
        assert.equal(await readFile(daemon.configFile, "utf8"), before)
        const chosen = await init(daemon, token, "--serial", token.serial)
        assert.match(chosen.stderr, /Configured token root-token: /)
        assert.match(await readFile(daemon.configFile, "utf8"), new RegExp(`serial=${token.serial}"`))
    })

    test("a module that fails is named, and what the daemon would not read is not written", async () => {
        await using token = await startSoftHsm()
        await using daemon = await startDaemon()
        const before = await readFile(daemon.configFile, "utf8")
        const broken = path.join(daemon.directory, "broken.so")
        await writeFile(broken, "no library\n")
        const failed = await daemon.trustkey(["init", "--config", daemon.configFile, "--module", broken])
        assert.equal(failed.status, 4, failed.stderr)
        assert.match(failed.stderr, new RegExp(`warning: ${broken}: .+\n`))
        assert.match(failed.stderr, /no token was found: asked were .+broken\.so.*\[not_found\]/)
        const misnamed = await init(daemon, token, "--token", "Root Token")
        assert.equal(misnamed.status, 78, misnamed.stderr)
        assert.match(misnamed.stderr, /token #1\.name: .*; nothing was written \[config_invalid\]/)
        assert.equal(await readFile(daemon.configFile, "utf8"), before)
    })

    test("where there is no configuration it writes one in which every setting is explained", async () => {
        await using token = await startSoftHsm()
        await using daemon = await startDaemon()
        const file = path.join(daemon.directory, "new.toml")
        const search = ["--module", token.module, "--environment", `SOFTHSM2_CONF=${token.conf}`]
        const made = await daemon.trustkey(["init", "--config", file, ...search])
        assert.match(made.stderr, /Wrote .+new\.toml, every setting in it with its explanation/)
        const shipped = await readFile(path.join(PROJECT, "packaging/trustkeyd.toml"), "utf8")
        assert.ok((await readFile(file, "utf8")).startsWith(shipped))
        assert.equal((await stat(file)).mode & 0o777, 0o640)
    })

    test("without a token the root key is sealed, made or imported; an import is repeated without harm", async () => {
        await using daemon = await startDaemon()
        const passphrase = await writeSecret(daemon.directory, "passphrase", "correct horse battery staple")
        const sealed = ["init", "--config", daemon.configFile, "--sealed", "--passphrase-file", passphrase]
        const made = await daemon.ok(sealed)
        assert.match(made, /^Root key [0-9a-f]{64} is sealed\n$/)
        assert.equal(await daemon.ok(sealed), made)

        const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" })
        const file = path.join(daemon.directory, "root.pem")
        await writeFile(file, privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o600 })
        const imported = await daemon.ok([...sealed, "--import", file])
        assert.match(imported, /^Imported root key [0-9a-f]+ from /m)
        assert.match(await daemon.ok([...sealed, "--import", file]), /^Here already: root key /m)
        const { keys }: { keys: { purpose: string; origin: string }[] } = JSON.parse(await daemon.ok(["key", "list", "--json"]))
        assert.deepEqual(keys.map(({ purpose, origin }) => `${purpose} ${origin}`).sort(), ["root generated", "root imported"])
    })

    test("puts a root key from a file on the token, once, and the configuration knows for whom backups are", async () => {
        await using token = await startSoftHsm()
        await using daemon = await startDaemon()
        const pin = await writeSecret(daemon.directory, "pin", token.userPin)
        const [recipient = assert.fail("no recipient")] = RECIPIENTS
        const before = await readFile(daemon.configFile, "utf8")
        const mistyped = await init(daemon, token, "--backup-recipient", recipient.replace(/.$/, "x"))
        assert.match(mistyped.stderr, /backup\.recipients.*; nothing was written \[config_invalid\]/s)
        assert.equal(await readFile(daemon.configFile, "utf8"), before)
        const first = await init(daemon, token, "--backup-recipient", recipient)
        assert.equal(first.status, 6, first.stderr)
        assert.match(first.stderr, new RegExp(`Backups are for ${recipient}`))

        const restarted = await again(daemon)
        const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" })
        const file = path.join(daemon.directory, "root.pem")
        await writeFile(file, privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o600 })
        const wanted = ["--import", file, "--serial", token.serial, "--pin-file", pin, "--backup-recipient", recipient]
        const imported = await init(restarted, token, ...wanted)
        assert.equal(imported.status, 0, imported.stderr)
        assert.match(imported.stdout, /^Imported root key [0-9a-f]+ from /m)
        assert.doesNotMatch(imported.stderr, /Nobody can open a backup yet/)
        assert.match((await init(restarted, token, ...wanted)).stdout, /^Here already: root key /m)
        const { keys }: { keys: { purpose: string; home: string }[] } = JSON.parse(await restarted.ok(["key", "list", "--json"]))
        assert.deepEqual(
            keys.map(({ purpose, home }) => [purpose, home]),
            [["root", "token:root-token"]],
        )
        await restarted.stop()
    })
})
