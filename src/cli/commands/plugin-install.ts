import path from "node:path"
import type { Command } from "commander"
import { TrustkeyError } from "../../errors.ts"
import { fileMode, makeDirectory, readBytes, writeFileDurable } from "../../storage/index.ts"
import type { Cli } from "../context.ts"
import { withoutSecrets } from "../environment.ts"
import { isLauncher, type LaunchedProgram, launcherText, programFile } from "../launcher.ts"
import { printable } from "../output.ts"
import { newCommand, withExamples } from "../syntax.ts"

type InstallOptions = { readonly dockerTrust?: boolean; readonly directory?: string }

/** The first without a docker trust of its own: docker refuses plugins named like its own commands. */
const FIRST_WITHOUT_TRUST = 29

export function pluginInstallCommand(cli: Cli): Command {
    const command = newCommand(cli, "install", "Let docker find us: docker trustkey, and docker trust where docker has none.")
        .option("--docker-trust", "as docker trust too; docker 29 or later")
        .option("--directory <directory>", "where docker looks for plugins; default: cli-plugins in docker's configuration directory")
        .action((options: InstallOptions) => install(cli, options))
    return withExamples(command, ["trustkey plugin install", "trustkey plugin install --docker-trust"])
}

async function install(cli: Cli, options: InstallOptions): Promise<void> {
    const { dockerDirectory } = await import("../trust/session.ts")
    const programs: readonly LaunchedProgram[] = options.dockerTrust === true ? ["docker-trustkey", "docker-trust"] : ["docker-trustkey"]
    const directory = options.directory ?? path.join(dockerDirectory(cli), "cli-plugins")
    // Everything that can be wrong is found before the first file is written.
    if (options.dockerTrust === true) await checkDockerHasNoTrust(cli)
    for (const program of programs) await checkInstallable(cli, program, path.join(directory, program))
    await makeDirectory(directory, 0o755)
    for (const program of programs) {
        const file = path.join(directory, program)
        await writeFileDurable(file, launcherText(cli.context.programs, program), 0o755)
        cli.output.line(`Installed ${printable(file)}`)
    }
    cli.output.note("Next: docker trustkey --help")
}

/** @throws not_found, already_exists */
async function checkInstallable(cli: Cli, program: LaunchedProgram, file: string): Promise<void> {
    const source = programFile(cli.context.programs.directory, program)
    if ((await fileMode(source)) === undefined) throw new TrustkeyError("not_found", `${source}, which docker would start, is not there`)
    const there = await readBytes(file)
    if (there !== undefined && !isLauncher(there)) {
        throw new TrustkeyError("already_exists", `${file} is something else than what we install; remove it first`)
    }
}

/** @throws not_found: no docker to ask. already_exists: docker trust is part of this docker. */
async function checkDockerHasNoTrust(cli: Cli): Promise<void> {
    const version = await dockerVersion(cli)
    if (Number.parseInt(version, 10) < FIRST_WITHOUT_TRUST) {
        throw new TrustkeyError(
            "already_exists",
            `docker ${version} has a docker trust of its own and refuses a plugin of that name; from docker ${FIRST_WITHOUT_TRUST} on there is none`,
        )
    }
}

async function dockerVersion(cli: Cli): Promise<string> {
    const { docker, env, terminal } = cli.context
    const pieces: Buffer[] = []
    try {
        await terminal.run(docker.program, ["--version"], { env: withoutSecrets(env), onStdout: (piece) => pieces.push(piece) })
    } catch (error) {
        throw new TrustkeyError(
            "not_found",
            `whether docker has a docker trust of its own can't be found out: ${docker.program} can't be run`,
            {
                cause: error,
            },
        )
    }
    const version = /^Docker version (\d+\.[\w.+~-]+)/.exec(Buffer.concat(pieces).toString())?.[1]
    if (version === undefined) throw new TrustkeyError("not_found", `${docker.program} doesn't say which version it is`)
    return version
}
