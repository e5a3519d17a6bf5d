import assert from "node:assert/strict"
import path from "node:path"
import { after, before, describe, test } from "node:test"
import { openScene, planHash, type Scene, standing } from "./scene.ts"

let scene: Scene
before(async () => {
    scene = await openScene()
})
after(async () => {
    await scene[Symbol.asyncDispose]()
})

const at = (hours: number): string => `${new Date(Date.now() + hours * 3_600_000).toISOString().slice(0, 19)}Z`

describe("a ceremony of two machines", () => {
    test("makes a 2-of-3 root at the vault, one token spoilt midway, which the stock clients follow", async () => {
        const gun = `${scene.rig.notary.host}/ceremony/app`
        const file = (name: string): string => path.join(scene.directory, name)
        const made = JSON.parse(
            await scene.rig.ok([
                ...["key", "create", "--purpose", "targets", "--bind", `targets@${gun}`, "--json"],
                ...["--passphrase-file", scene.rig.passphraseFile],
            ]),
        ) as { id: string }
        assert.match(made.id, /^[0-9a-f]{64}$/)
        await scene.rig.ok([
            ...["ceremony", "plan", "create-root", gun, "--out", file("plan.toml"), "--reason", "the first root", "--threshold", "2"],
            ...["--from", at(-1), "--until", at(5), "--id", "first"],
            ...["--person", "name=lea,part=lead", "--person", "name=dana,part=witness"],
            ...["alice", "bob", "carol"].flatMap((name) => ["--person", `name=${name},part=holder`]),
            ...["--key", "name=alice-1,holder=alice,change=new,token=vault-a"],
            ...["--key", `name=bob-1,holder=bob,change=new,token=vault-b,serial=${scene.tokens["vault-b"]?.serial}`],
            ...["--key", "name=carol-1,holder=carol,change=new,token=vault-c", "--spare", "token=vault-d"],
            ...["--vault-key", file("vault.pub"), "--witness-key", file("witness.pub")],
        ])
        await scene.rig.ok(["ceremony", "check", file("plan.toml")])
        const stick = file("stick")
        await scene.rig.ok(["ceremony", "pack", file("plan.toml"), "--to", stick, "--as", "lea"])

        // The vault has no network: nothing but the stick comes in.
        await scene.vaultRefuses(["ceremony", "check", file("plan.toml")], "server_unreachable")
        await scene.vaultRefuses(["ceremony", "open", stick, "--as", "lea", "--plan", "0".repeat(16)], "step_refused")
        await scene.vaultRefuses(["ceremony", "step", "keygen", stick, "alice-1", "--as", "alice"], "step_refused")
        const plan = await planHash(file("plan.toml"))
        await scene.vaultRefuses(["ceremony", "open", stick, "--as", "bob", "--plan", plan], "step_refused")
        await scene.vaultOk(["ceremony", "open", stick, "--as", "lea", "--plan", plan.slice(0, 16)])

        const keygen = (key: string, as: string, token: string, ...more: string[]) =>
            scene.vaultOk(["ceremony", "step", "keygen", stick, key, "--as", as, ...scene.pin(token), ...more])
        await scene.vaultRefuses(["ceremony", "step", "keygen", stick, "alice-1", "--as", "bob", ...scene.pin("vault-a")], "step_refused")
        await keygen("alice-1", "alice", "vault-a")
        await keygen("bob-1", "bob", "vault-b")
        await keygen("carol-1", "carol", "vault-c")
        await scene.vaultOk(["ceremony", "step", "void-key", stick, "carol-1", "--as", "carol", "--reason", "the token fell"])
        await keygen("carol-1", "carol", "vault-d", "--token", "vault-d")
        await scene.vaultOk(["ceremony", "step", "build", stick, "--as", "lea"])
        const shown = await scene.vaultOk(["ceremony", "resume", stick])
        assert.match(shown, /the roots are built/)
        for (const [key, as, token] of [
            ["alice-1", "alice", "vault-a"],
            ["carol-1", "carol", "vault-d"],
        ] as const) {
            const wrong = ["ceremony", "step", "sign", stick, key, "--as", as, "--code", "0".repeat(16), ...scene.pin(token)]
            const refusal = await scene.vaultRefuses(wrong, "step_refused")
            const code = /is ((?:[0-9a-f]{4} ){4})/.exec(refusal)?.[1] ?? ""
            await scene.vaultOk(["ceremony", "step", "sign", stick, key, "--as", as, "--code", code, ...scene.pin(token)])
        }
        await scene.vaultRefuses(["ceremony", "close", stick, "--as", "dana", ...scene.closeFlags], "step_refused")
        for (const [key, as] of [
            ["alice-1", "alice"],
            ["bob-1", "bob"],
            ["carol-1", "carol"],
        ] as const)
            await scene.vaultOk(["ceremony", "step", "backup", stick, key, "--as", as])
        await scene.vaultOk(["ceremony", "close", stick, "--as", "dana", ...scene.closeFlags])
        assert.equal((await standing(scene, stick)).phase, "closed")

        assert.match(await scene.rig.ok(["ceremony", "verify", stick]), /The bundle is good/)
        const publish = ["ceremony", "publish", stick, "--as", "lea", "--passphrase-file", scene.rig.passphraseFile]
        await scene.rig.ok([...publish, "--dry-run"])
        await scene.rig.ok(publish)
        assert.match(await scene.rig.ok(["ceremony", "verify", stick]), /The bundle is good/)
        await scene.rig.sign(`${gun}:v1`, "ab", "--passphrase-file", scene.rig.passphraseFile)
        assert.deepEqual(
            (await scene.rig.listed(gun)).map(({ name }) => name),
            ["v1"],
        )
    })
})
