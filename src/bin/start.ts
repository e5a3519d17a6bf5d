// All that is loaded to answer what docker asks its plugins before anything else: `docker help`, `docker info` and every completion start
// each plugin once for it.
import { lstatSync, mkdirSync } from "node:fs"
import { enableCompileCache } from "node:module"
import path from "node:path"
import { VERSION } from "./version.ts"

export type Program = "trustkey" | "docker-trustkey" | "docker-trust"

const SHORT_DESCRIPTIONS: Readonly<Record<Exclude<Program, "trustkey">, string>> = {
    "docker-trustkey": "Sign and verify images with the keys in trustkeyd",
    "docker-trust": "Manage trust on Docker images",
}

/** One of our three names. The client behind them is loaded from a file of its own. */
export async function start(program: Program): Promise<void> {
    if (program !== "trustkey" && process.argv[2] === "docker-cli-plugin-metadata") {
        const ShortDescription = SHORT_DESCRIPTIONS[program]
        process.stdout.write(`${JSON.stringify({ SchemaVersion: "0.1.0", Vendor: "trustkeyd", Version: VERSION, ShortDescription })}\n`)
        return
    }
    const cache = compileCacheDirectory()
    if (cache !== undefined) enableCompileCache(cache)
    const { runClient } = await import("./client.ts")
    await runClient(program)
}

/**
 * Where V8 may keep what it compiled of the client: it saves a fifth of a short command's time. V8 runs what it finds there unseen, so
 * whoever can write there is us: the directory is ours alone, and nobody else can put another in its place. Undefined: do without.
 */
function compileCacheDirectory(): string | undefined {
    const base = process.env["XDG_CACHE_HOME"] || path.join(process.env["HOME"] || "/nonexistent", ".cache")
    if (!path.isAbsolute(base)) return undefined
    const directory = path.join(base, "trustkeyd", "compiled")
    try {
        mkdirSync(directory, { recursive: true, mode: 0o700 })
        return isOursAlone(directory) ? directory : undefined
    } catch {
        return undefined
    }
}

const OTHERS_MAY_WRITE = 0o022
const STICKY = 0o1000

/** The directory is ours, and those above are ours or root's. Others may write in none, sticky ones apart: what is ours they can't rename there. */
function isOursAlone(directory: string): boolean {
    const uid = process.geteuid?.()
    for (let at = directory; ; at = path.dirname(at)) {
        // A symbolic link leads through directories that were not looked at.
        const facts = lstatSync(at)
        if (!facts.isDirectory()) return false
        if (at === directory ? facts.uid !== uid : facts.uid !== uid && facts.uid !== 0) return false
        if ((facts.mode & OTHERS_MAY_WRITE) !== 0 && (at === directory || (facts.mode & STICKY) === 0)) return false
        if (at === path.dirname(at)) return true
    }
}
