import { formatTime } from "./forms.ts"
import { parsePlan } from "./parse-plan.ts"
import { PLAN_FORMAT, type PlanContent, type PlannedKey, type PlannedRepository } from "./plan.ts"
import { type PlanEntry, planKeyTable, planTable } from "./plan-text.ts"

/**
 * The plan as a file that people review, in the order of the format's page.
 *
 * @throws plan_invalid when what must hold does not
 */
export function encodePlan(plan: PlanContent): Buffer {
    const tables = [
        planTable("", [
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
            planTable("[[person]]", [
                ["name", name],
                ["part", part],
                ["full_name", fullName],
            ]),
        ),
        planKeyTable("closing.vault", plan.closing.vault),
        planKeyTable("closing.witness", plan.closing.witness),
        ...plan.keys.map((key) => planTable("[[key]]", plannedKeyEntries(key))),
        ...plan.spares.map(({ token, serial }) =>
            planTable("[[spare]]", [
                ["token", token],
                ["serial", serial],
            ]),
        ),
        ...plan.repositories.flatMap(repositoryTables),
        ...(plan.backupRecipients.length === 0 ? [] : [planTable("[backup]", [["recipients", plan.backupRecipients]])]),
    ]
    const bytes = Buffer.from(tables.join("\n"), "utf8")
    parsePlan(bytes)
    return bytes
}

function plannedKeyEntries(key: PlannedKey): readonly PlanEntry[] {
    const head: readonly PlanEntry[] = [
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
        planTable("[[repository]]", [
            ["gun", gun],
            ["lineage", published?.lineage],
            ["root_version", published?.version],
            ["root_sha256", published?.sha256],
        ]),
        ...Array.from(roles ?? [], ([role, key]) => planKeyTable(`repository.roles.${role}`, key)),
    ]
}
