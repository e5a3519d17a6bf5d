import assert from "node:assert/strict"
import { randomBytes } from "node:crypto"
import { describe, test } from "node:test"
import fc from "fast-check"
import { readBundle, type Verdict, verifyCeremony } from "../../../src/ceremony/index.ts"
import { TrustkeyError } from "../../../src/errors.ts"
import { attest, createAttestationAuthority } from "../../support/yubikey/attestation.ts"
import { canonical, forged, type Line, linesOf, type Value, withArtefact } from "../../unit/ceremony/forger.ts"
import {
    type CeremonyRig,
    ceremonyRig,
    completed,
    filesOf,
    GUNS,
    heldKey,
    inputs,
    opened,
    step,
    wholeCeremony,
} from "../../unit/ceremony/rig.ts"

const RIG = wholeCeremony("replace-holder", { guns: [GUNS[0]] })
const FILES = filesOf(RIG)
const ATTESTED = attestedCeremony()
const LINES = linesOf(FILES)

/** One in which a card has attested its key. */
function attestedCeremony(): CeremonyRig {
    const card = createAttestationAuthority("rsa").issue([5, 4, 3])
    const rig = opened(ceremonyRig("rotate-root", { guns: [GUNS[0]] }))
    const input = inputs.show(rig, "alice-2")
    assert.ok(input.step === "keygen")
    const facts = { slot: 0x9c, pinPolicy: 2, touchPolicy: 2, serial: 111, firmware: [5, 4, 3], formFactor: 1 }
    const certificate = attest({ publicKey: Buffer.from(input.publicKey.bytes), ...facts }, card.key, card.certificate, randomBytes)
    assert.ok(certificate !== undefined)
    return completed(step(rig, { ...input, attestation: { certificate, intermediate: card.certificate } }))
}

function refusedAt(files: ReadonlyMap<string, Uint8Array>): Verdict["findings"][number]["record"] {
    const verdict = verifyCeremony(files)
    assert.equal(verdict.ok, false, "the bundle was accepted")
    const [finding, ...more] = verdict.findings
    assert.deepEqual([finding?.level, more], ["error", []])
    assert.throws(
        () => {
            // What has no close yet can be read and gone on with; everything else is refused there too.
            if (!/there is no close\.json/.test(finding?.text ?? "")) readBundle(files)
            else throw new TrustkeyError("bundle_invalid", "not closed")
        },
        (error) => error instanceof TrustkeyError && (error.code === "bundle_invalid" || error.code === "plan_invalid"),
    )
    return finding?.record
}

const numberOf = (stepName: string, key?: string): number =>
    LINES.findIndex(({ step: name, facts }) => name === stepName && (key === undefined || JSON.stringify(facts).includes(`"${key}"`))) + 1

/** The ceremony with line `n` (from 1) changed, and everything hashed and signed anew. */
function rewritten(n: number, change: (line: Line) => Line, files: ReadonlyMap<string, Buffer> = FILES): Map<string, Buffer> {
    return forged(
        RIG,
        files,
        LINES.map((line, index) => (index + 1 === n ? change(structuredClone(line)) : line)),
    )
}

describe("a bundle that somebody changed", () => {
    test("is the one it was as long as nobody did, also written by the forger", () => {
        assert.equal(verifyCeremony(FILES).ok, true)
        assert.deepEqual(forged(RIG, FILES, LINES).get("transcript.jsonl"), FILES.get("transcript.jsonl"))
        assert.equal(verifyCeremony(forged(RIG, FILES, LINES)).ok, true)
    })

    test("is refused for one byte anywhere, and for what was cut off, doubled or put in another's place", () => {
        const names = [...FILES.keys()]
        fc.assert(
            fc.property(
                fc.constantFrom(...names),
                fc.constantFrom(...names),
                fc.double({ min: 0, max: 0.999, noNaN: true }),
                fc.integer({ min: 1, max: 255 }),
                fc.constantFrom("flip", "cut", "double", "swap", "remove", "empty"),
                (name, other, where, bits, how) => {
                    const bytes = Buffer.from(FILES.get(name) ?? [])
                    const files = new Map(FILES)
                    const place = Math.floor(where * bytes.length)
                    if (how === "flip") bytes[place] = (bytes[place] ?? 0) ^ bits
                    const changed =
                        how === "cut" ? bytes.subarray(0, place) : how === "double" ? Buffer.concat([bytes, bytes.subarray(place)]) : bytes
                    files.set(name, how === "empty" ? Buffer.alloc(0) : changed)
                    if (how === "remove") files.delete(name)
                    if (how === "swap") {
                        files.set(name, FILES.get(other) ?? bytes)
                        files.set(other, FILES.get(name) ?? bytes)
                        if (name === other) return
                    }
                    refusedAt(files)
                },
            ),
            { numRuns: 200 },
        )
    })

    test("names the record that was changed, or the next one, which it no longer fits", () => {
        const lines = (FILES.get("transcript.jsonl") ?? Buffer.alloc(0)).toString("utf8").trimEnd().split("\n")
        const withLines = (changed: readonly string[]): Map<string, Buffer> =>
            new Map([...FILES, ["transcript.jsonl", Buffer.from(changed.map((line) => `${line}\n`).join(""))]])
        for (const [index, line] of lines.entries()) {
            const n = index + 1
            assert.equal(refusedAt(withLines(lines.with(index, line.replace('"note":""', '"note":"x"')))), n, "changed")
            const place = n === lines.length ? "close" : n
            // What the removed line made is now made by nobody, but the line behind it is looked at first.
            assert.ok([place, "bundle"].includes(refusedAt(withLines(lines.toSpliced(index, 1))) ?? ""), "removed")
            assert.equal(refusedAt(withLines(lines.toSpliced(index, 0, line))), n + 1, "doubled")
            assert.equal(refusedAt(withLines(lines.with(index, ` ${line}`))), n, "written otherwise")
            assert.equal(refusedAt(withLines(lines.with(index, line.slice(0, -1)))), n, "cut off")
            if (n < lines.length) assert.equal(refusedAt(withLines(lines.with(index, lines[n] ?? "").with(n, line))), n, "exchanged")
        }
        const text = `${lines.join("\n")}\n`
        assert.equal(refusedAt(new Map([...FILES, ["transcript.jsonl", Buffer.from(text.slice(0, -1))]])), lines.length)
        assert.equal(refusedAt(new Map([...FILES, ["transcript.jsonl", Buffer.from(`${text}\n`)]])), lines.length + 1)
    })

    test("is refused with files that don't belong there", () => {
        for (const [name, bytes] of [
            ["notes.txt", "x"],
            ["artefacts/x", "x"],
            [`artefacts/${"A".repeat(64)}`, "x"],
            ["artefacts/../close.json", "x"],
            ["close.json", ""],
        ] as const)
            assert.equal(refusedAt(new Map([...FILES, [name, Buffer.from(bytes)]])), "bundle")
        assert.equal(refusedAt(withArtefact(FILES, Buffer.from("a stowaway")).files), "bundle")
        assert.equal(refusedAt(new Map([...FILES, [`artefacts/${"0".repeat(64)}`, Buffer.alloc(1024 * 1024 + 1)]])), "bundle")
        for (const name of ["plan.toml", "transcript.jsonl"])
            assert.equal(refusedAt(new Map([...FILES].filter(([other]) => other !== name))), "bundle")
    })

    test("is refused with another ceremony's plan, transcript or close", () => {
        const other = filesOf(wholeCeremony("replace-holder", { guns: [GUNS[0]] }))
        const replaced = (name: string): Map<string, Buffer> => new Map([...FILES, [name, other.get(name) ?? Buffer.alloc(0)]])
        assert.equal(refusedAt(replaced("plan.toml")), 1)
        assert.equal(refusedAt(replaced("transcript.jsonl")), 1)
        assert.equal(refusedAt(replaced("close.json")), "close")
    })

    test("is refused although everything was hashed and signed anew, whatever one thing its records now say", () => {
        // What people say is theirs to say.
        const free = (path: readonly (string | number)[], line: Line): boolean =>
            path[0] === "note" ||
            path[0] === "hash" ||
            path[0] === "n" ||
            path[0] === "prev" ||
            (path[0] === "facts" && (path[1] === "program" || path[1] === "reason")) ||
            // A vault's key may be exported to any file, and copied to any card in the right token.
            (line["step"] === "backup" && path[0] === "facts" && (path[1] === "sha256" || path[1] === "serial"))
        let mutations = 0
        for (const [index, line] of LINES.entries()) {
            for (const [path, value] of leaves(line)) {
                if (free(path, line)) continue
                for (const instead of others(value)) {
                    const files = rewritten(index + 1, (changed) => replaceAt(changed, path, instead))
                    const place = refusedAt(files)
                    mutations += 1
                    // A changed clock is noticed where it goes back; everything else where it stands, or where it is next relied upon.
                    // The program's hash is one thing in two records: the second is where it does not fit.
                    const isNextOnes = line["step"] === "pack" && path[1] === "program_sha256" && /^[0-9a-f]{64}$/.test(String(instead))
                    const expected = isNextOnes ? index + 2 : index + 1
                    if (path[0] !== "t")
                        assert.equal(place, expected, `${index + 1} ${path.join(".")} = ${JSON.stringify(instead)}: ${String(place)}`)
                }
            }
        }
        assert.ok(mutations > 400, String(mutations))
    })

    test("is refused with a member, fact or item more or less, though all was hashed and signed anew", () => {
        for (const [index, line] of LINES.entries()) {
            const n = index + 1
            assert.equal(refusedAt(rewritten(n, (record) => ({ ...record, extra: "x" }))), n)
            assert.equal(refusedAt(rewritten(n, (record) => ({ ...record, facts: { ...objectOf(record["facts"]), extra: "x" } }))), n)
            for (const name of Object.keys(objectOf(line["facts"]))) {
                const without = rewritten(n, (record) => {
                    const { [name]: _, ...facts } = objectOf(record["facts"])
                    return { ...record, facts }
                })
                assert.equal(refusedAt(without), n, `${n} without ${name}`)
            }
            for (const list of ["in", "out"]) {
                const items = listOf(line[list])
                const item: Line = { name: "zz", sha256: "0".repeat(64) }
                assert.equal(refusedAt(rewritten(n, (record) => ({ ...record, [list]: [...items, item] }))), n)
                if (items.length > 0) assert.equal(refusedAt(rewritten(n, (record) => ({ ...record, [list]: items.slice(1) }))), n)
                if (items.length > 1) assert.equal(refusedAt(rewritten(n, (record) => ({ ...record, [list]: items.toReversed() }))), n)
                if (items.length > 0)
                    assert.equal(refusedAt(rewritten(n, (record) => ({ ...record, [list]: [...items, items.at(-1) ?? null] }))), n)
            }
        }
    })

    test("is refused with a record left out, moved or said twice, though all was hashed and signed anew", () => {
        for (const index of LINES.keys()) {
            const line = LINES[index] ?? {}
            refusedAt(forged(RIG, FILES, LINES.toSpliced(index, 1)))
            refusedAt(forged(RIG, FILES, LINES.toSpliced(index, 0, line)))
        }
        const swapped = LINES.with(0, LINES[1] ?? {}).with(1, LINES[0] ?? {})
        assert.equal(refusedAt(forged(RIG, FILES, swapped)), 1)
        assert.equal(refusedAt(forged(RIG, FILES, LINES.slice(0, -1))), "bundle")
    })

    const FORGERIES: readonly (readonly [title: string, n: number, item: string, bytes: (was: Buffer) => Buffer])[] = [
        [
            "another root",
            numberOf("build"),
            "signed/0",
            (was) => Buffer.from(was.toString("utf8").replace('"threshold":2', '"threshold":1')),
        ],
        ["a root that lives longer", numberOf("build"), "signed/0", (was) => Buffer.from(was.toString("utf8").replace("2036", "2046"))],
        [
            "another root's difference",
            numberOf("build"),
            "difference/0",
            (was) => Buffer.from(was.toString("utf8").replace(/\n[0-9a-f]{64}\n/, `\n${"0".repeat(64)}\n`)),
        ],
        [
            "a difference that says nothing",
            numberOf("build"),
            "difference/0",
            (was) => Buffer.from(`${was.toString("utf8").split("\n").slice(0, 3).join("\n")}\n`),
        ],
        ["a difference that can't be seen", numberOf("build"), "difference/0", (was) => Buffer.from(`${was.toString("utf8")}\u200f\n`)],
        ["another public key", numberOf("keygen"), "public/alice-2", () => Buffer.from(heldKey().publicKey.bytes)],
        ["another key's certificate", numberOf("keygen"), "certificate/alice-2/0", () => Buffer.from(heldKey().certificateFor(GUNS[0]))],
        [
            "a signature of nothing",
            numberOf("sign", "alice-2"),
            "signature/alice-2/0",
            (was) => Buffer.from(was.toString("utf8").replace(/"sig":"../, '"sig":"AA')),
        ],
        [
            "a signature with white space",
            numberOf("sign", "alice-2"),
            "signature/alice-2/0",
            (was) => Buffer.concat([was, Buffer.from("\n")]),
        ],
        [
            "a signature by another method",
            numberOf("sign", "alice-2"),
            "signature/alice-2/0",
            (was) => Buffer.from(was.toString("utf8").replace("ecdsa", "rsapss")),
        ],
        [
            "a published root with one signature alone",
            1,
            "chain/0/3",
            (was) => Buffer.from(was.toString("utf8").replace(/\},\{"keyid":.*\]\}$/, "}]}")),
        ],
        ["a published root in other JSON", 1, "chain/0/2", (was) => Buffer.from(was.toString("utf8").replace('{"signed":', '{ "signed":'))],
        ["a published root that goes on", 1, "chain/0/1", (was) => Buffer.concat([was, Buffer.from("\n")])],
        [
            "a finished root with a signature less",
            LINES.length,
            "root/0",
            (was) => Buffer.from(was.toString("utf8").replace(/,\{"keyid":"[^}]*\}\]\}$/, "]}")),
        ],
    ]
    for (const [title, n, item, bytes] of FORGERIES) {
        test(`is refused with ${title}, though all was hashed and signed anew`, () => {
            const items = listOf(LINES[n - 1]?.["out"])
            const was = items.map(objectOf).find(({ name }) => name === item) ?? assert.fail(item)
            const old = FILES.get(`artefacts/${String(was["sha256"])}`) ?? assert.fail(item)
            const changed = bytes(old)
            assert.notDeepEqual(changed, old)
            const { files, hash } = withArtefact(
                new Map([...FILES].filter(([name]) => name !== `artefacts/${String(was["sha256"])}`)),
                changed,
            )
            const everywhere = JSON.stringify(LINES).replaceAll(String(was["sha256"]), hash)
            const lines: Line[] = JSON.parse(everywhere)
            assert.equal(refusedAt(forged(RIG, files, lines)), n)
        })
    }

    test("is judged, never stumbled over, when any artefact is other bytes under the right hash", () => {
        const attested = ATTESTED
        const files = filesOf(attested)
        const lines = linesOf(files)
        const hashes = [...files.keys()].filter((name) => name.startsWith("artefacts/")).map((name) => name.slice("artefacts/".length))
        fc.assert(
            fc.property(
                fc.constantFrom(...hashes),
                fc.array(fc.tuple(fc.double({ min: 0, max: 0.999, noNaN: true }), fc.integer({ min: 0, max: 255 })), {
                    minLength: 1,
                    maxLength: 4,
                }),
                fc.constantFrom("set", "insert", "remove", "cut"),
                (hash, places, how) => {
                    const old = files.get(`artefacts/${hash}`) ?? assert.fail(hash)
                    let bytes = Buffer.from(old)
                    for (const [where, byte] of places) {
                        const at = Math.floor(where * bytes.length)
                        if (how === "set") bytes[at] = byte
                        const rest = how === "cut" ? Buffer.alloc(0) : bytes.subarray(how === "insert" ? at : at + 1)
                        if (how !== "set")
                            bytes = Buffer.concat([bytes.subarray(0, at), how === "insert" ? Buffer.from([byte]) : Buffer.alloc(0), rest])
                    }
                    if (bytes.length === 0 || bytes.equals(old)) return
                    const without = new Map([...files].filter(([name]) => name !== `artefacts/${hash}`))
                    const changed = withArtefact(without, bytes)
                    const said: Line[] = JSON.parse(JSON.stringify(lines).replaceAll(hash, changed.hash))
                    const verdict = verifyCeremony(forged(attested, changed.files, said))
                    // A certificate's own signature may be spelled in two ways, and a published root may carry a bad signature too many.
                    if (!verdict.ok) assert.notEqual(verdict.findings[0]?.record, "plan")
                },
            ),
            { numRuns: 400 },
        )
    })

    test("is refused when one of the two didn't sign its close, or something in it is another", () => {
        const close = objectOf(JSON.parse((FILES.get("close.json") ?? Buffer.alloc(0)).toString("utf8")))
        for (const [path, value] of leaves(close)) {
            for (const instead of others(value)) {
                const changed = Buffer.from(canonical(replaceAt(structuredClone(close), path, instead)))
                assert.equal(refusedAt(new Map([...FILES, ["close.json", changed]])), "close", path.join("."))
            }
        }
        const signatures = listOf(close["signatures"])
        for (const list of [signatures.toReversed(), signatures.slice(0, 1), signatures.slice(1), [...signatures, signatures[0] ?? null]]) {
            const changed = Buffer.from(canonical({ ...close, signatures: list }))
            assert.equal(refusedAt(new Map([...FILES, ["close.json", changed]])), "close")
        }
        assert.equal(refusedAt(new Map([...FILES].filter(([name]) => name !== "close.json"))), "close")
    })

    test("is refused for what was noted of its publication", () => {
        const published = filesOf(step(RIG, { step: "publish", repository: 0, server: "https://notary.example.com" }))
        const line = (published.get("publication.jsonl") ?? Buffer.alloc(0)).toString("utf8")
        const withPublication = (text: string): Map<string, Buffer> => new Map([...published, ["publication.jsonl", Buffer.from(text)]])
        for (const text of [
            line.replace("example.com", "example.org"),
            `${line}${line}`,
            line.trimEnd(),
            "\n",
            (FILES.get("transcript.jsonl") ?? Buffer.alloc(0)).toString("utf8"),
        ])
            assert.equal(refusedAt(withPublication(text)), "publication")
        assert.equal(refusedAt(new Map([...published].filter(([name]) => name !== "close.json"))), "close")
    })
})

function leaves(value: Value, path: readonly (string | number)[] = []): readonly (readonly [readonly (string | number)[], Value])[] {
    if (Array.isArray(value)) return value.flatMap((element, index) => leaves(element, [...path, index]))
    if (typeof value === "object" && value !== null)
        return Object.entries(value).flatMap(([name, member]) => leaves(member, [...path, name]))
    return [[path, value]]
}

/** Values of the same kind that are not this one, and one of another kind. */
function others(value: Value): readonly Value[] {
    if (typeof value === "number") return [value + 1, 99, String(value), 2 ** 31]
    if (typeof value !== "string") return ["x"]
    if (/^[0-9a-f]{64}$/.test(value)) return ["0".repeat(64), value.toUpperCase() === value ? `f${value.slice(1)}` : value.toUpperCase(), 7]
    if (/^\d{4}-.*Z$/.test(value)) return ["2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z", value.replace("Z", "+00:00")]
    return [`${value}x`, "", "\u202e", 7]
}

function replaceAt(line: Line, path: readonly (string | number)[], value: Value): Line {
    const [first, ...rest] = path
    const replace = (at: Value | undefined, names: readonly (string | number)[]): Value => {
        const [name, ...more] = names
        if (name === undefined) return value
        if (Array.isArray(at)) return at.map((element, index) => (index === name ? replace(element, more) : element))
        return { ...objectOf(at), [name]: replace(objectOf(at)[name], more) }
    }
    return first === undefined ? line : { ...line, [first]: replace(line[first], rest) }
}

function objectOf(value: Value | undefined): Line {
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {}
}

function listOf(value: Value | undefined): Value[] {
    return Array.isArray(value) ? value : []
}
