import { createHash } from "node:crypto"
import { algorithmOf, canaryMessage, tufScheme, verify } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import {
    challengeOf,
    type DrillCounts,
    type DrilledKey,
    type DrillFacts,
    type DrillStatement,
    encodeKey,
    encodeStatement,
    MAX_LINE_BYTES,
    type ProvenKey,
    parseKey,
    parseStatement,
} from "./receipt-lines.ts"
import { at, refuse } from "./refuse.ts"

export type DrillPlan = {
    readonly statement: DrillStatement
    /** What the keys sign, in the canary's form: 32 bytes */
    readonly challenge: Buffer
    /** By ID. */
    readonly keys: readonly DrilledKey[]
}

const NEWLINE = 0x0a

/** What is signed in a drill of these keys, in whatever order they come. @throws backup_invalid: one is there twice */
export function planDrill(facts: DrillFacts, drilled: readonly DrilledKey[]): DrillPlan {
    const keys = drilled.toSorted((one, other) => (one.id < other.id ? -1 : 1))
    const tally = new Tally()
    for (const key of keys) tally.take(key, "the drill")
    const statement = { ...facts, ...tally.counts() }
    return { statement, challenge: challengeOf(statement), keys }
}

/** The receipt, a line at a time. @param signatures by key ID, each over the canary of the plan's challenge */
export function* receiptLines({ statement, keys }: DrillPlan, signatures: ReadonlyMap<string, Uint8Array>): Generator<Buffer> {
    yield encodeStatement(statement)
    for (const key of keys) {
        const signature = signatures.get(key.id)
        if ("place" in key && signature === undefined) throw new TrustkeyError("internal", `key ${key.id} has not signed`)
        yield encodeKey(key, signature)
    }
}

/** Whether this key's signature over the challenge is good. @throws key_unfit: it is no key of a kind we know */
export function isProof(key: ProvenKey, challenge: Uint8Array, signature: Uint8Array): boolean {
    return verify(key.publicKey, tufScheme(algorithmOf(key.publicKey)), canaryMessage(challenge), signature)
}

/**
 * Read a receipt and check everything in it: its form to the letter, the IDs of its keys, the hash over them, every signature. Whether the keys
 * are those one knows is for `onProven` to say, which is told of each whose signature has been found good.
 *
 * @throws backup_invalid naming the line: cut short, damaged, no receipt
 * @throws verification_failed: a signature is not good; state_newer
 */
export async function checkReceipt(source: AsyncIterable<Uint8Array>, onProven?: (key: ProvenKey) => void): Promise<DrillStatement> {
    const tally = new Tally()
    let statement: DrillStatement | undefined
    let challenge: Buffer = Buffer.of()
    let number = 0
    for await (const line of linesOf(source)) {
        number += 1
        const where = `line ${number} of the receipt`
        if (statement === undefined) {
            statement = parseStatement(line, where)
            challenge = challengeOf(statement)
            continue
        }
        const key = parseKey(line, where)
        tally.take(key, where)
        if ("noProof" in key) continue
        if (!at(where, () => isProof(key, challenge, key.signature)))
            throw new TrustkeyError("verification_failed", `${where}: the signature by key ${key.id} is not good`)
        onProven?.(key)
    }
    if (statement === undefined) return refuse("the receipt is empty")
    requireCounts(statement, tally.counts())
    return statement
}

function requireCounts(statement: DrillStatement, found: DrillCounts): void {
    if (found.keys !== statement.keys) refuse(`the receipt has ${found.keys} keys where its first line says ${statement.keys}`)
    const isSame = found.keysSha256 === statement.keysSha256 && found.proven === statement.proven && found.notOpened === statement.notOpened
    if (!isSame) refuse("the receipt lists other keys than its first line was made for")
}

/** Counts what is listed, in the order of the IDs, and hashes it. */
class Tally {
    readonly #hash = createHash("sha256")
    #last = ""
    #keys = 0
    #proven = 0
    #notOpened = 0

    take(key: DrilledKey, where: string): void {
        if (key.id <= this.#last) refuse(`${where}: key ${key.id} stands there twice, or in the wrong place`)
        this.#last = key.id
        this.#keys += 1
        if ("place" in key) this.#proven += 1
        else if (key.noProof === "not-opened") this.#notOpened += 1
        this.#hash.update(encodeKey(key))
    }

    counts(): DrillCounts {
        return { keys: this.#keys, keysSha256: this.#hash.copy().digest("hex"), proven: this.#proven, notOpened: this.#notOpened }
    }
}

/** Without their newlines; the last has one too. */
async function* linesOf(source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
    let rest: Buffer = Buffer.of()
    for await (const chunk of source) {
        rest = Buffer.concat([rest, chunk])
        let start = 0
        for (let end = rest.indexOf(NEWLINE); end !== -1; end = rest.indexOf(NEWLINE, start)) {
            yield rest.subarray(start, end)
            start = end + 1
        }
        rest = rest.subarray(start)
        if (rest.length > MAX_LINE_BYTES) refuse(`the receipt has a line of over ${MAX_LINE_BYTES} bytes`)
    }
    if (rest.length > 0) refuse("the receipt ends in the middle of a line")
}
