import { TrustkeyError } from "../../errors.ts"
import { isInMemory, makeTemporaryDirectory, type TemporaryDirectory } from "../../storage/index.ts"
import type { Cli } from "../context.ts"

/**
 * In memory, if this machine has a place for it: nothing of it is left on a disk then. Elsewhere only what is sealed may lie: a software token's file
 * has the key, and beside it what opens it.
 *
 * @param places where it could be in memory
 * @param withToken whether keys are brought to a software token
 * @throws key_unfit: they are, and no place is in memory
 */
export async function drillDirectory(cli: Cli, places: readonly string[], withToken: boolean): Promise<TemporaryDirectory> {
    for (const parent of places) {
        if (!(await isInMemory(parent))) continue
        try {
            return await makeTemporaryDirectory(parent)
        } catch (error) {
            if (!(error instanceof TrustkeyError)) throw error
        }
    }
    if (withToken) {
        const message = `no directory here is in memory (${places.join(", ")}), and on a disk exported keys would leave traces: drill without --export, or mount a tmpfs on /dev/shm`
        throw new TrustkeyError("key_unfit", message)
    }
    cli.output.warn("no directory here is in memory: what the drill restores, sealed as it is, lies in /tmp for a while")
    // Sockets have short names only.
    return await makeTemporaryDirectory("/tmp")
}
