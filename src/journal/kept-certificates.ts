import { TrustkeyError } from "../errors.ts"
import type { Store } from "../storage/index.ts"
import type { Gun, KeyId } from "../tuf/index.ts"

/** Certificates of root keys, one for each key and GUN. */
export class KeptCertificates {
    readonly #store: Store
    readonly #pems: Map<string, string>
    readonly #certified: Set<string>

    /** @param pems by key ID, a space, GUN. @param certified IDs of keys that ever had one */
    constructor(store: Store, pems: ReadonlyMap<string, string>, certified: ReadonlySet<string>) {
        this.#store = store
        this.#pems = new Map(pems)
        this.#certified = new Set(certified)
    }

    /** By key ID, a space, GUN. */
    get pems(): ReadonlyMap<string, string> {
        return this.#pems
    }

    get(keyId: KeyId, gun: Gun): string | undefined {
        return this.#pems.get(`${keyId} ${gun}`)
    }

    isCertified(keyId: KeyId): boolean {
        return this.#certified.has(keyId)
    }

    /** See Journal.keepCertificate. */
    async keep(keyId: KeyId, gun: Gun, pem: string): Promise<string> {
        const kept = this.get(keyId, gun)
        if (kept !== undefined) return kept
        this.#pems.set(`${keyId} ${gun}`, pem)
        this.#certified.add(keyId)
        await this.#store.commit([{ kind: "certificate.put", keyId, gun, pem }])
        return pem
    }

    /** See Journal.replaceCertificate. */
    async replace(keyId: KeyId, gun: Gun, pem: string, previous: string): Promise<void> {
        const kept = this.get(keyId, gun)
        if (kept === pem) return
        if (kept !== previous) throw new TrustkeyError("rollback_refused", "another certificate is kept for this key meanwhile; ask again")
        this.#pems.set(`${keyId} ${gun}`, pem)
        await this.#store.commit([{ kind: "certificate.replace", keyId, gun, pem, previous }])
    }

    /** What is on disk now. That a key was certified is never forgotten. */
    reload(pems: ReadonlyMap<string, string>, certified: ReadonlySet<string>): void {
        this.#pems.clear()
        for (const [place, pem] of pems) this.#pems.set(place, pem)
        for (const id of certified) this.#certified.add(id)
    }
}
