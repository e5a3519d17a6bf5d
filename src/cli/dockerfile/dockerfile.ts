import { TrustkeyError } from "../../errors.ts"
import { type ImageReference, parseReference } from "../../publish/index.ts"
import { familiarName } from "../trust/familiar.ts"
import {
    checkHeredocs,
    INSTRUCTIONS,
    type LogicalLine,
    logicalLines,
    physicalLines,
    readDirectives,
    refuse,
    SPACE,
    type Span,
    splitKeyword,
} from "./lines.ts"
import { expandWord, Unsure, type Variable } from "./variables.ts"

/** An image that a build fetches by its tag, and where the Dockerfile names it. */
export type ImageUse = { readonly reference: ImageReference; readonly start: number; readonly end: number; readonly line: number }

export type DockerfileOptions = {
    /** Values from --build-arg. */
    readonly buildArgs: ReadonlyMap<string, string>
    /** Names given with --build-context, as contextName makes them: they stand before any image of that name. */
    readonly contexts?: ReadonlySet<string>
}

/**
 * Every image that building this Dockerfile fetches and that isn't named by digest: FROM, COPY --from, RUN --mount with from, and the
 * frontend in `# syntax=`. Stages, `scratch` and named contexts are none. All of it, whether or not the target needs it.
 *
 * Where builders read a file differently it is refused, and so is an image whose name can't be worked out.
 *
 * @throws invalid_request with the line
 */
export function imagesOf(text: string, options: DockerfileOptions): readonly ImageUse[] {
    const lines = physicalLines(text)
    const { escape: escaping, syntax } = readDirectives(lines)
    const instructions = logicalLines(lines, escaping, true)
    checkHeredocs(lines, escaping, instructions)
    const reader = new DockerfileReader(escaping, options)
    for (const instruction of instructions) reader.read(instruction)
    return [...syntax, ...reader.finish()].flatMap((span) => useOf(span)).sort((a, b) => a.start - b.start)
}

/** The same text with every use replaced by what `pinned` says for it. */
export function pinImages(text: string, uses: readonly ImageUse[], pinned: (use: ImageUse) => string): string {
    let result = ""
    let at = 0
    for (const use of uses) {
        result += text.slice(at, use.start) + pinned(use)
        at = use.end
    }
    return result + text.slice(at)
}

/** A name in the form in which --build-context and the Dockerfile are compared: `alpine`, `docker.io/library/alpine:latest` are one. */
export function contextName(name: string): string {
    try {
        const reference = parseReference(name)
        if (reference.digest !== undefined) return name
        const tag = reference.tag === undefined || reference.tag === "latest" ? "" : `:${reference.tag}`
        return `${familiarName(reference)}${tag}`
    } catch (error) {
        if (error instanceof TrustkeyError) return name
        throw error
    }
}

function useOf({ text, start, end, line }: Span): readonly ImageUse[] {
    const reference = readReference(text, line)
    return reference.digest === undefined ? [{ reference, start, end, line }] : []
}

function readReference(text: string, line: number): ImageReference {
    try {
        return parseReference(text)
    } catch (error) {
        if (error instanceof TrustkeyError) throw refuse(line, error.message)
        throw error
    }
}

/** A word of an instruction, and where each of its characters stands in the file. */
type Word = { readonly text: string; readonly offsets: readonly number[] }
type Stage = { readonly name: string | undefined; readonly usedAsBase: boolean }
type Trigger = { readonly stage: number; readonly word: Word; readonly line: number }

// BuildKit's own, and what docker's configuration file may set for proxies.
const BUILT_IN =
    /^(?:(?:TARGET|BUILD)(?:PLATFORM|OS|OSVERSION|ARCH|VARIANT|STAGE)|(?:HTTPS?|FTP|NO|ALL)_PROXY|(?:https?|ftp|no|all)_proxy)$/

class DockerfileReader {
    readonly #escape: string
    readonly #options: DockerfileOptions
    readonly #variables = new Map<string, Variable>()
    readonly #stages: Stage[] = []
    readonly #images: Span[] = []
    /** COPY --from and RUN --mount: whether they mean a stage is known when all stages are. */
    readonly #sources: { readonly stage: number; readonly word: Word; readonly line: number; readonly byNumber: boolean }[] = []
    readonly #triggers: Trigger[] = []

    constructor(escaping: string, options: DockerfileOptions) {
        this.#escape = escaping
        this.#options = options
    }

    read(instruction: LogicalLine): void {
        const { line } = instruction
        const [keyword, , at] = splitKeyword(instruction.text)
        if (!INSTRUCTIONS.has(keyword)) throw refuse(line, `unknown instruction: ${keyword}`)
        const rest: Word = { text: instruction.text.slice(at), offsets: instruction.offsets.slice(at) }
        if (keyword === "FROM") this.#from(rest, line)
        else if (this.#stages.length > 0) this.#instruction(keyword, rest, line)
        else if (keyword === "ARG") this.#arg(rest)
        else throw refuse(line, `${keyword} stands before the first FROM`)
    }

    #instruction(keyword: string, rest: Word, line: number): void {
        if (keyword === "ONBUILD") this.#onbuild(rest, line)
        for (const source of sourcesOf(keyword, rest, line, this.#escape))
            this.#sources.push({ stage: this.#stages.length - 1, line, ...source })
    }

    /** Every image that is not a stage. */
    finish(): readonly Span[] {
        // A trigger runs in this build only if a stage is built on the one that has it.
        const run = this.#triggers.filter(({ stage }) => this.#stages[stage]?.usedAsBase === true)
        const sources = [...this.#sources, ...run.map((trigger) => ({ ...trigger, byNumber: true }))]
        for (const { stage, word, line, byNumber } of sources) {
            if (word.text.includes("$")) throw refuse(line, "a variable can't stand in from=; name a stage instead: FROM image AS name")
            if (word.text === "" || word.text === "scratch" || this.#isStage(word.text, stage, byNumber, line)) continue
            if (this.#options.contexts?.has(contextName(word.text)) === true) continue
            this.#images.push(spanOf(word, line))
        }
        return this.#images
    }

    #from(rest: Word, line: number): void {
        const [, after] = flagsOf(rest, line, this.#escape)
        const words = wordsOf(after)
        const [image, as, name] = words
        if (image === undefined || (words.length !== 1 && words.length !== 3) || (as !== undefined && as.text.toUpperCase() !== "AS")) {
            throw refuse(line, "FROM takes an image, or an image, AS and a name")
        }
        const stage = name?.text.toLowerCase()
        if (stage !== undefined && !/^[a-z][a-z0-9-_.]*$/.test(stage)) throw refuse(line, `${stage} is no name for a stage`)
        const base = this.#expand(image.text, line)
        const earlier = this.#stages.findLastIndex((candidate) => candidate.name === base.toLowerCase())
        const found = this.#stages[earlier]
        if (found !== undefined) this.#stages[earlier] = { ...found, usedAsBase: true }
        else if (base !== "scratch" && this.#options.contexts?.has(contextName(base)) !== true) {
            this.#images.push({ ...spanOf(image, line), text: base })
        }
        this.#stages.push({ name: stage, usedAsBase: false })
    }

    #expand(word: string, line: number): string {
        try {
            return expandWord(word, this.#escape, (name) => this.#variable(name))
        } catch (error) {
            if (!(error instanceof Unsure)) throw error
            throw refuse(line, `the image's name can't be worked out: ${error.message}; write it out, or give --build-arg`)
        }
    }

    #variable(name: string): Variable {
        const given = this.#options.buildArgs.get(name)
        if (BUILT_IN.test(name)) {
            if (given === undefined) return { kind: "unsure", why: "is filled in by the builder" }
            // Of these not every builder takes the value unless it is declared.
            return this.#variables.has(name) ? { kind: "set", value: given } : { kind: "unsure", why: "is declared by no ARG" }
        }
        return this.#variables.get(name) ?? { kind: "unknown" }
    }

    #arg(rest: Word): void {
        for (const word of quotedWords(rest.text, this.#escape)) {
            const equals = word.indexOf("=")
            const name = equals === -1 ? word : word.slice(0, equals)
            this.#variables.set(name, this.#argValue(name, equals === -1 ? undefined : word.slice(equals + 1)))
        }
    }

    #argValue(name: string, written: string | undefined): Variable {
        const given = this.#options.buildArgs.get(name)
        if (given !== undefined) return { kind: "set", value: given }
        if (written === undefined) return { kind: "empty" }
        try {
            return { kind: "set", value: expandWord(written, this.#escape, (other) => this.#variable(other)) }
        } catch (error) {
            // It matters only if an image's name needs it.
            if (error instanceof Unsure) return { kind: "unsure", why: `has a value that can't be worked out (${error.message})` }
            throw error
        }
    }

    #onbuild(rest: Word, line: number): void {
        const [keyword, , at] = splitKeyword(rest.text)
        if (!INSTRUCTIONS.has(keyword) || ["FROM", "ONBUILD", "MAINTAINER"].includes(keyword)) {
            throw refuse(line, `${keyword} can't follow ONBUILD`)
        }
        const inner = { text: rest.text.slice(at), offsets: rest.offsets.slice(at) }
        for (const { word } of sourcesOf(keyword, inner, line, this.#escape))
            this.#triggers.push({ stage: this.#stages.length - 1, word, line })
    }

    /** BuildKit takes the name of any stage for the stage, the classic builder only that of an earlier one: what they disagree on is refused. */
    #isStage(name: string, user: number, byNumber: boolean, line: number): boolean {
        if (byNumber && /^[+-]?\d+$/.test(name)) {
            const index = Number(name)
            if (index >= 0 && index < user) return true
            throw refuse(line, `there is no earlier stage ${name}`)
        }
        const named = this.#stages.flatMap((stage, index) => (stage.name === name.toLowerCase() ? [index] : []))
        if (named.some((index) => index < user)) return true
        if (named.length > 0) throw refuse(line, `${name} is the name of a stage that is not finished here; give the stage another name`)
        return false
    }
}

/** Names behind COPY --from= and in RUN --mount=…,from=…; a number is a stage's only in the first. */
function sourcesOf(
    keyword: string,
    rest: Word,
    line: number,
    escaping: string,
): readonly { readonly word: Word; readonly byNumber: boolean }[] {
    if (keyword !== "COPY" && keyword !== "RUN") return []
    const [flags] = flagsOf(rest, line, escaping)
    return flags.flatMap((flag) => {
        const equals = flag.text.indexOf("=")
        const name = flag.text.slice(2, equals === -1 ? undefined : equals)
        const value = part(flag, equals === -1 ? flag.text.length : equals + 1)
        if (keyword === "COPY") return name === "from" ? [{ word: value, byNumber: true }] : []
        return name === "mount" ? mountSources(value, line) : []
    })
}

/** The fields of --mount are comma-separated values (RFC 4180). */
function mountSources(value: Word, line: number): readonly { readonly word: Word; readonly byNumber: boolean }[] {
    if (value.text.includes('"')) throw refuse(line, "--mount has a quote in it; write its fields without")
    const found: { word: Word; byNumber: boolean }[] = []
    for (let start = 0; start <= value.text.length; ) {
        const comma = value.text.indexOf(",", start)
        const end = comma === -1 ? value.text.length : comma
        const field = part(value, start, end)
        const match = /^\s*from\s*=/i.exec(field.text)
        if (match !== null) found.push({ word: part(field, match[0].length), byNumber: false })
        start = end + 1
    }
    return found
}

/**
 * The flags at the head of an instruction, quotes and backslashes taken off as docker does it, and what follows them.
 *
 * @throws invalid_request: characters that docker would take apart (it reads flags byte by byte), and those of which builders differ about
 * whether they escape
 */
function flagsOf(rest: Word, line: number, escaping: string): [flags: readonly Word[], after: Word] {
    const { text } = rest
    const flags: Word[] = []
    let at = 0
    for (;;) {
        while (isSpace(text.charAt(at))) at += 1
        if (!text.startsWith("--", at)) return [flags, part(rest, at)]
        const [flag, next] = flagAt(rest, at)
        if (/[^\x20-\x7e]/.test(flag.text)) throw refuse(line, "a flag has characters other than plain ASCII")
        if (escaping !== "\\" && /[\\`]/.test(text.slice(at, next))) throw refuse(line, "a flag has a \\ or ` in it; write it without")
        at = next
        if (flag.text === "--") return [flags, part(rest, at)]
        flags.push(flag)
    }
}

/** In flags a backslash escapes in quotes of both kinds. */
function flagAt(rest: Word, start: number): [Word, number] {
    let text = ""
    const offsets: number[] = []
    let quote = ""
    let at = start
    const take = (): void => {
        text += rest.text.charAt(at)
        offsets.push(rest.offsets[at] ?? 0)
    }
    for (; at < rest.text.length; at += 1) {
        const char = rest.text.charAt(at)
        if (quote === "" && isSpace(char)) break
        if (quote === "" && (char === '"' || char === "'")) quote = char
        else if (char === quote) quote = ""
        else if (char === "\\") {
            at += 1
            if (at < rest.text.length) take()
        } else take()
    }
    return [{ text, offsets }, at]
}

function isSpace(char: string): boolean {
    return char !== "" && new RegExp(`^[${SPACE}]$`).test(char)
}

function wordsOf(rest: Word): readonly Word[] {
    return [...rest.text.trimEnd().matchAll(/[^\t\v\f\r ]+/g)].map((match) => part(rest, match.index, match.index + match[0].length))
}

/** Divided at spaces outside quotes; the quotes stay for expandWord. */
function quotedWords(text: string, escaping: string): readonly string[] {
    const words: string[] = []
    let word = ""
    let quote = ""
    for (let at = 0; at < text.length; at += 1) {
        const char = text.charAt(at)
        if (quote === "" && isSpace(char)) {
            if (word !== "") words.push(word)
            word = ""
            continue
        }
        word += char
        if (char === escaping && quote !== "'") {
            at += 1
            word += text.charAt(at)
        } else if (quote === "" && (char === '"' || char === "'")) quote = char
        else if (char === quote) quote = ""
    }
    return word === "" ? words : [...words, word]
}

function part({ text, offsets }: Word, start: number, end = text.length): Word {
    return { text: text.slice(start, end), offsets: offsets.slice(start, end) }
}

/** Where a name stands. It has to stand there in one piece: what is put in its place is. @throws invalid_request */
function spanOf({ text, offsets }: Word, line: number): Span {
    const start = offsets[0] ?? 0
    const end = (offsets.at(-1) ?? start - 1) + 1
    if (end - start !== text.length) throw refuse(line, `write the image's name ${text} in one piece`)
    return { text, start, end, line }
}
