import { createHash } from "node:crypto"
import { algorithmOf } from "../../../src/crypto/index.ts"
import { canonical, Draft, keyJson, type Loose, makeSigner, type Signer, sha256, signed, THIS_PLAN } from "./draft.ts"
import { type CeremonyKey, type KeySpec, makeKey } from "./people.ts"
import { writePlan } from "./plan-text.ts"

export type Kind = "create-root" | "rotate-root" | "replace-holder" | "root-lost"

export type Scenario = {
    readonly kind: Kind
    readonly keys: readonly KeySpec[]
    /** Of the old root and the new. */
    readonly thresholds: { readonly old?: number; readonly new: number }
    readonly guns?: readonly string[]
    /** Versions of root that were published: the first on with the old keys. */
    readonly versions?: number
    /** The first new key is spoilt before or after the root was built, and made again on a spare token. */
    readonly spoilt?: "before-build" | "after-signing"
    readonly backup?: boolean
    readonly outcome?: "complete" | "abandoned"
    readonly published?: boolean
}

export const GUN = "registry.example.com/team/app"
const PROGRAM = sha256("the program's package")

const MINUTE = 60_000

/** What somebody else would have done. */
export type Hooks = {
    /** Instead of the root that the plan wants; signed and finished as if it were right. */
    readonly root?: (body: Loose, i: number) => Loose
    /** Records that are never written. */
    readonly omit?: (step: string, facts: Loose) => boolean
    /** Instead of the published root. */
    readonly chain?: (body: Loose, version: number) => Loose
    /** Instead of the published file. */
    readonly file?: (content: Buffer, version: number) => Buffer
}

/** What takes time to make, and may serve for more than one ceremony. */
type Made = {
    readonly keys: readonly CeremonyKey[]
    readonly roles: readonly Readonly<Record<string, Signer>>[]
    readonly closing: { readonly vault: Signer; readonly witness: Signer }
}

/** A ceremony as it goes when nobody does anything wrong; what a test changes in it is `draft`, before it is sealed. */
export class Ceremony {
    readonly scenario: Scenario
    readonly guns: readonly string[]
    readonly keys: CeremonyKey[]
    readonly draft: Draft
    /** The bodies that are published already, by repository. */
    readonly chains: readonly (readonly Loose[])[]
    readonly made: Made
    readonly #hooks: Hooks
    #now = Date.parse("2026-11-21T18:00:00Z")

    constructor(scenario: Scenario, made?: Made, hooks: Hooks = {}) {
        this.scenario = scenario
        this.guns = scenario.guns ?? [GUN]
        this.made = made ?? {
            keys: scenario.keys.map((spec, index) => makeKey(spec, this.guns, index)),
            roles: this.guns.map(() => ({ targets: makeSigner(), snapshot: makeSigner("ed25519"), timestamp: makeSigner() })),
            closing: { vault: makeSigner("ed25519"), witness: makeSigner("p384") },
        }
        this.#hooks = hooks
        this.keys = [...this.made.keys]
        this.chains = this.guns.map((_, i) => this.#chain(i))
        const { closing, roles } = this.made
        const published = this.chains.map((chain) => chain.map((root) => sha256(canonical(root))))
        const plan = writePlan({ scenario, guns: this.guns, keys: this.keys, closing, roles, published })
        this.draft = new Draft(plan, [
            { name: "vault", signer: closing.vault },
            { name: "witness", signer: closing.witness },
        ])
        this.#run()
    }

    get changesRoot(): boolean {
        return this.scenario.kind === "rotate-root" || this.scenario.kind === "replace-holder"
    }

    key(name: string): CeremonyKey {
        const found = this.keys.find(({ spec }) => spec.name === name)
        if (found === undefined) throw new Error(`there is no key ${name}`)
        return found
    }

    #with(...changes: string[]): readonly CeremonyKey[] {
        return this.keys.filter(({ spec }) => changes.includes(spec.change))
    }

    get joining(): readonly CeremonyKey[] {
        return this.#with("new", "added")
    }

    get signing(): readonly CeremonyKey[] {
        return this.#with("new", "added", "kept", ...(this.changesRoot ? ["retired"] : []))
    }

    /** Version 1 … of what is published, with the old keys of role root. */
    #chain(i: number): readonly Loose[] {
        const { kind, thresholds, versions = 2 } = this.scenario
        if (kind === "create-root") return []
        const old = this.#with("kept", "retired", "lost")
        return Array.from({ length: versions }, (_, index) => {
            const body = this.rootBody(i, index + 1, old, thresholds.old ?? 1, "2036-01-01T00:00:00.5+01:00")
            return this.#hooks.chain?.(body, index + 1) ?? body
        })
    }

    rootBody(i: number, version: number, keys: readonly CeremonyKey[], threshold: number, expires: string): Loose {
        const roles = this.made.roles[i] ?? {}
        const certified = keys.map((key) => key.certified[i] ?? { id: "", json: {} })
        const others = Object.entries(roles).map(([name, signer]) => [name, { keyids: [signer.id], threshold: 1 }] as const)
        return {
            _type: "Root",
            consistent_snapshot: false,
            expires,
            keys: Object.fromEntries([
                ...certified.map(({ id, json }) => [id, json]),
                ...Object.values(roles).map(({ id, publicKey }) => [id, keyJson(publicKey.keytype, publicKey.bytes)]),
            ]),
            roles: Object.fromEntries([...others, ["root", { keyids: certified.map(({ id }) => id).toSorted(), threshold }]]),
            version,
        }
    }

    /** The root that is built. */
    newRoot(i: number): Loose {
        const body = this.#plannedRoot(i)
        return this.#hooks.root?.(body, i) ?? body
    }

    #plannedRoot(i: number): Loose {
        const { thresholds } = this.scenario
        const expires = "2036-11-21T00:00:00Z"
        const old = this.chains[i]?.at(-1)
        const body = this.rootBody(i, 1, this.#with("new", "added", "kept"), thresholds.new, expires)
        if (!this.changesRoot || old === undefined) return body
        return { ...body, keys: { ...(old["keys"] as Loose), ...(body["keys"] as Loose) }, version: Number(old["version"]) + 1 }
    }

    file(body: Loose, signatures: readonly Loose[]): Buffer {
        const list = signatures.map(({ keyid, method, sig }) => `{"keyid":"${keyid}","method":"${method}","sig":"${sig}"}`)
        return Buffer.from(`{"signed":${canonical(body).toString()},"signatures":[${list.join(",")}]}`)
    }

    tick(minutes = 1): string {
        this.#now += minutes * MINUTE
        return `${new Date(this.#now).toISOString().slice(0, 19)}Z`
    }

    #add(t: string, who: string, step: string, facts: Loose, out: Record<string, Buffer> = {}, inputs: readonly string[] = []): void {
        if (this.#hooks.omit?.(step, facts) !== true) this.draft.add(t, who, step, facts, out, inputs)
    }

    #run(): void {
        const { scenario, draft } = this
        const hashes = { program_sha256: PROGRAM, plan_sha256: THIS_PLAN }
        const chain = this.chains.flatMap((bodies, i) =>
            bodies.map((body, index) => [`chain/${i}/${index + 1}`, this.publishedFile(i, body)] as const),
        )
        const chainNames = chain.map(([name]) => name).toSorted()
        this.#add(this.tick(), "lena", "pack", { program: "trustkeyd 0.1.0", ...hashes }, Object.fromEntries(chain))
        this.#add(this.tick(-5), "lena", "open", hashes, {}, chainNames)
        for (const key of this.#with("kept", "retired", "added")) this.addKey("present", key)
        for (const key of this.#with("new")) this.addKey("keygen", key)
        if (scenario.outcome === "abandoned") {
            this.#add(this.tick(), "wim", "close", { outcome: "abandoned" })
            return
        }
        if (scenario.spoilt === "before-build") this.#replaceSpoilt()
        this.build()
        if (scenario.spoilt === "after-signing") {
            for (const key of this.signing.slice(0, 2)) this.signAll(key)
            this.#add(this.tick(), "lena", "void-root", { record: draft.number("build"), reason: "a token broke" })
            this.#replaceSpoilt()
            this.build()
        }
        for (const key of this.signing) this.signAll(key)
        for (const key of this.#with("new")) this.#backup(key)
        this.#close()
        if (scenario.published === true) {
            this.guns.forEach((_, repository) => {
                const facts = { repository, server: "https://notary.example.com" }
                draft.publication.push({
                    t: this.tick(),
                    who: "lena",
                    step: "publish",
                    facts,
                    in: [{ name: `root/${repository}` }],
                    out: new Map(),
                    note: "",
                })
            })
        }
    }

    publishedFile(i: number, body: Loose): Buffer {
        const signers = this.#with("kept", "retired", "lost")
        const content = this.file(
            body,
            signers.map((key) => signed(key.signer, canonical(body), key.certified[i]?.id)),
        )
        return this.#hooks.file?.(content, Number(body["version"])) ?? content
    }

    addKey(step: "keygen" | "present", key: CeremonyKey): void {
        const { spec, signer } = key
        const make = step === "keygen" ? (spec.make ?? "token") : "token"
        const policies = { pin_policy: "always", slot: "9c", touch_policy: "always" }
        const facts = {
            key: spec.name,
            key_id: signer.id,
            algorithm: algorithmOf(signer.publicKey),
            origin: make,
            ...(make === "token" ? { token: key.token, serial: key.serial } : {}),
            ...(key.attestation === undefined ? {} : policies),
        }
        const out: Record<string, Buffer> = { [`public/${spec.name}`]: key.spki }
        if (spec.change === "new" || spec.change === "added") {
            key.certified.forEach(({ pem }, i) => {
                out[`certificate/${spec.name}/${i}`] = Buffer.from(pem)
            })
        }
        if (key.attestation !== undefined) {
            out[`attestation/${spec.name}`] = key.attestation.statement
            out[`attestation-intermediate/${spec.name}`] = key.attestation.card
        }
        this.#add(this.tick(), spec.holder, step, facts, out)
    }

    /** The first new key's token breaks; the key is made anew on the spare one. */
    #replaceSpoilt(): void {
        const index = this.keys.findIndex(({ spec }) => spec.change === "new")
        const spoilt = this.keys[index]
        if (spoilt === undefined) return
        const facts = { key: spoilt.spec.name, record: this.draft.number("keygen", ({ facts: { key } }) => key === spoilt.spec.name) }
        this.#add(this.tick(), spoilt.spec.holder, "void-key", { ...facts, reason: "the token does not answer" })
        const again = { ...makeKey(spoilt.spec, this.guns, 900 + index), token: "spare" }
        this.keys[index] = again
        this.addKey("keygen", again)
    }

    build(): void {
        const out: Record<string, Buffer> = {}
        const inputs = this.joining.flatMap(({ spec }) => this.guns.map((_, i) => `certificate/${spec.name}/${i}`))
        this.guns.forEach((gun, i) => {
            const body = canonical(this.newRoot(i))
            out[`signed/${i}`] = body
            out[`difference/${i}`] = Buffer.from(`${gun}\nroot\n${sha256(body)}\nversion 2 becomes 3\nrole root gets ecdsa-x509 key\n`)
            if (this.changesRoot) inputs.push(`chain/${i}/${this.chains[i]?.length}`)
        })
        this.#add(this.tick(), "lena", "build", {}, out, inputs.toSorted())
    }

    signAll(key: CeremonyKey): void {
        key.certified.forEach(({ id }, repository) => {
            const signature = signed(key.signer, canonical(this.newRoot(repository)), id)
            const out = { [`signature/${key.spec.name}/${repository}`]: canonical(signature) }
            const facts = { key: key.spec.name, keyid: id, repository }
            this.#add(this.tick(), key.spec.holder, "sign", facts, out, [`difference/${repository}`, `signed/${repository}`])
        })
    }

    #backup({ spec, token, serial }: CeremonyKey): void {
        const add = (facts: Loose, out: Readonly<Record<string, Buffer>> = {}): void => {
            this.#add(this.tick(), spec.holder, "backup", { key: spec.name, ...facts }, out, [`public/${spec.name}`])
        }
        if (spec.make !== "vault") {
            add({ how: "cannot-leave" })
            return
        }
        add({ how: "copy", token, serial })
        for (const copy of spec.copies ?? []) add({ how: "copy", token: copy, serial: "77" })
        if (this.scenario.backup === true) add({ how: "export", recipients: 2, restored: "yes" }, { [`backup/${spec.name}`]: ageFile(2) })
    }

    #close(): void {
        const { draft } = this
        const standing = draft.records.slice(draft.number("build") - 1)
        const inputs = standing.flatMap(({ out }) => [...out.keys()]).filter((name) => /^sign(ed|ature)\//.test(name))
        const out = Object.fromEntries(this.guns.map((_, i) => [`root/${i}`, this.finishedRoot(i)]))
        this.#add(this.tick(), "wim", "close", { outcome: "complete" }, out, inputs.toSorted())
    }

    /** The file, of the signatures that were made since the last `build`. */
    finishedRoot(i: number): Buffer {
        const signatures = this.draft.records
            .slice(this.draft.number("build"))
            .flatMap(({ out }) => [...out].filter(([name]) => name.startsWith("signature/") && name.endsWith(`/${i}`)))
            .map(([, content]): Loose => JSON.parse(content.toString()))
            .toSorted((left, right) => (String(left["keyid"]) < String(right["keyid"]) ? -1 : 1))
        return this.file(this.newRoot(i), signatures)
    }
}

/** As it looks from outside. Nobody can open it. */
export function ageFile(recipients: number): Buffer {
    const line = (text: string): string => createHash("sha256").update(text).digest("base64").slice(0, -1)
    const stanzas = Array.from({ length: recipients }, (_, index) => `-> X25519 ${line(`share ${index}`)}\n${line(`key ${index}`)}\n`)
    const header = `age-encryption.org/v1\n${stanzas.join("")}--- ${line("mac")}\n`
    return Buffer.concat([Buffer.from(header), Buffer.alloc(16 + 200 + 16, "sealed")])
}
