import assert from "node:assert/strict"
import { after, before, describe, test } from "node:test"
import { openTrustRig, type TrustRig } from "../support/trust-rig.ts"

type Explained = { keys: { id: string; home: string; needed: boolean; needs: { gun: string; role: string; kind: string }[] }[] }

describe("which old keys may go", () => {
    let rig: TrustRig
    before(async () => {
        rig = await openTrustRig()
    })
    after(async () => {
        await rig?.[Symbol.asyncDispose]()
    })

    const unlocking = (): readonly string[] => ["--passphrase-file", rig.passphraseFile]

    async function explained(role: string, gun: string, ...more: readonly string[]): Promise<Explained["keys"]> {
        return (JSON.parse(await rig.ok(["rotate", role, gun, "--explain", "--json", ...more])) as Explained).keys
    }

    test("is said of a role's keys one by one, and nothing is signed for it", async () => {
        const gun = "registry.example.com/explain/app"
        await rig.init(gun)
        const [only] = await explained("targets", gun)
        assert.deepEqual([only?.home, only?.needed, only?.needs.map(({ kind }) => kind)], ["sealed", true, ["signs"]])
        await rig.ok(["rotate", "targets", gun, "--confirm", ...unlocking()])
        const [old, now, ...more] = await explained("targets", gun)
        assert.equal(more.length, 0)
        assert.deepEqual([old?.id, old?.needed, old?.needs.map(({ kind }) => kind)], [only?.id, false, ["retired"]])
        assert.deepEqual([now?.needed, now?.needs.map(({ kind }) => kind)], [true, ["signs"]])
        const text = await rig.ok(["rotate", "targets", gun, "--explain"])
        assert.match(text, new RegExp(`^${old?.id.slice(0, 12)}  sealed  no longer needed\n  not needed  targets@`, "m"))
        assert.match(text, new RegExp(`^${now?.id.slice(0, 12)}  sealed  still needed\n  needed by  targets@`, "m"))
        assert.match(await rig.ok(["key", "show", old?.id ?? ""]), /^needed by +nothing the daemon knows of\nnot needed +targets@/m)
        const root = JSON.parse((await rig.served(gun, "root")).toString()) as { signed: { version: number } }
        assert.equal(root.signed.version, 2)
    })

    test("says of keys that are the server's, or somebody else's, that they are not here", async () => {
        const gun = "registry.example.com/explain/app"
        const [timestamp] = await explained("timestamp", gun)
        assert.deepEqual([timestamp?.home, timestamp?.needed], ["", true])
    })

    test("is said by the daemon alone while the trust server is away", async () => {
        const gun = "registry.example.com/explain/app"
        const { stdout, stderr, status } = await rig.daemon.trustkey(["rotate", "targets", gun, "--explain"], {
            env: { DOCKER_CONFIG: rig.docker.configDirectory, DOCKER_CONTENT_TRUST_SERVER: "https://localhost:1" },
        })
        assert.equal(status, 0, stderr)
        assert.match(stderr, /warning: the server's roots can't be used/)
        assert.match(stdout, /sealed {2}no longer needed\n {2}not needed {2}targets@/)
        assert.match(stdout, /sealed {2}still needed/)
    })

    test("a key that is needed is removed by whoever types that too, and it is on the record", async () => {
        const gun = "registry.example.com/explain/removed"
        await rig.init(gun)
        const [only] = await explained("targets", gun)
        const id = only?.id ?? assert.fail("no targets key")
        const stderr = await rig.refused(["key", "remove", id, "--confirm", id.slice(0, 8)], "confirmation_required", 5)
        assert.match(
            stderr,
            /still needed by targets of registry\.example\.com\/explain\/removed: its only key.*type "[0-9a-f]{8} is still needed"/,
        )
        await rig.ok(["key", "remove", id, "--confirm", `${id.slice(0, 8)} is still needed`])
        assert.match(await rig.ok(["audit", "list", "--json"]), new RegExp(`"neededBy[^,]*1[^}]*needs[^}]*${gun} targets signs`))
        assert.match(await rig.ok(["rotate", "targets", gun, "--explain"]), /^[0-9a-f]{12} {2}not here {2}still needed$/m)
        // And the repository is mended, as docs/recover.md says.
        await rig.ok(["rotate", "targets", gun, "--new-sealed", "--confirm", ...unlocking()])
        await rig.sign(`${gun}:v1`, "ab")
        assert.equal((await rig.listed(gun)).length, 1)
    })

    test("what is lost is told from what is elsewhere, with the trust server and without it", async () => {
        const gun = "registry.example.com/explain/recover"
        await rig.init(gun)
        const { keys } = JSON.parse(await rig.ok(["key", "list", "--gun", gun, "--json"])) as { keys: { id: string; purpose: string }[] }
        const root = keys.find(({ purpose }) => purpose === "root")?.id ?? assert.fail("no root key")
        assert.match(await rig.ok(["trust", "recover", gun]), /^Nothing is lost that is known here/m)
        const ended = await rig.ok(["trust", "recover", gun, "--lost", root.slice(0, 12)])
        assert.match(ended, new RegExp(`^root +1 of 1 +short +${root.slice(0, 12)} lost \\(token:root-token\\)$`, "m"))
        assert.match(ended, /^The root can't be signed any more\. What is left:\n.*\n {2}trustkey trust reset /m)
        await rig.refused(["trust", "recover", gun, "--lost", "0123456789ab"], "not_found", 4)
        await rig.refused(["trust", "recover", gun, "--lost", root.slice(0, 6)], "not_found", 4)
        const away = { DOCKER_CONFIG: rig.docker.configDirectory, DOCKER_CONTENT_TRUST_SERVER: "https://localhost:1" }
        const alone = await rig.daemon.trustkey(["trust", "recover", gun], { env: away })
        assert.equal(alone.status, 0, alone.stderr)
        assert.match(alone.stderr, /warning: what the server has can't be used/)
        assert.match(alone.stdout, /^snapshot +1 of 1 +whole +[0-9a-f]{12} elsewhere$/m)
    })
})
