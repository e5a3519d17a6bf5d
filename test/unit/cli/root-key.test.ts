import assert from "node:assert/strict"
import { describe, test } from "node:test"
import type { DaemonKey } from "../../../src/cli/daemon-types.ts"
import { requireOnePin } from "../../../src/cli/trust/one-pin.ts"
import { rootKeyRemark, rootKeysToTake, rootKeyToTake, thresholdOf } from "../../../src/cli/trust/root-key.ts"
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

describe("the root keys of a new repository that several people hold", () => {
    const keys = ["aa", "bb", "cc"].map((pair) => root({ id: pair.repeat(32), home: `token:${pair}` }))
    const ids = keys.map(({ id }) => id.slice(0, 12))

    test("are those that are named, in their order", () => {
        assert.deepEqual(rootKeysToTake(keys, GUN, ids.toReversed()), keys.toReversed())
    })

    test("may not be named twice, by another prefix either: one holder would be taken for two", () => {
        const refusal = { code: "usage", message: /the root key aaaaaaaaaaaa is named twice/ }
        assert.throws(() => rootKeysToTake(keys, GUN, ["aaaaaaa", "bbbbbbb", "aaaaaaaaaaaaaaa"]), refusal)
    })

    test("need a threshold that somebody has chosen, and no more than they are", () => {
        assert.throws(() => thresholdOf(3, undefined), { code: "usage", message: /--root-threshold 2 means no minority/ })
        assert.throws(() => thresholdOf(3, 4), { code: "usage", message: /4 root keys would have to sign, and 3 are named/ })
        assert.throws(() => thresholdOf(1, 2), { code: "usage", message: /2 root keys would have to sign, and one is named/ })
        assert.deepEqual([thresholdOf(3, 2), thresholdOf(3, 1), thresholdOf(1, undefined)], [2, 1, 1])
    })

    test("TK-PIN-1 are not all tried with the one PIN that was given", () => {
        const given = { pinFile: "/run/pin" }
        assert.throws(() => requireOnePin(keys, given), { code: "usage", message: /aa, bb, cc each want their own/ })
        const [first, ...others] = keys
        assert.ok(first !== undefined)
        requireOnePin([first, ...others.map((key) => ({ ...key, ready: true }))], given)
        requireOnePin(
            keys.map((key) => ({ ...key, home: first.home })),
            given,
        )
        requireOnePin(keys, {})
    })
})
