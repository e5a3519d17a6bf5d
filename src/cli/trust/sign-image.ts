import { TrustkeyError } from "../../errors.ts"
import type { FileMeta } from "../../tuf/index.ts"
import type { Cli } from "../context.ts"
import { printable } from "../output.ts"
import { imageMeta, releasedMeta, sameImage, signersOf, type TagRole } from "./build-update.ts"
import { RELEASES } from "./delegations.ts"
import { checkDigestOptions, type DigestOptions, findImage, type ImageSource } from "./digest.ts"
import { OurKeys } from "./our-keys.ts"
import { faultsInDockersWords } from "./resolve-tag.ts"
import { openSession, type TrustSession } from "./session.ts"
import { openKeys, type Prepared, type Published, placesFor, publishUpdates, type SecretOptions, whenNobodyInterferes } from "./sign-tag.ts"

export type SignOptions = DigestOptions &
    SecretOptions & { renew?: boolean; resign?: boolean; as?: string; rootKey?: string; group?: string; json?: boolean }

/** docker trust sign. */
export async function signImage(cli: Cli, image: string, options: SignOptions): Promise<void> {
    checkDigestOptions(options)
    const session = await openSession(cli, image, "push")
    const signing = new ImageSigning(session, options)
    const daemon = await cli.daemon()
    const roles = await faultsInDockersWords(session, () =>
        whenNobodyInterferes(session, daemon, (prepared) => signing.publish(prepared), {
            whenNew: async () => {
                await signing.begin()
                return whenNobodyInterferes(session, daemon, (prepared) => signing.publish(prepared))
            },
        }),
    )
    signing.report(roles)
}

/** One image on its way to its signature. What has been learned, asked or said stays so when another signer was faster. */
class ImageSigning {
    readonly #session: TrustSession
    readonly #options: SignOptions
    readonly #tag: string
    #source: ImageSource | undefined
    #learned: FileMeta | undefined
    #signed: FileMeta | undefined
    #said = false
    #pushed = false

    /** @throws usage, in docker's words */
    constructor(session: TrustSession, options: SignOptions) {
        const { text, tag, digest } = session.reference
        if (digest !== undefined) throw new TrustkeyError("usage", "cannot use a digest reference for IMAGE:TAG")
        if (tag === undefined) throw new TrustkeyError("usage", `no tag specified for ${text}`)
        this.#session = session
        this.#options = options
        this.#tag = tag
    }

    /** A repository that isn't there yet. Whatever can be wrong is found before the first key is made. */
    async begin(): Promise<void> {
        const { firstSigner, signerFromLogin } = await import("./first-signer.ts")
        const { initRepository } = await import("./init-repository.ts")
        const { oneRoot } = await import("./first-root.ts")
        const session = this.#session
        await this.#find()
        const signer = await signerFromLogin(session, this.#options.as)
        const { rootKey, ...others } = this.#options
        const options = { ...others, ...oneRoot(rootKey), algorithm: "p256", makeRoot: true } as const
        await initRepository(session, { ...options, signers: firstSigner(session, signer, options) })
        this.#line(`Created signer: ${signer.name}`)
        this.#line(`Finished initializing signed repository for ${session.reference.text}`)
    }

    async publish(prepared: Prepared): Promise<readonly Published[]> {
        const places = placesFor(this.#session, prepared, this.#tag)
        warnOfPlaces(this.#session, prepared, places, this.#tag, this.#options)
        const { digest, local, fromRegistry } = this.#options
        const isAsked = digest !== undefined || local === true || fromRegistry === true
        const released = isAsked || this.#learned !== undefined ? undefined : releasedMeta(prepared.roles, this.#tag)
        const meta = released ?? (await this.#learn(prepared, places))
        this.#signed = meta
        if (released === undefined) this.#sayOnce("Signing and pushing trust metadata")
        else this.#sayExisting(prepared, released)
        if (this.#options.renew !== true && places.every(({ document }) => sameImage(document?.targets.get(this.#tag), meta))) return []
        const updates = places.map((place) => ({ place, change: (tags: Map<string, FileMeta>) => this.#change(place, tags, meta) }))
        return publishUpdates(this.#session, await this.#session.cli.daemon(), await this.#afterPush(prepared), updates, this.#options)
    }

    report(roles: readonly Published[]): void {
        const { cli, gun } = this.#session
        if (this.#options.json === true && this.#signed !== undefined) {
            const hex = Buffer.from(this.#signed.hashes.get("sha256") ?? []).toString("hex")
            const image = { digest: `sha256:${hex}`, size: this.#signed.length }
            cli.output.json({ gun, tag: this.#tag, ...image, changed: roles.length > 0, roles })
        }
        this.#line(`Successfully signed ${gun}:${this.#tag}`)
    }

    async #find(): Promise<ImageSource> {
        this.#source ??= await findImage(this.#session, this.#options, async () => {
            const { openEngine } = await import("../engine/engine.ts")
            return openEngine(this.#session.cli)
        })
        return this.#source
    }

    async #learn(prepared: Prepared, places: readonly TagRole[]): Promise<FileMeta> {
        if (this.#learned !== undefined) return this.#learned
        const { digest, size } = await (await this.#find()).learn(async () => {
            await openKeys(this.#session, await this.#session.cli.daemon(), prepared, places, this.#options)
            this.#pushed = true
        })
        this.#learned = imageMeta(digest, size)
        return this.#learned
    }

    /** A large image takes its time, and what was open before may have been locked since. */
    async #afterPush(prepared: Prepared): Promise<Prepared> {
        if (!this.#pushed) return prepared
        return { ...prepared, keys: await OurKeys.load(await this.#session.cli.daemon(), this.#session.gun) }
    }

    #change(place: TagRole, tags: Map<string, FileMeta>, meta: FileMeta): void {
        if (this.#options.resign === true) for (const [tag, left] of place.stale?.targets ?? []) tags.set(tag, left)
        tags.set(this.#tag, meta)
    }

    #sayExisting({ roles }: Prepared, meta: FileMeta): void {
        const { reference } = this.#session
        const hex = Buffer.from(meta.hashes.get("sha256") ?? []).toString("hex")
        const signers = signersOf(roles, this.#tag, meta).join(", ")
        this.#sayOnce(
            `Signing and pushing trust metadata for ${reference.text}`,
            `Existing signatures for tag ${this.#tag} digest ${hex} from:`,
            printable(signers),
        )
    }

    #sayOnce(...lines: readonly string[]): void {
        if (this.#said) return
        this.#said = true
        for (const line of lines) this.#line(line)
    }

    /** docker's lines; with --json there is one document and nothing else. */
    #line(text: string): void {
        if (this.#options.json !== true) this.#session.cli.output.line(text)
    }
}

/** What a person should know before a tag goes into these roles. */
export function warnOfPlaces(
    { cli }: TrustSession,
    { roles }: Prepared,
    places: readonly TagRole[],
    tag: string,
    { resign }: { resign?: boolean },
): void {
    for (const { role, stale } of places) {
        const tags = [...(stale?.targets.keys() ?? [])].filter((other) => other !== tag)
        if (tags.length === 0 || resign === true) continue
        cli.warnOnce(
            `the published ${role} is not signed by the keys it is delegated to now, so nobody can pull what it names (${tags.join(", ")}); it is begun anew without that, or with it: --resign`,
        )
    }
    const isReleases = ({ role }: TagRole): boolean => role === RELEASES
    if (!roles.some(isReleases) || places.some(isReleases)) return
    cli.warnOnce("we have no key for targets/releases, which is where docker pull looks first in a repository with signers")
}
