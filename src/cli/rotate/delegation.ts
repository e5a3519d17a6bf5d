import { TrustkeyError } from "../../errors.ts"
import {
    canonicalKeyIdOf,
    canonicalKeyIds,
    type Delegations,
    delegationOf,
    type KeyId,
    type MetadataFile,
    parentOf,
    parseFile,
    parseRoleName,
    parseSigned,
    type RoleName,
    TARGETS,
    type TufKey,
} from "../../tuf/index.ts"
import type { Daemon, DaemonKey, SignSetBody } from "../daemon-types.ts"
import { shortId } from "../output.ts"
import { canonicalRole, nextTargets, nextVersion, type TagRole, targetsDocumentOf } from "../trust/build-update.ts"
import { RELEASES } from "../trust/delegations.ts"
import { publicOf } from "../trust/init-repository.ts"
import { requirePinOfOne, tokensToOpen } from "../trust/one-pin.ts"
import { OurKeys } from "../trust/our-keys.ts"
import { signedRoles, WITNESS_DIGITS } from "../trust/plan-renewal.ts"
import { markVersion, type TrustSession, toWire } from "../trust/session.ts"
import { ourSnapshot, type Prepared, type Published, type SecretOptions, whenNobodyInterferes } from "../trust/sign-tag.ts"
import { readSignerKey } from "../trust/signer-key-file.ts"
import { agree } from "./agree.ts"
import { type ComingKeyOptions, ComingKeys } from "./coming-keys.ts"
import { countsUnder, goneFrom, isSigner, withRotatedKeys } from "./next-delegations.ts"
import { type Looked, requireEnough } from "./publish-root.ts"
import { goingKey } from "./role-keys.ts"
import { look } from "./rotate.ts"

export type DelegationOptions = ComingKeyOptions &
    SecretOptions & {
        readonly retire?: readonly string[]
        readonly keep?: boolean
        readonly threshold?: number
        /** ROLE to the first digits of the SHA-256 of content a person has looked at, which no signature vouches for. */
        readonly witness: ReadonlyMap<string, string>
        readonly confirm?: boolean
        readonly dryRun?: boolean
    }

export type RotatedDelegation = {
    readonly gun: string
    readonly role: RoleName
    readonly outcome: "rotated" | "finished" | "planned"
    readonly says: readonly string[]
    readonly difference: readonly string[]
    readonly code: string
    readonly published: readonly Published[]
    /** Roles whose file counts no more until somebody else has signed it. */
    readonly unsigned: readonly Unsigned[]
    /** Canonical IDs of the keys that count no more, for any of these roles. */
    readonly gone: readonly KeyId[]
    readonly roles: readonly RoleName[]
}

/** `digits`: by which its content is named to whoever is to sign it. */
export type Unsigned = { readonly role: RoleName; readonly digits: string; readonly reason: string }

/** Other keys for a delegation, with what it and targets/releases hold signed again by them. */
export class DelegationRotation implements Disposable {
    readonly #session: TrustSession
    readonly #daemon: Daemon
    readonly #role: RoleName
    readonly #parent: RoleName
    readonly #options: DelegationOptions
    readonly #files: readonly string[]
    readonly #here: ComingKeyOptions
    #coming: ComingKeys | undefined

    constructor(session: TrustSession, daemon: Daemon, role: RoleName, options: DelegationOptions) {
        const parent = parentOf(role)
        if (parent === undefined) throw new TrustkeyError("usage", `${role} is no delegation: name targets/NAME`)
        this.#session = session
        this.#daemon = daemon
        this.#role = role
        this.#parent = parent
        this.#options = options
        const { key = [] } = options
        this.#files = key.filter((text) => !KEY_ID.test(text))
        this.#here = { ...options, key: key.filter((text) => KEY_ID.test(text)) }
    }

    async run(): Promise<RotatedDelegation> {
        const { gun } = this.#session
        if (this.#options.dryRun === true) return await this.#dryRun(await look(this.#session, this.#daemon, { evenRoot: true }))
        const before = await this.#session.cache.read(gun, this.#parent)
        const left = (await this.#daemon.outbox(gun).catch(noOutbox)).find(({ role }) => role === this.#parent)
        const work = async (prepared: Prepared): Promise<RotatedDelegation> => {
            const parent = this.#parentFile(prepared)
            if (left !== undefined && before !== undefined && Buffer.from(left.content).equals(parent.content)) {
                const finished = this.#finishedSince(parseFile(before, this.#parent), parent)
                if (finished !== undefined) return finished
            }
            return await this.#rotate(prepared, parent)
        }
        return await whenNobodyInterferes(this.#session, this.#daemon, work, { renewing: { evenRoot: true } })
    }

    [Symbol.dispose](): void {
        this.#coming?.[Symbol.dispose]()
    }

    async #dryRun(looked: Looked): Promise<RotatedDelegation> {
        const { says } = await this.#plan(looked, this.#parentFile(looked), true)
        return { ...this.#nothing("planned"), says }
    }

    #nothing(outcome: RotatedDelegation["outcome"]): RotatedDelegation {
        const nothing = { says: [], difference: [], code: "", published: [], unsigned: [], gone: [], roles: [] }
        return { gun: this.#session.gun, role: this.#role, outcome, ...nothing }
    }

    #parentFile({ current: { verified } }: Pick<Prepared, "current">): MetadataFile {
        const file = this.#parent === TARGETS ? verified.targets : verified.delegations.get(this.#parent)
        if (file !== undefined) return file
        throw new TrustkeyError("not_found", `${this.#parent} of ${this.#session.gun} has no valid signatures, so nothing below it counts`)
    }

    #finishedSince(before: MetadataFile, after: MetadataFile): RotatedDelegation | undefined {
        const ids = (file: MetadataFile): readonly KeyId[] => this.#keyIdsOf(targetsDocumentOf(file).delegations)
        const [was, is] = [ids(before), ids(after)]
        if (new Set(was).symmetricDifference(new Set(is)).size === 0) return undefined
        return {
            ...this.#nothing("finished"),
            published: [{ role: this.#parent, version: after.signed.document.version }],
            gone: was.filter((id) => !is.includes(id)),
            roles: goneFrom(targetsDocumentOf(after).delegations, this.#role, was),
        }
    }

    #keyIdsOf({ keys, roles }: Delegations): readonly KeyId[] {
        return canonicalKeyIds(keys, roles.find(({ name }) => name === this.#role)?.keyIds)
    }

    async #plan(looked: Looked, parent: MetadataFile, dry: boolean): Promise<Plan> {
        const { gun } = this.#session
        const document = targetsDocumentOf(parent)
        const delegation = delegationOf(document, this.#role)
        if (delegation === undefined) throw new TrustkeyError("not_found", `${this.#parent} of ${gun} does not delegate to ${this.#role}`)
        requireEnough(looked.keys, this.#parentRole(looked, parent))
        const keyIds = this.#keyIdsOf(document.delegations)
        const { retire = [], keep = false, threshold = delegation.threshold } = this.#options
        const going = keep ? [] : retire.length === 0 ? keyIds : retire.map((digits) => goingKey(keyIds, digits, gun, this.#role))
        const coming = this.#comingTo(document.delegations)
        const none = !coming.areNamed && this.#files.length === 0 && (retire.length > 0 || keep)
        if (none && going.length === 0 && threshold === delegation.threshold)
            throw new TrustkeyError("usage", "all keys would stay, and none come: say which, or give another --threshold")
        const old = going.flatMap((id) => looked.keys.find(this.#role, id) ?? [])
        // Files alone are enough: then no key is made here.
        const isFromHere = !none && (this.#files.length === 0 || coming.areNamed)
        const signing = looked.keys.toOpen(this.#parentRole(looked, parent))
        requirePinOfOne([...(isFromHere ? coming.tokens(old) : []), ...tokensToOpen(signing)], this.#options)
        const files = await Promise.all(this.#files.map((file) => readSignerKey(file, this.#session.cli.now)))
        for (const warning of files.flatMap(({ warnings }) => warnings)) this.#session.cli.output.warn(warning)
        const fromHere = isFromHere ? await coming.plan(old, keyIds, dry) : []
        const says = [
            ...going.map((id) => `takes away the key ${shortId(id)}`),
            ...files.map(({ path, key }) => `takes the key ${shortId(canonicalKeyIdOf(key))} from ${path}`),
            ...fromHere,
            ...(threshold === delegation.threshold ? [] : [`asks for ${threshold} signatures instead of ${delegation.threshold}`]),
        ].map((text) => `${this.#role}: ${text}`)
        const make = async (): Promise<Delegations> => {
            const made = fromHere.length === 0 ? [] : await coming.make()
            const keys: readonly TufKey[] = [...files.map(({ key }) => key), ...made.map((key: DaemonKey) => publicOf(key))]
            return withRotatedKeys(document.delegations, { role: this.#role, going, coming: keys, threshold })
        }
        return { says, going, make }
    }

    /** One for all attempts, so that keys are made once. docker's pair: whoever signs as alice signs targets/releases too. */
    #comingTo(delegations: Delegations): ComingKeys {
        const label = this.#role.slice(this.#parent.length + 1)
        const roles: readonly [RoleName, ...RoleName[]] = isSigner(delegations, this.#role) ? [this.#role, RELEASES] : [this.#role]
        this.#coming ??= new ComingKeys(this.#session, this.#daemon, { purpose: "delegation", roles, label }, this.#here)
        return this.#coming
    }

    /** Who signs the parent. */
    #parentRole({ current }: Pick<Looked, "current">, parent: MetadataFile): TagRole {
        const found = signedRoles(current).find(({ place }) => place.role === parent.role)
        if (found === undefined) throw new TrustkeyError("internal", `${parent.role} has no place`)
        return found.place
    }

    async #rotate(prepared: Prepared, parent: MetadataFile): Promise<RotatedDelegation> {
        const { cli, gun } = this.#session
        const plan = await this.#plan(prepared, parent, false)
        const delegations = await plan.make()
        // Some were made since the repository was looked at.
        const keys = await OurKeys.load(this.#daemon, gun)
        const place = this.#parentRole(prepared, parent)
        const { signing, unsigned } = this.#contents(prepared, keys, delegations)
        const updates = [
            { place, signed: this.#body(prepared, place, delegations) },
            ...signing.map((role) => ({ place: role, signed: this.#body(prepared, role) })),
        ]
        const also = [
            ...signing.map(({ role, document }) => `${role} is signed again, with its ${document?.targets.size ?? 0} tags`),
            ...unsigned.map(({ role, reason }) => `${role} counts no more until somebody else signs it: ${reason}`),
        ]
        const next = parseSigned(updates[0]?.signed ?? new Uint8Array(), this.#parent)
        const { difference, code } = await agree(cli, gun, parent.signed, next, this.#options, { also })
        const published = await this.#publish({ ...prepared, keys }, updates)
        const { says, going: gone } = plan
        return {
            ...this.#nothing("rotated"),
            says,
            difference,
            code,
            published,
            unsigned,
            gone,
            roles: goneFrom(delegations, this.#role, gone),
        }
    }

    #body({ known }: Prepared, place: TagRole, delegations?: Delegations): Buffer {
        const version = nextVersion(place.document?.version, markVersion(known, place.role))
        return nextTargets(place, version, this.#session.cli.now, delegations === undefined ? {} : { delegate: () => delegations })
    }

    /** What is published of the roles whose keys change, and would not count under `after`: signed by us, or left to others. */
    #contents(
        { current }: Prepared,
        keys: OurKeys,
        after: Delegations,
    ): { readonly signing: readonly TagRole[]; readonly unsigned: readonly Unsigned[] } {
        const signing: TagRole[] = []
        const unsigned: Unsigned[] = []
        for (const { place, file, counts } of signedRoles(current)) {
            const role = after.roles.find(({ name }) => name === place.role)
            if (role === undefined || parentOf(place.role) !== this.#parent || countsUnder(file, after, place.role)) continue
            const digits = file.signed.sha256.slice(0, WITNESS_DIGITS)
            const { keyIds, threshold } = canonicalRole(after.keys, role)
            const enough = keyIds.filter((id) => keys.canUse(place.role, id)).length >= threshold
            // Signatures that don't count protect nothing: only what a person has looked at is signed.
            const seen = this.#options.witness.get(place.role)
            const isSeen = seen !== undefined && file.signed.sha256.startsWith(seen)
            if (enough && (counts || isSeen)) signing.push({ ...place, keyIds, threshold })
            else if (counts || place.role === this.#role) {
                const reason = enough
                    ? `its signatures did not count before; if what it holds is right: --witness ${place.role}=${digits}`
                    : `trustkey trust renew ${this.#session.gun} --witness ${place.role}=${digits}, where a key of it is`
                unsigned.push({ role: place.role, digits, reason })
            }
        }
        return { signing, unsigned }
    }

    async #publish(
        prepared: Prepared,
        updates: readonly { readonly place: TagRole; readonly signed: Buffer }[],
    ): Promise<readonly Published[]> {
        const { cli, gun } = this.#session
        const { keys, current } = prepared
        // Each role's keys are opened before any role's are counted: one signer's key may serve several.
        for (const { place } of updates) await keys.readyFor(cli, this.#daemon, place, this.#options)
        const bodies: SignSetBody[] = []
        for (const { place, signed } of updates) {
            const keyIds = await keys.readyFor(cli, this.#daemon, place, this.#options)
            bodies.push({ role: place.role, signed, keyIds, signatures: [], base: place.base })
        }
        const snapshot = await ourSnapshot(this.#session, this.#daemon, prepared, this.#options)
        const files = await this.#daemon.signSet({ gun, published: toWire(current.files), bodies, snapshot })
        await this.#session.publish(this.#daemon, files)
        return files.map(({ role, content }) => {
            const name = parseRoleName(role)
            return { role: name, version: parseFile(content, name).signed.document.version }
        })
    }
}

type Plan = { readonly says: readonly string[]; readonly going: readonly KeyId[]; make(): Promise<Delegations> }

/** What can't be a path without a mistake: everything else is a file. */
const KEY_ID = /^[0-9a-f]{7,64}$/

function noOutbox(error: unknown): readonly [] {
    // Of a repository the daemon doesn't know: the look at it says so.
    if (error instanceof TrustkeyError) return []
    throw error
}
