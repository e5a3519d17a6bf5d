import { canonicalKeyIdOf, type TufKey } from "../tuf/index.ts"
import type { CeremonyKind, PlannedKey } from "./plan.ts"
import type { PlanFile } from "./plan-schema.ts"

export type Mistake = { readonly path: readonly (string | number)[]; readonly message: string }

type Change = PlannedKey["change"]

/** By kind: what may happen to keys, and of which groups one must occur. */
const CHANGES: Readonly<Record<CeremonyKind, { readonly may: readonly Change[]; readonly must: readonly (readonly Change[])[] }>> = {
    "create-root": { may: ["new", "added"], must: [] },
    "rotate-root": { may: ["new", "added", "kept", "retired"], must: [["kept", "retired"]] },
    "replace-holder": { may: ["new", "added", "kept", "retired", "lost"], must: [["lost"], ["new", "added"]] },
    "root-lost": { may: ["new", "added", "retired", "lost"], must: [["lost"]] },
}

/** What must hold among the fields of a plan: docs/formats/ceremony-plan.md, "What must hold". */
export function checkPlan(plan: PlanFile): readonly Mistake[] {
    return [
        ...checkTimes(plan),
        ...checkPeople(plan),
        ...checkKeys(plan),
        ...checkThreshold(plan),
        ...checkPlaces(plan),
        ...checkKeyIds(plan),
    ]
}

function checkTimes(plan: PlanFile): readonly Mistake[] {
    const mistakes: Mistake[] = []
    if (plan.created > plan.not_after) mistakes.push({ path: ["created"], message: "is after not_after" })
    if (plan.not_before >= plan.not_after) mistakes.push({ path: ["not_before"], message: "is not before not_after" })
    if (plan.expires <= plan.not_after)
        mistakes.push({ path: ["expires"], message: "is not after not_after: the new root would be born expired" })
    return mistakes
}

function checkPeople(plan: PlanFile): readonly Mistake[] {
    const mistakes = twice(
        plan.person.map(({ name }, index) => [name, ["person", index, "name"]] as const),
        "another person has this name",
    )
    const parts = plan.person.map(({ part }) => part)
    if (parts.filter((part) => part === "lead").length !== 1) mistakes.push({ path: ["person"], message: "exactly one must be the lead" })
    if (!parts.includes("witness")) mistakes.push({ path: ["person"], message: "one at least must be a witness, who holds no key" })
    const holders = new Set(plan.key.filter(({ change }) => change !== "lost").map(({ holder }) => holder))
    for (const [index, { name, part }] of plan.person.entries()) {
        if (part === "holder" && !holders.has(name)) mistakes.push({ path: ["person", index], message: "is a holder and holds no key" })
    }
    return mistakes
}

function checkKeys(plan: PlanFile): readonly Mistake[] {
    const mistakes = twice(
        plan.key.map(({ name }, index) => [name, ["key", index, "name"]] as const),
        "another key has this name",
    )
    const mayHold = new Set(plan.person.filter(({ part }) => part !== "witness").map(({ name }) => name))
    const { may, must } = CHANGES[plan.kind]
    for (const [index, { change, holder }] of plan.key.entries()) {
        if (!may.includes(change))
            mistakes.push({ path: ["key", index, "change"], message: `"${change}" does not go with kind = "${plan.kind}"` })
        if (change !== "lost" && !mayHold.has(holder))
            mistakes.push({ path: ["key", index, "holder"], message: "must be the name of a person whose part is lead or holder" })
    }
    for (const group of must) {
        if (plan.key.some(({ change }) => group.includes(change))) continue
        mistakes.push({ path: ["key"], message: `kind = "${plan.kind}" needs a key that is ${group.join(" or ")}` })
    }
    return mistakes
}

function checkThreshold({ threshold, key }: PlanFile): readonly Mistake[] {
    const holders = key.filter(({ change }) => change === "new" || change === "added" || change === "kept").map(({ holder }) => holder)
    if (threshold > holders.length)
        return [{ path: ["threshold"], message: `is ${threshold}, and the new root has ${holders.length} keys` }]
    const alone = threshold < 2 ? undefined : holders.find((name) => holders.filter((other) => other === name).length >= threshold)
    if (alone === undefined) return []
    return [{ path: ["threshold"], message: `is no threshold: ${alone} alone holds as many keys of the new root` }]
}

function checkPlaces(plan: PlanFile): readonly Mistake[] {
    const mistakes = [
        ...twice(
            plan.repository.map(({ gun }, index) => [gun, ["repository", index, "gun"]] as const),
            "another repository has this name",
        ),
        ...twice(
            plan.spare.map(({ token }, index) => [token, ["spare", index, "token"]] as const),
            "another spare is this token",
        ),
        ...twice(
            (plan.backup?.recipients ?? []).map((recipient, index) => [recipient, ["backup", "recipients", index]] as const),
            "is there twice",
        ),
    ]
    const isPublished = plan.kind !== "create-root"
    const beginsAnew = plan.kind === "create-root" || plan.kind === "root-lost"
    for (const [index, repository] of plan.repository.entries()) {
        for (const field of ["lineage", "root_version", "root_sha256"] as const) {
            const problem = presence(repository[field] !== undefined, isPublished, plan.kind)
            if (problem !== undefined) mistakes.push({ path: ["repository", index, field], message: problem })
        }
        const problem = presence(repository.roles !== undefined, beginsAnew, plan.kind)
        if (problem !== undefined) mistakes.push({ path: ["repository", index, "roles"], message: problem })
        if (repository.root_version === 1 && repository.lineage !== repository.root_sha256)
            mistakes.push({ path: ["repository", index, "root_sha256"], message: "is not the lineage, as version 1's is" })
    }
    return mistakes
}

function presence(isThere: boolean, mustBe: boolean, kind: CeremonyKind): string | undefined {
    if (isThere === mustBe) return undefined
    return mustBe ? "missing" : `does not go with kind = "${kind}"`
}

/** A key that stood in two places would lend one place's trust to the other. */
function checkKeyIds(plan: PlanFile): readonly Mistake[] {
    const ids: (readonly [string, Mistake["path"]])[] = []
    for (const [index, key] of plan.key.entries()) if (key.change !== "new") ids.push([key.id, ["key", index, "id"]])
    const closing = (["vault", "witness"] as const).map((who) => [idOf(plan.closing[who]), ["closing", who, "public"]] as const)
    const mistakes = twice([...ids, ...closing], "this key is in the plan already")
    for (const [index, { roles }] of plan.repository.entries()) {
        const own = (["targets", "snapshot", "timestamp"] as const).flatMap((role) =>
            roles === undefined ? [] : [[idOf(roles[role]), ["repository", index, "roles", role, "public"]] as const],
        )
        const before = [...ids, ...closing]
        mistakes.push(...twice([...before, ...own], "this key is in the plan already").filter(({ path }) => path[0] === "repository"))
    }
    return mistakes
}

function idOf(key: TufKey): string {
    return canonicalKeyIdOf(key)
}

function twice(values: readonly (readonly [string, Mistake["path"]])[], message: string): Mistake[] {
    const seen = new Set<string>()
    return values.flatMap(([value, path]) => {
        const isSeen = seen.has(value)
        seen.add(value)
        return isSeen ? [{ path, message }] : []
    })
}
