import { parseCertificateChain, pinnedUsageObjection } from "../../crypto/index.ts"
import { TrustkeyError } from "../../errors.ts"
import {
    canonicalKeyIdOf,
    certificateKey,
    changedRoles,
    type KeyId,
    keyIdOf,
    type NextKeys,
    ROOT,
    type RootDocument,
    type TufKey,
} from "../../tuf/index.ts"
import type { Daemon, DaemonKey } from "../daemon-types.ts"
import { readNamed } from "../named-file.ts"
import { shortId } from "../output.ts"
import { changeBindings, findKey } from "../trust/bind-key.ts"
import { rootDocumentOf } from "../trust/build-update.ts"
import { certificatesOf } from "../trust/first-root.ts"
import { requirePinOfOne, tokensToOpen } from "../trust/one-pin.ts"
import type { TrustSession } from "../trust/session.ts"
import { ComingKeys } from "./coming-keys.ts"
import { type Looked, roleIn } from "./publish-root.ts"
import { goingKey, isAsBefore, keyIn, type RoleKeyOptions } from "./role-keys.ts"
import type { Wish } from "./rotate.ts"

export type RootKeyOptions = RoleKeyOptions & {
    /** Files with the certificate of a key, of ours or held elsewhere: leaf first, PEM. */
    readonly rootCertificate?: readonly string[]
}

export type PlannedRootKeys = { readonly says: readonly string[]; make(): Promise<NextKeys> }

/** A certificate that somebody brought. `id`: canonical, of its key. */
type Brought = { readonly id: KeyId; readonly key: TufKey; readonly pem: string }

/** What role root of the next root shall be. One object serves all attempts of a run. */
export class RootKeys implements Disposable {
    readonly #session: TrustSession
    readonly #daemon: Daemon
    readonly #options: RootKeyOptions
    readonly #coming: ComingKeys
    #brought: Promise<readonly Brought[]> | undefined

    constructor(session: TrustSession, daemon: Daemon, options: RootKeyOptions) {
        this.#session = session
        this.#daemon = daemon
        this.#options = options
        const label = `root of ${session.gun}`
        this.#coming = new ComingKeys(session, daemon, { purpose: "root", roles: [ROOT], label }, options)
    }

    /** Whether anything was said of what the next root shall be. */
    get isAsked(): boolean {
        const { keep, retire = [], rootCertificate = [], threshold } = this.#options
        return this.#coming.areNamed || keep === true || retire.length + rootCertificate.length > 0 || threshold !== undefined
    }

    /**
     * Asks what there is to ask, unless the run is `dry`; makes nothing.
     *
     * @throws usage, not_found, key_unfit, metadata_rejected, and what opening a group or a token throws
     */
    async plan({ current, keys }: Looked, dry: boolean): Promise<PlannedRootKeys> {
        const root = rootDocumentOf(current.verified.root)
        const { keyIds, threshold: before } = roleIn(root, "root")
        const brought = await this.#certificates()
        const { going, staying, threshold } = this.#shape(root, brought)
        const none = this.#bringsNone(brought)
        const isSame = none ? going.length === 0 : brought.length === 0 && isAsBefore(keyIds, staying, this.#options)
        if (isSame && threshold === before)
            throw new TrustkeyError("usage", "all root keys would stay, and none come: say which, or give another --threshold")
        const here = going.flatMap((id) => keys.find(ROOT, id) ?? [])
        this.#requireOnePin(
            here,
            keyIds.flatMap((id) => keys.find(ROOT, id) ?? []),
        )
        const made = none || !this.#comes(brought) ? [] : await this.#coming.plan(here, keyIds, dry)
        const says = [
            ...going.map((id) => `takes away the key ${shortId(id)}`),
            ...made,
            ...brought.map(({ id }) => `takes the certificate of key ${shortId(id)}`),
            ...(threshold === before ? [] : [`asks for ${threshold} signatures instead of ${before}`]),
        ].map((text) => `root: ${text}`)
        return { says, make: () => this.#make(root, staying, threshold, made.length > 0, brought) }
    }

    /**
     * Whether a root that was begun before is the one asked for now.
     *
     * @returns what is other about it, for a message; undefined: nothing
     */
    async differenceFrom(before: RootDocument, begun: RootDocument): Promise<string | undefined> {
        if (!this.isAsked) return undefined
        const brought = await this.#certificates()
        const { going, staying, threshold } = this.#shape(before, brought)
        const is = roleIn(begun, "root")
        if (changedRoles(before, begun).some((role) => role !== "root")) return "it changes other roles too"
        if (is.threshold !== threshold) return `it asks for ${is.threshold} signatures, not ${threshold}`
        const lost = staying.find((id) => !is.keyIds.includes(id))
        if (lost !== undefined) return `it takes away the key ${shortId(lost)}`
        const kept = going.find((id) => is.keyIds.includes(id))
        if (kept !== undefined) return `it keeps the key ${shortId(kept)}`
        const listed = begun.roles.get("root")?.keyIds ?? []
        const without = brought.find(({ key }) => !listed.includes(keyIdOf(key)))
        if (without !== undefined) return `it is without the certificate of key ${shortId(without.id)}`
        const named = (this.#options.key ?? []).find((digits) => !is.keyIds.some((id) => id.startsWith(digits)))
        if (named !== undefined) return `it is without the key ${named}`
        const others = is.keyIds.filter((id) => !staying.includes(id) && !brought.some((other) => other.id === id))
        if (others.length !== this.#count(going.length, brought)) return `it brings ${others.length} other keys`
        const here = await this.#daemon.listKeys({ gun: this.#session.gun, role: ROOT })
        const foreign = others.find((id) => !here.some((key) => key.id === id && key.state !== "removed"))
        return foreign === undefined ? undefined : `it brings the key ${shortId(foreign)}, which is not here`
    }

    /** What the next root is to have for role root. */
    wish(): Wish {
        const plan: Wish["plan"] = async (looked, dry) => {
            const { says, make } = await this.plan(looked, dry)
            return { says, make: async () => ({ rootKeys: await make() }) }
        }
        return { roles: ["root"], plan, differenceFrom: (before, begun) => this.differenceFrom(before, begun) }
    }

    [Symbol.dispose](): void {
        this.#coming[Symbol.dispose]()
    }

    /** A new key's card wants a PIN like the tokens that sign. @throws usage */
    #requireOnePin(going: readonly DaemonKey[], signing: readonly DaemonKey[]): void {
        const { newOnToken = [] } = this.#options
        // Where nothing is said, a new key is made where the old one is.
        const made = this.isAsked ? newOnToken : tokensToOpen(going)
        requirePinOfOne([...made, ...tokensToOpen(signing)], this.#options)
    }

    async #make(
        root: RootDocument,
        staying: readonly KeyId[],
        threshold: number,
        comes: boolean,
        brought: readonly Brought[],
    ): Promise<NextKeys> {
        const added = (comes ? await this.#coming.make() : []).filter(({ id }) => !staying.some((stays) => stays === id))
        const ours = await this.#bindBrought(brought)
        const own = added.filter(({ id }) => !brought.some((other) => other.id === id))
        const made = await certificatesOf(this.#session.cli, this.#daemon, this.#session.gun, own)
        for (const key of ours) this.#session.cli.output.note(`The certificate is for the root key ${shortId(key.id)}, which is here.`)
        const kept = staying.filter((id) => !brought.some((other) => other.id === id)).flatMap((id) => keyIn(root, "root", id))
        const keys = [...kept, ...made.map(certificateKey), ...brought.map(({ key }) => key)]
        return { keys, threshold }
    }

    /** A key of ours signs where it is bound. @throws denied and others, with the command that binds it */
    async #bindBrought(brought: readonly Brought[]): Promise<readonly DaemonKey[]> {
        const { cli, gun } = this.#session
        const ours: DaemonKey[] = []
        for (const { id } of brought) {
            const key = await findKey(this.#daemon, id)
            if (key === undefined) continue
            const isThere = key.bindings.some((place) => place.gun === gun && place.role === ROOT)
            ours.push(isThere ? key : await changeBindings(cli, this.#daemon, key, { add: [{ gun, role: ROOT }] }))
        }
        return ours
    }

    /** Which of the keys in force go and stay. A key that gets another certificate stays, with that one. */
    #shape(
        root: RootDocument,
        brought: readonly Brought[],
    ): { readonly going: readonly KeyId[]; readonly staying: readonly KeyId[]; readonly threshold: number } {
        const { keyIds, threshold: before } = roleIn(root, "root")
        const { retire = [], threshold = before } = this.#options
        const { gun } = this.#session
        const all = retire.length === 0 ? keyIds : retire.map((digits) => goingKey(keyIds, digits, gun, "root"))
        const renewed = (id: KeyId): boolean => brought.some((other) => other.id === id)
        const going = this.#keepsAll(brought) ? [] : all.filter((id) => !renewed(id) && !this.#names(id))
        return { going, staying: keyIds.filter((id) => !going.includes(id)), threshold }
    }

    /** Whoever gives another threshold and nothing else changes just that. */
    #keepsAll(brought: readonly Brought[]): boolean {
        const { keep, retire = [], threshold } = this.#options
        return keep === true || (threshold !== undefined && retire.length === 0 && !this.#coming.areNamed && brought.length === 0)
    }

    #names(id: KeyId): boolean {
        return (this.#options.key ?? []).some((digits) => id.startsWith(digits))
    }

    /** Who only takes some away, or changes how many have to sign, needs no new one. */
    #bringsNone(brought: readonly Brought[]): boolean {
        const { retire = [] } = this.#options
        return !this.#coming.areNamed && brought.length === 0 && (retire.length > 0 || this.#keepsAll(brought))
    }

    /** Whether keys of the daemon come: named ones, or, where nothing was said, one for each that goes. */
    #comes(brought: readonly Brought[]): boolean {
        return this.#coming.areNamed || brought.length === 0
    }

    #count(going: number, brought: readonly Brought[]): number {
        return this.#bringsNone(brought) || !this.#comes(brought) ? 0 : this.#coming.count(going)
    }

    #certificates(): Promise<readonly Brought[]> {
        this.#brought ??= Promise.all((this.#options.rootCertificate ?? []).map((file) => this.#read(file)))
        return this.#brought
    }

    async #read(file: string): Promise<Brought> {
        const pem = (await readNamed(file, MAX_CERTIFICATE_FILE)).toString("latin1")
        const key = certificateKey(pem)
        const [leaf] = parseCertificateChain(Buffer.from(key.public).toString("latin1"))
        const objection = pinnedUsageObjection(leaf?.extKeyUsages ?? [])
        if (objection !== undefined) this.#session.cli.output.warn(`${file}: this certificate ${objection}`)
        return { id: canonicalKeyIdOf(key), key, pem }
    }
}

const MAX_CERTIFICATE_FILE = 64 * 1024
