import { TrustkeyError } from "../errors.ts"
import { canonicalize } from "./canonical.ts"
import { formatExpires } from "./expires.ts"
import { quote } from "./fields.ts"
import type { KeyId, TufKey } from "./key.ts"
import type { Delegation, FileMeta, KeyRole, MetadataDocument, RootDocument, TargetsDocument } from "./metadata.ts"
import { BASE_ROLES } from "./role.ts"
import type { SignedMetadata } from "./signed.ts"

const SHORT = 12

/**
 * What `next` changes, a sentence for each change, fit to be shown to a person who shall agree: whatever a stranger chose in it is on one line
 * and in ASCII. Without `previous`, what `next` holds.
 *
 * @throws invalid_request when the two are of different roles
 */
export function diffMetadata(previous: SignedMetadata | undefined, next: SignedMetadata): readonly string[] {
    if (previous !== undefined && previous.role !== next.role) {
        throw new TrustkeyError("invalid_request", `${next.role} can't be compared with ${previous.role}`)
    }
    const before = previous?.document
    return [...diffHead(before, next.document), ...diffBody(before, next.document)]
}

function diffHead(before: MetadataDocument | undefined, after: MetadataDocument): readonly string[] {
    if (before === undefined) return [`version ${after.version}, expires ${formatExpires(after.expires)}`]
    const sentences: string[] = []
    if (before.version !== after.version) sentences.push(`version ${before.version} becomes ${after.version}`)
    if (before.expires.getTime() !== after.expires.getTime()) {
        const isNear = formatExpires(before.expires) === formatExpires(after.expires)
        const [from, to] = [before.expires, after.expires].map((date) => (isNear ? date.toISOString() : formatExpires(date)))
        sentences.push(`expires ${to} instead of ${from}`)
    }
    return sentences
}

function diffBody(before: MetadataDocument | undefined, after: MetadataDocument): readonly string[] {
    switch (after.type) {
        case "root":
            return diffRoot(before?.type === "root" ? before : undefined, after)
        case "targets":
            return diffTargets(before?.type === "targets" ? before : undefined, after)
        default:
            return diffFiles("file", before?.type === after.type ? before.meta : new Map(), after.meta)
    }
}

function diffRoot(before: RootDocument | undefined, after: RootDocument): readonly string[] {
    const sentences = BASE_ROLES.flatMap((name) => {
        const role = after.roles.get(name)
        return role === undefined ? [] : diffKeyRole(`role ${name}`, before?.roles.get(name), before?.keys, role, after.keys)
    })
    if (before !== undefined && before.consistentSnapshot !== after.consistentSnapshot) {
        sentences.push(`consistent_snapshot becomes ${after.consistentSnapshot}`)
    }
    const inUse = new Set([...after.roles.values()].flatMap(({ keyIds }) => keyIds))
    for (const [id, key] of after.keys) {
        if (before?.keys.has(id) !== true && !inUse.has(id)) sentences.push(`adds ${keyName(id, key)}, which no role uses`)
    }
    for (const [id, key] of before?.keys ?? []) if (!after.keys.has(id)) sentences.push(`forgets ${keyName(id, key)}`)
    return sentences
}

function diffTargets(before: TargetsDocument | undefined, after: TargetsDocument): readonly string[] {
    const sentences = [...diffFiles("tag", before?.targets ?? new Map(), after.targets)]
    const old = new Map((before?.delegations.roles ?? []).map((delegation) => [delegation.name, delegation]))
    for (const delegation of after.delegations.roles) {
        const subject = `delegation ${delegation.name}`
        const was = old.get(delegation.name)
        if (was === undefined) sentences.push(`adds ${subject}, for ${pathsText(delegation)}`)
        else if (pathsText(was) !== pathsText(delegation))
            sentences.push(`${subject} is for ${pathsText(delegation)} instead of ${pathsText(was)}`)
        sentences.push(...diffKeyRole(subject, was, before?.delegations.keys, delegation, after.delegations.keys))
        old.delete(delegation.name)
    }
    for (const name of old.keys()) sentences.push(`removes delegation ${name}`)
    return sentences
}

function diffKeyRole(
    subject: string,
    before: KeyRole | undefined,
    beforeKeys: ReadonlyMap<KeyId, TufKey> | undefined,
    after: KeyRole,
    afterKeys: ReadonlyMap<KeyId, TufKey>,
): readonly string[] {
    const sentences: string[] = []
    const [from, to] = [new Set(before?.keyIds), new Set(after.keyIds)]
    for (const id of to.difference(from)) sentences.push(`${subject} gets ${keyName(id, afterKeys.get(id))}`)
    for (const id of from.difference(to)) sentences.push(`${subject} loses ${keyName(id, beforeKeys?.get(id))}`)
    if (before === undefined) sentences.push(`${subject} needs ${after.threshold} of ${to.size} keys`)
    else if (before.threshold !== after.threshold) {
        sentences.push(`${subject} needs ${after.threshold} of ${to.size} keys instead of ${before.threshold} of ${from.size}`)
    }
    return sentences
}

function diffFiles(noun: string, before: ReadonlyMap<string, FileMeta>, after: ReadonlyMap<string, FileMeta>): readonly string[] {
    const sentences: string[] = []
    for (const [name, meta] of after) {
        const was = before.get(name)
        if (was === undefined) sentences.push(`adds ${noun} ${quote(name)} as ${metaText(meta, SHORT)}`)
        else if (!isSame(was, meta)) sentences.push(`changes ${noun} ${quote(name)} from ${changeText(was, meta)}`)
    }
    for (const [name, meta] of before) {
        if (!after.has(name)) sentences.push(`removes ${noun} ${quote(name)}, which was ${metaText(meta, SHORT)}`)
    }
    return sentences
}

function isSame(left: FileMeta, right: FileMeta): boolean {
    if (left.length !== right.length || left.hashes.size !== right.hashes.size) return false
    for (const [algorithm, hash] of left.hashes)
        if (Buffer.compare(hash, right.hashes.get(algorithm) ?? Buffer.alloc(0)) !== 0) return false
    return customBytes(left).equals(customBytes(right))
}

function customBytes(meta: FileMeta): Buffer {
    return meta.custom === undefined ? Buffer.alloc(0) : canonicalize(meta.custom)
}

function changeText(from: FileMeta, to: FileMeta): string {
    const custom = customBytes(from).equals(customBytes(to)) ? "" : ", and its custom data"
    // Whoever can choose a digest can choose one that begins alike.
    const digits = metaText(from, SHORT) === metaText(to, SHORT) ? undefined : SHORT
    return `${metaText(from, digits)} to ${metaText(to, digits)}${custom}`
}

function metaText(meta: FileMeta, digits: number | undefined): string {
    const hashes =
        digits === undefined ? [...meta.hashes] : [...meta.hashes].filter(([name]) => name === "sha256" || !meta.hashes.has("sha256"))
    const digests = hashes.map(([name, hash]) => `${name}:${Buffer.from(hash).toString("hex").slice(0, digits)}`)
    return `${digests.join(" ")} (${meta.length} bytes)`
}

function keyName(id: KeyId, key: TufKey | undefined): string {
    return `${key?.keytype ?? "unknown"} key ${id.slice(0, SHORT)}`
}

function pathsText({ paths }: Delegation): string {
    if (paths.length === 0) return "no tags"
    if (paths.includes("")) return "all tags"
    return `tags beginning with ${paths.map(quote).join(", ")}`
}
