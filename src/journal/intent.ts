import type { Scheme } from "../crypto/index.ts"
import type { Gun, RoleName } from "../tuf/index.ts"
import type { KeyRecord } from "./key-record.ts"

/**
 * Each kind has a form no other kind can parse as: canonical JSON that begins `{"_type":`; a DER TBSCertificate whose subject is a GUN
 * alone; one whose subject is an organization that says what it is, and CN=root; a DER CertificationRequestInfo, which has its version where
 * a certificate has a tag of its own; canonical JSON whose `_type` is none of TUF's; a line of text that is neither JSON nor DER.
 */
export type IntentKind = "notary-metadata" | "root-certificate" | "card-certificate" | "certificate-request" | "ceremony-close" | "canary"

export type IntentFacts = {
    readonly sequence: number
    readonly kind: IntentKind
    readonly key: KeyRecord
    readonly scheme: Scheme
    readonly bytes: Uint8Array
    readonly gun: Gun | ""
    readonly lineage: string
    readonly role: RoleName
    readonly version: number
    readonly signature: Uint8Array | undefined
}

/**
 * TK-SIG-1: a promise to sign, already durable. Made only by Journal.commit…; there is no other way to a signature, and no
 * function anywhere that signs bytes.
 */
export class Intent implements IntentFacts {
    // A private field makes the type nominal: no object literal passes for an Intent.
    readonly #facts: IntentFacts

    constructor(facts: IntentFacts) {
        this.#facts = facts
    }

    get sequence(): number {
        return this.#facts.sequence
    }
    get kind(): IntentKind {
        return this.#facts.kind
    }
    get key(): KeyRecord {
        return this.#facts.key
    }
    get scheme(): Scheme {
        return this.#facts.scheme
    }
    /** Exactly what is signed. */
    get bytes(): Uint8Array {
        return this.#facts.bytes
    }
    /** Empty for a card's certificate and for a ceremony's close: they belong to a key alone. */
    get gun(): Gun | "" {
        return this.#facts.gun
    }
    /** Empty for a certificate: it belongs to a key and a GUN, not to a lineage. For a ceremony's close its plan's hash. */
    get lineage(): string {
        return this.#facts.lineage
    }
    get role(): RoleName {
        return this.#facts.role
    }
    /** Zero for a certificate and a close. */
    get version(): number {
        return this.#facts.version
    }
    /** Already made: the request is a retry. Whoever lets it leave verifies it (TK-SIG-2). */
    get signature(): Uint8Array | undefined {
        return this.#facts.signature
    }
}
