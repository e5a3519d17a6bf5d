import { createHash, type KeyObject } from "node:crypto"
import {
    type Algorithm,
    algorithmOf,
    generatePrivateKey,
    openPrivateKey,
    type PublicKeyBytes,
    signWith,
    tufScheme,
} from "../../../src/crypto/index.ts"

/** Path → content: what lies on the stick. */
export type Bundle = Map<string, Buffer>

/** Anything at all: a bundle for tests may be wrong in every place. */
export type Loose = Record<string, unknown>

/** `in` by name: the digest of what was last written under it, unless one is given. `out`: name → content. */
export type RecordDraft = {
    t: string
    who: string
    step: string
    facts: Loose
    in: { name: string; sha256?: string }[]
    out: Map<string, Buffer>
    note: string
}

export type Signer = { readonly publicKey: PublicKeyBytes; readonly privateKey: KeyObject; readonly id: string }

/** docs/formats/metadata.md, written here once more so that no mistake in ours can hide behind itself. */
export function canonical(value: unknown): Buffer {
    return Buffer.from(write(value), "utf8")
}

function write(value: unknown): string {
    if (typeof value === "string") return `"${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`
    if (Array.isArray(value)) return `[${value.map(write).join(",")}]`
    if (typeof value !== "object" || value === null) return String(value)
    const members = Object.entries(value).sort(([left], [right]) => Buffer.compare(Buffer.from(left), Buffer.from(right)))
    return `{${members.map(([name, member]) => `${write(name)}:${write(member)}`).join(",")}}`
}

export function sha256(bytes: Uint8Array | string): string {
    return createHash("sha256").update(bytes).digest("hex")
}

/** `{keytype, keyval}` as metadata has it. */
export function keyJson(keytype: string, bytes: Uint8Array): Loose {
    return { keytype, keyval: { private: null, public: Buffer.from(bytes).toString("base64") } }
}

export function keyIdOf(keytype: string, bytes: Uint8Array): string {
    return sha256(canonical(keyJson(keytype, bytes)))
}

export function makeSigner(algorithm: Algorithm = "p256"): Signer {
    const { pkcs8, publicKey } = generatePrivateKey(algorithm)
    return { publicKey, privateKey: openPrivateKey(pkcs8), id: keyIdOf(publicKey.keytype, publicKey.bytes) }
}

/** TUF's form of a signature, under whatever ID. */
export function signed(signer: Signer, bytes: Uint8Array, keyid = signer.id): Loose {
    const scheme = tufScheme(algorithmOf(signer.publicKey))
    return { keyid, method: scheme, sig: signWith(signer.privateKey, scheme, bytes).toString("base64") }
}

/** As `plan_sha256` in facts: whatever it will be. */
export const THIS_PLAN = "this plan's"

/** What is between the records and the files: whoever has a draft can change anything and have all hashes and signatures fit again. */
export class Draft {
    plan: string
    records: RecordDraft[] = []
    publication: RecordDraft[] = []
    closing: { readonly name: string; readonly signer: Signer }[]
    /** Members of the close statement that are not to be what they should. */
    statement: Loose = {}

    constructor(plan: string, closing: { readonly name: string; readonly signer: Signer }[]) {
        this.plan = plan
        this.closing = closing
    }

    copy(): Draft {
        const copy = new Draft(this.plan, [...this.closing])
        const copied = (records: readonly RecordDraft[]): RecordDraft[] =>
            records.map((record) => ({
                ...record,
                facts: { ...record.facts },
                in: record.in.map((item) => ({ ...item })),
                out: new Map(record.out),
            }))
        copy.records = copied(this.records)
        copy.publication = copied(this.publication)
        copy.statement = { ...this.statement }
        return copy
    }

    add(t: string, who: string, step: string, facts: Loose, out: Record<string, Buffer> = {}, inputs: readonly string[] = []): RecordDraft {
        const made = new Map(Object.entries(out).sort(([left], [right]) => (left < right ? -1 : 1)))
        const record = { t, who, step, facts, in: inputs.toSorted().map((name) => ({ name })), out: made, note: "" }
        this.records.push(record)
        return record
    }

    /** The n-th record, from 1. */
    record(n: number): RecordDraft {
        const found = this.records[n - 1]
        if (found === undefined) throw new Error(`there is no record ${n}`)
        return found
    }

    /** The number of the last (or `nth`, from 0) record of a step that `fits`. */
    number(step: string, fits: (record: RecordDraft) => boolean = () => true): number {
        const index = this.records.findLastIndex((record) => record.step === step && fits(record))
        if (index < 0) throw new Error(`there is no ${step}`)
        return index + 1
    }

    seal(): Bundle {
        const bundle: Bundle = new Map([["plan.toml", Buffer.from(this.plan)]])
        const digests = new Map<string, string>()
        const chain = (records: readonly RecordDraft[], first: string, count: number): { lines: Buffer[]; head: string } => {
            let prev = first
            const lines = records.map((draft, index) => {
                const { out, facts, ...rest } = draft
                const record = {
                    ...rest,
                    facts: facts["plan_sha256"] === THIS_PLAN ? { ...facts, plan_sha256: sha256(this.plan) } : facts,
                    in: draft.in.map(({ name, sha256: given }) => ({ name, sha256: given ?? digests.get(name) ?? sha256(name) })),
                    n: count + index + 1,
                    out: Array.from(out, ([name, content]) => {
                        digests.set(name, sha256(content))
                        bundle.set(`artefacts/${sha256(content)}`, content)
                        return { name, sha256: sha256(content) }
                    }),
                    prev,
                }
                prev = sha256(canonical(record))
                return Buffer.concat([canonical({ ...record, hash: prev }), Buffer.from("\n")])
            })
            return { lines, head: prev }
        }
        const transcript = chain(this.records, sha256(this.plan), 0)
        bundle.set("transcript.jsonl", Buffer.concat(transcript.lines))
        const last = this.records.at(-1)
        const statement = {
            _type: "trustkey-ceremony-close",
            ceremony: /^id = "(.*)"$/m.exec(this.plan)?.[1] ?? "",
            closed: last?.t ?? "",
            head: transcript.head,
            outcome: last?.facts["outcome"] ?? "complete",
            plan: sha256(this.plan),
            records: this.records.length,
            ...this.statement,
        }
        const signatures = this.closing.map(({ name, signer }) => ({ name, ...signed(signer, canonical(statement)) }))
        bundle.set("close.json", canonical({ signatures, statement }))
        if (this.publication.length > 0) {
            bundle.set("publication.jsonl", Buffer.concat(chain(this.publication, transcript.head, this.records.length).lines))
        }
        return bundle
    }
}
