import type { Cli } from "../context.ts"
import { linesOf, readCodes, showCodes, writeCodeImages } from "./qr.ts"
import { writeBundle } from "./stick.ts"
import type { Work } from "./work.ts"

/** The bundle as QR codes: as pictures in a directory, or one after the other on the terminal. */
export async function carryAsCodes({ cli, stick, plan }: Work, images: string | undefined): Promise<void> {
    if (images === undefined) {
        await showCodes(cli, stick.files)
        return
    }
    const { id, frames } = await writeCodeImages(stick.files, images, plan.id)
    cli.output.note(`Wrote ${frames} codes of ${id} into ${images}; frames.html shows all of them.`)
}

/** A bundle from what a scanner writes to our standard input, into a directory. @throws already_exists, bundle_invalid */
export async function takeFromCodes(cli: Cli, directory: string): Promise<void> {
    const files = await readCodes(cli, linesOf(cli.context.terminal.stdin))
    await writeBundle(directory, files)
}
