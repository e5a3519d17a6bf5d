import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { type BackupRecord, encodeRecord, readBackup } from "../../../src/backup/index.ts"
import { archiveOf, sampleRecords } from "../../support/backup-sample.ts"

const RECORDS = await sampleRecords()
const ARCHIVE = archiveOf(RECORDS)

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function recordsOf(bytes: Uint8Array, size = 64 * 1024): Promise<readonly BackupRecord[]> {
    return await Array.fromAsync(readBackup(inPieces(bytes, size)))
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
})
