import path from "node:path"
import { drillFileName } from "../../backup/index.ts"
import { TrustkeyError } from "../../errors.ts"
import { createFileDurable, fileMode, ownFileMode } from "../../storage/index.ts"
import type { Cli } from "../context.ts"
import { shortId } from "../output.ts"
import { ArchiveFile } from "./archive-file.ts"
import { type Drilled, drill } from "./drill.ts"
import type { DrillExportOptions } from "./drill-exports.ts"
import { fingerprintText } from "./fingerprint.ts"
import { openerFor } from "./identities.ts"
import type { KeyPassphraseOptions } from "./key-passphrases.ts"
import type { OpenerOptions } from "./opener-options.ts"
import { keysText, recordReceipt } from "./receipts.ts"

export type RunDrillOptions = OpenerOptions &
    KeyPassphraseOptions &
    DrillExportOptions & {
        /** The receipt's file, or a directory for it. */
        readonly receipt: string
        readonly partial?: true
        readonly record: boolean
        readonly json?: true
    }

const SHOWN_KEYS = 20

/** @throws key_locked: somebody's key was left out, and nobody said --partial */
export async function runDrill(cli: Cli, file: string, options: RunDrillOptions): Promise<void> {
    // Said before hundreds of passphrases are typed.
    const isDirectory = (await fileMode(options.receipt))?.kind === "directory"
    if (!isDirectory && (await ownFileMode(options.receipt)) !== undefined)
        throw new TrustkeyError("already_exists", `${options.receipt} exists already`)
    using opener = await openerFor(cli, options)
    const drilled = await drill(cli, new ArchiveFile(file, opener), options)
    const { notOpened, plan, receipt } = drilled
    if (notOpened.length > 0 && options.partial !== true) {
        const named = notOpened.slice(0, SHOWN_KEYS).map(({ id }) => shortId(id))
        throw new TrustkeyError(
            "key_locked",
            `nobody opened ${notOpened.length} of ${plan.statement.keys} keys: ${named.join(", ")}${notOpened.length > SHOWN_KEYS ? ", …" : ""}. Not a good drill, so nothing is written; --partial writes a receipt of the others`,
        )
    }
    const place = isDirectory ? path.join(options.receipt, drillFileName(cli.now, plan.statement.backup)) : options.receipt
    await createFileDurable(place, receipt, 0o644)
    print(cli, drilled, place, options.json === true)
    if (notOpened.length > 0) cli.output.warn("a partial drill does not count: the daemon goes on to tell the age of the last good one")
    else if (options.record) await recordReceipt(cli, receipt, place)
}

function print({ output }: Cli, { content, plan, notOpened }: Drilled, place: string, json: boolean): void {
    const unproven = new Set<string>(plan.keys.flatMap((key) => ("noProof" in key && key.noProof === "on-token" ? [key.id] : [])))
    const onTokens = content.keys.filter(({ id }) => unproven.has(id))
    const { statement } = plan
    if (json) {
        const ids = (keys: Drilled["notOpened"]): readonly string[] => keys.map(({ id }) => id)
        output.json({ ...statement, notOpenedKeys: ids(notOpened), onTokens: ids(onTokens), receipt: place })
        return
    }
    output.facts([
        ["backup", fingerprintText(statement.backup)],
        ["made", statement.madeAt],
        ["signed and verified", `${statement.proven} of ${statement.keys} keys`],
        ["left out", notOpened.length === 0 ? "" : `${keysText(notOpened.length)} that nobody opened`],
        [
            "on tokens",
            onTokens.length === 0
                ? ""
                : `${keysText(onTokens.length)}, which no backup holds: trustkey backup inspect says what brings their repositories back`,
        ],
        ["receipt", place],
    ])
}
