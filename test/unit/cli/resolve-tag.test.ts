import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { inDockersWords, trustedTag, trustedTags } from "../../../src/cli/trust/resolve-tag.ts"
import { type ErrorCode, TrustkeyError } from "../../../src/errors.ts"
import { parseFile, parseGun, type VerifiedRepository, verifyRepository } from "../../../src/tuf/index.ts"
import { type DelegationSpec, makeKey, RepositoryBuilder } from "../../support/repository-builder.ts"
import { NOW } from "./fake-terminal.ts"

const GUN = parseGun("registry.example.com/team/app")

/** `tags` by role: the tag, and the content its digest is of. */
function repository(
    tags: Readonly<Record<string, Readonly<Record<string, string>>>>,
    releasePaths: readonly string[] = [""],
): VerifiedRepository {
    const builder = new RepositoryBuilder(GUN, NOW)
    const [rootKey, targetsKey, snapshotKey, timestampKey, aliceKey, releaseKey] = [
        builder.rootKey(),
        makeKey(),
        makeKey(),
        makeKey(),
        makeKey(),
        makeKey(),
    ]
    const delegations: readonly DelegationSpec[] = [
        { name: "targets/alice", keys: [aliceKey] },
        { name: "targets/releases", keys: [releaseKey], paths: releasePaths },
    ]
    const keys = { root: [rootKey], targets: [targetsKey], snapshot: [snapshotKey], timestamp: [timestampKey] }
    const root = builder.root({ version: 1, keys })
    const targets = builder.targets({ version: 1, signers: [targetsKey], targets: tags["targets"] ?? {}, delegations })
    const below = delegations.map(({ name, keys: signers }) =>
        builder.targets({ role: name, version: 1, signers, targets: tags[name] ?? {} }),
    )
    const snapshot = builder.snapshot({ version: 1, signers: [snapshotKey], files: [root, targets, ...below] })
    const timestamp = builder.timestamp({ version: 1, signers: [timestampKey], snapshot })
    const parse = ({ content, role }: typeof root) => parseFile(content, role)
    const files = { timestamp: parse(timestamp), snapshot: parse(snapshot), targets: parse(targets), delegations: below.map(parse) }
    return verifyRepository(undefined, { roots: [parse(root)], ...files }, GUN, NOW)
}

function refusal(verified: VerifiedRepository, tag: string): string {
    try {
        return assert.fail(`trusts ${trustedTag(verified, tag).role}`)
    } catch (error) {
        assert.ok(error instanceof TrustkeyError, String(error))
        assert.equal(error.code, "target_unknown")
        return error.message
    }
}

describe("what docker pull trusts", () => {
    test("targets/releases comes before targets", () => {
        const verified = repository({ targets: { v1: "old", v2: "two" }, "targets/releases": { v1: "new" } })
        assert.equal(trustedTag(verified, "v1").role, "targets/releases")
        assert.equal(trustedTag(verified, "v2").role, "targets")
        assert.notEqual(trustedTag(verified, "v1").digest, trustedTag(repository({ targets: { v1: "old" } }), "v1").digest)
        assert.match(trustedTag(verified, "v1").digest, /^sha256:[0-9a-f]{64}$/)
        assert.equal(trustedTag(verified, "v1").size, 3)
    })

    test("the word of other delegations counts for nobody who pulls", () => {
        const verified = repository({ "targets/alice": { v1: "one" } })
        assert.equal(refusal(verified, "v1"), "No trust data for v1")
        assert.equal(refusal(verified, "v2"), "No valid trust data for v2")
        assert.equal(trustedTags(verified).size, 0)
    })

    test("a delegation speaks only within its paths", () => {
        const verified = repository({ targets: { "1.0": "t" }, "targets/releases": { v1: "in", "1.0": "out" } }, ["v"])
        assert.equal(trustedTag(verified, "v1").role, "targets/releases")
        assert.equal(trustedTag(verified, "1.0").role, "targets")
    })

    test("all tags, each once, in a person's order", () => {
        const verified = repository({
            targets: { v10: "a", v2: "b" },
            "targets/releases": { v2: "c", v1: "d" },
            "targets/alice": { v3: "e" },
        })
        assert.deepEqual(
            [...trustedTags(verified)].map(([tag, { role }]) => [tag, role]),
            [
                ["v1", "targets/releases"],
                ["v2", "targets/releases"],
                ["v10", "targets"],
            ],
        )
    })
})

describe("what a trust server does wrong", () => {
    // docker/cli, NotaryError: which of its two families, and its words.
    const DOCKER_SAYS: readonly (readonly [code: ErrorCode, text: string])[] = [
        ["no_trust_data", `error: remote trust data does not exist for ${GUN}: notary.example.com does not have trust data for ${GUN}`],
        ["metadata_expired", `error: remote repository ${GUN} out-of-date: why`],
        ["server_unreachable", "error: error contacting notary server: why"],
        ["server_error", "error: error contacting notary server: why"],
        [
            "rollback_detected",
            `warning: potential malicious behavior - trust data version is lower than expected for remote repository ${GUN}: why`,
        ],
        ["verification_failed", `warning: potential malicious behavior - trust data mismatch for remote repository ${GUN}: why`],
        ["pin_mismatch", `warning: potential malicious behavior - trust data mismatch for remote repository ${GUN}: why`],
        ["login_needed", "why"],
    ]
    for (const [code, text] of DOCKER_SAYS) {
        test(`is told in docker's words and keeps its code: ${code}`, () => {
            const where = { gun: GUN, server: { url: "https://notary.example.com" } }
            const told = inDockersWords(where, new TrustkeyError(code, "why"))
            assert.ok(told instanceof TrustkeyError)
            assert.deepEqual([told.code, told.message], [code, text])
        })
    }
})
