import assert from "node:assert/strict"
import { test } from "node:test"
import { mayInRepository, type Policy, type Principal } from "../../../src/policy/index.ts"
import { parseGlob } from "../../../src/tuf/index.ts"

const alice: Principal = { kind: "unix", uid: 1000, gids: [1000], pid: 1, name: "uid:1000(alice)", socket: "sign" }
const policy: Policy = {
    rules: [
        {
            who: [{ kind: "uid", id: 1000, name: "alice" }],
            do: ["sign"],
            role: [parseGlob("targets/ci")],
            gun: [parseGlob("registry.example.com/**")],
        },
    ],
    limits: [],
}

test("a rule for one role speaks of its repository, for its caller and its action only", () => {
    assert.ok(mayInRepository(policy, alice, "sign", "registry.example.com/app"))
    assert.ok(!mayInRepository(policy, alice, "sign", "other.example.com/app"))
    assert.ok(!mayInRepository(policy, alice, "reset", "registry.example.com/app"))
    assert.ok(!mayInRepository(policy, { ...alice, uid: 1001 }, "sign", "registry.example.com/app"))
})
