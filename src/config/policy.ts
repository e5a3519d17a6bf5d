import { z } from "zod"
import { TrustkeyError } from "../errors.ts"
import { ACTIONS, ACTIONS_WITHOUT_PLACE, type Action, isAction, type Limit, type Rule, type Subject } from "../policy/index.ts"
import type { NameLookup } from "../storage/index.ts"
import { type Glob, parseGlob, parseGun, parseRoleName } from "../tuf/index.ts"
import { duration, size } from "./quantities.ts"
import { parseSubject } from "./subject.ts"

const EVERYTHING = [parseGlob("**")]

/** `[[allow]]` */
export function ruleSchema(names: NameLookup): z.ZodType<Rule> {
    return z
        .strictObject({
            who: z.array(subject(names)).min(1),
            do: z.array(action).min(1),
            role: z.array(pattern(checkRole)).min(1).optional(),
            gun: z.array(pattern(checkGun)).min(1).optional(),
        })
        .superRefine((table, context) => {
            if (table.role === undefined && table.gun === undefined) return
            for (const [index, name] of table.do.entries()) {
                if (name === "*" || !ACTIONS_WITHOUT_PLACE.includes(name)) continue
                const message = `"${name}" is about the whole daemon: it needs an [[allow]] of its own, without gun and role`
                context.addIssue({ code: "custom", path: ["do", index], message })
            }
        })
        .transform((table) => ({ who: table.who, do: table.do, role: table.role ?? EVERYTHING, gun: table.gun ?? EVERYTHING }))
}

/** `[[limit]]` */
export const limitSchema: z.ZodType<Limit> = z
    .strictObject({
        gun: z.array(pattern(checkGun)).min(1).optional(),
        max_validity: z.record(z.string(), duration("1h", "100y")).transform(byRole).optional(),
        immutable_targets: z.array(pattern(() => {})).optional(),
        max_payload: size("1KiB", "64MiB").optional(),
    })
    .refine((table) => table.max_validity !== undefined || table.immutable_targets !== undefined || table.max_payload !== undefined, {
        message: "limits nothing: it needs max_validity, immutable_targets or max_payload",
    })
    .transform((table) => ({
        gun: table.gun ?? EVERYTHING,
        maxValidity: table.max_validity ?? new Map(),
        immutableTargets: table.immutable_targets ?? [],
        ...(table.max_payload === undefined ? {} : { maxPayload: table.max_payload }),
    }))

function subject(names: NameLookup): z.ZodType<Subject, string> {
    return z.string().transform((text, context) => {
        const parsed = parseSubject(text, names)
        if (typeof parsed !== "string") return parsed
        context.addIssue({ code: "custom", message: parsed })
        return z.NEVER
    })
}

const action: z.ZodType<Action | "*", string> = z.string().transform((text, context) => {
    if (text === "*" || isAction(text)) return text
    context.addIssue({ code: "custom", message: `there is no such action; there are ${ACTIONS.join(", ")} and "*"` })
    return z.NEVER
})

function pattern(check: (text: string) => void): z.ZodType<Glob, string> {
    return z.string().transform((text, context) => readPattern(text, check, context) ?? z.NEVER)
}

function readPattern(text: string, check: (text: string) => void, context: z.RefinementCtx, path: PropertyKey[] = []): Glob | undefined {
    try {
        const glob = parseGlob(text)
        // Without a wildcard it has to be something that exists: a typing error would silently match nothing.
        if (!/[*?]/.test(text)) check(text)
        return glob
    } catch (error) {
        if (!(error instanceof TrustkeyError)) throw error
        context.addIssue({ code: "custom", path, message: error.message })
        return undefined
    }
}

function byRole(table: Readonly<Record<string, number>>, context: z.RefinementCtx): ReadonlyMap<Glob, number> {
    const validities = new Map<Glob, number>()
    for (const [text, milliseconds] of Object.entries(table)) {
        const glob = readPattern(text, checkRole, context, [text])
        if (glob !== undefined) validities.set(glob, milliseconds)
    }
    return validities
}

function checkGun(text: string): void {
    parseGun(text)
}

function checkRole(text: string): void {
    parseRoleName(text)
}
