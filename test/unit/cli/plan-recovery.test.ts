import assert from "node:assert/strict"
import { describe, test } from "node:test"
import type { DaemonKey } from "../../../src/cli/daemon-types.ts"
import { planRecovery, type RecoveryFacts } from "../../../src/cli/trust/plan-recovery.ts"
import { canonicalKeyIdOf, parseRoleName, type TargetsDocument } from "../../../src/tuf/index.ts"
import { ids, keyMap, LATER, makeKey, makeKeys, makeRoot, makeRootKey, type TestKey } from "../tuf/make.ts"
import { sampleKey } from "./fake-daemon.ts"

const GUN = "registry.example.com/team/app"
const canonical = (key: TestKey): string => canonicalKeyIdOf(key.tuf)
const short = (key: TestKey): string => canonical(key).slice(0, 12)

function here(key: TestKey, changes: Partial<DaemonKey> = {}): DaemonKey {
    return sampleKey({ id: canonical(key), ...changes })
}

describe("what mends a repository", () => {
    const holders = [makeRootKey(), makeRootKey(), makeRootKey()]
    const [a, b, c] = holders as [TestKey, TestKey, TestKey]
    const keys = makeKeys(holders)
    const [alice, bob] = [makeKey(), makeKey()]
    const targets = (held: Readonly<Record<string, readonly TestKey[]>>): TargetsDocument => ({
        type: "targets",
        version: 1,
        expires: LATER,
        targets: new Map(),
        delegations: {
            keys: keyMap(Object.values(held).flat()),
            roles: Object.entries(held).map(([name, of]) => ({ name: parseRoleName(name), keyIds: ids(of), threshold: 1, paths: [""] })),
        },
    })
    const whole: RecoveryFacts = {
        gun: GUN,
        root: makeRoot(keys, { rootThreshold: 2 }),
        delegators: [targets({ "targets/alice": [alice], "targets/releases": [alice, bob] })],
        keys: [here(a), here(b, { state: "absent" }), here(keys.targets), here(alice)],
        lost: new Set(),
        server: { timestamp: canonical(keys.timestamp), snapshot: canonical(keys.snapshot) },
    }
    const plan = (changes: Partial<RecoveryFacts>) => planRecovery({ ...whole, ...changes })
    const losing = (...lost: readonly TestKey[]) => plan({ lost: new Set(lost.map(canonical)) })

    test("is nothing while no key is lost, wherever the keys are", () => {
        const { roles, next, ended } = plan({})
        assert.deepEqual([next, ended], [[], false])
        assert.deepEqual(
            roles.map(({ role, state, keys: of }) => [role, state, of.map(({ place }) => place)]),
            [
                ["root", "whole", ["here", "away", "elsewhere"]],
                ["targets", "whole", ["here"]],
                ["snapshot", "whole", ["server"]],
                ["timestamp", "whole", ["server"]],
                ["targets/alice", "whole", ["here"]],
                ["targets/releases", "whole", ["here", "elsewhere"]],
            ],
        )
    })

    test("is a rotation of root without the lost holders, as many new ones in their place, while the others are enough", () => {
        assert.deepEqual(losing(c).next, [`trustkey rotate root ${GUN} --retire ${short(c)} --new-on-token TOKEN`])
        assert.equal(losing(c).roles[0]?.state, "enough")
        assert.equal(losing(c).ended, false)
    })

    test("is a new history when fewer root keys are left than have to sign, and nothing else then", () => {
        const { next, ended, roles } = losing(b, c, alice)
        assert.equal(ended, true)
        assert.equal(roles[0]?.state, "short")
        assert.ok(next.some((line) => line.startsWith(`trustkey trust reset ${GUN} --dry-run`)))
        assert.ok(!next.some((line) => line.includes("rotate")))
    })

    test("is each role's own command, from the server downwards", () => {
        const { next } = plan({ lost: new Set([keys.targets, bob].map(canonical)), server: { timestamp: "other", snapshot: "other" } })
        assert.deepEqual(next, [
            `trustkey rotate timestamp ${GUN} --with-snapshot`,
            `trustkey rotate targets ${GUN} --new-sealed`,
            `trustkey rotate delegation ${GUN} targets/releases --retire ${short(bob)} --new-sealed`,
        ])
        assert.deepEqual(plan({ server: { timestamp: canonical(keys.timestamp), snapshot: "other" } }).next, [
            `trustkey rotate snapshot ${GUN} --to-server`,
        ])
        assert.deepEqual(plan({ server: { timestamp: "other", snapshot: canonical(keys.snapshot) } }).next, [
            `trustkey rotate timestamp ${GUN}`,
        ])
    })

    test("is said once for a signer, whose key stands in two roles", () => {
        assert.deepEqual(losing(alice).next, [`trustkey rotate delegation ${GUN} targets/alice --new-sealed`])
        assert.deepEqual(losing(alice, bob).next, [
            `trustkey rotate delegation ${GUN} targets/alice --new-sealed`,
            `trustkey rotate delegation ${GUN} targets/releases --new-sealed`,
        ])
    })

    test("counts a key that was removed as lost, and a server that says nothing as it was", () => {
        const removed = plan({ keys: [here(keys.targets, { state: "removed" })] })
        assert.deepEqual(removed.next, [`trustkey rotate targets ${GUN} --new-sealed`])
        assert.deepEqual(plan({ server: { timestamp: undefined, snapshot: undefined } }).next, [])
    })

    test("asks for fewer signatures where fewer keys will be there than have to sign", () => {
        const roles = new Map([...whole.root.roles, ["targets", { keyIds: ids([keys.targets, alice]), threshold: 2 }] as const])
        const root = { ...whole.root, keys: new Map([...whole.root.keys, ...keyMap([alice])]), roles }
        const lost = new Set([keys.targets, alice].map(canonical))
        assert.equal(plan({ root, lost, delegators: [] }).next[0], `trustkey rotate targets ${GUN} --new-sealed --threshold 1`)
    })
})
