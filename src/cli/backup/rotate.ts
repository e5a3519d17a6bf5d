import path from "node:path"
import { type KeepRules, outdatedBackups, parseBackupFileName } from "../../backup/index.ts"
import { type FileFacts, isUnfinished, listDirectory, ownFileMode, removeFile } from "../../storage/index.ts"
import type { Cli } from "../context.ts"
import type { Daemon } from "../daemon-types.ts"

/** What is left of a backup that was interrupted by a loss of power; none takes so long. */
const UNFINISHED_SECONDS = 86_400

/**
 * Remove what no rule keeps: never the one just made, the newest, or the one the daemon knows a good drill of. Only files with a name that a
 * backup gets here are looked at, and only those of the account the new one belongs to: what another puts beside them counts as none, or empty files
 * with the right names would have every backup removed.
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
    const own = await ownFiles(directory, made)
    const kept = [...own.keys()].map(parseBackupFileName).filter((backup) => backup !== undefined)
    const outdated = outdatedBackups(kept, rules, cli.now, proven).map(({ name }) => name)
    const left = [...own].filter(([name, { modified }]) => isUnfinished(name) && secondsSince(modified, cli.now) >= UNFINISHED_SECONDS)
    const removed: string[] = []
    for (const name of [...outdated, ...left.map(([name]) => name)]) {
        if (name === made) continue
        await removeFile(path.join(directory, name))
        removed.push(name)
    }
    return removed
}

function secondsSince(moment: Date, now: Date): number {
    return (now.getTime() - moment.getTime()) / 1000
}

/** Those with names of ours, of the account that `made` belongs to. */
async function ownFiles(directory: string, made: string): Promise<ReadonlyMap<string, FileFacts>> {
    const owner = (await ownFileMode(path.join(directory, made)))?.uid
    const own = new Map<string, FileFacts>()
    for (const name of await listDirectory(directory)) {
        if (parseBackupFileName(name) === undefined && !isUnfinished(name)) continue
        const facts = await ownFileMode(path.join(directory, name))
        if (facts?.kind === "file" && facts.uid === owner) own.set(name, facts)
    }
    return own
}
