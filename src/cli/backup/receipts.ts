import { checkReceipt, type DrillStatement } from "../../backup/index.ts"
import { TrustkeyError } from "../../errors.ts"
import { readPieces } from "../../storage/index.ts"
import type { Cli } from "../context.ts"
import { fingerprintText } from "./fingerprint.ts"

/** A hundred thousand keys take some 40 MB. */
const LARGEST_RECEIPT = 256 * 1024 * 1024

/** Have the daemon of this machine keep it, by whose age status and doctor go. @param file where it lies, for messages */
export async function recordReceipt(cli: Cli, receipt: Uint8Array, file: string): Promise<void> {
    const daemon = await cli.daemon("admin")
    try {
        await daemon.backups.recordDrill(receipt)
    } catch (error) {
        if (!(error instanceof TrustkeyError)) throw error
        const text = `the receipt is in ${file}, and the daemon does not have it on record: ${error.message}. Hand it in with trustkey backup receipt record`
        throw new TrustkeyError(error.code, text, { cause: error })
    }
    cli.output.note("The daemon has the drill on record.")
}

/** A receipt from a file, checked here first. @throws what checkReceipt throws; payload_too_large */
export async function recordReceiptFile(cli: Cli, file: string): Promise<void> {
    await checkReceipt(readPieces(file))
    await recordReceipt(cli, await wholeFile(file), file)
}

async function wholeFile(file: string): Promise<Buffer> {
    const pieces: Buffer[] = []
    let length = 0
    for await (const piece of readPieces(file)) {
        pieces.push(piece)
        length += piece.length
        if (length > LARGEST_RECEIPT) throw new TrustkeyError("payload_too_large", `${file} is longer than any receipt`)
    }
    return Buffer.concat(pieces)
}

/** Needs no daemon: a key's ID is the hash of its public key, which the receipt has. @throws what checkReceipt throws */
export async function verifyReceiptFile(cli: Cli, file: string, json: boolean): Promise<void> {
    const ids: string[] = []
    const statement = await checkReceipt(readPieces(file), ({ id }) => ids.push(id))
    if (json) cli.output.json({ ...statement, keyIds: ids })
    else print(cli, statement, ids)
}

export function keysText(count: number): string {
    return `${count} key${count === 1 ? "" : "s"}`
}

const SHOWN_KEYS = 20

function print({ output }: Cli, statement: DrillStatement, ids: readonly string[]): void {
    const { keys, proven, notOpened } = statement
    output.facts([
        ["backup", fingerprintText(statement.backup)],
        ["made", statement.madeAt],
        ["drill", `${statement.at}, by ${statement.program}`],
        ["signed", `${proven} of ${keys} keys: every signature is good`],
        ["left out", notOpened === 0 ? "" : `${keysText(notOpened)} that nobody opened: not a good drill`],
        ["on tokens", keys - proven - notOpened === 0 ? "" : `${keysText(keys - proven - notOpened)}, which no backup holds`],
    ])
    for (const id of ids.slice(0, SHOWN_KEYS)) output.line(`  ${id}`)
    if (ids.length > SHOWN_KEYS) output.line(`  and ${ids.length - SHOWN_KEYS} more: --json`)
}
