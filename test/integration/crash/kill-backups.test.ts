import assert from "node:assert/strict"
import { test } from "node:test"
import type { Member } from "../../../src/backup/index.ts"
import type { RestoreOutcome } from "../../../src/cli/daemon-backups-types.ts"
import { fingerprintOf, given, KEEPER, membersIn } from "../custody/backup-rig.ts"
import { targetsBody } from "../custody/rig.ts"
import { killAtEveryStep, type State } from "./kill-steps.ts"
import { type Keys, Scene, WireRepository } from "./scene.ts"

/** A backup of the daemon that was lost, larger by three keys, a certificate and a signed repository with each number. */
type Lost = { readonly gun: string; readonly keys: Keys; readonly members: readonly Member[]; readonly digest: string }

test("TK-JRN-4 killed at every writing step of a restore: all of it is there, and signs, or nothing", async () => {
    await using source = await Scene.start()
    const lost = new Map<number, Lost>()
    const lostAt = (n: number): Lost => lost.get(n) ?? assert.fail(`no backup ${n}`)
    await killAtEveryStep({
        /** One group, two daemons. */
        async begin(scene) {
            const members = await backupOf(scene)
            const { digest } = await shown(source, members)
            await restore(source, members, digest)
            await source.openGroup()
        },
        async prepare(scene, n) {
            const gun = `registry.example.com/lost/app-${n}`
            const keys = await WireRepository.keysOf(source)
            const repository = await WireRepository.prepare(source, keys, gun)
            await source.client.signSet(repository.firstSet())
            const members = await backupOf(source)
            const { digest } = await shown(scene, members)
            lost.set(n, { gun, keys, members, digest })
        },
        async run(scene, n) {
            const { members, digest } = lostAt(n)
            assert.equal((await restore(scene, members, digest)).done, true)
        },
        async state(scene, n): Promise<State> {
            const { gun, keys } = lostAt(n)
            const here = new Set((await scene.client.listKeys({})).map(({ id }) => id))
            const found = Object.values(keys).filter(({ id }) => here.has(id)).length
            const repository = (await scene.client.listTrust()).find((known) => known.gun === gun)
            if (repository === undefined) {
                assert.equal(found, 0)
                return "old"
            }
            assert.equal(found, 3)
            assert.deepEqual(repository.marks.map(({ role, version }) => `${role} ${version}`).sort(), [
                "root 1",
                "snapshot 1",
                "targets 1",
            ])
            return "done"
        },
        async after(scene, n, state) {
            // Taken in twice it is there once.
            await this.run(scene, n)
            assert.equal(await this.state(scene, n), "done", `asked for again, ${state} before`)
            const { gun, keys } = lostAt(n)
            const signed = targetsBody({ version: 2, targets: { v2: "v2" } })
            await scene.client.sign({ keyId: keys.targets.id, gun, role: "targets", signed })
        },
    })
})

function shown(scene: Scene, members: readonly Member[]): Promise<RestoreOutcome> {
    return scene.client.backups.restore({ fingerprint: fingerprintOf(members) }, given(members), () => {})
}

function restore(scene: Scene, members: readonly Member[], digest: string): Promise<RestoreOutcome> {
    const fingerprint = fingerprintOf(members)
    const confirm = { typed: fingerprint.slice(0, 16), digest }
    return scene.client.backups.restore({ fingerprint, confirm }, given(members), () => {})
}

async function backupOf(source: Scene): Promise<readonly Member[]> {
    const pieces: Uint8Array[] = []
    for await (const { data } of source.client.backups.create({ to: { recipients: [KEEPER.recipient] } })) pieces.push(data)
    return await membersIn(Buffer.concat(pieces))
}
