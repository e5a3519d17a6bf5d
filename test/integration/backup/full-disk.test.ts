import assert from "node:assert/strict"
import path from "node:path"
import { test } from "node:test"
import { startNamespace } from "../../interop/contract/namespace.ts"
import { PROJECT } from "../../support/daemon.ts"
import { type CommandResult, runCommand } from "../../support/process.ts"
import { makeWorkingDirectory } from "../../support/temp.ts"
import { openBackupRig } from "./backup-rig.ts"

test("a disk that fills up while a backup is written leaves nothing that looks finished, and the backups before it", {
    timeout: 115_000,
}, async () => {
    await using rig = await openBackupRig()
    for (const purpose of ["targets", "snapshot", "targets"]) await rig.key(purpose)
    await using place = await makeWorkingDirectory("small")
    // A backup takes more than two pages.
    await using namespace = await startNamespace(place.path, `mkdir "$1/disk" && mount -t tmpfs -o size=8k tmpfs "$1/disk"`)
    const disk = path.join(place.path, "disk")
    const env = {
        PATH: "/usr/bin:/bin",
        HOME: place.path,
        TRUSTKEYD_SOCKET: rig.daemon.signSocket,
        TRUSTKEYD_ADMIN_SOCKET: rig.daemon.adminSocket,
    }
    const inside = async (program: readonly string[]): Promise<CommandResult> => {
        const [command, args] = namespace.enter(program)
        return await runCommand(command, args, { env })
    }
    const listed = async (): Promise<string> => (await inside(["ls", "-A", disk])).stdout
    const earlier = "trustkeyd-20260101T000000Z-0123456789abcdef.age"
    await inside(["touch", path.join(disk, earlier)])
    const create = ["backup", "create", "--out", disk, "--keep-count", "1"]
    const { status, stderr } = await inside([process.execPath, path.join(PROJECT, "dist/trustkey.cjs"), ...create])
    assert.match(stderr, /ENOSPC \[storage_failed\]/)
    assert.equal(status, 1)
    assert.equal(await listed(), `${earlier}\n`)
    const { backup } = JSON.parse(await rig.daemon.ok(["status", "--json"])) as { backup: { last?: unknown } }
    assert.equal(backup.last, undefined)
    // With room it is written after all.
    assert.equal((await inside(["mount", "-o", "remount,size=4m", disk])).status, 0)
    assert.equal((await inside([process.execPath, path.join(PROJECT, "dist/trustkey.cjs"), ...create])).status, 0)
    assert.match(await listed(), /^trustkeyd-2[^\n]*\.age\n$/)
})
