import { createFileDurable } from "../../storage/index.ts"
import type { Cli } from "../context.ts"

/** A page to where it was wanted: a new file, or standard output. @throws already_exists, storage_failed */
export async function writePage(cli: Cli, page: string, file: string | undefined): Promise<void> {
    if (file === undefined) {
        cli.output.bytes(Buffer.from(page, "utf8"))
        return
    }
    await createFileDurable(file, Buffer.from(page, "utf8"), 0o644)
    cli.output.note(`Written: ${file}`)
}
