import type { BackupRecord, EndRecord, HeadRecord, KeyFacts } from "../../backup/index.ts"
import { type Instead, readKeyFacts } from "../../backup/index.ts"
import type { PublicKeyBytes } from "../../crypto/index.ts"
import { type KeyId, parseJson } from "../../tuf/index.ts"
import type { ArchiveFile } from "./archive-file.ts"

/** A key of the backup that is in use. */
export type BackupKey = {
    readonly id: KeyId
    readonly publicKey: PublicKeyBytes
    readonly label: string
    readonly purpose: KeyFacts["purpose"]
    readonly home: KeyFacts["home"]
    /** There if and only if it can't leave its token. */
    readonly instead: readonly Instead[] | undefined
}

export type BackupContent = {
    readonly head: HeadRecord
    readonly end: EndRecord
    readonly keys: readonly BackupKey[]
}

/** All of the file is read; what it says of its keys. @throws what ArchiveFile.records throws */
export async function readContent(archive: ArchiveFile): Promise<BackupContent> {
    const keys: BackupKey[] = []
    const { head, end } = await archive.read((record) => {
        const key = keyOf(record)
        if (key !== undefined) keys.push(key)
    })
    return { head, end, keys }
}

function keyOf(record: BackupRecord): BackupKey | undefined {
    if (record.kind !== "key") return undefined
    const { id, publicKey, label, purpose, home, removedAt } = readKeyFacts(parseJson(Buffer.from(record.facts, "utf8")))
    return removedAt === undefined ? { id, publicKey, label, purpose, home, instead: record.instead } : undefined
}
