import type { ImageReference } from "../../publish/index.ts"
import type { FileMeta } from "../../tuf/index.ts"
import type { Daemon } from "../daemon-types.ts"
import { imageMeta, rolesToSign, sameImage } from "./build-update.ts"
import { checkServed } from "./digest.ts"
import { initRepository, planRepository, type RepositoryPlan } from "./init-repository.ts"
import type { TrustSession } from "./session.ts"
import { warnOfPlaces } from "./sign-image.ts"
import { lookUp, openKeys, type Prepared, placesFor, publishUpdates, type SecretOptions, whenNobodyInterferes } from "./sign-tag.ts"

const NEW_REPOSITORY = { algorithm: "p256", makeRoot: true } as const

export type PushedImage = { readonly tag: string; readonly digest: string; readonly size: number }

/** What a repository that isn't there yet will be made of; undefined: it is there. */
export type PlannedRepository = Disposable & { readonly plan: RepositoryPlan | undefined }

/**
 * Whoever can't sign should find out before anything is pushed: no daemon, a repository it doesn't know, no key for the tag, a passphrase
 * that is wrong, nobody to ask for one. `tag` undefined: tags that are not known yet.
 *
 * @throws what signing would throw for these
 */
export async function prepareToSign(
    session: TrustSession,
    daemon: Daemon,
    tag: string | undefined,
    options: SecretOptions,
): Promise<PlannedRepository> {
    const prepared = await lookUp(session, daemon)
    if (prepared === undefined) {
        const plan = await planRepository(session, daemon, { ...options, ...NEW_REPOSITORY })
        return { plan, [Symbol.dispose]: () => plan[Symbol.dispose]() }
    }
    const { roles, keys } = prepared
    // No tag begins with nothing: what may sign that may sign any.
    const places = tag === undefined ? rolesToSign(roles, "", (role, id) => keys.canUse(role, id)) : placesFor(session, prepared, tag)
    await openKeys(session, daemon, prepared, places, options)
    return { plan: undefined, [Symbol.dispose]: () => {} }
}

/**
 * Sign what was pushed, as docker push does: into every delegation we have keys for, else into targets, in a repository that is begun if
 * need be. What the registry serves in its place is not signed.
 */
export async function signPushed(
    session: TrustSession,
    daemon: Daemon,
    image: PushedImage,
    options: SecretOptions & { readonly plan?: RepositoryPlan | undefined },
): Promise<void> {
    const { cli, gun, reference } = session
    const tagged: ImageReference = { ...reference, text: `${gun}:${image.tag}`, tag: image.tag }
    await checkServed(session, tagged, image)
    const publish = (prepared: Prepared): Promise<void> => publishTag(session, daemon, prepared, image, options)
    await whenNobodyInterferes(session, daemon, publish, {
        whenNew: async () => {
            await initRepository(session, { ...options, ...NEW_REPOSITORY })
            cli.output.line(`Finished initializing "${gun}"`)
            await whenNobodyInterferes(session, daemon, publish)
        },
    })
    cli.output.line(`Successfully signed ${gun}:${image.tag}`)
}

async function publishTag(
    session: TrustSession,
    daemon: Daemon,
    prepared: Prepared,
    { tag, digest, size }: PushedImage,
    options: SecretOptions,
): Promise<void> {
    const meta = imageMeta(digest, size)
    const places = placesFor(session, prepared, tag)
    warnOfPlaces(session, prepared, places, tag, {})
    if (places.every(({ document }) => sameImage(document?.targets.get(tag), meta))) return
    const updates = places.map((place) => ({ place, change: (tags: Map<string, FileMeta>) => void tags.set(tag, meta) }))
    await publishUpdates(session, daemon, prepared, updates, options)
}
