import { parseFile, parseRoleName } from "../../tuf/index.ts"
import type { WireFile } from "../daemon-types.ts"
import { shellWord } from "../shell-word.ts"
import { naturally } from "./natural-order.ts"

/** A tag whose signature ends with its repository's history. `roles`: who held it. */
export type LostTag = { readonly tag: string; readonly sha256: string; readonly length: number; readonly roles: readonly string[] }

/** What is signed in the newest metadata of targets and the delegations. One tag may stand there with several digests. */
export function lostTags(documents: readonly WireFile[]): readonly LostTag[] {
    const lost = new Map<string, LostTag>()
    for (const { role, content } of documents) {
        const { document } = parseFile(content, parseRoleName(role)).signed
        if (document.type !== "targets") continue
        for (const [tag, { hashes, length }] of document.targets) {
            const sha256 = Buffer.from(hashes.get("sha256") ?? []).toString("hex")
            if (sha256 === "") continue
            const name = `${tag} ${sha256} ${length}`
            const known = lost.get(name)
            lost.set(name, { tag, sha256, length, roles: [...(known?.roles ?? []), role] })
        }
    }
    return [...lost.values()].sort((a, b) => naturally(a.tag, b.tag))
}

/** Lines for a shell, and for a person who decides which of them are still right. */
export function signAgainLines(gun: string, tags: readonly LostTag[]): readonly string[] {
    if (tags.length === 0) return [`No tag of ${gun} was signed.`]
    return [
        tags.length === 1
            ? "One tag loses its signature. To sign it again, as it was:"
            : `${tags.length} tags lose their signatures. To sign them again, as they were:`,
        ...tags.map(
            ({ tag, sha256, length, roles }) =>
                `  trustkey trust sign ${shellWord(`${gun}:${tag}`)} --digest sha256:${sha256} --size ${length}   # ${roles.join(", ")}`,
        ),
    ]
}

/** What the stock clients say to a new history while the root of the old one is in their cache; observed with notary 0.7 and docker 20.10. */
export const STOCK_MESSAGES = {
    stale: "Error while downloading remote metadata, using cached timestamp - this might not be the latest version available remotely",
    refused: "could not rotate trust to a new trusted root: failed to validate data with current trusted certificates",
    inspect: "No signatures or cannot access",
    pinned: "could not validate the path to a trusted root: unable to match any certificates to trust_pinning config",
    ours: "root version 1 is served with other content than we trust",
    oursNewer: "rollback_detected",
} as const

/** For everybody who uses the repository: what to do, and what happens to whoever does nothing. */
export function consumerNotice(gun: string): readonly string[] {
    const place = shellWord(`tuf/${gun}`)
    return [
        `Everybody who has used ${gun} on a machine does this there, once, after the new root is published:`,
        `  docker, trustkey  rm -r ~/.docker/trust/${place}   (below DOCKER_CONFIG, if that is set)`,
        `  notary            rm -r ~/.notary/${place}   (below trust_dir of its configuration)`,
        "  pinned roots      put the new root certificate ID in the place of the old one: trust_pinning in notary's configuration, trustkey trust pin set",
        "  images of CI      the same, where one of these directories is baked in or kept",
        `Then compare: docker trust inspect --pretty ${gun} has to show the Root Key that you tell them by another way.`,
        "",
        "Whoever does nothing:",
        `  until the new root is published   docker and notary trust what they have cached, up to 14 days: "${STOCK_MESSAGES.stale}"`,
        `  from then on, docker and notary   pull, list and sign nothing: "${STOCK_MESSAGES.refused}"`,
        `  docker trust inspect              "${STOCK_MESSAGES.inspect} ${gun}"`,
        `  notary with the old root pinned   "${STOCK_MESSAGES.pinned}"`,
        `  trustkey                          "${STOCK_MESSAGES.ours} [verification_failed]", or [rollback_detected]`,
        "  docker without content trust      checks nothing, and notices nothing",
        "Machines that have never used it notice nothing.",
    ]
}
