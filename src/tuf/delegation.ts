import type { Delegation, TargetsDocument } from "./metadata.ts"
import type { RoleName } from "./role.ts"

export function delegationOf(targets: TargetsDocument, role: RoleName): Delegation | undefined {
    return targets.delegations.roles.find(({ name }) => name === role)
}

/** Whether a role with these `paths` may speak about `name`. Plain string prefixes, no patterns: "v1" is also a path for "v10". */
export function pathMatches(paths: readonly string[], name: string): boolean {
    return paths.some((path) => name.startsWith(path))
}

/** What a delegation may really speak about: a path counts only when one of the delegating role's own begins it. Of targets itself: [""]. */
export function effectivePaths(parentPaths: readonly string[], delegation: Delegation): readonly string[] {
    return delegation.paths.filter((path) => pathMatches(parentPaths, path))
}
