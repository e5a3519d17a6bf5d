import assert from "node:assert/strict"
import { describe, test } from "node:test"
import {
    diffMetadata,
    type FileMeta,
    type MetadataDocument,
    parseFile,
    parseRoleName,
    ROOT,
    type TargetsDocument,
} from "../../../src/tuf/index.ts"
import {
    EARLIER,
    ids,
    keyMap,
    LATER,
    makeKey,
    makeKeys,
    makeRoot,
    makeRootKey,
    makeSigned,
    readVector,
    someTarget,
    withCode,
} from "./make.ts"

const [alice, bob] = [makeKey(), makeKey("ed25519")] as const
const short = (id: string): string => id.slice(0, 12)

function targets(changes: Partial<TargetsDocument> = {}): TargetsDocument {
    return { type: "targets", version: 1, expires: LATER, targets: new Map(), delegations: { keys: new Map(), roles: [] }, ...changes }
}

function diff(before: MetadataDocument | undefined, after: MetadataDocument): readonly string[] {
    return diffMetadata(before && makeSigned(before), makeSigned(after))
}

function tag(digest: string, changes: Partial<FileMeta> = {}): FileMeta {
    return { hashes: new Map([["sha256", Buffer.from(digest.padEnd(64, "0"), "hex")]]), length: 9, ...changes }
}

describe("what a change means", () => {
    test("is nothing for the same metadata", () => {
        assert.deepEqual(diff(targets(), targets()), [])
    })

    test("is told for version and expiry", () => {
        assert.deepEqual(diff(targets({ expires: EARLIER }), targets({ version: 2 })), [
            "version 1 becomes 2",
            "expires 2027-11-21T12:00:00Z instead of 2026-11-20T12:00:00Z",
        ])
    })

    test("is told for tags added, changed and removed", () => {
        const before = targets({
            targets: new Map([
                ["a", tag("aa11")],
                ["b", tag("bb22")],
                ["c", tag("cc33")],
            ]),
        })
        const after = targets({
            targets: new Map([
                ["a", tag("aa11")],
                ["b", tag("bb23")],
                ["d", tag("dd44")],
            ]),
        })
        assert.deepEqual(diff(before, after), [
            "changes tag b from sha256:bb2200000000 (9 bytes) to sha256:bb2300000000 (9 bytes)",
            "adds tag d as sha256:dd4400000000 (9 bytes)",
            "removes tag c, which was sha256:cc3300000000 (9 bytes)",
        ])
    })

    test("shows whole digests when two begin alike, so that nobody can hide a change behind twelve digits", () => {
        const [sentence] = diff(
            targets({ targets: new Map([["a", tag("aabbccddeeff00112233aa")]]) }),
            targets({ targets: new Map([["a", tag("aabbccddeeff00112233bb")]]) }),
        )
        assert.equal(
            sentence,
            `changes tag a from sha256:${"aabbccddeeff00112233aa".padEnd(64, "0")} (9 bytes) to sha256:${"aabbccddeeff00112233bb".padEnd(64, "0")} (9 bytes)`,
        )
    })

    test("is told for length, other hashes and custom data alone", () => {
        const change = (meta: FileMeta) =>
            diff(targets({ targets: new Map([["a", tag("aa")]]) }), targets({ targets: new Map([["a", meta]]) }))
        assert.match(change(tag("aa", { length: 10 })).join(), /^changes tag a .*\(9 bytes\) to .*\(10 bytes\)$/)
        assert.match(change(tag("aa", { custom: "x" })).join(), /^changes tag a .* and its custom data$/)
        const both = tag("aa", { hashes: new Map([...tag("aa").hashes, ["sha512", Buffer.alloc(64)]]) })
        assert.match(change(both).join(), /^changes tag a .* sha512:0{128} \(9 bytes\)$/)
    })

    test("is told for delegations, their keys, thresholds and paths", () => {
        const role = (keyIds: readonly (typeof alice)[], threshold: number, paths: readonly string[]) => ({
            keys: keyMap(keyIds),
            roles: [{ name: parseRoleName("targets/releases"), keyIds: ids(keyIds), threshold, paths }],
        })
        assert.deepEqual(diff(targets(), targets({ delegations: role([alice], 1, [""]) })), [
            "adds delegation targets/releases, for all tags",
            `delegation targets/releases gets ecdsa key ${short(alice.id)}`,
            "delegation targets/releases needs 1 of 1 keys",
        ])
        assert.deepEqual(
            diff(targets({ delegations: role([alice], 1, [""]) }), targets({ delegations: role([alice, bob], 2, ["v", "x y"]) })),
            [
                'delegation targets/releases is for tags beginning with v, "x y" instead of all tags',
                `delegation targets/releases gets ed25519 key ${short(bob.id)}`,
                "delegation targets/releases needs 2 of 2 keys instead of 1 of 1",
            ],
        )
        assert.deepEqual(diff(targets({ delegations: role([alice], 1, []) }), targets()), ["removes delegation targets/releases"])
    })

    test("is told for a root's keys, thresholds and forgotten certificates", () => {
        const keys = makeKeys()
        const next = makeRootKey()
        const before = makeRoot(keys)
        const after = makeRoot({ ...keys, root: [...keys.root, next], targets: bob }, { version: 2, rootThreshold: 2 })
        const [old] = keys.root
        assert.ok(old)
        assert.deepEqual(diff(before, after), [
            "version 1 becomes 2",
            `role root gets ecdsa-x509 key ${short(next.id)}`,
            "role root needs 2 of 2 keys instead of 1 of 1",
            `role targets gets ed25519 key ${short(bob.id)}`,
            `role targets loses ecdsa key ${short(keys.targets.id)}`,
            `forgets ecdsa key ${short(keys.targets.id)}`,
        ])
        const kept = { ...before, keys: new Map([...before.keys, [alice.id, alice.tuf]]) }
        assert.deepEqual(diff(before, kept), [`adds ecdsa key ${short(alice.id)}, which no role uses`])
    })

    test("is told for the first of a role by what it holds", () => {
        const sentences = diff(undefined, makeRoot(makeKeys()))
        assert.equal(sentences[0], "version 1, expires 2027-11-21T12:00:00Z")
        assert.equal(sentences.filter((sentence) => / needs 1 of 1 keys$/.test(sentence)).length, 4)
    })

    test("is told for Notary's own root rotation", () => {
        const [before, after] = [3, 4].map((version) => parseFile(readVector(`repo/root-v${version}.json`), ROOT).signed)
        assert.ok(before && after)
        assert.deepEqual(
            diffMetadata(before, after).map((sentence) => sentence.replace(/[0-9a-f]{12}$/, "…")),
            [
                "version 3 becomes 4",
                "expires 2036-11-18T06:06:39.862Z instead of 2036-11-18T06:06:39.669Z",
                "role root gets ecdsa-x509 key …",
                "role root loses ecdsa-x509 key …",
            ],
        )
    })

    test("is one line of printable ASCII, whatever a stranger names a tag", () => {
        for (const name of ["a\u202eb", "\u009b31m", "é", "a b", '"', "x".repeat(300), ""]) {
            for (const sentence of diff(targets(), targets({ targets: new Map([[name, someTarget("x")]]) }))) {
                assert.match(sentence, /^[ -~…]{1,200}$/)
            }
        }
    })

    test("is not told between two roles", () => {
        const other = makeSigned(targets(), "targets/a")
        assert.throws(() => diffMetadata(other, makeSigned(targets())), withCode("invalid_request"))
    })
})
