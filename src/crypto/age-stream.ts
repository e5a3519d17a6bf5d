import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto"
import type { Stanza } from "age-encryption"
import { TrustkeyError } from "../errors.ts"
import { withoutArmor } from "./age-armor.ts"
import { type AgeOpener, type AgeRecipients, neededFor, unwrapFileKey, wrapperFor } from "./age-stanzas.ts"
import { Secret } from "./secret.ts"

// https://c2sp.org/age. The header is the library's, with stanzas of ours; the payload is ours, over the runtime's OpenSSL: without a
// compiler the library does 1 MB a second, and it takes the passphrase of a file as a string.

const VERSION_LINE = "age-encryption.org/v1\n"
/** Some 600 recipients; a header without an end is not read for ever. */
const LARGEST_HEADER = 64 * 1024
const MAC_LINE = "\n---"
const NONCE_LENGTH = 16
const KEY_LENGTH = 32
const TAG_LENGTH = 16
const CHUNK = 64 * 1024
const SEALED_CHUNK = CHUNK + TAG_LENGTH
const CIPHER = "chacha20-poly1305"

/** What the library leaves behind the header of an empty file: nonce and tag. */
const EMPTY_PAYLOAD = NONCE_LENGTH + TAG_LENGTH

/**
 * An age file in the making: `header` first, then what each `write` gives, then what `end` gives. Without the last there is no file: whoever
 * opens it is told that it is cut off.
 */
export class AgeWriter implements Disposable {
    /** The first bytes of the file, with the nonce of its payload */
    readonly header: Buffer
    readonly #key: Secret
    readonly #waiting = Buffer.alloc(CHUNK)
    #length = 0
    #sequence = 0
    #ended = false

    private constructor(header: Buffer, key: Secret) {
        this.header = header
        this.#key = key
    }

    /** A passphrase takes a second and 256 MiB. @throws invalid_request: what can be no recipient; an empty passphrase */
    static async open(to: AgeRecipients): Promise<AgeWriter> {
        const wrap = wrapperFor(to)
        // 127 ms without a compiler, and most processes never need it.
        const { Encrypter } = await import("age-encryption")
        const encrypter = new Encrypter()
        let fileKey: Uint8Array = Buffer.alloc(0)
        encrypter.addRecipient({
            wrapFileKey: (made) => {
                // The library's own bytes, to be wiped in place.
                fileKey = made
                return wrap(made)
            },
        })
        try {
            const empty = await encrypter.encrypt(new Uint8Array())
            const nonce = randomBytes(NONCE_LENGTH)
            return new AgeWriter(Buffer.concat([empty.subarray(0, -EMPTY_PAYLOAD), nonce]), payloadKey(fileKey, nonce))
        } finally {
            fileKey.fill(0)
        }
    }

    /** What of the file is finished with these bytes, if anything; `content` stays the caller's. @throws internal after `end` */
    write(content: Uint8Array): Buffer {
        if (this.#ended) throw new TrustkeyError("internal", "an age file that has ended is written to")
        const sealed: Buffer[] = []
        for (let at = 0; at < content.length; ) {
            // Only with more behind it is a chunk known not to be the last.
            if (this.#length === CHUNK) sealed.push(this.#seal(false))
            const taken = content.subarray(at, at + CHUNK - this.#length)
            this.#waiting.set(taken, this.#length)
            this.#length += taken.length
            at += taken.length
        }
        return Buffer.concat(sealed)
    }

    /** The last bytes of the file. @throws internal when called again */
    end(): Buffer {
        if (this.#ended) throw new TrustkeyError("internal", "an age file ends twice")
        const last = this.#seal(true)
        this[Symbol.dispose]()
        return last
    }

    [Symbol.dispose](): void {
        this.#ended = true
        this.#waiting.fill(0)
        this.#key[Symbol.dispose]()
    }

    #seal(isLast: boolean): Buffer {
        const nonce = chunkNonce(this.#sequence, isLast)
        const cipher = this.#key.reveal((key) => createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_LENGTH }))
        const sealed = Buffer.concat([cipher.update(this.#waiting.subarray(0, this.#length)), cipher.final(), cipher.getAuthTag()])
        this.#sequence += 1
        this.#length = 0
        return sealed
    }
}

/**
 * What is in the age file that `source` brings, binary or armored, in pieces of up to 64 KiB, each verified before it is given out; the
 * caller wipes them. Whether the file is whole is known only when this has ended without an error.
 *
 * @throws backup_invalid: no age file, one not in order, changed or cut off. open_failed: it is for others, or the passphrase is wrong. What
 * `source` throws.
 */
export async function* openAge(source: AsyncIterable<Uint8Array>, opener: AgeOpener): AsyncGenerator<Buffer> {
    const head = new Head()
    let payload: Payload | undefined
    try {
        for await (const piece of withoutArmor(source)) {
            if (payload !== undefined) {
                yield* payload.take(piece)
                continue
            }
            const found = head.take(piece)
            if (found === undefined) continue
            using fileKey = await openHeader(found.header, opener)
            payload = new Payload(fileKey.reveal((bytes) => payloadKey(bytes, found.nonce)))
            yield* payload.take(found.rest)
        }
        if (payload === undefined) throw head.isNone()
        yield* payload.end()
    } finally {
        payload?.[Symbol.dispose]()
    }
}

type Found = { readonly header: Buffer; readonly nonce: Buffer; readonly rest: Buffer }

/** Collects a file's beginning. */
class Head {
    #bytes = Buffer.alloc(0)

    take(piece: Uint8Array): Found | undefined {
        this.#bytes = Buffer.concat([this.#bytes, piece])
        const start = this.#bytes.toString("latin1", 0, VERSION_LINE.length)
        if (!VERSION_LINE.startsWith(start)) throw this.isNone()
        // No line but the last begins so: the others are arguments behind an arrow, or base64.
        const macLine = this.#bytes.indexOf(MAC_LINE, 0, "latin1")
        const length = macLine === -1 ? 0 : this.#bytes.indexOf("\n", macLine + 1, "latin1") + 1
        if (length > LARGEST_HEADER || (length === 0 && this.#bytes.length > LARGEST_HEADER))
            throw new TrustkeyError("backup_invalid", `the header of the age file is longer than ${LARGEST_HEADER} bytes`)
        const end = length + NONCE_LENGTH
        if (length === 0 || this.#bytes.length < end) return undefined
        return { header: this.#bytes.subarray(0, length), nonce: this.#bytes.subarray(length, end), rest: this.#bytes.subarray(end) }
    }

    /** Why there is no file, once no more is to come. */
    isNone(): TrustkeyError {
        const start = this.#bytes.toString("latin1", 0, VERSION_LINE.length)
        if (start === VERSION_LINE) return new TrustkeyError("backup_invalid", "the age file is cut off in its header")
        return new TrustkeyError("backup_invalid", "this is no file in the age format, version 1")
    }
}

async function openHeader(header: Buffer, opener: AgeOpener): Promise<Secret> {
    const { Decrypter } = await import("age-encryption")
    const decrypter = new Decrypter()
    let stanzas: readonly Stanza[] | undefined
    let fileKey: Secret | undefined
    decrypter.addIdentity({
        unwrapFileKey: async (read: Stanza[]) => {
            stanzas = read
            fileKey = await unwrapFileKey(opener, read)
            // The bytes themselves and no copy: nothing else is to be wiped.
            return fileKey?.reveal((bytes) => bytes) ?? null
        },
    })
    try {
        await decrypter.decryptHeader(header)
        if (fileKey === undefined) throw new TrustkeyError("internal", "a header was opened without its file key")
        return fileKey
    } catch (cause) {
        fileKey?.[Symbol.dispose]()
        if (cause instanceof TrustkeyError) throw cause
        if (stanzas === undefined) throw new TrustkeyError("backup_invalid", "the header of the age file is not in order", { cause })
        if (fileKey !== undefined) throw new TrustkeyError("backup_invalid", "the header of the age file was changed", { cause })
        throw notFor(opener, stanzas)
    }
}

function notFor(opener: AgeOpener, stanzas: readonly Stanza[]): TrustkeyError {
    const needed = neededFor(stanzas)
    if (needed === opener.kind) {
        const message = needed === "passphrase" ? "the passphrase is wrong, or the file is damaged" : "the file is for other identities"
        return new TrustkeyError("open_failed", message)
    }
    if (needed === "passphrase") return new TrustkeyError("open_failed", "the file opens with a passphrase, not with an identity")
    if (needed === "identities") return new TrustkeyError("open_failed", "the file opens with an age identity, not with a passphrase")
    return new TrustkeyError(
        "open_failed",
        "the file is for recipients of a kind that trustkeyd does not know: it opens X25519 and passphrases",
    )
}

class Payload implements Disposable {
    readonly #key: Secret
    readonly #sealed = Buffer.alloc(SEALED_CHUNK)
    #length = 0
    #sequence = 0
    #isOver = false

    constructor(key: Secret) {
        this.#key = key
    }

    *take(piece: Uint8Array): Generator<Buffer> {
        for (let at = 0; at < piece.length; ) {
            if (this.#isOver) throw new TrustkeyError("backup_invalid", "there is something behind the end of the age file")
            const taken = piece.subarray(at, at + SEALED_CHUNK - this.#length)
            this.#sealed.set(taken, this.#length)
            this.#length += taken.length
            at += taken.length
            if (this.#length === SEALED_CHUNK) yield this.#openFull()
        }
    }

    *end(): Generator<Buffer> {
        if (this.#isOver) return
        if (this.#length < TAG_LENGTH) throw this.#cutOff()
        const isFirst = this.#sequence === 0
        const last = this.#open(true)
        if (last === undefined) throw this.#damaged()
        if (last.length > 0) yield last
        // "The final chunk … MUST NOT be empty unless the whole payload is empty."
        else if (!isFirst) throw this.#damaged()
    }

    [Symbol.dispose](): void {
        this.#key[Symbol.dispose]()
    }

    /** The last one may be full as well. */
    #openFull(): Buffer {
        const content = this.#open(false)
        if (content !== undefined) return content
        const last = this.#open(true)
        if (last === undefined) throw this.#damaged()
        this.#isOver = true
        return last
    }

    #open(isLast: boolean): Buffer | undefined {
        const nonce = chunkNonce(this.#sequence, isLast)
        const decipher = this.#key.reveal((key) => createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_LENGTH }))
        const contentLength = this.#length - TAG_LENGTH
        decipher.setAuthTag(this.#sealed.subarray(contentLength, this.#length))
        const content = decipher.update(this.#sealed.subarray(0, contentLength))
        try {
            decipher.final()
        } catch {
            content.fill(0)
            return undefined
        }
        this.#sequence += 1
        this.#length = 0
        return content
    }

    #cutOff(): TrustkeyError {
        return new TrustkeyError("backup_invalid", `the age file is cut off ${this.#where()}`)
    }

    #damaged(): TrustkeyError {
        return new TrustkeyError("backup_invalid", `the age file is changed or cut off ${this.#where()}`)
    }

    #where(): string {
        return `behind byte ${this.#sequence * CHUNK} of its content`
    }
}

/** 11 bytes that count, one that says whether more follow. */
function chunkNonce(sequence: number, isLast: boolean): Buffer {
    const nonce = Buffer.alloc(12)
    // 2^48 chunks are 16 EiB.
    nonce.writeUIntBE(sequence, 5, 6)
    nonce[11] = isLast ? 1 : 0
    return nonce
}

function payloadKey(fileKey: Uint8Array, nonce: Uint8Array): Secret {
    return new Secret(Buffer.from(hkdfSync("sha256", fileKey, nonce, "payload", KEY_LENGTH)))
}
