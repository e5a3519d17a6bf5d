import assert from "node:assert/strict"
import { describe, test } from "node:test"
import type { DaemonKey } from "../../../src/cli/daemon-types.ts"
import { keyOfSigner } from "../../../src/cli/trust/first-signer.ts"
import { parseRoleName } from "../../../src/tuf/index.ts"
import { sampleKey } from "./fake-daemon.ts"

const GUN = "registry.example.com/team/new"
const ALICE = { name: "alice", role: parseRoleName("targets/alice") }
const HERE = [
    { gun: GUN, role: "targets/alice" },
    { gun: GUN, role: "targets/releases" },
]

function signerKey(changes: Partial<DaemonKey> = {}): DaemonKey {
    return sampleKey({ purpose: "delegation", label: "alice", bindings: [], ...changes })
}

describe("the first signer's key", () => {
    test("is one of his name that the caller made and that is bound nowhere yet, or one that was made for him here", () => {
        for (const key of [
            signerKey(),
            signerKey({ origin: "imported" }),
            signerKey({ bindings: HERE }),
            signerKey({ bindings: HERE, origin: "imported" }),
            signerKey({ bindings: HERE, mine: false }),
        ]) {
            assert.equal(keyOfSigner([key], GUN, ALICE), key)
        }
    })

    test("is never one that somebody else may have a copy of, although he gave it this name", () => {
        for (const key of [
            signerKey({ mine: false }),
            signerKey({ mine: false, origin: "imported" }),
            signerKey({ mine: false, origin: "imported", bindings: HERE }),
            signerKey({ bindings: [{ gun: GUN, role: "targets/mallory" }] }),
            signerKey({ bindings: [...HERE, { gun: "registry.example.com/team/other", role: "targets/alice" }] }),
            signerKey({ state: "removed" }),
            signerKey({ state: "absent" }),
            signerKey({ purpose: "targets" }),
            signerKey({ label: "bob" }),
        ]) {
            assert.equal(keyOfSigner([key], GUN, ALICE), undefined)
        }
    })

    test("is the one bound here before one that is bound nowhere", () => {
        const [free, bound] = [signerKey(), signerKey({ id: "ff".repeat(32), bindings: HERE })]
        assert.equal(keyOfSigner([free, bound], GUN, ALICE), bound)
    })
})
