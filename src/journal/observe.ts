import { TrustkeyError } from "../errors.ts"
import type { Change } from "../storage/index.ts"
import type { MetadataFile, RoleName } from "../tuf/index.ts"
import { markOf, type RepositoryState } from "./repository.ts"

/** What a verified publication changes: nothing is changed until `apply` runs, after `changes` are on disk. */
export type Observation = { readonly changes: readonly Change[]; readonly published: readonly RoleName[]; readonly apply: () => void }

/**
 * Compare verified published files with what we know. Marks only rise (TK-JRN-4). A promise of ours that somebody else's
 * publication overtook leaves the outbox; its version stays spent.
 *
 * @throws rollback_detected: a role is older than it was seen before.
 * @throws verification_failed: one version, two contents.
 */
export function planObservation(state: RepositoryState, files: readonly MetadataFile[]): Observation {
    const place = { gun: state.gun, lineage: state.lineage }
    const changes: Change[] = []
    const left: RoleName[] = []
    const steps: (() => void)[] = []
    const putDocument = (file: MetadataFile): void => {
        const { version, sha256 } = markOf(file.signed)
        changes.push({ kind: "document.put", ...place, role: file.role, version, sha256, content: file.content })
        steps.push(() => state.putDocument(file))
    }
    for (const file of [...files].sort((a, b) => a.signed.document.version - b.signed.document.version)) {
        const role = file.role
        const mark = markOf(file.signed)
        const known = role === "root" ? publishedRoot(state, mark.version) : state.published.get(role)
        if (known !== undefined && mark.version < known.version) {
            throw new TrustkeyError(
                "rollback_detected",
                `${role} version ${mark.version} is served, but version ${known.version} was published before`,
            )
        }
        if (known !== undefined && mark.version === known.version) {
            if (mark.sha256 !== known.sha256) {
                throw new TrustkeyError("verification_failed", `${role} version ${mark.version} was published before with other content`)
            }
            // A voided root took the files made with it along: what is published is the newest again.
            const waits = state.outbox.some((waiting) => waiting.role === role)
            if (role !== "root" && !waits && state.documents.get(role)?.signed.sha256 !== mark.sha256) putDocument(file)
        } else {
            changes.push({ kind: "published.raise", ...place, role, version: mark.version, sha256: mark.sha256 })
            if (mark.version > (state.marks.get(role)?.version ?? 0)) {
                changes.push({ kind: "mark.raise", ...place, role, ...mark })
                steps.push(() => state.marks.set(role, mark))
            }
            if (role === "root") {
                changes.push({ kind: "root.insert", ...place, version: mark.version, content: file.content })
                steps.push(() => state.publishedRoots.push(file))
            } else if (mark.version >= (state.documents.get(role)?.signed.document.version ?? 0)) {
                putDocument(file)
            }
            steps.push(() => state.published.set(role, { version: mark.version, sha256: mark.sha256 }))
        }
        for (const waiting of state.outbox) {
            const waitingVersion = waiting.signed.document.version
            if (waiting.role !== role || (role === "root" ? waitingVersion !== mark.version : waitingVersion > mark.version)) continue
            changes.push({ kind: "outbox.remove", ...place, role, version: waitingVersion })
            if (!left.includes(role)) left.push(role)
            steps.push(() => {
                state.outbox = state.outbox.filter((other) => other !== waiting)
            })
        }
    }
    const apply = (): void => {
        for (const step of steps) step()
    }
    return { changes, published: left, apply }
}

/** Roots are walked one by one, so an old one presented again is no rollback: compare it with itself. */
function publishedRoot(state: RepositoryState, version: number): { version: number; sha256: string } | undefined {
    const same = state.publishedRoots.find((root) => root.signed.document.version === version)
    return same === undefined ? undefined : { version, sha256: same.signed.sha256 }
}
