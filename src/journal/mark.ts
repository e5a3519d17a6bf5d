import { TrustkeyError } from "../errors.ts"

/** The newest promise made, or publication seen, for one role of one lineage. */
export type Mark = {
    readonly version: number
    /** Of the canonical `signed` bytes, lowercase hex. */
    readonly sha256: string
    /** RFC 3339, UTC */
    readonly expires: string
}

/**
 * TK-JRN-1: a role of a lineage never moves backwards. TK-JRN-2: one content per version.
 *
 * @throws rollback_refused, equivocation_refused
 */
export function checkMark(role: string, mark: Mark | undefined, next: Mark): void {
    if (mark === undefined) return
    if (next.version < mark.version) {
        throw new TrustkeyError(
            "rollback_refused",
            `${role} version ${next.version} is older than ${mark.version}, which is already promised or published`,
        )
    }
    if (next.version > mark.version) {
        // TUF 5.3.3: clients walk roots one by one, so a gap would end the walk. Every other role may jump.
        if (role === "root" && next.version !== mark.version + 1) {
            throw new TrustkeyError("root_rejected", `root version ${next.version} does not follow ${mark.version}`)
        }
        return
    }
    // Same version, same bytes: a retry after a lost reply. Harmless, so allowed.
    if (next.sha256 === mark.sha256) return
    // Only a root may not leave a version out.
    const advice = role === "root" ? "finish that one, or void it with journal void while nobody has published it" : "take the next version"
    throw new TrustkeyError("equivocation_refused", `${role} version ${next.version} was already promised with other content; ${advice}`)
}
