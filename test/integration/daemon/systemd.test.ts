import assert from "node:assert/strict"
import { mkdir, readFile, stat, writeFile } from "node:fs/promises"
import path from "node:path"
import { describe, test } from "node:test"
import { startDaemon } from "../../support/daemon.ts"
import { startNotifySocket } from "../../support/notify-socket.ts"
import { mustRun, runCommand } from "../../support/process.ts"
import { makeWorkingDirectory } from "../../support/temp.ts"
import { layOutUnits, UNIT_NAMES, UNITS } from "../../support/units.ts"

describe("the service manager hears of the daemon", () => {
    test("when it is ready, reloads, keeps its old configuration, and stops", async () => {
        await using directory = await makeWorkingDirectory("notify")
        await using notify = await startNotifySocket(directory.path)
        await using daemon = await startDaemon({
            env: { NOTIFY_SOCKET: notify.address, WATCHDOG_USEC: "400000", LISTEN_PID: "1", LISTEN_FDS: "2" },
        })
        await notify.waitFor({ READY: "1", STATUS: "Serving" })
        await notify.waitFor({ WATCHDOG: "1" })
        const config = await readFile(daemon.configFile, "utf8")
        await writeFile(daemon.configFile, `${config}\nnot_a_field = 1\n`)
        process.kill(daemon.service.pid, "SIGHUP")
        const { MONOTONIC_USEC } = await notify.waitFor({ RELOADING: "1" })
        assert.match(MONOTONIC_USEC ?? "", /^[1-9][0-9]+$/)
        const refused = async (): Promise<string | undefined> =>
            (await notify.heard()).find(({ STATUS }) => STATUS?.includes("not reloaded"))?.["STATUS"]
        await notify.waitFor({ READY: "1", STATUS: (await until(refused)) ?? "" })
        assert.match((await refused()) ?? "", /not_a_field.*\[config_invalid\]/)
        await writeFile(daemon.configFile, config)
        await daemon.stop()
        await notify.waitFor({ STOPPING: "1" })
    })

    test("by an abstract address too", async () => {
        await using directory = await makeWorkingDirectory("notify")
        await using notify = await startNotifySocket(directory.path, `@trustkeyd-test-${process.pid}`)
        await using _daemon = await startDaemon({ env: { NOTIFY_SOCKET: notify.address } })
        await notify.waitFor({ READY: "1" })
    })

    test("why it can't start", async () => {
        await using directory = await makeWorkingDirectory("notify")
        await using notify = await startNotifySocket(directory.path)
        await using daemon = await startDaemon()
        const second = await runCommand(process.execPath, ["--jitless", "dist/trustkeyd.cjs", "--config", daemon.configFile], {
            cwd: path.dirname(UNITS),
            env: { NOTIFY_SOCKET: notify.address },
        })
        assert.equal(second.status, 78)
        const said = await until(async () => (await notify.heard()).find(({ STATUS }) => STATUS?.includes("state_in_use")))
        assert.equal(said?.["READY"], undefined)
    })
})

test("sockets are taken from systemd by their names, and none is left or removed by us", async () => {
    await using directory = await makeWorkingDirectory("activated")
    const [sign, admin] = [path.join(directory.path, "sign.sock"), path.join(directory.path, "admin.sock")]
    // Passed in the other order than the daemon names them.
    const activate = ["/usr/bin/systemd-socket-activate", "-l", admin, "-l", sign, "--fdname=admin:sign"]
    await using daemon = await startDaemon({ directory: directory.path, wrapper: activate })
    const inode = async (file: string): Promise<number> => (await stat(file)).ino
    const before = [await inode(sign), await inode(admin)]
    assert.match(await daemon.ok(["status"]), /trustkeyd/)
    // The one is not taken for the other: an unpublished root can be voided by an administrator alone.
    const voiding = ["journal", "void", "registry.example.com/team/app", "root", "1", "--confirm", "void 1"]
    assert.match((await daemon.trustkey(voiding)).stderr, /\[repository_unknown\]/)
    assert.match((await daemon.trustkey(["--admin-socket", sign, ...voiding])).stderr, /\[denied\]/)
    await daemon.stop()
    assert.deepEqual([await inode(sign), await inode(admin)], before)
})

describe("the units", () => {
    test("are good in systemd's eyes, and expose 0.4 of 10", async () => {
        await using root = await makeWorkingDirectory("units")
        await layOutUnits(root.path)
        const { status, stderr } = await runCommand("systemd-analyze", ["verify", `--root=${root.path}`, ...UNIT_NAMES])
        assert.deepEqual([status, stderr], [0, ""])
        const exposed = async (unit: string, tenths: number): Promise<unknown> =>
            mustRun("systemd-analyze", ["security", "--offline=yes", `--threshold=${tenths}`, `--root=${root.path}`, unit])
        await exposed("trustkeyd.service", 4)
        // The client's runtime writes machine code and runs it.
        await exposed("trustkeyd-backup.service", 8)
    })

    test("and the users and directories they need are made by systemd's own tools", async () => {
        await using root = await makeWorkingDirectory("sysusers")
        await mkdir(path.join(root.path, "etc"))
        await mustRun("systemd-sysusers", [`--root=${root.path}`, path.join(UNITS, "trustkeyd.sysusers")])
        const groups = await readFile(path.join(root.path, "etc/group"), "utf8")
        assert.deepEqual(
            ["trustkeyd", "trustkey-sign", "trustkey-admin", "trustkeyd-backup"].filter(
                (name) => !groups.includes(`\n${name}:`) && !groups.startsWith(`${name}:`),
            ),
            [],
        )
        assert.match(groups, /^trustkey-sign:[^:]*:\d+:trustkeyd-backup$/m)
        await mustRun("systemd-tmpfiles", ["--create", `--root=${root.path}`, path.join(UNITS, "trustkeyd.tmpfiles")])
        assert.equal((await stat(path.join(root.path, "etc/trustkeyd"))).mode & 0o777, 0o751)
    })
})

async function until<T>(look: () => Promise<T | undefined>): Promise<T | undefined> {
    for (let tries = 0; tries < 600; tries++) {
        const found = await look()
        if (found !== undefined) return found
        await new Promise((resolve) => setTimeout(resolve, 50))
    }
    return undefined
}
