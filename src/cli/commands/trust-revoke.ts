import type { Command } from "commander"
import { TrustkeyError } from "../../errors.ts"
import type { Cli } from "../context.ts"
import { versionsText } from "../present.ts"
import { newCommand, withExamples, withPassphrase, withPin } from "../syntax.ts"
import type { TagRole } from "../trust/build-update.ts"
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
    const { openSession } = await import("../trust/session.ts")
    const { publishUpdates, whenNobodyInterferes } = await import("../trust/sign-tag.ts")
    const session = await openSession(cli, image, "push")
    const { tag, digest } = session.reference
    if (digest !== undefined) throw new TrustkeyError("usage", "a tag is revoked, not a digest")
    const what = tag === undefined ? `all tags of ${session.gun}` : `${session.gun}:${tag}`
    if (tag === undefined && options.yes !== true && !(await (await cli.prompts()).confirm(`Revoke ${what}?`, "--yes"))) {
        throw new TrustkeyError("declined", "nothing was revoked")
    }
    const daemon = await cli.daemon()
    const { published, left } = await whenNobodyInterferes(session, daemon, async (prepared) => {
        const { holding, places } = placesOf(prepared, tag, what)
        const updates = places.map((place) => ({
            place,
            change: (tags: Map<string, unknown>) => (tag === undefined ? tags.clear() : void tags.delete(tag)),
        }))
        return {
            published: await publishUpdates(session, daemon, prepared, updates, options),
            left: holding.filter((role) => !places.includes(role)),
        }
    })
    cli.output.line(`Revoked ${what} in ${versionsText(published)}`)
    if (left.length > 0) cli.output.warn(`still signed in ${left.map(({ role }) => role).join(", ")}: those keys are held elsewhere`)
}

/** Roles that hold the tag, and those of them we can sign. @throws target_unknown, not_found */
function placesOf(prepared: Prepared, tag: string | undefined, what: string): { holding: readonly TagRole[]; places: readonly TagRole[] } {
    const holding = prepared.roles.filter(({ document }) =>
        tag === undefined ? (document?.targets.size ?? 0) > 0 : document?.targets.has(tag) === true,
    )
    if (holding.length === 0) throw new TrustkeyError("target_unknown", `nothing is signed for ${what}`)
    const places = holding.filter(({ role, keyIds }) => keyIds.some((id) => prepared.keys.canUse(role, id)))
    if (places.length === 0)
        throw new TrustkeyError("not_found", `no key you may use here can sign ${holding.map(({ role }) => role).join(", ")}`)
    return { holding, places }
}
