import { canonicalize } from "./canonical.ts"
import { formatExpires } from "./expires.ts"
import { Fields, type Purpose, quote, reject, toObject } from "./fields.ts"
import type { Json } from "./json.ts"
import { type KeyId, keysJson, readKeys, type TufKey } from "./key.ts"
import { keyRoleFields, readKeyRole } from "./key-role.ts"
import type { KeyRole, RootDocument } from "./metadata.ts"
import { BASE_ROLES, type BaseRole, isBaseRole } from "./role.ts"

export const ROOT_FIELDS = ["_type", "consistent_snapshot", "expires", "keys", "roles", "version"]

export function readRoot(fields: Fields, version: number, expires: Date, purpose: Purpose): RootDocument {
    const consistentSnapshot = (purpose === "sign" ? fields.get("consistent_snapshot") : fields.find("consistent_snapshot")) ?? false
    if (typeof consistentSnapshot !== "boolean") return reject("root", "consistent_snapshot is neither true nor false")
    const keys = readKeys(fields.get("keys"), "root keys", purpose)
    return { type: "root", version, expires, keys, roles: readRoles(fields.get("roles"), keys, purpose), consistentSnapshot }
}

function readRoles(value: Json, keys: ReadonlyMap<KeyId, TufKey>, purpose: Purpose): ReadonlyMap<BaseRole, KeyRole> {
    const roles = new Map<BaseRole, KeyRole>()
    for (const [name, json] of toObject(value, "root roles")) {
        const where = `root role ${quote(name)}`
        // A role nobody knows can do nothing: borne in others' files, never signed.
        if (!isBaseRole(name)) {
            if (purpose === "sign") reject(where, "is not one of root, targets, snapshot, timestamp")
            continue
        }
        roles.set(name, readKeyRole(new Fields(json, where, purpose, ["keyids", "threshold"]), where, keys, purpose))
    }
    for (const name of BASE_ROLES) if (!roles.has(name)) reject("root roles", `${name} is missing`)
    return roles
}

/** The canonical `signed` bytes. `expires` is cut to whole seconds. */
export function encodeRoot(document: RootDocument): Buffer {
    const roles = new Map<string, Json>(Array.from(document.roles, ([name, role]) => [name, new Map(keyRoleFields(role))]))
    return canonicalize(
        new Map<string, Json>([
            ["_type", "Root"],
            ["consistent_snapshot", document.consistentSnapshot],
            ["expires", formatExpires(document.expires)],
            ["keys", keysJson(document.keys)],
            ["roles", roles],
            ["version", document.version],
        ]),
    )
}
