import { isAgeRecipient, sha256 } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import type { Json } from "../tuf/index.ts"
import { canonicalJson, parseCanonicalJson } from "./canonical-json.ts"
import { Members } from "./members.ts"

/** docs/formats/backup-shares.md: what everybody may know of an identity that is in shares. */
export type ShareSet = {
    /** 20 hexadecimal digits, which stand in each share too: nothing below can be other without another set */
    readonly set: string
    /** Whom a backup is encrypted for: age1… */
    readonly recipient: string
    /** How many shares give the identity back */
    readonly threshold: number
    /** Of share 1, 2 …: 64 hexadecimal digits each */
    readonly commitments: readonly string[]
}

export const SHARES_FORMAT = "trustkey-backup-shares/1"
export const LEAST_THRESHOLD = 2
export const MOST_SHARES = 255
const SET_BYTES = 10
const LARGEST_FILE = 64 * 1024
const LINE_FEED = 0x0a

/** The set that these make. */
export function shareSetOf(recipient: string, threshold: number, commitments: readonly string[]): ShareSet {
    const label = Buffer.from(`${SHARES_FORMAT} set`)
    const numbers = Buffer.of(threshold, commitments.length)
    const hashes = commitments.map((commitment) => Buffer.from(commitment, "hex"))
    const hash = sha256(Buffer.concat([label, numbers, Buffer.from(recipient), ...hashes]))
    return { set: hash.toString("hex", 0, SET_BYTES), recipient, threshold, commitments }
}

/** The bytes of its public file, canonical JSON. */
export function encodeShareSet({ set, recipient, threshold, commitments }: ShareSet): Buffer {
    const members: readonly (readonly [string, Json])[] = [
        ["format", SHARES_FORMAT],
        ["set", set],
        ["recipient", recipient],
        ["threshold", threshold],
        ["commitments", commitments],
    ]
    return Buffer.from(canonicalJson(new Map(members)), "utf8")
}

/** What encodeShareSet wrote; one newline at the end is an editor's. @throws share_invalid */
export function parseShareSet(file: Uint8Array): ShareSet {
    try {
        return readShareSet(file.at(-1) === LINE_FEED ? file.subarray(0, -1) : file)
    } catch (error) {
        if (!(error instanceof TrustkeyError) || error.code === "internal" || error.code === "share_invalid") throw error
        throw new TrustkeyError("share_invalid", `this is not the public file of a set of shares: ${error.message}`, { cause: error })
    }
}

function readShareSet(bytes: Uint8Array): ShareSet {
    const members = new Members(parseCanonicalJson(bytes, LARGEST_FILE))
    members.only("format", SHARES_FORMAT)
    const written = members.text("set")
    const recipient = members.text("recipient", isAgeRecipient)
    const threshold = members.integer("threshold", LEAST_THRESHOLD)
    const commitments = members.texts("commitments", (text) => /^[0-9a-f]{64}$/.test(text))
    members.finish()
    if (commitments.length > MOST_SHARES || threshold > commitments.length)
        throw new TrustkeyError("share_invalid", `there is no set of ${commitments.length} shares of which ${threshold} suffice`)
    const set = shareSetOf(recipient, threshold, commitments)
    if (set.set !== written)
        throw new TrustkeyError("share_invalid", "the public file of this set of shares was altered: its parts don't make its ID")
    return set
}
