import { TrustkeyError } from "../errors.ts"
import { bytesOf, integerOf, type Row, type Store, textOf } from "../storage/index.ts"
import { type MetadataFile, parseFile, parseGun, parseRoleName, parseSigned, type RoleName, type SignedMetadata } from "../tuf/index.ts"
import { RepositoryState } from "./repository.ts"

export type Loaded = {
    readonly repositories: Map<string, RepositoryState>
    readonly certificates: Map<string, string>
    /** IDs of the keys that have one. */
    readonly certified: Set<string>
    readonly nextSequence: number
}

/**
 * Everything the journal keeps in memory. `revived`: an ended lineage to be read as if it were the current one.
 *
 * @throws storage_failed when what is stored no longer parses.
 */
export async function loadState(store: Store, revived?: { readonly gun: string; readonly lineage: string }): Promise<Loaded> {
    const repositories = new Map<string, RepositoryState>()
    for (const row of await store.read({ kind: "lineages" })) {
        const gun = understood(row, "gun", parseGun)
        const state = repositories.get(gun) ?? new RepositoryState(gun)
        repositories.set(gun, state)
        const lineage = textOf(row, "lineage")
        if (row["retiredAt"] !== null && !(revived?.gun === gun && revived.lineage === lineage)) {
            state.oldLineages.push(lineage)
            continue
        }
        state.lineage = lineage
        state.origin = textOf(row, "origin") === "adopted" ? "adopted" : "born"
        state.state = "active"
    }
    for (const row of await store.read({ kind: "marks" })) {
        const state = current(repositories, row)
        state?.marks.set(understood(row, "role", parseRoleName), {
            version: integerOf(row, "version"),
            sha256: textOf(row, "sha256"),
            expires: textOf(row, "expires"),
        })
    }
    for (const row of await store.read({ kind: "promised-versions" })) requireMark(current(repositories, row), row)
    for (const row of await store.read({ kind: "published" })) {
        current(repositories, row)?.published.set(understood(row, "role", parseRoleName), {
            version: integerOf(row, "version"),
            sha256: textOf(row, "sha256"),
        })
    }
    for (const state of repositories.values()) {
        if (state.state !== "active") continue
        const place = { gun: state.gun, lineage: state.lineage }
        state.publishedRoots = (await store.read({ kind: "roots", ...place })).map((row) => fileOf(row, "root"))
        for (const row of await store.read({ kind: "documents", ...place })) {
            const file = fileOf(row, textOf(row, "role"))
            state.documents.set(file.role, file)
        }
        for (const [role, { version }] of state.marks) {
            if (!role.startsWith("targets") || version <= (state.documents.get(role)?.signed.document.version ?? 0)) continue
            await loadPromise(store, state, role, version)
        }
        state.outbox = (await store.read({ kind: "outbox", ...place })).map((row) => fileOf(row, textOf(row, "role")))
    }
    const certificates = new Map<string, string>()
    const certified = new Set<string>()
    for (const row of await store.read({ kind: "certificates" })) {
        const keyId = textOf(row, "keyId")
        certificates.set(`${keyId} ${textOf(row, "gun")}`, textOf(row, "pem"))
        certified.add(keyId)
    }
    const [next] = await store.read({ kind: "next-sequence" })
    return { repositories, certificates, certified, nextSequence: next === undefined ? 1 : integerOf(next, "sequence") }
}

/** The body behind a mark that no document has reached. There is none when others signed it. */
async function loadPromise(store: Store, state: RepositoryState, role: RoleName, version: number): Promise<void> {
    const { gun, lineage } = state
    const [promise] = await store.read({ kind: "promises", gun, lineage, role, version })
    if (promise !== undefined) state.expect(parsePromise(promise, role))
}

function current(repositories: ReadonlyMap<string, RepositoryState>, row: Row): RepositoryState | undefined {
    const state = repositories.get(textOf(row, "gun"))
    return state?.lineage === textOf(row, "lineage") ? state : undefined
}

/** A promise and its mark are written together. A mark below a promise was changed by somebody else, or by a failing disk (TK-JRN-1). */
function requireMark(state: RepositoryState | undefined, row: Row): void {
    const role = understood(row, "role", parseRoleName)
    const mark = state?.marks.get(role)?.version ?? 0
    if (state !== undefined && mark < integerOf(row, "version")) {
        throw new TrustkeyError("storage_failed", `the database is damaged: ${role} of ${state.gun} was promised beyond its mark`)
    }
}

function understood<T>(row: Row, column: string, parse: (text: string) => T): T {
    try {
        return parse(textOf(row, column))
    } catch (error) {
        throw new TrustkeyError("storage_failed", `the database is damaged: a stored ${column} does not parse`, { cause: error })
    }
}

function parsePromise(row: Row, role: RoleName): SignedMetadata {
    try {
        return parseSigned(bytesOf(row, "bytes"), role)
    } catch (error) {
        throw new TrustkeyError("storage_failed", `the database is damaged: a promised ${role} does not parse`, { cause: error })
    }
}

export function fileOf(row: Row, role: string): MetadataFile {
    try {
        return parseFile(bytesOf(row, "content"), parseRoleName(role))
    } catch (error) {
        throw new TrustkeyError("storage_failed", `the database is damaged: a stored ${role} file does not parse`, { cause: error })
    }
}
