import { decodeBech32, encodeBech32, identityFromBytes, identityToBytes, Secret, sha256 } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import { LEAST_THRESHOLD, MOST_SHARES, SHARES_FORMAT, type ShareSet, shareSetOf } from "./share-set.ts"

// docs/formats/backup-shares.md. The library splits and combines bytes; what a share says of itself, and how one is known to be right, is ours.

/** One holder's part of an identity. Whoever has it wipes its value. */
export type Share = {
    /** The ID of its set, 20 hexadecimal digits */
    readonly set: string
    /** How many of the set give the identity back */
    readonly threshold: number
    /** From 1 on */
    readonly index: number
    readonly value: Secret
}

const PREFIX = "TKS"
const VERSION = 1
const SET_LENGTH = 10
const IDENTITY_LENGTH = 32
const CHECK_LENGTH = 4
/** A byte for each one that is split, and the library's coordinate, which is not zero. */
const VALUE_LENGTH = IDENTITY_LENGTH + CHECK_LENGTH + 1
const SHARE_LENGTH = 1 + SET_LENGTH + 1 + 1 + VALUE_LENGTH
/** BIP-173: up to this length its checksum finds any four wrong characters. */
const TEXT_LENGTH = 90
const MOST_TEXT = 4096

/**
 * Split `identity`, AGE-SECRET-KEY-1…, into `count` shares of which any `threshold` give it back, and fewer say nothing of it.
 *
 * @throws invalid_request: there is no such set, or no such identity
 */
export async function createShares(
    identity: Secret,
    threshold: number,
    count: number,
): Promise<{ readonly set: ShareSet; readonly shares: readonly Share[] }> {
    if (!isSize(threshold, count))
        throw new TrustkeyError(
            "invalid_request",
            `a set has at most ${MOST_SHARES} shares, and at least ${LEAST_THRESHOLD} of them are needed`,
        )
    using raw = identityToBytes(identity)
    const values = await splitChecked(raw, threshold, count)
    const set = shareSetOf(
        recipientOf(raw),
        threshold,
        values.map((value, index) => commitmentTo(value, threshold, index + 1)),
    )
    const shares = values.map((value, index) => ({ set: set.set, threshold, index: index + 1, value }))
    // Before anybody prints them: each of them takes part once.
    for (let at = 0; at < count; at += threshold) {
        const some = shares.slice(Math.min(at, count - threshold)).slice(0, threshold)
        using again = await combineToBytes(some)
        if (again?.equals(raw) !== true) throw new TrustkeyError("internal", "shares that were just made don't give the identity back")
    }
    return { set, shares }
}

function isSize(threshold: number, count: number): boolean {
    return (
        Number.isInteger(threshold) && Number.isInteger(count) && threshold >= LEAST_THRESHOLD && threshold <= count && count <= MOST_SHARES
    )
}

async function splitChecked(raw: Secret, threshold: number, count: number): Promise<readonly Secret[]> {
    const { split } = await import("shamir-secret-sharing")
    // The library takes nothing derived from Uint8Array.
    const checked = raw.reveal((bytes) => Uint8Array.from([...bytes, ...checkOf(bytes)]))
    try {
        return (await split(checked, count, threshold)).map(
            (value) => new Secret(Buffer.from(value.buffer, value.byteOffset, value.byteLength)),
        )
    } finally {
        checked.fill(0)
    }
}

function checkOf(raw: Uint8Array): Buffer {
    return sha256(Buffer.concat([Buffer.from(`${SHARES_FORMAT} check`), raw])).subarray(0, CHECK_LENGTH)
}

function commitmentTo(value: Secret, threshold: number, index: number): string {
    const label = Buffer.from(`${SHARES_FORMAT} commitment`)
    return value.reveal((bytes) => sha256(Buffer.concat([label, Buffer.of(threshold, index), bytes])).toString("hex"))
}

/** As a person types it and a code holds it: 90 characters, TKS1…, of bech32's alphabet in upper case. */
export function shareText({ set, threshold, index, value }: Share): Secret {
    using content = new Secret(
        value.reveal((bytes) => Buffer.concat([Buffer.of(VERSION), Buffer.from(set, "hex"), Buffer.of(threshold, index), bytes])),
    )
    return new Secret(content.reveal((bytes) => encodeBech32(PREFIX, bytes)))
}

/**
 * A share as it was typed or scanned: upper case or lower, with white space and hyphens wherever they help.
 *
 * @throws share_invalid: mistyped, or no share
 */
export function parseShare(text: Secret): Share {
    if (text.length > MOST_TEXT) throw new TrustkeyError("share_invalid", "this is no share: it is too long")
    using typed = text.reveal(withoutSpaces)
    const length = typed.length
    const content = typed.reveal((bytes) => decodeBech32(PREFIX, bytes))
    try {
        if (content === undefined) throw mistyped(length, typed)
        if (content[0] !== VERSION) throw new TrustkeyError("share_invalid", "this share was made by a newer version of trustkey")
        return readShare(content)
    } finally {
        content?.fill(0)
    }
}

function mistyped(length: number, typed: Secret): TrustkeyError {
    const begins = typed.reveal((bytes) => bytes.subarray(0, PREFIX.length + 1).equals(Buffer.from(`${PREFIX}1`)))
    if (!begins) return new TrustkeyError("share_invalid", `this is no share: one begins with ${PREFIX}1`)
    if (length !== TEXT_LENGTH) return new TrustkeyError("share_invalid", `a share has ${TEXT_LENGTH} characters, and this one ${length}`)
    return new TrustkeyError("share_invalid", "a character of this share is mistyped: its checksum does not fit")
}

function readShare(content: Buffer): Share {
    const [threshold = 0, index = 0] = content.subarray(1 + SET_LENGTH)
    // Its last byte is the coordinate: at zero lies the secret itself.
    if (content.length !== SHARE_LENGTH || threshold < LEAST_THRESHOLD || index === 0 || content.at(-1) === 0)
        throw new TrustkeyError("share_invalid", "this is no share, although its checksum fits")
    const value = Buffer.alloc(VALUE_LENGTH)
    content.copy(value, 0, SHARE_LENGTH - VALUE_LENGTH)
    return { set: content.toString("hex", 1, 1 + SET_LENGTH), threshold, index, value: new Secret(value) }
}

const HYPHEN = 0x2d
const SPACE = 0x20
const LOWER_A = 0x61
const LOWER_Z = 0x7a

function withoutSpaces(text: Buffer): Secret {
    const typed = Buffer.alloc(text.length)
    let length = 0
    for (const byte of text) {
        if (byte <= SPACE || byte === HYPHEN) continue
        typed[length] = byte >= LOWER_A && byte <= LOWER_Z ? byte - SPACE : byte
        length += 1
    }
    // What lies behind is zero: nothing was written there.
    return new Secret(typed.subarray(0, length))
}

/** One share alone, held against the set's public file. @throws share_invalid: it is of another set, or not as it was made */
export function checkShare(share: Share, set: ShareSet): void {
    if (share.set !== set.set)
        throw new TrustkeyError("share_invalid", `${nameOf(share)} is of set ${share.set}, and the file of set ${set.set}`)
    const committed = set.commitments[share.index - 1]
    if (share.threshold !== set.threshold || committed !== commitmentTo(share.value, share.threshold, share.index))
        throw new TrustkeyError("share_invalid", `${nameOf(share)} is not as it was made: leave it out`)
}

/**
 * The identity out of `shares`, and its recipient. With the public file of their set a wrong share is named; without it, only if there is one more than needed.
 *
 * @throws share_invalid: of different sets, the same one twice, or not as they were made. invalid_request: too few
 */
export async function combineShares(
    shares: readonly Share[],
    set?: ShareSet,
): Promise<{ readonly identity: Secret; readonly recipient: string }> {
    requireOneSet(shares)
    if (set !== undefined) for (const share of shares) checkShare(share, set)
    requireEnough(shares)
    using raw = await combineToBytes(shares)
    if (raw === undefined) throw await wrongShare(shares)
    const recipient = recipientOf(raw)
    if (set !== undefined && recipient !== set.recipient)
        throw new TrustkeyError(
            "share_invalid",
            `these shares give the identity of ${recipient}, and their public file is of ${set.recipient}`,
        )
    return identityFromBytes(raw)
}

/** How many more are needed than these, which are of one set. @throws share_invalid as combineShares */
export function missingShares(shares: readonly Share[]): number {
    requireOneSet(shares)
    const [first] = shares
    return first === undefined ? LEAST_THRESHOLD : Math.max(0, first.threshold - shares.length)
}

function requireOneSet(shares: readonly Share[]): void {
    const [first] = shares
    const seen = new Set<number>()
    const coordinates = new Map<number, Share>()
    for (const share of shares) {
        if (first !== undefined && (share.set !== first.set || share.threshold !== first.threshold)) {
            const [one, other] = [`${nameOf(first)} of set ${first.set}`, `${nameOf(share)} of set ${share.set}`]
            throw new TrustkeyError(
                "share_invalid",
                `these shares don't belong together: ${one}, ${first.threshold} needed; ${other}, ${share.threshold} needed`,
            )
        }
        if (seen.has(share.index)) throw new TrustkeyError("share_invalid", `${nameOf(share)} is there twice`)
        seen.add(share.index)
        const coordinate = share.value.reveal((bytes) => bytes[VALUE_LENGTH - 1] ?? 0)
        const same = coordinates.get(coordinate)
        if (same !== undefined) throw new TrustkeyError("share_invalid", `${nameOf(same)} or ${nameOf(share)} is not as it was made`)
        coordinates.set(coordinate, share)
    }
}

function requireEnough(shares: readonly Share[]): void {
    const missing = missingShares(shares)
    const [first] = shares
    if (missing === 0) return
    const there =
        first === undefined ? "there is none" : `${first.threshold} of set ${first.set} are needed, and there are ${shares.length}`
    throw new TrustkeyError("invalid_request", `these are too few shares: ${there}`)
}

/** undefined: one of them is not as it was made. */
async function combineToBytes(shares: readonly Share[]): Promise<Secret | undefined> {
    const { combine } = await import("shamir-secret-sharing")
    const values = shares.map(({ value }) => value.reveal((bytes) => Uint8Array.from(bytes)))
    const checked = await combine(values).finally(() => {
        for (const value of values) value.fill(0)
    })
    const raw = new Secret(Buffer.from(checked.buffer, 0, IDENTITY_LENGTH))
    const check = raw.reveal(checkOf)
    if (check.equals(checked.subarray(IDENTITY_LENGTH))) return raw
    raw[Symbol.dispose]()
    return undefined
}

async function wrongShare(shares: readonly Share[]): Promise<TrustkeyError> {
    if (missingShares(shares.slice(1)) === 0) {
        for (const share of shares) {
            using raw = await combineToBytes(shares.filter((other) => other !== share))
            if (raw !== undefined)
                return new TrustkeyError("share_invalid", `${nameOf(share)} is not as it was made: leave it out, the others are right`)
        }
    }
    const named = shares.map(({ index }) => index).join(", ")
    return new TrustkeyError(
        "share_invalid",
        `of the shares ${named} at least one is not as it was made; the public file of their set says which`,
    )
}

function recipientOf(raw: Secret): string {
    const { identity, recipient } = identityFromBytes(raw)
    identity[Symbol.dispose]()
    return recipient
}

function nameOf({ index }: Share): string {
    return `share ${index}`
}
