import { weaknessOf } from "../key-files.ts"
import { type Output, printable, shortId } from "../output.ts"
import { keyJson } from "../present.ts"
import { shellWord } from "../shell-word.ts"
import { adoptLine, type Done } from "./act.ts"
import type { Look } from "./come-over.ts"
import { encryptionOf, type LookedAt, type PlannedKey } from "./look.ts"
import type { Places } from "./plan.ts"
import type { LeftOut } from "./scan.ts"

/** What was found, and what would be done. */
export function printPlan(output: Output, { keys, repositories, places, leftOut, withoutAdmin }: Look): void {
    if (keys.length > 0) {
        const rows = keys.map((key) => [
            shortId(key.id),
            roleOf(key),
            key.opened?.algorithm ?? key.known?.algorithm ?? "",
            [...new Set(key.copies.map(({ entry }) => encryptionOf(entry)))].join(", "),
            willSign(key, places),
            key.known === undefined ? "import" : key.plan.bindings.length > 0 ? "here already, bind" : "here already",
        ])
        output.table(["KEY", "ROLE", "ALGORITHM", "ENCRYPTED", "WILL SIGN", "PLAN"], rows)
    } else output.line("No keys that can come over.")
    if (repositories.length > 0) {
        const rows = repositories.map((repository) => [
            repository.gun,
            repository.lineage.slice(0, 16),
            signedRoles(repository, keys, places).join(", ") || "nothing",
            repository.here ? "here already" : withoutAdmin === undefined ? "adopt" : "left to an administrator",
        ])
        output.line()
        output.table(["REPOSITORY", "FINGERPRINT", "THESE KEYS SIGN", "PLAN"], rows)
    }
    if (leftOut.length > 0) {
        output.line()
        output.line("Left out:")
        for (const left of leftOut) output.line(`  ${printable(leftOutText(left))}`)
    }
    output.line()
    for (const { id, plan, word } of keys) {
        for (const gun of plan.retired)
            output.warn(`${word} key ${shortId(id)}: ${gun} is published without it, so it can sign nothing there`)
        for (const { role, gun } of plan.besides)
            output.warn(`${word} key ${shortId(id)}: it is trusted as ${role} of ${gun} too, and here a key has one purpose`)
    }
}

function roleOf({ plan }: PlannedKey): string {
    return plan.purpose === "delegation" && plan.label !== "" ? `delegation (${plan.label})` : plan.purpose
}

function willSign({ id, known, plan }: PlannedKey, places: Places): string {
    const all = known === undefined ? plan.bindings : (places.get(id) ?? [])
    const [first] = all
    if (first === undefined) return "-"
    return `${first.role}@${first.gun}${all.length > 1 ? ` and ${all.length - 1} more` : ""}`
}

function signedRoles({ gun }: LookedAt, keys: readonly PlannedKey[], places: Places): readonly string[] {
    const roles = keys.flatMap(({ id }) => (places.get(id) ?? []).filter((place) => place.gun === gun).map(({ role }) => role))
    return [...new Set(roles)].sort()
}

/** How easily the old files open, said once for all that are alike. */
export function printWeakness(output: Output, keys: readonly PlannedKey[]): void {
    const weak = new Map<string, string[]>()
    for (const { id, copies } of keys) {
        for (const why of new Set(copies.flatMap(({ entry }) => weaknessOf(entry) ?? []))) weak.set(why, [...(weak.get(why) ?? []), id])
    }
    for (const [why, ids] of weak) output.warn(`${namesOf(ids)}: ${why}`)
    if (weak.size > 0)
        output.warn(
            "Whoever ever had a copy of those files can go on guessing, wherever the keys are now. Only new keys in their place end that.",
        )
}

function namesOf(ids: readonly string[]): string {
    return ids.length > 3 ? `${ids.length} keys` : `${ids.length === 1 ? "key" : "keys"} ${ids.map(shortId).join(", ")}`
}

/** Where the old copies lie, and how to remove them, later. */
export function printCopies(output: Output, { keys, leftOut, neighbours }: Look, done: readonly Done[]): void {
    const taken = new Set(done.flatMap(({ subject, outcome }) => (outcome === "imported" ? [subject] : [])))
    const [here, notHere] = [true, false].map((wanted) => keys.filter((key) => (key.known !== undefined || taken.has(key)) === wanted))
    // A file may hold another key besides, which is nowhere else.
    const needed = new Set([...pathsOf(notHere, "copies"), ...leftOut.map(({ what }) => what)])
    const proven = pathsOf(here, "proven").filter((file) => !needed.has(file))
    const named = pathsOf(here, "copies").filter((file) => !needed.has(file) && !proven.includes(file))
    if (proven.length + named.length === 0) return
    output.line()
    output.line("The old copies still lie where they were. Before anything else sign something with each key, see that docker accepts it,")
    output.line("and make a backup of the daemon's state. Then remove them, here and in the backups of this machine.")
    printRemoval(output, "The keys in these are here:", proven)
    printRemoval(output, "These were not opened now; that the keys in them are here is what their names say:", named)
    output.line("To find others:")
    output.line(`  grep -rlI -e 'PRIVATE KEY-----' ~ 2>/dev/null`)
    for (const place of neighbours) output.line(`  ls -lR ${printable(shellWord(place))}`)
}

function printRemoval(output: Output, heading: string, files: readonly string[]): void {
    if (files.length > 0) output.line(heading)
    for (const file of files) output.line(`  shred -u -- ${printable(shellWord(file))}`)
}

function pathsOf(keys: readonly PlannedKey[] | undefined, which: "copies" | "proven"): readonly string[] {
    return [...new Set((keys ?? []).flatMap((key) => key[which].map(({ path }) => path)))]
}

/** What could not come over, and why. */
export function printLeftOut(output: Output, { leftOut }: Look, done: readonly Done[]): void {
    for (const left of [...leftOut, ...done.flatMap(({ failure }) => failure ?? [])]) output.warn(leftOutText(left))
}

function leftOutText({ what, why, code }: LeftOut): string {
    return `${what}: ${why}${code === undefined ? "" : ` [${code}]`}`
}

/** The whole run as --json shows it. */
export function planJson({ keys, repositories, places, leftOut, neighbours }: Look, done: readonly Done[], dryRun: boolean): object {
    const outcomes = new Map(done.map(({ subject, ...rest }) => [subject, rest]))
    return {
        dryRun,
        keys: keys.map((key) => {
            const { outcome, key: taken } = outcomes.get(key) ?? {}
            return {
                id: key.id,
                purpose: key.plan.purpose,
                label: key.plan.label,
                algorithm: key.opened?.algorithm ?? key.known?.algorithm ?? "unknown",
                files: key.copies.map((copy) => ({ path: copy.path, gun: copy.gun, encryption: copy.entry.encryption })),
                places: places.get(key.id) ?? key.plan.bindings,
                outcome: outcome ?? (key.known === undefined || key.plan.bindings.length > 0 ? "planned" : "here"),
                ...(taken === undefined ? {} : { key: keyJson(taken) }),
            }
        }),
        repositories: repositories.map((repository) => ({
            gun: repository.gun,
            fingerprint: repository.lineage.slice(0, 16),
            rootVersion: repository.current.verified.root.signed.document.version,
            roles: signedRoles(repository, keys, places),
            outcome: outcomes.get(repository)?.outcome ?? (repository.here ? "here" : "planned"),
            ...(repository.here ? {} : { adopt: adoptLine(repository) }),
        })),
        leftOut: [...leftOut, ...done.flatMap(({ failure }) => failure ?? [])],
        neighbours,
    }
}
