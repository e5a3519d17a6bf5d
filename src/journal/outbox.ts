import { TrustkeyError } from "../errors.ts"
import type { Change } from "../storage/index.ts"
import type { MetadataFile } from "../tuf/index.ts"
import { markOf, type RepositoryState } from "./repository.ts"

/** What changes when complete files go into the outbox: nothing is changed until `apply` runs. */
export type Release = { readonly changes: readonly Change[]; readonly apply: () => void }

/** @param at when, RFC 3339. @throws rollback_refused: see Journal.release */
export function planRelease(state: RepositoryState, files: readonly MetadataFile[], at: string): Release {
    const place = { gun: state.gun, lineage: state.lineage }
    const changes: Change[] = []
    const steps: (() => void)[] = []
    for (const file of files) {
        const { version, sha256 } = markOf(file.signed)
        requirePromised(state, file)
        if (isKnown(state, file) || isOvertaken(state, file)) continue
        requireUnpublished(state, file)
        // An unpublished older file is of no use any more, but for roots: clients walk them one by one.
        const replaced = (waiting: MetadataFile): boolean =>
            waiting.role === file.role && (file.role !== "root" || waiting.signed.document.version === version)
        for (const older of state.outbox.filter(replaced)) {
            changes.push({ kind: "outbox.remove", ...place, role: older.role, version: older.signed.document.version })
            steps.push(() => {
                state.outbox = state.outbox.filter((other) => other !== older)
            })
        }
        changes.push({ kind: "outbox.put", ...place, role: file.role, version, sha256, content: file.content, at })
        steps.push(() => state.outbox.push(file))
        if (file.role !== "root") {
            changes.push({ kind: "document.put", ...place, role: file.role, version, sha256, content: file.content })
            steps.push(() => state.putDocument(file))
        }
    }
    const apply = (): void => {
        for (const step of steps) step()
    }
    return { changes, apply }
}

/** On disk alone: memory is its caller's. */
export function emptyOutbox(state: RepositoryState, which: (file: MetadataFile) => boolean): Change[] {
    return state.outbox.filter(which).map((file) => ({
        kind: "outbox.remove",
        gun: state.gun,
        lineage: state.lineage,
        role: file.role,
        version: file.signed.document.version,
    }))
}

/** While the last signature was made, its root may have been voided or its lineage ended. */
function requirePromised(state: RepositoryState, file: MetadataFile): void {
    const { version, sha256 } = markOf(file.signed)
    const mark = state.marks.get(file.role)
    if (mark !== undefined && (mark.version > version || (mark.version === version && mark.sha256 === sha256))) return
    throw new TrustkeyError(
        "rollback_refused",
        `${file.role} version ${version} is not promised any more: it was voided, or trust was reset`,
    )
}

/** Roots are never: clients walk them one by one. */
function isOvertaken(state: RepositoryState, file: MetadataFile): boolean {
    return (state.documents.get(file.role)?.signed.document.version ?? 0) > file.signed.document.version
}

/** A server takes a version once. Another file of it could only mislead the snapshot that names it. */
function requireUnpublished(state: RepositoryState, { role, signed }: MetadataFile): void {
    const { version } = signed.document
    if ((state.published.get(role)?.version ?? 0) < version) return
    throw new TrustkeyError("rollback_refused", `${role} version ${version} is published already, as another file; take the next version`)
}

function isKnown(state: RepositoryState, file: MetadataFile): boolean {
    const same = (other: MetadataFile): boolean => other.role === file.role && Buffer.from(other.content).equals(file.content)
    return state.outbox.some(same) || state.publishedRoots.some(same) || [...state.documents.values()].some(same)
}
