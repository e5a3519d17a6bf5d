import { openDaemon } from "../src/cli/daemon.ts"
import type { Daemon } from "../src/cli/daemon-types.ts"
import { firstRoot } from "../src/cli/trust/build-first.ts"
import { generatePrivateKey, sha256, sha512 } from "../src/crypto/index.ts"
import {
    encodeTargets,
    type FileMeta,
    formatExpires,
    keyIdOf,
    parseRoleName,
    ROOT,
    type RoleName,
    SNAPSHOT,
    TARGETS,
    type TufKey,
    tufKey,
} from "../src/tuf/index.ts"
import type { Place, SetPlace } from "./load.ts"

const SIGNERS = ["targets/releases", "targets/alice", "targets/bob"].map((name) => parseRoleName(name))
const TAGS = 5
const YEAR = 365 * 86_400_000

export type TokenPlace = { readonly name: string; readonly algorithm: "p256" | "rsa2048" | "rsa4096" }
export type Repositories = { readonly places: readonly Place[]; readonly sets: readonly SetPlace[] }

type RoleKey = { readonly role: RoleName; readonly keyId: string; readonly tuf: TufKey }

/**
 * Repositories with targets and three delegations, each role with a key of its own.
 *
 * @param token where the keys of targets and delegations are, and of which kind; without it they are sealed in the group, as the
 *   others always are
 */
export async function makeRepositories(
    adminSocket: string,
    name: string,
    count: number,
    group: string,
    token?: TokenPlace,
): Promise<Repositories> {
    const daemon = openDaemon("admin", adminSocket)
    const places: Place[] = []
    const sets: SetPlace[] = []
    for (let i = 0; i < count; i++) {
        const made = await makeRepository(daemon, `registry.example.com/${name}/app-${i}`, group, token)
        places.push(...made.places)
        sets.push(made)
    }
    daemon.close()
    return { places, sets }
}

async function makeRepository(daemon: Daemon, gun: string, group: string, token: TokenPlace | undefined): Promise<SetPlace> {
    const expires = new Date(Math.floor((Date.now() + YEAR) / 1000) * 1000)
    const makeKey = async (purpose: "root" | "targets" | "snapshot" | "delegation", role: RoleName): Promise<RoleKey> => {
        const isOnToken = token !== undefined && role.startsWith(TARGETS)
        const home = isOnToken ? { token: token.name } : { group }
        const algorithm = isOnToken ? token.algorithm : "p256"
        const bindings = [{ gun, role }]
        const { id, publicKey } = await daemon.createKey({ algorithm, purpose, label: `${role} of ${gun}`, home, bindings })
        return { role, keyId: id, tuf: { keytype: algorithm === "p256" ? "ecdsa" : "rsa", public: publicKey } }
    }
    const root = await makeKey("root", ROOT)
    const snapshot = await makeKey("snapshot", SNAPSHOT)
    const targets = await makeKey("targets", TARGETS)
    const delegates: RoleKey[] = []
    for (const role of SIGNERS) delegates.push(await makeKey("delegation", role))

    const { pem } = await daemon.rootCertificate({ keyId: root.keyId, gun })
    const timestamp = tufKey(generatePrivateKey("p256").publicKey)
    const rootBody = firstRoot({ certificates: [pem], rootThreshold: 1, targets: targets.tuf, snapshot: snapshot.tuf, timestamp }, expires)
    const body = (key: RoleKey): string => bodyWithoutVersion(expires, key.role === TARGETS ? delegates : [])
    const places = [targets, ...delegates].map((key) => ({ keyId: key.keyId, gun, role: key.role, body: body(key) }))
    const bodies = places.map(({ role, body, keyId }) => ({
        role,
        signed: Buffer.from(`${body}1}`),
        keyIds: [keyId],
        signatures: [],
        base: "",
    }))
    await daemon.signSet({
        gun,
        published: [],
        bodies: [{ role: ROOT, signed: rootBody, keyIds: [root.keyId], signatures: [], base: "" }, ...bodies],
        snapshot: { version: 1, expires: formatExpires(expires), keyIds: [snapshot.keyId] },
    })
    return { gun, places, snapshotKeyId: snapshot.keyId, expires: formatExpires(expires) }
}

/** A few tags, as a signer has them. In canonical form `version` is the last member, so a fresh body costs a number and a brace. */
function bodyWithoutVersion(expires: Date, delegates: readonly RoleKey[]): string {
    const targets = new Map(Array.from({ length: TAGS }, (_, index): [string, FileMeta] => [`v1.${index}`, manifest(`v1.${index}`)]))
    const delegations = {
        keys: new Map(delegates.map(({ tuf }) => [keyIdOf(tuf), tuf])),
        roles: delegates.map(({ role, tuf }) => ({ name: role, keyIds: [keyIdOf(tuf)], threshold: 1, paths: [""] })),
    }
    const text = encodeTargets({ type: "targets", version: 1, expires, targets, delegations }).toString("utf8")
    if (!text.endsWith('"version":1}')) throw new Error("the canonical form does not end with the version")
    return text.slice(0, -2)
}

function manifest(tag: string): FileMeta {
    const bytes = Buffer.from(tag)
    return {
        hashes: new Map([
            ["sha256", sha256(bytes)],
            ["sha512", sha512(bytes)],
        ]),
        length: 1_368,
    }
}
