import { TrustkeyError } from "../../errors.ts"
import { type ImageReference, openRegistry } from "../../publish/index.ts"
import type { TrustSession } from "./session.ts"
import { dockerPlace } from "./session.ts"

export type DigestOptions = { digest?: string; size?: number; fromRegistry?: boolean }
export type SignedImage = { readonly digest: string; readonly size: number }

/**
 * What is to be signed. A given --digest always works; what the registry says counts only when somebody asked for it, or said yes to it.
 *
 * @throws digest_required, digest_mismatch, usage, no_terminal, declined
 */
export async function whatToSign(session: TrustSession, options: DigestOptions): Promise<SignedImage> {
    const { reference } = session
    const digest = givenDigest(reference, options)
    if (digest !== undefined) {
        if (options.fromRegistry === true) throw new TrustkeyError("usage", "--digest and --from-registry exclude each other")
        return { digest, size: options.size ?? (await sizeAtRegistry(session, digest)) }
    }
    if (options.size !== undefined) throw new TrustkeyError("usage", "--size goes with --digest")
    const prompts = await session.cli.prompts()
    if (options.fromRegistry !== true && !prompts.possible) {
        throw new TrustkeyError(
            "digest_required",
            "what is to be signed? Give --digest sha256:... or, to believe the registry, --from-registry",
        )
    }
    const image = await resolve(session, reference)
    session.cli.output.note(`${reference.registry} says ${reference.text} is ${image.digest} (${image.size} bytes, ${image.mediaType}).`)
    if (options.fromRegistry !== true && !(await prompts.confirm("Sign this digest?", "--from-registry or --digest"))) {
        throw new TrustkeyError("declined", "nothing was signed")
    }
    return { digest: image.digest, size: image.size }
}

function givenDigest(reference: ImageReference, options: DigestOptions): string | undefined {
    const { digest } = options
    if (digest !== undefined && !/^sha256:[0-9a-f]{64}$/.test(digest))
        throw new TrustkeyError("usage", "--digest is sha256: and 64 hex digits")
    if (digest !== undefined && reference.digest !== undefined && digest !== reference.digest) {
        throw new TrustkeyError("usage", "the image's name and --digest name different digests")
    }
    return digest ?? reference.digest
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
