import { algorithmOf, readKeyFile, type WayToOpen } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import { parseToml } from "../storage/index.ts"
import { canonicalKeyIdOf, certificateKey, type Gun, parseJson, ROOT, type RootDocument } from "../tuf/index.ts"
import { type BackedUpKey, backedUpKey, waysInto } from "./backed-up-key.ts"
import { canonicalJson } from "./canonical-json.ts"
import { encodeInstead } from "./encode.ts"
import { insteadOf } from "./instead.ts"
import { RecordOrder } from "./order.ts"
import type { BackupRecord, CertificateRecord, CloseRecord, HeadRecord, KeyFacts, KeyFileRecord, KeyRecord } from "./records.ts"
import { at, refuse } from "./refuse.ts"
import { parseShareSet } from "./share-set.ts"
import { LineageCheck } from "./verify-lineage.ts"

/** Not wrong, and worth knowing. `record`: the name of the member. */
export type BackupWarning = { readonly record: string; readonly text: string }

export type BackupReport = {
    readonly head: HeadRecord
    readonly fingerprint: string
    /** Members of the archive, but for the last. */
    readonly records: number
    readonly keys: {
        /** Opened by a secret of their own */
        readonly own: number
        readonly inGroups: number
        /** That can't leave their tokens */
        readonly onTokens: number
        /** Of these, such that nothing in the backup brings back what they sign for */
        readonly withoutWayBack: number
        readonly removed: number
    }
    readonly groups: readonly { readonly name: string; readonly opens: readonly WayToOpen[]; readonly keys: number }[]
    /** Lineages in use, and those that ended. */
    readonly repositories: number
    readonly retired: number
    readonly keyFiles: number
    /** Whether what opens the key files is here too. */
    readonly keyFilePassphrase: boolean
    /** At most a thousand. */
    readonly warnings: readonly BackupWarning[]
}

const MOST_WARNINGS = 1000

type Group = { readonly opens: readonly WayToOpen[]; keys: number }

/** What a key that lies on tokens alone claims, until the roots were seen. */
type Claim = { readonly place: string; readonly facts: KeyFacts; readonly instead: string }

/**
 * Judges a backup record by record, by what is in it and nothing else: no clock, no secret, no other file. Of keys it keeps their IDs, and what those
 * claim that lie on tokens alone. All refuse with backup_invalid, naming the record.
 */
export class BackupVerifier {
    readonly #order: RecordOrder
    readonly #policyUnread: boolean
    readonly #groups = new Map<string, Group>()
    /** By ID, whether there is an envelope to make a key file of. */
    readonly #keys = new Map<string, boolean>()
    readonly #claims: Claim[] = []
    /** GUNs in whose role root a key of #claims signs, and their newest complete root. */
    readonly #roots = new Map<Gun, RootDocument | undefined>()
    readonly #counts = { own: 0, inGroups: 0, onTokens: 0, withoutWayBack: 0, removed: 0 }
    readonly #warnings: BackupWarning[] = []
    #head: HeadRecord | undefined
    #lineage: LineageCheck | undefined
    #repositories = 0
    #retired = 0
    #keyFiles = 0
    #keyFilePassphrase = false
    #report: BackupReport | undefined

    /**
     * @param options.keyFilesLeftOut as RecordOrder's
     * @param options.policyUnread it is for people: whoever has others to serve doesn't parse 16 MiB of somebody's TOML
     */
    constructor(options: { readonly keyFilesLeftOut?: boolean; readonly policyUnread?: boolean } = {}) {
        this.#order = new RecordOrder(options)
        this.#policyUnread = options.policyUnread === true
    }

    /** @returns what is to be said of a key; undefined for every other record */
    take(record: BackupRecord): BackedUpKey | undefined {
        const place = this.#order.place(record)
        if (record.kind === "head") this.#order.placeReadme()
        return at(place, () => this.#take(record, place))
    }

    /** Once the last record was taken. @throws internal */
    get report(): BackupReport {
        if (this.#report === undefined) throw new TrustkeyError("internal", "a backup that was not read to its end has no report")
        return this.#report
    }

    #take(record: BackupRecord, place: string): BackedUpKey | undefined {
        switch (record.kind) {
            case "head":
                checkShares(record)
                this.#head = record
                return undefined
            case "policy":
                if (!this.#policyUnread) parseToml(textOf(record.content))
                return undefined
            case "group":
                this.#groups.set(record.name, { opens: waysInto(record.envelope), keys: 0 })
                return undefined
            case "key":
                return this.#takeKey(record, place)
            case "lineage":
                this.#closeLineage()
                this.#lineage = new LineageCheck(record)
                return undefined
            case "root":
                this.#files().takeRoot(record)
                return undefined
            case "document":
            case "waiting":
                this.#warn(place, this.#files().takeFile(record))
                return undefined
            case "promise":
                this.#files().takePromise(record)
                return undefined
            case "certificate":
                checkCertificate(record)
                this.#warn(place, this.#strangerIn(record, "the certificate of"))
                return undefined
            case "close":
                parseJson(record.bytes)
                this.#warn(place, this.#strangerIn(record, "a ceremony closed with"))
                return undefined
            case "key-file":
                checkKeyFile(record)
                if (this.#keys.get(record.keyId) !== true) refuse("no sealed key of this backup is in it")
                this.#keyFiles++
                return undefined
            case "key-file-passphrase":
                this.#keyFilePassphrase = true
                return undefined
            case "end":
                this.#finish(record.fingerprint, record.records)
                return undefined
        }
    }

    #takeKey(record: KeyRecord, place: string): BackedUpKey {
        const key = backedUpKey(record)
        const { facts, opens } = key
        this.#keys.set(facts.id, record.envelope !== undefined)
        if (hasOtherAlgorithm(facts)) refuse("facts.publicKey is not a key of facts.algorithm")
        if (facts.removedAt !== undefined) this.#counts.removed++
        else if (record.instead !== undefined) this.#claim(facts, record.instead, place)
        else this.#countSealed(facts, opens)
        return key
    }

    #countSealed({ home }: KeyFacts, opens: readonly WayToOpen[]): void {
        const missing = opens.find(({ kind, name }) => kind === "group" && !this.#groups.has(name))
        if (missing !== undefined) refuse(`group ${missing.name} opens it, and is not in this backup`)
        if (home.kind !== "group") {
            if (opens.every(({ kind }) => kind === "group")) refuse("nothing of its own opens its envelope")
            this.#counts.own++
            return
        }
        const group = this.#groups.get(home.group) ?? refuse(`its group ${home.group} is not in this backup`)
        if (!opens.some(({ kind, name }) => kind === "group" && name === home.group))
            refuse(`its group ${home.group} does not open its envelope`)
        group.keys++
        this.#counts.inGroups++
    }

    #claim(facts: KeyFacts, instead: NonNullable<KeyRecord["instead"]>, place: string): void {
        this.#counts.onTokens++
        if (instead.length === 0) {
            this.#counts.withoutWayBack++
            this.#warn(place, "this key can't leave its token, and nothing in this backup brings back what it signs for")
        }
        for (const { gun, role } of facts.bindings) if (role === ROOT) this.#roots.set(gun, undefined)
        this.#claims.push({ place, facts, instead: canonicalJson(encodeInstead(instead)) })
    }

    /** A restore leaves out a key whose group is another there, and takes in what is kept for it: the next backup has such. */
    #strangerIn({ keyId }: CertificateRecord | CloseRecord, what: string): string | undefined {
        return this.#keys.has(keyId) ? undefined : `${what} a key that is not in this backup`
    }

    #files(): LineageCheck {
        return this.#lineage ?? refuse("it belongs to no repository")
    }

    #closeLineage(): void {
        const lineage = this.#lineage
        if (lineage === undefined) return
        if (lineage.isInUse) this.#repositories++
        else this.#retired++
        if (lineage.isInUse && this.#roots.has(lineage.gun)) this.#roots.set(lineage.gun, lineage.root)
        this.#lineage = undefined
    }

    #finish(fingerprint: string, records: number): void {
        this.#closeLineage()
        for (const { place, facts, instead } of this.#claims) {
            const follows = insteadOf(facts, (gun) => this.#roots.get(gun))
            if (canonicalJson(encodeInstead(follows)) !== instead)
                this.#warn(
                    place,
                    "something else brings back what it signs for than it says: its repository was changed while the backup was made",
                )
        }
        const head = this.#head ?? refuse("there was no head")
        this.#report = {
            head,
            fingerprint,
            records,
            keys: { ...this.#counts },
            groups: Array.from(this.#groups, ([name, { opens, keys }]) => ({ name, opens, keys })),
            repositories: this.#repositories,
            retired: this.#retired,
            keyFiles: this.#keyFiles,
            keyFilePassphrase: this.#keyFilePassphrase,
            warnings: this.#warnings,
        }
    }

    #warn(record: string, text: string | undefined): void {
        if (text !== undefined && this.#warnings.length < MOST_WARNINGS) this.#warnings.push({ record, text })
    }
}

/** A share set for nobody whom the backup is for would have people gather shares for nothing. */
function checkShares({ shares, recipients }: HeadRecord): void {
    if (shares === undefined) return
    const { recipient } = parseShareSet(Buffer.from(shares, "utf8"))
    if (!recipients.includes(recipient)) refuse("shares is a set for another recipient than those of the backup")
}

/** A key whose public half is of another kind than its facts say would be sealed, found and asked for as something that it is not. */
function hasOtherAlgorithm({ publicKey, algorithm }: KeyFacts): boolean {
    try {
        return algorithmOf(publicKey) !== algorithm
    } catch (error) {
        if (error instanceof TrustkeyError && error.code !== "internal") return true
        throw error
    }
}

function checkCertificate({ keyId, pem }: CertificateRecord): void {
    if (canonicalKeyIdOf(certificateKey(pem)) !== keyId) refuse("the certificate holds another key")
}

/** What Notary's tools take in, they keep under the ID that the file's header names. */
function checkKeyFile({ keyId, pem }: KeyFileRecord): void {
    const entries = readKeyFile(pem)
    try {
        if (entries.length !== 1 || entries.some(({ encrypted }) => !encrypted)) refuse("it is not one encrypted private key")
        if (entries.some(({ path }) => path !== keyId)) refuse("its header names another key")
    } finally {
        for (const entry of entries) entry[Symbol.dispose]()
    }
}

function textOf(content: Uint8Array): string {
    try {
        return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(content)
    } catch {
        return refuse("it is not UTF-8")
    }
}
