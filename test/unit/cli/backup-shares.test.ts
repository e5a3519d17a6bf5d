import assert from "node:assert/strict"
import { chmod, readdir, readFile, stat, writeFile } from "node:fs/promises"
import path from "node:path"
import { after, describe, test } from "node:test"
import { runCli } from "../../../src/cli/index.ts"
import { identitiesIn, makeAgeIdentity, Secret } from "../../../src/crypto/index.ts"
import { makeWorkingDirectory } from "../../support/temp.ts"
import { type FakeTerminal, fakeContext, fakeTerminal } from "./fake-terminal.ts"

type Given = Parameters<typeof fakeTerminal>[0]

async function shares(argv: readonly string[], given: Given = {}): Promise<FakeTerminal & { readonly code: number }> {
    const terminal = fakeTerminal(given)
    const code = await runCli(["backup", "shares", ...argv], fakeContext(terminal))
    return { ...terminal, code }
}

const working = await makeWorkingDirectory("shares")
after(() => working.remove())
const directory = working.path
const out = path.join(directory, "made")
const created = await shares(["create", "--threshold", "3", "--shares", "5", "--out", out])
const fileOf = (index: number): string => path.join(out, `share-${index}-of-5.txt`)
const set = path.join(out, "backup-shares.json")
const text = async (index: number): Promise<string> => (await readFile(fileOf(index), "utf8")).replaceAll(/\s/g, "")
const recipient = /Recipient\s+(age1\S+)/.exec(created.printed())?.[1] ?? ""
const fresh = (name: string): string => path.join(directory, name)

async function secretFile(name: string, content: string): Promise<string> {
    const file = fresh(name)
    await writeFile(file, content, { mode: 0o600 })
    return file
}

function mistyped(share: string): string {
    return `${share.slice(0, -1)}${share.endsWith("Q") ? "P" : "Q"}`
}

async function opens(identityFile: string): Promise<boolean> {
    const identities = identitiesIn(new Secret(await readFile(identityFile)))
    return identities.length === 1 && identities[0]?.recipient === recipient
}

describe("trustkey backup shares", () => {
    test("create writes a page and a text for each holder, which only the maker can read, and a public file; it shows no share", async () => {
        assert.equal(created.code, 0, created.remarks())
        const names = Array.from({ length: 5 }, (_, index) => [`share-${index + 1}-of-5.html`, `share-${index + 1}-of-5.txt`]).flat()
        assert.deepEqual(await readdir(out), ["backup-shares.json", ...names])
        for (const name of names) assert.equal((await stat(path.join(out, name))).mode & 0o777, 0o600)
        assert.equal((await stat(out)).mode & 0o777, 0o700)
        const said = created.printed() + created.remarks()
        for (let index = 1; index <= 5; index += 1) {
            const share = await text(index)
            assert.match(share, /^TKS1[A-Z0-9]{86}$/)
            assert.ok(!said.replaceAll(/\s/g, "").includes(share.slice(30)))
        }
        assert.doesNotMatch(said, /AGE-SECRET-KEY|TKS1/)
        assert.deepEqual(Object.keys(JSON.parse(await readFile(set, "utf8"))), ["commitments", "format", "recipient", "set", "threshold"])
    })

    test("a page has its own share and no other, as text and as a code, and loads nothing", async () => {
        const all = await Promise.all([1, 2, 3, 4, 5].map(text))
        for (const index of all.keys()) {
            const page = await readFile(path.join(out, `share-${index + 1}-of-5.html`), "utf8")
            const shown = page.replaceAll(/<\/?t[rdh][^>]*>|\s/g, "")
            for (const [other, theirs] of all.entries()) {
                // The lines' numbers stand between.
                const parts = (theirs.match(/.{1,24}/g) ?? []).slice(1)
                assert.equal(
                    parts.every((part) => shown.includes(part)),
                    other === index,
                )
            }
            assert.match(page, /<img alt="The share as a QR code" src="data:image\/png;base64,/)
            assert.match(page, new RegExp(`Share ${index + 1} of 5`))
            assert.doesNotMatch(page, /https?:|<script/)
        }
    })

    test("create refuses a directory with something in it, and a set that can't be, before anything is written", async () => {
        const full = await shares(["create", "--threshold", "2", "--shares", "3", "--out", out])
        assert.equal(full.code, 4)
        assert.match(full.remarks(), /is not empty \[already_exists\]/)
        for (const [threshold, count] of [
            ["4", "3"],
            ["2", "256"],
        ] as const) {
            const target = fresh(`never-${threshold}`)
            const refused = await shares(["create", "--threshold", threshold, "--shares", count, "--out", target])
            assert.equal(refused.code, 4)
            await assert.rejects(stat(target), { code: "ENOENT" })
        }
        assert.equal((await shares(["create", "--threshold", "1", "--shares", "3", "--out", fresh("one")])).code, 2)
    })

    test("create splits the identity that it is given, and no file with two", async () => {
        const [one, two] = [makeAgeIdentity(), makeAgeIdentity()].map((each) => ({
            recipient: each.recipient,
            line: each.identity.reveal((bytes) => bytes.toString()),
        }))
        assert.ok(one !== undefined && two !== undefined)
        const whole = await secretFile("one.txt", `# public key: ${one.recipient}\n${one.line}\n`)
        const target = fresh("given")
        const made = await shares(["create", "--threshold", "2", "--shares", "2", "--out", target, "--identity", whole])
        assert.equal(made.code, 0, made.remarks())
        assert.match(made.printed(), new RegExp(one.recipient))
        const both = await secretFile("two.txt", `${one.line}\n${two.line}\n`)
        const refused = await shares(["create", "--threshold", "2", "--shares", "2", "--out", fresh("both"), "--identity", both])
        assert.equal(refused.code, 4)
        assert.match(refused.remarks(), /\[invalid_request\]/)
    })

    test("check says of one share alone that it is as it was made, from a file, a scanner or the keyboard", async () => {
        const typed = (await text(2)).toLowerCase()
        for (const { argv, given } of [
            { argv: [fileOf(2)], given: {} },
            { argv: ["-"], given: { stdin: `${await text(2)}\n` } },
            { argv: [], given: { typed: [typed.replace(/.{4}/g, "$& ")] } },
        ]) {
            const checked = await shares(["check", ...argv, "--share-set", set], given)
            assert.equal(checked.code, 0, checked.remarks())
            assert.match(checked.printed(), /^Share {6}2 of 5\nSet .*\nNeeded {5}3\nRecipient {2}age1/)
            assert.equal(checked.remarks(), "It is as it was made.\n")
            assert.doesNotMatch(checked.printed() + checked.remarks() + checked.shown(), new RegExp(typed.slice(20), "i"))
        }
        const alone = await shares(["check", fileOf(2)])
        assert.match(alone.remarks(), /^It is typed right\. Whether it is as it was made, the set's public file says/)
        const json = JSON.parse((await shares(["check", fileOf(2), "--share-set", set, "--json"])).printed())
        assert.deepEqual([json.index, json.threshold, json.shares, json.recipient, json.asItWasMade], [2, 3, 5, recipient, true])
        assert.equal(JSON.parse((await shares(["check", fileOf(2), "--json"])).printed()).asItWasMade, null)
    })

    test("check refuses a share that is mistyped or of another set, and a public file that was altered: exit 7", async () => {
        const wrong = await secretFile("wrong.txt", mistyped(await text(2)))
        const mis = await shares(["check", wrong, "--share-set", set])
        assert.equal(mis.code, 7)
        assert.match(mis.remarks(), /a character of this share is mistyped: its checksum does not fit \[share_invalid\]\n {2}Type it again/)
        const other = fresh("other")
        await shares(["create", "--threshold", "3", "--shares", "5", "--out", other])
        const foreign = await shares(["check", fileOf(2), "--share-set", path.join(other, "backup-shares.json")])
        assert.equal(foreign.code, 7)
        assert.match(foreign.remarks(), /share 2 is of set [0-9a-f]{20}, and the file of set [0-9a-f]{20} \[share_invalid\]/)
        const mallory = makeAgeIdentity().recipient
        const altered = await secretFile("altered.json", (await readFile(set, "utf8")).replace(recipient, mallory))
        const forged = await shares(["check", fileOf(2), "--share-set", altered])
        assert.equal(forged.code, 7)
        assert.match(forged.remarks(), /was altered: its parts don't make its ID \[share_invalid\]/)
        assert.equal((await shares(["check", "-"], { stdin: "\n\n" })).code, 7)
        assert.equal((await shares(["check", fresh("nowhere")])).code, 4)
        assert.equal((await shares(["check"])).code, 2)
    })

    test("combine writes an identity file that only its maker can read, from files", async () => {
        const target = fresh("from-files.txt")
        const combined = await shares(["combine", fileOf(5), fileOf(1), fileOf(3), "--share-set", set, "--out", target])
        assert.equal(combined.code, 0, combined.remarks())
        assert.equal((await stat(target)).mode & 0o777, 0o600)
        assert.match(await readFile(target, "utf8"), new RegExp(`^# public key: ${recipient}\\nAGE-SECRET-KEY-1[A-Z0-9]{58}\\n$`))
        assert.equal(await opens(target), true)
        assert.doesNotMatch(combined.printed() + combined.remarks(), /AGE-SECRET|TKS1/)
        const again = await shares(["combine", fileOf(5), fileOf(1), fileOf(3), "--out", target])
        assert.match(again.remarks(), /\[already_exists\]/)
    })

    test("combine asks share by share, hides what is typed, says what is wrong with one and asks for it again", async () => {
        const target = fresh("asked.txt")
        const typed = [await text(4), mistyped(await text(1)), await text(4), "nonsense", await text(1), (await text(2)).toLowerCase()]
        const combined = await shares(["combine", "--out", target], { typed })
        assert.equal(combined.code, 0, combined.remarks())
        assert.equal(await opens(target), true)
        const questions = ["Share 1, TKS1…: ", ...Array.from({ length: 4 }, () => "Share 2 of 3, TKS1…: "), "Share 3 of 3, TKS1…: "]
        assert.equal(combined.shown(), questions.map((question) => `${question}\n`).join(""))
        assert.deepEqual(combined.rawModes, Array.from({ length: 6 }, () => [true, false]).flat())
        for (const said of [
            /That is share 4; 2 more needed\./,
            /a character of this share is mistyped/,
            /share 4 is there twice/,
            /this is no share: one begins with TKS1/,
            /That is share 2; these are enough\./,
        ])
            assert.match(combined.remarks(), said)
    })

    test("combine gives up after five wrong tries at one share", async () => {
        const combined = await shares(["combine", "--out", fresh("never.txt")], { typed: ["a", "b", "c", "d", "e", await text(1)] })
        assert.equal(combined.code, 7)
        assert.equal(combined.shown().split("Share 1").length - 1, 5)
        await assert.rejects(stat(fresh("never.txt")), { code: "ENOENT" })
    })

    test("combine reads a scanner's lines until there are enough, whatever else it reads and however often", async () => {
        const target = fresh("scanned.txt")
        const lines = [await text(1), await text(1), "EAN-13:4006381333931", "", await text(2), await text(3), await text(4)]
        const combined = await shares(["combine", "-", "--share-set", set, "--out", target], { stdin: lines.join("\r\n") })
        assert.equal(combined.code, 0, combined.remarks())
        assert.equal(await opens(target), true)
        assert.match(combined.remarks(), /share 1 is there twice\n/)
        assert.doesNotMatch(combined.remarks(), /Share 4/)
    })

    test("combine gives nothing for two of three, mixed sets, the same one twice or a wrong one, and names it", async () => {
        const other = fresh("mixed")
        await shares(["create", "--threshold", "3", "--shares", "5", "--out", other])
        const cases = [
            {
                files: [fileOf(1), fileOf(2)],
                code: 4,
                said: /too few shares: 3 of set [0-9a-f]{20} are needed, and there are 2 \[invalid_request\]/,
            },
            {
                files: [fileOf(1), fileOf(2), path.join(other, "share-3-of-5.txt")],
                code: 7,
                said: /mixed\/share-3-of-5\.txt: these shares don't belong together/,
            },
            { files: [fileOf(1), fileOf(2), fileOf(2)], code: 7, said: /share-2-of-5\.txt: share 2 is there twice/ },
            { files: [fileOf(1), fileOf(2), fresh("wrong-3.txt")], code: 7, said: /wrong-3\.txt: a character of this share is mistyped/ },
        ]
        await secretFile("wrong-3.txt", mistyped(await text(3)))
        for (const { files, code, said } of cases) {
            const combined = await shares(["combine", ...files, "--out", fresh("nothing.txt")])
            assert.equal(combined.code, code)
            assert.match(combined.remarks(), said)
            await assert.rejects(stat(fresh("nothing.txt")), { code: "ENOENT" })
        }
    })

    test("a file that others can read is no place for a share, and what is said of one shows no control character", async () => {
        const open = await secretFile("open.txt", await text(1))
        await chmod(open, 0o644)
        const refused = await shares(["check", open])
        assert.match(refused.remarks(), /\[file_unsafe\]/)
        const odd = await secretFile("odd\u001b[2J.txt", "x")
        assert.ok(!(await shares(["combine", odd, "--out", fresh("nothing.txt")])).remarks().includes("\u001b"))
    })

    test("lines without end are refused", async () => {
        const endless = await shares(["combine", "-", "--out", fresh("nothing.txt")], { stdin: "A".repeat(5000) })
        assert.equal(endless.code, 7)
        assert.match(endless.remarks(), /no scanner's text/)
    })
})
