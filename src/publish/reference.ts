import { TrustkeyError } from "../errors.ts"
import { type Gun, parseGun } from "../tuf/index.ts"
import type { DockerPlace } from "./place.ts"

export type ImageReference = {
    /** As the user wrote it */
    readonly text: string
    /** `docker.io/library/alpine` */
    readonly gun: Gun
    /** `host[:port]`; `docker.io` for Docker Hub */
    readonly registry: string
    /** The name below the registry: `library/alpine` */
    readonly repository: string
    readonly tag: string | undefined
    /** `sha256:` and 64 hex digits */
    readonly digest: string | undefined
}

const HUB = "docker.io"
const HUB_TRUST_SERVER = "https://notary.docker.io"

const DOMAIN_PART = "[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
const DOMAIN = new RegExp(`^${DOMAIN_PART}(?:\\.${DOMAIN_PART})*(?::[0-9]{1,5})?$`)
const REPOSITORY_PART = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/
const TAG = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/
const DIGEST = /^sha256:[0-9a-f]{64}$/
const MAX_TEXT = 1024

/**
 * `alpine`, `team/app:v1`, `localhost:5000/app@sha256:…` as docker reads them (distribution/reference, ParseNormalizedNamed). No tag is
 * filled in.
 *
 * @throws invalid_request
 */
export function parseReference(text: string): ImageReference {
    if (text.length > MAX_TEXT) throw refuse(text.slice(0, 40), `is longer than ${MAX_TEXT} characters`)
    const [named, digest, ...more] = text.split("@")
    if (named === undefined || more.length > 0) throw refuse(text, "has more than one @")
    if (digest !== undefined && !DIGEST.test(digest)) throw refuse(text, "has a digest that isn't sha256: and 64 hexadecimal digits")
    if (/^[0-9a-f]{64}$/.test(named)) {
        throw new TrustkeyError("invalid_request", `invalid repository name (${named}), cannot specify 64-byte hexadecimal strings`)
    }

    const { registry, remainder } = splitDomain(named)
    const [path = "", tag, ...rest] = remainder.split(":")
    if (rest.length > 0) throw refuse(text, "has more than one tag")
    if (tag !== undefined && !TAG.test(tag)) throw refuse(text, "has a tag with characters that tags don't have")
    if (!DOMAIN.test(registry)) throw refuse(text, "doesn't start with a host name")
    const repository = registry === HUB && !path.includes("/") ? `library/${path}` : path
    if (repository !== repository.toLowerCase()) {
        throw new TrustkeyError("invalid_request", `invalid reference format: repository name (${repository}) must be lowercase`)
    }
    if (!repository.split("/").every((part) => REPOSITORY_PART.test(part))) throw refuse(text, "isn't the name of a repository")
    return { text, gun: parseGun(`${registry}/${repository}`), registry, repository, tag, digest }
}

/** What is signed may have any name; a tag may not. */
export function isTag(text: string): boolean {
    return TAG.test(text)
}

/** What stands before the first slash is a host if it looks like one, and nothing else tells. */
function splitDomain(named: string): { registry: string; remainder: string } {
    const slash = named.indexOf("/")
    const first = slash === -1 ? "" : named.slice(0, slash)
    const isHost = first.includes(".") || first.includes(":") || first === "localhost"
    if (!isHost) return { registry: HUB, remainder: named }
    return { registry: first === "index.docker.io" ? HUB : first, remainder: named.slice(slash + 1) }
}

function refuse(text: string, why: string): TrustkeyError {
    return new TrustkeyError("invalid_request", `invalid reference format: ${JSON.stringify(text)} ${why}`)
}

/**
 * The server docker asks: the one it is told to, else Hub's for Hub's images, else the registry's host. No slash at the end.
 *
 * @throws usage: the one it is told to is no https URL
 */
export function trustServerUrl(reference: ImageReference, place: DockerPlace): string {
    const told = place.trustServer ?? ""
    if (told === "") return reference.registry === HUB ? HUB_TRUST_SERVER : `https://${reference.registry}`
    if (!/^https:\/\/[^/]/i.test(told) || !URL.canParse(told))
        throw new TrustkeyError("usage", `valid https URL required for trust server, got ${redacted(told)}`)
    const url = new URL(told)
    if (url.username !== "" || url.password !== "")
        throw new TrustkeyError("usage", "the trust server's URL must not carry a user name or password")
    if (url.search !== "" || url.hash !== "")
        throw new TrustkeyError("usage", `the trust server's URL has a ? or # part: ${JSON.stringify(redacted(told))}`)
    return told.replace(/\/+$/, "")
}

function redacted(text: string): string {
    // Whoever puts a password into a URL should not find it in a log.
    return text.slice(0, 200).replace(/\/\/[^/]*@/, "//…@")
}

/** `host[:port]` of the registry's HTTP API. */
export function registryHost(reference: ImageReference): string {
    return reference.registry === HUB ? "registry-1.docker.io" : reference.registry
}

/** The name under which docker keeps the credentials. */
export function credentialsName(reference: ImageReference): string {
    return reference.registry === HUB ? "https://index.docker.io/v1/" : reference.registry
}
