import path from "node:path"
import { TrustkeyError } from "../../errors.ts"
import { openTrustCache, parseReference } from "../../publish/index.ts"
import { fileMode, listDirectory } from "../../storage/index.ts"
import { type Gun, parseFile, parseRoleName } from "../../tuf/index.ts"
import type { Cli } from "../context.ts"
import { dockerDirectory } from "../trust/session.ts"
import type { Candidate } from "./complete.ts"

/** Somebody waits at a prompt: what can't be listed so is left out. */
const MAX_DIRECTORIES = 1000
const MAX_DEPTH = 6
const HUB_PREFIXES = ["docker.io/library/", "docker.io/"]

/** Repositories whose trust data docker or we have fetched before, and the tags of the one that `begun` names. Nothing is verified. */
export async function cachedImages(cli: Cli, begun: string): Promise<readonly Candidate[]> {
    const repositories = (await cachedRepositories(cli)).map(({ name }) => name)
    const named = begun.replace(/:[^/:]*$/, "")
    const tags = repositories.includes(begun) || (named !== begun && named !== "") ? await cachedTags(cli, named) : []
    return [...repositories, ...tags.map((tag) => `${named}:${tag}`)].map((word) => ({ word, help: "" }))
}

/** Everybody who has a delegation in one of these repositories. */
export async function cachedSigners(cli: Cli): Promise<readonly Candidate[]> {
    const signers = new Set<string>()
    for (const { directory } of await cachedRepositories(cli)) {
        for (const file of await namesIn(path.join(directory, "metadata", "targets"))) {
            const name = /^([a-z0-9][a-z0-9_-]*)\.json$/.exec(file)?.[1]
            if (name !== undefined && name !== "releases") signers.add(name)
        }
    }
    return [...signers].sort().map((word) => ({ word, help: "" }))
}

type CachedRepository = { readonly name: string; readonly directory: string }

async function cachedRepositories(cli: Cli): Promise<readonly CachedRepository[]> {
    const top = path.join(dockerDirectory(cli), "trust", "tuf")
    const found: CachedRepository[] = []
    const waiting: { readonly directory: string; readonly depth: number }[] = [{ directory: top, depth: 0 }]
    for (let looked = 0; looked < MAX_DIRECTORIES; looked += 1) {
        const next = waiting.shift()
        if (next === undefined) break
        for (const entry of await namesIn(next.directory)) {
            const below = path.join(next.directory, entry)
            if (entry === "metadata") found.push(...named(path.relative(top, next.directory), next.directory))
            else if (next.depth < MAX_DEPTH && (await fileMode(below))?.kind === "directory")
                waiting.push({ directory: below, depth: next.depth + 1 })
        }
    }
    return found
}

/** As a person writes it, if it is the name of a repository at all. */
function named(text: string, directory: string): readonly CachedRepository[] {
    const prefix = HUB_PREFIXES.find((known) => text.startsWith(known)) ?? ""
    const name = text.slice(prefix.length)
    return gunOf(name) === text ? [{ name, directory }] : []
}

function gunOf(text: string): Gun | undefined {
    try {
        const { gun, tag, digest } = parseReference(text)
        return tag === undefined && digest === undefined ? gun : undefined
    } catch (error) {
        if (error instanceof TrustkeyError) return undefined
        throw error
    }
}

async function cachedTags(cli: Cli, name: string): Promise<readonly string[]> {
    const gun = gunOf(name)
    if (gun === undefined) return []
    const cache = openTrustCache(path.join(dockerDirectory(cli), "trust"))
    const tags = new Set<string>()
    for (const role of ["targets/releases", "targets"].map(parseRoleName)) {
        try {
            const content = await cache.read(gun, role)
            const document = content === undefined ? undefined : parseFile(content, role).signed.document
            if (document?.type !== "targets") continue
            for (const tag of document.targets.keys()) if (/^\w[\w.-]{0,127}$/.test(tag)) tags.add(tag)
        } catch (error) {
            // A cache that can't be read offers nothing; the command itself will say what is wrong with it.
            if (!(error instanceof TrustkeyError)) throw error
        }
    }
    return [...tags].sort()
}

async function namesIn(directory: string): Promise<readonly string[]> {
    try {
        return await listDirectory(directory)
    } catch (error) {
        if (error instanceof TrustkeyError) return []
        throw error
    }
}
