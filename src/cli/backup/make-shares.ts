import path from "node:path"
import { createShares, encodeShareSet, type Share, type ShareSet } from "../../backup/index.ts"
import { makeAgeIdentity, Secret } from "../../crypto/index.ts"
import { TrustkeyError } from "../../errors.ts"
import { createFileDurable, listDirectory, makeDirectory } from "../../storage/index.ts"
import type { Cli } from "../context.ts"
import { fromFlags } from "../secrets.ts"
import { groupedShare, sharePage } from "./share-page.ts"

export const SHARE_SET_FILE = "backup-shares.json"

export type MakeSharesOptions = { threshold: number; shares: number; out: string; identity?: string; identityFd?: number }

/**
 * A new identity, or the one that was given, in shares: a page and a text for each holder, and the public file.
 *
 * @throws already_exists: there is something in the directory; invalid_request: no such set, or no identity; storage_failed
 */
export async function makeShares(cli: Cli, options: MakeSharesOptions): Promise<void> {
    using identity = (await fromFlags(cli, options.identityFd, options.identity)) ?? makeAgeIdentity().identity
    const { set, shares } = await createShares(identity, options.threshold, options.shares)
    try {
        await makeDirectory(options.out, 0o700)
        if ((await listDirectory(options.out)).length > 0) throw new TrustkeyError("already_exists", `${options.out} is not empty`)
        for (const share of shares) await writeShare(cli, options.out, share, set)
    } finally {
        for (const { value } of shares) value[Symbol.dispose]()
    }
    const publicFile = path.join(options.out, SHARE_SET_FILE)
    await createFileDurable(publicFile, encodeShareSet(set), 0o644)
    cli.output.facts([
        ["Set", set.set],
        ["Needed", `${set.threshold} of ${shares.length}`],
        ["Recipient", set.recipient],
        ["Public file", publicFile],
    ])
    cli.output.note(`Print each share-*.html for its holder, who checks it: trustkey backup shares check --share-set ${SHARE_SET_FILE}`)
    cli.output.note(`Install ${SHARE_SET_FILE} beside trustkeyd.toml, and write there, with the recipients that you have besides:
  [backup]
  recipients = ["${set.recipient}"]
  shares = "/etc/trustkeyd/${SHARE_SET_FILE}"`)
    const elsewhere = options.identity === undefined ? "" : `, and ${options.identity}`
    cli.output.note(
        `When the pages are printed destroy everything else in ${options.out}${elsewhere}: only the shares are to hold the identity.`,
    )
}

async function writeShare(cli: Cli, directory: string, share: Share, set: ShareSet): Promise<void> {
    const name = path.join(directory, `share-${share.index}-of-${set.commitments.length}`)
    using text = new Secret(Buffer.from(`${groupedShare(share).join("\n")}\n`))
    using page = new Secret(Buffer.from(sharePage(share, set, cli.now)))
    for (const [file, content] of [
        [`${name}.txt`, text],
        [`${name}.html`, page],
    ] as const)
        await content.reveal((bytes) => createFileDurable(file, bytes, 0o600))
}
