import { closeSync, openSync, readFileSync, readSync } from "node:fs"
import { readdir, readFile } from "node:fs/promises"

/** What to look for: each form a secret can have in memory, by what the form is called. */
export type Forms = ReadonlyMap<string, Buffer>

/** How often each form was found. */
export type Finds = ReadonlyMap<string, number>

const CHUNK = 4 * 1024 * 1024
const PAGE = 4096

/** A private number: as files have it, as OpenSSL keeps it (its words begin with the lowest), and as text. */
export function numberForms(number: Buffer): Forms {
    return new Map([["raw", number], ["OpenSSL's", Buffer.from(number.toReversed())], ...encodings(number)])
}

/** A PIN or passphrase: its bytes, as the runtime keeps text that isn't Latin-1, and encoded. */
export function textForms(text: string): Forms {
    const bytes = Buffer.from(text, "utf8")
    return new Map([["text", bytes], ["UTF-16", Buffer.from(text, "utf16le")], ...encodings(bytes)])
}

function encodings(bytes: Buffer): [string, Buffer][] {
    const hex = bytes.toString("hex")
    const texts: [string, string][] = [
        ["hex", hex],
        ["HEX", hex.toUpperCase()],
    ]
    // Wherever it stands in what was encoded: of each of the three alignments the part that only these bytes decide.
    for (const before of [0, 1, 2]) {
        const text = Buffer.concat([Buffer.alloc(before), bytes]).toString("base64url")
        const [start, end] = [Math.ceil((before * 8) / 6), Math.floor(((before + bytes.length) * 8) / 6)]
        texts.push([`base64url+${before}`, text.slice(start, end)])
        texts.push([`base64+${before}`, text.slice(start, end).replaceAll("-", "+").replaceAll("_", "/")])
    }
    return [...new Map(texts.map(([name, text]) => [text, name])).entries()].map(([text, name]) => [name, Buffer.from(text)])
}

/** The daemon and the signers below it. */
export async function processesOf(pid: number): Promise<readonly number[]> {
    const found = [pid]
    for (const thread of await readdir(`/proc/${pid}/task`)) {
        const children = await readFile(`/proc/${pid}/task/${thread}/children`, "utf8")
        for (const child of children.trim().split(" ").filter(Boolean)) found.push(...(await processesOf(Number(child))))
    }
    return found
}

/**
 * Read everything a process has in memory, whatever its protection: heaps, stacks, what was freed and not used again.
 * It takes root, for our processes are not dumpable.
 */
export function searchMemory(pid: number, forms: Forms): Finds {
    const finds = new Map(Array.from(forms.keys(), (name) => [name, 0]))
    const overlap = Math.max(...Array.from(forms.values(), ({ length }) => length)) - 1
    const memory = openSync(`/proc/${pid}/mem`, "r")
    const chunk = Buffer.alloc(CHUNK)
    try {
        for (const { start, end } of residentRanges(pid)) {
            for (let at = start; at < end; at += CHUNK - overlap) {
                const read = readAt(memory, chunk, at, Math.min(CHUNK, end - at))
                const isLast = at + CHUNK >= end
                count(chunk.subarray(0, read), forms, finds, isLast ? read : CHUNK - overlap)
                if (isLast) break
            }
        }
    } finally {
        closeSync(memory)
        // What was found must not be found here next.
        chunk.fill(0)
    }
    return finds
}

/** Those that begin before `before`: the others are in the next chunk as well. */
function count(bytes: Buffer, forms: Forms, finds: Map<string, number>, before: number): void {
    for (const [name, form] of forms) {
        for (let at = bytes.indexOf(form); at >= 0 && at < before; at = bytes.indexOf(form, at + 1)) {
            finds.set(name, (finds.get(name) ?? 0) + 1)
        }
    }
}

/** Of what is mapped, that which isn't what a file has anyway: memory of its own, in memory or in the swap, and memory shared with others. */
function residentRanges(pid: number): readonly { readonly start: number; readonly end: number }[] {
    const ranges: { start: number; end: number; isOwn: boolean; isShared: boolean }[] = []
    for (const line of readFileSync(`/proc/${pid}/smaps`, "utf8").split("\n")) {
        const [, start, end, permissions] = /^([0-9a-f]+)-([0-9a-f]+) (\S+)/.exec(line) ?? []
        if (start !== undefined && end !== undefined) {
            const isShared = permissions?.endsWith("s") === true
            ranges.push({ start: Number.parseInt(start, 16), end: Number.parseInt(end, 16), isOwn: false, isShared })
        }
        const last = ranges.at(-1)
        if (last !== undefined && (last.isShared ? /^Rss: +[1-9]/ : /^(Anonymous|Swap): +[1-9]/).test(line)) last.isOwn = true
    }
    return ranges.filter(({ isOwn }) => isOwn)
}

/** A page that can't be read is nobody's: it was given back since the list was made. */
function readAt(memory: number, chunk: Buffer, at: number, length: number): number {
    try {
        let read = 0
        while (read < length) {
            const more = readSync(memory, chunk, read, length - read, at + read)
            if (more === 0) break
            read += more
        }
        return read
    } catch {
        for (let page = 0; page < length; page += PAGE) {
            try {
                readSync(memory, chunk, page, Math.min(PAGE, length - page), at + page)
            } catch {
                chunk.fill(0, page, Math.min(page + PAGE, length))
            }
        }
        return length
    }
}
