import assert from "node:assert/strict"
import { describe, test } from "node:test"
import type { DaemonRepository } from "../../../src/cli/daemon-types.ts"
import { planRenewal, type RenewalWish } from "../../../src/cli/trust/plan-renewal.ts"
import type { CurrentRepository } from "../../../src/publish/index.ts"
import { canonicalKeyIdOf, parseFile, parseGun, type RoleName, verifyRepository } from "../../../src/tuf/index.ts"
import { type BuiltFile, makeKey, makeRootKey, RepositoryBuilder, type TestKey } from "../../support/repository-builder.ts"

const NOW = new Date("2026-11-21T09:00:00Z")
const GUN = parseGun("registry.example.com/team/app")
const DAY = 86_400_000
const builder = new RepositoryBuilder(GUN, NOW)
const [root, targets, server, alice, bob, releases, ci] = [
    builder.rootKey(),
    makeKey(),
    makeKey(),
    makeKey(),
    makeKey(),
    makeKey(),
    makeKey(),
]

type Shape = {
    readonly rootKeys?: readonly TestKey[]
    readonly rootThreshold?: number
    readonly rootDays?: number
    readonly targetsDays?: number
    readonly snapshotDays?: number
    readonly delegations?: readonly {
        name: string
        keys: readonly TestKey[]
        days?: number
        signers?: readonly TestKey[]
        threshold?: number
    }[]
    /** Below targets/alice. */
    readonly below?: { readonly days: number }
}

function published(shape: Shape): CurrentRepository {
    const keys = { root: shape.rootKeys ?? [root], targets: [targets], snapshot: [server], timestamp: [server] }
    const delegations = shape.delegations ?? []
    const rootFile = builder.root({ version: 3, keys, days: shape.rootDays ?? 3000, thresholds: { root: shape.rootThreshold ?? 1 } })
    const top = builder.targets({ version: 5, days: shape.targetsDays ?? 1000, targets: { v1: "one" }, delegations, signers: [targets] })
    const below: BuiltFile[] = delegations.map(({ name, keys: own, days, signers }) => {
        const children = name === "targets/alice" && shape.below !== undefined ? [{ name: "targets/alice/ci", keys: [ci] }] : []
        const spec = { role: name, version: 2, days: days ?? 1000, targets: { v1: name }, signers: signers ?? own }
        return builder.targets({ ...spec, delegations: children })
    })
    if (shape.below !== undefined) {
        below.push(builder.targets({ role: "targets/alice/ci", version: 1, days: shape.below.days, targets: { v1: "x" }, signers: [ci] }))
    }
    const snapshot = builder.snapshot({ version: 9, days: shape.snapshotDays ?? 1000, files: [rootFile, top, ...below], signers: [server] })
    const timestamp = builder.timestamp({ version: 20, snapshot, signers: [server] })
    const parsed = [rootFile, timestamp, snapshot, top, ...below].map(({ role, content }) => parseFile(content, role))
    const [roots, stamp, snap, first, ...rest] = parsed
    assert.ok(roots !== undefined && stamp !== undefined && snap !== undefined && first !== undefined)
    const files = { roots: [roots], timestamp: stamp, snapshot: snap, targets: first, delegations: rest }
    const verified = verifyRepository(undefined, files, GUN, NOW, { ignoreExpiry: true })
    return { verified, roots: [roots], files: parsed, warnings: verified.warnings }
}

const KNOWN: DaemonRepository = {
    gun: GUN,
    lineage: "",
    rootVersion: 3,
    origin: "born",
    marks: [],
    outbox: 0,
    oldLineages: [],
    state: "active",
    documents: [],
    certificateExpires: "",
}

function wishing(ours: readonly TestKey[], changes: Partial<RenewalWish> = {}): RenewalWish {
    const ids = new Set(ours.map(({ key }) => canonicalKeyIdOf(key)))
    const canUse = (_role: RoleName, id: string): boolean => [...ids].some((own) => own === id)
    return { now: NOW, withinDays: 90, roles: undefined, witness: new Map(), canUse, serverSnapshot: true, ...changes }
}

const summary = (current: CurrentRepository, wish: RenewalWish, known = KNOWN) => {
    const { places, root: next, snapshotDue, left } = planRenewal(current, known, wish)
    return {
        places: places.map(({ place, why }) => `${place.role} ${why}`),
        root: next?.version,
        snapshotDue,
        left: left.map(({ role }) => role),
    }
}
const NOTHING = { places: [], root: undefined, snapshotDue: false, left: [] }

describe("what is renewed", () => {
    const delegations = [
        { name: "targets/alice", keys: [alice], days: 20 },
        { name: "targets/bob", keys: [bob], days: -3 },
        { name: "targets/releases", keys: [releases], days: 91 },
    ]

    test("nothing, when nothing is due", () => {
        assert.deepEqual(summary(published({}), wishing([root, targets, server])), NOTHING)
    })

    test("what expires within the time, and what has expired; who could is named for the rest", () => {
        const current = published({ targetsDays: 90, delegations })
        assert.deepEqual(summary(current, wishing([targets, alice])), {
            ...NOTHING,
            places: ["targets due", "targets/alice due"],
            left: ["targets/bob"],
        })
        const { left } = planRenewal(current, KNOWN, wishing([targets, alice]))
        assert.deepEqual(left[0]?.keyIds, [canonicalKeyIdOf(bob.key)])
        assert.match(left[0]?.reason ?? "", new RegExp(`held elsewhere: ${canonicalKeyIdOf(bob.key).slice(0, 12)}`))
    })

    test("tags and versions are those published; only named roles when roles are named", () => {
        const current = published({ targetsDays: 1, delegations })
        const { places } = planRenewal(current, KNOWN, wishing([targets, alice, bob], { roles: ["targets/bob"] }))
        assert.deepEqual(
            places.map(({ place }) => [place.role, place.document?.version, [...(place.document?.targets.keys() ?? [])]]),
            [["targets/bob", 2, ["v1"]]],
        )
    })

    test("a delegation below a delegation too", () => {
        const current = published({ delegations: [{ name: "targets/alice", keys: [alice] }], below: { days: 5 } })
        assert.deepEqual(summary(current, wishing([ci])), { ...NOTHING, places: ["targets/alice/ci due"] })
    })

    test("not what takes more signatures than we have keys", () => {
        const current = published({ delegations: [{ name: "targets/alice", keys: [alice, bob], days: 1, threshold: 2 }] })
        assert.deepEqual(summary(current, wishing([alice])), { ...NOTHING, left: ["targets/alice"] })
        assert.deepEqual(summary(current, wishing([alice, bob])), { ...NOTHING, places: ["targets/alice due"] })
    })
})

describe("a delegation whose signatures don't count", () => {
    const current = published({ delegations: [{ name: "targets/alice", keys: [alice], signers: [bob] }] })
    const served = current.files.find(({ role }) => role === "targets/alice")?.signed
    assert.ok(served !== undefined)

    const digits = served.sha256.slice(0, 16)
    const named = { witness: new Map([["targets/alice", digits]]) }

    test("is not brought back to life for having been verified before: its signer may have been taken away for what it holds", () => {
        const mark = { role: "targets/alice", version: served.document.version, sha256: served.sha256, expires: "" }
        const known = { ...KNOWN, marks: [mark] }
        assert.deepEqual(summary(current, wishing([alice]), known), { ...NOTHING, left: ["targets/alice"] })
        assert.match(planRenewal(current, known, wishing([alice])).left[0]?.reason ?? "", /don't count any more; it holds v1 /)
    })

    test("is witnessed when a person names it, after its tags were shown", () => {
        assert.deepEqual(summary(current, wishing([alice])), { ...NOTHING, left: ["targets/alice"] })
        assert.match(
            planRenewal(current, KNOWN, wishing([alice])).left[0]?.reason ?? "",
            new RegExp(`not what was verified here before; it holds v1 [0-9a-f]{64}\\..*--witness targets/alice=${digits}$`),
        )
        assert.deepEqual(summary(current, wishing([alice], named)), { ...NOTHING, places: ["targets/alice witness"] })
        assert.deepEqual(summary(current, wishing([bob], named)), { ...NOTHING, left: ["targets/alice"] })
    })

    test("is not what a person has named when the server shows one thing and then another", () => {
        const shown = { witness: new Map([["targets/alice", "0123456789abcdef"]]) }
        assert.deepEqual(summary(current, wishing([alice], shown)), { ...NOTHING, left: ["targets/alice"] })
    })
})

describe("root", () => {
    const lasting = makeRootKey(GUN, NOW, { notAfter: new Date(NOW.getTime() + 500 * DAY) })
    const ending = makeRootKey(GUN, NOW, { notAfter: new Date(NOW.getTime() + 60 * DAY) })

    test("gets its next version, with a date inside its certificate's", () => {
        const current = published({ rootKeys: [lasting], rootDays: 30 })
        const { root: next } = planRenewal(current, KNOWN, wishing([lasting]))
        assert.equal(next?.version, 4)
        assert.equal(next.expires.getTime(), NOW.getTime() + 499 * DAY)
        assert.deepEqual(next.keyIds, [canonicalKeyIdOf(lasting.key)])
    })

    test("is left without its keys, all of them where it takes more than one", () => {
        assert.deepEqual(summary(published({ rootDays: 30 }), wishing([targets])), { ...NOTHING, left: ["root"] })
        const both = published({ rootKeys: [root, lasting], rootThreshold: 2, rootDays: -1 })
        assert.deepEqual(summary(both, wishing([root])), { ...NOTHING, left: ["root"] })
        assert.deepEqual(summary(both, wishing([root, lasting])), { ...NOTHING, root: 4 })
    })

    test("needs a rotation when its certificate is what ends, and that is said while root itself is not due", () => {
        const current = published({ rootKeys: [ending], rootDays: 3000 })
        assert.deepEqual(summary(current, wishing([ending])), { ...NOTHING, left: ["root certificate"] })
        assert.deepEqual(summary(published({ rootKeys: [ending], rootDays: 30 }), wishing([ending])), {
            ...NOTHING,
            left: ["root", "root certificate"],
        })
    })

    test("that could not live longer than it does is not signed for nothing", () => {
        const current = published({ rootKeys: [lasting], rootDays: 499 })
        const { left } = planRenewal(current, KNOWN, wishing([lasting], { withinDays: 499 }))
        assert.deepEqual(
            left.map(({ role }) => role),
            ["root"],
        )
        assert.match(left[0]?.reason ?? "", /rotation of the root key/)
    })
})

describe("snapshot", () => {
    const own = { serverSnapshot: false }

    test("is the server's to renew where the server holds its key", () => {
        assert.deepEqual(summary(published({ snapshotDays: 1 }), wishing([targets, server])), NOTHING)
    })

    test("of ours goes with what else is signed, or takes targets along", () => {
        const wish = wishing([targets, server], own)
        assert.deepEqual(summary(published({ snapshotDays: 1, targetsDays: 1 }), wish), {
            ...NOTHING,
            places: ["targets due"],
            snapshotDue: true,
        })
        assert.deepEqual(summary(published({ snapshotDays: 1 }), wish), { ...NOTHING, places: ["targets carrier"], snapshotDue: true })
    })

    test("is left when its key is elsewhere, or nothing can take it along", () => {
        assert.deepEqual(summary(published({ snapshotDays: 1 }), wishing([targets], own)), { ...NOTHING, left: ["snapshot"] })
        assert.deepEqual(summary(published({ snapshotDays: 1 }), wishing([server], own)), { ...NOTHING, left: ["snapshot"] })
    })
})
