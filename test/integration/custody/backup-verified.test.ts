import assert from "node:assert/strict"
import { writeFile } from "node:fs/promises"
import path from "node:path"
import { describe, test } from "node:test"
import { runCli } from "../../../src/cli/index.ts"
import { parseGun, ROOT } from "../../../src/tuf/index.ts"
import { makeWorkingDirectory, writeSecret } from "../../support/temp.ts"
import { fakeContext, fakeTerminal } from "../../unit/cli/fake-terminal.ts"
import { configured, KEEPER, takeBackup } from "./backup-rig.ts"
import { ADMIN, CustodyRig, Repository } from "./rig.ts"

describe("a backup that the custodian made", () => {
    test("is found good by trustkey backup verify, whatever became of its repositories", async () => {
        await using rig = await CustodyRig.withGroup()
        configured(rig)
        const published = await Repository.begin(rig)
        const files = await rig.custody.outbox(ADMIN, { gun: published.gun })
        await rig.custody.observe(ADMIN, { gun: published.gun, files: published.publish(files, 1) })
        await rig.custody.signSet(ADMIN, published.set([published.body("root", published.rootBody(2, { days: 2000 }))], 2))
        await rig.custody.voidPromise(ADMIN, { gun: published.gun, role: ROOT, version: 2, confirm: "void 2" })
        await rig.custody.signSet(ADMIN, published.targetsSet(3, { v1: "one" }))
        const other = await Repository.begin(rig, { gun: parseGun("registry.example.com/team/base"), snapshotKey: false })
        await rig.custody.reset(ADMIN, { gun: other.gun, confirm: other.gun })
        const removed = await rig.createKey("delegation", [])
        await rig.custody.removeKey(ADMIN, { id: removed.record.id, confirm: removed.record.id.slice(0, 8) })

        await using directory = await makeWorkingDirectory("backup-verified")
        const { file, facts } = await takeBackup(rig)
        const backup = path.join(directory.path, "backup.age")
        await writeFile(backup, file)
        const identity = await writeSecret(
            directory.path,
            "identity.txt",
            KEEPER.identity.reveal((bytes) => bytes.toString("latin1")),
        )
        const run = async (command: string): Promise<ReturnType<typeof JSON.parse>> => {
            const terminal = fakeTerminal()
            const code = await runCli(["backup", command, backup, "--identity", identity, "--json"], fakeContext(terminal))
            assert.equal(code, 0, terminal.remarks())
            return JSON.parse(terminal.printed())
        }
        const verdict = await run("verify")
        assert.equal(verdict.ok, true)
        assert.deepEqual(verdict.warnings, [])
        assert.equal(verdict.fingerprint, facts.fingerprint)
        assert.deepEqual([verdict.repositories, verdict.retired, verdict.keys.removed, verdict.keys.inGroups], [1, 1, 1, 5])
        const contents = await run("inspect")
        const lineage = contents.repositories.find(({ gun }: { gun: string }) => gun === published.gun)
        assert.deepEqual(
            [
                lineage.roots,
                lineage.promises,
                lineage.outbox.map(({ role, version }: { role: string; version: number }) => `${role} ${version}`),
            ],
            [1, 1, ["targets 3", "snapshot 3"]],
        )
    })
})
