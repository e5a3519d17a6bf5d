import type { ErrorCode } from "../../errors.ts"
import type { DaemonStatus } from "../daemon-types.ts"
import { type Asked, type Facts, SIGN_SOCKET } from "./facts.ts"

/** What a check has found: `findings` says it, a line each, `advice` what to do. A warning that
 * `restsOn` another check was not made: that one says why. Each failure has the code that decides the exit status. */
export type Verdict =
    | { readonly verdict: "ok"; readonly findings: readonly string[] }
    | { readonly verdict: "warning"; readonly findings: readonly string[]; readonly advice: string; readonly restsOn?: string }
    | { readonly verdict: "failure"; readonly findings: readonly string[]; readonly advice: string; readonly code: ErrorCode }

/** One question with one answer. Pure: facts in, verdict out. */
export type Check = { readonly name: string; readonly look: (facts: Facts) => Verdict }

export function ok(...findings: readonly string[]): Verdict {
    return { verdict: "ok", findings }
}

export function warning(advice: string, ...findings: readonly string[]): Verdict {
    return { verdict: "warning", findings, advice }
}

export function failure(code: ErrorCode, advice: string, ...findings: readonly string[]): Verdict {
    return { verdict: "failure", findings, advice, code }
}

export const THAT_FIRST = "See to that first, then run this again."

/** What could not be asked is no all-clear. */
export function withAnswer<T>(asked: Asked<T>, look: (answer: T) => Verdict): Verdict {
    if ("answer" in asked) return look(asked.answer)
    if ("unasked" in asked) return notMade(asked.unasked)
    const advice = asked.refused.code === "denied" ? "Ask somebody who may see it to run this." : THAT_FIRST
    return warning(advice, `not checked: ${asked.refused.message}`)
}

/** The same of everything the sign socket has told. */
export function withStatus({ sign }: Facts, look: (answer: DaemonStatus) => Verdict): Verdict {
    return "answer" in sign ? look(sign.answer) : notMade(SIGN_SOCKET)
}

function notMade(restsOn: string): Verdict {
    return { verdict: "warning", findings: [`not checked: see ${restsOn}`], advice: THAT_FIRST, restsOn }
}
