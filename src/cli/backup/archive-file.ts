import { type BackupRecord, type EndRecord, type HeadRecord, MemberWriter, readBackup } from "../../backup/index.ts"
import { type AgeOpener, openAge } from "../../crypto/index.ts"
import { TrustkeyError } from "../../errors.ts"
import { readPieces } from "../../storage/index.ts"
import type { RestoreRecord } from "../daemon-backups-types.ts"

/** A backup's file and what opens it: read from its beginning as often as anybody wants it, one record at a time. */
export class ArchiveFile {
    readonly path: string
    readonly #opener: AgeOpener

    constructor(file: string, opener: AgeOpener) {
        this.path = file
        this.#opener = opener
    }

    /** **Whoever acts on records before the last one came acts on something unfinished.** @throws what openAge and readBackup throw */
    records(): AsyncGenerator<BackupRecord, void> {
        return readBackup(openAge(readPieces(this.path), this.#opener))
    }

    /** All of it is read. @param onRecord is told of each record @throws as `records`, and what `onRecord` throws */
    async read(onRecord: (record: BackupRecord) => void = () => {}): Promise<{ readonly head: HeadRecord; readonly end: EndRecord }> {
        let head: HeadRecord | undefined
        for await (const record of this.records()) {
            onRecord(record)
            if (record.kind === "head") head = record
            else if (record.kind === "key-file-passphrase") record.passphrase[Symbol.dispose]()
            else if (record.kind === "end" && head !== undefined) return { head, end: record }
        }
        throw new TrustkeyError("internal", "a backup was read that has no end")
    }

    /** What a daemon is given to restore: the members but those in notary/, which are for other tools. @throws as `records` */
    async *members(): AsyncGenerator<RestoreRecord> {
        const writer = new MemberWriter()
        for await (const record of this.records()) {
            if (record.kind === "end") yield writer.finish(record)
            else if (record.kind !== "key-file" && record.kind !== "key-file-passphrase") yield* writer.take(record)
            else {
                writer.place(record)
                if (record.kind === "key-file-passphrase") record.passphrase[Symbol.dispose]()
            }
        }
    }
}
