import { TrustkeyError } from "../errors.ts"
import { type Gun, parseTufKey, type RoleName, type TufKey } from "../tuf/index.ts"
import { AuthorizedServer } from "./authorization.ts"
import { Connections } from "./connections.ts"
import { credentialsFor } from "./credentials.ts"
import { type HttpAnswer, HttpFailure, type HttpQuestion } from "./exchange.ts"
import { encodeMultipart } from "./multipart.ts"
import { errorCodes, type Party, refusalOf, trustServerParty } from "./party.ts"
import type { DockerPlace } from "./place.ts"
import { credentialsName, type ImageReference, trustServerUrl } from "./reference.ts"

export type PublishedFile = { readonly role: RoleName; readonly content: Uint8Array }

/**
 * A Notary server's HTTP API (/v2/<GUN>/_trust/tuf/). Nothing it answers is believed here. Every method may throw server_unreachable,
 * server_refused, server_error and login_needed.
 */
export interface TrustServer {
    /** `https://host[:port]`, as docker would write it */
    readonly url: string
    /**
     * A metadata file by name without `.json`: `timestamp`, `3.root`, `targets/releases.<64 hex>`. Undefined: the server has none.
     *
     * @throws verification_failed: it is longer than `maxBytes` (16 MiB)
     */
    get(gun: Gun, name: string, maxBytes?: number): Promise<Buffer | undefined>
    /** The public key the server signs `role` with, made now if there is none. @throws metadata_rejected */
    key(gun: Gun, role: "timestamp" | "snapshot"): Promise<TufKey>
    /** A new key for `role`; it counts once a root names it. Needs the scope `*`. @throws metadata_rejected */
    newKey(gun: Gun, role: "timestamp" | "snapshot"): Promise<TufKey>
    /** All files or none. When it throws server_unreachable they may have been taken all the same. Sent once, never again by itself. */
    post(gun: Gun, files: readonly PublishedFile[]): Promise<void>
    /** Delete all versions of all files. Needs the scope `*`. */
    remove(gun: Gun): Promise<void>
}

const MAX_FILE = 16 * 1024 * 1024
const MAX_KEY = 64 * 1024
const MAX_RECEIPT = 64 * 1024
const MAX_NAME = 512

/**
 * The trust server of `reference`, spoken to with TLS that is always verified. `actions` is what a token is asked for. Nothing is sent yet.
 *
 * @throws usage, config_invalid
 */
export async function openTrustServer(reference: ImageReference, place: DockerPlace, actions: "pull" | "push"): Promise<TrustServer> {
    const url = trustServerUrl(reference, place)
    const base = new URL(url)
    const party = trustServerParty(base.host)
    // docker looks the credentials up under the registry, whatever the trust server's name.
    const findCredentials = () => credentialsFor(credentialsName(reference), place)
    const server = new AuthorizedServer(new Connections(place, "trust server", base), base, party, findCredentials)
    return new NotaryServer(url, party, server, actions === "push" ? "push,pull" : "pull")
}

class NotaryServer implements TrustServer {
    readonly url: string
    readonly #party: Party
    readonly #server: AuthorizedServer
    readonly #actions: string

    constructor(url: string, party: Party, server: AuthorizedServer, actions: string) {
        this.url = url
        this.#party = party
        this.#server = server
        this.#actions = actions
    }

    async get(gun: Gun, name: string, maxBytes: number = MAX_FILE): Promise<Buffer | undefined> {
        if (name.length > MAX_NAME || !/^[-a-z0-9_/.]+$/.test(name) || name.includes("..")) {
            throw new TrustkeyError("invalid_request", "not the name of a metadata file")
        }
        try {
            const answer = await this.#ask({ method: "GET", url: this.#url(gun, `${name}.json`), maxBytes }, gun)
            if (answer.status === 404 && !errorCodes(answer).includes("INVALID_GUN")) return undefined
            if (answer.status !== 200) throw refusalOf(answer, this.#party)
            return answer.body
        } catch (error) {
            if (!(error instanceof HttpFailure)) throw error
            throw new TrustkeyError("verification_failed", `${this.#party.name} ${error.message} for ${name}, which can't be right`, {
                cause: error,
            })
        }
    }

    async key(gun: Gun, role: "timestamp" | "snapshot"): Promise<TufKey> {
        return await this.#key({ method: "GET", url: this.#url(gun, `${role}.key`), maxBytes: MAX_KEY }, gun, "push,pull")
    }

    async newKey(gun: Gun, role: "timestamp" | "snapshot"): Promise<TufKey> {
        const body = new Uint8Array()
        return await this.#key({ method: "POST", url: this.#url(gun, `${role}.key`), body, maxBytes: MAX_KEY }, gun, "*")
    }

    async post(gun: Gun, files: readonly PublishedFile[]): Promise<void> {
        const { contentType, body } = encodeMultipart(files.map(({ role, content }) => ({ name: "files", fileName: role, content })))
        const question = { url: this.#url(gun, ""), headers: { "content-type": contentType }, body, maxBytes: MAX_RECEIPT }
        await this.#change({ method: "POST", ...question }, gun, "push,pull")
    }

    async remove(gun: Gun): Promise<void> {
        await this.#change({ method: "DELETE", url: this.#url(gun, ""), maxBytes: MAX_RECEIPT }, gun, "*")
    }

    async #key(question: HttpQuestion, gun: Gun, actions: string): Promise<TufKey> {
        return parseTufKey((await this.#change(question, gun, actions)).body)
    }

    /** Anything but a 200 is a refusal: a redirected POST would have been taken by nobody. */
    async #change(question: HttpQuestion, gun: Gun, actions: string): Promise<HttpAnswer> {
        try {
            const answer = await this.#ask(question, gun, actions)
            if (answer.status !== 200) throw refusalOf(answer, this.#party)
            return answer
        } catch (error) {
            if (!(error instanceof HttpFailure)) throw error
            throw new TrustkeyError(this.#party.failed, `${this.#party.name} ${error.message}`, { cause: error })
        }
    }

    async #ask(question: HttpQuestion, gun: Gun, actions: string = this.#actions): Promise<HttpAnswer> {
        return await this.#server.ask(question, `repository:${gun}:${actions}`)
    }

    #url(gun: Gun, file: string): URL {
        return new URL(`${this.url}/v2/${gun}/_trust/tuf/${file}`)
    }
}
