import assert from "node:assert/strict"
import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import { readFileSync, statSync, writeFileSync } from "node:fs"
import path from "node:path"
import { describe, test } from "node:test"
import { gunzipSync } from "node:zlib"
import { type BackupRecord, BackupVerifier, BackupWriter, encodeRecord, MemberReader, readBackup } from "../../../src/backup/index.ts"
import { type ErrorCode, TrustkeyError } from "../../../src/errors.ts"
import { archiveOf, type LooseRecord, member, membersOf, type RawMember, resealed, sampleRecords } from "../../support/backup-sample.ts"
import { makeWorkingDirectory } from "../../support/temp.ts"

const RECORDS = await sampleRecords()
const ARCHIVE = archiveOf(RECORDS)
const MEMBERS = membersOf(ARCHIVE)

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function recordsOf(bytes: Uint8Array, size = 64 * 1024): Promise<readonly BackupRecord[]> {
    return await Array.fromAsync(readBackup(inPieces(bytes, size)))
}

function refusal(code: ErrorCode, message: RegExp): (error: unknown) => true {
    return (error) => {
        assert.ok(error instanceof TrustkeyError, String(error))
        assert.match(error.message, message)
        assert.equal(error.code, code)
        return true
    }
}

/** `members` with the one whose name begins so replaced by what `change` makes of it. */
function changed(begin: string, change: (found: RawMember) => readonly RawMember[]): readonly RawMember[] {
    const index = MEMBERS.findIndex(({ name }) => name.startsWith(begin))
    const found = MEMBERS[index]
    assert.ok(found !== undefined, begin)
    return MEMBERS.toSpliced(index, 1, ...change(found))
}

/** The same with its JSON text changed. */
function edited(begin: string, from: string | RegExp, to: string): readonly RawMember[] {
    return changed(begin, ({ name, content }) => {
        const text = content.toString("utf8").replace(from, to)
        assert.notEqual(text, content.toString("utf8"))
        return [member(name, text)]
    })
}

describe("an archive", () => {
    test("gives back the records it was written of, whatever pieces it comes in", async () => {
        for (const size of [1, 511, 512, 70_000]) {
            const read = await recordsOf(ARCHIVE, size)
            assert.deepEqual(
                read.slice(0, -1).map(({ kind }) => kind),
                RECORDS.map(({ kind }) => kind),
            )
            for (const [index, record] of RECORDS.entries()) {
                const back = read[index]
                assert.ok(back !== undefined)
                assert.deepEqual(Buffer.from(encodeRecord(back)), Buffer.from(encodeRecord(record)))
            }
            const end = read.at(-1)
            assert.ok(end?.kind === "end")
            assert.match(end.fingerprint, /^[0-9a-f]{64}$/)
        }
    })

    test("written again of the records that were read is the same to the byte", async () => {
        const read = await recordsOf(ARCHIVE)
        const loose = read.filter((record): record is LooseRecord => record.kind !== "end")
        assert.ok(archiveOf(loose).equals(ARCHIVE))
    })

    test("is what GNU tar unpacks, for its owner's eyes alone, and what a reader made from the format's page finds whole", async () => {
        await using directory = await makeWorkingDirectory("backup-tar")
        const file = path.join(directory.path, "backup.tar")
        writeFileSync(file, ARCHIVE)
        const names = execFileSync("tar", ["--list", "--file", file], { encoding: "utf8" }).trimEnd().split("\n")
        execFileSync("tar", ["--extract", "--file", file, "--directory", directory.path])
        assert.deepEqual(
            names,
            MEMBERS.map(({ name }) => name),
        )
        const hash = createHash("sha256")
        let at = 0
        for (const name of names) {
            const unpacked = path.join(directory.path, name)
            assert.equal(statSync(unpacked).mode & 0o777, 0o600)
            const content = readFileSync(unpacked)
            if (name === "end.json") {
                assert.deepEqual(JSON.parse(content.toString("utf8")), { records: names.length - 1, sha256: hash.digest("hex") })
                break
            }
            const whole = 512 + Math.ceil(content.length / 512) * 512
            hash.update(ARCHIVE.subarray(at, at + whole))
            at += whole
            if (/\.json$/.test(name) && !/roots|documents|outbox/.test(name)) assertCanonical(content.toString("utf8"))
        }
    })

    test("of version 1, as it was first written, is read for ever", async () => {
        const vector = gunzipSync(readFileSync(path.join(import.meta.dirname, "../../vectors/backup/backup-1.tar.gz")))
        const verifier = new BackupVerifier()
        const records = await recordsOf(vector)
        for (const record of records) verifier.take(record)
        assert.equal(verifier.report.fingerprint, "1dfa1eab166ac4f21a83f9fa53cbb2b0043785c72a902cb96189643db74eb9aa")
        assert.deepEqual(verifier.report.keys, { own: 1, inGroups: 2, onTokens: 1, withoutWayBack: 0, removed: 1 })
        assert.ok(archiveOf(records.filter((record) => record.kind !== "end")).equals(vector))
    })

    test("without the key files is read by whoever knows that they were taken out, and by nobody else", () => {
        const without = MEMBERS.filter(({ name }) => !name.startsWith("notary/"))
        const read = (members: readonly RawMember[], options: { readonly keyFilesLeftOut?: boolean }): boolean => {
            const reader = new MemberReader(options)
            for (const one of members) reader.take(one)
            return reader.isOver
        }
        assert.ok(read(without, { keyFilesLeftOut: true }))
        assert.ok(read(MEMBERS, {}))
        assert.throws(() => read(without, {}), refusal("backup_invalid", /^end\.json: it counts \d+ members before it/))
    })

    test("is not written with records in another order, or fewer than its head announces", () => {
        const [head, policy, ...rest] = RECORDS
        assert.ok(head !== undefined && policy !== undefined)
        const keys = rest.filter(({ kind }) => kind === "key")
        const groups = rest.filter(({ kind }) => kind === "group")
        const wrong: readonly (readonly LooseRecord[])[] = [
            [policy],
            [head, ...rest],
            [head, policy, policy],
            [head, policy, ...keys, ...groups],
            [head, policy, ...groups, ...keys.toReversed()],
            [head, policy, ...rest.filter(({ kind }) => kind !== "root")],
            [head, policy, ...groups],
        ]
        for (const records of wrong) assert.throws(() => archiveOf(records), refusal("internal", /no place in the backup/))
        const writer = new BackupWriter()
        assert.ok(writer.add(head).length > 0)
    })
})

function assertCanonical(text: string): void {
    const sorted = (value: unknown): unknown => {
        if (Array.isArray(value)) return value.map(sorted)
        if (typeof value !== "object" || value === null) return value
        return Object.fromEntries(
            Object.entries(value)
                .sort(([a], [b]) => (a < b ? -1 : 1))
                .map(([name, inner]) => [name, sorted(inner)]),
        )
    }
    assert.equal(JSON.stringify(sorted(JSON.parse(text))), text)
}

describe("a reader of archives", () => {
    const REFUSED: readonly (readonly [title: string, archive: () => Uint8Array, message: RegExp, code?: ErrorCode])[] = [
        ["nothing at all", () => Buffer.alloc(0), /^at byte 0: the archive is cut off$/],
        [
            "another program's archive",
            () => resealed([member("etc/passwd", "x")]),
            /^etc\/passwd: trustkeyd-backup\.json has to stand here/,
        ],
        [
            "a path that leads elsewhere",
            () => resealed(changed("groups/", ({ content }) => [member("../../etc/cron.d/x", content)])),
            /^\.\.\/\.\.\/etc\/cron\.d\/x: no member of a backup has this name$/,
        ],
        [
            "an absolute path",
            () => resealed(changed("groups/", ({ content }) => [member("/groups/release.json", content)])),
            /belongs into|no member/,
        ],
        [
            "a link",
            () => resealed(changed("groups/", (found) => [{ ...found, header: retyped(found.header, "2") }])),
            /^at byte \d+: the header is not/,
        ],
        [
            "a directory",
            () => resealed(changed("groups/", (found) => [{ ...found, header: retyped(found.header, "5") }])),
            /^at byte \d+: the header/,
        ],
        [
            "a header of a tar with long names",
            () => resealed(changed("groups/", (found) => [{ ...found, header: retyped(found.header, "L") }])),
            /header/,
        ],
        [
            "an owner in a header",
            () => resealed(changed("groups/", (found) => [{ ...found, header: owned(found.header) }])),
            /^at byte \d+: the header/,
        ],
        [
            "a member beyond all bounds",
            () => tarOf("trustkeyd-backup.json", 16 * 1024 * 1024 + 1),
            /^trustkeyd-backup\.json: it has more than 16777216/,
        ],
        [
            "a member that claims gigabytes and has none",
            () => tarOf("trustkeyd-backup.json", 16 * 1024 * 1024),
            /^trustkeyd-backup\.json: the archive is cut off/,
        ],
        [
            "something in what fills a block",
            () => withByte(ARCHIVE, 512 + (MEMBERS[0]?.content.length ?? 0)),
            /^trustkeyd-backup\.json: what fills/,
        ],
        ["something behind the end", () => Buffer.concat([ARCHIVE, Buffer.alloc(512)]), /something follows the archive's end$/],
        ["an end that is cut off", () => ARCHIVE.subarray(0, -1), /^at byte \d+: the archive does not end as it has to$/],
        ["two archives, one behind the other", () => Buffer.concat([ARCHIVE, ARCHIVE]), /something follows/],
        [
            "a newer format",
            () => resealed(edited("trustkeyd", "trustkeyd-backup/1", "trustkeyd-backup/2")),
            /^trustkeyd-backup\.json: .*newer trustkeyd/,
            "state_newer",
        ],
        [
            "another README",
            () => resealed(edited("README", "restore FILE", "restore FILE | sh")),
            /^README\.txt: README\.txt has to stand here/,
        ],
        ["no README", () => resealed(changed("README", () => [])), /^policy\/trustkeyd\.toml: README\.txt has to stand here/],
        ["no policy", () => resealed(changed("policy/", () => [])), /^groups\/release\.json: policy\/trustkeyd\.toml is missing/],
        ["a key twice", () => resealed(changed("keys/", (found) => [found, found])), /^keys\/[0-9a-f]{64}\.json: it is there twice/],
        ["a key fewer than announced", () => resealed(changed("keys/", () => [])), /^end\.json: .* announces 5 keys, and 4 are there$/],
        [
            "a key under another's name",
            () => resealed(changed("keys/", ({ content }) => [member(`keys/${"0".repeat(64)}.json`, content)])),
            /belongs into keys\//,
        ],
        [
            "a key whose ID is not its own",
            () => resealed(edited("keys/", /"id":"[0-9a-f]{64}"/, `"id":"${"0".repeat(64)}"`)),
            /ID of another key/,
        ],
        [
            "a fact that nobody knows",
            () => resealed(edited("keys/", '"algorithm":', '"Algorithm":1,"algorithm":')),
            /^keys\/.* facts has a member that does not belong/,
        ],
        [
            "JSON with white space",
            () => resealed(edited("groups/", ",", ", ")),
            /^groups\/release\.json: it is not written in canonical JSON$/,
        ],
        [
            "JSON in another order",
            () => resealed(edited("groups/", /^\{(.*),("name":"release")\}$/, "{$2,$1}")),
            /^groups\/release\.json: it is not written in canonical JSON$/,
        ],
        [
            "a member of JSON twice",
            () => resealed(edited("groups/", '{"createdAt"', '{"createdAt":"2026-11-20T12:00:00.000Z","createdAt"')),
            /a key is given twice/,
        ],
        [
            "a 30th of February",
            () => resealed(edited("groups/", "2026-11-20T", "2026-02-30T")),
            /^groups\/release\.json: createdAt is not what it must be$/,
        ],
        [
            "base64 with bits to spare",
            () => resealed(edited("closes/", /"bytes":"([^"]*)fQ=="/, '"bytes":"$1fR=="')),
            /bytes is not what it must be/,
        ],
        [
            "a root fewer than announced",
            () => resealed(changed("repositories/0/roots", () => [])),
            /repositories\/0\/roots\/1\.json has to stand here$/,
        ],
        [
            "a document under another number",
            () => resealed(changed("repositories/1/documents/0", ({ content }) => [member("repositories/1/documents/1.json", content)])),
            /documents\/0\.json has to stand here/,
        ],
        [
            "two lineages of one repository in use",
            () => resealed(edited("repositories/0/lineage", /,"retiredAt":"[^"]*"/, "")),
            /two lineages of one repository/,
        ],
        [
            "repositories in another order",
            () => resealed(edited("repositories/0/lineage", "team/app", "team/zzz")),
            /behind a repository that it has to precede/,
        ],
        [
            "marks in another order",
            () => resealed(edited("repositories/0/lineage", /"marks":\[(\{[^}]*\}),(\{[^}]*\})/, '"marks":[$2,$1')),
            /marks has a role twice, or is not sorted by role$/,
        ],
        [
            "a promise that is not what its hash says",
            () => resealed(edited("repositories/1/promises/0", /"sha256":"./, '"sha256":"z')),
            /sha256 is not what/,
        ],
        [
            "a passphrase of two lines",
            () => resealed(edited("notary/passphrase", "of the", "of\nthe")),
            /^notary\/passphrase\.txt: it is not one line$/,
        ],
        [
            "a member that no backup has",
            () => resealed(changed("closes/", ({ content }) => [member("secrets/0.json", content)])),
            /no member of a backup has this name/,
        ],
        [
            "a change that its records bear, and its end does not",
            () => withText("info", "warn"),
            /^end\.json: its hash is not that of what stands before it$/,
        ],
    ]
    for (const [title, archive, message, code] of REFUSED) {
        test(`refuses ${title}, naming the record`, async () => {
            await assert.rejects(recordsOf(archive()), refusal(code ?? "backup_invalid", message))
        })
    }

    test("refuses an archive that is cut off at whichever member", async () => {
        let at = 0
        for (const { content } of MEMBERS) {
            await assert.rejects(
                recordsOf(ARCHIVE.subarray(0, at)),
                refusal("backup_invalid", new RegExp(`^at byte ${at}: the archive is cut off$`)),
            )
            at += 512 + Math.ceil(content.length / 512) * 512
        }
    })

    test("passes on what its source throws, and lets the source go when nobody reads on", async () => {
        const failing = async function* (): AsyncGenerator<Uint8Array> {
            yield ARCHIVE.subarray(0, 3000)
            throw new TrustkeyError("open_failed", "cut off")
        }
        await assert.rejects(Array.fromAsync(readBackup(failing())), refusal("open_failed", /^cut off$/))
        let isClosed = false
        const source = async function* (): AsyncGenerator<Uint8Array> {
            try {
                yield ARCHIVE
            } finally {
                isClosed = true
            }
        }
        for await (const record of readBackup(source())) if (record.kind === "policy") break
        assert.ok(isClosed)
    })
})

function retyped(header: Buffer, type: string): Buffer {
    return rechecked(header, (copy) => copy.write(type, 156, "ascii"))
}

function owned(header: Buffer): Buffer {
    return rechecked(header, (copy) => copy.write("root", 265, "ascii"))
}

/** A header with its checksum right again. */
function rechecked(header: Buffer, change: (copy: Buffer) => void): Buffer {
    const copy = Buffer.from(header)
    change(copy)
    copy.fill(" ", 148, 156)
    const sum = copy.reduce((total, byte) => total + byte, 0)
    copy.write(`${sum.toString(8).padStart(6, "0")}\u0000 `, 148, "ascii")
    return copy
}

function withByte(bytes: Buffer, at: number): Buffer {
    const copy = Buffer.from(bytes)
    copy[at] = 1
    return copy
}

function withText(from: string, to: string): Buffer {
    const copy = Buffer.from(ARCHIVE)
    copy.write(to, copy.indexOf(from), "latin1")
    return copy
}

/** A header and nothing that it announces. */
function tarOf(name: string, size: number): Buffer {
    return rechecked(member(name, "").header, (copy) => copy.write(size.toString(8).padStart(11, "0"), 124, "ascii"))
}
