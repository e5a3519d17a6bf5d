import { randomBytes } from "node:crypto"
import path from "node:path"
import { makeAgeIdentity } from "../../crypto/index.ts"
import { writeFileDurable } from "../../storage/index.ts"
import type { Cli } from "../context.ts"
import { type ScratchDaemon, startScratchDaemon } from "../scratch/scratch-daemon.ts"
import { makeScratchTokens, type ScratchTokens } from "../scratch/scratch-tokens.ts"

const PURPOSE = "a rehearsal"

/** A daemon like the vault's, with software tokens for its tokens. It goes with everything in it. */
export type ScratchVault = ScratchDaemon &
    Omit<ScratchTokens, "tables"> & {
        readonly passphraseFile: string
        /** An age identity, and who can be written for with it. */
        readonly identityFile: string
        readonly recipient: string
    }

/**
 * Start the trustkeyd of this package on SoftHSM tokens of these names, in a directory of its own.
 *
 * @throws not_found: there is no SoftHSM; signer_unavailable: the daemon does not start
 */
export async function startScratchVault(cli: Cli, directory: string, tokens: readonly string[]): Promise<ScratchVault> {
    const { serials, pinFile, tables } = await makeScratchTokens(cli, directory, tokens, PURPOSE)
    const place = (name: string): string => path.join(directory, name)
    await writeFileDurable(place("passphrase"), `${randomBytes(12).toString("hex")}\n`, 0o600)
    const { identity, recipient } = makeAgeIdentity()
    using secret = identity
    await writeFileDurable(
        place("identity"),
        secret.reveal((bytes) => Buffer.concat([bytes, Buffer.from("\n")])),
        0o600,
    )
    const daemon = await startScratchDaemon(cli, directory, tables, PURPOSE)
    return { ...daemon, serials, pinFile, passphraseFile: place("passphrase"), identityFile: place("identity"), recipient }
}
