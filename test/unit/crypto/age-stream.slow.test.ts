import assert from "node:assert/strict"
import { randomBytes, randomInt } from "node:crypto"
import { describe, test } from "node:test"
import { armor, Decrypter } from "age-encryption"
import fc from "fast-check"
import { type AgeOpener, type AgeRecipients, AgeWriter, identitiesIn, makeAgeIdentity, openAge } from "../../../src/crypto/index.ts"
import { sealAge, secret, streamOf, unsealAge } from "../../support/age-files.ts"

const CHUNK = 64 * 1024

const { identity, recipient } = makeAgeIdentity()
const identities = identitiesIn(identity)
const TO: AgeRecipients = { kind: "x25519", recipients: [recipient] }
const BY: AgeOpener = { kind: "identities", identities }

const sealed = (content: Buffer, to: AgeRecipients = TO, step?: number): Promise<Buffer> => sealAge(content, to, step)
const opened = (file: Buffer, opener: AgeOpener = BY, step?: number): Promise<Buffer> => unsealAge(file, opener, step)

function armored(file: Buffer): Buffer {
    return Buffer.from(armor.encode(file))
}

describe("age files as streams", () => {
    test("every length comes back whole, in whatever steps it was written and read", async () => {
        for (const length of [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 7]) {
            const content = randomBytes(length)
            for (const step of [content.length || 1, 1000, CHUNK]) {
                const file = await sealed(content, TO, step)
                assert.deepEqual(await opened(file), content, `${length} in steps of ${step}`)
                assert.deepEqual(await opened(file, BY, 997), content)
                assert.deepEqual(await opened(armored(file), BY, 997), content)
            }
        }
    })

    test("the format's author opens what we write, with each recipient's identity", async () => {
        const other = makeAgeIdentity()
        const content = randomBytes(CHUNK + 100)
        const file = await sealed(content, { kind: "x25519", recipients: [other.recipient, recipient] })
        for (const each of [identity, other.identity]) {
            const decrypter = new Decrypter()
            decrypter.addIdentity(each.reveal((bytes) => bytes.toString("latin1")))
            assert.deepEqual(Buffer.from(await decrypter.decrypt(file)), content)
        }
    })

    test("a passphrase's file opens with it and with nothing else, and says what would open it", async () => {
        const content = randomBytes(100)
        const file = await sealed(content, { kind: "passphrase", passphrase: secret("correct horse") })
        assert.match(file.toString("latin1", 0, 80), /^age-encryption\.org\/v1\n-> scrypt [A-Za-z0-9+/]{22} 18\n/)
        assert.deepEqual(await opened(file, { kind: "passphrase", passphrase: secret("correct horse") }), content)
        await assert.rejects(opened(file, { kind: "passphrase", passphrase: secret("correct horsf") }), {
            code: "open_failed",
            message: "the passphrase is wrong, or the file is damaged",
        })
        await assert.rejects(opened(file), { code: "open_failed", message: "the file opens with a passphrase, not with an identity" })
        const forIdentity = await sealed(content)
        await assert.rejects(opened(forIdentity, { kind: "passphrase", passphrase: secret("x") }), {
            code: "open_failed",
            message: "the file opens with an age identity, not with a passphrase",
        })
        await assert.rejects(opened(forIdentity, { kind: "identities", identities: identitiesIn(makeAgeIdentity().identity) }), {
            code: "open_failed",
            message: "the file is for other identities",
        })
    })

    test("what can be no recipient is refused before anything is written", async () => {
        const bad: readonly AgeRecipients[] = [
            { kind: "x25519", recipients: [] },
            { kind: "x25519", recipients: [recipient, "age1pq1qqqq"] },
            { kind: "x25519", recipients: Array.from({ length: 65 }, () => recipient) },
            { kind: "passphrase", passphrase: secret("") },
        ]
        for (const to of bad) await assert.rejects(AgeWriter.open(to), { code: "invalid_request" })
    })

    test("as many recipients as we write for are as many as we read", async () => {
        const many = Array.from({ length: 63 }, () => makeAgeIdentity().recipient)
        assert.deepEqual(
            await opened(await sealed(Buffer.from("x"), { kind: "x25519", recipients: [...many, recipient] })),
            Buffer.from("x"),
        )
    })

    test("no two files share a byte of key, nonce or payload", async () => {
        const [first, second] = [await AgeWriter.open(TO), await AgeWriter.open(TO)]
        assert.notDeepEqual(first.header.subarray(-16), second.header.subarray(-16))
        assert.notDeepEqual(first.header.subarray(0, -16), second.header.subarray(0, -16))
        assert.notDeepEqual(first.end(), second.end())
    })

    test("whatever bit is changed, wherever it is cut off and whatever follows: refused, and nothing comes out but what was written", async () => {
        const content = randomBytes(2 * CHUNK + 50)
        const file = await sealed(content)
        const headerEnd = file.indexOf("\n---", 0, "latin1") + 80
        const nextTo = [CHUNK, 2 * CHUNK].flatMap((at) => Array.from({ length: 64 }, (_, index) => headerEnd + at - 16 + index))
        const places = [...Array.from({ length: headerEnd }, (_, index) => index), ...nextTo, file.length - 1, file.length - 17]
        const broken = [
            ...places.map((at) => {
                const changed = Buffer.from(file)
                changed[at] = (changed[at] ?? 0) ^ (1 << randomInt(8))
                return changed
            }),
            ...places.map((at) => file.subarray(0, at)),
            Buffer.concat([file, Buffer.of(0)]),
            Buffer.concat([file, file]),
            Buffer.concat([await sealed(randomBytes(CHUNK)), Buffer.of(0)]),
        ]
        for (const [index, bytes] of broken.entries()) {
            const out: Buffer[] = []
            await assert.rejects(
                async () => {
                    for await (const piece of openAge(streamOf(bytes, 10_000), BY)) out.push(piece)
                },
                (error: Error & { code?: string }) => error.code === "backup_invalid" || error.code === "open_failed",
                `case ${index}`,
            )
            if (index < broken.length - 1) assert.deepEqual(Buffer.concat(out), content.subarray(0, Buffer.concat(out).length))
        }
    })

    test("chunks swapped, doubled, left out or taken from another file do not open", async () => {
        const file = await sealed(randomBytes(4 * CHUNK + 9))
        const start = (await AgeWriter.open(TO)).header.length
        const size = CHUNK + 16
        const chunk = (of: Buffer, index: number): Buffer => of.subarray(start + index * size, start + (index + 1) * size)
        const other = await sealed(randomBytes(4 * CHUNK + 9))
        const head = file.subarray(0, start)
        const forged = [[1, 0, 2, 3, 4], [0, 0, 1, 2, 3, 4], [0, 2, 3, 4], [1, 2, 3, 4], [0, 1, 2, 3], [0, 1, 2, 3, 4, 4], [4]].map(
            (order) => Buffer.concat([head, ...order.map((index) => chunk(file, index))]),
        )
        forged.push(Buffer.concat([head, chunk(file, 0), chunk(other, 1), ...[2, 3, 4].map((index) => chunk(file, index))]))
        forged.push(Buffer.concat([other.subarray(0, start), ...[0, 1, 2, 3, 4].map((index) => chunk(file, index))]))
        for (const [index, each] of forged.entries()) await assert.rejects(opened(each), { code: "backup_invalid" }, String(index))
    })

    test("a passphrase file that asks for more work than 2^20 is refused before any is done", async () => {
        const file = (await sealed(Buffer.from("x"))).toString("latin1")
        for (const factor of ["21", "22", "64", "999999999"]) {
            const forged = file.replace(/-> X25519 .*/, `-> scrypt ${"A".repeat(22)} ${factor}`)
            await assert.rejects(opened(Buffer.from(forged, "latin1"), { kind: "passphrase", passphrase: secret("x") }), {
                code: "backup_invalid",
                message: `the header of the age file is not in order: a scrypt work factor of ${factor}, where trustkeyd spends 20 at most`,
            })
        }
    })

    test("a passphrase's stanza among others is refused to every opener", async () => {
        const file = (await sealed(Buffer.from("x"))).toString("latin1")
        const scrypt = `-> scrypt ${"A".repeat(22)} 10\n${"A".repeat(43)}\n`
        for (const forged of [file.replace("-> X25519", `${scrypt}-> X25519`), file.replace("--- ", `${scrypt}--- `)])
            for (const opener of [BY, { kind: "passphrase", passphrase: secret("x") }] as const)
                await assert.rejects(opened(Buffer.from(forged, "latin1"), opener), { code: "backup_invalid" })
    })

    test("a header without an end is not read for ever, and what is no age file not beyond its first bytes", async () => {
        const sources = [
            { begin: "age-encryption.org/v1\n", more: "-> x y\nAAAA\n", most: 66_000 },
            { begin: "age-encryption.org/v1\n---", more: "A".repeat(100), most: 66_000 },
            { begin: "age-encryption.org/v2\n", more: "-> x y\nAAAA\n", most: 100 },
            { begin: "PK\u0003\u0004", more: "0".repeat(100), most: 200 },
            { begin: "-----BEGIN AGE ENCRYPTED FILE-----", more: " ".repeat(100), most: 2000 },
            { begin: "-----BEGIN PRIVATE KEY-----\n", more: "AAAA\n", most: 100 },
        ]
        for (const { begin, more, most } of sources) {
            let read = 0
            async function* endless(): AsyncGenerator<Buffer> {
                yield Buffer.from(begin)
                for (; read < 1_000_000; read += more.length) yield Buffer.from(more)
            }
            await assert.rejects(
                async () => {
                    for await (const piece of openAge(endless(), BY)) assert.fail(piece.toString())
                },
                { code: "backup_invalid" },
            )
            assert.ok(read <= most, `${begin}: ${read}`)
        }
    })

    test("nothing at all is no age file", async () => {
        const none = { code: "backup_invalid", message: "this is no file in the age format, version 1" }
        await assert.rejects(opened(Buffer.alloc(0)), none)
        await assert.rejects(opened(Buffer.from("age-encryption.org/v2\n")), none)
        await assert.rejects(opened(Buffer.from("age-encryption")), none)
        await assert.rejects(opened(Buffer.from("age-encryption.org/v1\n-> X25519")), {
            code: "backup_invalid",
            message: "the age file is cut off in its header",
        })
    })

    test("whoever stops reading, or is refused, leaves the source closed; its own error is passed on", async () => {
        const file = await sealed(randomBytes(3 * CHUNK))
        let isClosed = false
        async function* source(last: Error | undefined): AsyncGenerator<Buffer> {
            try {
                yield* streamOf(file, CHUNK)
                if (last !== undefined) throw last
            } finally {
                isClosed = true
            }
        }
        for await (const piece of openAge(source(undefined), BY)) if (piece.length > 0) break
        assert.equal(isClosed, true)
        isClosed = false
        const wrong: AgeOpener = { kind: "identities", identities: identitiesIn(makeAgeIdentity().identity) }
        await assert.rejects(async () => (await openAge(source(undefined), wrong).next()).value, { code: "open_failed" })
        assert.equal(isClosed, true)
        const failure = new Error("the disk is gone")
        await assert.rejects(async () => {
            for await (const piece of openAge(source(failure), BY)) assert.ok(piece.length > 0)
        }, failure)
    })

    test("a writer that has ended takes nothing more, and one that was given up neither", async () => {
        const ended = await AgeWriter.open(TO)
        ended.end()
        assert.throws(() => ended.write(Buffer.of(1)), { code: "internal" })
        assert.throws(() => ended.end(), { code: "internal" })
        const given = await AgeWriter.open(TO)
        given.write(Buffer.of(1))
        given[Symbol.dispose]()
        assert.throws(() => given.write(Buffer.of(1)), { code: "internal" })
        assert.throws(() => given.end(), { code: "internal" })
    })

    test("armor changed at random opens to the same content or is refused", async () => {
        const content = randomBytes(300)
        const text = armored(await sealed(content))
        const edit = fc.tuple(
            fc.nat(text.length),
            fc.nat(3),
            fc.constantFrom("", "\n", " ", "=", "A", "-", "\r\n", "\u00e9", "-----END AGE ENCRYPTED FILE-----\n"),
        )
        await fc.assert(
            fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 3 }), async (edits) => {
                let changed = text
                for (const [at, cut, put] of edits)
                    changed = Buffer.concat([changed.subarray(0, at), Buffer.from(put, "latin1"), changed.subarray(at + cut)])
                const result = await opened(changed, BY, 50).catch((error: Error & { code?: string }) => error.code)
                assert.ok(
                    result === "backup_invalid" || result === "open_failed" || content.equals(Buffer.from(result ?? "")),
                    String(result),
                )
            }),
            { numRuns: 300 },
        )
    })
})
