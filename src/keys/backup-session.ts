import type { Member } from "../backup/index.ts"
import { type NotaryHeaders, type SealedSecret, sealedSecretHash } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import type { KeyRecord } from "../journal/index.ts"
import { backupSubject, encodePublicKey, encodeSealed, type Fields, keyFileSubject, toBase64, toOfRecipients } from "../signer/index.ts"
import type { GroupFacts } from "./key-facts.ts"
import type { KeyEntry } from "./key-index.ts"
import type { KeySubject } from "./key-store.ts"
import { type Group, type SealedKeys, sealedGroup, sealedKey } from "./sealed-keys.ts"

/** Passphrases that are stretched for one backup, each by Argon2 with all its memory. */
const MOST_SOURCES = 256
/** Of the members that travel together, and of a piece of one: a frame has 16 MiB, and this travels as base64. */
const WRITE_BYTES = 512 * 1024
const PART_BYTES = 4 * 1024 * 1024
/** 1 GiB of scrypt, in a process that has other things to do. */
const BEGIN_BUDGET_MS = 120_000

/** For whom a backup is; secrets are sealed as backups.proto says. */
export type BackupTo =
    | { readonly kind: "x25519"; readonly recipients: readonly string[] }
    | { readonly kind: "passphrase"; readonly sealed: SealedSecret }

export type BackupSpec = {
    readonly to: BackupTo
    readonly keyFiles?: {
        readonly sources: readonly { readonly subject: KeySubject; readonly passphrase: SealedSecret }[]
        /** Undefined: one is made, and lies in the backup. */
        readonly passphrase: SealedSecret | undefined
    }
}

/** A key at one moment. Without an envelope it lies on tokens alone, or was removed. */
export type KeySnapshot = { readonly record: KeyRecord; readonly envelope: Uint8Array | undefined }
export type GroupSnapshot = GroupFacts & { readonly envelope: Uint8Array }

/** `records`: how many members stand before the last one. `madePassphrase`: the one of the key files is among them. */
export type BackupEnd = {
    readonly data: readonly Uint8Array[]
    readonly records: number
    readonly fingerprint: string
    readonly madePassphrase: boolean
}

/** A backup in the making, in the signer process. Whatever ends that process ends it: `signer_unavailable`. */
export interface BackupSession {
    /** What of the age file is finished with these. Small members are best written many at a time. */
    write(members: readonly Member[]): Promise<readonly Uint8Array[]>
    /** The next member is the key's file: its passphrase, or its group's, was given. */
    keyFile(key: KeySnapshot, headers: NotaryHeaders): Promise<readonly Uint8Array[]>
    /** Whether it is known what the key opens with. */
    hasKeyFile(record: KeyRecord): boolean
    end(): Promise<BackupEnd>
    /** Forget it. Afterwards everything is refused. */
    abort(): void
}

/** @throws open_failed: a passphrase is wrong. not_found, key_unfit, invalid_request, overloaded, signer_unavailable */
export async function openBackupSession(
    sealed: SealedKeys,
    spec: BackupSpec,
    find: (id: string) => KeyEntry | undefined,
    headersOf: (record: KeyRecord) => NotaryHeaders,
): Promise<BackupSession> {
    const { to, keyFiles } = spec
    if ((keyFiles?.sources.length ?? 0) > MOST_SOURCES)
        throw new TrustkeyError("invalid_request", `key files of at most ${MOST_SOURCES} keys and groups at a time`)
    const name = to.kind === "x25519" ? toOfRecipients(to.recipients) : sealedSecretHash(to.sealed)
    const { process } = sealed
    const begun = await process.control(
        "backup-begin",
        {
            ...(to.kind === "x25519" ? { recipients: to.recipients } : { passphrase: given(to.sealed, "backup-passphrase", "backup") }),
            ...(keyFiles === undefined ? {} : { files: filesOf(keyFiles.passphrase, name) }),
        },
        BEGIN_BUDGET_MS,
    )
    const number = process.understand(() => begun.integer("session"))
    const session = new SignerBackup(sealed, number, name, dataOf(process, begun))
    try {
        for (const source of keyFiles?.sources ?? []) {
            if ("group" in source.subject) await session.openGroup(groupNamed(sealed, source.subject.group), source.passphrase)
            else await session.makeKeyFile(find(source.subject.keyId), source.passphrase, headersOf)
        }
        return session
    } catch (error) {
        session.abort()
        throw error
    }
}

class SignerBackup implements BackupSession {
    readonly #sealed: SealedKeys
    readonly #session: number
    readonly #to: string
    readonly #groups = new Map<string, Group>()
    readonly #keys = new Set<string>()
    /** The file's beginning. */
    #first: readonly Uint8Array[]

    constructor(sealed: SealedKeys, session: number, to: string, first: { readonly data: Buffer }) {
        this.#sealed = sealed
        this.#session = session
        this.#to = to
        this.#first = [first.data]
    }

    async openGroup(group: Group, sealed: SealedSecret): Promise<void> {
        const subject = `group:${group.facts.name}`
        await this.#sealed.guess(subject, () =>
            this.#control("backup-open-group", {
                group: group.facts.name,
                ...sealedGroup(group),
                opener: given(sealed, "backup", keyFileSubject(subject, this.#to)),
            }),
        )
        this.#groups.set(group.facts.name, group)
    }

    async makeKeyFile(entry: KeyEntry | undefined, sealed: SealedSecret, headersOf: (record: KeyRecord) => NotaryHeaders): Promise<void> {
        if (entry === undefined || entry.record.removedAt !== undefined) throw new TrustkeyError("not_found", "there is no such key")
        const { record } = entry
        if (record.home.kind !== "sealed")
            throw new TrustkeyError(
                "key_unfit",
                `the key ${record.id.slice(0, 12)} has no passphrase of its own: it is on a token, or in a group`,
            )
        await this.#sealed.guess(record.id, () =>
            this.#control("backup-make-key-file", {
                ...sealedKey(entry),
                publicKey: encodePublicKey(record.publicKey),
                opener: given(sealed, "backup", keyFileSubject(record.id, this.#to)),
                headers: headersOf(record),
            }),
        )
        this.#keys.add(record.id)
    }

    hasKeyFile({ id, home, removedAt }: KeyRecord): boolean {
        return removedAt === undefined && (this.#keys.has(id) || (home.kind === "group" && this.#groups.has(home.group)))
    }

    async write(members: readonly Member[]): Promise<readonly Uint8Array[]> {
        const data: Uint8Array[] = []
        let page: object[] = []
        let bytes = 0
        const flush = async (): Promise<void> => {
            if (page.length > 0) data.push(...(await this.#data("backup-write", { members: page })))
            page = []
            bytes = 0
        }
        for (const { name, content } of members) {
            if (page.length > 0 && bytes + content.length > WRITE_BYTES) await flush()
            let at = 0
            for (; content.length - at > PART_BYTES; at += PART_BYTES) {
                await this.#control("backup-part", { content: toBase64(content.subarray(at, at + PART_BYTES)) })
            }
            page.push({ name, content: toBase64(content.subarray(at)) })
            bytes += content.length - at
        }
        await flush()
        return data
    }

    async keyFile(key: KeySnapshot, headers: NotaryHeaders): Promise<readonly Uint8Array[]> {
        const { home, publicKey } = key.record
        const inGroup = home.kind === "group" ? { group: home.group, ...sealedKey(key) } : {}
        return await this.#data("backup-key-file", { publicKey: encodePublicKey(publicKey), headers, ...inGroup })
    }

    async end(): Promise<BackupEnd> {
        const answer = await this.#control("backup-end", {})
        const { process } = this.#sealed
        const facts = process.understand(() => ({
            records: answer.integer("records"),
            fingerprint: answer.text("fingerprint"),
            madePassphrase: answer.flag("madePassphrase"),
        }))
        return { ...facts, data: await this.#allOf(answer) }
    }

    abort(): void {
        // Whatever it held is gone with the process, if that has ended.
        this.#control("backup-abort", {}).catch(() => {})
    }

    async #data(operation: string, request: Readonly<Record<string, unknown>>): Promise<readonly Uint8Array[]> {
        return await this.#allOf(await this.#control(operation, request))
    }

    async #allOf(answer: Fields): Promise<readonly Uint8Array[]> {
        const { process } = this.#sealed
        const data: Uint8Array[] = [...this.#first]
        this.#first = []
        let next = dataOf(process, answer)
        data.push(next.data)
        while (next.more) {
            next = dataOf(process, await this.#control("backup-read", {}))
            data.push(next.data)
        }
        return data.filter(({ length }) => length > 0)
    }

    #control(operation: string, request: Readonly<Record<string, unknown>>): Promise<Fields> {
        return this.#sealed.process.control(operation, { session: this.#session, ...request })
    }
}

function groupNamed(sealed: SealedKeys, name: string): Group {
    const group = sealed.groups.get(name)
    if (group === undefined) throw new TrustkeyError("not_found", "there is no such group")
    return group
}

function filesOf(sealed: SealedSecret | undefined, to: string): object {
    return sealed === undefined ? {} : { opener: given(sealed, "backup-files", backupSubject(to)) }
}

function given(sealed: SealedSecret, purpose: string, subject: string): object {
    return { sealed: encodeSealed(sealed), context: { purpose, subject } }
}

function dataOf(process: SealedKeys["process"], answer: Fields): { readonly data: Buffer; readonly more: boolean } {
    return process.understand(() => ({ data: answer.bytes("data"), more: answer.flag("more") }))
}
