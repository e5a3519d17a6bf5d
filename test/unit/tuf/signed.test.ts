import assert from "node:assert/strict"
import { createHash } from "node:crypto"
import { describe, test } from "node:test"
import fc from "fast-check"
import {
    canonicalize,
    type FileMeta,
    type Json,
    type JsonObject,
    type MetadataDocument,
    parseFile,
    parseJson,
    parseRoleName,
    parseSigned,
    ROOT,
    type RoleName,
    TARGETS,
} from "../../../src/tuf/index.ts"
import { encode, ids, keyMap, LATER, makeKey, makeKeys, makeRoot, makeRootKey, readVector, someTarget, withCode } from "./make.ts"

const keys = makeKeys()
const root = makeRoot(keys)

/** The bytes of `document` with one value in it changed: `path` names it, undefined takes it out. */
function edited(document: MetadataDocument, path: readonly string[], value: Json | undefined): Buffer {
    const change = (json: Json, [name, ...rest]: readonly string[]): Json => {
        if (name === undefined) return value ?? null
        if (Array.isArray(json)) return json.map((member: Json, index) => (String(index) === name ? change(member, rest) : member))
        assert.ok(json instanceof Map, name)
        const copy = new Map<string, Json>(json)
        if (rest.length === 0 && value === undefined) copy.delete(name)
        else copy.set(name, change(copy.get(name) ?? null, rest))
        return copy
    }
    return canonicalize(change(parseJson(encode(document)), path))
}

function asFile(signed: Buffer): Buffer {
    return Buffer.concat([Buffer.from('{"signed":'), signed, Buffer.from(',"signatures":[]}')])
}

function isRefused(bytes: Buffer, role: RoleName): void {
    assert.throws(() => parseSigned(bytes, role), withCode("metadata_rejected"))
}

function isRefusedAlsoWhenServed(bytes: Buffer, role: RoleName): void {
    isRefused(bytes, role)
    assert.throws(() => parseFile(asFile(bytes), role), withCode("metadata_rejected"))
}

function isBorneWhenServed(bytes: Buffer, role: RoleName): MetadataDocument {
    isRefused(bytes, role)
    return parseFile(asFile(bytes), role).signed.document
}

function targets(changes: Partial<Extract<MetadataDocument, { type: "targets" }>> = {}): MetadataDocument {
    return {
        type: "targets",
        version: 2,
        expires: LATER,
        targets: new Map([["v1", someTarget("1")]]),
        delegations: { keys: new Map(), roles: [] },
        ...changes,
    }
}

describe("a body to sign", () => {
    test("comes back from its bytes as the document it was written from", () => {
        const meta: fc.Arbitrary<FileMeta> = fc
            .tuple(fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.uint8Array({ minLength: 64, maxLength: 64 }), fc.nat(), fc.boolean())
            .map(([sha256, sha512, length, both]) => ({
                hashes: new Map([["sha256", Buffer.from(sha256)], ...(both ? [["sha512", Buffer.from(sha512)] as const] : [])]),
                length,
            }))
        const name = fc.string({ unit: "grapheme", minLength: 1 }).map((text) => text.replace(/\p{Cc}/gu, "·"))
        const someKeys = [makeKey(), makeKey("ed25519"), makeKey("rsa2048")]
        const delegation = fc.record({
            name: fc.stringMatching(/^targets\/[-a-z0-9_]{1,20}$/).map(parseRoleName),
            keyIds: fc.constant(ids(someKeys)),
            threshold: fc.integer({ min: 1, max: 3 }),
            paths: fc.array(name, { maxLength: 3 }),
        })
        const document: fc.Arbitrary<MetadataDocument> = fc.record({
            type: fc.constant("targets" as const),
            version: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
            expires: fc
                .date({ min: new Date(0), max: new Date("9999-01-01"), noInvalidDate: true })
                .map((date) => new Date(Math.floor(date.getTime() / 1000) * 1000)),
            targets: fc.array(fc.tuple(name, meta)).map((entries) => new Map(entries)),
            delegations: fc
                .uniqueArray(delegation, { selector: ({ name }) => name, maxLength: 4 })
                .map((roles) => ({ keys: keyMap(someKeys), roles })),
        })
        fc.assert(
            fc.property(document, (original) => {
                const bytes = encode(original)
                const signed = parseSigned(bytes, TARGETS)
                assert.deepEqual(structuredClone(signed.document), structuredClone(original))
                assert.ok(signed.bytes.equals(bytes))
                assert.ok(encode(signed.document).equals(bytes))
            }),
            { numRuns: 50 },
        )
        assert.deepEqual(structuredClone(parseSigned(encode(root), ROOT).document), structuredClone(root))
    })

    test("must be canonical, or may be in any layout when the caller says so", () => {
        const pretty = Buffer.from(JSON.stringify(JSON.parse(encode(root).toString()), null, 2))
        isRefused(pretty, ROOT)
        assert.ok(parseSigned(pretty, ROOT, { requireCanonical: false }).bytes.equals(encode(root)))
    })

    test("is refused over 8 MiB", () => {
        assert.throws(() => parseSigned(Buffer.alloc(8 * 1024 * 1024 + 1, 0x20), ROOT), withCode("payload_too_large"))
    })

    test("is refused for another role than its type is for", () => {
        for (const role of ["targets", "snapshot", "timestamp", "targets/a"]) isRefusedAlsoWhenServed(encode(root), parseRoleName(role))
        isRefusedAlsoWhenServed(encode(targets()), ROOT)
        isRefusedAlsoWhenServed(edited(root, ["_type"], "root"), ROOT)
        isRefusedAlsoWhenServed(edited(root, ["_type"], undefined), ROOT)
        isRefusedAlsoWhenServed(edited(root, ["_type"], 1), ROOT)
        isRefusedAlsoWhenServed(Buffer.from("[]"), ROOT)
        parseSigned(encode(targets()), parseRoleName("targets/a"))
    })

    test("has a version from 1 on, and no higher than Notary's database can hold", () => {
        for (const version of [0, -1, "1", null]) isRefusedAlsoWhenServed(edited(root, ["version"], version), ROOT)
        isRefusedAlsoWhenServed(edited(root, ["version"], undefined), ROOT)
        parseSigned(edited(root, ["version"], 2147483647), ROOT)
        isBorneWhenServed(edited(root, ["version"], 2147483648), ROOT)
    })

    test("has no field Notary does not know, anywhere: it would be dropped and every hash would change", () => {
        const key = [...root.keys.keys()][0] ?? ""
        for (const path of [
            ["extra"],
            ["keys", key, "scheme"],
            ["keys", key, "keyval", "extra"],
            ["roles", "root", "name"],
            ["roles", "mirror"],
        ]) {
            isBorneWhenServed(
                edited(
                    root,
                    path,
                    path[1] === "mirror"
                        ? new Map<string, Json>([
                              ["keyids", []],
                              ["threshold", 1],
                          ])
                        : 1,
                ),
                ROOT,
            )
        }
        isBorneWhenServed(edited(targets(), ["targets", "v1", "extra"], 1), TARGETS)
        isBorneWhenServed(edited(targets(), ["delegations", "extra"], 1), TARGETS)
        isBorneWhenServed(edited(targets(), ["targets", "v1", "hashes", "md5"], "AA=="), TARGETS)
    })

    test("and no file has a field that Go would take for another because only the case differs", () => {
        isRefusedAlsoWhenServed(edited(targets(), ["Targets"], new Map()), TARGETS)
        isRefusedAlsoWhenServed(edited(targets(), ["target\u017f"], new Map()), TARGETS)
        isRefusedAlsoWhenServed(edited(root, ["\u212aeys"], new Map()), ROOT)
        const file = asFile(encode(root)).toString()
        for (const member of ["Signed", "SIGNATURES"]) {
            assert.throws(() => parseFile(Buffer.from(file.replace(/}$/, `,"${member}":[]}`)), ROOT), withCode("metadata_rejected"))
        }
    })

    test("lacks nothing Notary always writes", () => {
        for (const name of ["consistent_snapshot"]) isBorneWhenServed(edited(root, [name], undefined), ROOT)
        for (const name of ["expires", "keys", "roles"]) isRefusedAlsoWhenServed(edited(root, [name], undefined), ROOT)
        for (const name of ["delegations", "targets"]) {
            isBorneWhenServed(edited(targets(), [name], undefined), TARGETS)
            isBorneWhenServed(edited(targets(), [name], null), TARGETS)
        }
        const document = isBorneWhenServed(edited(targets(), ["delegations"], undefined), TARGETS)
        assert.ok(document.type === "targets" && document.delegations.roles.length === 0)
        isBorneWhenServed(edited(targets(), ["delegations", "roles"], null), TARGETS)
        isBorneWhenServed(edited(targets(), ["delegations", "keys"], undefined), TARGETS)
    })

    test("names each key by its own ID and holds no private part", () => {
        const [id = "", key] = [...root.keys][0] ?? []
        assert.ok(key)
        const moved = new Map<string, Json>([["0".repeat(64), objectAt(root, ["keys", id])]])
        isRefusedAlsoWhenServed(edited(root, ["keys"], new Map([...objectAt(root, ["keys"]), ...moved])), ROOT)
        isRefusedAlsoWhenServed(edited(root, ["keys", id, "keyval", "private"], "c2VjcmV0"), ROOT)
        isBorneWhenServed(edited(root, ["keys", id, "keyval", "private"], undefined), ROOT)
        isRefusedAlsoWhenServed(edited(root, ["keys", id, "keyval", "public"], "not base64"), ROOT)
        isRefusedAlsoWhenServed(edited(root, ["keys", id, "keytype"], "sphincs"), ROOT)
    })

    test("keeps keys no role uses any more: Notary keeps old certificates for ever", () => {
        const old = makeRootKey()
        parseSigned(encode({ ...root, keys: new Map([...root.keys, [old.id, old.tuf]]) }), ROOT)
    })

    test("has exactly the four roles, each with keys it lists once and can meet its threshold with", () => {
        for (const role of ["root", "targets", "snapshot", "timestamp"]) {
            isRefusedAlsoWhenServed(edited(root, ["roles", role], undefined), ROOT)
            for (const threshold of [0, -1, "1", null]) isRefusedAlsoWhenServed(edited(root, ["roles", role, "threshold"], threshold), ROOT)
            isBorneWhenServed(edited(root, ["roles", role, "threshold"], 2), ROOT)
            isRefusedAlsoWhenServed(edited(root, ["roles", role, "keyids"], ["0".repeat(64)]), ROOT)
            isRefusedAlsoWhenServed(edited(root, ["roles", role, "keyids"], ["no ID"]), ROOT)
            isBorneWhenServed(edited(root, ["roles", role, "keyids"], []), ROOT)
        }
        isBorneWhenServed(edited(root, ["roles", "targets", "keyids"], [keys.targets.id, keys.targets.id]), ROOT)
        isRefusedAlsoWhenServed(edited(root, ["consistent_snapshot"], "false"), ROOT)
    })

    test("gives no role to keys whose signatures nobody could verify", () => {
        const junk = {
            keytype: "ed25519",
            keyval: new Map<string, Json>([
                ["private", null],
                ["public", "AAAA"],
            ]),
        } as const
        const json = new Map<string, Json>(Object.entries(junk))
        // SHA-256 of the key's JSON, as for every key.
        const id = idOfJson(json)
        const withJunk = edited(root, ["keys"], new Map([...objectAt(root, ["keys"]), [id, json]]))
        parseSigned(withJunk, ROOT)
        const document = parseSigned(withJunk, ROOT).document
        isBorneWhenServed(edited(document, ["roles", "targets", "keyids"], [id]), ROOT)
        parseSigned(edited(document, ["roles", "targets", "keyids"], [id, keys.targets.id]), ROOT)
    })

    test("has hashes of the right length, in standard base64, SHA-256 among them", () => {
        const at = ["targets", "v1", "hashes"]
        isRefusedAlsoWhenServed(edited(targets(), [...at, "sha256"], "AAAA"), TARGETS)
        isRefusedAlsoWhenServed(edited(targets(), [...at, "sha512"], Buffer.alloc(32).toString("base64")), TARGETS)
        isRefusedAlsoWhenServed(edited(targets(), [...at, "sha256"], Buffer.alloc(32, 0xff).toString("base64url")), TARGETS)
        isRefusedAlsoWhenServed(edited(targets(), [...at, "sha256"], Buffer.alloc(32).toString("hex")), TARGETS)
        isRefusedAlsoWhenServed(edited(targets(), [...at, "sha256"], `${"A".repeat(42)}B=`), TARGETS)
        isBorneWhenServed(edited(targets(), [...at, "sha256"], undefined), TARGETS)
        isRefusedAlsoWhenServed(edited(targets(), at, new Map()), TARGETS)
        parseSigned(edited(targets(), [...at, "sha512"], undefined), TARGETS)
        for (const length of [-1, "9", undefined]) isRefusedAlsoWhenServed(edited(targets(), ["targets", "v1", "length"], length), TARGETS)
    })

    test("may carry custom data, but not null, which Go leaves out", () => {
        const custom = new Map<string, Json>([["b", [1, "<x>"]]])
        const { document } = parseSigned(edited(targets(), ["targets", "v1", "custom"], custom), TARGETS)
        assert.ok(document.type === "targets")
        assert.deepEqual(document.targets.get("v1")?.custom, custom)
        isBorneWhenServed(edited(targets(), ["targets", "v1", "custom"], null), TARGETS)
    })

    test("has no control characters in names: Go could not write them", () => {
        isRefused(edited(targets(), ["targets", "v\t1"], objectAt(targets(), ["targets", "v1"])), TARGETS)
        const escaped = encode(targets()).toString().replace('"v1"', '"v\\t1"')
        isRefused(Buffer.from(escaped), TARGETS)
        assert.throws(() => parseSigned(Buffer.from(escaped), TARGETS, { requireCanonical: false }), withCode("metadata_rejected"))
        const { signed } = parseFile(asFile(Buffer.from(escaped)), TARGETS)
        assert.ok(signed.bytes.includes('"v\t1"'))
    })

    test("delegates to direct children only, to each once, with paths left out when there are none", () => {
        const key = makeKey()
        const delegating = (name: string, paths: readonly string[] = [""]): MetadataDocument =>
            targets({ delegations: { keys: keyMap([key]), roles: [{ name: parseRoleName(name), keyIds: [key.id], threshold: 1, paths }] } })
        parseSigned(encode(delegating("targets/a")), TARGETS)
        parseSigned(encode(delegating("targets/a/b")), parseRoleName("targets/a"))
        isRefusedAlsoWhenServed(encode(delegating("targets/a/b")), TARGETS)
        isRefusedAlsoWhenServed(encode(delegating("targets/a")), parseRoleName("targets/a"))
        isRefusedAlsoWhenServed(edited(delegating("targets/a"), ["delegations", "roles", "0", "name"], "snapshot"), TARGETS)
        isRefusedAlsoWhenServed(edited(delegating("targets/a"), ["delegations", "roles", "0", "name"], "targets/A"), TARGETS)
        isRefusedAlsoWhenServed(edited(delegating("targets/a"), ["delegations", "roles", "0", "paths"], "v"), TARGETS)
        const [role] = roleListOf(delegating("targets/a"))
        isRefusedAlsoWhenServed(edited(delegating("targets/a"), ["delegations", "roles"], [role ?? null, role ?? null]), TARGETS)

        const none = encode(delegating("targets/a", []))
        assert.ok(!none.includes("paths"))
        const { document } = parseSigned(none, TARGETS)
        assert.ok(document.type === "targets")
        assert.deepEqual(document.delegations.roles[0]?.paths, [])
        isBorneWhenServed(edited(delegating("targets/a"), ["delegations", "roles", "0", "paths"], []), TARGETS)
    })

    test("of a snapshot lists root, targets and delegations by SHA-256, and nothing else", () => {
        const snapshot = parseRoleName("snapshot")
        const meta = new Map([
            ["root", someTarget("root")],
            ["targets", someTarget("targets")],
            ["targets/a", someTarget("a")],
        ])
        const document: MetadataDocument = { type: "snapshot", version: 1, expires: LATER, meta }
        parseSigned(encode(document), snapshot)
        for (const name of ["root", "targets"]) isRefusedAlsoWhenServed(edited(document, ["meta", name], undefined), snapshot)
        for (const name of ["timestamp", "snapshot", "other", "targets/A"]) {
            isBorneWhenServed(encode({ ...document, meta: new Map([...meta, [name, someTarget("x")]]) }), snapshot)
        }
        isRefusedAlsoWhenServed(edited(document, ["meta", "root", "hashes", "sha256"], undefined), snapshot)
    })

    test("of a timestamp lists the snapshot by SHA-256, and nothing else", () => {
        const timestamp = parseRoleName("timestamp")
        const document: MetadataDocument = { type: "timestamp", version: 1, expires: LATER, meta: new Map([["snapshot", someTarget("s")]]) }
        parseSigned(encode(document), timestamp)
        isRefusedAlsoWhenServed(edited(document, ["meta", "snapshot"], undefined), timestamp)
        isBorneWhenServed(encode({ ...document, meta: new Map([...document.meta, ["root", someTarget("x")]]) }), timestamp)
    })

    test("is what any sample with one byte changed either is again or is refused as", () => {
        const body = parseFile(readVector("repo/7-target-removed/targets.json"), TARGETS).signed.bytes
        fc.assert(
            fc.property(fc.nat(body.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
                const broken = Buffer.from(body)
                broken.writeUInt8(broken.readUInt8(at) ^ change, at)
                try {
                    const { bytes, sha256 } = parseSigned(broken, TARGETS)
                    assert.ok(bytes.equals(broken))
                    assert.notEqual(sha256, parseSigned(body, TARGETS).sha256)
                } catch (error) {
                    assert.ok(withCode("metadata_rejected")(error), String(error))
                }
            }),
            { numRuns: 500 },
        )
    })

    test("messages say where, without control characters or more of the text than a short name", () => {
        const evil = `v\u001b[31m\u202e${"x".repeat(500)}`
        const bytes = edited(targets(), ["targets", evil], new Map())
        assert.throws(
            () => parseFile(asFile(Buffer.from(bytes.toString().replaceAll("\u001b", "\\u001b"))), TARGETS),
            (error) => error instanceof Error && error.message.length < 250 && /^[ -~…]*$/.test(error.message),
        )
    })
})

function objectAt(document: MetadataDocument, path: readonly string[]): JsonObject {
    let json = parseJson(encode(document))
    for (const name of path) {
        assert.ok(json instanceof Map)
        json = json.get(name) ?? null
    }
    assert.ok(json instanceof Map)
    return json
}

function roleListOf(document: MetadataDocument): readonly Json[] {
    const roles = objectAt(document, ["delegations"]).get("roles")
    assert.ok(Array.isArray(roles))
    return roles
}

function idOfJson(json: Json): string {
    return createHash("sha256").update(canonicalize(json)).digest("hex")
}
