import { sha256 } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import { type CeremonyClose, encodeClose, readClose } from "./closing.ts"
import { at, type Place, PlacedFault, placeName, refuse } from "./fault.ts"
import { follow } from "./follow.ts"
import { MAX_PLAN_BYTES, parsePlan } from "./parse-plan.ts"
import type { Plan } from "./plan.ts"
import { type CeremonyRecord, encodeRecord, type Item, parseRecord } from "./record.ts"
import { type CeremonyState, initialState, type ReadArtefact } from "./state.ts"

/** What a bundle has beside its artefacts, in the order in which it comes to be. */
export const BUNDLE_FILES = {
    plan: "plan.toml",
    transcript: "transcript.jsonl",
    close: "close.json",
    publication: "publication.jsonl",
} as const

const { plan: PLAN, transcript: TRANSCRIPT, close: CLOSE, publication: PUBLICATION } = BUNDLE_FILES
const NAMES: readonly string[] = Object.values(BUNDLE_FILES)
const ARTEFACT = /^artefacts\/([0-9a-f]{64})$/

const MAX_TRANSCRIPT_BYTES = 4 * 1024 * 1024
const MAX_ARTEFACT_BYTES = 1024 * 1024
const MAX_RECORDS = 10_000
const MAX_ARTEFACTS = 4096
const MAX_BUNDLE_BYTES = 64 * 1024 * 1024
const LINE_FEED = 0x0a

type Content = {
    readonly plan: Plan
    readonly records: readonly CeremonyRecord[]
    readonly publication: readonly CeremonyRecord[]
    readonly artefacts: ReadonlyMap<string, Buffer>
    readonly close: CeremonyClose | undefined
    readonly state: CeremonyState
}

/** A ceremony with all its records and artefacts, every one of them checked. Nominal: only this room makes it. */
export class CheckedBundle {
    readonly #isChecked = true
    readonly plan: Plan
    readonly records: readonly CeremonyRecord[]
    /** What the online side noted down after the close. */
    readonly publication: readonly CeremonyRecord[]
    /** By SHA-256 (hex) of their bytes. */
    readonly artefacts: ReadonlyMap<string, Buffer>
    /** Undefined until vault and witness have signed. */
    readonly close: CeremonyClose | undefined
    readonly state: CeremonyState

    constructor(content: Content) {
        this.plan = content.plan
        this.records = content.records
        this.publication = content.publication
        this.artefacts = content.artefacts
        this.close = content.close
        this.state = content.state
    }

    get isClosed(): boolean {
        return this.#isChecked && this.close !== undefined
    }

    /** The bytes of what a record that stands has made, as `root/0`; undefined when there is no such thing. */
    artefact(name: string): Buffer | undefined {
        const hash = this.state.artefacts.get(name)
        return hash === undefined ? undefined : this.artefacts.get(hash)
    }
}

export type Bundle = CheckedBundle

/** A ceremony of which nothing has been done. */
export function newBundle(plan: Plan): Bundle {
    return new CheckedBundle({
        plan,
        records: [],
        publication: [],
        artefacts: new Map(),
        close: undefined,
        state: initialState(plan),
    })
}

/** The files of a bundle, by their path in its directory. */
export type BundleFiles = ReadonlyMap<string, Uint8Array>

export function bundleFiles(bundle: Bundle): ReadonlyMap<string, Buffer> {
    const files = new Map<string, Buffer>([[PLAN, bundle.plan.bytes]])
    if (bundle.records.length > 0) files.set(TRANSCRIPT, Buffer.concat(bundle.records.map(encodeRecord)))
    for (const [hash, bytes] of bundle.artefacts) files.set(`artefacts/${hash}`, bytes)
    if (bundle.close !== undefined) files.set(CLOSE, encodeClose(bundle.close))
    if (bundle.publication.length > 0) files.set(PUBLICATION, Buffer.concat(bundle.publication.map(encodeRecord)))
    return files
}

/**
 * Read a bundle, closed or still under way, and check everything in it that can be checked so far (TK-CER-1): every record by the rules it was
 * recorded by.
 *
 * @throws bundle_invalid naming the first place that is wrong; plan_invalid when that is the plan
 */
export function readBundle(files: BundleFiles): Bundle {
    try {
        return replay(files)
    } catch (error) {
        if (error instanceof PlacedFault) throw bundleError(error.place, error.message)
        throw error
    }
}

function bundleError(place: Place, problem: string): TrustkeyError {
    return place === "plan"
        ? new TrustkeyError("plan_invalid", problem)
        : new TrustkeyError("bundle_invalid", `${placeName(place)}: ${problem}`)
}

/** In the order that docs/formats/ceremony-bundle.md has under "The verdict". @throws PlacedFault */
export function replay(files: BundleFiles): Bundle {
    at("bundle", () => checkFiles(files))
    const plan = at("plan", () => parsePlan(files.get(PLAN) ?? refuse(`there is no ${PLAN}`)))
    const artefacts = artefactsOf(files)
    const read = artefactReader(artefacts)
    const transcript = followLines(files.get(TRANSCRIPT) ?? Buffer.alloc(0), initialState(plan), read, undefined)
    const publicationFile = files.get(PUBLICATION)
    at("bundle", () => checkNamed(artefacts, transcript.records))
    const closeFile = files.get(CLOSE)
    const close = at("close", () => {
        if (closeFile !== undefined) return readClose(closeFile, plan, transcript.state.closed)
        return publicationFile === undefined ? undefined : refuse("there is no close.json, and publication.jsonl follows on it")
    })
    if (publicationFile === undefined) return new CheckedBundle({ ...transcript, plan, publication: [], artefacts, close })
    const publication = followLines(publicationFile, transcript.state, read, "publication")
    return new CheckedBundle({
        plan,
        records: transcript.records,
        publication: publication.records,
        artefacts,
        close,
        state: publication.state,
    })
}

/** Names and sizes. @throws Fault */
export function checkFiles(files: BundleFiles): void {
    let total = 0
    let artefacts = 0
    for (const [name, bytes] of files) {
        const isArtefact = ARTEFACT.test(name)
        if (!isArtefact && !NAMES.includes(name)) refuse("there is a file that does not belong to a bundle")
        if (bytes.length === 0) refuse(`${name} is empty`)
        const most = name === TRANSCRIPT ? MAX_TRANSCRIPT_BYTES : name === PLAN ? MAX_PLAN_BYTES : MAX_ARTEFACT_BYTES
        if (bytes.length > most) refuse(`${name} has more than ${most} bytes`)
        total += bytes.length
        if (isArtefact) artefacts += 1
    }
    if (total > MAX_BUNDLE_BYTES) refuse(`it has more than ${MAX_BUNDLE_BYTES} bytes`)
    if (artefacts > MAX_ARTEFACTS) refuse(`there are more than ${MAX_ARTEFACTS} artefacts`)
    for (const name of [PLAN, TRANSCRIPT]) if (!files.has(name)) refuse(`there is no ${name}`)
}

function artefactsOf(files: BundleFiles): ReadonlyMap<string, Buffer> {
    const artefacts = new Map<string, Buffer>()
    for (const [name, bytes] of files) {
        const hash = ARTEFACT.exec(name)?.[1]
        if (hash !== undefined) artefacts.set(hash, Buffer.from(bytes))
    }
    return artefacts
}

export function artefactReader(artefacts: ReadonlyMap<string, Buffer>): ReadArtefact {
    const right = new Set<string>()
    return ({ name, sha256: hash }: Item) => {
        const bytes = artefacts.get(hash) ?? refuse(`the artefact ${name} is not in the bundle`)
        if (!right.has(hash) && sha256(bytes).toString("hex") !== hash)
            refuse(`the artefact ${name} is not what was recorded: its hash is another`)
        right.add(hash)
        return bytes
    }
}

type Followed = { readonly records: readonly CeremonyRecord[]; readonly state: CeremonyState }

/** `place` undefined: each line is a place of its own, by its number. */
function followLines(bytes: Uint8Array, start: CeremonyState, read: ReadArtefact, place: Place | undefined): Followed {
    const records: CeremonyRecord[] = []
    let state = start
    for (let begin = 0; begin < bytes.length; ) {
        const end = bytes.indexOf(LINE_FEED, begin)
        const from = begin
        const record = at(place ?? records.length + 1, () => {
            if (end < 0) refuse("the line is cut off: it was half written")
            if (records.length >= MAX_RECORDS) refuse(`there are more than ${MAX_RECORDS} records`)
            const parsed = parseRecord(bytes.subarray(from, end))
            if ((parsed.step === "publish") !== (place === "publication")) refuse("this step has its place in the other file")
            state = follow(state, parsed, read)
            return parsed
        })
        records.push(record)
        begin = end + 1
    }
    return { records, state }
}

function checkNamed(artefacts: ReadonlyMap<string, Buffer>, records: readonly CeremonyRecord[]): void {
    const named = new Set(records.flatMap(({ out }) => out.map(({ sha256: hash }) => hash)))
    for (const hash of artefacts.keys()) if (!named.has(hash)) refuse(`no record names the artefact ${hash.slice(0, 16)}…`)
}
