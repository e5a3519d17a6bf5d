import { TrustkeyError } from "../../errors.ts"
import { isDelegation, parentOf, type RoleName } from "../../tuf/index.ts"
import { planKey } from "../create-key.ts"
import type { AlgorithmName, Daemon, DaemonKey, JournalEntry, PurposeName } from "../daemon-types.ts"
import { homeText, tokenHome, tokenOf } from "../key-home.ts"
import { shortId } from "../output.ts"
import { login, makeReady } from "../secrets.ts"
import type { CardFlags, PassphraseOptions, PinOptions } from "../syntax.ts"
import { tokenNamed } from "../token-pins.ts"
import { changeBindings } from "../trust/bind-key.ts"
import { isBound } from "../trust/our-keys.ts"
import type { TrustSession } from "../trust/session.ts"

/** Where the keys come from that a role gets. */
export type ComingKeyOptions = PassphraseOptions &
    PinOptions &
    CardFlags & {
        /** Keys the daemon has, by ID or its first digits. */
        readonly key?: readonly string[]
        readonly newSealed?: boolean
        readonly newOnToken?: readonly string[]
        readonly newInGroup?: string
        readonly algorithm?: AlgorithmName
        readonly acceptPinOnce?: boolean
    }

export type ComingKeysOf = {
    readonly purpose: PurposeName
    /** The first is the role that is rotated; a new key is bound to all. */
    readonly roles: readonly [RoleName, ...RoleName[]]
    /** Cut where a key's label ends. */
    readonly label: string
}

/** As a record of a key has it: "sealed", "token:NAME", "group:NAME". */
type Home = string

/**
 * The keys a role gets: named ones, and new ones. What is there to ask is asked by `plan`, and nothing is made before `make`. Keys that were
 * made by a run that was interrupted, and never signed anything, are taken instead of new ones. One object serves all attempts of a run.
 */
export class ComingKeys implements Disposable {
    readonly #session: TrustSession
    readonly #daemon: Daemon
    readonly #of: ComingKeysOf
    readonly #options: ComingKeyOptions
    readonly #asked = new DisposableStack()
    #planned: Promise<{ readonly says: readonly string[]; readonly makers: readonly Maker[] }> | undefined
    #made: Promise<readonly DaemonKey[]> | undefined

    constructor(session: TrustSession, daemon: Daemon, of: ComingKeysOf, options: ComingKeyOptions) {
        this.#session = session
        this.#daemon = daemon
        this.#of = of
        this.#options = options
    }

    /** The tokens that new keys are made on, if these are what goes. */
    tokens(old: readonly DaemonKey[]): readonly string[] {
        const homes = this.areNamed || old.length > 0 ? this.#homes(old) : []
        return homes.flatMap((home) => tokenOf(home) ?? [])
    }

    /** Whether any were asked for. */
    get areNamed(): boolean {
        const { key = [], newSealed, newOnToken = [], newInGroup } = this.#options
        return key.length + newOnToken.length > 0 || newSealed === true || newInGroup !== undefined
    }

    /** How many come; `going`: one for each that goes, where nothing was said. */
    count(going: number): number {
        if (!this.areNamed) return going
        const { key = [], newSealed, newOnToken = [], newInGroup } = this.#options
        return key.length + newOnToken.length + Number(newSealed === true) + Number(newInGroup !== undefined)
    }

    /**
     * @param old of ours, the keys that go: a new one is made where they are, unless something else was asked for
     * @param trusted canonical IDs of those the role has
     * @param dry nothing is asked, as nothing will be made
     * @returns a sentence for each key
     * @throws usage, not_found, key_unfit, and what opening a group or a token throws
     */
    async plan(old: readonly DaemonKey[], trusted: readonly string[], dry: boolean): Promise<readonly string[]> {
        this.#planned ??= this.#plan(old, trusted, dry)
        return (await this.#planned).says
    }

    /** Bound to their roles. Again: the same ones. */
    async make(): Promise<readonly DaemonKey[]> {
        this.#made ??= this.#make()
        return await this.#made
    }

    [Symbol.dispose](): void {
        this.#asked[Symbol.dispose]()
    }

    async #plan(
        old: readonly DaemonKey[],
        trusted: readonly string[],
        dry: boolean,
    ): Promise<{ says: readonly string[]; makers: readonly Maker[] }> {
        const named = await Promise.all((this.#options.key ?? []).map((id) => this.#named(id)))
        const algorithm = this.#options.algorithm ?? old.find((key) => key.algorithm !== "unknown")?.algorithm ?? "p256"
        const found = await this.#unused(trusted)
        const makers: Maker[] = named.map((key) => ({ says: `takes ${nameOf(key)}`, make: () => Promise.resolve(key) }))
        for (const home of this.#homes(old)) {
            const at = found.findIndex((key) => key.home === home && key.algorithm === algorithm)
            const [before] = at < 0 ? [] : found.splice(at, 1)
            if (before !== undefined)
                makers.push({ says: `takes ${nameOf(before)}, made before and never used`, make: () => this.#taken(before) })
            else makers.push(await this.#maker(home, algorithm === "unknown" ? "p256" : algorithm, dry))
        }
        return { says: makers.map(({ says }) => says), makers }
    }

    async #make(): Promise<readonly DaemonKey[]> {
        const { makers } = (await this.#planned) ?? { makers: [] }
        const keys: DaemonKey[] = []
        // One after the other: a token can make only one at a time, and a person is asked about one at a time.
        for (const { make } of makers) keys.push(await this.#bound(await make()))
        return keys
    }

    async #named(given: string): Promise<DaemonKey> {
        const key = await this.#daemon.getKey(given)
        const { purpose } = this.#of
        if (key.state === "removed") throw new TrustkeyError("key_unfit", `the key ${shortId(key.id)} was removed`)
        if (key.purpose !== purpose)
            throw new TrustkeyError("key_unfit", `the key ${shortId(key.id)} is a ${key.purpose} key, not a ${purpose} key`)
        return key
    }

    /** TK-KEY-2: where nothing was said, where the old keys are; and what can't be there is nowhere else. */
    #homes(old: readonly DaemonKey[]): readonly Home[] {
        const { newSealed, newOnToken = [], newInGroup } = this.#options
        if (this.areNamed) {
            const sealed = newSealed === true ? ["sealed"] : []
            return [...sealed, ...newOnToken.map(tokenHome), ...(newInGroup === undefined ? [] : [`group:${newInGroup}`])]
        }
        if (old.length > 0) return old.map(({ home }) => home)
        throw new TrustkeyError(
            "usage",
            `the ${this.#of.roles[0]} key of ${this.#session.gun} is not here, so say where the new one is to be: --new-sealed, --new-on-token NAME, --new-in-group NAME, or --key ID`,
        )
    }

    /**
     * Made by this user for the role, trusted by nobody, and never used: an interrupted run made them. A key from a file may be somebody
     * else's too, and one that was trusted before was taken away for a reason.
     */
    async #unused(trusted: readonly string[]): Promise<DaemonKey[]> {
        const { gun } = this.#session
        const [role] = this.#of.roles
        const bound = (await this.#daemon.listKeys({ gun, role })).filter(
            ({ id, state, purpose, origin, mine }) =>
                state !== "removed" && purpose === this.#of.purpose && origin === "generated" && mine && !trusted.includes(id),
        )
        if (bound.length === 0) return []
        const used = await this.#keysThatSigned(role)
        const unused: DaemonKey[] = []
        for (const key of bound) if (!used.has(key.id) && (await this.#isNamedNowhere(key, role))) unused.push(key)
        return unused
    }

    async #isNamedNowhere({ id, createdAt }: DaemonKey, role: RoleName): Promise<boolean> {
        const { needs } = await this.#daemon.getKey(id)
        if (needs.some(({ kind }) => kind !== "bound")) return false
        // Of delegations nobody keeps the old ones: whatever was promised since may have named it, and taken it away again.
        const parent = isDelegation(role) ? parentOf(role) : undefined
        return parent === undefined || (await this.#lastPromise(parent)) <= createdAt
    }

    async #keysThatSigned(role: RoleName): Promise<ReadonlySet<string>> {
        return new Set((await this.#promisesOf(role)).map(({ keyId }) => keyId))
    }

    /** RFC 3339; "": there was none. */
    async #lastPromise(role: RoleName): Promise<string> {
        return (await this.#promisesOf(role)).at(-1)?.promisedAt ?? ""
    }

    async #promisesOf(role: RoleName): Promise<readonly JournalEntry[]> {
        const found: JournalEntry[] = []
        for (let after = 0; ; ) {
            const entries = await this.#daemon.showJournal({ gun: this.#session.gun, role, after, limit: PAGE })
            // A root key signs its certificate before there is a root that names it.
            found.push(...entries.filter(({ kind }) => kind === "notary-metadata"))
            const last = entries.at(-1)
            if (last === undefined || entries.length < PAGE) return found
            after = last.sequence
        }
    }

    async #maker(home: Home, algorithm: AlgorithmName, dry: boolean): Promise<Maker> {
        const { cli, gun } = this.#session
        const { purpose, roles } = this.#of
        const label = this.#of.label.slice(0, MAX_LABEL)
        const [kind = "", name = ""] = /^(token|group):(.*)$/s.exec(home)?.slice(1) ?? []
        const says = `makes a ${algorithm} key, ${kind === "" ? "sealed under a passphrase" : kind === "token" ? `on token ${name}` : `in key group ${name}`}`
        if (dry) return { says, make: () => Promise.reject(new TrustkeyError("internal", "a dry run makes nothing")) }
        if (kind === "token") await this.#openToken(name)
        const bindings = roles.map((role) => ({ gun, role }))
        const spec = { ...this.#options, purpose, algorithm, label, bindings, unlocked: true }
        const planned = this.#asked.use(
            await planKey(cli, this.#daemon, {
                ...spec,
                ...(kind === "token" ? { token: name } : {}),
                ...(kind === "group" ? { group: name } : {}),
            }),
        )
        const make = async (): Promise<DaemonKey> => {
            const key = await planned.make()
            cli.output.note(`Made the ${purpose} key ${shortId(key.id)}, which signs nothing until it is published.`)
            return key
        }
        return { says, make }
    }

    /** A YubiKey is logged in to with what else it wants. */
    async #openToken(name: string): Promise<void> {
        const { kind, state } = await tokenNamed(this.#daemon, name)
        if (kind !== "yubikey" && state !== "logged-in") await login(this.#session.cli, this.#daemon, name, this.#options)
    }

    async #taken(key: DaemonKey): Promise<DaemonKey> {
        const { cli } = this.#session
        cli.output.note(`Taking the ${this.#of.purpose} key ${shortId(key.id)}, which was made before and never used.`)
        await makeReady(cli, this.#daemon, key, this.#options)
        return key
    }

    async #bound(key: DaemonKey): Promise<DaemonKey> {
        // A root key is bound with its certificate.
        if (this.#of.purpose === "root") return key
        const { cli, gun } = this.#session
        const add = this.#of.roles.filter((role) => !isBound(key, gun, role)).map((role) => ({ gun, role }))
        return await changeBindings(cli, this.#daemon, key, { add })
    }
}

type Maker = { readonly says: string; make(): Promise<DaemonKey> }

const PAGE = 1000
/** Less than the daemon takes (128): it stands in one line with other facts. */
const MAX_LABEL = 64

/** `p256 key 3fa9c2d1e0aa, on token yubi` */
export function nameOf({ id, algorithm, home }: DaemonKey): string {
    return `${algorithm} key ${shortId(id)}, ${homeText(home)}`
}
