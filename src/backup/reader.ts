import { createHash } from "node:crypto"
import { decodeMember } from "./decode.ts"
import { END_NAME, HEAD_NAME, RecordOrder } from "./order.ts"
import { README, README_NAME } from "./readme.ts"
import { type BackupRecord, MAX_MEMBER_BYTES } from "./records.ts"
import { at, refuse } from "./refuse.ts"
import { TAR_BLOCK, TAR_END, tarClaims, tarHeader, tarPadding } from "./ustar.ts"
import type { Member } from "./writer.ts"

/** Anything printable that a name of ours could be: what else it holds goes into no message. */
const SHOWN_NAME = /^[A-Za-z0-9._/-]{1,100}$/

/** Members as records, in the only order that there is; a record is read as soon as its member is there. */
export class MemberReader {
    readonly #order: RecordOrder

    /** @param options as RecordOrder's: what a client hands on for a restore has no key files */
    constructor(options: { readonly keyFilesLeftOut?: boolean } = {}) {
        this.#order = new RecordOrder(options)
    }

    /** @returns undefined: the member is README.txt, which says nothing to us. @throws backup_invalid naming the member, state_newer */
    take({ name, content }: Member): BackupRecord | undefined {
        return at(shown(name), () => this.#take(name, Buffer.from(content.buffer, content.byteOffset, content.byteLength)))
    }

    /** Whether the last record was there. */
    get isOver(): boolean {
        return this.#order.isOver
    }

    #take(name: string, content: Buffer): BackupRecord | undefined {
        const order = this.#order
        if (order.isOver) refuse(`it stands behind ${END_NAME}, which is the last`)
        if (order.isReadmeDue) {
            if (name !== README_NAME || content.toString("utf8") !== README)
                refuse(`${README_NAME} has to stand here, as it is in every backup`)
            order.placeReadme()
            return undefined
        }
        const { due } = order
        if (due !== undefined && name !== due.name) refuse(`${due.name} has to stand here`)
        if (due === undefined && order.members === 0 && name !== HEAD_NAME)
            refuse(`${HEAD_NAME} has to stand here: this is no backup of trustkeyd`)
        const record = decodeMember(name, content, due)
        const expected = order.place(record)
        if (name !== expected) refuse(`what is in it belongs into ${expected}`)
        return record
    }
}

/**
 * The records of an archive as its bytes come in; no more than one is held at a time. The last one's fingerprint is checked before it is given: **whoever
 * acts on records before that one came acts on something unfinished.**
 *
 * @throws backup_invalid: it is damaged, cut off or not of this form; the message names the record. state_newer. And whatever `source` throws.
 */
export async function* readBackup(source: AsyncIterable<Uint8Array>): AsyncGenerator<BackupRecord, void> {
    const stream = new Stream(source)
    const members = new MemberReader()
    try {
        for (;;) {
            const before = stream.hash()
            const member = await readMember(stream)
            const record = members.take(member)
            // The record has its own copy, and wipes it.
            if (record?.kind === "key-file-passphrase") member.content.fill(0)
            if (record?.kind === "end") {
                if (record.fingerprint !== before) refuse(`${END_NAME}: its hash is not that of what stands before it`)
                await readEnd(stream)
                yield record
                return
            }
            if (record !== undefined) yield record
        }
    } finally {
        await stream.close()
    }
}

async function readEnd(stream: Stream): Promise<void> {
    const place = `at byte ${stream.at}`
    const end = await stream.take(TAR_END.length)
    if (end === undefined || !end.equals(TAR_END)) refuse(`${place}: the archive does not end as it has to`)
    if ((await stream.take(1)) !== undefined) refuse(`${place}: something follows the archive's end`)
}

async function readMember(stream: Stream): Promise<Member> {
    const place = `at byte ${stream.at}`
    const header = await stream.take(TAR_BLOCK)
    if (header === undefined) return refuse(`${place}: the archive is cut off`)
    const claims = tarClaims(header)
    if (claims === undefined) return refuse(`${place}: there is no file's header`)
    const { name, size } = claims
    if (!SHOWN_NAME.test(name) || !tarHeader(name, size, "600").equals(header)) refuse(`${place}: the header is not as a backup's are`)
    if (size > MAX_MEMBER_BYTES) refuse(`${name}: it has more than ${MAX_MEMBER_BYTES} bytes`)
    const content = await stream.take(size)
    const padding = await stream.take(tarPadding(size))
    if (content === undefined || padding === undefined) return refuse(`${name}: the archive is cut off in it`)
    if (padding.some((byte) => byte !== 0)) refuse(`${name}: what fills its last block is not empty`)
    return { name, content }
}

function shown(name: string): string {
    return SHOWN_NAME.test(name) ? name : "a member with a strange name"
}

/** Bytes in the pieces that are asked for. */
class Stream {
    readonly #source: AsyncIterator<Uint8Array>
    readonly #hash = createHash("sha256")
    #chunks: Uint8Array[] = []
    #available = 0
    #at = 0

    constructor(source: AsyncIterable<Uint8Array>) {
        this.#source = source[Symbol.asyncIterator]()
    }

    /** How many bytes were taken. */
    get at(): number {
        return this.#at
    }

    /** SHA-256 of all that was taken, hex. */
    hash(): string {
        return this.#hash.copy().digest("hex")
    }

    /** Lets the source go, wherever it is. */
    async close(): Promise<void> {
        await this.#source.return?.()
    }

    /** The next `length` bytes, the caller's own; undefined: there are fewer left. */
    async take(length: number): Promise<Buffer | undefined> {
        while (this.#available < length) {
            const next = await this.#source.next()
            if (next.done === true) return undefined
            this.#chunks.push(next.value)
            this.#available += next.value.length
        }
        const taken = Buffer.concat(this.#chunks, length)
        let left = length
        while (left > 0) {
            const [first = taken] = this.#chunks
            if (first.length > left) {
                this.#chunks[0] = first.subarray(left)
                break
            }
            left -= first.length
            this.#chunks.shift()
        }
        this.#available -= length
        this.#at += length
        this.#hash.update(taken)
        return taken
    }
}
