import { TrustkeyError } from "../errors.ts"
import { bytesOf, optionalBytesOf, type Row, type Store, textOf } from "../storage/index.ts"
import { type KeyId, parseKeyId, parseSigned, ROOT, type SignedMetadata } from "../tuf/index.ts"
import type { Repository } from "./repository.ts"

/** A root beyond the newest complete one: promised and not void, but never completed. */
export type PromisedRoot = {
    readonly version: number
    /** Absent: all its signatures so far are other holders', and whoever has them has the body too. */
    readonly body?: SignedMetadata
    /** Ours, by the canonical ID of the key. */
    readonly signatures: readonly { readonly keyId: KeyId; readonly method: string; readonly sig: Uint8Array }[]
}

/** @throws storage_failed */
export async function readPromisedRoot(store: Store, repository: Repository): Promise<PromisedRoot | undefined> {
    const mark = repository.marks.get(ROOT)
    const complete = repository.root?.signed.document.version ?? 0
    if (repository.state !== "active" || mark === undefined || mark.version <= complete) return undefined
    const { gun, lineage } = repository
    const rows = await store.read({ kind: "promises", gun, lineage, role: ROOT, version: mark.version })
    const signatures = rows.flatMap((row) => {
        const sig = optionalBytesOf(row, "signature")
        return sig === undefined ? [] : [{ keyId: parseKeyId(textOf(row, "keyId")), method: textOf(row, "scheme"), sig }]
    })
    const [first] = rows
    return { version: mark.version, signatures, ...(first === undefined ? {} : { body: bodyOf(first) }) }
}

function bodyOf(row: Row): SignedMetadata {
    try {
        return parseSigned(bytesOf(row, "bytes"), ROOT)
    } catch (error) {
        throw new TrustkeyError("storage_failed", "the database is damaged: a promised root does not parse", { cause: error })
    }
}
