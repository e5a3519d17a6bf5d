import assert from "node:assert/strict"
import { describe, test } from "node:test"
import type { Cli } from "../../../src/cli/context.ts"
import { OurKeys } from "../../../src/cli/trust/our-keys.ts"
import { type KeyId, parseKeyId, ROOT } from "../../../src/tuf/index.ts"
import { fakeDaemon, sampleKey } from "./fake-daemon.ts"

const GUN = "registry.example.com/team/app"
const ID = (digit: string): KeyId => parseKeyId(digit.repeat(64))
const on = (digit: string, home: string, ready = false) =>
    sampleKey({ id: ID(digit), purpose: "root", home, ready, state: ready ? "unlocked" : "locked", bindings: [{ gun: GUN, role: "root" }] })

// Nobody is asked anything in these tests.
const cli = {} as Cli

describe("keys that a role needs", () => {
    test("TK-PIN-1 on two tokens are not both opened with the one PIN that was given, in one step or in two", async () => {
        const keys = [on("a", "token:one"), on("b", "token:two"), on("c", "token:one", true)]
        const daemon = fakeDaemon({ getKey: async (id) => ({ ...(keys.find((key) => key.id === id) ?? assert.fail()), ready: true }) })
        const given = { pinFile: "/run/pin" }
        const refused = { code: "usage", message: /one, two each want their own/ }
        const both = { role: ROOT, keyIds: [ID("a"), ID("b")], threshold: 2 }
        await assert.rejects(new OurKeys(keys, GUN).readyFor(cli, daemon, both, given), refused)
        const inTwo = new OurKeys(keys, GUN)
        assert.deepEqual(await inTwo.readyFor(cli, daemon, { ...both, keyIds: [ID("a")], threshold: 1 }, given), [ID("a")])
        await assert.rejects(inTwo.readyFor(cli, daemon, { ...both, keyIds: [ID("b")], threshold: 1 }, given), refused)
        // Whoever gives none is asked for each.
        assert.deepEqual(await new OurKeys(keys, GUN).readyFor(cli, daemon, both, {}), [ID("a"), ID("b")])
        const sameToken = { ...both, keyIds: [ID("c"), ID("b")], threshold: 2 }
        assert.deepEqual(await new OurKeys(keys, GUN).readyFor(cli, daemon, sameToken, given), [ID("c"), ID("b")])
    })
})
