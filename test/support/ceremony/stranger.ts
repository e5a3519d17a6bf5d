import { execFile } from "node:child_process"
import { mkdir, rm, writeFile } from "node:fs/promises"
import path from "node:path"
import { promisify } from "node:util"
import type { Bundle } from "./draft.ts"
import type { Place } from "./mutations.ts"

export const CHECKER = path.resolve(import.meta.dirname, "../../../docs/verify-ceremony.py")

export type Verdict = { readonly ok: boolean; readonly place: Place | undefined; readonly text: string }

export async function writeBundle(bundle: Bundle, directory: string): Promise<string> {
    await rm(directory, { recursive: true, force: true })
    for (const [name, content] of bundle) {
        const file = path.join(directory, name)
        await mkdir(path.dirname(file), { recursive: true })
        await writeFile(file, content)
    }
    return directory
}

/** What the independent checker says of bundles, each in a directory of its own. */
export async function askStranger(directories: readonly string[]): Promise<readonly Verdict[]> {
    // It ends with 7 where one of them is refused; any other failure is one.
    const { stdout } = await promisify(execFile)("python3", [CHECKER, "--json", ...directories]).catch((error: unknown) => {
        if (isRefusal(error)) return error
        throw error
    })
    return stdout.trim().split("\n").map(parseVerdict)
}

function isRefusal(error: unknown): error is { readonly stdout: string } {
    return (
        typeof error === "object" &&
        error !== null &&
        "code" in error &&
        error.code === 7 &&
        "stdout" in error &&
        typeof error.stdout === "string"
    )
}

function parseVerdict(line: string): Verdict {
    const verdict: { ok: boolean; place: Place | null; text: string } = JSON.parse(line)
    return { ...verdict, place: verdict.place ?? undefined }
}
