import assert from "node:assert/strict"
import { afterEach, beforeEach, describe, mock, test } from "node:test"
import type { TouchNotice } from "../../../src/cli/daemon-types.ts"
import { TouchDisplay, touchLines } from "../../../src/cli/touch-display.ts"
import { fakeTerminal } from "./fake-terminal.ts"

const START = new Date("2026-11-21T09:00:00Z")

function notice(changes: Partial<TouchNotice> = {}): TouchNotice {
    return {
        id: 1,
        kind: "touch-awaited",
        token: "root",
        serial: "12345678",
        slot: "9c",
        keyId: "1a2b3c4d5e6f".padEnd(64, "0"),
        keyLabel: "root 2026",
        gun: "registry.example.com/app",
        role: "root",
        version: 2,
        difference: ["version 1 becomes 2"],
        deadline: "2026-11-21T09:00:15Z",
        touchPolicy: "always",
        ...changes,
    }
}

describe("the request for a touch", () => {
    test("says which token and slot, within what time, which key signs what, and what that changes", () => {
        assert.deepEqual(touchLines(notice(), 15), [
            "Touch YubiKey 12345678 (slot 9c) within 15 s: key 1a2b3c4d5e6f (root 2026) signs root version 2 of registry.example.com/app",
            "  version 1 becomes 2",
        ])
    })
    for (const [what, changes, text] of [
        ["another token is called as the configuration does", { slot: "" }, /^Touch token root within 3 s: /],
        [
            "where nobody knows whether a touch is wanted",
            { touchPolicy: "" },
            /^Touch YubiKey 12345678 \(slot 9c\) if it blinks, within 3 s: /,
        ],
        ["a certificate has no version", { version: 0 }, / signs its root certificate for registry\.example\.com\/app$/],
        ["a card's own certificate has no repository", { gun: "" }, / signs the certificate that the card shows$/],
        ["nor has a ceremony's close", { gun: "", role: "ceremony", version: 0 }, / signs the close of a ceremony$/],
        ["a key that is taken in is not known yet", { keyId: "", keyLabel: "", gun: "", role: "" }, /: the key shows that it can sign$/],
    ] as const) {
        test(what, () => assert.match(touchLines(notice(changes), 3)[0] ?? "", text))
    }
})

describe("on stderr", () => {
    let now = START
    beforeEach(() => {
        now = START
        mock.timers.enable({ apis: ["setInterval"] })
    })
    afterEach(() => mock.timers.reset())

    function open(options: { readonly counts: boolean; readonly silent?: boolean }): { display: TouchDisplay; text: () => string } {
        const terminal = fakeTerminal()
        const display = new TouchDisplay({ stderr: terminal.stderr, silent: false, now: () => now, ...options })
        return { display, text: () => terminal.remarks() }
    }
    const tick = (seconds: number): void => {
        for (let i = 0; i < seconds; i += 1) {
            now = new Date(now.getTime() + 1_000)
            mock.timers.tick(1_000)
        }
    }

    test("of a terminal the seconds are counted down on a line of their own, which is cleared in the end", () => {
        const { display, text } = open({ counts: true })
        display.notice(notice())
        tick(2)
        display.notice(notice({ kind: "touched" }))
        tick(5)
        const [request, change, ...rest] = text().split("\n")
        assert.match(request ?? "", /^Touch YubiKey/)
        assert.equal(change, "  version 1 becomes 2")
        assert.deepEqual(rest, ["\r\u001b[K  15 s left\r\u001b[K  14 s left\r\u001b[K  13 s left\r\u001b[K"])
    })
    test("of a file or a pipe there is the request and nothing that moves", () => {
        const { display, text } = open({ counts: false })
        display.notice(notice())
        tick(3)
        display.close()
        assert.deepEqual(text().split("\n").slice(1), ["  version 1 becomes 2", ""])
        assert.ok(!text().includes("\u001b"))
    })
    test("the same wait is told once, however often it is heard of; another one anew", () => {
        const { display, text } = open({ counts: false })
        display.notice(notice())
        display.notice(notice())
        display.notice(notice({ kind: "touch-timeout" }))
        display.notice(notice({ id: 2, version: 3 }))
        assert.deepEqual(text().match(/root version \d/g), ["root version 2", "root version 3"])
    })
    test("the end of the call is the end of the count, with seconds left or without", () => {
        const { display, text } = open({ counts: true })
        display.notice(notice())
        tick(20)
        display.close()
        const end = text()
        assert.ok(end.endsWith("  0 s left\r\u001b[K"), JSON.stringify(end))
        tick(3)
        assert.equal(text(), end)
    })
    test("names that come from tokens and repositories can't move the cursor or begin a line", () => {
        const { display, text } = open({ counts: false })
        display.notice(notice({ keyLabel: "\u001b[2Jx\ny", difference: ["adds \r\u202etag"], token: "a\u0007", slot: "" }))
        assert.match(text(), /^Touch token a\\u\{7\} within 15 s: key 1a2b3c4d5e6f \(\\u\{1b\}\[2Jx\\u\{a\}y\)/)
        assert.ok(text().includes("adds \\u{d}\\u{202e}tag"))
        assert.equal(text().split("\n").length, 3)
    })
    test("nothing is said to a script that wants to hear nothing", () => {
        const { display, text } = open({ counts: false, silent: true })
        display.notice(notice())
        display.close()
        assert.equal(text(), "")
    })
})
