import assert from "node:assert/strict"
import { appendFile, chmod, readFile, stat, writeFile } from "node:fs/promises"
import path from "node:path"
import { describe, test } from "node:test"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { DAEMON_FLAGS, type Daemon, startDaemon } from "../../support/daemon.ts"
import { type CommandResult, runCommand, waitForLog } from "../../support/process.ts"
import { startSoftHsm } from "../../support/softhsm.ts"
import { makeWorkingDirectory } from "../../support/temp.ts"

const PROGRAM = fileURLToPath(new URL("../../../dist/trustkeyd.cjs", import.meta.url))

function trustkeyd(...args: string[]): Promise<CommandResult> {
    return runCommand(process.execPath, [...DAEMON_FLAGS, PROGRAM, ...args])
}

async function passphraseFile(daemon: Daemon, text = "correct horse battery"): Promise<string> {
    const file = path.join(daemon.directory, `passphrase-${text.length}`)
    await writeFile(file, text, { mode: 0o600 })
    return file
}

const PLACE = "targets@registry.example.com/team/app"

async function keyOf(daemon: Daemon, id: string): Promise<Record<string, unknown>> {
    return JSON.parse(await daemon.ok(["key", "show", id, "--json"]))
}

describe("the daemon", () => {
    test("says every mistake in its configuration at once and ends with 78", async () => {
        await using directory = await makeWorkingDirectory("config")
        const file = path.join(directory.path, "bad.toml")
        await writeFile(file, 'log_level = "loud"\nstate_dir = "/x"\n[[require]]\ndo = ["rotate-root"]\n')
        const { status, stderr } = await trustkeyd("--config", file, "--check-config")
        assert.equal(status, 78)
        for (const mistake of [/log_level/, /state_dir/, /require/, /\[config_invalid\]/]) assert.match(stderr, mistake)
    })

    test("says that a good configuration is good, and touches nothing", async () => {
        await using directory = await makeWorkingDirectory("config")
        const file = path.join(directory.path, "good.toml")
        await writeFile(file, `state_directory = "${directory.path}/state"\n`)
        const { status, stdout } = await trustkeyd("--config", file, "--check-config")
        assert.deepEqual([status, stdout], [0, `${file}: ok\n`])
        await assert.rejects(stat(path.join(directory.path, "state")), { code: "ENOENT" })
    })

    test("ends with 2 for a wrong command line", async () => {
        const { status, stderr } = await trustkeyd("--frobnicate")
        assert.equal(status, 2)
        assert.match(stderr, /Usage: trustkeyd/)
    })

    test("refuses a state directory that another daemon holds, and lets go of it when killed", async () => {
        await using daemon = await startDaemon()
        const second = await trustkeyd("--config", daemon.configFile)
        assert.equal(second.status, 78)
        assert.match(second.stderr, /state_in_use/)
        await daemon.kill()
        const again = await daemon.restart()
        await again.stop()
    })

    test("refuses a state directory that others can read", async () => {
        await using daemon = await startDaemon()
        await daemon.stop()
        await chmod(daemon.stateDirectory, 0o755)
        const { status, stderr } = await trustkeyd("--config", daemon.configFile)
        assert.equal(status, 78)
        assert.match(stderr, /file_unsafe/)
        await chmod(daemon.stateDirectory, 0o700)
    })

    test("ends with 0 when told to, and its signers end with it", async () => {
        await using daemon = await startDaemon()
        const children = (await readFile(`/proc/${daemon.service.pid}/task/${daemon.service.pid}/children`, "utf8")).trim().split(" ")
        assert.equal(children.length, 1)
        await daemon.stop()
        assert.equal(daemon.service.ended(), "ended with exit status 0")
        for (const pid of children) await assert.rejects(stat(`/proc/${pid}`), { code: "ENOENT" })
    })

    test("takes new rules on SIGHUP, and keeps the old ones when the new file is wrong", async () => {
        await using daemon = await startDaemon({ rules: `[[allow]]\nwho = ["uid:${process.getuid?.()}"]\ndo = ["status"]\n` })
        const create = ["key", "create", "--purpose", "targets", "--bind", PLACE, "--passphrase-file", await passphraseFile(daemon)]
        assert.equal((await daemon.trustkey(create)).status, 3)
        await appendFile(daemon.configFile, `[[allow]]\nwho = ["uid:${process.getuid?.()}"]\ndo = ["create-key", "list"]\n`)
        process.kill(daemon.service.pid, "SIGHUP")
        await waitForLog(daemon.service, /"reloaded"/)
        assert.equal((await daemon.trustkey(create)).status, 0)
        await appendFile(daemon.configFile, "nonsense = 1\n")
        process.kill(daemon.service.pid, "SIGHUP")
        await waitForLog(daemon.service, /was not reloaded/)
        assert.equal((await daemon.trustkey(["key", "list"])).status, 0)
    })

    test("SIGUSR2 locks everything: fresh signer processes, no key open", async () => {
        await using daemon = await startDaemon()
        const file = await passphraseFile(daemon)
        const { id } = JSON.parse(
            await daemon.ok(["key", "create", "--purpose", "targets", "--bind", PLACE, "--passphrase-file", file, "--json"]),
        )
        await daemon.ok(["key", "unlock", id, "--passphrase-file", file])
        assert.equal((await keyOf(daemon, id))["state"], "unlocked")
        const children = () => readFile(`/proc/${daemon.service.pid}/task/${daemon.service.pid}/children`, "utf8")
        const before = await children()
        process.kill(daemon.service.pid, "SIGUSR2")
        for (let tries = 0; tries < 100 && (await children()) === before; tries++) await sleep(50)
        assert.notEqual(await children(), before)
        assert.equal((await keyOf(daemon, id))["state"], "locked")
        assert.match(await daemon.ok(["audit", "list"]), /signal:SIGUSR2 +lock +ok/)
    })

    test("refuses a configuration that others can write", async () => {
        await using directory = await makeWorkingDirectory("config")
        const file = path.join(directory.path, "open.toml")
        await writeFile(file, "")
        await chmod(file, 0o666)
        const { status, stderr } = await trustkeyd("--config", file, "--check-config")
        assert.equal(status, 78)
        assert.match(stderr, /\[file_unsafe\]/)
    })

    test("TK-SEC-1 SIGUSR1 opens no inspector, and nobody else of the same user reads the memory", async () => {
        await using daemon = await startDaemon()
        process.kill(daemon.service.pid, "SIGUSR1")
        await sleep(300)
        assert.equal(daemon.service.ended(), undefined)
        assert.doesNotMatch(daemon.service.log(), /[Dd]ebugger|inspector/)
        // PR_SET_DUMPABLE 0 makes root the owner of a process's files; for a daemon of root's the core limit is what shows.
        assert.match(await readFile(`/proc/${daemon.service.pid}/limits`, "utf8"), /Max core file size\s+0\s+0/)
    })

    test("TK-SEC-1 writes no secret into its log, its database or its records", async () => {
        await using token = await startSoftHsm()
        await using daemon = await startDaemon({ tokens: { root: token } })
        const passphrase = "an unmistakable passphrase 7f3a"
        const file = await passphraseFile(daemon, passphrase)
        const pinFile = path.join(daemon.directory, "pin")
        await writeFile(pinFile, token.userPin, { mode: 0o600 })
        await daemon.ok(["token", "login", "root", "--pin-file", pinFile])
        const { id } = JSON.parse(
            await daemon.ok(["key", "create", "--purpose", "targets", "--bind", PLACE, "--passphrase-file", file, "--json"]),
        )
        await daemon.ok(["key", "unlock", id, "--passphrase-file", file])
        const wrong = await passphraseFile(daemon, "another unmistakable one")
        assert.equal((await daemon.trustkey(["key", "unlock", id, "--passphrase-file", wrong])).status, 5)
        await daemon.stop()
        const written = [daemon.service.log()]
        for (const name of ["trustkeyd.db", "trustkeyd.db-wal"]) {
            written.push(await readFile(path.join(daemon.stateDirectory, name), "latin1").catch(() => ""))
        }
        assert.ok(
            written.some((text) => text.includes(id)),
            "the database was not where the test looked for it",
        )
        for (const secret of [passphrase, "another unmistakable one", token.userPin]) {
            for (const text of written) assert.ok(!text.includes(secret))
        }
    })
})
