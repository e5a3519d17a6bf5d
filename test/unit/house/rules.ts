import path from "node:path"
import { computedImportsOf, importsOf, lineOf, type Source } from "./source.ts"

/** From the roof down. Rooms of one line are neighbours and don't know each other. */
export const FLOORS: readonly (readonly string[])[] = [
    ["bin"],
    ["server", "cli"],
    ["config"],
    ["custody", "publish"],
    ["keys"],
    ["signer"],
    ["journal"],
    ["policy", "ceremony"],
    ["audit", "backup"],
    ["tuf"],
    ["crypto"],
    ["storage"],
    ["errors", "wire"],
]

// These have no index.ts: one is a single file, the other is generated.
const WITHOUT_DOOR = ["errors", "wire"]

const FORBIDDEN_NAMES = ["utils", "util", "common", "core", "services", "helpers"]

/** Rooms that may see only some of what lies below them. */
const MAY_SEE: Readonly<Record<string, readonly string[]>> = {
    // A thin client: it decides nothing and holds no key.
    cli: ["wire", "publish", "ceremony", "backup", "tuf", "crypto", "storage", "errors"],
}

/** Modules that belong to some places: every other place goes through them. */
const RESERVED: readonly { readonly modules: readonly string[]; readonly places: readonly string[]; readonly why: string }[] = [
    {
        modules: ["pkcs11js", "graphene-pk11"],
        places: ["src/signer/pkcs11/"],
        why: "only src/signer/pkcs11 touches PKCS#11",
    },
    {
        modules: ["node:sqlite"],
        places: ["src/storage/"],
        why: "only storage speaks SQL",
    },
    {
        modules: ["node:fs", "node:fs/promises", "fs", "fs/promises"],
        // The signers read credentials the service manager hands them as files, in a process that has no storage.
        places: ["src/storage/", "src/bin/", "src/signer/"],
        why: "only storage touches files (bin and the signers' credentials excepted)",
    },
]

// What only bin may use; everyone else is handed it.
const SURROUNDINGS: readonly { readonly pattern: RegExp; readonly name: string; readonly instead: string }[] = [
    { pattern: /\bprocess\s*\??\.\s*env\b/g, name: "process.env", instead: "take the value as an argument" },
    { pattern: /\bprocess\s*\??\.\s*exit(Code)?\b/g, name: "process.exit", instead: "throw, and let bin choose the exit code" },
    { pattern: /\bDate\s*\.\s*now\b/g, name: "Date.now()", instead: "take `now` as an argument" },
    { pattern: /\bnew\s+Date\b(?!\s*\(\s*[^)\s])/g, name: "new Date()", instead: "take `now` as an argument" },
    { pattern: /(?<![.\w]|new\s+)\bDate\s*\(\s*\)/g, name: "Date()", instead: "take `now` as an argument" },
]

function roomOf(file: string): string {
    const [, first = ""] = file.split("/")
    return first.replace(/\.ts$/, "")
}

function floorOf(room: string): number {
    return FLOORS.findIndex((floor) => floor.includes(room))
}

/** Every way in which the files break the rules of the house, each with its place and what to do. */
export function findViolations(sources: readonly Source[]): string[] {
    return sources.flatMap((source) => [
        ...checkPlace(source),
        ...importsOf(source).flatMap(({ line, from }) => checkImport(source.path, line, from)),
        ...computedImportsOf(source).map((line) => `${source.path}:${line} imports something computed; name the module`),
        ...checkSurroundings(source),
    ])
}

function checkPlace({ path: file }: Source): string[] {
    const problems: string[] = []
    if (floorOf(roomOf(file)) === -1) problems.push(`${file} is in no room; the rooms are ${FLOORS.flat().join(", ")}`)
    if (file.split("/").length === 2 && file !== "src/errors.ts") problems.push(`${file} lies outside the rooms; only errors.ts does`)
    // The generated files speak of gRPC services, which is what they hold.
    if (roomOf(file) === "wire") return problems
    const bad = file.split("/").find((part) => FORBIDDEN_NAMES.includes(part.replace(/\.ts$/, "")))
    if (bad !== undefined) problems.push(`${file}: ${bad} says nothing about what it holds; name it after that`)
    return problems
}

function checkImport(file: string, line: number, from: string): string[] {
    if (!from.startsWith(".")) return checkModule(file, line, from)
    const target = path.posix.join(path.posix.dirname(file), from)
    if (!target.startsWith("src/")) return [`${file}:${line} may not import ${target}, which lies outside src`]
    const own = roomOf(file)
    const room = roomOf(target)
    if (room === own) return []
    const place = `${file}:${line}`
    if (floorOf(room) === -1) return [`${place} imports ${target}, which is in no room`]
    if (floorOf(room) <= floorOf(own)) return [`${place} may not import ${room}: imports only go down`]
    const allowed = MAY_SEE[own]
    if (allowed !== undefined && !allowed.includes(room)) return [`${place} may not import ${room}: ${own} sees only ${allowed.join(", ")}`]
    if (room === "wire" && own !== "server" && own !== "cli") return [`${place} may not import wire: only server and cli see a wire type`]
    if (!WITHOUT_DOOR.includes(room) && target !== `src/${room}/index.ts`) {
        return [`${place} reaches past the door of ${room}; import src/${room}/index.ts`]
    }
    return []
}

function checkModule(file: string, line: number, from: string): string[] {
    const reserved = RESERVED.find(({ modules }) => modules.includes(from))
    if (reserved !== undefined && !reserved.places.some((place) => file.startsWith(place))) {
        return [`${file}:${line} may not import ${from}: ${reserved.why}`]
    }
    if (["node:process", "process"].includes(from) && roomOf(file) !== "bin") {
        return [`${file}:${line} may not import ${from}: its parts would pass unseen; only bin reads the surroundings`]
    }
    return []
}

function checkSurroundings(source: Source): string[] {
    if (roomOf(source.path) === "bin") return []
    return SURROUNDINGS.flatMap(({ pattern, name, instead }) =>
        [...source.code.matchAll(pattern)].map(
            (match) => `${source.path}:${lineOf(source, match.index)} uses ${name}, which only bin may; ${instead}`,
        ),
    )
}
