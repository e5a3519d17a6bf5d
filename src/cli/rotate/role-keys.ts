import { TrustkeyError } from "../../errors.ts"
import {
    type BaseRole,
    type KeyId,
    listedKeys,
    parseRoleName,
    ROOT,
    type RootDocument,
    readableKeyId,
    type TufKey,
} from "../../tuf/index.ts"
import type { Daemon } from "../daemon-types.ts"
import { shortId } from "../output.ts"
import { rootDocumentOf } from "../trust/build-update.ts"
import { publicOf } from "../trust/init-repository.ts"
import { requirePinOfOne, tokensToOpen } from "../trust/one-pin.ts"
import type { TrustSession } from "../trust/session.ts"
import { type ComingKeyOptions, ComingKeys } from "./coming-keys.ts"
import { type Looked, roleIn } from "./publish-root.ts"
import type { Wish } from "./rotate.ts"

/** Which keys a role shall have, and how many of them have to sign. */
export type RoleKeyOptions = ComingKeyOptions & {
    /** These go, by the first digits of their IDs, and the others stay. Without it and without `keep`, all go. */
    readonly retire?: readonly string[]
    /** All stay. */
    readonly keep?: boolean
    readonly threshold?: number
}

export type PlannedRole = {
    readonly says: readonly string[]
    make(): Promise<{ readonly keys: readonly TufKey[]; readonly threshold: number }>
}

/** The keys of targets or of a snapshot that we sign, as the next root will have them. One object serves all attempts of a run. */
export class RoleKeys implements Disposable {
    readonly #gun: string
    readonly #daemon: Daemon
    readonly #role: "targets" | "snapshot"
    readonly #options: RoleKeyOptions
    readonly #coming: ComingKeys

    constructor(session: TrustSession, daemon: Daemon, role: "targets" | "snapshot", options: RoleKeyOptions) {
        this.#gun = session.gun
        this.#daemon = daemon
        this.#role = role
        this.#options = options
        const label = `${role} of ${session.gun}`
        this.#coming = new ComingKeys(session, daemon, { purpose: role, roles: [parseRoleName(role)], label }, options)
    }

    /** Whether it was said which keys come. */
    get areNamed(): boolean {
        return this.#coming.areNamed
    }

    /** Whether it was said what the role shall have. */
    get #isAsked(): boolean {
        const { retire = [], keep, threshold } = this.#options
        return this.areNamed || retire.length > 0 || keep === true || threshold !== undefined
    }

    /** Which of the role's keys go and stay. `none`: who only takes some away, or changes how many have to sign, needs no new one. */
    #shape(root: RootDocument): {
        readonly going: readonly KeyId[]
        readonly staying: readonly KeyId[]
        readonly threshold: number
        readonly none: boolean
    } {
        const { keyIds, threshold: before } = roleIn(root, this.#role)
        const { retire = [], keep = false, threshold = before } = this.#options
        const going = keep ? [] : retire.length === 0 ? keyIds : retire.map((digits) => goingKey(keyIds, digits, this.#gun, this.#role))
        const none = !this.areNamed && (retire.length > 0 || keep)
        return { going, staying: keyIds.filter((id) => !going.includes(id)), threshold, none }
    }

    /**
     * Whether a root that was begun before has the keys that are asked for now.
     *
     * @returns what is other about it, for a message; undefined: nothing
     */
    async differenceFrom(before: RootDocument, begun: RootDocument): Promise<string | undefined> {
        const { keyIds, threshold } = roleIn(begun, this.#role)
        const coming = keyIds.filter((id) => !roleIn(before, this.#role).keyIds.includes(id))
        const here = await this.#daemon.listKeys({ gun: this.#gun, role: this.#role })
        const foreign = coming.find((id) => !here.some((key) => key.id === id && key.state !== "removed"))
        if (foreign !== undefined) return `it brings the key ${shortId(foreign)}, which is not here`
        if (!this.#isAsked) return undefined
        const wanted = this.#shape(before)
        if (threshold !== wanted.threshold) return `it asks for ${threshold} signatures, not ${wanted.threshold}`
        const lost = wanted.staying.find((id) => !keyIds.includes(id))
        if (lost !== undefined) return `it takes away the key ${shortId(lost)}`
        const named = this.#options.key ?? []
        const kept = wanted.going.find((id) => keyIds.includes(id) && !named.some((digits) => id.startsWith(digits)))
        if (kept !== undefined) return `it keeps the key ${shortId(kept)}`
        const without = named.find((digits) => !keyIds.some((id) => id.startsWith(digits)))
        if (without !== undefined) return `it is without the key ${without}`
        const count = wanted.none ? 0 : this.#coming.count(wanted.going.length)
        return coming.length > count ? `it brings ${coming.length} other keys` : undefined
    }

    /** @throws usage, not_found, key_unfit, and what opening a group or a token throws */
    async plan({ current, keys }: Looked, dry: boolean): Promise<PlannedRole> {
        const root = rootDocumentOf(current.verified.root)
        const role = parseRoleName(this.#role)
        const { keyIds, threshold: before } = roleIn(root, this.#role)
        const { going, staying, threshold, none } = this.#shape(root)
        if (threshold === before && (none ? going.length === 0 : isAsBefore(keyIds, staying, this.#options)))
            throw new TrustkeyError("usage", "all keys would stay, and none come: say which, or give another --threshold")
        const old = going.flatMap((id) => keys.find(role, id) ?? [])
        if (!none) {
            const signing = [...keys.toOpen({ role: ROOT, ...roleIn(root, "root") }), ...keys.toOpen({ role, keyIds: staying, threshold })]
            requirePinOfOne([...this.#coming.tokens(old), ...tokensToOpen(signing)], this.#options)
        }
        const coming = none ? [] : await this.#coming.plan(old, keyIds, dry)
        const says = [
            ...going.map((id) => `takes away the key ${shortId(id)}`),
            ...coming,
            ...(threshold === before ? [] : [`asks for ${threshold} signatures instead of ${before}`]),
        ].map((text) => `${this.#role}: ${text}`)
        const make = async (): Promise<{ keys: readonly TufKey[]; threshold: number }> => {
            const added = none ? [] : await this.#coming.make()
            const fresh = added.filter(({ id }) => !staying.some((stays) => stays === id)).map(publicOf)
            return { keys: [...staying.flatMap((id) => keyIn(root, this.#role, id)), ...fresh], threshold }
        }
        return { says, make }
    }

    /** What the next root is to have them for. */
    wish(): Wish {
        const plan: Wish["plan"] = async (looked, dry) => {
            const { says, make } = await this.plan(looked, dry)
            return { says, make: async () => ({ roles: new Map([[this.#role, await make()]]) }) }
        }
        return { roles: [this.#role], plan, differenceFrom: (before, begun) => this.differenceFrom(before, begun) }
    }

    [Symbol.dispose](): void {
        this.#coming[Symbol.dispose]()
    }
}

const LEAST_DIGITS = 7

/** Whether all that comes is named and there already, and nothing goes. */
export function isAsBefore(keyIds: readonly KeyId[], staying: readonly KeyId[], options: ComingKeyOptions): boolean {
    const { key = [], newSealed, newOnToken = [], newInGroup } = options
    if (key.length === 0 || newSealed === true || newOnToken.length > 0 || newInGroup !== undefined) return false
    const names = (digits: string, id: KeyId): boolean => digits.length >= LEAST_DIGITS && id.startsWith(digits)
    return (
        key.every((digits) => keyIds.some((id) => names(digits, id))) &&
        keyIds.every((id) => staying.includes(id) || key.some((digits) => names(digits, id)))
    )
}

/** @throws not_found, usage */
export function goingKey(keyIds: readonly KeyId[], digits: string, gun: string, role: string): KeyId {
    const [found, another] = keyIds.filter((id) => id.startsWith(digits))
    if (found === undefined || digits.length < LEAST_DIGITS)
        throw new TrustkeyError("not_found", `${role} of ${gun} has no key ${digits}; it has ${keyIds.map(shortId).join(", ")}`)
    if (another !== undefined) throw new TrustkeyError("usage", `${digits} begins more than one key of ${role}; give more digits`)
    return found
}

/** As the root lists it for the role; none, or one. @param id canonical */
export function keyIn(root: RootDocument, role: BaseRole, id: KeyId): readonly TufKey[] {
    const keys = listedKeys(root.keys, root.roles.get(role)?.keyIds)
    return keys.filter((key) => readableKeyId(key) === id).slice(0, 1)
}
