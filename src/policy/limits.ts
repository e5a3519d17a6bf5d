import { type Glob, globMatches } from "../tuf/index.ts"
import type { Policy } from "./rules.ts"

/** What holds for one role of one repository. `undefined`: no limit of this kind. */
export type AppliedLimits = {
    /** Milliseconds from now to `expires`. */
    readonly maxValidity: number | undefined
    /** Names of targets whose content never changes once signed. */
    readonly immutableTargets: readonly Glob[]
    /** Bytes of one `signed` value. */
    readonly maxPayload: number | undefined
}

/** Every `[[limit]]` that matches counts, the strictest wins: a later table can't loosen an earlier one. */
export function limitsFor(policy: Policy, gun: string, role: string): AppliedLimits {
    const limits = policy.limits.filter((limit) => limit.gun.some((glob) => globMatches(glob, gun)))
    const validities = limits.flatMap((limit) => Array.from(limit.maxValidity).filter(([glob]) => globMatches(glob, role)))
    return {
        maxValidity: least(validities.map(([, milliseconds]) => milliseconds)),
        immutableTargets: limits.flatMap((limit) => limit.immutableTargets),
        maxPayload: least(limits.flatMap((limit) => (limit.maxPayload === undefined ? [] : [limit.maxPayload]))),
    }
}

function least(numbers: readonly number[]): number | undefined {
    return numbers.length === 0 ? undefined : Math.min(...numbers)
}
