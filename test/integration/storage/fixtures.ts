import path from "node:path"
import { type Change, openSqliteStore, type PromiseRow, type Store } from "../../../src/storage/index.ts"
import { makeWorkingDirectory } from "../../support/temp.ts"

const WORKER = path.resolve(import.meta.dirname, "../../../src/storage/database-worker.ts")

export const GUN = "registry.example.com/team/app"
export const LINEAGE = "ab".repeat(32)
export const AT = "2026-01-02T03:04:05Z"
export const ZEROS = "0".repeat(64)

export const refused = (code: string) => ({ name: "TrustkeyError", code })
export const conflict = (kind: Change["kind"]) => (error: unknown) =>
    error instanceof Error && error.name === "Conflict" && "change" in error && (error.change as Change).kind === kind

export const digest = (byte: number): string => byte.toString(16).padStart(2, "0").repeat(32)
export const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values)
export const setting = (name: string, value: string): Change => ({ kind: "setting.put", name, value })
export const lineage = (gun = GUN, name = LINEAGE): Change => ({ kind: "lineage.insert", gun, lineage: name, origin: "born", at: AT })

export function mark(version: number, sha256: string, role = "targets"): Change {
    return { kind: "mark.raise", gun: GUN, lineage: LINEAGE, role, version, sha256, expires: AT }
}

export function intent(sequence: number, changes: Partial<PromiseRow> = {}): Change {
    const promise: PromiseRow = {
        kind: "notary-metadata",
        gun: GUN,
        lineage: LINEAGE,
        role: "targets",
        version: sequence,
        sha256: digest(sequence % 256),
        keyId: digest(7),
        scheme: "ecdsa",
        bytes: bytes(1, 2, 3),
        at: AT,
        ...changes,
    }
    return { kind: "intent.insert", sequence, promise }
}

export function audit(sequence: number, previous: string, hash: string): Change {
    const event = { at: AT, who: "uid:1(x)", action: "sign", outcome: "ok", gun: GUN, role: "targets", keyId: "", detail: "{}" }
    return { kind: "audit.append", sequence, ...event, previous, hash }
}

export function openStore(directory: string): Promise<Store> {
    return openSqliteStore({ directory, workerFile: WORKER })
}

/** A place where a store can be opened, closed and opened again. */
export type StorePlace = AsyncDisposable & { readonly directory: string; open(): Promise<Store> }

export async function sqlitePlace(): Promise<StorePlace> {
    const directory = await makeWorkingDirectory("storage")
    const stores: Store[] = []
    return {
        directory: directory.path,
        open: async () => {
            const store = await openStore(directory.path)
            stores.push(store)
            return store
        },
        [Symbol.asyncDispose]: async () => {
            for (const store of stores) await store.close()
            await directory.remove()
        },
    }
}
