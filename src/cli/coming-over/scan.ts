import path from "node:path"
import { type ErrorCode, TrustkeyError } from "../../errors.ts"
import { listDirectory, ownFileMode } from "../../storage/index.ts"
import { parseGun } from "../../tuf/index.ts"
import { keyFileOf } from "./layout.ts"

/** A private key file of docker or notary. What its name says, nobody vouches for. */
export type FoundFile = {
    readonly path: string
    /** The canonical key ID by the file's name; "" when it has none. */
    readonly id: string
    /** By the layout before Notary 0.4; "" since. */
    readonly role: string
    readonly gun: string
}
/** A repository whose root was trusted on this machine. */
export type FoundRepository = { readonly gun: string; readonly directory: string }
/** Something that does not come over. Without a code it is nothing that could. */
export type LeftOut = { readonly what: string; readonly why: string; readonly code?: ErrorCode }

export type Found = {
    readonly directory: string
    readonly files: readonly FoundFile[]
    readonly repositories: readonly FoundRepository[]
    readonly leftOut: readonly LeftOut[]
    /** Beside the directory, named as if it were a copy of it. */
    readonly neighbours: readonly string[]
}

/** A directory full of something else is not read to its end. */
const MOST_NAMES = 50_000
/** A GUN has at most 255 characters. */
const DEEPEST = 140

/**
 * What lies in a trust directory of docker or notary, in the layout of today and in the one before 0.4. No symbolic link below it is followed.
 *
 * @throws not_found: there is no such directory, or it is something else
 */
export async function scanTrustDirectory(directory: string): Promise<Found> {
    const names = await namesIn(directory)
    if (!names.includes("private") && !names.includes("tuf")) {
        const message = `${directory} holds neither private keys nor trust data; a trust directory is one such as ~/.docker/trust or ~/.notary`
        throw new TrustkeyError("not_found", message)
    }
    const scan = new Scan(directory)
    await scan.keys()
    await scan.repositories()
    return { directory, files: scan.files, repositories: scan.found, leftOut: scan.leftOut, neighbours: await neighboursOf(directory) }
}

class Scan {
    readonly files: FoundFile[] = []
    readonly found: FoundRepository[] = []
    readonly leftOut: LeftOut[] = []
    readonly #directory: string
    #names = 0

    constructor(directory: string) {
        this.#directory = directory
    }

    async keys(): Promise<void> {
        const top = path.join(this.#directory, "private")
        for await (const file of this.#below(top)) {
            const named = keyFileOf(path.relative(top, file))
            if (named === undefined) this.leftOut.push({ what: file, why: "it is not named like a key file, so it was not read" })
            else this.files.push({ path: file, ...named })
        }
    }

    async repositories(): Promise<void> {
        const top = path.join(this.#directory, "tuf")
        const end = path.join("metadata", "root.json")
        for await (const file of this.#below(top)) {
            const name = path.relative(top, file)
            if (!name.endsWith(`${path.sep}${end}`)) continue
            const gun = name.slice(0, -end.length - 1)
            try {
                this.found.push({ gun: parseGun(gun), directory: this.#directory })
            } catch (error) {
                if (!(error instanceof TrustkeyError)) throw error
                this.leftOut.push({ what: gun, why: error.message, code: error.code })
            }
        }
    }

    /** Regular files, in the order of their names. Everything else that is no directory is left out, and said. */
    async *#below(top: string): AsyncGenerator<string> {
        const waiting = [top]
        for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
            const kind = await this.#kindOf(next)
            if (kind === "file" && next !== top) yield next
            else if (kind === "directory") waiting.push(...(await this.#namesBelow(next)).reverse())
            else if (kind === "link") this.leftOut.push({ what: next, why: "it is a symbolic link, and none is followed" })
            else if (kind !== undefined) this.leftOut.push({ what: next, why: "it is no regular file" })
        }
    }

    async #kindOf(place: string): Promise<string | undefined> {
        try {
            return (await ownFileMode(place))?.kind
        } catch (error) {
            this.#unreadable(place, error)
            return undefined
        }
    }

    async #namesBelow(place: string): Promise<string[]> {
        if (path.relative(this.#directory, place).split(path.sep).length > DEEPEST) {
            this.leftOut.push({ what: place, why: "it lies too deep" })
            return []
        }
        try {
            const names = await listDirectory(place)
            this.#names += names.length
            if (this.#names > MOST_NAMES) throw new TrustkeyError("payload_too_large", `there are more than ${MOST_NAMES} names`)
            return names.map((name) => path.join(place, name))
        } catch (error) {
            this.#unreadable(place, error)
            return []
        }
    }

    #unreadable(what: string, error: unknown): void {
        if (!(error instanceof TrustkeyError)) throw error
        this.leftOut.push({ what, why: error.message, code: error.code })
    }
}

async function namesIn(directory: string): Promise<readonly string[]> {
    try {
        return await listDirectory(directory)
    } catch (error) {
        if (!(error instanceof TrustkeyError)) throw error
        throw new TrustkeyError(error.code, `${directory}: ${error.message}`, { cause: error })
    }
}

/** `trust.bak` beside `trust`, `.notary-old` beside `.notary`. */
async function neighboursOf(directory: string): Promise<readonly string[]> {
    const whole = path.resolve(directory)
    const [above, own] = [path.dirname(whole), path.basename(whole)]
    // A parent we may not list is no obstacle to what we were asked for.
    const names = await listDirectory(above).catch(() => [])
    return names.filter((name) => name !== own && name.startsWith(own)).map((name) => path.join(above, name))
}
