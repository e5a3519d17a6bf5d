import { isAgeRecipient } from "../../crypto/index.ts"
import type { CreateBackupRequest, ProveRequest, RestoreRequest } from "../../custody/index.ts"
import type { CreateBackupRequest__Output } from "../../wire/trustkeyd/v1/CreateBackupRequest.ts"
import type { KeyFiles__Output } from "../../wire/trustkeyd/v1/KeyFiles.ts"
import type { ProveRequest__Output } from "../../wire/trustkeyd/v1/ProveRequest.ts"
import type { RecordDrillRequest__Output } from "../../wire/trustkeyd/v1/RecordDrillRequest.ts"
import type { RestoreBegin__Output } from "../../wire/trustkeyd/v1/RestoreBegin.ts"
import type { RestoreRequest__Output } from "../../wire/trustkeyd/v1/RestoreRequest.ts"
import { atMost, confirmation, invalid, keySubject, matching, sealed } from "./fields.ts"

const MOST_RECIPIENTS = 32
const MOST_SOURCES = 256
const MOST_PROOFS = 1000
const CHALLENGE_LENGTH = 32
const HASH = /^[0-9a-f]{64}$/
const KEY_ID = HASH

export function decodeCreateBackup(wire: CreateBackupRequest__Output): Omit<CreateBackupRequest, "take"> {
    return { to: toOf(wire), ...(wire.keyFiles === null ? {} : { keyFiles: keyFilesOf(wire.keyFiles) }) }
}

function toOf({ recipients, passphrase }: CreateBackupRequest__Output): CreateBackupRequest["to"] {
    if (passphrase !== null) {
        if (recipients.length > 0) throw invalid("passphrase", "and recipients exclude each other")
        return { kind: "passphrase", sealed: sealed("passphrase", passphrase) }
    }
    if (recipients.length === 0) return undefined
    for (const recipient of atMost("recipients", recipients, MOST_RECIPIENTS)) {
        if (!isAgeRecipient(recipient)) throw invalid("recipients", "has one that is no X25519 recipient of age")
    }
    if (new Set(recipients).size < recipients.length) throw invalid("recipients", "has one twice")
    return { kind: "x25519", recipients }
}

function keyFilesOf({ sources, passphrase }: KeyFiles__Output): NonNullable<CreateBackupRequest["keyFiles"]> {
    if (sources.length === 0) throw invalid("key_files", "names no key and no group")
    return {
        sources: atMost("key_files", sources, MOST_SOURCES).map((source) => ({
            subject: keySubject(source),
            passphrase: sealed("passphrase", source.passphrase),
        })),
        passphrase: passphrase === null ? undefined : sealed("key_files.passphrase", passphrase),
    }
}

export function decodeFingerprint({ fingerprint }: { readonly fingerprint: string }): { readonly fingerprint: string } {
    return { fingerprint: matching("fingerprint", fingerprint, HASH) }
}

export function decodeRestoreBegin(wire: RestoreBegin__Output): Pick<RestoreRequest, "fingerprint" | "confirm"> {
    const { fingerprint } = decodeFingerprint(wire)
    const typed = confirmation(wire.confirm)
    return { fingerprint, confirm: typed === "" ? undefined : { typed, digest: matching("digest", wire.digest, HASH) } }
}

/** The records of the messages after the first. @throws invalid_request: the beginning comes again */
export async function* decodeRestoreRecords(
    first: RestoreRequest__Output,
    rest: AsyncIterator<RestoreRequest__Output>,
): AsyncGenerator<{ readonly name: string; readonly content: Uint8Array }> {
    yield* first.records
    for (let next = await rest.next(); next.done !== true; next = await rest.next()) {
        if (next.value.begin !== null) throw invalid("begin", "comes once, in the first message")
        yield* next.value.records
    }
}

export function decodeProve({ challenge, keyIds }: ProveRequest__Output): ProveRequest {
    if (challenge.length !== CHALLENGE_LENGTH) throw invalid("challenge", "is no SHA-256")
    return { challenge, keyIds: atMost("key_ids", keyIds, MOST_PROOFS).map((id) => matching("key_ids", id, KEY_ID)) }
}

export async function* decodeReceipt(pieces: AsyncIterable<RecordDrillRequest__Output>): AsyncGenerator<Uint8Array> {
    for await (const { receipt } of pieces) yield receipt
}
