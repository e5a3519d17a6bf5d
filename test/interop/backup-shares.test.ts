import assert from "node:assert/strict"
import { spawn } from "node:child_process"
import { randomBytes } from "node:crypto"
import { once } from "node:events"
import { readFile, writeFile } from "node:fs/promises"
import path from "node:path"
import { describe, test } from "node:test"
import { runCli } from "../../src/cli/index.ts"
import { type AgeOpener, type AgeRecipients, identitiesIn, makeAgeIdentity, Secret } from "../../src/crypto/index.ts"
import { sealAge, secret, unsealAge } from "../support/age-files.ts"
import { assertPrintable, printHtml } from "../support/printed.ts"
import { mustRun, runCommand } from "../support/process.ts"
import { makeWorkingDirectory } from "../support/temp.ts"
import { fakeContext, fakeTerminal } from "../unit/cli/fake-terminal.ts"

const CHUNK = 64 * 1024
const PASSPHRASE = "correct horse battery"

async function writeAge(file: string, content: Buffer, to: AgeRecipients): Promise<void> {
    await writeFile(file, await sealAge(content, to))
}

async function readAge(file: string, opener: AgeOpener): Promise<Buffer> {
    return await unsealAge(await readFile(file), opener)
}

/** age asks for passphrases on the terminal alone. @returns its exit status */
async function ageAtTerminal(args: readonly string[], typed: readonly string[]): Promise<number | null> {
    const child = spawn("script", ["-qefc", `age ${args.join(" ")}`, "/dev/null"], { stdio: ["pipe", "pipe", "inherit"] })
    const questions = /passphrase[^:]*: $/
    let shown = ""
    const answers = [...typed]
    child.stdout.on("data", (chunk: Buffer) => {
        shown += chunk.toString()
        if (!questions.test(shown)) return
        shown = ""
        child.stdin.write(`${answers.shift() ?? ""}\n`)
    })
    const [status] = await once(child, "close")
    return status
}

describe("Debian's age", () => {
    test("opens what we write, and we what it writes, in every length around a chunk, binary and armored", async () => {
        await using directory = await makeWorkingDirectory("age")
        const file = (name: string): string => path.join(directory.path, name)
        await mustRun("age-keygen", ["-o", file("theirs")])
        const theirs = identitiesIn(new Secret(await readFile(file("theirs"))))
        const ours = makeAgeIdentity()
        await writeFile(file("ours"), `${ours.identity.reveal((bytes) => bytes.toString())}\n`)
        const recipients = [ours.recipient, theirs[0]?.recipient ?? ""]
        for (const length of [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 5]) {
            const content = randomBytes(length)
            await writeFile(file("content"), content)
            await writeAge(file("by-us"), content, { kind: "x25519", recipients })
            for (const identity of ["ours", "theirs"]) {
                // age makes no file for nothing.
                await writeFile(file("out"), "")
                await mustRun("age", ["-d", "-i", file(identity), "-o", file("out"), file("by-us")])
                assert.deepEqual(await readFile(file("out")), content)
            }
            for (const armor of [[], ["-a"]]) {
                const to = recipients.flatMap((recipient) => ["-r", recipient])
                await mustRun("age", [...armor, ...to, "-o", file("by-age"), file("content")])
                for (const identities of [theirs, identitiesIn(ours.identity)])
                    assert.deepEqual(await readAge(file("by-age"), { kind: "identities", identities }), content)
            }
        }
    })

    test("opens a file that we write for a passphrase, and we one that it writes; neither with another", async () => {
        await using directory = await makeWorkingDirectory("age")
        const file = (name: string): string => path.join(directory.path, name)
        const content = randomBytes(CHUNK + 1)
        await writeFile(file("content"), content)
        await writeAge(file("by-us"), content, { kind: "passphrase", passphrase: secret(PASSPHRASE) })
        assert.equal(await ageAtTerminal(["-d", "-o", file("out"), file("by-us")], [PASSPHRASE]), 0)
        assert.deepEqual(await readFile(file("out")), content)
        assert.notEqual(await ageAtTerminal(["-d", "-o", file("other"), file("by-us")], ["another"]), 0)
        assert.equal(await ageAtTerminal(["-p", "-o", file("by-age"), file("content")], [PASSPHRASE, PASSPHRASE]), 0)
        assert.deepEqual(await readAge(file("by-age"), { kind: "passphrase", passphrase: secret(PASSPHRASE) }), content)
        await assert.rejects(readAge(file("by-age"), { kind: "passphrase", passphrase: secret("another") }), { code: "open_failed" })
    })

    test("refuses what we refuse: changed, cut off, with more behind it", async () => {
        await using directory = await makeWorkingDirectory("age")
        const file = (name: string): string => path.join(directory.path, name)
        const { identity, recipient } = makeAgeIdentity()
        await writeFile(file("identity"), `${identity.reveal((bytes) => bytes.toString())}\n`)
        await writeAge(file("whole"), randomBytes(2 * CHUNK), { kind: "x25519", recipients: [recipient] })
        const whole = await readFile(file("whole"))
        const changed = Buffer.from(whole)
        changed[CHUNK] = (changed[CHUNK] ?? 0) ^ 1
        for (const bytes of [changed, whole.subarray(0, -1), whole.subarray(0, -(CHUNK + 16)), Buffer.concat([whole, Buffer.of(0)])]) {
            await writeFile(file("broken"), bytes)
            assert.notEqual((await runCommand("age", ["-d", "-i", file("identity"), "-o", "/dev/null", file("broken")])).status, 0)
            await assert.rejects(readAge(file("broken"), { kind: "identities", identities: identitiesIn(identity) }), {
                code: "backup_invalid",
            })
        }
    })

    test("opens what was encrypted for a set of shares, with the identity that their printed codes give", async () => {
        await using directory = await makeWorkingDirectory("age")
        const file = (...names: readonly string[]): string => path.join(directory.path, ...names)
        const shares = async (argv: readonly string[], stdin = ""): Promise<string> => {
            const terminal = fakeTerminal({ stdin })
            assert.equal(await runCli(["backup", "shares", ...argv], fakeContext(terminal)), 0, terminal.remarks())
            return terminal.printed()
        }
        const made = await shares(["create", "--threshold", "2", "--shares", "3", "--out", file("shares")])
        const recipient = /age1\w+/.exec(made)?.[0] ?? ""
        await writeFile(file("content"), "what everything depends on")
        await mustRun("age", ["-r", recipient, "-o", file("backup.age"), file("content")])
        let scanned = ""
        for (const number of [3, 1]) {
            const page = await readFile(file("shares", `share-${number}-of-3.html`), "utf8")
            const sheets = await printHtml(page, directory.path)
            const [sheet] = sheets
            assert.ok(sheet !== undefined && sheets.length === 1)
            await assertPrintable(sheets)
            const typed = (await readFile(file("shares", `share-${number}-of-3.txt`), "utf8")).trim().split(/\s+/)
            assert.ok(sheet.text.replaceAll(/ [1-4] /g, " ").includes(typed.slice(1, 6).join(" ")))
            scanned += await mustRun("zbarimg", ["--raw", "-q", sheet.picture])
        }
        await shares(["combine", "-", "--share-set", file("shares", "backup-shares.json"), "--out", file("identity")], scanned)
        assert.equal(await mustRun("age", ["-d", "-i", file("identity"), file("backup.age")]), "what everything depends on")
    })
})
