import type { TufKey } from "../tuf/index.ts"
import { formatTime } from "./forms.ts"
import { parsePlan } from "./parse-plan.ts"
import { PLAN_FORMAT, type PlanContent, type PlannedKey, type PlannedRepository } from "./plan.ts"

type Value = string | number | readonly string[]
type Entry = readonly [name: string, value: Value | undefined]

/**
 * The plan as a file that people review, in the order of the format's page.
 *
 * @throws plan_invalid when what must hold does not
 */
export function encodePlan(plan: PlanContent): Buffer {
    const tables = [
        lines([
            ["format", PLAN_FORMAT],
            ["id", plan.id],
            ["kind", plan.kind],
            ["reason", plan.reason],
            ["created", formatTime(plan.created)],
            ["not_before", formatTime(plan.notBefore)],
            ["not_after", formatTime(plan.notAfter)],
            ["expires", formatTime(plan.expires)],
            ["threshold", plan.threshold],
            ["rehearsal_of", plan.rehearsalOf],
        ]),
        ...plan.people.map(({ name, part, fullName }) =>
            table("[[person]]", [
                ["name", name],
                ["part", part],
                ["full_name", fullName],
            ]),
        ),
        table("[closing.vault]", keyEntries(plan.closing.vault)),
        table("[closing.witness]", keyEntries(plan.closing.witness)),
        ...plan.keys.map((key) => table("[[key]]", plannedKeyEntries(key))),
        ...plan.spares.map(({ token, serial }) =>
            table("[[spare]]", [
                ["token", token],
                ["serial", serial],
            ]),
        ),
        ...plan.repositories.flatMap(repositoryTables),
        ...(plan.backupRecipients.length === 0 ? [] : [table("[backup]", [["recipients", plan.backupRecipients]])]),
    ]
    const bytes = Buffer.from(tables.join("\n"), "utf8")
    parsePlan(bytes)
    return bytes
}

function plannedKeyEntries(key: PlannedKey): readonly Entry[] {
    const head: readonly Entry[] = [
        ["name", key.name],
        ["holder", key.holder],
        ["change", key.change],
    ]
    switch (key.change) {
        case "new":
            return [
                ...head,
                ["token", key.token],
                ["serial", key.serial],
                ["algorithm", key.algorithm],
                ["make", key.make],
                ["slot", key.slot],
                ["pin_policy", key.pinPolicy],
                ["touch_policy", key.touchPolicy],
                ["copies", key.copies.length === 0 ? undefined : key.copies],
            ]
        case "lost":
            return [...head, ["id", key.id], ["serial", key.serial]]
        default:
            return [...head, ["id", key.id], ["token", key.token], ["serial", key.serial]]
    }
}

function repositoryTables({ gun, published, roles }: PlannedRepository): readonly string[] {
    return [
        table("[[repository]]", [
            ["gun", gun],
            ["lineage", published?.lineage],
            ["root_version", published?.version],
            ["root_sha256", published?.sha256],
        ]),
        ...Array.from(roles ?? [], ([role, key]) => table(`[repository.roles.${role}]`, keyEntries(key))),
    ]
}

function keyEntries(key: TufKey): readonly Entry[] {
    return [
        ["keytype", key.keytype],
        ["public", Buffer.from(key.public).toString("base64")],
    ]
}

function table(head: string, entries: readonly Entry[]): string {
    return `${head}\n${lines(entries)}`
}

function lines(entries: readonly Entry[]): string {
    return entries.flatMap(([name, value]) => (value === undefined ? [] : [`${name} = ${valueText(value)}\n`])).join("")
}

function valueText(value: Value): string {
    if (typeof value === "number") return String(value)
    return typeof value === "string" ? quoted(value) : `[${value.map(quoted).join(", ")}]`
}

function quoted(text: string): string {
    return `"${text.replaceAll(/["\\]/g, "\\$&")}"`
}
