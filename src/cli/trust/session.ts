import path from "node:path"
import { TrustkeyError } from "../../errors.ts"
import {
    type CurrentRepository,
    checkPinsOfNewRoot,
    checkPinsOfNextRoot,
    type DockerPlace,
    type FetchOptions,
    fetchRepository,
    type ImageReference,
    isServerAway,
    keepRepository,
    keptRepository,
    openTrustCache,
    openTrustServer,
    parseReference,
    publishFiles,
    readTrustPins,
    type TrustCache,
    type TrustPins,
    type TrustServer,
    withLastTimestamp,
} from "../../publish/index.ts"
import {
    certificateKey,
    type Gun,
    isExpired,
    type MetadataFile,
    type NextKeys,
    parseFile,
    parseRoleName,
    ROOT,
    TIMESTAMP,
} from "../../tuf/index.ts"
import { pinFiles } from "../client-files.ts"
import type { Cli } from "../context.ts"
import type { Daemon, DaemonRepository, WireFile } from "../daemon-types.ts"
import { daysLeft, inDays } from "../expiry.ts"

/** Where docker keeps its things, by its own variables. */
export function dockerPlace(cli: Cli): DockerPlace {
    const { env } = cli.context
    // Credential helpers inherit it, and passphrases are none of their business.
    const environment = Object.fromEntries(Object.entries(env).filter(([name]) => !/PASSPHRASE/.test(name)))
    return { configDirectory: dockerDirectory(cli), trustServer: env["DOCKER_CONTENT_TRUST_SERVER"], environment }
}

export function dockerDirectory(cli: Cli): string {
    const { env, home, docker } = cli.context
    const configured = docker.configDirectory ?? env["DOCKER_CONFIG"] ?? ""
    return configured === "" ? path.join(home, ".docker") : configured
}

/**
 * `evenRoot`: an expired root is no obstacle either. `evenTimestamp`: nor is the timestamp of a server that has lost the key for another, which
 * is about to get a new one.
 */
export type RenewOptions = { readonly evenRoot?: boolean; readonly evenTimestamp?: boolean }

/** One repository: what docker calls it, its trust server, and what was verified of it before. */
export class TrustSession {
    readonly cli: Cli
    readonly reference: ImageReference
    readonly server: TrustServer
    readonly cache: TrustCache
    readonly #pins: TrustPins

    constructor(cli: Cli, reference: ImageReference, server: TrustServer, cache: TrustCache, pins: TrustPins) {
        this.cli = cli
        this.reference = reference
        this.server = server
        this.cache = cache
        this.#pins = pins
    }

    get gun(): Gun {
        return this.reference.gun
    }

    /**
     * What the server serves, verified. The daemon's trusted root is a better anchor than the first root met. What has expired and can be
     * renewed is no obstacle to renewing it; an expired timestamp and an expired root are, unless the caller is about to replace them.
     *
     * @throws metadata_expired, and what fetchRepository throws
     */
    async fetchToRenew(known: DaemonRepository | undefined, renewing: RenewOptions = {}): Promise<CurrentRepository | undefined> {
        const trusted = known === undefined ? undefined : trustedRoot(known)
        const accept = ({ verified: { timestamp, root } }: CurrentRepository): void => {
            this.#requireUnexpired([...(renewing.evenTimestamp === true ? [] : [timestamp]), ...(renewing.evenRoot === true ? [] : [root])])
        }
        const options = { pins: this.#pins, ignoreExpiry: true, accept, ...(trusted === undefined ? {} : { trusted }) }
        const server = renewing.evenTimestamp === true ? withLastTimestamp(this.server, markVersion(known, TIMESTAMP) ?? 1) : this.server
        const current = await fetchRepository(server, this.gun, this.cache, this.cli.now, options)
        if (current === undefined) return undefined
        const { snapshot, targets, delegations, timestamp: old } = current.verified
        for (const file of [snapshot, targets, ...delegations.values(), ...(renewing.evenTimestamp === true ? [old] : [])]) {
            if (isExpired(file.signed, this.cli.now))
                this.cli.output.warn(`${file.role} of ${this.gun} expired on ${file.signed.document.expires.toISOString()}`)
        }
        this.#remark(current)
        return current
    }

    /** What the server serves, verified as a client that pulls must. */
    async fetchToUse(): Promise<CurrentRepository> {
        return await this.#fetch({})
    }

    /** The same, to be shown and nothing else: while nobody answers, what was verified here last, as long as it is in date. */
    async fetchToShow(): Promise<CurrentRepository> {
        try {
            return await this.fetchToUse()
        } catch (error) {
            if (!(error instanceof TrustkeyError) || !isServerAway(error)) throw error
            const kept = await keptRepository(this.cache, this.gun, this.cli.now, { pins: this.#pins })
            if (kept === undefined) throw error
            const { current, since } = kept
            const until = current.verified.timestamp.signed.document.expires
            this.cli.output.warn(
                `${error.message}: what is shown of ${this.gun} was verified here on ${dayText(since)}, ${inDays(daysLeft(since, this.cli.now))}, and counts until ${dayText(until)}`,
            )
            return current
        }
    }

    /** The same from the very first root on, for a person to confirm. Nothing of it is kept: see `keep`. */
    async fetchToConfirm(): Promise<CurrentRepository> {
        return await this.#fetch({ wholeRootChain: true, unconfirmed: true })
    }

    /**
     * The same for a repository whose root this machine trusts already: the chain has to go through it. What its owner can renew may have
     * expired. Nothing of it is kept.
     *
     * @throws metadata_expired: the timestamp
     */
    async fetchToTakeIn(): Promise<CurrentRepository> {
        const accept = ({ verified: { timestamp } }: CurrentRepository): void => this.#requireUnexpired([timestamp])
        return await this.#fetch({ wholeRootChain: true, unconfirmed: true, ignoreExpiry: true, accept })
    }

    /** What was confirmed is trusted from now on. */
    async keep(current: CurrentRepository): Promise<void> {
        await this.keepIn(this.cache, current)
    }

    /** The same, from where another cache starts. */
    async keepIn(cache: TrustCache, current: CurrentRepository): Promise<void> {
        await keepRepository(cache, this.gun, current)
    }

    /** Before a root is made that our own pins would refuse. `certificates`: PEM, of all keys of role root. @throws pin_mismatch */
    checkNewRoot(certificates: readonly string[], threshold: number): void {
        checkPinsOfNewRoot(this.#pins.ruleFor(this.gun), this.gun, certificates.map(certificateKey), threshold, this.cli.now)
    }

    /** The same for the root that follows on the published one. @throws pin_mismatch */
    checkNextRoot({ keys, threshold }: NextKeys): void {
        checkPinsOfNextRoot(this.#pins.ruleFor(this.gun), this.gun, keys, threshold, this.cli.now)
    }

    async #fetch(options: FetchOptions): Promise<CurrentRepository> {
        const current = await fetchRepository(this.server, this.gun, this.cache, this.cli.now, { ...options, pins: this.#pins })
        if (current === undefined) throw new TrustkeyError("no_trust_data", `${this.server.url} has no trust data for ${this.gun}`)
        this.#remark(current)
        return current
    }

    /** Show the daemon what is published. It verifies all of it again, raises its marks and clears its outbox. */
    async observe(daemon: Daemon, current: CurrentRepository): Promise<void> {
        await daemon.observe({ gun: this.gun, files: toWire(current.files) })
    }

    /** Send, read back, compare; then the daemon sees it too. */
    async publish(daemon: Daemon, files: readonly WireFile[]): Promise<CurrentRepository> {
        const parsed = files.map(({ role, content }) => ({ role: parseRoleName(role), content }))
        const current = await publishFiles(this.server, this.gun, parsed, this.cache, this.cli.now, { pins: this.#pins })
        await this.observe(daemon, current)
        return current
    }

    /** Files that were signed and never seen published go out before anything new is built on them. Undefined: there were none. */
    async publishOutbox(daemon: Daemon): Promise<CurrentRepository | undefined> {
        const files = await daemon.outbox(this.gun)
        if (files.length === 0) return undefined
        this.cli.output.note(`Publishing what was signed before and not yet published: ${files.map(({ role }) => role).join(", ")}.`)
        return this.publish(daemon, files)
    }

    #requireUnexpired(files: readonly MetadataFile[]): void {
        const expired = files.find(({ signed }) => isExpired(signed, this.cli.now))
        if (expired === undefined) return
        const when = expired.signed.document.expires.toISOString()
        throw new TrustkeyError("metadata_expired", `the ${expired.role} of ${this.gun} expired on ${when}`)
    }

    #remark(current: CurrentRepository): void {
        if (current.onFaith !== undefined)
            this.cli.output.note(`Trusting ${this.gun} on first use: root certificate ID ${current.onFaith.join(", ")}`)
        for (const warning of current.warnings) this.cli.output.warn(warning)
    }
}

/** @throws invalid_request, usage; config_invalid, file_unsafe: the client's configuration */
export async function openSession(cli: Cli, image: string, actions: "pull" | "push"): Promise<TrustSession> {
    const reference = parseReference(image)
    const pins = await readTrustPins(pinFiles(cli))
    const server = await openTrustServer(reference, dockerPlace(cli), actions)
    return new TrustSession(cli, reference, server, openTrustCache(path.join(dockerDirectory(cli), "trust")), pins)
}

/** @throws usage for a tag or digest where a whole repository is meant */
export async function openRepositorySession(cli: Cli, text: string, actions: "pull" | "push"): Promise<TrustSession> {
    const session = await openSession(cli, text, actions)
    if (session.reference.tag !== undefined || session.reference.digest !== undefined) {
        throw new TrustkeyError("usage", `this is about a whole repository: leave out the tag, ${session.gun}`)
    }
    return session
}

export function toWire(files: readonly MetadataFile[]): readonly WireFile[] {
    return files.map(({ role, content }) => ({ role, content }))
}

/** What the daemon knows of a repository, its root only if it was seen published: another can't be an anchor. Undefined: nothing. */
export async function knownRepository(daemon: Daemon, gun: Gun): Promise<DaemonRepository | undefined> {
    const known = await daemon.showTrust(gun)
    if (known.state !== "active") return undefined
    const waiting = known.outbox === 0 ? [] : await daemon.outbox(gun)
    if (!waiting.some(({ role }) => role === ROOT)) return known
    return { ...known, documents: known.documents.filter(({ role }) => role !== ROOT) }
}

function dayText(date: Date): string {
    return date.toISOString().slice(0, 10)
}

function trustedRoot(known: DaemonRepository): MetadataFile | undefined {
    const root = known.documents.find(({ role }) => role === ROOT)
    return root === undefined ? undefined : parseFile(root.content, ROOT)
}

export function markVersion(known: DaemonRepository | undefined, role: string): number | undefined {
    return known?.marks.find((mark) => mark.role === role)?.version
}
