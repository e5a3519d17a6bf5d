import assert from "node:assert/strict"
import { createHash } from "node:crypto"
import { describe, test } from "node:test"
import { inflateSync } from "node:zlib"
import * as vectors from "cctv-age"
import { type AgeOpener, identitiesIn, makeAgeIdentity, openAge } from "../../../src/crypto/index.ts"
import { type ErrorCode, TrustkeyError } from "../../../src/errors.ts"
import { secret, streamOf } from "../../support/age-files.ts"

// C2SP's vectors for https://c2sp.org/age; their README says what each line means.

type Vector = {
    readonly name: string
    readonly expect: string
    readonly payload: string | undefined
    readonly identities: readonly string[]
    readonly passphrases: readonly string[]
    readonly file: Buffer
}

const KNOWN_LINES: ReadonlySet<string> = new Set([
    "expect",
    "compressed",
    "payload",
    "identity",
    "passphrase",
    "armored",
    "file key",
    "comment",
])

const CODES: Readonly<Record<string, ErrorCode>> = {
    "header failure": "backup_invalid",
    "HMAC failure": "backup_invalid",
    "armor failure": "backup_invalid",
    "payload failure": "backup_invalid",
    "no match": "open_failed",
}

/** A kind of recipient that is not ours: the header has it or the identity is one. */
const isForeign = ({ identities }: Vector): boolean => identities.some((identity) => identity.startsWith("AGE-SECRET-KEY-PQ-1"))

const parsed = Object.entries(vectors).map(([name, bytes]) => parse(name, Buffer.from(bytes)))

function parse(name: string, bytes: Buffer): Vector {
    const end = bytes.indexOf("\n\n")
    const lines = bytes
        .toString("utf8", 0, end)
        .split("\n")
        .map((line) => line.split(": ", 2))
    for (const [key = ""] of lines) assert.ok(KNOWN_LINES.has(key), `${name}: ${key}`)
    const all = (wanted: string): string[] => lines.flatMap(([key, value = ""]) => (key === wanted ? [value] : []))
    const rest = bytes.subarray(end + 2)
    return {
        name,
        expect: all("expect")[0] ?? "",
        payload: all("payload")[0],
        identities: all("identity"),
        passphrases: all("passphrase"),
        file: all("compressed")[0] === "zlib" ? inflateSync(rest) : rest,
    }
}

type Outcome = { readonly sha256: string; readonly length: number; readonly error: unknown }

async function outcome(file: Buffer, opener: AgeOpener, step: number): Promise<Outcome> {
    const hash = createHash("sha256")
    let length = 0
    let error: unknown
    try {
        for await (const piece of openAge(streamOf(file, step), opener)) {
            hash.update(piece)
            length += piece.length
        }
    } catch (thrown) {
        error = thrown
    }
    return { sha256: hash.digest("hex"), length, error }
}

function openersOf({ identities, passphrases }: Vector): readonly AgeOpener[] {
    if (passphrases.length > 0) return passphrases.map((text) => ({ kind: "passphrase", passphrase: secret(text) }))
    if (identities.length === 0) return [{ kind: "identities", identities: identitiesIn(makeAgeIdentity().identity) }]
    return [{ kind: "identities", identities: identitiesIn(secret(identities.join("\n"))) }]
}

describe("C2SP's vectors of the age format", () => {
    test("are all there", () => {
        assert.equal(parsed.length, 143)
        assert.equal(parsed.filter(isForeign).length, 19)
    })

    for (const vector of parsed.filter((each) => !isForeign(each)))
        test(`${vector.name} has the outcome that it names: ${vector.expect}`, async () => {
            for (const opener of openersOf(vector))
                for (const step of [vector.file.length, 4099, 1].filter((each) => each > 1 || vector.file.length < 4096)) {
                    const { sha256, length, error } = await outcome(vector.file, opener, step)
                    const code = error instanceof Error && "code" in error ? error.code : error
                    assert.equal(
                        code,
                        vector.expect === "success" ? undefined : CODES[vector.expect],
                        `in steps of ${step}: ${String(error)}`,
                    )
                    if (vector.payload === undefined) assert.equal(length, 0)
                    else assert.equal(sha256, vector.payload)
                }
        })

    test("a file for a post-quantum identity is refused as one for others, and that identity as one of a kind we don't know", async () => {
        const identities = identitiesIn(makeAgeIdentity().identity)
        for (const vector of parsed.filter(isForeign)) {
            assert.throws(() => openersOf(vector), { code: "invalid_request" })
            const { length, error } = await outcome(vector.file, { kind: "identities", identities }, vector.file.length)
            assert.ok(error instanceof TrustkeyError && (error.code === "open_failed" || error.code === "backup_invalid"), vector.name)
            assert.equal(length, 0)
        }
    })
})
