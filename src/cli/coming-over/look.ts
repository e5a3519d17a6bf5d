import path from "node:path"
import type { KeyFileEntry, OpenedKey } from "../../crypto/index.ts"
import { type ErrorCode, TrustkeyError } from "../../errors.ts"
import {
    type CurrentRepository,
    openTrustCache,
    openTrustServer,
    parseReference,
    readTrustPins,
    type TrustPins,
} from "../../publish/index.ts"
import { type Gun, lineageOf, parseGun, ROOT } from "../../tuf/index.ts"
import { pinFiles } from "../client-files.ts"
import type { Cli } from "../context.ts"
import type { Binding, DaemonKey, DaemonRepository } from "../daemon-types.ts"
import type { FilePassphrases } from "../file-passphrases.ts"
import { importedId, wasRemoved } from "../import-key.ts"
import { checkFit, planImport } from "../import-plan.ts"
import { mustNotBeReadable, readPrivateKeys } from "../key-files.ts"
import { printable, shortId } from "../output.ts"
import { roleWord } from "../secrets.ts"
import { shellWord } from "../shell-word.ts"
import { dockerDirectory, dockerPlace, TrustSession } from "../trust/session.ts"
import { type KeyPlan, type Places, placesOf, planKey, planKnown } from "./plan.ts"
import type { FoundFile, FoundRepository, LeftOut } from "./scan.ts"
import { openSourceCache } from "./source-cache.ts"

/** A file's key: what the file says of it, and its ID by the file's name. */
export type KeyCopy = FoundFile & { readonly entry: KeyFileEntry }

/** A private key that was found, once, however many copies there are. */
export type FoundKey = {
    readonly id: string
    readonly copies: readonly KeyCopy[]
    /** The copies that were opened: that the others hold this key is only what their names say. */
    readonly proven: readonly KeyCopy[]
    /** Undefined: it is here already, and stays closed. */
    readonly opened: OpenedKey | undefined
    readonly known: DaemonKey | undefined
}
export type PlannedKey = FoundKey & { readonly plan: KeyPlan; readonly word: string }

/** A repository as it is published, verified from version 1 on through the root that was trusted here. `here`: the daemon has it. */
export type LookedAt = {
    readonly gun: Gun
    readonly session: TrustSession
    readonly current: CurrentRepository
    readonly lineage: string
    readonly here: boolean
}

/** Reads every key file; nothing is decrypted yet. What can't be read is left out. */
export async function readCopies(
    files: readonly FoundFile[],
    leftOut: LeftOut[],
    disposables: DisposableStack,
): Promise<readonly KeyCopy[]> {
    const copies: KeyCopy[] = []
    for (const file of files) {
        try {
            const entries = await readPrivateKeys(file.path)
            for (const entry of entries) disposables.use(entry)
            // The name stands for one key.
            const id = entries.length === 1 ? file.id : ""
            copies.push(
                ...entries.map((entry) => ({ ...file, id, role: entry.role || file.role, gun: entry.gun || file.gun, entry }) as const),
            )
        } catch (error) {
            leftOut.push(refusal(file.path, error))
        }
    }
    return copies
}

function refusal(what: string, error: unknown): LeftOut {
    if (!(error instanceof TrustkeyError)) throw error
    const why =
        error.code === "file_unsafe" && error.message === mustNotBeReadable(what)
            ? `others can read or write it: whoever did may have a copy. To let it come over: chmod 600 ${shellWord(what)}`
            : error.message.replace(`${what}: `, "")
    return { what, why, code: error.code }
}

/**
 * Opens what the daemon does not have. A key the daemon has under the ID in the file's name stays closed: a second run asks nothing.
 *
 * @throws no_terminal: there is nobody to ask, and no passphrase was given
 */
export async function openKeys(
    cli: Cli,
    copies: readonly KeyCopy[],
    known: ReadonlyMap<string, DaemonKey>,
    passphrases: FilePassphrases,
    leftOut: LeftOut[],
    disposables: DisposableStack,
): Promise<readonly FoundKey[]> {
    const found = new Map<string, FoundKey>()
    const add = (copy: KeyCopy, id: string, opened: OpenedKey | undefined): void => {
        const before = found.get(id)
        found.set(id, {
            id,
            copies: [...(before?.copies ?? []), copy],
            proven: [...(before?.proven ?? []), ...(opened === undefined ? [] : [copy])],
            opened: before?.opened ?? opened,
            known: known.get(id),
        })
    }
    for (const copy of copies) {
        try {
            const here = known.get(copy.id)
            if (here?.state === "removed") throw wasRemoved(copy.id)
            if (here !== undefined || found.has(copy.id)) {
                add(copy, copy.id, undefined)
                continue
            }
            const { purpose } = wordsOf(copy)
            const opened = await passphrases.openOneOfMany(copy.entry, purpose, nameOf(copy))
            disposables.use(opened.pkcs8)
            const id = importedId(opened)
            const hidden = known.get(id)
            if (hidden?.state === "removed") throw wasRemoved(id)
            if (copy.id !== "" && copy.id !== id)
                cli.output.warn(`${copy.path}: it is named after another key than is in it, ${shortId(id)}`)
            add(copy, id, opened)
        } catch (error) {
            leftOut.push(notOpened(copy, error))
        }
    }
    return [...found.values()]
}

function notOpened(copy: KeyCopy, error: unknown): LeftOut {
    if (!(error instanceof TrustkeyError) || error.code === "no_terminal") throw error
    // Whoever gives an empty answer has decided it: that is no failure.
    if (error.code === "declined") return { what: copy.path, why: `no passphrase was given for the ${nameOf(copy)}` }
    return refusal(copy.path, error)
}

/** As docker calls it: "targets key with ID 1234567" is a repository key there. */
function nameOf(copy: KeyCopy): string {
    const { word } = wordsOf(copy)
    return copy.id === "" ? `${word} key in ${copy.path}` : `${word} key with ID ${copy.id.slice(0, 7)}`
}

function wordsOf({ role }: KeyCopy): { readonly purpose: string; readonly word: string } {
    if (role === "root") return { purpose: "root", word: "root" }
    if (role === "targets" || role === "snapshot" || role === "timestamp") return { purpose: "targets", word: "repository" }
    const { label } = planImport({ role, gun: "" }, { roleOtherwise: "delegation" })
    return { purpose: "delegation", word: roleWord({ purpose: "delegation", label }) }
}

/** What is published of the repositories, through the roots that were trusted here. What can't be had is left out. */
export async function lookAtRepositories(
    cli: Cli,
    repositories: readonly FoundRepository[],
    known: ReadonlyMap<string, DaemonRepository>,
    leftOut: LeftOut[],
): Promise<readonly LookedAt[]> {
    const pins = await readTrustPins(pinFiles(cli))
    const looked: LookedAt[] = []
    for (const gun of [...new Set(repositories.map((repository) => repository.gun))].sort()) {
        const directories = repositories.filter((repository) => repository.gun === gun).map(({ directory }) => directory)
        try {
            const found = await lookAt(cli, parseGun(gun), directories, pins, known.get(gun))
            if (found.here || known.get(gun)?.oldLineages.includes(found.lineage) !== true) looked.push(found)
            else leftOut.push({ what: gun, why: `it was reset here; if that was a mistake: trustkey trust adopt ${gun}` })
        } catch (error) {
            if (!(error instanceof TrustkeyError)) throw error
            leftOut.push({ what: gun, why: error.message, code: error.code })
        }
    }
    return looked
}

async function lookAt(
    cli: Cli,
    gun: Gun,
    directories: readonly string[],
    pins: TrustPins,
    known: DaemonRepository | undefined,
): Promise<LookedAt> {
    const reference = parseReference(gun)
    if (reference.gun !== gun) throw new TrustkeyError("invalid_request", `docker calls this repository ${reference.gun}`)
    const server = await openTrustServer(reference, dockerPlace(cli), "pull")
    // Our own commands start from docker's directory: its root has to be on the way too.
    const own = ownDirectory(cli)
    const anchors = (await openTrustCache(own).read(gun, ROOT)) === undefined ? directories : [...directories, own]
    let latest: { session: TrustSession; current: CurrentRepository; lineage: string } | undefined
    for (const directory of new Set(anchors.map((name) => path.resolve(name)))) {
        const session = new TrustSession(cli, reference, server, openSourceCache(directory), pins)
        const current = await session.fetchToTakeIn()
        const [first] = current.roots
        if (first === undefined) throw new TrustkeyError("no_trust_data", `${server.url} has no root of ${gun}`)
        const lineage = lineageOf(first.signed)
        if (latest !== undefined && latest.lineage !== lineage) throw otherRoot(gun, server.url, latest.lineage, lineage)
        latest = { session, current, lineage }
    }
    if (latest === undefined) throw new TrustkeyError("internal", "a repository that was found nowhere")
    const here = known?.state === "active"
    if (here && known.lineage !== latest.lineage) throw otherRoot(gun, server.url, known.lineage, latest.lineage)
    return { gun, here, ...latest }
}

function otherRoot(gun: Gun, url: string, trusted: string, served: string): TrustkeyError {
    const message = `trusted is ${gun} with fingerprint ${trusted.slice(0, 16)}, and ${url} serves ${served.slice(0, 16)}`
    return new TrustkeyError("verification_failed", message)
}

export function ownDirectory(cli: Cli): string {
    return path.resolve(path.join(dockerDirectory(cli), "trust"))
}

/** What becomes of the keys. Those nobody can say it of are left out. */
export function planKeys(
    keys: readonly FoundKey[],
    repositories: readonly LookedAt[],
    leftOut: LeftOut[],
): { readonly planned: readonly PlannedKey[]; readonly places: Places } {
    const places = placesOf(repositories.map(({ gun, current }) => ({ gun, verified: current.verified })))
    const verified = new Set<string>(repositories.map(({ gun }) => gun))
    const planned: PlannedKey[] = []
    for (const key of keys) {
        const [copy] = key.copies
        if (copy === undefined) continue
        try {
            const plan = planOne(key, copy, places.get(key.id) ?? [], verified)
            if (key.opened !== undefined) checkFit(key.opened.algorithm, plan)
            planned.push({ ...key, plan, word: roleWord(plan) })
        } catch (error) {
            leftOut.push(howToTakeIt(copy, error))
        }
    }
    return { planned, places }
}

function planOne({ known }: FoundKey, copy: KeyCopy, places: readonly Binding[], verified: ReadonlySet<string>): KeyPlan {
    if (known === undefined) return planKey(copy, places, verified)
    const { purpose, label } = known
    if (purpose === "unknown") throw new TrustkeyError("already_exists", `key ${shortId(known.id)} is here already, for something else`)
    return { purpose, label, retired: [], ...planKnown(known, places) }
}

const UNSAID: readonly ErrorCode[] = ["usage", "invalid_request"]

function howToTakeIt({ path: file, role }: KeyCopy, error: unknown): LeftOut {
    const left = refusal(file, error)
    if (left.code === undefined || !UNSAID.includes(left.code)) return left
    const why = `neither the file nor any repository says which repository's ${role} key it is`
    return { ...left, why: `${why}: trustkey key import --role ${role} --gun GUN ${shellWord(file)}` }
}

/** How a file's key was encrypted, in a few words. */
export function encryptionOf({ encryption }: KeyFileEntry): string {
    switch (encryption.kind) {
        case "none":
            return "not at all"
        case "dek-info":
            return printable(`${encryption.cipher}, MD5 once`)
        case "pbes2":
            return `${encryption.iterations} rounds`
    }
}
