import assert from "node:assert/strict"
import { writeFile } from "node:fs/promises"
import path from "node:path"
import { after, describe, test } from "node:test"
import { runCli } from "../../../src/cli/index.ts"
import { type AgeRecipients, AgeWriter, makeAgeIdentity, Secret } from "../../../src/crypto/index.ts"
import { archiveOf, member, membersOf, resealed, sampleRecords } from "../../support/backup-sample.ts"
import { makeWorkingDirectory, writeSecret } from "../../support/temp.ts"
import { type FakeTerminal, fakeContext, fakeTerminal } from "./fake-terminal.ts"

const working = await makeWorkingDirectory("backup-inspect")
after(() => working.remove())

const archive = archiveOf(await sampleRecords())
const { identity, recipient } = makeAgeIdentity()
const identityFile = await writeSecret(
    working.path,
    "identity.txt",
    identity.reveal((bytes) => bytes.toString("latin1")),
)
const fingerprint: unknown = JSON.parse(membersOf(archive).at(-1)?.content.toString("utf8") ?? "{}").sha256
const backup = await encrypted("backup.age", archive)

async function encrypted(
    name: string,
    content: Uint8Array,
    to: AgeRecipients = { kind: "x25519", recipients: [recipient] },
): Promise<string> {
    const file = path.join(working.path, name)
    using writer = await AgeWriter.open(to)
    await writeFile(file, Buffer.concat([writer.header, writer.write(content), writer.end()]))
    return file
}

async function run(
    argv: readonly string[],
    given: Parameters<typeof fakeTerminal>[0] = {},
): Promise<FakeTerminal & { readonly code: number }> {
    const terminal = fakeTerminal(given)
    const code = await runCli(["backup", ...argv], fakeContext(terminal))
    return { ...terminal, code }
}

describe("trustkey backup verify", () => {
    test("reads all of a backup, and says its fingerprint and what opens its keys", async () => {
        const { code, printed, remarks } = await run(["verify", backup, "--identity", identityFile])
        assert.equal(code, 0, remarks())
        const text = printed()
        assert.match(text, /^The backup is good: \d+ records, all of them read and checked$/m)
        assert.ok(text.includes(String(fingerprint)))
        assert.match(text, /sealed keys +3, 1 with a passphrase of their own, 2 with group release/)
        assert.match(text, /on tokens +1 that can't leave them; nothing brings back what 0 of them sign for/)
        assert.match(text, /shares +any 2 of 3 shares of set [0-9a-f]{20} give the identity of age1/)
        assert.match(text, /key files +1, and what opens them/)
        assert.match(remarks(), /trustkey backup drill does/)
        assert.doesNotMatch(text, /of the key files/)
    })

    test("names the record that is wrong, on standard output too when a program reads it", async () => {
        const members = membersOf(archive).map((one) =>
            one.name.startsWith("groups/") ? member(one.name, one.content.toString("utf8").replace("2026-11-20", "2026-02-30")) : one,
        )
        const file = await encrypted("wrong.age", resealed(members))
        const { code, printed, remarks } = await run(["verify", file, "--identity", identityFile, "--json"])
        assert.equal(code, 7)
        assert.match(remarks(), /groups\/release\.json: createdAt is not what it must be/)
        assert.deepEqual(JSON.parse(printed()), { ok: false, problem: "groups/release.json: createdAt is not what it must be" })
    })

    test("tells what is cut off, another's, or written by a newer trustkeyd", async () => {
        const newer = membersOf(archive).map((one) =>
            one.name === "trustkeyd-backup.json" ? member(one.name, one.content.toString("utf8").replace("backup/1", "backup/2")) : one,
        )
        const cases: readonly (readonly [file: string, code: number, message: RegExp])[] = [
            [await encrypted("short.age", archive.subarray(0, 20_000)), 7, /the archive is cut off/],
            [await encrypted("newer.age", resealed(newer)), 78, /newer trustkeyd.*\[state_newer\]/],
            [await encrypted("others.age", archive, { kind: "x25519", recipients: [makeAgeIdentity().recipient] }), 5, /\[open_failed\]/],
            [await encrypted("tar.age", resealed([member("etc/passwd", "x")])), 7, /this is no backup of trustkeyd/],
            [path.join(working.path, "nowhere.age"), 4, /does not exist/],
        ]
        for (const [file, code, message] of cases) {
            const result = await run(["verify", file, "--identity", identityFile])
            assert.match(result.remarks(), message)
            assert.equal(result.code, code, file)
            assert.equal(result.printed(), "")
        }
    })

    test("opens with a passphrase, and with no other", async () => {
        using passphrase = new Secret(Buffer.from("correct horse"))
        const file = await encrypted("passphrase.age", archive, { kind: "passphrase", passphrase })
        const secret = await writeSecret(working.path, "passphrase.txt", "correct horse")
        const { code, printed, remarks } = await run(["verify", file, "--passphrase-file", secret, "--json"])
        assert.equal(code, 0, remarks())
        assert.equal(JSON.parse(printed()).fingerprint, fingerprint)
        const wrong = await run(["verify", file, "--passphrase-file", await writeSecret(working.path, "wrong.txt", "wrong horse")])
        assert.deepEqual([wrong.code, wrong.printed()], [5, ""])
        assert.match(wrong.remarks(), /\[open_failed\]/)
    })
})

describe("trustkey backup inspect", () => {
    test("shows each key with what opens it or takes its place, and each repository", async () => {
        const { code, printed, remarks } = await run(["inspect", backup, "--identity", identityFile])
        assert.equal(code, 0, remarks())
        const text = printed()
        assert.match(text, /^release +2026-11-20 +its passphrase$/m)
        assert.match(text, /^[0-9a-f]{12} +targets +the targets key +group release +yes$/m)
        assert.match(text, /^[0-9a-f]{12} +root +the root key +its passphrase$/m)
        assert.match(text, /^[0-9a-f]{12} +root +the root key +not in the backup: it can't leave token root-a$/m)
        assert.match(text, /^[0-9a-f]{12} +delegation +the delegation key +removed on 2026-11-20$/m)
        assert.match(
            text,
            /When key [0-9a-f]{12} is lost with its token:\n {2}the same key lies on token root-b, serial 0002\n {2}registry\.example\.com\/team\/app: 1 other root keys/,
        )
        assert.match(text, /^registry\.example\.com\/team\/app +2 +4 +1 +2 +in use$/m)
        assert.match(text, /^registry\.example\.com\/team\/app +1 +3 +0 +0 +begun anew on 2026-11-20$/m)
        assert.doesNotMatch(text, /of the key files/)
    })

    test("has all of it for a program, and nothing of an envelope", async () => {
        const { code, printed } = await run(["inspect", backup, "--identity", identityFile, "--json"])
        assert.equal(code, 0)
        const document = JSON.parse(printed())
        assert.equal(document.fingerprint, fingerprint)
        assert.equal(document.keys.length, 5)
        assert.equal(document.repositories.length, 3)
        assert.deepEqual(document.keys.filter(({ leaves }: { leaves: boolean }) => !leaves).length, 2)
        assert.doesNotMatch(printed(), /envelope/)
    })
})
