import assert from "node:assert/strict"
import { existsSync } from "node:fs"
import { mkdir, readdir, readFile } from "node:fs/promises"
import path from "node:path"
import { after, before, describe, test } from "node:test"
import { packArchive, splitFrames, spoken } from "../../../src/ceremony/index.ts"
import { assertPrintable, printHtml } from "../../support/printed.ts"
import { mustRun } from "../../support/process.ts"
import { openScene, planHash, type Scene } from "./scene.ts"

let scene: Scene
before(async () => {
    scene = await openScene()
})
after(async () => {
    await scene[Symbol.asyncDispose]()
})

const at = (hours: number): string => `${new Date(Date.now() + hours * 3_600_000).toISOString().slice(0, 19)}Z`

/** What a stock decoder makes of a directory's pictures, the last one first. */
async function scanned(directory: string): Promise<readonly string[]> {
    const pictures = (await readdir(directory)).filter((name) => name.endsWith(".png")).map((name) => path.join(directory, name))
    return (await mustRun("zbarimg", ["--raw", "-q", ...pictures.reverse()])).trimEnd().split("\n")
}

describe("a ceremony without a stick", () => {
    test("crosses the gap as codes and back, with the same words on paper, screen and report", async () => {
        const gun = `${scene.rig.notary.host}/ceremony/codes`
        const file = (name: string): string => path.join(scene.directory, name)
        const passphrase = ["--passphrase-file", scene.rig.passphraseFile]
        await scene.rig.ok(["key", "create", "--purpose", "targets", "--bind", `targets@${gun}`, ...passphrase])
        await scene.rig.ok([
            ...["ceremony", "plan", "create-root", gun, "--out", file("plan.toml"), "--reason", "the first root", "--threshold", "1"],
            ...["--from", at(-1), "--until", at(5), "--person", "name=lea,part=lead", "--person", "name=dana,part=witness"],
            ...["--person", "name=alice,part=holder", "--key", "name=alice-1,holder=alice,change=new,token=vault-a"],
            ...["--vault-key", file("vault.pub"), "--witness-key", file("witness.pub")],
        ])
        const plan = await planHash(file("plan.toml"))
        const { hex, words } = spoken(plan)

        await scene.rig.ok(["ceremony", "script", file("plan.toml"), "--out", file("script.html")])
        const script = await printHtml(await readFile(file("script.html"), "utf8"), scene.directory)
        await assertPrintable(script)
        assert.ok(script[0]?.text.includes(hex) && script[0].text.includes(words))

        // Of two plans that begin with the same 16 digits, whoever compares these lines sees that they are two.
        const checked = await scene.rig.ok(["ceremony", "check", file("plan.toml")])
        assert.ok(checked.includes(`${hex}   ${words}\n  all of it  ${plan}\n`), checked)
        await mkdir(file("empty"))
        const empty = await scene.atVault(["ceremony", "resume", file("empty")])
        assert.match(empty.stderr, /empty is empty: trustkey ceremony pack [\s\S]*\[not_found\]/)

        const packed = await scene.rig.ok([
            ...["ceremony", "pack", file("plan.toml"), "--to", file("packed"), "--as", "lea", "--qr-images", file("to-vault")],
        ])
        assert.ok(packed.includes(`${hex}   ${words}`), packed)
        const frames = await scanned(file("to-vault"))
        assert.ok(frames.length > 1)

        const open = ["ceremony", "open", file("at-vault"), "--qr", "--as", "lea", "--plan", plan.slice(0, 32)]
        const torn = await scene.atVault(open, {}, frames.slice(1).join("\n"))
        assert.equal(torn.status, 7)
        assert.match(torn.stderr, /of [0-9]+ frames these are missing: [0-9]+/)
        assert.equal(existsSync(file("at-vault")), false)
        const [foreign = ""] = splitFrames(packArchive(new Map([["plan.toml", Buffer.from("x")]])), 600)
        // The right digits, but so few that a second plan with the same ones can be made in minutes.
        const few = await scene.atVault([...open.slice(0, -1), plan.slice(0, 31)], {}, frames.join("\n"))
        assert.match(few.stderr, /too few digits: 31, and the first 32 [\s\S]*\[step_refused\]/)
        const opened = await scene.atVault(open, {}, [...frames.slice(0, 1), foreign, ...frames].join("\n"))
        assert.equal(opened.status, 0, opened.stderr)
        assert.match(opened.stderr, /frame 1 of 1 is of another set/)
        assert.ok(opened.stderr.includes(`${hex}   ${words}`), opened.stderr)

        const bundle = file("at-vault")
        const made = await scene.vaultOk(["ceremony", "step", "keygen", bundle, "alice-1", "--as", "alice", ...scene.pin("vault-a")])
        assert.match(made, /^Made key alice-1: [0-9a-f]{12}, p256, on token vault-a, serial [0-9a-f]+$/m)
        const built = await scene.vaultOk(["ceremony", "step", "build", bundle, "--as", "lea"])
        const code = /^Code {2}((?:[0-9a-f]{4} ){4}) /m.exec(built)?.[1] ?? assert.fail(built)
        await scene.vaultOk(["ceremony", "step", "sign", bundle, "alice-1", "--as", "alice", "--code", code, ...scene.pin("vault-a")])
        await scene.vaultOk(["ceremony", "step", "backup", bundle, "alice-1", "--as", "alice"])
        const closed = await scene.vaultOk([
            ...["ceremony", "close", bundle, "--as", "dana", ...scene.closeFlags, "--qr-images", file("from-vault")],
        ])
        const [, last = ""] = /last record {2}(.+)$/m.exec(closed) ?? assert.fail(closed)

        const back = file("back")
        const verified = await scene.rig.ok(["ceremony", "verify", back, "--qr"], { input: (await scanned(file("from-vault"))).join("\n") })
        assert.match(verified, /^The bundle is good: ceremony \S+, complete, [0-9]+ records$/m)
        assert.ok(verified.includes(`${hex}   ${words}`), verified)
        assert.deepEqual(await readFile(path.join(back, "transcript.jsonl")), await readFile(path.join(bundle, "transcript.jsonl")))

        await scene.rig.ok(["ceremony", "publish", back, "--as", "lea", "--plan", plan, ...passphrase])
        await scene.rig.ok(["ceremony", "report", back, "--out", file("report.html")])
        const report = await printHtml(await readFile(file("report.html"), "utf8"), scene.directory)
        assert.ok(
            last.split("   ").every((text) => report[0]?.text.includes(text)),
            last,
        )
        assert.ok(report.some(({ text }) => text.includes(gun)))
    })
})
