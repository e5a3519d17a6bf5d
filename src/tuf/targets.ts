import { canonicalize } from "./canonical.ts"
import { formatExpires } from "./expires.ts"
import { Fields, type Purpose, quote, reject, toArray, toText } from "./fields.ts"
import { fileMetasJson, readFileMetas } from "./file-meta.ts"
import type { Json } from "./json.ts"
import { type KeyId, keysJson, readKeys, type TufKey } from "./key.ts"
import { keyRoleFields, readKeyRole } from "./key-role.ts"
import type { Delegation, Delegations, TargetsDocument } from "./metadata.ts"
import { isRoleName, parentOf, parseRoleName, type RoleName } from "./role.ts"

export const TARGETS_FIELDS = ["_type", "delegations", "expires", "targets", "version"]

// A tag has 128 characters at most, a path as a target's name hardly more. Names are compared with patterns, which takes its time.
const MAX_NAME = 4096

export function readTargets(fields: Fields, version: number, expires: Date, role: RoleName, purpose: Purpose): TargetsDocument {
    const targets = readFileMetas(purpose === "sign" ? fields.get("targets") : fields.find("targets"), "target", purpose)
    if (purpose === "sign") {
        for (const name of targets.keys()) if (name.length > MAX_NAME) reject("targets", `a name is longer than ${MAX_NAME} characters`)
    }
    const delegations = purpose === "sign" ? fields.get("delegations") : fields.find("delegations")
    return { type: "targets", version, expires, targets, delegations: readDelegations(delegations, role, purpose) }
}

function readDelegations(value: Json | undefined, parent: RoleName, purpose: Purpose): Delegations {
    if (value === undefined) return { keys: new Map(), roles: [] }
    const fields = new Fields(value, "delegations", purpose, ["keys", "roles"])
    const keysValue = purpose === "sign" ? fields.get("keys") : fields.find("keys")
    const keys = readKeys(keysValue ?? new Map(), "delegations keys", purpose)
    const list = purpose === "sign" ? fields.get("roles") : fields.find("roles")
    const roles = toArray(list ?? [], "delegations roles").map((json) => readDelegation(json, parent, keys, purpose))
    // Two readers may take the first or the last of them.
    if (new Set(roles.map(({ name }) => name)).size < roles.length) reject("delegations roles", "a role is delegated to twice")
    return { keys, roles }
}

function readDelegation(value: Json, parent: RoleName, keys: ReadonlyMap<KeyId, TufKey>, purpose: Purpose): Delegation {
    const fields = new Fields(value, "delegation", purpose, ["keyids", "name", "paths", "threshold"])
    const name = toText(fields.get("name"), "delegation name")
    const where = `delegation ${quote(name)}`
    if (!isRoleName(name) || parentOf(parseRoleName(name)) !== parent) reject(where, `is no direct child of ${parent}`)
    const paths = toArray(fields.find("paths") ?? [], `${where} paths`).map((path) => toText(path, `${where} path`))
    // Go leaves an empty list out, so a file with one changes its hash on the server.
    if (purpose === "sign" && fields.has("paths") && paths.length === 0) reject(where, "paths must be left out when there are none")
    return { name: parseRoleName(name), paths, ...readKeyRole(fields, where, keys, purpose) }
}

/** The canonical `signed` bytes, for targets and for delegations. `expires` is cut to whole seconds. */
export function encodeTargets(document: TargetsDocument): Buffer {
    const delegations = new Map<string, Json>([
        ["keys", keysJson(document.delegations.keys)],
        ["roles", document.delegations.roles.map(delegationJson)],
    ])
    return canonicalize(
        new Map<string, Json>([
            ["_type", "Targets"],
            ["delegations", delegations],
            ["expires", formatExpires(document.expires)],
            ["targets", fileMetasJson(document.targets)],
            ["version", document.version],
        ]),
    )
}

function delegationJson(delegation: Delegation): Json {
    const json = new Map<string, Json>([["name", delegation.name], ...keyRoleFields(delegation)])
    if (delegation.paths.length > 0) json.set("paths", delegation.paths)
    return json
}
