import type { Command } from "commander"
import { TrustkeyError } from "../../errors.ts"
import type { Cli } from "../context.ts"
import { printable, shortId } from "../output.ts"
import { jsonOption, newCommand, withExamples } from "../syntax.ts"
import type { RepositoryView } from "../trust/view.ts"

type Described = RepositoryView & { readonly name: string; readonly gun: string; readonly server: string }

export function trustShowCommand(cli: Cli): Command {
    const command = newCommand(cli, "show", "Show who has signed what in a repository, verified as docker would.")
        .argument("<image...>", "images, with or without a tag")
        .addOption(jsonOption())
        .action((images: readonly string[], options: { json?: boolean }) => showAll(cli, images, options.json === true))
    return withExamples(command, [
        "trustkey trust show registry.example.com/team/app",
        "trustkey trust show --json registry.example.com/team/app:v1",
    ])
}

/** Those that can be shown are shown; then the first failure decides the exit code. */
async function showAll(cli: Cli, images: readonly string[], json: boolean): Promise<void> {
    const described: Described[] = []
    const failures: { image: string; error: TrustkeyError }[] = []
    for (const image of images) {
        try {
            described.push(await describe(cli, image))
        } catch (error) {
            if (!(error instanceof TrustkeyError)) throw error
            failures.push({ image, error })
        }
    }
    if (json) cli.output.json({ images: described })
    else for (const [index, view] of described.entries()) print(cli, view, index > 0)
    for (const { image, error } of failures.slice(1)) cli.output.warn(`${printable(image)}: ${printable(error.message)} [${error.code}]`)
    const first = failures[0]
    if (first !== undefined) throw first.error
}

async function describe(cli: Cli, image: string): Promise<Described> {
    const { openSession } = await import("../trust/session.ts")
    const { viewOf } = await import("../trust/view.ts")
    const session = await openSession(cli, image, "pull")
    return { name: image, gun: session.gun, server: session.server.url, ...viewOf(await session.fetchToUse(), session.reference.tag) }
}

function print(cli: Cli, view: Described, separate: boolean): void {
    const { output } = cli
    if (separate) output.line()
    output.line(view.signedTags.length === 0 ? `No signatures for ${view.name}` : `Signatures for ${view.name}`)
    if (view.signedTags.length > 0) {
        output.line()
        output.table(
            ["SIGNED TAG", "DIGEST", "SIGNERS"],
            view.signedTags.map(({ tag, digest, signers }) => [tag, digest, signers.join(", ")]),
        )
    }
    if (view.signers.length > 0) {
        output.line()
        output.line(`Signers and their keys for ${view.gun}`)
        output.line()
        output.table(
            ["SIGNER", "KEYS"],
            view.signers.map(({ name, keyIds }) => [name, keyIds.map(shortId).join(", ")]),
        )
    }
    output.line()
    output.line(`Administrative keys for ${view.gun}`)
    output.line()
    output.facts([
        ["  Repository Key:", view.administrativeKeys.repository.join(", ")],
        ["  Root Key:", view.administrativeKeys.root.join(", ")],
    ])
    output.line()
    output.table(
        ["ROLE", "VERSION", "EXPIRES", "THRESHOLD", "KEYS"],
        view.roles.map(({ role, version, expires, threshold, keyIds }) => [
            role,
            String(version),
            expires.slice(0, 10),
            `${threshold} of ${keyIds.length}`,
            keyIds.map(shortId).join(", "),
        ]),
    )
}
