import { TrustkeyError } from "../../errors.ts"
import { canonicalKeyIdOf, type RootDocument, SNAPSHOT, type TufKey } from "../../tuf/index.ts"
import { shortId } from "../output.ts"
import { rootDocumentOf } from "../trust/build-update.ts"
import type { TrustSession } from "../trust/session.ts"
import { type Looked, roleIn } from "./publish-root.ts"
import type { RoleKeys } from "./role-keys.ts"
import type { PlannedChange, Wish } from "./rotate.ts"

const SERVER_ROLES = ["timestamp", "snapshot"] as const
type ServerRole = (typeof SERVER_ROLES)[number]

/**
 * Keys the trust server holds. Each is asked for once in a run, however often the root is built: the server makes another each time.
 */
class ServerKeys {
    readonly #session: TrustSession
    readonly #new = new Map<ServerRole, Promise<TufKey>>()

    constructor(session: TrustSession) {
        this.#session = session
    }

    /** Whether the server can sign for a role as the root has it. Asked about a key it does not have, it makes another, which counts nowhere. */
    async holds(root: RootDocument, role: ServerRole): Promise<boolean> {
        const { server, gun } = this.#session
        return roleIn(root, role).keyIds.includes(canonicalKeyIdOf(await server.key(gun, role)))
    }

    async change(roles: readonly ServerRole[]): Promise<Awaited<ReturnType<PlannedChange["make"]>>> {
        const keys = await Promise.all(roles.map(async (role) => [role, { keys: [await this.#newKey(role)], threshold: 1 }] as const))
        return { roles: new Map(keys) }
    }

    #newKey(role: ServerRole): Promise<TufKey> {
        const { server, gun } = this.#session
        const key = this.#new.get(role) ?? server.newKey(gun, role)
        this.#new.set(role, key)
        return key
    }
}

/** `withSnapshot`: the server gets a snapshot key too, whoever had it. */
export function timestampWish(session: TrustSession, withSnapshot: boolean): Wish {
    const server = new ServerKeys(session)
    const plan = async ({ current, keys }: Looked): Promise<PlannedChange> => {
        const root = rootDocumentOf(current.verified.root)
        const { keyIds } = roleIn(root, "snapshot")
        const isOurs = keyIds.some((id) => keys.has(SNAPSHOT, id))
        // A snapshot has to name the new root, and somebody has to sign it.
        if (withSnapshot || isOurs || (await server.holds(root, "snapshot")))
            return planServerKeys(server, root, withSnapshot ? ["timestamp", "snapshot"] : ["timestamp"])
        const whose = `the snapshot key ${keyIds.map(shortId).join(", ")} of ${session.gun} is not here and not at the server`
        throw new TrustkeyError(
            "set_incomplete",
            `${whose}: either the server has lost it too, or another client holds it. To replace both, by keys of the server: --with-snapshot`,
        )
    }
    return {
        roles: withSnapshot ? ["timestamp", "snapshot"] : ["timestamp"],
        looksAfter: SERVER_ROLES,
        plan,
        renewing: { evenTimestamp: true },
    }
}

/**
 * The snapshot key stays with whoever holds it, or goes where it is said. To the server: then a timestamp key that the server has lost is
 * replaced in the same root, as it could publish nothing without.
 */
export function snapshotWish(session: TrustSession, here: RoleKeys, toServer: boolean): Wish {
    const server = new ServerKeys(session)
    const plan = async (looked: Looked, dry: boolean): Promise<PlannedChange> => {
        const root = rootDocumentOf(looked.current.verified.root)
        const isOurs = roleIn(root, "snapshot").keyIds.some((id) => looked.keys.has(SNAPSHOT, id))
        const stays = !here.areNamed && !isOurs && (await server.holds(root, "snapshot"))
        if (!toServer && !stays) return await here.wish().plan(looked, dry)
        return planServerKeys(server, root, (await server.holds(root, "timestamp")) ? ["snapshot"] : ["snapshot", "timestamp"])
    }
    const wish = { roles: ["snapshot"], looksAfter: SERVER_ROLES, plan, renewing: { evenTimestamp: true } } as const
    if (!here.areNamed) return { ...wish, mayChange: SERVER_ROLES }
    return { ...wish, differenceFrom: (before, begun) => here.differenceFrom(before, begun) }
}

function planServerKeys(server: ServerKeys, root: RootDocument, roles: readonly ServerRole[]): PlannedChange {
    const says = roles.flatMap((role) => [
        ...roleIn(root, role).keyIds.map((id) => `${role}: takes away the key ${shortId(id)}`),
        `${role}: takes a new key, which the trust server makes and holds`,
    ])
    return { says, make: () => server.change(roles) }
}
