import { allowingRule, type Fit, fitRule } from "./authorize.ts"
import { OVERFLOW_ID, type Principal, subjectText } from "./principal.ts"
import type { Action, Place, Policy, Rule } from "./rules.ts"

/** `rule` counts the `[[allow]]` tables of the configuration from 1. */
export type Explanation = { readonly allowed: boolean; readonly rule?: number; readonly sentence: string }

/** Why an act would be allowed or not, in a sentence for the administrator. Nothing for callers: it tells the rules. */
export function explain(policy: Policy, principal: Principal, action: Action, place?: Place): Explanation {
    const act = place === undefined ? action : `${action} ${place.role} in ${place.gun}`
    const number = allowingRule(policy, principal, action, place)
    const rule = number === undefined ? undefined : policy.rules[number - 1]
    if (number !== undefined && rule !== undefined) {
        return { allowed: true, rule: number, sentence: `${principal.name} may ${act}: rule ${number} allows ${ruleText(rule)}` }
    }
    const denied = `${principal.name} may not ${act}`
    if (principal.uid === OVERFLOW_ID) return { allowed: false, sentence: `${denied}: uid ${OVERFLOW_ID} is nobody's, no rule matches it` }
    const nearest = nearMiss(policy, principal, action, place)
    return { allowed: false, sentence: `${denied}: ${nearest ?? "no rule allows it"}` }
}

/** A rule that fails in only one of its three conditions; rather one that is for this caller. */
function nearMiss(policy: Policy, principal: Principal, action: Action, place: Place | undefined): string | undefined {
    const misses = policy.rules.map((rule) => onlyMissing(fitRule(rule, principal, action, place)))
    for (const part of ["place", "action", "who"] as const) {
        const index = misses.indexOf(part)
        const rule = policy.rules[index]
        if (rule === undefined) continue
        const but = {
            place: `covers only ${placeText(rule)}`,
            action: `allows only ${listed(rule.do)}`,
            who: `is for ${listed(rule.who.map(subjectText))}`,
        }
        return `no rule allows it; rule ${index + 1} comes nearest, but ${but[part]}`
    }
    return undefined
}

function onlyMissing(fit: Fit): keyof Fit | undefined {
    const missing = (["who", "action", "place"] as const).filter((part) => !fit[part])
    return missing.length === 1 ? missing[0] : undefined
}

function ruleText(rule: Rule): string {
    return `${listed(rule.who.map(subjectText))} to ${listed(rule.do)} ${placeText(rule)}`
}

function placeText(rule: Rule): string {
    return `${listed(rule.role.map((glob) => glob.text))} in ${listed(rule.gun.map((glob) => glob.text))}`
}

function listed(words: readonly string[]): string {
    return words.join(", ")
}
