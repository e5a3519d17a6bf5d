import path from "node:path"
import { BUNDLE_FILES } from "../../ceremony/index.ts"
import { sha256 } from "../../crypto/index.ts"
import { TrustkeyError } from "../../errors.ts"
import {
    listDirectory,
    lockDirectory,
    makeDirectory,
    ownFileMode,
    readBytes,
    removeFile,
    type StateLock,
    writeFileDurable,
} from "../../storage/index.ts"

const ARTEFACTS = "artefacts"

/** The files of a bundle by their names, `artefacts/<sha256>` among them. */
export type BundleFiles = ReadonlyMap<string, Buffer>

// docs/formats/ceremony-bundle.md says how large each may be; whoever reads must not run out of memory before that is checked.
const MAX_FILE = 4 * 1024 * 1024
const MAX_TOTAL = 64 * 1024 * 1024
const MAX_FILES = 5000
const LINES: readonly string[] = [BUNDLE_FILES.transcript, BUNDLE_FILES.publication]
/** As writeFileDurable names what it has not put in its place yet. */
const UNFINISHED = /^\..+\.[0-9a-f]{16}\.tmp$/
const FILE_MODE = 0o644

/**
 * Read a bundle's directory as it is: whatever lies there is in the answer, and the checker says what of it is wrong.
 *
 * @throws not_found, bundle_invalid: something there is no plain file, or it is too much
 */
export async function readBundleFiles(directory: string): Promise<Map<string, Buffer>> {
    const files = new Map<string, Buffer>()
    let total = 0
    const names = await namesIn(directory)
    if (names.length > MAX_FILES) throw new TrustkeyError("bundle_invalid", `${directory}: more than ${MAX_FILES} files`)
    for (const name of names) {
        const file = path.join(directory, name)
        // A link could lead anywhere, and be something else for the next reader.
        if ((await ownFileMode(file))?.kind !== "file") throw new TrustkeyError("bundle_invalid", `${file} is no plain file`)
        const content = await readBytes(file, { maxBytes: MAX_FILE }).catch(asPartOfBundle)
        if (content === undefined) throw new TrustkeyError("bundle_invalid", `${file} is gone while it is read`)
        total += content.length
        if (total > MAX_TOTAL) throw new TrustkeyError("bundle_invalid", `${directory}: more than ${MAX_TOTAL} bytes`)
        files.set(name, content)
    }
    return files
}

/** However a bundle is made unreadable, it is no good bundle. */
function asPartOfBundle(error: unknown): never {
    if (error instanceof TrustkeyError && error.code === "payload_too_large")
        throw new TrustkeyError("bundle_invalid", error.message, { cause: error })
    throw error
}

async function namesIn(directory: string): Promise<readonly string[]> {
    const facts = await ownFileMode(directory)
    if (facts === undefined) throw new TrustkeyError("not_found", `${directory} does not exist`)
    const top = await listDirectory(directory)
    const inside = (await ownFileMode(path.join(directory, ARTEFACTS)))?.kind === "directory"
    const artefacts = inside ? await listDirectory(path.join(directory, ARTEFACTS)) : []
    return [...top.filter((name) => !(inside && name === ARTEFACTS)), ...artefacts.map((name) => `${ARTEFACTS}/${name}`)]
}

/**
 * A bundle that is worked on, by this process alone. Everything is on stable storage when a method resolves, and each file is there whole or not
 * at all. Artefacts come before the record that names them: whoever is killed between the two leaves files that no record names, and the next to
 * open the bundle takes them away.
 */
export class Stick implements AsyncDisposable {
    readonly directory: string
    readonly #files: Map<string, Buffer>
    readonly #lock: StateLock

    private constructor(directory: string, files: Map<string, Buffer>, lock: StateLock) {
        this.directory = directory
        this.#files = files
        this.#lock = lock
    }

    /** @throws not_found, bundle_invalid, step_refused: another process works on it */
    static async open(directory: string): Promise<Stick> {
        const lock = lockDirectory(directory)
        if (lock === undefined)
            throw new TrustkeyError("step_refused", `another trustkey is at work on ${directory}; wait until it is done`)
        try {
            await removeUnfinished(directory)
            return new Stick(directory, await readBundleFiles(directory), lock)
        } catch (error) {
            await lock.release()
            throw error
        }
    }

    /** A directory that is empty or not there yet. What an earlier try left unfinished there is no obstacle. */
    static async begin(directory: string): Promise<Stick> {
        await makeDirectory(directory, 0o755)
        return await Stick.open(directory)
    }

    get files(): BundleFiles {
        return this.#files
    }

    async put(name: string, content: Uint8Array): Promise<void> {
        if (name.startsWith(`${ARTEFACTS}/`)) await makeDirectory(path.join(this.directory, ARTEFACTS), 0o755)
        await writeFileDurable(path.join(this.directory, name), content, FILE_MODE)
        this.#files.set(name, Buffer.from(content))
    }

    /** Take away artefacts that no record names: a step was killed before it was recorded. Only such as are what their name says. */
    async tidy(named: ReadonlySet<string>): Promise<number> {
        const strays = [...this.#files].filter(([name, content]) => {
            return name.startsWith(`${ARTEFACTS}/`) && !named.has(name.slice(ARTEFACTS.length + 1)) && artefactName(content) === name
        })
        for (const [name] of strays) {
            await removeFile(path.join(this.directory, name))
            this.#files.delete(name)
        }
        return strays.length
    }

    /**
     * For a ceremony that begins: what an earlier try to pack `plan` left is taken away, since what it fetched may be served with other signatures by
     * now. Nothing of somebody else's is mixed with a ceremony's: at the vault the bundle would be refused for it.
     *
     * @throws already_exists
     */
    async clearFor(plan: Buffer): Promise<void> {
        for (const [name, content] of this.#files) {
            const isOurs = artefactName(content) === name || (name === BUNDLE_FILES.plan && plan.equals(content))
            if (!isOurs) throw new TrustkeyError("already_exists", `${this.directory} is not empty: it has ${name}`)
        }
        await this.tidy(new Set())
    }

    async [Symbol.asyncDispose](): Promise<void> {
        await this.#lock.release()
    }
}

function artefactName(content: Uint8Array): string {
    return `${ARTEFACTS}/${sha256(content).toString("hex")}`
}

/** Ours alone: a whole file would not be called so. */
async function removeUnfinished(directory: string): Promise<void> {
    for (const part of [directory, path.join(directory, ARTEFACTS)]) {
        if ((await ownFileMode(part))?.kind !== "directory") continue
        for (const name of await listDirectory(part)) if (UNFINISHED.test(name)) await removeFile(path.join(part, name))
    }
}

/**
 * Write a bundle that came another way, as read from codes, into an empty directory, or over an earlier state of the same bundle. Yesterday's codes
 * shown again take nothing away from what was recorded since.
 *
 * @throws already_exists
 */
export async function writeBundle(directory: string, files: BundleFiles): Promise<void> {
    await makeDirectory(path.join(directory, ARTEFACTS), 0o755)
    await using stick = await Stick.open(directory)
    for (const [name, before] of stick.files) {
        const now = files.get(name)
        if (now === undefined) throw new TrustkeyError("already_exists", `${directory} has other files in it: ${name}`)
        const goesOn = LINES.includes(name) && now.subarray(0, before.length).equals(before)
        if (!goesOn && !now.equals(before)) throw new TrustkeyError("already_exists", `${directory} has another ${name} in it`)
    }
    // What makes it a bundle comes last.
    const order = [...files].sort(([left], [right]) => Number(left === BUNDLE_FILES.transcript) - Number(right === BUNDLE_FILES.transcript))
    for (const [name, content] of order) await stick.put(name, content)
}
