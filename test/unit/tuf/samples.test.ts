import assert from "node:assert/strict"
import { globSync } from "node:fs"
import path from "node:path"
import { describe, test } from "node:test"
import { pemToPublicKey, sha256 } from "../../../src/crypto/index.ts"
import {
    assembleFile,
    canonicalKeyIdOf,
    certificateKey,
    keyIdOf,
    type MetadataFile,
    parseFile,
    parseGun,
    parseRoleName,
    parseSigned,
    type RepositoryFiles,
    snapshotMeta,
    type TufKey,
    tufKey,
    verifyRepository,
    verifyRootChain,
    verifySignature,
} from "../../../src/tuf/index.ts"
import { readVector, readVectorJson, withCode } from "./make.ts"

type Vectors = {
    readonly key_files: readonly { readonly keytype: "ecdsa" | "rsa" | "ed25519"; readonly public_b64: string; readonly key_id: string }[]
    readonly tuf_keys: readonly { readonly tuf_key_id: string; readonly keytype: string; readonly canonical_key_id: string }[]
    readonly files: readonly {
        readonly file: string
        readonly role: string
        readonly version: number
        readonly length: number
        readonly sha256_hex: string
        readonly canonical_signed_sha256_hex: string
    }[]
    readonly signatures: readonly { readonly file: string; readonly keyid: string; readonly method: string; readonly valid: boolean }[]
}

function parseVectors(value: unknown): Vectors {
    return value as Vectors
}

const vectors = parseVectors(readVectorJson("vectors.json"))
const files = new Map(vectors.files.map((vector) => [vector.file, parseFile(readVector(vector.file), parseRoleName(vector.role))]))
const NOW = new Date("2026-11-21T07:00:00Z")

/** Every key any sample names, by TUF key ID. */
function allKeys(): ReadonlyMap<string, TufKey> {
    const keys = new Map<string, TufKey>()
    for (const { signed } of files.values()) {
        if (signed.document.type === "root") for (const [id, key] of signed.document.keys) keys.set(id, key)
        if (signed.document.type === "targets") for (const [id, key] of signed.document.delegations.keys) keys.set(id, key)
    }
    return keys
}

function fileOf(name: string): MetadataFile {
    const file = files.get(name)
    assert.ok(file, name)
    return file
}

function filesOf(directory: string, roots: readonly string[]): RepositoryFiles {
    const delegations = [...files].filter(([name]) => name.startsWith(`${directory}/targets/`)).map(([, file]) => file)
    return {
        roots: roots.map(fileOf),
        timestamp: fileOf(`${directory}/timestamp.json`),
        snapshot: fileOf(`${directory}/snapshot.json`),
        targets: fileOf(`${directory}/targets.json`),
        delegations,
    }
}

describe("files written by Notary and docker", () => {
    test("all of them are read, and written again to the same bytes", () => {
        assert.equal(vectors.files.length, 58)
        for (const vector of vectors.files) {
            const content = readVector(vector.file)
            const file = fileOf(vector.file)
            assert.equal(content.length, vector.length)
            assert.equal(sha256(content).toString("hex"), vector.sha256_hex)
            assert.equal(file.signed.document.version, vector.version)
            assert.equal(file.signed.sha256, vector.canonical_signed_sha256_hex, vector.file)
            assert.ok(assembleFile(file.signed, file.signatures).equals(content), vector.file)
        }
    })

    test("no sample file is left out of the list", () => {
        const root = path.resolve(import.meta.dirname, "../../vectors/notary")
        const found = globSync("{repo,docker/metadata,variants}/**/*.json", { cwd: root })
        assert.deepEqual(found.sort(), [...files.keys()].sort())
    })

    test("all of them are bodies we would sign", () => {
        for (const [name, file] of files) {
            const signed = parseSigned(file.signed.bytes, file.role)
            assert.deepEqual(signed.document, file.signed.document, name)
            assert.ok(signed.isFitToSign && !file.signed.isFitToSign)
        }
    })

    test("all 75 signatures verify, and none does over other bytes", () => {
        const keys = allKeys()
        assert.equal(vectors.signatures.length, 75)
        for (const vector of vectors.signatures) {
            const file = fileOf(vector.file)
            const signature = file.signatures.find(({ keyId }) => keyId === vector.keyid)
            const key = keys.get(vector.keyid)
            assert.ok(signature && key, vector.file)
            assert.equal(signature.method, vector.method)
            assert.equal(verifySignature(key, file.signed.bytes, signature), vector.valid)
            assert.equal(verifySignature(key, Buffer.concat([file.signed.bytes, Buffer.from(" ")]), signature), false)
        }
        assert.equal(
            [...files.values()].reduce((sum, { signatures }) => sum + signatures.length, 0),
            75,
        )
    })

    test("every key has the two IDs Notary gave it", () => {
        const keys = allKeys()
        for (const vector of vectors.tuf_keys) {
            const key = keys.get(vector.tuf_key_id)
            if (key === undefined) continue
            assert.equal(key.keytype, vector.keytype)
            assert.equal(keyIdOf(key), vector.tuf_key_id)
            assert.equal(canonicalKeyIdOf(key), vector.canonical_key_id)
        }
        assert.deepEqual([...keys.keys()].sort(), vectors.tuf_keys.map((vector) => vector.tuf_key_id).sort())
        for (const vector of vectors.key_files) {
            assert.equal(keyIdOf(tufKey({ keytype: vector.keytype, bytes: Buffer.from(vector.public_b64, "base64") })), vector.key_id)
        }
    })

    test("the public keys and certificates given to delegations get the IDs Notary gave them", () => {
        const keys = allKeys()
        const alice = tufKey(pemToPublicKey(readVector("keys/alice.pub").toString()))
        const bob = certificateKey(readVector("keys/bob.crt").toString())
        const carol = certificateKey(`some text\n${readVector("keys/carol.crt").toString().replaceAll("\n", "\r\n")}\nmore`)
        for (const key of [alice, bob, carol]) assert.ok(keys.has(keyIdOf(key)), key.keytype)
        assert.equal(canonicalKeyIdOf(bob), "95ed45ff31a5ef27a31248c0a5696d38482f31267c643fcb18e327fac5d5929a")
    })

    test("every state of the repository verifies, from its first root on", () => {
        const gun = parseGun("example.test/demo/app")
        const steps: readonly (readonly [string, number])[] = [
            ["1-initial", 1],
            ["2-delegations", 1],
            ["3-witnessed", 1],
            ["4-snapshot-server-managed", 2],
            ["5-targets-rotated", 3],
            ["6-root-rotated", 4],
            ["7-target-removed", 4],
        ]
        const first = fileOf("repo/root-v1.json")
        for (const [step, version] of steps) {
            const roots = Array.from({ length: version }, (_, index) => `repo/root-v${index + 1}.json`)
            const verified = verifyRepository(first, filesOf(`repo/${step}`, roots), gun, NOW)
            assert.equal(verified.root.signed.document.version, version)
            assert.equal(verified.delegations.size, step === "1-initial" ? 0 : 2)
            assert.deepEqual(verified.warnings, [])
            // On trust at first use the newest root alone will do.
            verifyRepository(undefined, filesOf(`repo/${step}`, [`repo/root-v${version}.json`]), gun, NOW)
        }
    })

    test("docker's repository verifies", () => {
        const verified = verifyRepository(
            undefined,
            filesOf("docker/metadata", ["docker/metadata/root.json"]),
            parseGun("localhost:21500/sample/img"),
            NOW,
        )
        assert.deepEqual([...verified.delegations.keys()].sort(), ["targets/dana", "targets/releases"])
    })

    test("roots with P-384, RSA, two keys and from a hardware token are good roots, for their own repository only", () => {
        for (const [name, gun] of [
            ["root-p384", "localhost:21500/demo/p384root"],
            ["root-rsa3072", "localhost:21500/demo/rroot"],
            ["root-rotated-two-keys", "localhost:21500/demo/rot"],
            ["root-signed-by-softhsm", "localhost/softhsm"],
            ["root-odd-names", "localhost:21500/demo/app-cust"],
        ] as const) {
            const root = fileOf(`variants/${name}.json`)
            assert.equal(verifyRootChain(undefined, [root], parseGun(gun), NOW), root)
            assert.throws(() => verifyRootChain(undefined, [root], parseGun(`${gun}x`), NOW), withCode("root_rejected"))
        }
    })

    test("the meta of every snapshot is what we compute from the files beside it", () => {
        for (const directory of ["repo/1-initial", "repo/3-witnessed", "repo/7-target-removed", "docker/metadata"]) {
            const { signed } = fileOf(`${directory}/snapshot.json`)
            assert.ok(signed.document.type === "snapshot")
            const beside = [...files]
                .filter(([name]) => name.startsWith(`${directory}/`) && !/(snapshot|timestamp)\.json$/.test(name))
                .map(([, file]) => file)
            assert.deepEqual(snapshotMeta(beside), signed.document.meta)
        }
    })
})
