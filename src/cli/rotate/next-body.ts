import { TrustkeyError } from "../../errors.ts"
import {
    type BaseRole,
    changedRoles,
    formatExpires,
    type Gun,
    listedKeys,
    type MetadataFile,
    type NextKeys,
    parseSigned,
    ROOT,
    type RootChange,
    type RootDocument,
    rootOf,
    type Signature,
    type SignedMetadata,
} from "../../tuf/index.ts"
import type { BegunRoot, Daemon, RoleKeys as WireRoleKeys } from "../daemon-types.ts"
import { type TrustSession, toWire } from "../trust/session.ts"
import type { Prepared } from "../trust/sign-tag.ts"
import { fromWireSignature } from "../wire-signature.ts"
import { rotationExpiry } from "./expiry.ts"
import { requireRootKeys } from "./publish-root.ts"
import type { Passed } from "./root-signatures.ts"
import type { RotateOptions, Wish } from "./rotate.ts"

/** The body to sign, and what is signed of it already. `says`: see PlannedChange. */
export type NextBody = { readonly body: SignedMetadata; readonly signatures: readonly Signature[]; readonly says: readonly string[] }

/**
 * What came back from others; else what was begun here before; else a new one. What only a person can decide is answered, not thrown: it is
 * no interference, and trying again would change nothing.
 */
export async function nextBody(
    session: TrustSession,
    daemon: Daemon,
    wish: Wish,
    passed: Passed | undefined,
    prepared: Prepared,
    { collect }: Pick<RotateOptions, "collect">,
): Promise<NextBody | TrustkeyError> {
    const { gun, cli } = session
    const { current } = prepared
    const before = current.verified.root
    const published = toWire(current.files)
    const begun = await daemon.begunRoot({ gun, published })
    if (passed !== undefined) {
        requireNext(gun, before, passed.body)
        const plan = begun?.plan
        if (plan !== undefined && !passed.body.bytes.equals(plan.signed))
            return otherBegun(gun, passed.body.document.version, "it is not the one in these files")
        const changed = otherRoles(wish, rootOf(before.signed), rootOf(passed.body))
        if (changed !== undefined)
            return new TrustkeyError(
                "root_rejected",
                `the root in these files is for something else: it ${changed}; if that is what is wanted: trustkey rotate root ${gun} --signature ...`,
            )
        checkRoleRoot(session, before, passed.body)
        return { body: passed.body, signatures: [...passed.signatures, ...(plan?.signatures ?? []).map(fromWireSignature)], says: [] }
    }
    if (begun !== undefined) return await goOn(session, wish, before, begun)
    // Whoever signs it besides, the old keys have to: else the new ones are made in vain.
    if (collect === undefined) requireRootKeys(prepared)
    const planned = await wish.plan(prepared, false)
    const change = await planned.make()
    if (change.rootKeys !== undefined) session.checkNextRoot(change.rootKeys)
    const expires = formatExpires(rotationExpiry(cli.now, before, change))
    const { plan } = await daemon.planRoot({ gun, published, expires, ...wireChange(change) })
    const body = parseSigned(plan.signed, ROOT)
    requireNext(gun, before, body)
    return { body, signatures: plan.signatures.map(fromWireSignature), says: planned.says }
}

async function goOn(session: TrustSession, wish: Wish, before: MetadataFile, begun: BegunRoot): Promise<NextBody | TrustkeyError> {
    const { gun, cli } = session
    const { version, plan } = begun
    if (plan === undefined) {
        return new TrustkeyError(
            "equivocation_refused",
            `root version ${version} of ${gun} was signed by other holders and taken in here, but never completed; give their files again (--signature), or, if it was never published: trustkey journal void ${gun} root ${version}`,
        )
    }
    const body = parseSigned(plan.signed, ROOT)
    const other = await differenceFrom(wish, rootOf(before.signed), rootOf(body))
    if (other !== undefined) return otherBegun(gun, version, other)
    checkRoleRoot(session, before, body)
    cli.output.note(`Going on with root version ${version} of ${gun}, which was begun before.`)
    return { body, signatures: plan.signatures.map(fromWireSignature), says: [] }
}

async function differenceFrom(wish: Wish, before: RootDocument, begun: RootDocument): Promise<string | undefined> {
    const changed = otherRoles(wish, before, begun)
    return changed === undefined ? await wish.differenceFrom?.(before, begun) : `it ${changed}`
}

/** Who wants other keys for one role has not agreed to other keys for another; whatever was begun is completed by rotating the root. */
function otherRoles({ roles, mayChange = roles }: Wish, before: RootDocument, next: RootDocument): string | undefined {
    if (roles.includes("root")) return undefined
    const changed = changedRoles(before, next)
    if (roles.every((role) => changed.includes(role)) && changed.every((role) => mayChange.includes(role))) return undefined
    return `changes the keys of ${changed.length === 0 ? "no role" : changed.join(", ")}`
}

function otherBegun(gun: Gun, version: number, what: string): TrustkeyError {
    const goOn = `go on with it: trustkey rotate root ${gun}`
    return new TrustkeyError(
        "equivocation_refused",
        `root version ${version} of ${gun} was begun before, and ${what}; ${goOn}, or, if it was never published, void it: trustkey journal void ${gun} root ${version}`,
    )
}

/** @throws repository_moved_on: what came back is late, or belongs elsewhere */
export function requireNext(gun: Gun, before: MetadataFile, body: SignedMetadata): void {
    const [published, next] = [before.signed.document.version, body.document.version]
    if (next === published + 1) return
    const what = next <= published ? "which is published already" : "which does not follow on it"
    throw new TrustkeyError("repository_moved_on", `root version ${published} of ${gun} is published, and this is version ${next}, ${what}`)
}

/** Where role root changes, our own pins have to agree. @throws pin_mismatch */
function checkRoleRoot(session: TrustSession, before: MetadataFile, body: SignedMetadata): void {
    const next = rootOf(body)
    if (changedRoles(rootOf(before.signed), next).includes("root")) session.checkNextRoot(roleRootOf(next))
}

function roleRootOf({ keys, roles }: RootDocument): NextKeys {
    const role = roles.get("root")
    return { keys: listedKeys(keys, role?.keyIds), threshold: role?.threshold ?? 1 }
}

function wireChange({ rootKeys, roles }: Omit<RootChange, "expires">): { [role in BaseRole]?: WireRoleKeys } {
    const changed = [...(rootKeys === undefined ? [] : [["root", rootKeys] as const]), ...(roles ?? [])]
    return Object.fromEntries(changed.map(([role, keys]) => [role, wireKeys(keys)]))
}

function wireKeys({ keys, threshold }: NextKeys): WireRoleKeys {
    return { keys: keys.map(({ keytype, public: bytes }) => ({ keytype, public: bytes })), threshold }
}
