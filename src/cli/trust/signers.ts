import { TrustkeyError } from "../../errors.ts"
import type { Cli } from "../context.ts"
import { type AddOptions, addSigner } from "./add-signer.ts"
import { signerRole } from "./delegations.ts"
import { type RemoveOptions, removeSigner } from "./remove-signer.ts"
import { readSignerKey } from "./signer-key-file.ts"

/** docker trust signer add. What is wrong with the name or a key file is said before anything is done. */
export async function addSigners(
    cli: Cli,
    name: string,
    repositories: readonly string[],
    options: AddOptions & { key?: readonly string[] },
): Promise<void> {
    const role = signerRole(name)
    if (options.key === undefined) {
        throw new TrustkeyError("invalid_request", "path to a public key must be provided using the `--key` flag")
    }
    const files = await Promise.all(options.key.map((file) => readSignerKey(file, cli.now)))
    for (const warning of files.flatMap(({ warnings }) => warnings)) cli.output.warn(warning)
    const keys = files.map(({ key }) => key)
    await forEach(cli, repositories, "failed to add signer to", (repository) => addSigner(cli, repository, { name, role, keys }, options))
}

/** docker trust signer remove. */
export async function removeSigners(cli: Cli, name: string, repositories: readonly string[], options: RemoveOptions): Promise<void> {
    await forEach(cli, repositories, "error removing signer from", (repository) => removeSigner(cli, repository, name, options))
}

/** One repository's failure is no reason to leave out the next. The first decides the code. */
async function forEach(
    cli: Cli,
    repositories: readonly string[],
    failed: string,
    work: (repository: string) => Promise<void>,
): Promise<void> {
    const failures: { readonly repository: string; readonly error: TrustkeyError }[] = []
    for (const repository of repositories) {
        try {
            await work(repository)
        } catch (error) {
            if (!(error instanceof TrustkeyError)) throw error
            failures.push({ repository, error })
            cli.output.failure(`${error.message}\n`)
        }
    }
    const [first] = failures
    if (first === undefined) return
    const message = `${failed}: ${failures.map(({ repository }) => repository).join(", ")}`
    throw new TrustkeyError(first.error.code, message, { cause: first.error })
}
