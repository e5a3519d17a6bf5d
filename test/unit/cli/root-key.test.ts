import assert from "node:assert/strict"
import { describe, test } from "node:test"
import type { DaemonKey } from "../../../src/cli/daemon-types.ts"
import { rootKeyRemark, rootKeyToTake } from "../../../src/cli/trust/root-key.ts"
import { sampleKey } from "./fake-daemon.ts"

const GUN = "registry.example.com/team/new"
const OTHER = { gun: "registry.example.com/team/old", role: "root" }

function root(changes: Partial<DaemonKey> = {}): DaemonKey {
    return sampleKey({ purpose: "root", label: "root", bindings: [], home: "token:yubi", ...changes })
}

describe("the root key of a new repository", () => {
    test("is the only one, when the caller made it, for as many repositories as he likes", () => {
        for (const key of [root(), root({ bindings: [OTHER] }), root({ origin: "imported" })]) {
            assert.equal(rootKeyToTake([key], GUN, undefined), key)
        }
    })

    test("is said, with where it is and what rests on it", () => {
        const key = root({ bindings: [OTHER] })
        assert.equal(
            rootKeyRemark(key, GUN),
            `${GUN} rests on the root key 3fa9c2d1e0aa (called root, on token yubi, generated, of registry.example.com/team/old).`,
        )
    })

    test("has to be named when it came from a file and others rest on it, or somebody else made it", () => {
        for (const [key, why] of [
            [
                root({ origin: "imported", bindings: [OTHER] }),
                /came from a file.*--root-key 3fa9c2d1e0aa .*of registry\.example\.com\/team\/old/,
            ],
            [root({ mine: false }), /made by somebody else.*--root-key 3fa9c2d1e0aa .*somebody else's/],
        ] as const) {
            assert.throws(() => rootKeyToTake([key], GUN, undefined), { code: "usage", message: why })
            assert.equal(rootKeyToTake([key], GUN, "3fa9c2d"), key)
        }
    })

    test("is the one an interrupted run has taken, whoever made it", () => {
        const taken = root({ id: "aa".repeat(32), mine: false, bindings: [{ gun: GUN, role: "root" }] })
        assert.equal(rootKeyToTake([root(), taken], GUN, undefined), taken)
    })

    test("has to be named when there are several, which are told apart", () => {
        const keys = [root(), root({ id: "bb".repeat(32), home: "sealed", origin: "imported", bindings: [OTHER] })]
        assert.throws(() => rootKeyToTake(keys, GUN, undefined), {
            code: "usage",
            message:
                /3fa9c2d1e0aa \(called root, on token yubi, generated, of no repository yet\), bbbbbbbbbbbb \(called root, imported, of /,
        })
    })
})
