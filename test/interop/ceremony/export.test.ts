import assert from "node:assert/strict"
import { chmod, readFile, writeFile } from "node:fs/promises"
import path from "node:path"
import { after, before, describe, test } from "node:test"
import type { Loose } from "../../support/ceremony/draft.ts"
import { askStranger } from "../../support/ceremony/stranger.ts"
import { startNotaryClient } from "../../support/notary-client.ts"
import { mustRun } from "../../support/process.ts"
import { openScene, planHash, type Scene, standing } from "./scene.ts"

let scene: Scene
before(async () => {
    scene = await openScene()
})
after(async () => {
    await scene[Symbol.asyncDispose]()
})

const at = (hours: number): string => `${new Date(Date.now() + hours * 3_600_000).toISOString().slice(0, 19)}Z`
const file = (name: string): string => path.join(scene.directory, name)

/** As the people at the table make theirs. */
async function identity(name: string): Promise<string> {
    await mustRun("age-keygen", ["-o", file(`${name}.identity`)])
    return (await mustRun("age-keygen", ["-y", file(`${name}.identity`)])).trim()
}

/** The newest artefact of a name, as a stranger finds it. */
async function artefact(stick: string, name: string): Promise<string> {
    const lines = (await readFile(path.join(stick, "transcript.jsonl"), "utf8")).split("\n").slice(0, -1)
    const records = lines.map((line) => JSON.parse(line) as { out: { name: string; sha256: string }[] })
    const item = records.flatMap(({ out }) => out).findLast((candidate) => candidate.name === name)
    return path.join(stick, "artefacts", item?.sha256 ?? assert.fail(`there is no ${name}`))
}

describe("a key that the vault made, exported", () => {
    test("TK-KEY-1 opens with stock age to a key that openssl and stock notary take; and what nobody here can open goes on no record", async () => {
        const gun = `${scene.rig.notary.host}/ceremony/exported`
        const [dana, erin] = [await identity("dana"), await identity("erin")]
        await identity("mallory")
        const role = ["--purpose", "targets", "--bind", `targets@${gun}`, "--passphrase-file", scene.rig.passphraseFile]
        await scene.rig.ok(["key", "create", ...role])
        await scene.rig.ok([
            ...["ceremony", "plan", "create-root", gun, "--out", file("plan.toml"), "--reason", "a root that outlives its tokens"],
            ...["--threshold", "1", "--from", at(-1), "--until", at(5), "--id", "exported"],
            ...["--person", "name=lea,part=lead", "--person", "name=dana,part=witness", "--person", "name=alice,part=holder"],
            ...["--key", "name=alice-1,holder=alice,change=new,token=vault-a,make=vault", "--recipient", dana, "--recipient", erin],
            ...["--vault-key", file("vault.pub"), "--witness-key", file("witness.pub")],
        ])
        const stick = file("stick")
        await scene.rig.ok(["ceremony", "pack", file("plan.toml"), "--to", stick, "--as", "lea"])
        await scene.vaultOk(["ceremony", "open", stick, "--as", "lea", "--plan", await planHash(file("plan.toml"))])
        await writeFile(file("alice.passphrase"), "the passphrase of alice\n", { mode: 0o600 })
        const step = (name: string, ...more: string[]): string[] => [
            ...["ceremony", "step", name, stick, "alice-1", "--as", "alice"],
            ...["--passphrase-file", file("alice.passphrase"), ...more],
        ]
        await scene.vaultOk(step("keygen"))
        await scene.vaultOk(step("backup", ...scene.pin("vault-a")))

        const { records } = await standing(scene, stick)
        await scene.vaultRefuses(step("backup"), "no_terminal")
        assert.match(
            await scene.vaultRefuses(step("backup", "--identity-file", file("mallory.identity")), "step_refused"),
            /the plan's backup is not for age1.*Bring the identity of one of the plan's recipients/,
        )
        await scene.vaultRefuses(step("backup", "--identity-file", file("alice.passphrase")), "invalid_request")
        await chmod(file("erin.identity"), 0o644)
        await scene.vaultRefuses(step("backup", "--identity-file", file("erin.identity")), "file_unsafe")
        await chmod(file("erin.identity"), 0o600)
        await writeFile(file("wrong.passphrase"), "not the passphrase\n", { mode: 0o600 })
        const wrong = ["ceremony", "step", "backup", stick, "alice-1", "--as", "alice", "--passphrase-file", file("wrong.passphrase")]
        await scene.vaultRefuses([...wrong, "--identity-file", file("erin.identity")], "open_failed")
        assert.equal((await standing(scene, stick)).records, records)
        await scene.vaultOk(["ceremony", "step", "build", stick, "--as", "lea"])
        const shown = await scene.vaultRefuses(step("sign", "--code", "0".repeat(16)), "step_refused")
        const code = /is ((?:[0-9a-f]{4} ){4})/.exec(shown)?.[1]?.trim() ?? ""
        await scene.vaultOk(step("sign", "--code", code))
        const close = ["ceremony", "close", stick, "--as", "dana", ...scene.closeFlags]
        assert.match(await scene.vaultRefuses(close, "step_refused"), /alice-1: no export/)
        assert.match(
            await scene.vaultOk(step("backup", "--identity-file", file("erin.identity"))),
            /^Exported key alice-1 for its 2 recipients, and it opened again and signed$/m,
        )
        await scene.vaultRefuses(step("backup", "--identity-file", file("erin.identity")), "step_refused")
        const audit = JSON.parse(await scene.vaultOk(["audit", "list", "--limit", "1000", "--json"])) as { records: Loose[] }
        const exports = audit.records.filter(({ action, outcome }) => action === "export-key" && outcome === "ok")
        assert.deepEqual(
            exports.map(({ detail }) => JSON.stringify(detail).includes(`${dana} ${erin}`)),
            [true],
        )
        await scene.vaultOk(close)
        assert.match(await scene.rig.ok(["ceremony", "verify", stick]), /^The bundle is good/m)
        const [stranger] = await askStranger([stick])
        assert.equal(stranger?.place, undefined, stranger?.text)

        const sealed = await artefact(stick, "backup/alice-1")
        assert.equal((await readFile(sealed)).includes("PRIVATE KEY"), false)
        for (const name of ["dana", "erin"]) {
            await mustRun("age", ["-d", "-i", file(`${name}.identity`), "-o", file(`${name}.pem`), sealed])
            await mustRun("openssl", ["pkey", "-in", file(`${name}.pem`), "-pubout", "-outform", "DER", "-out", file(`${name}.der`)])
            assert.deepEqual(await readFile(file(`${name}.der`)), await readFile(await artefact(stick, "public/alice-1")))
        }
        await using client = await startNotaryClient({ notary: scene.rig.notary })
        const imported = await client.run(["key", "import", "--role", "root", file("dana.pem")])
        assert.equal(imported.status, 0, `${imported.stdout}${imported.stderr}`)
        const toToken = ["--token", "root-token", "--serial", scene.rig.token.serial, "--identity", file("erin.identity")]
        await scene.rig.ok(["key", "import", "--role", "root", ...toToken, sealed])
        const { key_id: id } = factsOf(await readFile(path.join(stick, "transcript.jsonl"), "utf8"))
        assert.match((await client.run(["key", "list"])).stdout, new RegExp(`^\\s*root\\s+${id}`, "m"))
        assert.match(await scene.rig.ok(["key", "show", id]), /token:root-token.*imported/s)
    })
})

/** Of the key that was made. */
function factsOf(transcript: string): { key_id: string } {
    const lines = transcript.split("\n").slice(0, -1)
    const made = lines.map((line) => JSON.parse(line) as { step: string; facts: { key_id: string } }).find(({ step }) => step === "keygen")
    return made?.facts ?? assert.fail("no key was made")
}
