import assert from "node:assert/strict"
import { test } from "node:test"
import { startDaemon } from "../../support/daemon.ts"
import { startSoftHsm } from "../../support/softhsm.ts"

const PLACE = "targets/releases@registry.example.com/team/app"

test("a group with a credential opens by itself after every start, and its keys are ready without a person", async () => {
    await using daemon = await startDaemon({ credentials: { "ci-group": "c2VjcmV0LW9mLXRoZS1jaS1ncm91cA" } })
    await daemon.ok(["key", "group", "create", "ci", "--credential", "ci-group", "--no-passphrase"])
    const create = ["key", "create", "--purpose", "delegation", "--group", "ci", "--bind", PLACE, "--json"]
    const { id } = JSON.parse(await daemon.ok(create))
    await daemon.stop()
    const again = await daemon.restart()
    try {
        assert.equal(JSON.parse(await again.ok(["key", "show", id, "--json"])).ready, true)
        await again.ok(["key", "lock", "--all"])
        assert.equal(JSON.parse(await again.ok(["key", "show", id, "--json"])).ready, false)
        await again.ok(["key", "unlock", "--group", "ci"])
        assert.equal(JSON.parse(await again.ok(["key", "show", id, "--json"])).ready, true)
    } finally {
        await again.stop()
    }
})

test("a group stays closed, and says so, when its credential is another one", async () => {
    await using daemon = await startDaemon({ credentials: { "ci-group": "the first secret" } })
    await daemon.ok(["key", "group", "create", "ci", "--credential", "ci-group", "--no-passphrase"])
    const { id } = JSON.parse(await daemon.ok(["key", "create", "--purpose", "delegation", "--group", "ci", "--bind", PLACE, "--json"]))
    await daemon.stop()
    await using other = await startDaemon({ directory: daemon.directory, credentials: { "ci-group": "another secret" } })
    const shown = JSON.parse(await other.ok(["key", "show", id, "--json"]))
    assert.deepEqual([shown.ready, shown.state], [false, "locked"])
    assert.match(other.service.log(), /group-not-opened/)
})

test("TK-PIN-1 a stored PIN that the token refused is not tried again, also after a restart", async () => {
    await using token = await startSoftHsm()
    await using daemon = await startDaemon({ tokens: { root: token }, credentials: { "root-pin": "00000000" } })
    const create = ["key", "create", "--purpose", "root", "--token", "root"]
    const first = await daemon.trustkey(create)
    assert.match(first.stderr, /\[pin_incorrect\]/)
    const second = await daemon.trustkey(create)
    assert.match(second.stderr, /\[pin_refused_before\]/)
    await daemon.stop()
    const again = await daemon.restart()
    try {
        assert.match((await again.trustkey(create)).stderr, /\[pin_refused_before\]/)
    } finally {
        await again.stop()
    }
})
