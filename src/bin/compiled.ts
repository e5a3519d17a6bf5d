// The client's program, with what V8 compiled of it when the same command was run before. The runtime's own cache (enableCompileCache) keeps
// only what is compiled before the first line runs; most of a short command's time goes into the functions that are compiled when first called.
import { createHash } from "node:crypto"
import { lstatSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import path from "node:path"
import { Script } from "node:vm"

const DIGEST_LENGTH = 32

type Exports = Record<string, unknown>
type Wrapper = (exports: Exports, require: NodeJS.Require, module: { exports: Exports }, file: string, directory: string) => void

/** What a CommonJS bundle exports. After a run that succeeds its compiled functions are kept under `name`. */
export function runCompiled(file: string, name: string): Exports {
    const source = readFileSync(file)
    const kept = keptFile(source, name)
    const cachedData = kept === undefined ? undefined : readKept(kept)
    // The bundle is plain ASCII (packaging/bundle.ts), which is read fastest so.
    const text = `(function (exports, require, module, __filename, __dirname) {${source.toString("latin1")}\n})`
    const script = new Script(text, { filename: file, ...(cachedData === undefined ? {} : { cachedData }) })
    // V8 refuses what another V8 made, or the same with other flags.
    if (kept !== undefined && (cachedData === undefined || script.cachedDataRejected === true))
        process.on("exit", (code) => {
            if (code === 0) keep(kept, script)
        })
    const wrapper: Wrapper = script.runInThisContext()
    const module = { exports: {} }
    wrapper(module.exports, createRequire(file), module, file, path.dirname(file))
    return module.exports
}

/** V8 compares nothing but the length of the program, so the file's name says of which one it is. */
function keptFile(source: Buffer, name: string): string | undefined {
    const directory = ownDirectory()
    return directory === undefined ? undefined : path.join(directory, `${sha256(source).toString("hex")}.${name}`)
}

/** A file begins with the digest of the rest: V8 doesn't notice when it was damaged, by a loss of power for example. */
function readKept(file: string): Buffer | undefined {
    try {
        const content = readFileSync(file)
        const data = content.subarray(DIGEST_LENGTH)
        return sha256(data).equals(content.subarray(0, DIGEST_LENGTH)) ? data : undefined
    } catch {
        return undefined
    }
}

function keep(file: string, script: Script): void {
    try {
        const unfinished = `${file}.${process.pid}`
        const data = script.createCachedData()
        writeFileSync(unfinished, Buffer.concat([sha256(data), data]), { mode: 0o600, flag: "wx" })
        renameSync(unfinished, file)
        removeOthers(file)
    } catch {
        // Without it the next run takes longer, and that is all.
    }
}

function sha256(bytes: Uint8Array): Buffer {
    return createHash("sha256").update(bytes).digest()
}

/** Those of other versions of the program. */
function removeOthers(file: string): void {
    const directory = path.dirname(file)
    const [program = ""] = path.basename(file).split(".")
    for (const other of readdirSync(directory)) if (!other.startsWith(program)) rmSync(path.join(directory, other), { recursive: true })
}

/**
 * Where we may keep it. V8 runs what it finds there unseen, so whoever can write there is us: the directory is ours alone, and nobody else
 * can put another in its place. Undefined: do without.
 */
function ownDirectory(): string | undefined {
    if ((process.env["NODE_DISABLE_COMPILE_CACHE"] ?? "") !== "") return undefined
    const { HOME: home = "", XDG_CACHE_HOME: configured = "" } = process.env
    const base = configured !== "" ? configured : path.join(home, ".cache")
    if (!path.isAbsolute(base)) return undefined
    const directory = path.join(base, "trustkeyd", "compiled")
    try {
        // Looked at first: root, with somebody's HOME, would make directories wherever he leads.
        if (!isOursAlone(directory)) return undefined
        mkdirSync(directory, { recursive: true, mode: 0o700 })
        return directory
    } catch {
        return undefined
    }
}

const OTHERS_MAY_WRITE = 0o022
const STICKY = 0o1000

/**
 * The directory, or the lowest there is of those above it, is ours, and those above that are ours or root's. Others may write in none,
 * sticky ones apart: what is ours they can't rename there.
 */
function isOursAlone(directory: string): boolean {
    const uid = process.geteuid?.()
    let isLowest = true
    for (let at = directory; ; at = path.dirname(at)) {
        // A symbolic link leads through directories that were not looked at.
        const facts = lstatSync(at, { throwIfNoEntry: false })
        if (facts === undefined) continue
        if (!facts.isDirectory()) return false
        if (isLowest ? facts.uid !== uid : facts.uid !== uid && facts.uid !== 0) return false
        if ((facts.mode & OTHERS_MAY_WRITE) !== 0 && (isLowest || (facts.mode & STICKY) === 0)) return false
        if (at === path.dirname(at)) return true
        isLowest = false
    }
}
