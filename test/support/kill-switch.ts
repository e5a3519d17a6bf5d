import { closeSync, openSync, readSync, writeFileSync, writeSync } from "node:fs"
import path from "node:path"
import { mustRun } from "./process.ts"
import { makeWorkingDirectory } from "./temp.ts"

export type Moment = "before" | "half" | "after"

/** A writing step: the `write`th write of a row of writes to files, or, with 0, what ended that row. Rows count from 1. */
export type Step = { readonly row: number; readonly write: number; readonly moment: Moment }

/** At a writing step of the daemon it ends as by `kill -9`. */
export type KillSwitch = AsyncDisposable & {
    /** For the daemon. Its signers don't get it. */
    readonly env: Readonly<Record<string, string>>
    /** Counts from here; without a step it only counts. */
    set(step?: Step): void
    /**
     * A letter for each step since: w a write to a file, f a sync, t a truncation, n a rename, u an unlink, s to a signer, c to a client.
     * `hit` is the letter of the step it was ended at.
     */
    read(): { readonly steps: string; readonly hit: string | undefined }
}

const MOMENTS: Readonly<Record<Moment, bigint>> = { before: 0n, after: 1n, half: 2n }
/** int64 each: row, write, moment, number of the step that was hit, steps taken, rows ended, writes of the row, last letter. Then all. */
const HEADER = 64
const LOG_LENGTH = 65536

/** Compiled from kill-switch.c; the two share a mapped file. */
export async function buildKillSwitch(): Promise<KillSwitch> {
    const directory = await makeWorkingDirectory("kill-switch")
    const [library, file] = [path.join(directory.path, "kill-switch.so"), path.join(directory.path, "switch")]
    const source = path.join(import.meta.dirname, "kill-switch.c")
    await mustRun("gcc", ["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", library, source, "-ldl"])
    writeFileSync(file, Buffer.alloc(HEADER + LOG_LENGTH))
    const fd = openSync(file, "r+")
    return {
        env: { LD_PRELOAD: library, KILL_SWITCH: file },
        set: (step = { row: 0, write: 0, moment: "before" }) => {
            const header = Buffer.alloc(HEADER)
            header.writeBigInt64LE(BigInt(step.row), 0)
            header.writeBigInt64LE(BigInt(step.write), 8)
            header.writeBigInt64LE(MOMENTS[step.moment], 16)
            writeSync(fd, header, 0, HEADER, 0)
        },
        read: () => {
            const content = Buffer.alloc(HEADER + LOG_LENGTH)
            readSync(fd, content, 0, content.length, 0)
            const [hit, taken] = [Number(content.readBigInt64LE(24)), Number(content.readBigInt64LE(32))]
            const steps = content.toString("latin1", HEADER, HEADER + Math.min(taken, LOG_LENGTH))
            return { steps, hit: hit === 0 ? undefined : steps[hit - 1] }
        },
        [Symbol.asyncDispose]: async () => {
            closeSync(fd)
            await directory.remove()
        },
    }
}

/** Every step of a run that took these: each write at three moments, everything else before and after it. */
export function everyStep(steps: string): readonly Step[] {
    return rowsOf(steps).flatMap((writes, index) => [
        ...Array.from({ length: writes }, (_, write) => write + 1).flatMap((write) =>
            (["before", "half", "after"] as const).map((moment) => ({ row: index + 1, write, moment })),
        ),
        ...(["before", "after"] as const).map((moment) => ({ row: index + 1, write: 0, moment })),
    ])
}

/** Of each row of writes nothing, all but a torn last one, and everything; so each sync, each frame and each answer counts. */
export function chosenSteps(steps: string): readonly Step[] {
    return rowsOf(steps).flatMap((writes, index): readonly Step[] => {
        const row = index + 1
        const end: Step = { row, write: 0, moment: "before" }
        if (writes === 0) return [end]
        // One before the last of that run: another run's row may be a little shorter.
        return [{ row, write: 1, moment: "before" }, { row, write: Math.max(1, writes - 1), moment: "half" }, end]
    })
}

/** How many writes stand in each row that ended. Frames that follow each other end one. */
function rowsOf(steps: string): readonly number[] {
    return Array.from(steps.matchAll(/(w*)(?:s+|[^w])/g), ([, writes = ""]) => writes.length)
}
