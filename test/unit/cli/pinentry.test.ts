import assert from "node:assert/strict"
import { describe, test } from "node:test"
import fc from "fast-check"
import { askPinentry, escapeText } from "../../../src/cli/pinentry.ts"
import { askNewPin, askPin } from "../../../src/cli/token-pins.ts"
import { sampleToken } from "./fake-daemon.ts"
import { fakeCli, fakeTerminal } from "./fake-terminal.ts"

const QUESTION = { description: "PIN of token root-a", prompt: "PIN:", error: "", flags: "--pin-fd" }
const CANCELLED = "ERR 83886179 Operation cancelled <Pinentry>\n"

type Fake = { readonly said: string[]; readonly pieces: Buffer[]; readonly converse: ReturnType<typeof fakeTerminal>["converse"] }

/** A pinentry of which only the answers to GETPIN are given, one after the other; undefined: it ends. */
function fakePinentry(answers: readonly (Buffer | string | undefined)[], greeting: string | undefined = "OK Pleased to meet you\n"): Fake {
    const said: string[] = []
    const pieces: Buffer[] = []
    const left = [...answers]
    const converse: Fake["converse"] = async () => {
        const waiting: (Buffer | undefined)[] = []
        let wake: (() => void) | undefined
        const give = (piece: Buffer | string | undefined): void => {
            const bytes = piece === undefined ? undefined : Buffer.from(piece)
            if (bytes !== undefined) pieces.push(bytes)
            waiting.push(bytes)
            wake?.()
        }
        give(greeting)
        async function* output(): AsyncGenerator<Buffer> {
            for (;;) {
                while (waiting.length === 0) await new Promise<void>((resolve) => (wake = resolve))
                const next = waiting.shift()
                if (next === undefined) return
                yield next
            }
        }
        return {
            write: (text) => {
                said.push(text.trimEnd())
                if (text !== "GETPIN\n") give(text.startsWith("OPTION lc-") ? "ERR 83886340 Unknown option <Pinentry>\n" : "OK\n")
                else give(left.shift())
            },
            output: output(),
            end: (text) => said.push(text.trimEnd()),
        }
    }
    return { said, pieces, converse }
}

async function typed(answer: Buffer | string): Promise<string> {
    const fake = fakePinentry([answer])
    using pin = await askPinentry(fakeTerminal({ converse: fake.converse }), {}, "pinentry", QUESTION)
    return pin.reveal((bytes) => bytes.toString("hex"))
}

describe("a pinentry", () => {
    test("is told the terminal and the question, and what is typed comes as it was typed", async () => {
        const fake = fakePinentry(["D 12%2534%0A5\nOK\n"])
        const terminal = fakeTerminal({ converse: fake.converse, ttyName: "/dev/pts/7" })
        const env = { TERM: "xterm", LC_CTYPE: "", LANG: "C.UTF-8" }
        const question = { ...QUESTION, description: "PIN of token root-a\n100% yours\r", error: "few tries left" }
        using pin = await askPinentry(terminal, env, "pinentry", question)
        assert.equal(
            pin.reveal((bytes) => bytes.toString()),
            "12%34\n5",
        )
        assert.deepEqual(fake.said, [
            "OPTION ttyname=/dev/pts/7",
            "OPTION ttytype=xterm",
            "OPTION lc-ctype=C.UTF-8",
            "SETTITLE trustkey",
            "SETDESC PIN of token root-a%0A100%25 yours%0D",
            "SETPROMPT PIN:",
            "SETERROR few tries left",
            "GETPIN",
            "BYE",
        ])
    })

    test("TK-SEC-1 leaves nothing of what was typed in what came from it", async () => {
        const pieces = fakePinentry(["D 83901746\nOK\n"])
        using pin = await askPinentry(fakeTerminal({ converse: pieces.converse }), {}, "pinentry", QUESTION)
        assert.equal(pin.length, 8)
        for (const piece of pieces.pieces) assert.ok(piece.every((byte) => byte === 0))
    })

    test("may answer in several lines, pieces and with other lines between", async () => {
        assert.equal(await typed("# a remark\nS STATUS\nD 12\nD 34\r\nOK\n"), Buffer.from("1234").toString("hex"))
        assert.equal(await typed("INQUIRE QUALITY 1\nD %00%fF\nOK\n"), "00ff")
    })

    test("that is closed, or ends, or is given nothing, is somebody who declines", async () => {
        for (const answer of [CANCELLED, "ERR 83886194 Not confirmed\n", undefined, "OK\n", "D \nOK\n"]) {
            const fake = fakePinentry([answer])
            const asked = askPinentry(fakeTerminal({ converse: fake.converse }), {}, "pinentry", QUESTION)
            await assert.rejects(asked, { code: "declined" }, String(answer))
            assert.equal(fake.said.at(-1), "BYE")
        }
    })

    test("that can't ask, isn't there or speaks something else, is said as what it is", async () => {
        const ask = (fake: Partial<Fake>): Promise<unknown> =>
            askPinentry(fakeTerminal(fake.converse === undefined ? {} : { converse: fake.converse }), {}, "pinentry-x", QUESTION)
        await assert.rejects(ask(fakePinentry(["ERR 83918950 Inappropriate ioctl\u001b for device\n"])), { code: "no_terminal" })
        await assert.rejects(ask({}), { code: "usage" })
        await assert.rejects(ask(fakePinentry([`D ${"1".repeat(2000)}\nOK\n`])), { code: "internal" })
        await assert.rejects(ask(fakePinentry([`D ${"1".repeat(900)}\nD ${"1".repeat(900)}\nOK\n`])), { code: "internal" })
        await assert.rejects(ask(fakePinentry(["D 12%4\nOK\n"])), { code: "internal" })
        await assert.rejects(ask(fakePinentry(["D 12%zz\nOK\n"])), { code: "internal" })
        await assert.rejects(ask(fakePinentry([], undefined)), { code: "declined" })
    })

    test("gets every byte back as it was, and no text of ours becomes two lines", async () => {
        await fc.assert(
            fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 200 }), async (bytes) => {
                const escaped = Array.from(bytes, (byte) => `%${byte.toString(16).padStart(2, "0")}`).join("")
                assert.equal(await typed(`D ${escaped}\nOK\n`), Buffer.from(bytes).toString("hex"))
            }),
            { numRuns: 50 },
        )
        fc.assert(
            fc.property(fc.string({ unit: "binary", maxLength: 400 }), (text) => {
                assert.doesNotMatch(escapeText(text), /[\r\n]/)
                assert.ok(Buffer.byteLength(escapeText(text)) < 900)
            }),
        )
    })
})

describe("a PIN asked for in a pinentry", () => {
    test("is asked for with the token's serial and the tries that are left, and nothing of a device escapes", async () => {
        const fake = fakePinentry(["D 123456\nOK\n"])
        const token = sampleToken({ label: "YubiKey PIV\n", serial: "1\u001b2", tries: "low" })
        const cli = fakeCli(fakeTerminal({ converse: fake.converse }))
        using pin = await askPin(cli, { pinentry: true }, { token, what: "PIN", flags: "--pin-fd" })
        assert.equal(pin.length, 6)
        const description = fake.said.find((line) => line.startsWith("SETDESC")) ?? ""
        assert.match(description, /^SETDESC PIN of token root-token%0AYubiKey PIV.*, serial 1.*2$/)
        assert.ok(!description.includes("\u001b"))
        assert.ok(fake.said.includes("SETERROR few tries left"))
    })

    test("that is new is typed twice, again when the two differ, and what was wrong is said", async () => {
        const fake = fakePinentry(["D 111111\nOK\n", "D 222222\nOK\n", "D 333333\nOK\n", "D 333333\nOK\n"])
        const cli = fakeCli(fakeTerminal({ converse: fake.converse }))
        using pin = await askNewPin(cli, { pinentry: "pinentry" }, sampleToken(), "--new-pin-fd")
        assert.equal(
            pin.reveal((bytes) => bytes.toString()),
            "333333",
        )
        assert.equal(fake.said.filter((line) => line.startsWith("SETERROR The two are not the same")).length, 1)
        const never = fakePinentry(Array.from({ length: 6 }, (_, i) => `D ${i}00000\nOK\n`))
        await assert.rejects(
            askNewPin(fakeCli(fakeTerminal({ converse: never.converse })), { pinentry: true }, sampleToken(), "--new-pin-fd"),
            {
                code: "declined",
            },
        )
    })
})
