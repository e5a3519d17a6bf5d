import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { Interrupted, type Tty } from "../../../src/cli/index.ts"
import { openPrompts } from "../../../src/cli/prompts.ts"
import { fakeTerminal } from "./fake-terminal.ts"

async function typeSecret(keys: string): Promise<string> {
    using secret = await openPrompts(fakeTerminal({ typed: [keys] })).secret("PIN: ", "--pin-fd")
    return secret.reveal((bytes) => bytes.toString())
}

describe("prompts", () => {
    test("a secret is read without echo, and the terminal echoes again afterwards", async () => {
        const terminal = fakeTerminal({ typed: ["correct horse"] })
        const prompts = openPrompts(terminal)
        using secret = await prompts.secret("Passphrase: ", "--passphrase-fd")
        assert.equal(
            secret.reveal((bytes) => bytes.toString()),
            "correct horse",
        )
        assert.deepEqual(terminal.rawModes, [true, false])
        assert.equal(terminal.shown(), "Passphrase: \n")
        assert.equal(terminal.printed(), "")
    })

    test("echo is off before the question is seen", async () => {
        const terminal = fakeTerminal({ typed: ["correct horse"] })
        const events: string[] = []
        const openTty = (): Tty | undefined => {
            const tty = terminal.openTty()
            assert.ok(tty)
            tty.input.setRawMode = (on) => events.push(on ? "echo off" : "echo on")
            tty.output.write = (text: unknown) => events.push(String(text)) > 0
            return tty
        }
        using _ = await openPrompts({ ...terminal, openTty }).secret("PIN: ", "--pin-fd")
        assert.deepEqual(events, ["echo off", "PIN: ", "echo on", "\n"])
    })

    test("backspace takes away a whole character, however many bytes it has", async () => {
        assert.equal(await typeSecret("aä€😀\x7f\x7f\x7fb"), "ab")
        assert.equal(await typeSecret("\x7f\x7fx"), "x")
    })

    test("Ctrl-U begins anew", async () => {
        assert.equal(await typeSecret("wrong\x15right"), "right")
    })

    test("arrow keys and other escape sequences leave nothing in a secret", async () => {
        assert.equal(await typeSecret("a\x1b[Ab\x1b[1;5Cc\x1bOPd"), "abcd")
    })

    test("Ctrl-C at a secret interrupts, and echo comes back", async () => {
        const terminal = fakeTerminal({ typed: ["abc\x03"] })
        await assert.rejects(openPrompts(terminal).secret("PIN: ", "--pin-fd"), Interrupted)
        assert.deepEqual(terminal.rawModes, [true, false])
    })

    test("an empty secret and a closed terminal are a refusal to answer", async () => {
        await assert.rejects(openPrompts(fakeTerminal({ typed: [""] })).secret("PIN: ", "--pin-fd"), { code: "declined" })
        await assert.rejects(openPrompts(fakeTerminal({ typed: [] })).secret("PIN: ", "--pin-fd"), { code: "declined" })
        await assert.rejects(openPrompts(fakeTerminal({ typed: [] })).line("Name: ", "--name"), { code: "declined" })
    })

    test("a question that gets no answer ends its line, one that gets an answer has it ended by the terminal", async () => {
        for (const [typed, shown] of [
            [["\x03"], "Go on? [y/N] \n"],
            [[], "Go on? [y/N] \n"],
            [["n"], "Go on? [y/N] "],
        ] as const) {
            const terminal = fakeTerminal({ typed })
            await openPrompts(terminal)
                .confirm("Go on?", "--yes")
                .catch(() => undefined)
            assert.equal(terminal.shown(), shown)
        }
    })

    test("only y and yes are yes", async () => {
        for (const [typed, expected] of [
            ["y", true],
            ["YES", true],
            ["", false],
            ["n", false],
            ["yy", false],
        ] as const) {
            assert.equal(await openPrompts(fakeTerminal({ typed: [typed] })).confirm("Go on?", "--yes"), expected, typed)
        }
    })

    test("several questions are answered from what was typed ahead", async () => {
        const prompts = openPrompts(fakeTerminal({ typed: ["first", "second", "y"] }))
        using first = await prompts.secret("1: ", "--x")
        using second = await prompts.secret("2: ", "--x")
        assert.equal(first.reveal(String), "first")
        assert.equal(second.reveal(String), "second")
        assert.equal(await prompts.confirm("3", "--x"), true)
    })

    test("without a terminal the flag to use is named", async () => {
        const prompts = openPrompts(fakeTerminal())
        assert.equal(prompts.possible, false)
        await assert.rejects(prompts.secret("PIN: ", "--pin-fd or --pin-file"), { code: "no_terminal", message: /--pin-fd or --pin-file/ })
    })

    test("a secret has a largest length", async () => {
        await assert.rejects(typeSecret("x".repeat(1025)), { code: "invalid_request" })
    })
})
