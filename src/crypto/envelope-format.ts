import { randomBytes } from "node:crypto"
import { TrustkeyError } from "../errors.ts"
import { type Argon2Cost, isCostAllowed } from "./argon2.ts"
import { TAG_LENGTH } from "./box.ts"
import { u32, utf8 } from "./transcript.ts"

// The bytes of docs/formats/envelope.md, and nothing about what they protect.

export type WrapKind = "passphrase" | "group" | "credential"

/** The part of a wrap that its ciphertext is bound to. `cost` is there unless it is a group's. */
export type WrapHead = { readonly kind: WrapKind; readonly name: string; readonly cost: Argon2Cost | undefined; readonly salt: Uint8Array }

export type StoredWrap = WrapHead & { readonly commitment: Uint8Array; readonly sealed: Uint8Array }

export type Envelope = { readonly wraps: readonly StoredWrap[]; readonly salt: Uint8Array; readonly sealed: Uint8Array }

export const DATA_KEY_LENGTH = 32
export const COMMITMENT_LENGTH = 32
export const MOST_WRAPS = 8
export const LARGEST_CONTENT = 64 * 1024

const MAGIC = Buffer.from("TKEV", "latin1")
const VERSION = 1
const SALT_LENGTH = 16
const MOST_NAME_BYTES = 255
const WRAPPED_LENGTH = DATA_KEY_LENGTH + TAG_LENGTH

const CODES = { passphrase: 1, group: 2, credential: 3 } as const satisfies Record<WrapKind, number>

export function newSalt(): Buffer {
    return randomBytes(SALT_LENGTH)
}

/** @throws invalid_request for a name that doesn't fit */
export function encodeEnvelope({ wraps, salt, sealed }: Envelope): Buffer {
    return Buffer.concat([
        MAGIC,
        Buffer.from([VERSION, wraps.length]),
        ...wraps.flatMap((wrap) => [wrapHeadBytes(wrap), wrap.commitment, wrap.sealed]),
        salt,
        u32(sealed.length),
        sealed,
    ])
}

/** @throws invalid_request for a name that doesn't fit */
export function wrapHeadBytes({ kind, name, cost, salt }: WrapHead): Buffer {
    const bytes = utf8(name)
    if (bytes.length > MOST_NAME_BYTES) throw new TrustkeyError("invalid_request", `a name has ${MOST_NAME_BYTES} bytes at most`)
    const costBytes = cost === undefined ? [] : [u32(cost.passes), u32(cost.memoryKiB), u32(cost.lanes)]
    return Buffer.concat([Buffer.from([CODES[kind], bytes.length]), bytes, ...costBytes, salt])
}

/** @returns undefined for anything but an envelope of this version, whole, with nothing before or after, every number in bounds */
export function parseEnvelope(bytes: Uint8Array): Envelope | undefined {
    try {
        const reader = new Reader(bytes)
        if (!reader.take(MAGIC.length).equals(MAGIC) || reader.u8() !== VERSION) return undefined
        const count = reader.u8()
        if (count === 0 || count > MOST_WRAPS) return undefined
        const wraps = Array.from({ length: count }, () => parseWrap(reader))
        if (new Set(wraps.map((wrap) => `${wrap.kind} ${wrap.name}`)).size < count) return undefined
        const salt = reader.take(SALT_LENGTH)
        const length = reader.u32()
        if (length <= TAG_LENGTH || length > LARGEST_CONTENT + TAG_LENGTH) return undefined
        const sealed = reader.take(length)
        return reader.isAtEnd() ? { wraps, salt, sealed } : undefined
    } catch {
        return undefined
    }
}

function parseWrap(reader: Reader): StoredWrap {
    const kind = parseKind(reader.u8())
    const name = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(reader.take(reader.u8()))
    if (kind === "passphrase" && name !== "") throw new RangeError("a passphrase has no name")
    const cost = kind === "group" ? undefined : { passes: reader.u32(), memoryKiB: reader.u32(), lanes: reader.u32() }
    // Before any memory is taken for it.
    if (cost !== undefined && !isCostAllowed(cost)) throw new RangeError("cost")
    return {
        kind,
        name,
        cost,
        salt: reader.take(SALT_LENGTH),
        commitment: reader.take(COMMITMENT_LENGTH),
        sealed: reader.take(WRAPPED_LENGTH),
    }
}

function parseKind(code: number): WrapKind {
    switch (code) {
        case CODES.passphrase:
            return "passphrase"
        case CODES.group:
            return "group"
        case CODES.credential:
            return "credential"
        default:
            throw new RangeError("kind")
    }
}

class Reader {
    readonly #bytes: Buffer
    #at = 0

    constructor(bytes: Uint8Array) {
        this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    }

    take(length: number): Buffer {
        const end = this.#at + length
        if (end > this.#bytes.length) throw new RangeError("short")
        const part = this.#bytes.subarray(this.#at, end)
        this.#at = end
        return part
    }

    u8(): number {
        return this.take(1).readUInt8()
    }

    u32(): number {
        return this.take(4).readUInt32BE()
    }

    isAtEnd(): boolean {
        return this.#at === this.#bytes.length
    }
}
