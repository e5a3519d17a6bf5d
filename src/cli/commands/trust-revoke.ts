import type { Command } from "commander"
import { TrustkeyError } from "../../errors.ts"
import type { Cli } from "../context.ts"
import { shortId } from "../output.ts"
import { newCommand, withExamples, withPassphrase, withPin } from "../syntax.ts"
import type { TagRole } from "../trust/build-update.ts"
import type { TrustSession } from "../trust/session.ts"
import type { Prepared, SecretOptions } from "../trust/sign-tag.ts"

type RevokeOptions = SecretOptions & { yes?: boolean }

export function trustRevokeCommand(cli: Cli): Command {
    const command = newCommand(
        cli,
        "revoke",
        "Take a tag, or all tags, out of the trust data. Who has cached the old data trusts it until it expires.",
    )
        .argument("<image>", "the image with its tag; without one all tags are meant")
        .option("-y, --yes", "don't ask before revoking all tags")
        .action((image: string, options: RevokeOptions) => revoke(cli, image, options))
    return withExamples(withPin(withPassphrase(command)), [
        "trustkey trust revoke registry.example.com/team/app:v1",
        "trustkey trust revoke registry.example.com/team/app --yes",
    ])
}

async function revoke(cli: Cli, image: string, options: RevokeOptions): Promise<void> {
    const { parseReference } = await import("../../publish/index.ts")
    // Before anybody is asked, or anything loaded.
    const { tag, digest } = parseReference(image)
    if (digest !== undefined) throw new TrustkeyError("usage", "cannot use a digest reference for IMAGE:TAG")
    const question = `Confirm you would like to delete all signature data for ${image}?`
    if (tag === undefined && options.yes !== true && !(await (await cli.prompts()).confirm(question, "--yes"))) {
        throw new TrustkeyError("declined", "nothing was revoked")
    }
    const { openSession } = await import("../trust/session.ts")
    const session = await openSession(cli, image, "push")
    const left = await inDockersWords(image, () => takeOut(session, options))
    cli.output.line(`Successfully deleted signature for ${image}`)
    for (const place of left) cli.output.warn(`still signed in ${place.role}, ${holdersText(place)}; no pull trusts it there`)
}

/** @returns the roles that still hold the tags, and that nobody pulls by */
async function takeOut(session: TrustSession, options: RevokeOptions): Promise<readonly TagRole[]> {
    const { knownRepository } = await import("../trust/session.ts")
    const { publishUpdates, whenNobodyInterferes } = await import("../trust/sign-tag.ts")
    const { tag } = session.reference
    const daemon = await session.cli.daemon()
    if ((await knownRepository(daemon, session.gun)) === undefined && (await session.fetchToRenew(undefined)) === undefined) {
        throw new TrustkeyError("no_trust_data", `${new URL(session.server.url).host} does not have trust data for ${session.gun}`)
    }
    return await whenNobodyInterferes(session, daemon, async (prepared) => {
        const { holding, places } = placesOf(prepared, tag)
        const updates = places.map((place) => ({
            place,
            change: (tags: Map<string, unknown>) => (tag === undefined ? tags.clear() : void tags.delete(tag)),
        }))
        await publishUpdates(session, daemon, prepared, updates, options)
        return holding.filter((role) => !places.includes(role))
    })
}

/** What a pull trusts: docker looks into releases first, then into targets. */
const PULLED: readonly string[] = ["targets/releases", "targets"]

/**
 * Roles that hold the tag (targets too, which docker forgets once there are signers), and those of them we can sign.
 *
 * @throws target_unknown; not_found when a pull would go on trusting the tag: taken out of releases alone, an older image under the same
 * tag in targets would come to light again
 */
function placesOf(prepared: Prepared, tag: string | undefined): { holding: readonly TagRole[]; places: readonly TagRole[] } {
    const { roles, keys } = prepared
    const holding = roles.filter(({ document }) =>
        tag === undefined ? (document?.targets.size ?? 0) > 0 : document?.targets.has(tag) === true,
    )
    if (!holding.some(({ role }) => PULLED.includes(role))) {
        throw new TrustkeyError("target_unknown", tag === undefined ? "no signed tags to remove" : `No valid trust data for ${tag}`)
    }
    const places = holding.filter(({ role, keyIds }) => keyIds.some((id) => keys.canUse(role, id)))
    const missing = holding.filter((role) => PULLED.includes(role.role) && !places.includes(role))
    if (missing.length > 0) {
        const where = missing.map((role) => `${role.role}, ${holdersText(role)}`).join("; ")
        const reason = missing.some(({ role }) => role !== "targets")
            ? "no valid signing keys for delegation roles"
            : "no valid signing key for targets"
        throw new TrustkeyError("not_found", `${reason}\nit would still be trusted in ${where}; nothing was changed`)
    }
    return { holding, places }
}

function holdersText({ keyIds, threshold }: TagRole): string {
    const ids = keyIds.map(shortId).join(", ")
    if (keyIds.length === 0) return "which has no keys"
    if (threshold > 1) return `which takes ${threshold} of the keys ${ids}`
    return keyIds.length === 1 ? `whose key ${ids} is not usable here` : `none of whose keys (${ids}) is usable here`
}

/** docker's words before whatever went wrong; the code stays. */
async function inDockersWords<T>(image: string, work: () => Promise<T>): Promise<T> {
    try {
        return await work()
    } catch (error) {
        if (!(error instanceof TrustkeyError)) throw error
        throw new TrustkeyError(error.code, `could not remove signature for ${image}: ${error.message}`, { cause: error })
    }
}
