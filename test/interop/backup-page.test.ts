import assert from "node:assert/strict"
import { cp, readdir, readFile } from "node:fs/promises"
import path from "node:path"
import { after, before, describe, test } from "node:test"
import { makeIdentity, rulesFor } from "../integration/backup/backup-rig.ts"
import { parsePage, type Section } from "../sandbox/page.ts"
import { type Daemon, startDaemon } from "../support/daemon.ts"
import { openTrustRig, type TrustRig } from "../support/trust-rig.ts"
import { Typist } from "../support/typed-page.ts"

const GUN = "registry.example.com/team/app"
/** It needs no daemon: the recipients it makes go into the configuration of the one that follows. */
const FIRST = "Who can open it"
const ON_AN_EMPTY_MACHINE = "When everything is gone"

describe("docs/backup.md", async () => {
    const page = await readFile(path.resolve(import.meta.dirname, "../../docs/backup.md"), "utf8")
    const sections = parsePage(page).filter(({ blocks }) => blocks.some(({ kind }) => kind === "lines"))
    const named = (wanted: string): Section =>
        sections.find(({ title }) => title === wanted) ?? assert.fail(`the page has no section ${wanted}`)
    const stack = new AsyncDisposableStack()
    let rig: TrustRig
    let daemon: Daemon
    let typist: Typist

    before(
        async () => {
            rig = stack.use(await openTrustRig())
            const sealed = ["--passphrase-file", rig.passphraseFile]
            await rig.ok(["key", "group", "create", "release", ...sealed])
            await rig.ok(["key", "unlock", "--group", "release", ...sealed])
            await rig.ok(["key", "create", "--purpose", "targets", "--group", "release"])
            await rig.init(GUN)
            await rig.sign(`${GUN}:v1`, "ab", ...sealed)
            await (await Typist.open(rig, rig.daemon, {})).type(named(FIRST).blocks)
            const set = path.join(rig.daemon.directory, "shares/backup-shares.json")
            const { recipient } = JSON.parse(await readFile(set, "utf8")) as { recipient: string }
            const identity = await makeIdentity(rig.daemon.directory, "identity.txt")
            await rig.daemon.stop()
            const rules = rulesFor([recipient, identity.recipient]).replace("[backup]", `[backup]\nshares = ${JSON.stringify(set)}`)
            daemon = await startDaemon({ directory: rig.daemon.directory, tokens: { "root-token": rig.token }, rules })
            stack.defer(() => daemon.stop())
            typist = await Typist.open(rig, daemon, { GUN })
        },
        { timeout: 115_000 },
    )
    after(() => stack.disposeAsync())

    for (const { title, blocks } of sections.filter(({ title }) => title !== FIRST && title !== ON_AN_EMPTY_MACHINE))
        test(`every line does what the page says: ${title}`, { timeout: 115_000 }, () => typist.type(blocks))

    test(`every line does what the page says: ${ON_AN_EMPTY_MACHINE}`, { timeout: 115_000 }, async () => {
        const place = (name: string): string => path.join(daemon.directory, name)
        await daemon.stop()
        const machine = stack.use(await startDaemon())
        for (const name of ["backups", "shares"]) await cp(place(name), path.join(machine.directory, name), { recursive: true })
        const shares = [1, 3].flatMap((index) => ["--share", place(`shares/share-${index}-of-3.txt`)])
        const [file = ""] = (await readdir(place("backups"))).toSorted()
        const { fingerprint } = JSON.parse(await machine.ok(["backup", "verify", "--json", place(`backups/${file}`), ...shares])) as {
            fingerprint: string
        }
        const names = { GUN, BACKUP: `backups/${file}`, FINGERPRINT: fingerprint, DIGEST: "cd".repeat(32) }
        await (await Typist.open(rig, machine, names)).type(named(ON_AN_EMPTY_MACHINE).blocks)
        assert.deepEqual(
            (await rig.listed(GUN)).map(({ name }) => name),
            ["v1", "v2"],
        )
    })

    test("the unit makes a backup as the page has it", async () => {
        const unit = await readFile(path.resolve(import.meta.dirname, "../../systemd/trustkeyd-backup.service"), "utf8")
        const [, options = ""] = /^ExecStart=\/usr\/bin\/(trustkey backup create .*)$/m.exec(unit) ?? []
        const typed = named("Every day").blocks.flatMap((block) => (block.kind === "lines" ? block.lines.map(({ line }) => line) : []))
        assert.deepEqual(typed, [options.replace("/var/lib/trustkeyd-backups", "backups")])
    })
})
