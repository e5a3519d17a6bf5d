import { TrustkeyError } from "../../errors.ts"
import { type ImageReference, openRegistry, type Registry } from "../../publish/index.ts"
import type { Engine } from "../engine/engine.ts"
import { dockerPlace, type TrustSession } from "./session.ts"

export type DigestOptions = { digest?: string; size?: number; fromRegistry?: boolean; local?: boolean; json?: boolean }
export type SignedImage = { readonly digest: string; readonly size: number }

/**
 * Where what is signed comes from. That there is one says that nothing is missing; `learn` finds out the digest, and with an engine that is
 * where the image is pushed. `beforePush` refuses what could not be signed: nothing is pushed then.
 */
export type ImageSource = { learn(beforePush: () => Promise<void>): Promise<SignedImage> }

/** The flags alone. @throws usage */
export function checkDigestOptions({ digest, size, fromRegistry, local }: DigestOptions): void {
    if (digest !== undefined && !/^sha256:[0-9a-f]{64}$/.test(digest))
        throw new TrustkeyError("usage", "--digest is sha256: and 64 hex digits")
    if (size !== undefined && digest === undefined) throw new TrustkeyError("usage", "--size goes with --digest")
    const given = [local === true ? "--local" : "", digest === undefined ? "" : "--digest", fromRegistry === true ? "--from-registry" : ""]
    const [first, second] = given.filter((flag) => flag !== "")
    if (second !== undefined) throw new TrustkeyError("usage", `${first} and ${second} exclude each other`)
}

/**
 * What is to be signed. A given --digest always works; the engine's own digest of the image does; what the registry says counts only when
 * somebody asked for it, or said yes to it.
 *
 * @throws digest_required, digest_mismatch, not_found, declined, engine_unreachable, and what registry and engine throw
 */
export async function findImage(session: TrustSession, options: DigestOptions, openEngine: () => Promise<Engine>): Promise<ImageSource> {
    const { reference } = session
    const { digest } = options
    if (digest !== undefined) return known({ digest, size: options.size ?? (await sizeAtRegistry(session, digest)) })
    if (options.fromRegistry === true) return known(await fromRegistry(session))
    const { engine, problem } = await engineWith(reference, openEngine)
    if (engine !== undefined) {
        return {
            learn: async (beforePush) => {
                await beforePush()
                return await pushed(session, engine, options.json === true)
            },
        }
    }
    const prompts = await session.cli.prompts()
    if (options.local === true || !prompts.possible) throw problem
    session.cli.output.note(problem.message)
    const image = await fromRegistry(session)
    if (!(await prompts.confirm("Sign this digest?", "--from-registry or --digest")))
        throw new TrustkeyError("declined", "nothing was signed")
    return known(image)
}

function known(image: SignedImage): ImageSource {
    return { learn: () => Promise.resolve(image) }
}

/** The engine, if it answers and has the image; else why not. */
async function engineWith(
    reference: ImageReference,
    openEngine: () => Promise<Engine>,
): Promise<{ engine: Engine; problem?: undefined } | { engine?: undefined; problem: TrustkeyError }> {
    try {
        const engine = await openEngine()
        if ((await engine.image(reference.text)) !== undefined) return { engine }
        const message = `No such image: ${reference.text}`
        return { problem: new TrustkeyError("digest_required", message) }
    } catch (error) {
        if (error instanceof TrustkeyError && error.code === "engine_unreachable") return { problem: error }
        throw error
    }
}

/** Sent by the engine, and what the engine says it sent; a registry that then serves something else is not believed. */
async function pushed(session: TrustSession, engine: Engine, quiet: boolean): Promise<SignedImage> {
    const { reference, cli } = session
    cli.output.note(`Signing and pushing trust data for local image ${reference.text}, may overwrite remote trust data`)
    const registry = openingRegistry(session, reference)
    const image = await engine.push(reference, { progress: quiet ? "stderr" : "stdout" })
    await checkServed(session, reference, image, registry)
    return image
}

/**
 * The engine's word is what counts, and a registry that serves something else is refused. One we can't ask is no contradiction: an engine
 * may know a way to it, an authority or a login, that we don't.
 *
 * @throws digest_mismatch, not_found, registry_refused
 */
export async function checkServed(
    session: TrustSession,
    reference: ImageReference,
    { digest, size }: SignedImage,
    registry = openingRegistry(session, reference),
): Promise<void> {
    const served = await whatIsServed(session, reference, registry)
    if (served === undefined || (served.digest === digest && served.size === size)) return
    throw new TrustkeyError(
        "digest_mismatch",
        `the engine pushed ${reference.text} as ${digest} (${size} bytes), and ${reference.registry} serves ${served.digest} (${served.size} bytes)`,
    )
}

/** While the engine pushes. Whether it can be reached is asked when its answer is wanted. */
function openingRegistry(session: TrustSession, reference: ImageReference): Promise<Registry> {
    const opening = openRegistry(reference, dockerPlace(session.cli))
    opening.catch(() => {})
    return opening
}

async function whatIsServed(
    session: TrustSession,
    reference: ImageReference,
    registry: Promise<Registry>,
): Promise<SignedImage | undefined> {
    try {
        return await (await registry).resolve(reference)
    } catch (error) {
        if (!(error instanceof TrustkeyError) || !["registry_unreachable", "login_needed"].includes(error.code)) throw error
        session.cli.warnOnce(`not compared with what the registry serves: ${error.message}`)
        return undefined
    }
}

async function fromRegistry(session: TrustSession): Promise<SignedImage> {
    const { reference, cli } = session
    const { digest, size, mediaType } = await resolve(session, reference)
    cli.output.note(`${reference.registry} says ${reference.text} is ${digest} (${size} bytes, ${mediaType}).`)
    return { digest, size }
}

async function sizeAtRegistry(session: TrustSession, digest: string): Promise<number> {
    try {
        return (await resolve(session, { ...session.reference, digest })).size
    } catch (error) {
        if (!(error instanceof TrustkeyError) || error.code === "digest_mismatch") throw error
        const message = `the size of ${digest} can't be learned from the registry (${error.message}); give --size, the manifest's length in bytes`
        throw new TrustkeyError("digest_required", message, { cause: error })
    }
}

async function resolve(session: TrustSession, reference: ImageReference): Promise<{ digest: string; size: number; mediaType: string }> {
    const registry = await openRegistry(reference, dockerPlace(session.cli))
    return registry.resolve(reference)
}
