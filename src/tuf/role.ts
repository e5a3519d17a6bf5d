import { TrustkeyError } from "../errors.ts"

declare const roleName: unique symbol
export type BaseRole = "root" | "targets" | "snapshot" | "timestamp"
/** One of the four base roles, or a delegation `targets/…`. */
export type RoleName = string & { readonly [roleName]: true }

export const BASE_ROLES: readonly BaseRole[] = ["root", "targets", "snapshot", "timestamp"]

/** @throws invalid_request unless `text` is a base role or a delegation as Notary names them: `targets/` and `[-a-z0-9_/]`, a clean path, below 256 characters. */
export function parseRoleName(text: string): RoleName {
    if (!isRoleName(text)) {
        throw new TrustkeyError("invalid_request", "not a role: root, targets, snapshot, timestamp or targets/… in [-a-z0-9_/]")
    }
    return text as RoleName
}

export const ROOT = parseRoleName("root")
export const TARGETS = parseRoleName("targets")
export const SNAPSHOT = parseRoleName("snapshot")
export const TIMESTAMP = parseRoleName("timestamp")

export function isRoleName(text: string): boolean {
    return isBaseRole(text) || (text.length < 256 && /^targets(\/[-a-z0-9_]+)+$/.test(text))
}

export function isBaseRole(text: string): text is BaseRole {
    return BASE_ROLES.some((role) => role === text)
}

export function isDelegation(role: RoleName): boolean {
    return role.startsWith("targets/")
}

/** The role that delegates to `role`: `targets/a` for `targets/a/b`; undefined for base roles. */
export function parentOf(role: RoleName): RoleName | undefined {
    return isDelegation(role) ? parseRoleName(role.slice(0, role.lastIndexOf("/"))) : undefined
}
