import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { type FrontEnd, runCli } from "../../../src/cli/index.ts"
import { fakeContext, fakeTerminal } from "./fake-terminal.ts"

const IMAGE = "registry.example.com/team/app"

async function revoke(frontEnd: FrontEnd, args: readonly string[], typed: readonly string[] | undefined) {
    const terminal = fakeTerminal(typed === undefined ? {} : { typed })
    const words = frontEnd === "trustkey" ? ["trust", "revoke"] : ["revoke"]
    const context = { ...fakeContext(terminal, { TRUSTKEYD_SOCKET: "/nonexistent/sign.sock" }), frontEnd }
    return { ...terminal, code: await runCli([...words, ...args], context) }
}

describe("trust revoke", () => {
    test("all tags are revoked only when somebody says yes; a no is never success", async () => {
        for (const [frontEnd, expected] of [
            ["trustkey", 3],
            ["docker trustkey", 1],
            ["docker trust", 1],
        ] as const) {
            const { code, shown, printed, remarks } = await revoke(frontEnd, [IMAGE], ["n"])
            assert.equal(code, expected, frontEnd)
            assert.match(shown(), new RegExp(`Confirm you would like to delete all signature data for ${IMAGE}\\? \\[y/N\\] `))
            assert.equal(printed(), "")
            assert.match(remarks(), /\[declined\]/)
        }
    })

    test("without a terminal the flag is named, and nobody is asked about a single tag", async () => {
        const { code, remarks } = await revoke("trustkey", [IMAGE], undefined)
        assert.equal(code, 2)
        assert.match(remarks(), /use --yes \[no_terminal\]/)
        const single = await revoke("trustkey", [`${IMAGE}:v1`], ["n"])
        assert.equal(single.shown(), "")
        assert.match(single.remarks(), new RegExp(`could not remove signature for ${IMAGE}:v1: .*\\[daemon_unreachable\\]`))
    })

    test("a digest is refused in docker's words before anybody is asked", async () => {
        const { remarks, shown } = await revoke("docker trust", [`${IMAGE}@sha256:${"ab".repeat(32)}`], ["y"])
        assert.match(remarks(), /^cannot use a digest reference for IMAGE:TAG\n/)
        assert.equal(shown(), "")
    })
})
