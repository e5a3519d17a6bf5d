import path from "node:path"
import { TrustkeyError } from "../errors.ts"
import { encodeQuirksFile, parseQuirksFile, type QuirksFile } from "../signer/index.ts"
import { makeDirectory, readOwnText, writeFileDurable } from "../storage/index.ts"
import type { TokenConfig } from "./token-config.ts"

const LARGEST = 64 * 1024

function fileOf(directory: string, token: string): string {
    return path.join(directory, `${token}.json`)
}

/**
 * What is written about a token. A mistake in it is no reason to go on without it: it may be what keeps keys off a token.
 *
 * @returns undefined when nothing is written; an error when nothing may be asked of the token until it is put right
 */
export async function readQuirksFile(directory: string, config: TokenConfig): Promise<QuirksFile | TrustkeyError | undefined> {
    const name = path.basename(fileOf(directory, config.name))
    try {
        const text = await readOwnText(fileOf(directory, config.name), LARGEST)
        if (text === undefined) return undefined
        const file = parseQuirksFile(text)
        if (file.module === config.module) return file
        return invalid(name, "it was written about another module than the one that is configured")
    } catch (error) {
        if (!(error instanceof TrustkeyError)) throw error
        return invalid(name, error.code === "storage_failed" ? "it cannot be read" : error.message.replaceAll(`${directory}/`, ""), error)
    }
}

function invalid(name: string, what: string, cause?: unknown): TrustkeyError {
    const message = `quirks/${name} is not used, and neither is its token: ${what}. Correct it or remove it, or write it anew with trustkey token doctor --write`
    return new TrustkeyError("module_invalid", message, { cause })
}

/** Whole and on stable storage when it resolves. @returns its path */
export async function writeQuirksFile(directory: string, token: string, file: QuirksFile): Promise<string> {
    await makeDirectory(directory, 0o700)
    const place = fileOf(directory, token)
    await writeFileDurable(place, encodeQuirksFile(file), 0o600)
    return place
}
