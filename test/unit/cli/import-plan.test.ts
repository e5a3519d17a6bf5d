import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { checkFit, planImport } from "../../../src/cli/import-plan.ts"

const GUN = "registry.example.com/team/app"

describe("what a key from a file becomes", () => {
    test("root, targets and snapshot keys stay what they were; every other role is a signer's", () => {
        const cases = [
            [
                { role: "root", gun: "" },
                { purpose: "root", label: "", bindings: [] },
            ],
            [
                { role: "root", gun: GUN },
                { purpose: "root", label: "", bindings: [] },
            ],
            [
                { role: "targets", gun: GUN },
                { purpose: "targets", label: "", bindings: [{ role: "targets", gun: GUN }] },
            ],
            [
                { role: "snapshot", gun: GUN },
                { purpose: "snapshot", label: "", bindings: [{ role: "snapshot", gun: GUN }] },
            ],
            [
                { role: "alice", gun: "" },
                { purpose: "delegation", label: "alice", bindings: [] },
            ],
            [
                { role: "targets/alice", gun: GUN },
                { purpose: "delegation", label: "alice", bindings: [] },
            ],
            [
                { role: "targets/team/bob", gun: "" },
                { purpose: "delegation", label: "team/bob", bindings: [] },
            ],
            [
                { role: "delegation", gun: "" },
                { purpose: "delegation", label: "", bindings: [] },
            ],
            [
                { role: "signer", gun: "" },
                { purpose: "delegation", label: "signer", bindings: [] },
            ],
        ] as const
        for (const [entry, plan] of cases) assert.deepEqual(planImport(entry, {}), plan)
    })

    test("flags say what the file leaves out, and may say the same again", () => {
        const plan = { purpose: "targets", label: "old", bindings: [{ role: "targets", gun: GUN }] }
        assert.deepEqual(planImport({ role: "", gun: "" }, { role: "targets", gun: GUN, name: "old" }), plan)
        assert.deepEqual(planImport({ role: "targets", gun: GUN }, { role: "targets", gun: GUN, name: "old" }), plan)
        assert.equal(planImport({ role: "alice", gun: "" }, { name: "bob" }).label, "bob")
        assert.equal(planImport({ role: "", gun: "" }, { roleOtherwise: "signer" }).label, "signer")
    })

    test("what is missing or told twice is asked for, and a timestamp key is not ours", () => {
        assert.throws(() => planImport({ role: "", gun: "" }, {}), { code: "usage", message: /--role root, targets, snapshot/ })
        assert.throws(() => planImport({ role: "targets", gun: "" }, {}), { code: "usage", message: /give --gun/ })
        assert.throws(() => planImport({ role: "root", gun: "" }, { role: "targets" }), { code: "usage", message: /its role is root/ })
        assert.throws(() => planImport({ role: "targets", gun: GUN }, { gun: "other.example/app" }), {
            code: "usage",
            message: /its gun is/,
        })
        assert.throws(() => planImport({ role: "targets", gun: "Not A Gun" }, {}), { code: "invalid_request" })
        assert.throws(() => planImport({ role: "timestamp", gun: GUN }, {}), { code: "key_unfit" })
    })

    test("an Ed25519 key is no root key", () => {
        assert.throws(() => checkFit("ed25519", { purpose: "root", label: "", bindings: [] }), { code: "key_unfit" })
        checkFit("ed25519", { purpose: "delegation", label: "", bindings: [] })
        checkFit("rsa2048", { purpose: "root", label: "", bindings: [] })
    })
})
