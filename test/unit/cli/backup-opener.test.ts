import assert from "node:assert/strict"
import { after, describe, test } from "node:test"
import { createShares, encodeShareSet, type Share, shareText } from "../../../src/backup/index.ts"
import { openerFor } from "../../../src/cli/backup/identities.ts"
import { type OpenerOptions, withOpener } from "../../../src/cli/backup/opener-options.ts"
import { newCommand } from "../../../src/cli/syntax.ts"
import { makeAgeIdentity, Secret } from "../../../src/crypto/index.ts"
import { textOf } from "../../support/age-files.ts"
import { makeWorkingDirectory, writeSecret } from "../../support/temp.ts"
import { fakeCli, fakeTerminal } from "./fake-terminal.ts"

type Given = Parameters<typeof fakeTerminal>[0]

const working = await makeWorkingDirectory("opener")
after(() => working.remove())

const { identity, recipient } = makeAgeIdentity()
const split = await createShares(identity, 2, 3)
const typedShare = (share: Share): string => textOf(shareText(share))
const [first = "", second = "", third = ""] = split.shares.map(typedShare)
const identityFile = await writeSecret(working.path, "identity", textOf(identity))
const passphraseFile = await writeSecret(working.path, "passphrase", "correct horse")
const [shareFile, otherShareFile] = [await writeSecret(working.path, "share-1", first), await writeSecret(working.path, "share-2", second)]
const set = await writeSecret(working.path, "set.json", encodeShareSet(split.set).toString())

/** What is opened with, in words: the recipients of the identities, or the passphrase. */
async function opener(argv: readonly string[], given: Given = {}): Promise<{ by: string; shown: string; remarks: string }> {
    const terminal = fakeTerminal(given)
    const cli = fakeCli(terminal)
    const command = withOpener(newCommand(cli, "open", "Open it."))
    command.parse([...argv], { from: "user" })
    using found = await openerFor(cli, command.opts<OpenerOptions>())
    const by = found.kind === "passphrase" ? textOf(found.passphrase) : found.identities.map((each) => each.recipient).join(" ")
    return { by, shown: terminal.shown(), remarks: terminal.remarks() }
}

describe("what a backup is opened with", () => {
    test("comes from whichever flag is given, and nothing is asked", async () => {
        const cases: readonly (readonly [readonly string[], string, Given?])[] = [
            [["--identity", identityFile], recipient],
            [["--identity-fd", "5"], recipient, { descriptors: { 5: `# a comment\n${textOf(identity)}\n` } }],
            [["--passphrase-file", passphraseFile], "correct horse"],
            [["--passphrase-fd", "5"], "correct horse", { descriptors: { 5: "correct horse\n" } }],
            [["--share", shareFile, "--share", otherShareFile], recipient],
            [["--share", shareFile, "--share", otherShareFile, "--share-set", set], recipient],
            [["--share", "-"], recipient, { stdin: `${first}\n${first}\nother\n${third}\n` }],
        ]
        for (const [argv, by, given] of cases) {
            const found = await opener(argv, { typed: ["not this"], ...given })
            assert.equal(found.by, by, argv.join(" "))
            assert.equal(found.shown, "")
        }
    })

    test("is asked share by share, after those from files", async () => {
        const asked = await opener(["--shares"], { typed: [second, third.toLowerCase()] })
        assert.equal(asked.by, recipient)
        assert.equal(asked.shown, "Share 1, TKS1…: \nShare 2 of 2, TKS1…: \n")
        const mixed = await opener(["--share", shareFile, "--shares", "--share-set", set], { typed: [second] })
        assert.equal(mixed.by, recipient)
        assert.equal(mixed.shown, "Share 2 of 2, TKS1…: \n")
    })

    test("is one question without flags, whose answer says itself what it is; none of it is shown", async () => {
        const question = "Its passphrase, an identity (AGE-SECRET-KEY-1…) or a first share (TKS1…): \n"
        const cases: readonly (readonly [readonly string[], string, string])[] = [
            [["correct horse"], "correct horse", question],
            [["tks1"], "", question],
            [[textOf(identity)], recipient, question],
            [[first, third], recipient, `${question}Share 2 of 2, TKS1…: \n`],
            [[first.toLowerCase().replace(/.{4}/g, "$& "), third], recipient, `${question}Share 2 of 2, TKS1…: \n`],
        ]
        for (const [typed, by, shown] of cases) {
            if (by === "") {
                await assert.rejects(opener([], { typed }), { code: "declined" })
                continue
            }
            const found = await opener([], { typed })
            assert.deepEqual([found.by, found.shown], [by, shown])
            for (const text of typed) assert.ok(!`${found.shown}${found.remarks}`.includes(text))
        }
    })

    test("is asked again if the first share was mistyped", async () => {
        const found = await opener([], { typed: [`${first.slice(0, -1)}${first.endsWith("Q") ? "P" : "Q"}`, first, second] })
        assert.equal(found.by, recipient)
        assert.match(found.remarks, /a character of this share is mistyped/)
    })

    test("is of one kind: flags of two don't go together", async () => {
        for (const [one, other] of [
            [
                ["--identity", identityFile],
                ["--passphrase-file", passphraseFile],
            ],
            [
                ["--identity", identityFile],
                ["--identity-fd", "5"],
            ],
            [
                ["--identity-fd", "5"],
                ["--share", shareFile],
            ],
            [["--shares"], ["--passphrase-fd", "5"]],
            [
                ["--share", shareFile],
                ["--identity", identityFile],
            ],
            [
                ["--passphrase-fd", "5"],
                ["--passphrase-file", passphraseFile],
            ],
        ] as const)
            await assert.rejects(opener([...one, ...other]), { code: "commander.conflictingOption" }, `${one[0]} ${other[0]}`)
    })

    test("names its flags where there is no terminal, and refuses what is no identity, no secret or too few shares", async () => {
        await assert.rejects(opener([]), { code: "no_terminal", message: /use --identity, .*--share or --shares$/ })
        await assert.rejects(opener(["--shares"]), { code: "no_terminal" })
        await assert.rejects(opener(["--identity", passphraseFile]), { code: "invalid_request", message: /no age identity/ })
        await assert.rejects(opener(["--identity-fd", "5"], { descriptors: { 5: "\n" } }), { code: "invalid_request" })
        await assert.rejects(opener(["--identity", `${identityFile}-nowhere`]), { code: "not_found" })
        await assert.rejects(opener(["--share", shareFile]), { code: "invalid_request", message: /too few shares: 2 of set/ })
        await assert.rejects(opener(["--share", identityFile]), { code: "share_invalid", message: /identity: this is no share/ })
        await assert.rejects(opener(["--share", "-"], { stdin: "" }), { code: "invalid_request" })
    })

    test("an altered share is named by the public file before anything is opened with it", async () => {
        const [one] = split.shares
        assert.ok(one !== undefined)
        const value = one.value.reveal((bytes) => Buffer.from(bytes))
        value[0] = (value[0] ?? 0) ^ 1
        const bad = await writeSecret(working.path, "altered", typedShare({ ...one, value: new Secret(value) }))
        await assert.rejects(opener(["--share", bad, "--share", otherShareFile, "--share-set", set]), {
            code: "share_invalid",
            message: /altered: share 1 is not as it was made: leave it out$/,
        })
        await assert.rejects(opener(["--share", bad, "--share", otherShareFile]), {
            code: "share_invalid",
            message: /^of the shares 1, 2 at least one is not as it was made/,
        })
    })
})
