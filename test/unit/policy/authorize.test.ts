import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { TrustkeyError } from "../../../src/errors.ts"
import {
    type Action,
    authorize,
    authorizeOwn,
    denial,
    explain,
    isAllowed,
    limitsFor,
    mayInRole,
    type Place,
    type Policy,
    type Principal,
    type Rule,
    type Subject,
} from "../../../src/policy/index.ts"
import { parseGlob } from "../../../src/tuf/index.ts"

const ALICE: Principal = { kind: "unix", uid: 1000, gids: [1000, 27], pid: 1, name: "uid:1000(alice)", socket: "sign" }
const ALICE_UID: Subject = { kind: "uid", id: 1000, name: "user:alice" }
const RELEASE: Subject = { kind: "gid", id: 27, name: "group:release" }
const EVERYONE: Subject = { kind: "everyone" }

const APP: Place = { gun: "registry.example.com/team-a/app", role: "targets" }
const OTHER: Place = { gun: "registry.example.com/team-b/app", role: "targets" }

function rule(who: readonly Subject[], actions: readonly (Action | "*")[], gun = "**", role = "**"): Rule {
    return { who, do: actions, gun: [parseGlob(gun)], role: [parseGlob(role)] }
}

function policy(...rules: readonly Rule[]): Policy {
    return { rules, limits: [] }
}

describe("authorize", () => {
    test("TK-POL-1 denies everything without a rule, even to root", () => {
        const root: Principal = { ...ALICE, uid: 0, gids: [0], name: "uid:0(root)", socket: "admin" }
        for (const principal of [ALICE, root]) {
            assert.throws(() => authorize(policy(), principal, "sign", [APP]), { code: "denied" })
            assert.throws(() => authorize(policy(), principal, "status", []), { code: "denied" })
        }
    })

    test("TK-POL-1 denies whatever differs from the rule in a single point", () => {
        const only = policy(rule([ALICE_UID], ["sign"], "registry.example.com/team-a/*", "targets"))
        authorize(only, ALICE, "sign", [APP])
        const cases: readonly (readonly [Principal, Action, Place])[] = [
            [{ ...ALICE, uid: 1001 }, "sign", APP],
            [ALICE, "unlock", APP],
            [ALICE, "sign", OTHER],
            [ALICE, "sign", { ...APP, role: "targets/releases" }],
        ]
        for (const [principal, action, place] of cases) {
            assert.throws(() => authorize(only, principal, action, [place]), { code: "denied" })
        }
    })

    test("TK-POL-1 says the same, whatever the reason, as for a key that doesn't exist", () => {
        const only = policy(rule([ALICE_UID], ["sign"], "registry.example.com/team-a/*"))
        for (const [action, place] of [["unlock", APP] as const, ["sign", OTHER] as const]) {
            assert.throws(
                () => authorize(only, ALICE, action, [place]),
                (error) => error instanceof TrustkeyError && error.code === denial().code && error.message === denial().message,
            )
        }
    })

    test("TK-POL-3 using a key needs permission for every place it is bound to", () => {
        const teamA = rule([ALICE_UID], ["sign"], "registry.example.com/team-a/**")
        assert.throws(() => authorize(policy(teamA), ALICE, "sign", [APP, OTHER]), { code: "denied" })
        // Different rules may allow different places.
        const permit = authorize(policy(teamA, rule([RELEASE], ["sign"], OTHER.gun)), ALICE, "sign", [APP, OTHER])
        assert.deepEqual(permit.places, [APP, OTHER])
        assert.ok(permit.covers(APP.gun, "targets"))
        assert.ok(!permit.covers(APP.gun, "root"))
    })

    test("a rule matches by uid, by any of the groups, and everyone", () => {
        for (const who of [ALICE_UID, RELEASE, EVERYONE]) {
            assert.ok(isAllowed(policy(rule([who], ["*"])), ALICE, "sign", [APP]), who.kind)
        }
        assert.ok(!isAllowed(policy(rule([{ ...RELEASE, id: 28 }], ["*"])), ALICE, "sign", [APP]))
        // A uid is no gid.
        assert.ok(!isAllowed(policy(rule([{ kind: "gid", id: 1000, name: "gid:1000" }], ["*"])), { ...ALICE, gids: [] }, "sign", [APP]))
    })

    test("the overflow ids match no rule", () => {
        const nobody: Principal = { ...ALICE, uid: 65534, gids: [65534, 27] }
        const everything = policy(
            rule(
                [EVERYONE, { kind: "uid", id: 65534, name: "user:nobody" }, { kind: "gid", id: 65534, name: "group:nogroup" }, RELEASE],
                ["*"],
            ),
        )
        assert.ok(!isAllowed(everything, nobody, "sign", [APP]))
        assert.ok(!isAllowed(everything, nobody, "status", []))
        const nogroup = policy(rule([{ kind: "gid", id: 65534, name: "group:nogroup" }], ["*"]))
        assert.ok(!isAllowed(nogroup, { ...ALICE, gids: [65534] }, "sign", [APP]))
    })

    test("an act that touches no repository needs a rule without limits", () => {
        assert.ok(!isAllowed(policy(rule([ALICE_UID], ["*"], "registry.example.com/**")), ALICE, "create-key", []))
        assert.ok(!isAllowed(policy(rule([ALICE_UID], ["*"], "**", "targets")), ALICE, "lock", []))
        assert.ok(isAllowed(policy(rule([ALICE_UID], ["*"])), ALICE, "create-key", []))
    })

    test("a permit can't be changed once it is given", () => {
        const places = [{ ...APP }]
        const permit = authorize(policy(rule([ALICE_UID], ["sign"])), ALICE, "sign", places)
        const first = places[0]
        assert.ok(first !== undefined)
        Object.assign(first, OTHER)
        assert.deepEqual(permit.places, [APP])
        assert.throws(() => Object.assign(permit, { action: "reset" }), TypeError)
    })
})

describe("explain", () => {
    const team = rule([RELEASE], ["sign", "list"], "registry.example.com/team-a/**", "targets")
    const all = policy(rule([{ kind: "uid", id: 0, name: "user:root" }], ["*"]), team)

    test("names the rule that allows, counted from 1 as a person would", () => {
        assert.deepEqual(explain(all, ALICE, "sign", APP), {
            allowed: true,
            rule: 2,
            sentence:
                "uid:1000(alice) may sign targets in registry.example.com/team-a/app: rule 2 allows group:release to sign, list targets in registry.example.com/team-a/**",
        })
    })

    test("names the nearest rule when none allows", () => {
        const elsewhere = explain(all, ALICE, "sign", OTHER)
        assert.equal(elsewhere.allowed, false)
        assert.equal(elsewhere.rule, undefined)
        assert.match(elsewhere.sentence, /rule 2 comes nearest, but covers only targets in registry/)
        assert.match(explain(all, ALICE, "reset", APP).sentence, /rule 2 comes nearest, but allows only sign, list$/)
        assert.match(explain(all, ALICE, "status").sentence, /rule 1 comes nearest, but is for user:root$/)
        assert.match(explain(policy(), ALICE, "sign", APP).sentence, /may not sign .*: no rule allows it$/)
    })

    test("says of the overflow uid that nothing can match it", () => {
        assert.match(explain(policy(rule([EVERYONE], ["*"])), { ...ALICE, uid: 65534 }, "status").sentence, /65534 is nobody's/)
    })

    test("agrees with authorize", () => {
        for (const action of ["sign", "list", "reset", "status"] as const) {
            for (const place of [APP, OTHER, undefined]) {
                assert.equal(explain(all, ALICE, action, place).allowed, isAllowed(all, ALICE, action, place === undefined ? [] : [place]))
            }
        }
    })
})

describe("what touches no repository yet", () => {
    const rules = policy(
        { ...rule([ALICE_UID], ["create-key"]), role: [parseGlob("targets/alice"), parseGlob("t*")], gun: [parseGlob(APP.gun)] },
        rule([ALICE_UID], ["list"]),
    )

    test("is allowed for a role by a rule for it in any repository, and by no rule for another role or action", () => {
        assert.ok(mayInRole(rules, ALICE, "create-key", "targets/alice"))
        assert.ok(!mayInRole(rules, ALICE, "create-key", "targets/bob"))
        assert.ok(!mayInRole(rules, ALICE, "import-key", "targets/alice"))
        assert.ok(!mayInRole(rules, { ...ALICE, uid: 4711, gids: [] }, "create-key", "targets/alice"))
    })

    test("and is the caller's own may be used as any rule lets him use such things somewhere", () => {
        assert.deepEqual(authorizeOwn(rules, ALICE, "create-key").places, [])
        for (const [who, action] of [
            [ALICE, "unlock"],
            [{ ...ALICE, uid: 65534 }, "create-key"],
        ] as const) {
            assert.throws(() => authorizeOwn(rules, who, action), { name: "TrustkeyError", code: "denied" })
        }
    })
})

describe("limits", () => {
    const limits: Policy = {
        rules: [],
        limits: [
            { gun: [parseGlob("**")], maxValidity: new Map([[parseGlob("targets/*"), 300]]), immutableTargets: [], maxPayload: 10 },
            {
                gun: [parseGlob("registry.example.com/team-a/**")],
                maxValidity: new Map([
                    [parseGlob("targets"), 100],
                    [parseGlob("**"), 200],
                ]),
                immutableTargets: [parseGlob("v*")],
                maxPayload: 20,
            },
        ],
    }

    test("of all limits that match, the strictest holds", () => {
        assert.equal(limitsFor(limits, APP.gun, "targets").maxValidity, 100)
        assert.equal(limitsFor(limits, APP.gun, "targets/releases").maxValidity, 200)
        assert.equal(limitsFor(limits, OTHER.gun, "targets/releases").maxValidity, 300)
        assert.equal(limitsFor(limits, APP.gun, "targets").maxPayload, 10)
    })

    test("where no limit matches there is none", () => {
        const applied = limitsFor(limits, OTHER.gun, "root")
        assert.equal(applied.maxValidity, undefined)
        assert.deepEqual(applied.immutableTargets, [])
    })

    test("immutable targets of every matching limit hold", () => {
        assert.deepEqual(
            limitsFor(limits, APP.gun, "targets").immutableTargets.map((glob) => glob.text),
            ["v*"],
        )
    })
})
