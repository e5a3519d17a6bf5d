import { TrustkeyError } from "../errors.ts"
import type { Repository } from "../journal/index.ts"
import { authorize, type Principal } from "../policy/index.ts"
import { type Gun, lineageOf, type MetadataFile, type RoleName, verifyRepository, verifyRootChain } from "../tuf/index.ts"
import { parseFiles, type RawFile, sorted, verifiedFiles } from "./observe.ts"
import { maySee, requireSeeing } from "./places.ts"
import { recorded } from "./recorded.ts"
import type { Rooms } from "./rooms.ts"

/** Whoever serves a root could try out many for one that shares its first digits with the real one; not for so many. */
const FINGERPRINT_DIGITS = 16

export type TrustView = { readonly gun: Gun; readonly repository: Repository | undefined; readonly outbox: number }

export function listTrust(rooms: Rooms, principal: Principal): readonly Repository[] {
    return rooms.journal.repositories().filter((repository) => maySee(rooms, principal, repository.gun))
}

export function showTrust(rooms: Rooms, principal: Principal, request: { readonly gun: Gun }): TrustView {
    requireSeeing(rooms, principal, request.gun)
    return viewOf(rooms, request.gun)
}

/**
 * Take in a repository made elsewhere: its whole root chain, and what is published now. A person compares the fingerprint.
 *
 * @throws confirmation_required with the fingerprint to compare, when `confirm` is empty or another one.
 */
export async function adopt(
    rooms: Rooms,
    principal: Principal,
    request: { readonly gun: Gun; readonly files: readonly RawFile[]; readonly confirm: string },
): Promise<TrustView> {
    const { gun } = request
    return await recorded(rooms, principal, "adopt", { gun }, async () => {
        authorize(rooms.policy(), principal, "adopt", [{ gun, role: "root" }])
        const files = sorted(parseFiles(request.files))
        const first = files.roots[0]
        if (first === undefined || first.signed.document.version !== 1)
            throw new TrustkeyError("invalid_request", "the root chain must begin with version 1")
        const rest = verifyAdopted(files, gun, rooms.now())
        const fingerprint = lineageOf(first.signed)
        if (request.confirm.length < FINGERPRINT_DIGITS || !fingerprint.startsWith(request.confirm)) {
            throw new TrustkeyError(
                "confirmation_required",
                `compare the fingerprint of root version 1 with its owner's, then confirm its first ${FINGERPRINT_DIGITS} digits: ${fingerprint}`,
            )
        }
        await rooms.turns.take(gun, () => rooms.journal.adopt(gun, [...files.roots, ...rest]))
        return viewOf(rooms, gun)
    })
}

/**
 * A machine without a network has no server to show: there the root chain alone is taken in, so that the next root can be signed. What the
 * chain doesn't say, how new it is, nobody can know there; the ceremony's plan names the newest root.
 *
 * @returns what is current besides the roots
 */
function verifyAdopted(files: ReturnType<typeof sorted>, gun: Gun, now: Date): readonly MetadataFile[] {
    const { roots, timestamp, snapshot, targets, delegations } = files
    if (timestamp === undefined && snapshot === undefined && targets === undefined && delegations.length === 0) {
        verifyRootChain(undefined, roots, gun, now, { ignoreExpiry: true })
        return []
    }
    return verifiedFiles(verifyRepository(undefined, files, gun, now, { ignoreExpiry: true }))
}

/** End the current lineage, after its trust data was deleted on the server. @throws confirmation_required */
export async function reset(
    rooms: Rooms,
    principal: Principal,
    request: { readonly gun: Gun; readonly confirm: string },
): Promise<TrustView> {
    const { gun } = request
    return await recorded(rooms, principal, "reset", { gun }, async () => {
        authorize(rooms.policy(), principal, "reset", [{ gun, role: "root" }])
        if (request.confirm !== gun) throw new TrustkeyError("confirmation_required", `type the repository's name to confirm: ${gun}`)
        await rooms.turns.take(gun, () => rooms.journal.reset(gun))
        return viewOf(rooms, gun)
    })
}

/** Void an unpublished root promise. @throws confirmation_required, not_found, invalid_request */
export async function voidPromise(
    rooms: Rooms,
    principal: Principal,
    request: { readonly gun: Gun; readonly role: RoleName; readonly version: number; readonly confirm: string },
): Promise<void> {
    const { gun, role, version } = request
    await recorded(rooms, principal, "void", { gun, role, detail: { version } }, async () => {
        authorize(rooms.policy(), principal, "void", [{ gun, role }])
        if (role !== "root")
            throw new TrustkeyError("invalid_request", "only root promises can be voided; every other role takes the next version")
        if (request.confirm !== `void ${version}`) throw new TrustkeyError("confirmation_required", `type "void ${version}" to confirm`)
        await rooms.turns.take(gun, () => rooms.journal.void(gun, version, principal.name))
    })
}

function viewOf(rooms: Rooms, gun: Gun): TrustView {
    const repository = rooms.journal.repository(gun)
    return { gun, repository, outbox: repository?.outbox.length ?? 0 }
}
