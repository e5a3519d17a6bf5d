import { type PublicKeyBytes, sha256 } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import { canonicalKeyIdOf, type Json, type KeyId, tufKey } from "../tuf/index.ts"
import { canonicalJson, parseCanonicalJson } from "./canonical-json.ts"
import { Members } from "./members.ts"
import { at, refuse } from "./refuse.ts"

const FORMAT = "trustkeyd-drill/1"
/** An RSA key of 4096 bits and its signature take 1,600. */
export const MAX_LINE_BYTES = 4096

/** Where a key signed from in the drill: opened from its envelope in the backup, or on a token another export of it was brought to. */
export const PROOF_PLACES = ["envelope", "token"] as const
/** Why a key of the backup did not sign: nothing of it leaves its token, or nobody opened it. */
export const NO_PROOFS = ["on-token", "not-opened"] as const

export type ProvenKey = { readonly id: KeyId; readonly publicKey: PublicKeyBytes; readonly place: (typeof PROOF_PLACES)[number] }
export type UnprovenKey = { readonly id: KeyId; readonly noProof: (typeof NO_PROOFS)[number] }
export type DrilledKey = ProvenKey | UnprovenKey

export type DrillFacts = {
    /** The backup's fingerprint */
    readonly backup: string
    /** When the backup was made, and when the drill was: RFC 3339 in UTC with milliseconds */
    readonly madeAt: string
    readonly at: string
    /** What made the receipt, such as `trustkey 1.0.0` */
    readonly program: string
}

export type DrillCounts = {
    readonly keys: number
    readonly keysSha256: string
    /** How many of them signed. */
    readonly proven: number
    /** How many nobody opened. A drill without any is a good one. */
    readonly notOpened: number
}

/** What every restored key signs: docs/formats/drill-receipt.md. The keys are bound by a hash, so it is small however many they are. */
export type DrillStatement = DrillFacts & DrillCounts

export function encodeStatement(statement: DrillStatement): Buffer {
    return encode({ format: FORMAT, ...statement })
}

/** 32 bytes, which the keys sign in the canary's form. */
export function challengeOf(statement: DrillStatement): Buffer {
    return sha256(encodeStatement(statement))
}

/** @throws backup_invalid; state_newer: a later format */
export function parseStatement(line: Uint8Array, where: string): DrillStatement {
    return at(where, () => {
        const members = new Members(parseCanonicalJson(line, MAX_LINE_BYTES))
        requireFormat(members.text("format"))
        const statement = {
            backup: members.hash("backup"),
            madeAt: members.time("madeAt"),
            at: members.time("at"),
            program: members.text("program"),
            keys: members.integer("keys"),
            keysSha256: members.hash("keysSha256"),
            proven: members.integer("proven"),
            notOpened: members.integer("notOpened"),
        }
        members.finish()
        return statement
    })
}

function requireFormat(format: string): void {
    if (format === FORMAT) return
    if (!/^trustkeyd-drill\/\d{1,9}$/.test(format)) refuse("this is no receipt of a drill")
    throw new TrustkeyError("state_newer", `its format is ${format}, and this program knows ${FORMAT}`)
}

/** Without `signature`: what the statement's hash covers. */
export function encodeKey(key: DrilledKey, signature?: Uint8Array): Buffer {
    if ("noProof" in key) return encode({ key: key.id, noProof: key.noProof })
    const { id, place, publicKey } = key
    const signed = signature === undefined ? {} : { signature: base64(signature) }
    return encode({ key: id, keytype: publicKey.keytype, place, publicKey: base64(publicKey.bytes), ...signed })
}

/** A key's ID is computed again from the key; whether the signature is good is not looked at. @throws backup_invalid */
export function parseKey(line: Uint8Array, where: string): UnprovenKey | (ProvenKey & { readonly signature: Buffer }) {
    return at(where, () => {
        const members = new Members(parseCanonicalJson(line, MAX_LINE_BYTES))
        const id = members.keyId("key")
        const key = members.has("noProof") ? { id, noProof: members.oneOf("noProof", NO_PROOFS) } : { id, ...readProof(members, id) }
        members.finish()
        return key
    })
}

function readProof(members: Members, id: KeyId): Omit<ProvenKey, "id"> & { readonly signature: Buffer } {
    const publicKey = { keytype: members.oneOf("keytype", ["ecdsa", "rsa", "ed25519"]), bytes: members.bytes("publicKey") }
    if (canonicalKeyIdOf(tufKey(publicKey)) !== id) refuse("key is the ID of another key than publicKey")
    return { publicKey, place: members.oneOf("place", PROOF_PLACES), signature: members.bytes("signature") }
}

function encode(members: Readonly<Record<string, Json>>): Buffer {
    return Buffer.from(`${canonicalJson(new Map(Object.entries(members)))}\n`, "utf8")
}

function base64(bytes: Uint8Array): string {
    return Buffer.from(bytes).toString("base64")
}
