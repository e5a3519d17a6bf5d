import { TrustkeyError } from "../errors.ts"
import {
    delegationOf,
    type Gun,
    type KeyRole,
    type MetadataFile,
    parentOf,
    parseFile,
    type RoleName,
    type RootDocument,
    verifyThreshold,
} from "../tuf/index.ts"
import type { TrustCache } from "./trust-cache.ts"

export type FetchedFiles = {
    readonly timestamp: MetadataFile
    readonly snapshot: MetadataFile
    readonly targets: MetadataFile
    readonly delegations: readonly MetadataFile[]
}

/**
 * The version of each role that was verified here before, so that nothing older is taken. A cached file counts as long as the keys that
 * count now have signed it: with new keys an owner gets out of a version number a thief ran up (TUF 5.3.11).
 *
 * @throws verification_failed: a version seen before has other content now
 */
export async function versionsSeen(
    cache: TrustCache,
    gun: Gun,
    root: RootDocument,
    files: FetchedFiles,
): Promise<ReadonlyMap<RoleName, number>> {
    const fetched = new Map([files.timestamp, files.snapshot, files.targets, ...files.delegations].map((file) => [file.role, file]))
    const versions = new Map<RoleName, number>()
    for (const [role, file] of fetched) {
        const seen = await readSeen(cache, gun, role)
        if (seen === undefined || !isSignedByCurrentKeys(seen, root, fetched)) continue
        versions.set(role, seen.signed.document.version)
        if (seen.signed.document.version === file.signed.document.version && seen.signed.sha256 !== file.signed.sha256) {
            throw new TrustkeyError(
                "verification_failed",
                `${role} version ${file.signed.document.version} was seen before with other content`,
            )
        }
    }
    return versions
}

/** A damaged cached file tells nothing; unlike the root it is not what trust starts from. */
async function readSeen(cache: TrustCache, gun: Gun, role: RoleName): Promise<MetadataFile | undefined> {
    try {
        const content = await cache.read(gun, role)
        return content === undefined ? undefined : parseFile(content, role)
    } catch (error) {
        if (error instanceof TrustkeyError && (error.code === "metadata_rejected" || error.code === "payload_too_large")) return undefined
        throw error
    }
}

function isSignedByCurrentKeys(seen: MetadataFile, root: RootDocument, fetched: ReadonlyMap<RoleName, MetadataFile>): boolean {
    const parent = parentOf(seen.role)
    const delegating = parent === undefined ? undefined : fetched.get(parent)?.signed.document
    const keys = delegating?.type === "targets" ? delegating.delegations.keys : root.keys
    const role: KeyRole | undefined = delegating?.type === "targets" ? delegationOf(delegating, seen.role) : baseRole(root, seen.role)
    if (role === undefined) return false
    try {
        verifyThreshold(seen.signed, seen.signatures, keys, role)
        return true
    } catch (error) {
        if (error instanceof TrustkeyError) return false
        throw error
    }
}

function baseRole(root: RootDocument, name: RoleName): KeyRole | undefined {
    return new Map<string, KeyRole>(root.roles).get(name)
}
