import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { type KeyToName, notaryHeaders } from "../../../src/tuf/index.ts"

const ID = "3f".repeat(32)
const [APP, OTHER] = ["registry.example.com/team/app", "registry.example.com/team/other"]

const key = (purpose: string, bindings: readonly string[] = [], label = ""): KeyToName => {
    return { id: ID, purpose, label, bindings: bindings.map((text) => ({ role: text.split("@")[0] ?? "", gun: text.split("@")[1] ?? "" })) }
}

describe("how Notary's clients call a key", () => {
    test("root keys are of no repository, targets and snapshot keys of the one they are bound to", () => {
        assert.deepEqual(notaryHeaders(key("root", [`root@${APP}`, `root@${OTHER}`], "root 2026")), { role: "root", gun: "", path: ID })
        assert.deepEqual(notaryHeaders(key("targets", [`targets@${APP}`])), { role: "targets", gun: APP, path: ID })
        assert.deepEqual(notaryHeaders(key("snapshot", [`snapshot@${APP}`])), { role: "snapshot", gun: APP, path: ID })
    })

    test("a repository is chosen among those a key is bound to, or for one that is bound to none; no other is written", () => {
        const both = key("targets", [`targets@${APP}`, `targets@${OTHER}`])
        assert.equal(notaryHeaders(both, OTHER).gun, OTHER)
        assert.equal(notaryHeaders(key("targets"), APP).gun, APP)
        for (const [given, gun] of [
            [both, undefined],
            [key("targets"), undefined],
            [both, "registry.example.com/team/third"],
            [key("targets", [`targets@${APP}`]), OTHER],
            [key("root"), APP],
            [key("delegation"), APP],
        ] as const)
            assert.throws(() => notaryHeaders(given, gun), { code: "invalid_request" }, `${given.purpose} ${gun}`)
    })

    test("a signer's key has the signer's name; none becomes another role's", () => {
        for (const [given, role] of [
            [key("delegation", [], "alice"), "alice"],
            [key("delegation", [`targets/alice@${APP}`], "bob"), "bob"],
            [key("delegation", [`targets/alice@${APP}`, `targets/alice@${OTHER}`]), "targets/alice"],
            [key("delegation", [`targets/alice@${APP}`, `targets/releases@${APP}`]), "delegation"],
            [key("delegation"), "delegation"],
            ...["root", "targets", "snapshot", "timestamp"].map((name) => [key("delegation", [], name), "delegation"] as const),
        ] as const)
            assert.deepEqual(notaryHeaders(given), { role, gun: "", path: ID })
    })

    test("of a ceremony's key Notary knows nothing", () => {
        assert.throws(() => notaryHeaders(key("ceremony")), { code: "key_unfit" })
    })
})
