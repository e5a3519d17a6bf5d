import { type SealedSecret, waysToOpen } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import type { KeyRecord } from "../journal/index.ts"
import { isCredentialName } from "../signer/index.ts"
import { bytesOf, type Store, textOf } from "../storage/index.ts"
import { commit } from "./commit.ts"
import { encodeGroupFacts, parseGroupFacts } from "./key-facts.ts"
import type { GroupState } from "./key-store.ts"
import { credentialOf, type Group, type SealedKeys } from "./sealed-keys.ts"

const GROUP_NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/

/** The groups as they are stored: made, read, given another passphrase. What is open is SealedKeys' matter. */
export class KeyGroups {
    readonly #store: Store
    readonly #sealed: SealedKeys
    readonly #now: () => Date
    readonly #pinCredentials: readonly string[]

    /** @param pinCredentials names of credentials that hold tokens' PINs */
    constructor(store: Store, sealed: SealedKeys, now: () => Date, pinCredentials: readonly string[]) {
        this.#store = store
        this.#sealed = sealed
        this.#now = now
        this.#pinCredentials = pinCredentials
    }

    async load(): Promise<void> {
        for (const row of await this.#store.read({ kind: "groups" })) {
            const name = textOf(row, "name")
            this.#sealed.addGroup(parseGroupFacts(name, textOf(row, "facts")), bytesOf(row, "envelope"))
        }
    }

    /** @throws invalid_request, already_exists */
    async create(name: string, sealed: SealedSecret | undefined, credential: string | undefined): Promise<void> {
        if (!GROUP_NAME.test(name))
            throw new TrustkeyError("invalid_request", "a group's name has lower-case letters, digits, '.', '_' and '-'")
        if (sealed === undefined && credential === undefined) {
            throw new TrustkeyError("invalid_request", "a group needs a passphrase, a credential, or both")
        }
        if (credential !== undefined && !isCredentialName(credential)) {
            throw new TrustkeyError("invalid_request", "the credential's name is not one")
        }
        // A PIN is short, and safe only behind a token that counts: in an envelope a thief of the database guesses it.
        if (credential !== undefined && this.#pinCredentials.includes(credential)) {
            throw new TrustkeyError("invalid_request", "this credential holds a token's PIN; a group needs one of its own")
        }
        if (this.#sealed.groups.has(name)) throw new TrustkeyError("already_exists", "there is such a group already")
        const facts = { name, createdAt: this.#now().toISOString() }
        const envelope = await this.#sealed.createGroup(facts, sealed, credential)
        await commit(
            this.#store,
            [{ kind: "group.insert", name, facts: encodeGroupFacts(facts), envelope }],
            () => "there is such a group already",
        )
        this.#sealed.addGroup(facts, envelope)
    }

    /** @throws not_found, open_failed */
    async rewrap(name: string, sealedOld: SealedSecret, sealedNew: SealedSecret): Promise<void> {
        const group = this.#sealed.groups.get(name)
        if (group === undefined) throw new TrustkeyError("not_found", "there is no such group")
        const envelope = await this.#sealed.rewrap(group, `group:${name}`, sealedOld, sealedNew)
        await commit(this.#store, [{ kind: "group.envelope", name, envelope, previous: group.envelope }])
        group.envelope = envelope
    }

    /** With how many keys each has of these. */
    list(keys: Iterable<KeyRecord>): readonly GroupState[] {
        const counts = new Map<string, number>()
        for (const { home, removedAt } of keys) {
            if (home.kind === "group" && removedAt === undefined) counts.set(home.group, (counts.get(home.group) ?? 0) + 1)
        }
        return [...this.#sealed.groups.values()].map((group) => this.#describe(group, counts.get(group.facts.name) ?? 0))
    }

    #describe(group: Group, keys: number): GroupState {
        return {
            name: group.facts.name,
            byPassphrase: waysToOpen(group.envelope).some((way) => way.kind === "passphrase"),
            credential: credentialOf(group),
            unlocked: this.#sealed.isGroupOpen(group),
            until: this.#sealed.isGroupOpen(group) ? group.lease?.until : undefined,
            keys,
        }
    }
}
