import { spoken } from "../ceremony/index.ts"
import { TrustkeyError } from "../errors.ts"
import { differenceCode, diffMetadata, parseFile, ROOT, type SignedMetadata } from "../tuf/index.ts"
import type { Cli } from "./context.ts"
import type { Daemon, DaemonKey } from "./daemon-types.ts"
import { differenceText } from "./difference.ts"
import { canonicalRole, rootDocumentOf } from "./trust/build-update.ts"

/**
 * A root that came from somewhere: what it changes is shown with its code, which whoever sent it has too. Of the keys bound to the root
 * those that count for it are left, or for the one before it: others were retired, and their signatures would be refused. A person
 * compares before it is signed, unless `confirm` says that was done.
 *
 * @throws root_rejected: the daemon has not seen the root that this one follows on. declined, no_terminal: nothing was signed
 */
export async function showRoot(
    cli: Cli,
    daemon: Daemon,
    gun: Parameters<typeof differenceCode>[0],
    next: SignedMetadata,
    keys: readonly DaemonKey[],
    { confirm = false }: { readonly confirm?: boolean | undefined } = {},
): Promise<readonly DaemonKey[]> {
    const { documents, state } = await daemon.showTrust(gun)
    const known = state === "active" ? documents.find(({ role }) => role === ROOT) : undefined
    const newest = known === undefined ? undefined : parseFile(known.content, ROOT)
    const seen = newest?.signed.document.version ?? 0
    if (next.document.version > seen + 1)
        throw new TrustkeyError(
            "root_rejected",
            `this is root version ${next.document.version} of ${gun}, and ${seen === 0 ? "the daemon has seen none of it: trustkey trust adopt" : `version ${seen} is the newest the daemon has seen; what is published since is shown to it by: trustkey trust renew`} ${gun}`,
        )
    const before = newest !== undefined && newest.signed.document.version < next.document.version ? newest : undefined
    const sentences = diffMetadata(before?.signed, next)
    const code = differenceCode(gun, next, sentences).toString("hex")
    cli.output.note(differenceText({ gun, role: ROOT, sentences, code }))
    cli.output.note(`Whoever sent this root has the same code, ${spoken(code).hex}: if not, it is another one.`)
    const roots = [...(before === undefined ? [] : [rootDocumentOf(before)]), ...(next.document.type === "root" ? [next.document] : [])]
    const counting = new Set<string>(roots.flatMap((root) => canonicalRole(root.keys, root.roles.get("root")).keyIds))
    const signing = keys.filter(({ id }) => counting.has(id))
    if (signing.length === 0 || confirm) return signing
    const prompts = await cli.prompts()
    if (await prompts.confirm(`Sign this root of ${gun} (${spoken(code).hex})?`, "--confirm")) return signing
    throw new TrustkeyError("declined", "nothing was signed")
}
