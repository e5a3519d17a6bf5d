import type { Command } from "commander"
import { type ErrorCode, TrustkeyError } from "../../errors.ts"
import type { Cli } from "../context.ts"
import { exitCodeOf } from "../exit-code.ts"
import { newCommand, withExamples } from "../syntax.ts"
import type { DockerRepository } from "../trust/docker-inspect.ts"

export function trustInspectCommand(cli: Cli): Command {
    const command = newCommand(
        cli,
        "inspect",
        "Show tags, signers and keys of repositories in docker's own form, verified as docker would.",
    )
        .argument("<image...>", "images, with or without a tag")
        .option("--pretty", "print tables for people instead of JSON")
        .action((images: readonly string[], options: { pretty?: boolean }) => inspect(cli, images, options.pretty === true))
    return withExamples(command, [
        "trustkey trust inspect registry.example.com/team/app:v1",
        "trustkey trust inspect --pretty registry.example.com/team/app",
    ])
}

type Failure = { readonly image: string; readonly error: TrustkeyError }

/** As JSON those that can be shown are shown, and all failures told; tables end at the first failure. */
async function inspect(cli: Cli, images: readonly string[], pretty: boolean): Promise<void> {
    const { inspectJson, inspectPretty } = await import("../trust/docker-inspect.ts")
    const write = (text: string): void => cli.output.bytes(Buffer.from(text))
    const found: DockerRepository[] = []
    const failures: Failure[] = []
    for (const [index, image] of images.entries()) {
        try {
            const repository = await describe(cli, image)
            found.push(repository)
            if (pretty) write(inspectPretty(repository) + (index < images.length - 1 ? "\n\n" : ""))
        } catch (error) {
            if (!(error instanceof TrustkeyError)) throw error
            if (pretty) throw together([{ image, error }])
            failures.push({ image, error })
        }
    }
    if (!pretty) write(inspectJson(found))
    if (failures.length > 0) throw together(failures)
}

async function describe(cli: Cli, image: string): Promise<DockerRepository> {
    const { openSession } = await import("../trust/session.ts")
    const { dockerView } = await import("../trust/view.ts")
    const session = await openSession(cli, image, "pull")
    const { tag, digest } = session.reference
    return dockerView(await session.fetchToShow(), image, digest === undefined ? tag : undefined)
}

/** Before anything was asked of a server: docker says these as they are. */
const OF_THE_REQUEST: readonly ErrorCode[] = ["invalid_request", "usage", "config_invalid"]

/**
 * docker's lines first, which are the same for a repository nobody signed, a server that is down and an attack. Why it was follows,
 * and the code is that of the worst, so that none of them passes for another.
 */
function together(failures: readonly Failure[]): TrustkeyError {
    const lines = failures.map(({ image, error }) =>
        OF_THE_REQUEST.includes(error.code) ? error.message : `no signatures or cannot access ${image}`,
    )
    const unsaid = failures.filter(({ error }) => error.code !== "no_trust_data" && !OF_THE_REQUEST.includes(error.code))
    const reasons = unsaid.map(({ image, error }) => (failures.length === 1 ? error.message : `${image}: ${error.message} (${error.code})`))
    const worst = failures.reduce((one, other) => (severity(other) > severity(one) ? other : one))
    return new TrustkeyError(worst.error.code, [...lines, ...reasons].join("\n"), { cause: worst.error })
}

/** What may be an attack before everything else, then what the server can't answer now. */
function severity({ error }: Failure): number {
    const code = exitCodeOf(error.code)
    return code === 7 ? 3 : code === 1 || code === 6 ? 2 : error.code === "no_trust_data" ? 0 : 1
}
