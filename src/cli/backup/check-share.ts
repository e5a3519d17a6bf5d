import { checkShare, parseShare, type Share, type ShareSet } from "../../backup/index.ts"
import { Secret } from "../../crypto/index.ts"
import { TrustkeyError } from "../../errors.ts"
import { readSecretFile } from "../../storage/index.ts"
import type { Cli } from "../context.ts"
import { readShareSet, SCANNER, secretLines } from "./gather-shares.ts"

/** @throws share_invalid: mistyped, of another set or not as it was made; not_found, file_unsafe, no_terminal */
export async function checkOneShare(cli: Cli, file: string | undefined, options: { shareSet?: string; json?: boolean }): Promise<void> {
    const set = await readShareSet(options.shareSet)
    using text = await readOne(cli, file)
    const share = parseShare(text)
    using _value = share.value
    if (set !== undefined) checkShare(share, set)
    show(cli, share, set, options.json === true)
}

async function readOne(cli: Cli, file: string | undefined): Promise<Secret> {
    if (file === undefined)
        return await (await cli.prompts()).secret("The share, TKS1… (not shown): ", "an argument: the share's file, or -")
    if (file !== SCANNER) return new Secret(await readSecretFile(file))
    for await (const line of secretLines(cli.context.terminal.stdin)) return line
    throw new TrustkeyError("share_invalid", "no share came on standard input")
}

function show(cli: Cli, share: Share, set: ShareSet | undefined, json: boolean): void {
    const { index, threshold } = share
    if (json) {
        const known = set === undefined ? {} : { shares: set.commitments.length, recipient: set.recipient }
        cli.output.json({ set: share.set, index, threshold, ...known, asItWasMade: set === undefined ? null : true })
        return
    }
    cli.output.facts([
        ["Share", set === undefined ? String(index) : `${index} of ${set.commitments.length}`],
        ["Set", share.set],
        ["Needed", String(threshold)],
        ["Recipient", set?.recipient ?? ""],
    ])
    if (set === undefined)
        cli.output.note("It is typed right. Whether it is as it was made, the set's public file says: --share-set backup-shares.json.")
    else cli.output.note("It is as it was made.")
}
