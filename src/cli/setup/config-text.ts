import { isDeepStrictEqual } from "node:util"
import { TrustkeyError } from "../../errors.ts"
import { parseToml } from "../../storage/index.ts"

/** A `[[token]]` table as `trustkey init` writes it. */
export type TokenTable = {
    readonly name: string
    readonly module: string
    readonly uri: string
    /** For the process that loads the module. */
    readonly environment: Readonly<Record<string, string>>
}

/** What `trustkey init` reads of the daemon's configuration; the daemon judges the rest. */
export type KnownConfig = {
    readonly tokens: readonly string[]
    readonly recipients: readonly string[]
    /** Whom the rules name. */
    readonly named: readonly string[]
}

type Table = Readonly<Record<string, unknown>>

export const SIGN_GROUP = "trustkey-sign"

/** @throws config_invalid: no TOML, or not what `trustkey init` can go on with */
export function readConfig(text: string): KnownConfig {
    const document = tableOf(text)
    const tokens = listOf(document["token"]).map((token) => String(parseTable(token)["name"]))
    const named = listOf(document["allow"])
        .flatMap((rule) => listOf(parseTable(rule)["who"]))
        .map(String)
    const backup = document["backup"] === undefined ? {} : parseTable(document["backup"])
    return { tokens, recipients: listOf(backup["recipients"]).map(String), named }
}

/** The same configuration with one token more: a table at its end. */
export function withToken(text: string, { name, module, uri, environment }: TokenTable): string {
    const variables = Object.entries(environment).map(([key, value]) => `${quoted(key)} = ${quoted(value)}`)
    const lines = [
        "[[token]]",
        "# How keys, clients and records call it.",
        `name = ${quoted(name)}`,
        `module = ${quoted(module)}`,
        "# Which token: by its serial number where it has one.",
        `uri = ${quoted(uri)}`,
        ...(variables.length === 0 ? [] : [`environment = { ${variables.join(", ")} }`]),
        "# Its PIN is asked for. For logging in without a person: docs/unattended.md",
        '#pin = { credential = "root-pin" }',
    ]
    const token = { name, module, uri, ...(variables.length === 0 ? {} : { environment: { ...environment } }) }
    return checked(text, `${ended(text)}\n${lines.join("\n")}\n`, (old) => ({ ...old, token: [...listOf(old["token"]), token] }))
}

/** The same configuration with rules by which the group trustkey-sign may ask for signatures and look. */
export function withSigners(text: string): string {
    const rules = [
        { who: [`group:${SIGN_GROUP}`], do: ["sign", "certificate", "unlock", "lock", "list", "observe"] },
        { who: [`group:${SIGN_GROUP}`], do: ["status"] },
    ]
    const tables = rules.map((rule) => `[[allow]]\nwho = ${quotedList(rule.who)}\ndo = ${quotedList(rule.do)}\n`)
    const comment =
        "# Written by trustkey init: who is in the group may sign for every repository. role and gun make that less: docs/policy.md\n"
    return checked(text, `${ended(text)}\n${comment}${tables.join("\n")}`, (old) => ({
        ...old,
        allow: [...listOf(old["allow"]), ...rules],
    }))
}

/** The same configuration with more recipients for backups, before those it has. */
export function withRecipients(text: string, recipients: readonly string[]): string {
    const document = tableOf(text)
    const backup = document["backup"] === undefined ? undefined : parseTable(document["backup"])
    const before = listOf(backup?.["recipients"]).map(String)
    const added = recipients.filter((recipient) => !before.includes(recipient))
    if (added.length === 0) return text
    const entries = added.map(quoted).join(", ")
    const next = (old: Table): Table => ({ ...old, backup: { ...backup, recipients: [...added, ...before] } })
    if (backup === undefined) {
        const comment = "# Written by trustkey init: for whom backups are. Each of them can open every backup alone."
        return checked(text, `${ended(text)}\n${comment}\n[backup]\nrecipients = [${entries}]\n`, next)
    }
    if (backup["recipients"] === undefined)
        return checked(
            text,
            text.replace(/^[ \t]*\[[ \t]*backup[ \t]*\].*$/m, (line) => `${line}\nrecipients = [${entries}]`),
            next,
        )
    return checked(
        text,
        text.replace(
            /^([ \t]*recipients[ \t]*=[ \t]*\[)/m,
            (_all, start: string) => `${start}${entries}${before.length === 0 ? "" : ", "}`,
        ),
        next,
    )
}

/**
 * A text is changed by its lines, so that comments stay; that nothing else has changed is seen by what it stands for.
 *
 * @throws config_invalid: the file is written in a way in which it can't be changed by us
 */
function checked(before: string, after: string, next: (old: Table) => Table): string {
    const same = ((): boolean => {
        try {
            return isDeepStrictEqual(plain(tableOf(after)), plain(next(tableOf(before))))
        } catch (error) {
            if (error instanceof TrustkeyError) return false
            throw error
        }
    })()
    if (same) return after
    throw new TrustkeyError(
        "config_invalid",
        "the configuration is written in a way trustkey init can't add to: put the new lines in by hand",
    )
}

/** Without prototypes: the parser's tables have none of their own. */
function plain(value: unknown): unknown {
    return JSON.parse(JSON.stringify(value))
}

function tableOf(text: string): Table {
    return parseTable(parseToml(text))
}

function parseTable(value: unknown): Table {
    if (typeof value !== "object" || value === null || Array.isArray(value))
        throw new TrustkeyError("config_invalid", "a table is expected, and there is something else")
    return value as Table
}

function listOf(value: unknown): readonly unknown[] {
    if (value === undefined) return []
    if (!Array.isArray(value)) throw new TrustkeyError("config_invalid", "a list is expected, and there is something else")
    return value
}

function ended(text: string): string {
    return text === "" || text.endsWith("\n") ? text : `${text}\n`
}

function quotedList(texts: readonly string[]): string {
    return `[${texts.map(quoted).join(", ")}]`
}

/** A basic string of TOML is one of JSON, but for DEL: https://toml.io/en/v1.0.0#string */
function quoted(text: string): string {
    return JSON.stringify(text).replaceAll("\x7f", "\\u007f")
}
