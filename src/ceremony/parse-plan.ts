import { isUtf8 } from "node:buffer"
import { sha256 } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import { explainIssue, mistakeLines, parseToml } from "../storage/index.ts"
import { isSeen } from "./forms.ts"
import type { NewKey, Plan, PlanContent, PlannedKey, PlannedRepository } from "./plan.ts"
import { checkPlan } from "./plan-checks.ts"
import { type PlanFile, planSchema } from "./plan-schema.ts"

export const MAX_PLAN_BYTES = 256 * 1024

// The subset of TOML that every reader reads the same: docs/formats/ceremony-plan.md, "Form".
const NAME = "[a-z][a-z0-9_]*"
const TEXT = '"(?:[^"\\\\]|\\\\["\\\\])*"'
const LIST = `\\[ *(?:${TEXT} *(?:, *${TEXT} *)*)?\\]`
const TABLE = `\\[ *${NAME}(?:\\.${NAME})* *\\]|\\[\\[ *${NAME} *\\]\\]`
const VALUE = `${NAME} *= *(?:${TEXT}|0|[1-9][0-9]{0,9}|${LIST})`
// No two repeated spaces in a row: a line of spaces would take their number squared.
const LINE = new RegExp(`^ *(?:(?:${TABLE}|${VALUE}) *)?(?:#.*)?$`)

/** @throws plan_invalid: its message has a line for each mistake, like `key #2.holder: must be the name of a person …`. */
export function parsePlan(bytes: Uint8Array): Plan {
    const file = readFile(bytes)
    return { ...toContent(file), bytes: Buffer.from(bytes), sha256: sha256(bytes).toString("hex") }
}

function readFile(bytes: Uint8Array): PlanFile {
    const parsed = planSchema().safeParse(readToml(bytes), { error: explainIssue })
    if (!parsed.success) throw invalid(mistakeLines(parsed.error.issues))
    const mistakes = checkPlan(parsed.data)
    if (mistakes.length === 0) return parsed.data
    throw invalid(mistakeLines(mistakes.map(({ path, message }) => ({ code: "custom", path: [...path], message }))))
}

function readToml(bytes: Uint8Array): unknown {
    if (bytes.length > MAX_PLAN_BYTES) throw invalid([`it has more than ${MAX_PLAN_BYTES} bytes`])
    if (!isUtf8(bytes)) throw invalid(["it is not UTF-8"])
    const text = Buffer.from(bytes).toString("utf8")
    if (!text.endsWith("\n")) throw invalid(["its last line is cut off: it does not end in a line feed"])
    const lines = text.slice(0, -1).split("\n")
    const mistakes = lines.flatMap((line, index) => {
        if (!isSeen(line)) return [`line ${index + 1}: has a character that can't be seen, or turns the reading direction`]
        return LINE.test(line) ? [] : [`line ${index + 1}: is no table, name = value or comment in the form that plans have`]
    })
    if (mistakes.length > 0) throw invalid(mistakes)
    try {
        return parseToml(text)
    } catch (error) {
        if (error instanceof TrustkeyError) throw invalid([error.message])
        throw error
    }
}

function invalid(mistakes: readonly string[]): TrustkeyError {
    return new TrustkeyError("plan_invalid", mistakes.join("\n"))
}

function toContent(file: PlanFile): PlanContent {
    return {
        id: file.id,
        kind: file.kind,
        reason: file.reason,
        created: file.created,
        notBefore: file.not_before,
        notAfter: file.not_after,
        expires: file.expires,
        threshold: file.threshold,
        ...(file.rehearsal_of === undefined ? {} : { rehearsalOf: file.rehearsal_of }),
        people: file.person.map(({ name, part, full_name }) => ({
            name,
            part,
            ...(full_name === undefined ? {} : { fullName: full_name }),
        })),
        closing: file.closing,
        keys: file.key.map(toKey),
        spares: file.spare.map(({ token, serial }) => ({ token, ...(serial === undefined ? {} : { serial }) })),
        repositories: file.repository.map(toRepository),
        backupRecipients: file.backup?.recipients ?? [],
    }
}

function toKey(key: PlanFile["key"][number]): PlannedKey {
    const { name, holder } = key
    const serial = key.serial === undefined ? {} : { serial: key.serial }
    switch (key.change) {
        case "new":
            return toNewKey(key)
        case "lost":
            return { change: "lost", name, holder, id: key.id, ...serial }
        default:
            return { change: key.change, name, holder, id: key.id, ...(key.token === undefined ? {} : { token: key.token }), ...serial }
    }
}

function toNewKey(key: Extract<PlanFile["key"][number], { readonly change: "new" }>): NewKey {
    const { change, name, holder, token, algorithm, make } = key
    return {
        change,
        name,
        holder,
        token,
        algorithm,
        make,
        copies: key.copies ?? [],
        ...(key.serial === undefined ? {} : { serial: key.serial }),
        ...(key.slot === undefined ? {} : { slot: key.slot }),
        ...(key.pin_policy === undefined ? {} : { pinPolicy: key.pin_policy }),
        ...(key.touch_policy === undefined ? {} : { touchPolicy: key.touch_policy }),
    }
}

function toRepository({ gun, lineage, root_version, root_sha256, roles }: PlanFile["repository"][number]): PlannedRepository {
    const isPublished = lineage !== undefined && root_version !== undefined && root_sha256 !== undefined
    return {
        gun,
        ...(isPublished ? { published: { lineage, version: root_version, sha256: root_sha256 } } : {}),
        ...(roles === undefined
            ? {}
            : {
                  roles: new Map([
                      ["targets", roles.targets],
                      ["snapshot", roles.snapshot],
                      ["timestamp", roles.timestamp],
                  ]),
              }),
    }
}
