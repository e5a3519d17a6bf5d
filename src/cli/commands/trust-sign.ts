import { type Command, Option } from "commander"
import { TrustkeyError } from "../../errors.ts"
import type { FileMeta } from "../../tuf/index.ts"
import type { Cli } from "../context.ts"
import { versionsText } from "../present.ts"
import { jsonOption, newCommand, wholeNumber, withExamples, withPassphrase, withPin } from "../syntax.ts"
import type { TagRole } from "../trust/build-update.ts"
import type { DigestOptions } from "../trust/digest.ts"
import type { Prepared, SecretOptions } from "../trust/sign-tag.ts"

type SignOptions = DigestOptions & SecretOptions & { renew?: boolean; json?: boolean }

export function trustSignCommand(cli: Cli): Command {
    const command = newCommand(cli, "sign", "Sign a tag: into every delegation we have a key for, or into targets where there is none.")
        .argument("<image>", "the image with its tag, as docker takes it")
        .option("--digest <digest>", "what is signed: sha256: and 64 hex digits, from whoever built the image")
        .addOption(new Option("--size <bytes>", "the manifest's length, when the registry can't be asked").argParser(wholeNumber(1)))
        .option("--from-registry", "sign what the registry says the tag is, unseen")
        .option("--renew", "sign again although nothing changes, for a new expiry date")
        .addOption(jsonOption())
        .action((image: string, options: SignOptions) => sign(cli, image, options))
    return withExamples(withPin(withPassphrase(command)), [
        "trustkey trust sign registry.example.com/team/app:v1 --digest sha256:5d1f...e0",
        "trustkey trust sign registry.example.com/team/app:v1 --digest sha256:5d1f...e0 --size 1362",
        "trustkey trust sign registry.example.com/team/app:v1 --from-registry",
    ])
}

async function sign(cli: Cli, image: string, options: SignOptions): Promise<void> {
    const { openSession } = await import("../trust/session.ts")
    const { whatToSign } = await import("../trust/digest.ts")
    const { imageMeta, sameImage } = await import("../trust/build-update.ts")
    const { placesFor, publishUpdates, whenNobodyInterferes } = await import("../trust/sign-tag.ts")
    const session = await openSession(cli, image, "push")
    const { tag } = session.reference
    if (tag === undefined) throw new TrustkeyError("usage", `name the tag to sign: ${session.gun}:TAG`)
    const { digest, size } = await whatToSign(session, options)
    const meta = imageMeta(digest, size)
    const daemon = await cli.daemon()
    const roles = await whenNobodyInterferes(session, daemon, async (prepared) => {
        const places = placesFor(session, prepared, tag)
        warnIfNotPulled(cli, prepared, places)
        if (options.renew !== true && places.every(({ document }) => sameImage(document?.targets.get(tag), meta))) return []
        const updates = places.map((place) => ({ place, change: (tags: Map<string, FileMeta>) => void tags.set(tag, meta) }))
        return publishUpdates(session, daemon, prepared, updates, options)
    })
    if (options.json === true) cli.output.json({ gun: session.gun, tag, digest, size, changed: roles.length > 0, roles })
    else if (roles.length === 0) cli.output.line(`${session.gun}:${tag} is already signed with ${digest}`)
    else cli.output.line(`Signed ${session.gun}:${tag} as ${digest} in ${versionsText(roles)}`)
}

function warnIfNotPulled(cli: Cli, prepared: Prepared, places: readonly TagRole[]): void {
    const isReleases = ({ role }: TagRole): boolean => role === "targets/releases"
    if (!prepared.roles.some(isReleases) || places.some(isReleases)) return
    cli.warnOnce("we have no key for targets/releases, which is where docker pull looks first in a repository with signers")
}
