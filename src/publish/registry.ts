import { sha256 } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import { AuthorizedServer } from "./authorization.ts"
import { Connections, isLoopback } from "./connections.ts"
import { credentialsFor } from "./credentials.ts"
import { type HttpAnswer, HttpFailure } from "./exchange.ts"
import { asRefusal, type Party, parseFields, refusalOf, registryParty } from "./party.ts"
import type { DockerPlace } from "./place.ts"
import { credentialsName, type ImageReference, registryHost } from "./reference.ts"

/** `digest`: `sha256:` and 64 hex digits, computed from the manifest's bytes. `size`: how many these are. */
export type ResolvedImage = { readonly digest: string; readonly size: number; readonly mediaType: string }

export interface Registry {
    /**
     * What the registry serves for the reference's digest, else its tag, else `latest`.
     *
     * @throws digest_mismatch: it serves other bytes than the digest asked for, or than it says
     * @throws not_found, registry_unreachable, registry_refused, login_needed
     */
    resolve(reference: ImageReference): Promise<ResolvedImage>
}

const MAX_MANIFEST = 4 * 1024 * 1024

const MANIFEST_TYPES = [
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
]

/**
 * The registry of `reference`. Plain HTTP only with a registry on this machine, named so, that can't speak TLS.
 *
 * @throws registry_unreachable, config_invalid
 */
export async function openRegistry(reference: ImageReference, place: DockerPlace): Promise<Registry> {
    const host = registryHost(reference)
    const secure = new URL(`https://${host}`)
    const party = registryParty(host)
    const connections = new Connections(place, "registry", secure)
    const isSecure = await speaksTls(secure, connections, party)
    const base = isSecure ? secure : new URL(`http://${host}`)
    const findCredentials = () => credentialsFor(credentialsName(reference), place)
    const server = new AuthorizedServer(isSecure ? connections : new Connections(place, "registry", base), base, party, findCredentials)
    return {
        resolve: async (image) => {
            if (image.registry !== reference.registry)
                throw new TrustkeyError("invalid_request", `${image.text} lies in another registry than ${host}`)
            return await resolve(server, base, party, image)
        },
    }
}

async function speaksTls(secure: URL, connections: Connections, party: Party): Promise<boolean> {
    if (!isLoopback(secure)) return true
    try {
        await connections.exchange({ method: "GET", url: new URL("/v2/", secure), maxBytes: MAX_MANIFEST })
        return true
    } catch (error) {
        if (error instanceof HttpFailure && error.kind === "not-tls") return false
        throw asRefusal(error, party)
    }
}

async function resolve(server: AuthorizedServer, base: URL, party: Party, image: ImageReference): Promise<ResolvedImage> {
    const url = new URL(`/v2/${image.repository}/manifests/${image.digest ?? image.tag ?? "latest"}`, base)
    const answer = await askFor(server, url, party, image.repository)
    if (answer.status === 404) throw new TrustkeyError("not_found", `${party.name} has no ${image.text}`)
    if (answer.status !== 200) throw refusalOf(answer, party)
    const digest = `sha256:${sha256(answer.body).toString("hex")}`
    const claimed = answer.headers["docker-content-digest"]
    if (typeof claimed === "string" && claimed.startsWith("sha256:") && claimed !== digest) {
        throw new TrustkeyError(
            "digest_mismatch",
            `${party.name} says ${image.text} is ${JSON.stringify(claimed.slice(0, 80))} and sends ${digest}`,
        )
    }
    if (image.digest !== undefined && image.digest !== digest) {
        throw new TrustkeyError("digest_mismatch", `${party.name} sends ${digest} when asked for ${image.digest}`)
    }
    return { digest, size: answer.body.length, mediaType: mediaTypeOf(answer, party) }
}

async function askFor(server: AuthorizedServer, url: URL, party: Party, repository: string): Promise<HttpAnswer> {
    const headers = { accept: MANIFEST_TYPES.join(", ") }
    try {
        return await server.ask({ method: "GET", url, headers, maxBytes: MAX_MANIFEST }, `repository:${repository}:pull`)
    } catch (error) {
        throw asRefusal(error, party)
    }
}

/** A manifest that is one thing by its header and another by its content reads differently to different programs (CVE-2021-41190). */
function mediaTypeOf(answer: HttpAnswer, party: Party): string {
    const header = (answer.headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase() ?? ""
    const { mediaType, manifests, layers, config } = parseManifest(answer.body, party)
    if (!MANIFEST_TYPES.includes(header))
        throw new TrustkeyError("registry_refused", `${party.name} sends something other than an image manifest`)
    const isList = header.includes("list") || header.includes("index")
    const fits =
        (mediaType === undefined || mediaType === header) &&
        (isList ? layers === undefined && config === undefined : manifests === undefined)
    if (!fits) throw new TrustkeyError("registry_refused", `${party.name} sends a manifest whose content contradicts its type`)
    return header
}

function parseManifest(body: Buffer, party: Party): Record<string, unknown> {
    try {
        return parseFields(JSON.parse(body.toString("utf8")))
    } catch {
        throw new TrustkeyError("registry_refused", `${party.name} sends a manifest that isn't JSON`)
    }
}
