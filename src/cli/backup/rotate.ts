import path from "node:path"
import { type KeepRules, outdatedBackups, parseBackupFileName } from "../../backup/index.ts"
import { isUnfinished, listDirectory, ownFileMode, removeFile } from "../../storage/index.ts"
import type { Cli } from "../context.ts"
import type { Daemon } from "../daemon-types.ts"

/** What is left of a backup that was interrupted by a loss of power; none takes so long. */
const UNFINISHED_SECONDS = 86_400

/**
 * Remove what no rule keeps: never the one just made, the newest, or the one the daemon knows a good drill of. Only files with a name that a
 * backup gets here are looked at.
 *
 * @returns their names
 */
export async function removeOutdated(
    cli: Cli,
    daemon: Daemon,
    directory: string,
    made: string,
    rules: KeepRules,
): Promise<readonly string[]> {
    const proven = (await daemon.status()).backup?.lastDrill?.fingerprint
    const names = await listDirectory(directory)
    const kept = names.map(parseBackupFileName).filter((backup) => backup !== undefined)
    const outdated = outdatedBackups(kept, rules, cli.now, proven).map(({ name }) => name)
    const removed: string[] = []
    for (const name of [...outdated, ...names.filter(isUnfinished)]) {
        const facts = await ownFileMode(path.join(directory, name))
        if (name === made || facts?.kind !== "file") continue
        const age = (cli.now.getTime() - facts.modified.getTime()) / 1000
        if (isUnfinished(name) && age < UNFINISHED_SECONDS) continue
        await removeFile(path.join(directory, name))
        removed.push(name)
    }
    return removed
}
