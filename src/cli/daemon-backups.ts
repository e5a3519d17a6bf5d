import { once } from "node:events"
import { type Client, type ClientDuplexStream, Metadata } from "@grpc/grpc-js"
import type { MethodDefinition } from "@grpc/proto-loader"
import { TrustkeyError } from "../errors.ts"
import { loadMethod } from "../wire/load.ts"
import type {
    BackupPart,
    BackupTo,
    DaemonBackup,
    DaemonBackupState,
    DaemonBackups,
    DaemonDrill,
    KeyFileRequest,
    KeyProof,
    RestoreChange,
    RestoreOutcome,
    RestoreRecord,
} from "./daemon-backups-types.ts"

/** A stream that stands still for so long is dead: Argon2 of several groups comes before its first message. */
const SILENCE_SECONDS = 300
const KEYS_PER_CALL = 100
/** Of one message of records; a larger record goes alone. */
const RECORD_BYTES = 256 * 1024
const RECORDS_PER_MESSAGE = 500
const RECEIPT_PIECE = 1024 * 1024

type Ask = <Req, Res, ReqOut, Out>(method: MethodDefinition<Req, Res, ReqOut, Out>, request: Req, seconds?: number) => Promise<Out>

/** What the streams need of the daemon's other calls. */
export type BackupCalls = {
    readonly client: Client
    readonly ask: Ask
    /** What a call failed with, as a TrustkeyError. */
    readonly translate: (error: unknown, method: string) => Promise<Error>
}

export class GrpcBackups implements DaemonBackups {
    readonly #calls: BackupCalls

    constructor(calls: BackupCalls) {
        this.#calls = calls
    }

    async *create(request: { readonly to: BackupTo; readonly keyFiles?: KeyFileRequest }): AsyncGenerator<BackupPart> {
        const { path, requestSerialize, responseDeserialize } = loadMethod("Backups", "Create")
        const wire = { ...encodeTo(request.to), keyFiles: request.keyFiles === undefined ? null : encodeKeyFiles(request.keyFiles) }
        const call = this.#calls.client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, wire, new Metadata())
        const silence = watchSilence(call)
        let made: DaemonBackup | undefined
        try {
            for await (const part of call.iterator()) {
                silence.heard()
                made = part.made ?? made
                yield { ...part, made: part.made ?? undefined }
            }
        } catch (error) {
            throw silence.reason ?? (await this.#calls.translate(error, path))
        } finally {
            silence.end()
            call.cancel()
        }
        if (made === undefined) throw new TrustkeyError("internal", "the daemon ended the backup before it was whole")
        // Whoever comes back for more has put away what he was given.
        await this.#calls.ask(loadMethod("Backups", "Kept"), { fingerprint: made.fingerprint })
    }

    async restore(
        { fingerprint, confirm }: Parameters<DaemonBackups["restore"]>[0],
        records: AsyncIterable<RestoreRecord>,
        onChange: (change: RestoreChange) => void,
    ): Promise<RestoreOutcome> {
        const { path, requestSerialize, responseDeserialize } = loadMethod("Backups", "Restore")
        const call = this.#calls.client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, new Metadata())
        const begin = { fingerprint, confirm: confirm?.typed ?? "", digest: confirm?.digest ?? "" }
        const messages = async function* () {
            yield { begin, records: [] }
            for await (const page of pages(records)) yield { begin: null, records: page }
        }
        let outcome: RestoreOutcome | undefined
        await this.#exchange(call, path, messages(), (answer) => {
            for (const change of answer.changes) onChange(change)
            outcome = answer.outcome ?? outcome
        })
        if (outcome === undefined) throw new TrustkeyError("internal", "the daemon did not say how the restore ended")
        return outcome
    }

    async prove({ challenge, keyIds }: Parameters<DaemonBackups["prove"]>[0]): Promise<readonly KeyProof[]> {
        const proofs: KeyProof[] = []
        for (let at = 0; at < keyIds.length; at += KEYS_PER_CALL) {
            const page = keyIds.slice(at, at + KEYS_PER_CALL)
            proofs.push(...(await this.#calls.ask(loadMethod("Backups", "Prove"), { challenge, keyIds: page }, SILENCE_SECONDS)).proofs)
        }
        return proofs
    }

    async recordDrill(receipt: Uint8Array): Promise<DaemonDrill> {
        const { path, requestSerialize, responseDeserialize } = loadMethod("Backups", "RecordDrill")
        const { promise, resolve, reject } = Promise.withResolvers<DaemonDrill>()
        const call = this.#calls.client.makeClientStreamRequest(
            path,
            requestSerialize,
            responseDeserialize,
            new Metadata(),
            (error, answer) => {
                if (error !== null) reject(error)
                else if (answer === undefined) reject(new TrustkeyError("internal", "the daemon answered nothing"))
                else resolve(answer)
            },
        )
        const silence = watchSilence(call)
        try {
            for (let at = 0; at < receipt.length; at += RECEIPT_PIECE) call.write({ receipt: receipt.subarray(at, at + RECEIPT_PIECE) })
            call.end()
            return await promise
        } catch (error) {
            throw silence.reason ?? (await this.#calls.translate(error, path))
        } finally {
            silence.end()
        }
    }

    /** Write and read at once, neither faster than the other side. What our own source throws ends the call, and is the answer. */
    async #exchange<Req, Res>(
        call: ClientDuplexStream<Req, Res>,
        path: string,
        messages: AsyncIterable<Req>,
        take: (answer: Res) => void,
    ): Promise<void> {
        const silence = watchSilence(call)
        let ours: { readonly error: unknown } | undefined
        const write = async (): Promise<void> => {
            try {
                for await (const message of messages) {
                    silence.heard()
                    // The daemon has refused already: its answer says why.
                    if (call.destroyed || call.writableEnded) return
                    if (!call.write(message)) await Promise.race([once(call, "drain"), once(call, "close")])
                }
                call.end()
            } catch (error) {
                ours = { error }
                call.cancel()
            }
        }
        const writing = write()
        try {
            for await (const answer of call.iterator()) {
                silence.heard()
                take(answer)
            }
            await writing
        } catch (error) {
            if (ours !== undefined) throw ours.error
            throw silence.reason ?? (await this.#calls.translate(error, path))
        } finally {
            silence.end()
            call.cancel()
        }
        if (ours !== undefined) throw ours.error
    }
}

/** @returns undefined: the daemon says nothing of backups, or is older than they are */
export function readBackupState(wire: WireBackupState | null | undefined): DaemonBackupState | undefined {
    if (wire === null || wire === undefined) return undefined
    return { ...wire, last: wire.last ?? undefined, lastDrill: wire.lastDrill ?? undefined }
}

type WireBackupState = NonNullable<ReturnType<ReturnType<typeof loadMethod<"Status", "Get">>["responseDeserialize"]>["backup"]>

function encodeTo(to: BackupTo) {
    return "passphrase" in to ? { recipients: [], passphrase: to.passphrase } : { recipients: [...to.recipients], passphrase: null }
}

function encodeKeyFiles({ sources, passphrase }: KeyFileRequest) {
    return { sources: sources.map(({ subject, passphrase }) => ({ ...subject, passphrase })), passphrase: passphrase ?? null }
}

async function* pages(records: AsyncIterable<RestoreRecord>): AsyncGenerator<RestoreRecord[]> {
    let page: RestoreRecord[] = []
    let bytes = 0
    for await (const record of records) {
        if (page.length === RECORDS_PER_MESSAGE || (page.length > 0 && bytes + record.content.length > RECORD_BYTES)) {
            yield page
            page = []
            bytes = 0
        }
        page.push(record)
        bytes += record.content.length
    }
    if (page.length > 0) yield page
}

type Silence = { heard(): void; end(): void; readonly reason: TrustkeyError | undefined }

function watchSilence(call: { cancel(): void }): Silence {
    let reason: TrustkeyError | undefined
    const timer = setTimeout(() => {
        reason = new TrustkeyError("deadline_exceeded", `the daemon said nothing for ${SILENCE_SECONDS} seconds`)
        call.cancel()
    }, SILENCE_SECONDS * 1000)
    return {
        heard: () => {
            timer.refresh()
        },
        end: () => clearTimeout(timer),
        get reason() {
            return reason
        },
    }
}
