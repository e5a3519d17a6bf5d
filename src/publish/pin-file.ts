import path from "node:path"
import { isDeepStrictEqual } from "node:util"
import { TrustkeyError } from "../errors.ts"
import { makeDirectory, ownFileMode, parseToml, readOwnText, writeFileDurable } from "../storage/index.ts"

/** A [[pin]] as it is written. */
export type PinEntry = { readonly gun: readonly string[]; readonly certificates?: readonly string[]; readonly authority?: string }
/** What a client.toml says, as it is written. One that isn't there says nothing, and lets first use be. */
export type PinFile = { readonly firstUse: boolean; readonly pins: readonly PinEntry[] }

export type PinChange =
    /** In the place of every pin of this GUN or pattern alone. */
    | { readonly kind: "set"; readonly pin: PinEntry & { readonly gun: readonly [string] } }
    | { readonly kind: "remove"; readonly gun: string }
    | { readonly kind: "first-use"; readonly allowed: boolean }

const MAX_CONFIG = 1024 * 1024

/** @throws config_invalid, file_unsafe, storage_failed */
export async function readPinFile(file: string): Promise<PinFile> {
    const text = await readOwnText(file, MAX_CONFIG)
    if (text === undefined) return { firstUse: true, pins: [] }
    return await readWhole(text, file)
}

/**
 * Change one thing; comments and everything else stay as they are. What comes out is read again before it is written: it says what was
 * wanted and nothing else, or the file is left alone. `mode`: of a file that isn't there yet.
 *
 * @throws not_found: there is no such pin
 * @throws config_invalid: the file has mistakes, or is written in a way that only a person should change
 * @throws file_unsafe: others may write it, or it is a link; storage_failed
 */
export async function changePinFile(file: string, change: PinChange, mode: number): Promise<void> {
    const facts = await ownFileMode(file)
    if (facts?.kind === "link") throw new TrustkeyError("file_unsafe", `${file} is a symbolic link: change what it leads to`)
    const text = (await readOwnText(file, MAX_CONFIG)) ?? ""
    const before = await readWhole(text, file)
    const after = expected(before, change, file)
    const changed = edit(text, before, change)
    if (!isDeepStrictEqual(await readWhole(changed, file), after)) {
        throw new TrustkeyError("config_invalid", `${file}: it is written in a way that can't be changed safely; change it with an editor`)
    }
    if (changed === text) return
    await makeDirectory(path.dirname(file), mode | ((mode & 0o444) >> 2))
    await writeFileDurable(file, changed, facts?.mode ?? mode)
}

async function readWhole(text: string, file: string): Promise<PinFile> {
    try {
        // The schema takes its time to load, and this file is part of the room's door.
        const { parseClientConfig } = await import("./client-config.ts")
        await parseClientConfig(text, file)
    } catch (error) {
        if (!(error instanceof TrustkeyError) || error.code !== "config_invalid") throw error
        throw new TrustkeyError("config_invalid", error.message.replaceAll(/^/gm, `${file}: `), { cause: error })
    }
    return parseEntries(parseToml(text))
}

/** Of a document that the schema has passed. */
function parseEntries(document: unknown): PinFile {
    const { first_use, pin } = document as { first_use?: boolean; pin?: readonly PinEntry[] }
    const pins = (pin ?? []).map(({ gun, certificates, authority }) => ({
        gun: [...gun],
        ...(certificates === undefined ? {} : { certificates: [...certificates] }),
        ...(authority === undefined ? {} : { authority }),
    }))
    return { firstUse: first_use ?? true, pins }
}

function expected(before: PinFile, change: PinChange, file: string): PinFile {
    if (change.kind === "first-use") return { ...before, firstUse: change.allowed }
    const name = change.kind === "set" ? change.pin.gun[0] : change.gun
    const shared = before.pins.findIndex(({ gun }) => gun.length > 1 && gun.includes(name))
    // Of several that fit equally well one is enough: a second pin beside it would be a way around the first.
    if (shared !== -1) {
        const message = `${name} is pinned together with others, in pin #${shared + 1}; change it with an editor`
        throw new TrustkeyError("config_invalid", `${file}: ${message}`)
    }
    const kept = before.pins.filter((pin) => !isOf(pin, name))
    if (change.kind === "set") return { ...before, pins: [...kept, change.pin] }
    if (kept.length === before.pins.length) throw new TrustkeyError("not_found", `${file} has no pin of ${name}`)
    return { ...before, pins: kept }
}

function isOf({ gun }: PinEntry, name: string): boolean {
    return gun.length === 1 && gun[0] === name
}

function edit(text: string, before: PinFile, change: PinChange): string {
    if (change.kind === "first-use") return withFirstUse(text, change.allowed)
    const name = change.kind === "set" ? change.pin.gun[0] : change.gun
    const same = before.pins.filter((pin) => isOf(pin, name))
    if (change.kind === "set" && same.length === 1 && isDeepStrictEqual(same[0], change.pin) && before.pins.at(-1) === same[0]) return text
    const left = same.length === 0 ? text : withoutPins(text, (index) => isOf(before.pins[index] ?? { gun: [] }, name))
    return change.kind === "set" ? withPin(left, change.pin) : left
}

function withPin(text: string, { gun, certificates, authority }: PinEntry): string {
    const lines = [
        "[[pin]]",
        `gun = [${gun.map(quoted).join(", ")}]`,
        ...(certificates === undefined ? [] : [`certificates = [${certificates.map(quoted).join(", ")}]`]),
        ...(authority === undefined ? [] : [`authority = ${quoted(authority)}`]),
    ]
    const before = text === "" ? "" : `${text.trimEnd()}\n\n`
    return `${before}${lines.join("\n")}\n`
}

/** JSON's strings are TOML's, but for a character that is refused when the outcome is read. */
function quoted(text: string): string {
    return JSON.stringify(text)
}

const PIN_HEADER = /^\s*\[\[\s*pin\s*\]\]\s*(?:#.*)?$/
const ANY_HEADER = /^\s*\[/
const NOTHING_OR_COMMENT = /^\s*(?:#.*)?$/

/** Without the tables of these pins, counted from 0. What stands before the next table is taken to be about that. */
function withoutPins(text: string, isGone: (index: number) => boolean): string {
    const lines = text.split("\n")
    const kept: string[] = []
    let index = -1
    let gone = false
    let pending: string[] = []
    for (const line of lines) {
        if (ANY_HEADER.test(line)) {
            if (PIN_HEADER.test(line)) index += 1
            const wasGone = gone
            gone = PIN_HEADER.test(line) && isGone(index)
            if (wasGone) kept.push(...pending)
            pending = []
        }
        if (!gone) kept.push(line)
        else if (NOTHING_OR_COMMENT.test(line)) pending.push(line)
        else pending = []
    }
    const left = kept.join("\n").trim()
    return left === "" ? "" : `${left}\n`
}

function withFirstUse(text: string, allowed: boolean): string {
    const lines = text.split("\n")
    const firstTable = lines.findIndex((line) => ANY_HEADER.test(line))
    const top = firstTable === -1 ? lines : lines.slice(0, firstTable)
    const at = top.findIndex((line) => /^\s*first_use\s*=/.test(line))
    if (at === -1) return `first_use = ${allowed}\n${text}`
    lines[at] = (lines[at] ?? "").replace(/=\s*(?:true|false)/, `= ${allowed}`)
    return lines.join("\n")
}
