import { combineShares } from "../../backup/index.ts"
import { Secret } from "../../crypto/index.ts"
import { createFileDurable } from "../../storage/index.ts"
import type { Cli } from "../context.ts"
import { GatheredShares, gatherAsked, gatherFromFiles, readShareSet } from "./gather-shares.ts"

/** @throws share_invalid, invalid_request: too few; already_exists; not_found, file_unsafe, no_terminal */
export async function combineToFile(cli: Cli, files: readonly string[], options: { out: string; shareSet?: string }): Promise<void> {
    const set = await readShareSet(options.shareSet)
    using gathered = new GatheredShares(set)
    if (files.length === 0) await gatherAsked(cli, gathered)
    else await gatherFromFiles(cli, gathered, files)
    const { identity, recipient } = await combineShares(gathered.shares, set)
    using whole = identity
    // As age-keygen writes it.
    const head = Buffer.from(`# public key: ${recipient}\n`)
    using file = new Secret(whole.reveal((bytes) => Buffer.concat([head, bytes, Buffer.from("\n")])))
    await file.reveal((bytes) => createFileDurable(options.out, bytes, 0o600))
    cli.output.facts([["Recipient", recipient]])
    cli.output.note(`Written: ${options.out}. Whoever reads it opens every backup: destroy it when you are done.`)
}
