import { TrustkeyError } from "../../errors.ts"
import type { KeyId, RoleName } from "../../tuf/index.ts"
import type { Cli } from "../context.ts"
import type { Daemon, DaemonKey } from "../daemon-types.ts"
import { shortId } from "../output.ts"
import { makeReady } from "../secrets.ts"
import type { PassphraseOptions, PinOptions } from "../syntax.ts"
import { requirePinOfOne, tokensToOpen } from "./one-pin.ts"

/** A role, and the keys of which so many have to sign it, by canonical ID. */
export type SignedByKeys = { readonly role: RoleName; readonly keyIds: readonly KeyId[]; readonly threshold: number }

/** The daemon's keys that are bound to one repository, and how to make them sign. */
export class OurKeys {
    readonly #keys: readonly DaemonKey[]
    readonly #gun: string
    /** Opened by us, after the list was made. */
    readonly #opened = new Set<string>()
    /** Those somebody was logged in to for it. */
    readonly #tokens = new Set<string>()

    constructor(keys: readonly DaemonKey[], gun: string) {
        this.#keys = keys.filter(({ state }) => state !== "removed")
        this.#gun = gun
    }

    static async load(daemon: Daemon, gun: string): Promise<OurKeys> {
        return new OurKeys(await daemon.listKeys({ gun }), gun)
    }

    find(role: RoleName, keyId: KeyId): DaemonKey | undefined {
        return this.#keys.find((key) => key.id === keyId && isBound(key, this.#gun, role))
    }

    /** Whether we have the key, wherever it is now. */
    has(role: RoleName, keyId: KeyId): boolean {
        return this.find(role, keyId) !== undefined
    }

    /** Whether we have the key, and its token is there. */
    canUse(role: RoleName, keyId: KeyId): boolean {
        const key = this.find(role, keyId)
        return key !== undefined && key.state !== "absent"
    }

    /** Those that have to be opened before the role can be signed here; none, if enough are open. Of tokens that are not there as few as can be. */
    toOpen({ role, keyIds, threshold }: SignedByKeys): readonly DaemonKey[] {
        const ours = keyIds.flatMap((id) => this.find(role, id) ?? [])
        const waiting = ours.filter((key) => !this.#isOpen(key)).sort((a, b) => Number(a.state === "absent") - Number(b.state === "absent"))
        return waiting.slice(0, Math.max(0, threshold - (ours.length - waiting.length)))
    }

    #isOpen(key: DaemonKey): boolean {
        return key.ready || this.#opened.has(key.id)
    }

    /** Bound to the role, whether or not the published metadata knows the key. */
    boundTo(role: RoleName): readonly DaemonKey[] {
        return this.#keys.filter((key) => isBound(key, this.#gun, role))
    }

    /**
     * Enough keys to meet the threshold, those first that sign without asking; the others are unlocked on the way. The IDs of all that are
     * open then: as with Notary, every key at hand signs, and what is signed outlives the leaving of one signer.
     */
    async readyFor(cli: Cli, daemon: Daemon, role: SignedByKeys, options: PassphraseOptions & PinOptions): Promise<readonly string[]> {
        const needed = this.toOpen(role)
        for (const token of tokensToOpen(needed)) this.#tokens.add(token)
        requirePinOfOne([...this.#tokens], options)
        for (const key of needed) {
            await makeReady(cli, daemon, key, options)
            this.#opened.add(key.id)
        }
        const ours = role.keyIds.flatMap((id) => this.find(role.role, id) ?? [])
        return ours.filter((key) => this.#isOpen(key)).map(({ id }) => id)
    }
}

export function isBound(key: DaemonKey, gun: string, role: string): boolean {
    return key.bindings.some((binding) => binding.gun === gun && binding.role === role)
}

/** One of several keys, by ID or prefix, or the only one. @throws not_found, usage */
export function chooseKey(keys: readonly DaemonKey[], given: string | undefined, what: string, flag: string): DaemonKey {
    if (given !== undefined) {
        const found = keys.filter(({ id }) => id.startsWith(given))
        const only = found[0]
        if (only === undefined || given.length < 7) throw new TrustkeyError("not_found", `there is no ${what} ${given}`)
        if (found.length > 1) throw new TrustkeyError("usage", `${given} begins more than one ${what}; give more digits`)
        return only
    }
    const only = keys[0]
    if (only === undefined) throw new TrustkeyError("not_found", `there is no ${what} yet`)
    if (keys.length > 1)
        throw new TrustkeyError(
            "usage",
            `there is more than one ${what}; choose with ${flag}: ${keys.map(({ id }) => shortId(id)).join(", ")}`,
        )
    return only
}
