import assert from "node:assert/strict"
import { spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { cp, readFile, rm, writeFile } from "node:fs/promises"
import path from "node:path"
import { after, before, describe, test } from "node:test"
import { fileURLToPath } from "node:url"
import { askStranger } from "../../support/ceremony/stranger.ts"
import { buildKillSwitch } from "../../support/kill-switch.ts"
import { mustRun } from "../../support/process.ts"
import { killedOnline, killedOnTheWay, openScene, planHash, type Scene, standing, until } from "./scene.ts"

let scene: Scene
before(async () => {
    scene = await openScene()
})
after(async () => {
    await scene[Symbol.asyncDispose]()
})

const at = (hours: number): string => `${new Date(Date.now() + hours * 3_600_000).toISOString().slice(0, 19)}Z`

const GUN_PATH = "ceremony/app"
const gunOf = (): string => `${scene.rig.notary.host}/${GUN_PATH}`
const file = (name: string): string => path.join(scene.directory, name)

/** What is published of a root: its version, and the IDs and threshold of its role. */
async function publishedRoot(): Promise<{ version: number; keyids: readonly string[]; threshold: number }> {
    const { signed } = JSON.parse((await scene.rig.served(gunOf(), "root")).toString()) as {
        signed: { version: number; roles: { root: { keyids: string[]; threshold: number } } }
    }
    return { version: signed.version, ...signed.roles.root }
}

/** The canonical ID of a key that a bundle has on record. */
async function keyId(stick: string, key: string): Promise<string> {
    const lines = (await readFile(path.join(stick, "transcript.jsonl"), "utf8")).split("\n").slice(0, -1)
    const records = lines.map((line) => JSON.parse(line) as { facts: Record<string, string>; step: string })
    return records.findLast(({ step, facts }) => step === "keygen" && facts["key"] === key)?.facts["key_id"] ?? ""
}

/** Keys that the vault's daemon could use now, without anybody typing anything. */
async function openKeys(): Promise<readonly string[]> {
    const { keys } = JSON.parse(await scene.vaultOk(["key", "list", "--json"])) as { keys: readonly { id: string; state: string }[] }
    assert.ok(keys.length > 0)
    return keys.filter(({ state }) => state !== "locked").map(({ id }) => id)
}

/** As it is read off the vault's screen. */
async function codeAt(stick: string, key: string, as: string): Promise<string> {
    const wrong = ["ceremony", "step", "sign", stick, key, "--as", as, "--code", "0".repeat(16)]
    return /is ((?:[0-9a-f]{4} ){4})/.exec(await scene.vaultRefuses(wrong, "step_refused"))?.[1]?.trim() ?? ""
}

describe("a ceremony of two machines", () => {
    test("makes a 2-of-3 root at the vault, one token spoilt midway, which the stock clients follow", async () => {
        const gun = gunOf()
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
        await scene.vaultRefuses(["ceremony", "open", stick, "--as", "lea", "--plan", "0".repeat(32)], "step_refused")
        await scene.vaultRefuses(["ceremony", "step", "keygen", stick, "alice-1", "--as", "alice"], "step_refused")
        const plan = await planHash(file("plan.toml"))
        await scene.vaultRefuses(["ceremony", "open", stick, "--as", "bob", "--plan", plan], "step_refused")
        await scene.vaultOk(["ceremony", "open", stick, "--as", "lea", "--plan", plan.slice(0, 32)])

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
            const code = await codeAt(stick, key, as)
            // The PIN was typed when the key was made, and the token is still there: that opens nothing any more.
            await scene.vaultRefuses(["ceremony", "step", "sign", stick, key, "--as", as, "--code", code], "no_terminal")
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
        assert.deepEqual(await openKeys(), [])

        assert.match(await scene.rig.ok(["ceremony", "verify", stick]), /^The bundle is good: ceremony \S+, complete, [0-9]+ records$/m)
        const unplanned = ["ceremony", "publish", stick, "--as", "lea", "--passphrase-file", scene.rig.passphraseFile]
        // Somebody else's bundle is as good as any; only the plan's hash says whose it is.
        await scene.rig.refused([...unplanned, "--plan", "0".repeat(32)], "step_refused", 4)
        const publish = [...unplanned, "--plan", plan]
        await scene.rig.ok([...publish, "--dry-run"])
        await scene.rig.ok(publish)
        assert.match(await scene.rig.ok(["ceremony", "verify", stick]), /^The bundle is good: ceremony \S+, complete, [0-9]+ records$/m)
        const strangers = await askStranger([stick])
        assert.deepEqual(
            strangers.map(({ place }) => place),
            [undefined],
            strangers[0]?.text,
        )
        await scene.rig.sign(`${gun}:v1`, "ab", "--passphrase-file", scene.rig.passphraseFile)
        assert.deepEqual(
            (await scene.rig.listed(gun)).map(({ name }) => name),
            ["v1"],
        )
    })

    test("replaces a lost holder while each command is killed wherever it writes, and goes on: until the roots are built", async () => {
        await using killSwitch = await buildKillSwitch()
        const gun = gunOf()
        const [first, stick] = [file("stick"), file("second-stick")]
        const [alice, bob, carol] = [await keyId(first, "alice-1"), await keyId(first, "bob-1"), await keyId(first, "carol-1")]
        const planned = [
            ...[
                "ceremony",
                "plan",
                "replace-holder",
                gun,
                "--out",
                file("second.toml"),
                "--reason",
                "bob has lost his token",
                "--threshold",
                "2",
            ],
            ...["--from", at(-1), "--until", at(5), "--id", "second"],
            ...["--person", "name=lea,part=lead", "--person", "name=dana,part=witness"],
            ...["alice", "carol", "erin"].flatMap((name) => ["--person", `name=${name},part=holder`]),
            ...["--key", `name=alice-1,holder=alice,change=kept,id=${alice.slice(0, 12)},token=vault-a`],
            ...["--key", `name=carol-1,holder=carol,change=kept,id=${carol},token=vault-d`],
            ...["--key", "name=erin-1,holder=erin,change=new,token=vault-c,algorithm=p384"],
            ...["--vault-key", file("vault.pub"), "--witness-key", file("witness.pub")],
        ]
        await scene.rig.refused(planned, "plan_invalid", 4)
        await scene.rig.ok([...planned, "--key", `name=bob-1,holder=bob,change=lost,id=${bob}`])
        let kills = await killedOnline(scene, killSwitch, ["ceremony", "pack", file("second.toml"), "--to", stick, "--as", "lea"])
        const killed = async (...args: string[]): Promise<void> => {
            kills += await killedOnTheWay(scene, killSwitch, stick, args)
        }
        await killed("ceremony", "open", stick, "--as", "lea", "--plan", await planHash(file("second.toml")))
        // The wrong token in the reader, and the wrong person at the keyboard.
        await scene.vaultRefuses(["ceremony", "step", "present", stick, "alice-1", "--as", "carol"], "step_refused")
        await killed("ceremony", "step", "present", stick, "alice-1", "--as", "alice", ...scene.pin("vault-a"))
        await killed("ceremony", "step", "present", stick, "carol-1", "--as", "carol", ...scene.pin("vault-d"))
        await killed("ceremony", "step", "keygen", stick, "erin-1", "--as", "erin", ...scene.pin("vault-c"))
        await killed("ceremony", "step", "backup", stick, "erin-1", "--as", "erin")
        await killed("ceremony", "step", "build", stick, "--as", "lea")
        assert.ok(kills > 20, `only ${kills} kills`)
    })

    test("the same until it is closed and published; everybody reads the repository throughout", async () => {
        await using killSwitch = await buildKillSwitch()
        const [gun, stick] = [gunOf(), file("second-stick")]
        let kills = 0
        const killed = async (...args: string[]): Promise<void> => {
            kills += await killedOnTheWay(scene, killSwitch, stick, args)
        }
        const code = await codeAt(stick, "alice-1", "alice")
        await killed("ceremony", "step", "sign", stick, "alice-1", "--as", "alice", "--code", code, ...scene.pin("vault-a"))
        await killed("ceremony", "step", "void-root", stick, "--as", "lea", "--reason", "a rehearsed mistake")
        await killed("ceremony", "step", "build", stick, "--as", "lea")
        for (const [key, as, token] of [
            ["alice-1", "alice", "vault-a"],
            ["carol-1", "carol", "vault-d"],
            ["erin-1", "erin", "vault-c"],
        ] as const)
            await killed("ceremony", "step", "sign", stick, key, "--as", as, "--code", code, ...scene.pin(token))
        await killed("ceremony", "close", stick, "--as", "dana", ...scene.closeFlags)
        assert.equal((await standing(scene, stick)).phase, "closed")
        assert.deepEqual(await openKeys(), [])
        assert.match(await scene.rig.ok(["ceremony", "verify", stick]), /^The bundle is good: ceremony \S+, complete, [0-9]+ records$/m)
        const plan = ["--plan", await planHash(file("second.toml"))]
        const publish = ["ceremony", "publish", stick, "--as", "lea", ...plan, "--passphrase-file", scene.rig.passphraseFile]
        await mustRun("python3", [fileURLToPath(new URL("../../../docs/verify-ceremony.py", import.meta.url)), stick])
        kills += await killedOnline(scene, killSwitch, publish, async () => {
            assert.deepEqual(
                (await scene.rig.listed(gun)).map(({ name }) => name),
                ["v1"],
            )
        })
        assert.match(await scene.rig.ok(["ceremony", "verify", stick]), /^The bundle is good: ceremony \S+, complete, [0-9]+ records$/m)
        const root = await publishedRoot()
        assert.deepEqual([root.version, root.keyids.length, root.threshold], [2, 3, 2])
        assert.deepEqual(
            (await scene.rig.signedTags(gun)).map(({ tag }) => tag),
            ["v1"],
        )
        assert.ok(kills > 20, `only ${kills} kills`)
    })

    test("refuses a bundle whose repository moved on, with nothing published", async () => {
        const root = await publishedRoot()
        const [plan, stick] = [file("second.toml"), file("late-stick")]
        await scene.rig.refused(["ceremony", "check", plan], "repository_moved_on", 4)
        await scene.rig.refused(["ceremony", "pack", plan, "--to", stick, "--as", "lea"], "repository_moved_on", 4)
        assert.equal(existsSync(stick), false)
        assert.deepEqual(await publishedRoot(), root)
    })

    test("takes nothing that was changed on the way, and names the record", async () => {
        const [stick, changed] = [file("second-stick"), file("changed-stick")]
        await cp(stick, changed, { recursive: true })
        const transcript = path.join(changed, "transcript.jsonl")
        const text = await readFile(transcript, "utf8")
        await writeFile(transcript, text.replace('"who":"erin"', '"who":"alice"'))
        for (const args of [
            ["verify", changed],
            ["publish", changed, "--as", "lea"],
        ])
            assert.match(await scene.rig.refused(["ceremony", ...args], "bundle_invalid", 7), /record 5/)
        await scene.vaultRefuses(["ceremony", "step", "build", changed, "--as", "lea"], "bundle_invalid")
        // Half written: as a stick that was pulled out.
        await writeFile(transcript, text.slice(0, -20))
        assert.match(await scene.rig.refused(["ceremony", "verify", changed], "bundle_invalid", 7), /cut off/)
    })

    test("is not worked on by two at a time, nor by a clock that is off", async () => {
        const stick = file("third-stick")
        await cp(file("stick"), stick, { recursive: true })
        const held = spawn("flock", ["--no-fork", "--exclusive", stick, "sleep", "30"])
        try {
            await until(async () => (await scene.atVault(["ceremony", "resume", stick])).stderr.includes("another trustkey is at work"))
        } finally {
            held.kill()
        }
        const late = ["ceremony", "plan", "rotate-root", gunOf(), "--out", file("late.toml"), "--reason", "late", "--threshold", "2"]
        const [alice, carol, erin] = [
            await keyId(file("stick"), "alice-1"),
            await keyId(file("stick"), "carol-1"),
            await keyId(file("second-stick"), "erin-1"),
        ]
        await scene.rig.ok([
            ...[
                ...late,
                "--from",
                at(24),
                "--until",
                at(30),
                "--id",
                "late",
                "--person",
                "name=lea,part=lead",
                "--person",
                "name=dana,part=witness",
            ],
            ...["alice", "carol", "erin"].flatMap((name) => ["--person", `name=${name},part=holder`]),
            ...["--key", `name=alice-1,holder=alice,change=kept,id=${alice}`, "--key", `name=carol-1,holder=carol,change=kept,id=${carol}`],
            ...["--key", `name=erin-1,holder=erin,change=kept,id=${erin}`],
            ...["--vault-key", file("vault.pub"), "--witness-key", file("witness.pub")],
        ])
        await scene.rig.ok(["ceremony", "pack", file("late.toml"), "--to", file("late-stick"), "--as", "lea"])
        const open = ["ceremony", "open", file("late-stick"), "--as", "lea", "--plan", await planHash(file("late.toml"))]
        assert.match(await scene.vaultRefuses(open, "clock_implausible"), /the plan has the ceremony between/)
        assert.equal((await standing(scene, file("late-stick"))).records, 1)
    })

    test("begins anew after the root is lost, carried by codes alone; what was there is deleted when its name is typed", async () => {
        const gun = gunOf()
        const [alice, carol, erin] = [
            await keyId(file("stick"), "alice-1"),
            await keyId(file("stick"), "carol-1"),
            await keyId(file("second-stick"), "erin-1"),
        ]
        await scene.rig.ok([
            ...[
                "ceremony",
                "plan",
                "root-lost",
                gun,
                "--out",
                file("lost.toml"),
                "--reason",
                "two of three tokens burnt",
                "--threshold",
                "1",
            ],
            ...["--from", at(-1), "--until", at(5), "--id", "lost", "--person", "name=lea,part=lead", "--person", "name=dana,part=witness"],
            ...["--person", "name=erin,part=holder", "--key", `name=alice-1,holder=alice,change=lost,id=${alice}`],
            ...[
                "--key",
                `name=carol-1,holder=carol,change=lost,id=${carol}`,
                "--key",
                `name=erin-1,holder=erin,change=added,id=${erin},token=vault-c`,
            ],
            ...["--vault-key", file("vault.pub"), "--witness-key", file("witness.pub")],
        ])
        const [online, stick, back] = [file("lost-online"), file("lost-vault"), file("lost-back")]
        const sent = await scene.rig.ok(["ceremony", "pack", file("lost.toml"), "--to", online, "--as", "lea", "--qr"])
        assert.match(sent, /^TKC1:/)
        const torn = `${sent.slice(0, 100)}${sent[100] === "A" ? "B" : "A"}${sent.slice(101)}`
        assert.match((await scene.atVault(["ceremony", "open", file("torn"), "--qr"], {}, torn)).stderr, /\[bundle_invalid\]/)
        assert.equal(existsSync(file("torn")), false)
        const plan = await planHash(file("lost.toml"))
        const opened = await scene.atVault(["ceremony", "open", stick, "--qr", "--as", "lea", "--plan", plan], {}, sent)
        assert.equal(opened.status, 0, opened.stderr)
        await scene.vaultOk(["ceremony", "step", "present", stick, "erin-1", "--as", "erin", ...scene.pin("vault-c")])
        await scene.vaultOk(["ceremony", "step", "build", stick, "--as", "lea"])
        const code = await codeAt(stick, "erin-1", "erin")
        await scene.vaultOk(["ceremony", "step", "sign", stick, "erin-1", "--as", "erin", "--code", code, ...scene.pin("vault-c")])
        const shown = await scene.atVault(["ceremony", "close", stick, "--as", "dana", "--qr", ...scene.closeFlags])
        assert.equal(shown.status, 0, shown.stderr)
        const frames = shown.stdout.split("\n").filter((line) => line.startsWith("TKC1:"))
        await scene.rig.ok(["ceremony", "verify", back, "--qr"], { input: frames.join("\n") })

        const publish = ["ceremony", "publish", back, "--as", "lea", "--plan", plan, "--passphrase-file", scene.rig.passphraseFile]
        const before = await publishedRoot()
        await scene.rig.ok([...publish, "--dry-run"])
        await scene.rig.refused([...publish, "--confirm", "something"], "confirmation_required", 5)
        assert.deepEqual(await publishedRoot(), before)
        await scene.rig.ok([...publish, "--confirm", gun])
        const root = await publishedRoot()
        assert.deepEqual([root.version, root.keyids.length, root.threshold], [1, 1, 1])
        await scene.rig.ok(publish)
        await scene.rig.sign(`${gun}:v2`, "cd", "--passphrase-file", scene.rig.passphraseFile)
        assert.match(await scene.rig.ok(["trust", "inspect", gun]), /"v2"/)
        // A bundle for what was there before comes too late.
        const late = file("overtaken-stick")
        await cp(file("second-stick"), late, { recursive: true })
        await rm(path.join(late, "publication.jsonl"))
        const second = ["--plan", await planHash(file("second.toml"))]
        await scene.rig.refused(["ceremony", "publish", late, "--as", "lea", ...second], "repository_moved_on", 4)
        assert.deepEqual(await publishedRoot(), root)
    })
})
