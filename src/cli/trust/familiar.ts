import { type ImageReference, parseReference } from "../../publish/index.ts"

/** A repository's name as docker shows it: Docker Hub's host and its `library` are left out, as long as it still means the same. */
export function familiarName({ gun }: Pick<ImageReference, "gun">): string {
    const short = [/^docker\.io\/library\/([^/]+)$/, /^docker\.io\/(.+)$/].flatMap((pattern) => pattern.exec(gun)?.[1] ?? [])
    return short.find((name) => parseReference(name).gun === gun) ?? gun
}

/** `alpine:3.20`; `latest` where no tag is named. */
export function familiarTagged(reference: ImageReference): string {
    return `${familiarName(reference)}:${reference.tag ?? "latest"}`
}
