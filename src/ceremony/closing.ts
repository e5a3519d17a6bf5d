import { canonicalize, type Json, keyIdOf, parseKeyId, type Signature, type TufKey, verifySignature } from "../tuf/index.ts"
import { listOf, membersOf, parseCanonical, stringOf } from "./canonical-json.ts"
import { type CloseStatement, closeStatementJson, encodeCloseStatement, OUTCOMES } from "./close-statement.ts"
import { reading, refuse } from "./fault.ts"
import { formatTime, HASH } from "./forms.ts"
import type { Plan } from "./plan.ts"
import type { CeremonyRecord } from "./record.ts"

const MAX_CLOSE_BYTES = 64 * 1024
const METHODS = ["ecdsa", "rsapss", "eddsa"]

/** By the plan's closing keys, over the statement's bytes. */
export type CloseSignatures = { readonly vault: Signature; readonly witness: Signature }

export type CeremonyClose = { readonly statement: CloseStatement; readonly signatures: CloseSignatures }

/** The statement that follows from a transcript ended by `closed`. */
export function statementOf(plan: Plan, closed: CeremonyRecord): CloseStatement {
    const outcome = OUTCOMES.find((name) => name === closed.facts.get("outcome")) ?? refuse("the last record says no outcome")
    return { ceremony: plan.id, closed: formatTime(closed.t), head: closed.hash, outcome, plan: plan.sha256, records: closed.n }
}

/** @throws Fault unless `bytes` is the close of this ceremony, signed by both of the plan's closing keys */
export function readClose(bytes: Uint8Array, plan: Plan, closed: CeremonyRecord | undefined): CeremonyClose {
    const subject = "close.json"
    const members = membersOf(parseCanonical(bytes, subject, MAX_CLOSE_BYTES), subject, ["signatures", "statement"])
    const [vault, witness, ...more] = listOf(members.get("signatures"), "the list of signatures")
    if (more.length > 0) refuse("there are more signatures than vault's and witness's")
    const signatures = { vault: readSignature(vault, "vault"), witness: readSignature(witness, "witness") }
    if (closed === undefined) return refuse("the transcript does not end in a close")
    const close = { statement: statementOf(plan, closed), signatures }
    const said = canonicalize(members.get("statement") ?? null)
    if (!said.equals(encodeCloseStatement(close.statement))) refuse("the statement is not of this transcript")
    checkClose(close, plan)
    return close
}

/** @throws Fault unless both signatures are good, and by the keys that the plan has for it */
export function checkClose({ statement, signatures }: CeremonyClose, plan: Plan): void {
    const bytes = encodeCloseStatement(statement)
    checkSignature("vault", plan.closing.vault, signatures.vault, bytes)
    checkSignature("witness", plan.closing.witness, signatures.witness, bytes)
}

function checkSignature(name: string, key: TufKey, signature: Signature, bytes: Buffer): void {
    if (signature.keyId !== keyIdOf(key)) refuse(`the ${name}'s signature is by another key than the plan's`)
    if (!METHODS.includes(signature.method) || !verifySignature(key, bytes, signature)) refuse(`the ${name}'s signature is not good`)
}

function readSignature(value: Json | undefined, name: string): Signature {
    const subject = `the ${name}'s signature`
    const members = membersOf(value, subject, ["keyid", "method", "name", "sig"])
    if (members.get("name") !== name) refuse(`${subject} is not where it should be`)
    const keyId = stringOf(members.get("keyid"), `the keyid of ${subject}`, (text) => HASH.test(text))
    const sig = stringOf(members.get("sig"), subject, (text) => Buffer.from(text, "base64").toString("base64") === text)
    return {
        keyId: reading(subject, () => parseKeyId(keyId)),
        method: stringOf(members.get("method"), `the method of ${subject}`, (text) => METHODS.includes(text)),
        sig: Buffer.from(sig, "base64"),
    }
}

export function encodeClose({ statement, signatures }: CeremonyClose): Buffer {
    return canonicalize(
        new Map<string, Json>([
            ["signatures", [signatureJson("vault", signatures.vault), signatureJson("witness", signatures.witness)]],
            ["statement", closeStatementJson(statement)],
        ]),
    )
}

function signatureJson(name: string, { keyId, method, sig }: Signature): Json {
    return new Map([
        ["keyid", keyId],
        ["method", method],
        ["name", name],
        ["sig", Buffer.from(sig).toString("base64")],
    ])
}
