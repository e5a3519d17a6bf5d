import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { type BackupRecord, BackupVerifier, readBackup } from "../../../src/backup/index.ts"
import { TrustkeyError } from "../../../src/errors.ts"
import { mutate } from "../../support/backup-mutations.ts"
import { archiveOf, sampleRecords } from "../../support/backup-sample.ts"

const CASES = Number(process.env["TRUSTKEYD_BACKUP_CASES"] ?? 200)
const SEED = Number(process.env["TRUSTKEYD_BACKUP_SEED"] ?? 1)

const ARCHIVE = archiveOf(await sampleRecords())

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

/** What a reader that also judges makes of it. */
async function read(archive: Uint8Array, size: number): Promise<readonly BackupRecord[]> {
    const verifier = new BackupVerifier()
    const records: BackupRecord[] = []
    for await (const record of readBackup(inPieces(archive, size))) {
        verifier.take(record)
        records.push(record)
    }
    return records
}

describe("a backup changed at random", () => {
    test(`${CASES} times is either refused with its own error, or read with every byte of it accounted for`, async () => {
        const outcomes = { same: 0, other: 0, refused: 0 }
        for (let seed = SEED; seed < SEED + CASES; seed++) {
            const { name, archive } = mutate(ARCHIVE, seed)
            const place = `TRUSTKEYD_BACKUP_SEED=${seed}: ${name}`
            let records: readonly BackupRecord[]
            try {
                records = await read(archive, 1 + ((seed * 7919) % 5000))
            } catch (error) {
                assert.ok(error instanceof TrustkeyError, `${place}: ${error instanceof Error ? error.stack : String(error)}`)
                assert.ok(["backup_invalid", "state_newer"].includes(error.code), `${place}: ${error.code} ${error.message}`)
                assert.match(error.message, /^(at byte \d+|[A-Za-z0-9._/-]+): /, place)
                outcomes.refused++
                continue
            }
            // Whoever can make an end that fits can make another backup, which has another fingerprint; but there is one archive for what is in it.
            const again = archiveOf(records.filter((record) => record.kind !== "end"))
            assert.ok(again.equals(archive), `${place}: it was read, and is not the archive that its records make`)
            if (archive.equals(ARCHIVE)) outcomes.same++
            else outcomes.other++
        }
        assert.ok(outcomes.refused > CASES / 2, JSON.stringify(outcomes))
        assert.ok(outcomes.other > 0 && outcomes.same + outcomes.other < CASES / 3, JSON.stringify(outcomes))
    })
})
