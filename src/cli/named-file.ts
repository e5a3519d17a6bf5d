import { TrustkeyError } from "../errors.ts"
import { readBytes, writeFileDurable } from "../storage/index.ts"
import type { Cli } from "./context.ts"

/** A file that somebody named, so that it has to be there. @throws not_found, payload_too_large, storage_failed */
export async function readNamed(file: string, maxBytes: number): Promise<Buffer> {
    const content = await readBytes(file, { maxBytes })
    if (content === undefined) throw new TrustkeyError("not_found", `${file} does not exist`)
    return content
}

/** A result, to the file that was named or to stdout. Nothing secret: everybody may read it. */
export async function writeResult(cli: Cli, content: Buffer, file: string | undefined): Promise<void> {
    if (file === undefined) {
        cli.output.bytes(content)
        return
    }
    await writeFileDurable(file, content, 0o644)
    cli.output.note(`Wrote ${file}.`)
}
