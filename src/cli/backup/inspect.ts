import { type BackedUpKey, backedUpKey, type EndRecord, type HeadRecord, type LineageRecord, waysInto } from "../../backup/index.ts"
import type { WayToOpen } from "../../crypto/index.ts"
import type { Cli } from "../context.ts"
import { printable, shortId } from "../output.ts"
import { ArchiveFile } from "./archive-file.ts"
import { backupFacts, groupText, insteadLines, opensText } from "./describe-backup.ts"
import { openerFor } from "./identities.ts"
import type { OpenerOptions } from "./opener-options.ts"

export type InspectBackupOptions = OpenerOptions & { json?: boolean }

/** More rows nobody reads: --json has them all. */
const MOST_ROWS = 1000

type Group = { readonly name: string; readonly createdAt: string; readonly opens: readonly WayToOpen[] }

type Contents = {
    readonly head: HeadRecord
    readonly end: EndRecord
    readonly groups: readonly Group[]
    readonly keys: readonly BackedUpKey[]
    readonly lineages: readonly LineageRecord[]
    readonly keyFiles: readonly string[]
}

/** @throws backup_invalid: it is not whole, or not as backups are; state_newer, open_failed */
export async function inspectBackup(cli: Cli, file: string, options: InspectBackupOptions): Promise<void> {
    using opener = await openerFor(cli, options)
    const contents = await contentsOf(new ArchiveFile(file, opener))
    if (options.json === true) cli.output.json(jsonOf(contents))
    else print(cli, contents)
}

async function contentsOf(archive: ArchiveFile): Promise<Contents> {
    const groups: Group[] = []
    const keys: BackedUpKey[] = []
    const lineages: LineageRecord[] = []
    const keyFiles: string[] = []
    const { head, end } = await archive.read((record) => {
        if (record.kind === "group") groups.push({ name: record.name, createdAt: record.createdAt, opens: waysInto(record.envelope) })
        else if (record.kind === "key") keys.push(backedUpKey(record))
        else if (record.kind === "lineage") lineages.push(record)
        else if (record.kind === "key-file") keyFiles.push(record.keyId)
    })
    return { head, end, groups, keys, lineages, keyFiles }
}

function jsonOf({ head, end, groups, keys, lineages, keyFiles }: Contents): object {
    const { created, program, recipients, audit, counts, shares } = head
    return {
        fingerprint: end.fingerprint,
        created,
        program,
        recipients,
        ...(shares === undefined ? {} : { shares: JSON.parse(shares) }),
        audit,
        counts,
        records: end.records,
        groups,
        keys: keys.map(({ facts, opens, instead }) => {
            const { publicKey: _, ...told } = facts
            return {
                ...told,
                leaves: facts.removedAt === undefined && instead === undefined,
                opens,
                ...(instead === undefined ? {} : { instead }),
            }
        }),
        repositories: lineages.map(({ kind: _, ...lineage }) => lineage),
        keyFiles,
    }
}

function print({ output }: Cli, { head, end, groups, keys, lineages, keyFiles }: Contents): void {
    output.facts(backupFacts(head, end.fingerprint))
    if (groups.length > 0) {
        output.line()
        output.table(
            ["GROUP", "MADE", "OPENS WITH"],
            groups.slice(0, MOST_ROWS).map(({ name, createdAt, opens }) => [name, createdAt.slice(0, 10), groupText(opens)]),
        )
        more(output, groups)
    }
    if (keys.length > 0) {
        output.line()
        const withFile = new Set(keyFiles)
        output.table(
            ["KEY", "PURPOSE", "LABEL", "OPENS WITH", "FILE"],
            keys
                .slice(0, MOST_ROWS)
                .map((key) => [
                    shortId(key.facts.id),
                    key.facts.purpose,
                    key.facts.label,
                    opensText(key),
                    withFile.has(key.facts.id) ? "yes" : "",
                ]),
        )
        more(output, keys)
    }
    for (const { facts, instead } of keys) {
        if (instead === undefined) continue
        output.line()
        output.line(`When key ${shortId(facts.id)} is lost with its token:`)
        for (const line of insteadLines(instead)) output.line(`  ${printable(line)}`)
    }
    if (lineages.length > 0) {
        output.line()
        output.table(
            ["REPOSITORY", "ROOT", "FILES", "WAITING", "PROMISES", "STATE"],
            lineages
                .slice(0, MOST_ROWS)
                .map(({ gun, roots, documents, outbox, promises, retiredAt }) => [
                    gun,
                    String(roots),
                    String(documents.length),
                    String(outbox.length),
                    String(promises),
                    retiredAt === undefined ? "in use" : `begun anew on ${retiredAt.slice(0, 10)}`,
                ]),
        )
        more(output, lineages)
    }
}

function more(output: Cli["output"], all: readonly unknown[]): void {
    if (all.length > MOST_ROWS) output.line(`and ${all.length - MOST_ROWS} more: --json shows them all`)
}
