import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { firstRoot, firstTargets, rootExpiry } from "../../../src/cli/trust/build-first.ts"
import {
    imageMeta,
    lostDelegations,
    nextTargets,
    nextVersion,
    rolesToSign,
    sameImage,
    snapshotRole,
    type TagRole,
    tagRoles,
    targetsExpiry,
} from "../../../src/cli/trust/build-update.ts"
import { viewOf } from "../../../src/cli/trust/view.ts"
import {
    canonicalKeyIdOf,
    keyIdOf,
    type MetadataFile,
    parseFile,
    parseGun,
    parseRoleName,
    parseSigned,
    ROOT,
    TARGETS,
    type TargetsDocument,
    type VerifiedRepository,
    verifyRepository,
} from "../../../src/tuf/index.ts"
import { type DelegationSpec, makeKey, makeRootKey, RepositoryBuilder, type TestKey } from "../../support/repository-builder.ts"
import { NOW } from "./fake-terminal.ts"

const GUN = parseGun("registry.example.com/team/app")
const DIGEST = `sha256:${"ab".repeat(32)}`

type Sample = {
    readonly verified: VerifiedRepository
    readonly files: readonly MetadataFile[]
    readonly keys: Record<"root" | "targets" | "snapshot", TestKey>
}

/** A repository with these delegations; `tags` by role, tag to content. */
function sample(
    delegations: readonly DelegationSpec[],
    tags: Readonly<Record<string, Readonly<Record<string, string>>>>,
    signers: Readonly<Record<string, readonly TestKey[]>> = {},
): Sample {
    const builder = new RepositoryBuilder(GUN, NOW)
    const keys = { root: builder.rootKey(), targets: makeKey(), snapshot: makeKey(), timestamp: makeKey() }
    const root = builder.root({
        version: 1,
        keys: { root: [keys.root], targets: [keys.targets], snapshot: [keys.snapshot], timestamp: [keys.timestamp] },
    })
    const targets = builder.targets({ version: 4, signers: [keys.targets], targets: tags["targets"] ?? {}, delegations })
    const children = delegations
        .filter(({ name }) => tags[name] !== undefined)
        .map(({ name, keys: own }) => builder.targets({ role: name, version: 7, signers: signers[name] ?? own, targets: tags[name] ?? {} }))
    const snapshot = builder.snapshot({ version: 9, signers: [keys.snapshot], files: [root, targets, ...children] })
    const timestamp = builder.timestamp({ version: 9, signers: [keys.timestamp], snapshot })
    const files = [root, timestamp, snapshot, targets, ...children].map(({ role, content }) => parseFile(content, role))
    const byRole = (name: string): MetadataFile | undefined => files.find(({ role }) => role === name)
    const verified = verifyRepository(
        undefined,
        {
            roots: files.filter(({ role }) => role === ROOT),
            ...{ timestamp: present(byRole("timestamp")), snapshot: present(byRole("snapshot")), targets: present(byRole("targets")) },
            delegations: files.filter(({ role }) => role.startsWith("targets/")),
        },
        GUN,
        NOW,
    )
    return { verified, files, keys }
}

function present<T>(value: T | undefined): T {
    assert.ok(value !== undefined)
    return value
}

function names(roles: readonly TagRole[]): string[] {
    return roles.map(({ role }) => role)
}

describe("building an update", () => {
    const [alice, bob, deep] = [makeKey(), makeKey("ed25519"), makeKey()]
    const delegations: DelegationSpec[] = [
        { name: "targets/releases", keys: [alice], paths: [""] },
        { name: "targets/alice", keys: [alice], paths: [""] },
        { name: "targets/bob", keys: [bob, deep], paths: ["v1"], threshold: 2 },
    ]

    test("without delegations a tag goes into targets", () => {
        const { verified, keys } = sample([], {})
        const roles = tagRoles(verified)
        assert.deepEqual(names(rolesToSign(roles, "v1", (_, id) => id === canonicalKeyIdOf(keys.targets.key))), ["targets"])
        assert.deepEqual(names(rolesToSign(roles, "v1", () => false)), [])
    })

    test("with delegations it goes into every one we have a key for and whose paths cover it, not into targets", () => {
        const { verified } = sample(delegations, {})
        const roles = tagRoles(verified)
        assert.deepEqual(names(rolesToSign(roles, "v1", () => true)), ["targets/releases", "targets/alice", "targets/bob"])
        assert.deepEqual(names(rolesToSign(roles, "v2", () => true)), ["targets/releases", "targets/alice"])
        assert.deepEqual(names(rolesToSign(roles, "v2", (role) => role === "targets/bob")), [])
    })

    test("with delegations but only the targets key it goes nowhere: no pull looks into targets first", () => {
        const { verified } = sample(delegations, {})
        assert.deepEqual(names(rolesToSign(tagRoles(verified), "v1", (role) => role === TARGETS)), [])
    })

    test("a delegation that needs two signatures is left out by whoever has one key", () => {
        const { verified } = sample(delegations, {})
        const one = canonicalKeyIdOf(bob.key)
        assert.ok(!names(rolesToSign(tagRoles(verified), "v1", (_, id) => id === one)).includes("targets/bob"))
    })

    test("a role's own keys are named as the daemon names them", () => {
        const { verified, keys } = sample(delegations, {})
        assert.deepEqual(snapshotRole(verified), { keyIds: [canonicalKeyIdOf(keys.snapshot.key)], threshold: 1 })
        const role = tagRoles(verified).find((candidate) => candidate.role === "targets/bob")
        assert.deepEqual([...(role?.keyIds ?? [])].sort(), [canonicalKeyIdOf(bob.key), canonicalKeyIdOf(deep.key)].sort())
        assert.equal(role?.threshold, 2)
    })

    test("the next version is above everything published and everything promised", () => {
        assert.equal(nextVersion(undefined, undefined), 1)
        assert.equal(nextVersion(4, 3), 5)
        assert.equal(nextVersion(4, 6), 7)
        assert.equal(nextVersion(undefined, 2), 3)
    })

    test("other tags and delegations are carried over, the expiry is new and has whole seconds", () => {
        const { verified } = sample(delegations, { targets: { old: "old content", v1: "first content" } })
        const role = present(tagRoles(verified).find((candidate) => candidate.role === TARGETS))
        const bytes = nextTargets(role, 5, NOW, { change: (tags) => void tags.set("v1", imageMeta(DIGEST, 12)) })
        const document = parseSigned(bytes, TARGETS).document as TargetsDocument
        assert.equal(document.version, 5)
        assert.deepEqual([...document.targets.keys()].sort(), ["old", "v1"])
        assert.deepEqual(document.targets.get("v1"), imageMeta(DIGEST, 12))
        assert.deepEqual(
            document.delegations.roles.map(({ name }) => name),
            ["targets/releases", "targets/alice", "targets/bob"],
        )
        assert.equal(document.expires.toISOString(), targetsExpiry(NOW).toISOString())
        assert.equal(document.expires.getTime() % 1000, 0)
    })

    test("a delegation nobody has signed yet begins empty", () => {
        const { verified } = sample(delegations, {})
        const role = present(tagRoles(verified).find((candidate) => candidate.role === "targets/alice"))
        assert.equal(role.document, undefined)
        const bytes = nextTargets(role, 1, NOW, { change: (tags) => void tags.set("v1", imageMeta(DIGEST, 12)) })
        assert.deepEqual([...(parseSigned(bytes, role.role).document as TargetsDocument).targets.keys()], ["v1"])
    })

    test("a delegation that does not count is found, so that its tags are not dropped", () => {
        const { verified, files } = sample(delegations, { "targets/alice": { v1: "x" } }, { "targets/alice": [makeKey()] })
        assert.deepEqual([...lostDelegations(verified, files)], [parseRoleName("targets/alice")])
    })

    test("an image is the same when digest and length are", () => {
        assert.ok(sameImage(imageMeta(DIGEST, 12), imageMeta(DIGEST, 12)))
        assert.ok(!sameImage(imageMeta(DIGEST, 13), imageMeta(DIGEST, 12)))
        assert.ok(!sameImage(undefined, imageMeta(DIGEST, 12)))
        assert.throws(() => imageMeta("sha256:12", 12), { code: "invalid_request" })
        assert.throws(() => imageMeta(DIGEST, 0), { code: "invalid_request" })
    })

    test("the view shows releases with their signers, natural order, and Repo Admin where nobody else signed", () => {
        const image = "image"
        const { verified, files, keys } = sample(delegations, {
            targets: { v10: "ten", v2: "two" },
            "targets/releases": { v1: image },
            "targets/alice": { v1: image, unreleased: "x", v10: "another ten" },
        })
        const view = viewOf({ verified, files, roots: [], warnings: [] }, undefined)
        assert.deepEqual(
            view.signedTags.map(({ tag, signers, roles }) => [tag, signers, roles]),
            [
                ["v1", ["alice"], ["targets/releases", "targets/alice"]],
                ["v2", ["Repo Admin"], ["targets"]],
                ["v10", ["Repo Admin"], ["targets"]],
            ],
        )
        assert.deepEqual(
            view.signers.map(({ name }) => name),
            ["alice", "bob"],
        )
        assert.deepEqual(view.administrativeKeys, { root: [keyIdOf(keys.root.key)], repository: [keyIdOf(keys.targets.key)] })
        assert.deepEqual(
            view.roles.map(({ role, version }) => [role, version]),
            [
                ["root", 1],
                ["targets", 4],
                ["snapshot", 9],
                ["timestamp", 9],
                ["targets/releases", 7],
                ["targets/alice", 7],
            ],
        )
        assert.deepEqual(
            viewOf({ verified, files, roots: [], warnings: [] }, "v2").signedTags.map(({ tag }) => tag),
            ["v2"],
        )
    })
})

describe("the first root", () => {
    const builder = new RepositoryBuilder(GUN, NOW)
    const rootKey = builder.rootKey()
    const certificate = Buffer.from(rootKey.key.public).toString()
    const keys = {
        certificates: [certificate],
        rootThreshold: 1,
        targets: makeKey().key,
        snapshot: makeKey().key,
        timestamp: makeKey("ed25519").key,
    }

    test("is the same bytes for the same keys and expiry, and fit to be signed", () => {
        const bytes = firstRoot(keys, new Date("2036-01-01T00:00:00Z"))
        assert.ok(bytes.equals(firstRoot({ ...keys }, new Date("2036-01-01T00:00:00Z"))))
        const document = parseSigned(bytes, ROOT).document
        assert.equal(document.type === "root" && document.roles.get("root")?.keyIds[0], keyIdOf(rootKey.key))
        assert.equal(document.version, 1)
    })

    test("expires ten years less a day from now, and a day before its certificate at the latest", () => {
        assert.equal(rootExpiry(NOW, [certificate]).toISOString(), "2036-11-17T09:00:00.000Z")
        const short = makeShortCertificate()
        assert.equal(rootExpiry(NOW, [certificate, short]).toISOString(), "2027-01-01T00:00:00.000Z")
    })

    test("of several keys lists each once for role root alone, with the threshold", () => {
        const others = [builder.rootKey(), builder.rootKey()]
        const certificates = [rootKey, ...others].map(({ key }) => Buffer.from(key.public).toString())
        const { document } = parseSigned(firstRoot({ ...keys, certificates, rootThreshold: 2 }, new Date("2036-01-01T00:00:00Z")), ROOT)
        assert.ok(document.type === "root")
        const roles = [...document.roles].map(([name, role]) => [name, role.threshold, role.keyIds.length])
        assert.deepEqual(roles, [
            ["root", 2, 3],
            ["snapshot", 1, 1],
            ["targets", 1, 1],
            ["timestamp", 1, 1],
        ])
        assert.equal(document.keys.size, 6)
    })

    test("the first targets hold nothing", () => {
        const document = parseSigned(firstTargets(targetsExpiry(NOW)), TARGETS).document as TargetsDocument
        assert.equal(document.targets.size + document.delegations.roles.length, 0)
        assert.equal(document.expires.toISOString(), "2029-11-20T09:00:00.000Z")
    })
})

function makeShortCertificate(): string {
    return Buffer.from(makeRootKey(GUN, NOW, { notAfter: new Date("2027-01-02T00:00:00Z") }).key.public).toString()
}
