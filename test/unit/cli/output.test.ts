import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { Output, printable, tableLines, wantsColour } from "../../../src/cli/output.ts"
import { fakeTerminal } from "./fake-terminal.ts"

describe("output", () => {
    test("calls commands in remarks as this caller types them", () => {
        const said = (frontEnd: "trustkey" | "docker trustkey" | "docker trust"): string => {
            const terminal = fakeTerminal()
            new Output(terminal, { quiet: false, colour: false, frontEnd }).note("Next: trustkey trust init app")
            return terminal.remarks()
        }
        assert.equal(said("trustkey"), "Next: trustkey trust init app\n")
        assert.equal(said("docker trustkey"), "Next: docker trustkey init app\n")
        // docker trust has no such command.
        assert.equal(said("docker trust"), "Next: trustkey trust init app\n")
    })

    test("table columns are as wide as their widest cell, and lines end without spaces", () => {
        assert.deepEqual(
            tableLines(
                ["ID", "NAME"],
                [
                    ["1", "a longer name"],
                    ["22", ""],
                ],
            ),
            ["ID  NAME", "1   a longer name", "22"],
        )
    })

    test("what comes from elsewhere can't move the cursor or turn the writing direction", () => {
        assert.equal(printable("v1\x1b[2J\r\u202eevil"), "v1\\u{1b}[2J\\u{d}\\u{202e}evil")
        assert.equal(printable("größe 😀"), "größe 😀")
    })

    test("results go to stdout, remarks to stderr, and --quiet keeps warnings", () => {
        const terminal = fakeTerminal()
        const output = new Output(terminal, { quiet: true, colour: true })
        output.line("result")
        output.note("remark")
        output.warn("careful")
        assert.equal(terminal.printed(), "result\n")
        assert.equal(terminal.remarks(), "warning: careful\n")
    })

    test("colour stays off where the environment says so", () => {
        assert.equal(wantsColour({}), true)
        assert.equal(wantsColour({ NO_COLOR: "1" }), false)
        assert.equal(wantsColour({ NO_COLOR: "" }), true)
        assert.equal(wantsColour({ TERM: "dumb" }), false)
    })

    test("facts without a value are left out", () => {
        const terminal = fakeTerminal()
        new Output(terminal, { quiet: false, colour: false }).facts([
            ["id", "3fa9"],
            ["removed", ""],
            ["purpose", "root"],
        ])
        assert.equal(terminal.printed(), "id       3fa9\npurpose  root\n")
    })
})
