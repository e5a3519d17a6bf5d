import { type DrilledKey, type DrillPlan, isProof, planDrill, receiptLines } from "../../backup/index.ts"
import { isErrorCode, TrustkeyError } from "../../errors.ts"
import { Cli } from "../context.ts"
import type { Daemon } from "../daemon-types.ts"
import { startScratchDaemon } from "../scratch/scratch-daemon.ts"
import { makeScratchTokens } from "../scratch/scratch-tokens.ts"
import { type SealedThing, thingOfGroup, thingOfKey } from "../secrets.ts"
import type { ArchiveFile } from "./archive-file.ts"
import { drillDirectory } from "./drill-directory.ts"
import { bringExports, DRILL_TOKEN, type DrillExportOptions } from "./drill-exports.ts"
import { type BackupContent, type BackupKey, readContent } from "./drilled-keys.ts"
import { type KeyPassphraseOptions, KeyPassphrases } from "./key-passphrases.ts"
import { openForDrill } from "./open-keys.ts"
import { Progress } from "./progress.ts"
import { send } from "./restore.ts"

export type Drilled = {
    readonly content: BackupContent
    readonly plan: DrillPlan
    /** The receipt, which every restored key has signed. */
    readonly receipt: Buffer
    /** Whom nobody opened. */
    readonly notOpened: readonly BackupKey[]
}

const PURPOSE = "a drill"
const PROOFS_PER_CALL = 1000

/**
 * Restore the backup into a daemon of its own, open every key, and have each sign what the drill says of itself; then everything is destroyed. The
 * daemon of this machine has no part in it.
 *
 * @throws what ArchiveFile.records throws; what a key that can't sign says; verification_failed: a signature is not its key's
 */
export async function drill(cli: Cli, archive: ArchiveFile, options: KeyPassphraseOptions & DrillExportOptions): Promise<Drilled> {
    const content = await readContent(archive)
    using passphrases = await KeyPassphrases.open(cli, options)
    const exports = options.export ?? []
    const runtime = cli.context.env["XDG_RUNTIME_DIR"] ?? ""
    await using scratch = await drillDirectory(cli, ["/dev/shm", ...(runtime === "" ? [] : [runtime])], exports.length > 0)
    cli.output.note(`Restoring ${content.keys.length} keys into a daemon of its own in ${scratch.path}, which goes afterwards.`)
    const tokens = exports.length === 0 ? undefined : await makeScratchTokens(cli, scratch.path, [DRILL_TOKEN], PURPOSE)
    await using vault = await startScratchDaemon(cli, scratch.path, tokens?.tables ?? [], PURPOSE)
    const inside = new Cli({ ...cli.context, env: { ...cli.context.env, ...vault.env } })
    try {
        const daemon = await inside.daemon("admin")
        const brought = tokens === undefined ? new Set<string>() : await bringExports(cli, daemon, tokens, content.keys, options)
        await restoreAll(cli, daemon, archive, content)
        const rest = content.keys.filter(({ id, instead }) => instead === undefined && !brought.has(id))
        const opened = await openAll(cli, daemon, rest, passphrases)
        const plan = planDrill(
            {
                backup: content.end.fingerprint,
                madeAt: content.head.created,
                at: cli.now.toISOString(),
                program: `trustkey ${cli.context.version}`,
            },
            content.keys.map((key) => drilledKey(key, brought, opened)),
        )
        const signatures = await prove(cli, daemon, plan)
        const notOpened = rest.filter(({ id }) => !opened.has(id))
        return { content, plan, receipt: Buffer.concat([...receiptLines(plan, signatures)]), notOpened }
    } finally {
        await inside.close()
    }
}

function drilledKey({ id, publicKey, instead }: BackupKey, brought: ReadonlySet<string>, opened: ReadonlySet<string>): DrilledKey {
    if (brought.has(id)) return { id, publicKey, place: "token" }
    if (instead !== undefined) return { id, noProof: "on-token" }
    return opened.has(id) ? { id, publicKey, place: "envelope" } : { id, noProof: "not-opened" }
}

async function restoreAll(cli: Cli, daemon: Daemon, archive: ArchiveFile, { end }: BackupContent): Promise<void> {
    const { fingerprint } = end
    const { digest } = await send(cli, daemon, archive, fingerprint, undefined, () => {})
    const outcome = await send(cli, daemon, archive, fingerprint, { typed: fingerprint, digest }, () => {})
    if (!outcome.done) throw new TrustkeyError("internal", "the scratch daemon did not take the backup")
}

/** @returns the IDs of those that can sign now */
async function openAll(cli: Cli, daemon: Daemon, keys: readonly BackupKey[], passphrases: KeyPassphrases): Promise<ReadonlySet<string>> {
    const opened = new Set<string>()
    const open = async (thing: SealedThing, credential: string, its: readonly BackupKey[]): Promise<void> => {
        if (!(await openForDrill(cli, daemon, thing, credential, passphrases))) return
        for (const { id } of its) opened.add(id)
    }
    const groups = Map.groupBy(keys, ({ home }) => (home.kind === "group" ? home.group : ""))
    for (const { name, credential } of await daemon.listGroups()) {
        const its = groups.get(name)
        if (its !== undefined) await open(thingOfGroup(name), credential, its)
    }
    for (const key of groups.get("") ?? []) await open(thingOfKey({ ...key, home: "sealed" }), "", [key])
    return opened
}

async function prove(cli: Cli, daemon: Daemon, { challenge, keys }: DrillPlan): Promise<ReadonlyMap<string, Uint8Array>> {
    using progress = new Progress(cli, "keys")
    const proven = keys.filter((key) => "place" in key)
    const byId = new Map(proven.map((key) => [key.id as string, key]))
    const signatures = new Map<string, Uint8Array>()
    for (let at = 0; at < proven.length; at += PROOFS_PER_CALL) {
        const keyIds = proven.slice(at, at + PROOFS_PER_CALL).map(({ id }) => id)
        for (const { keyId, signature, errorCode, errorMessage } of await daemon.backups.prove({ challenge, keyIds })) {
            if (errorCode !== "")
                throw new TrustkeyError(isErrorCode(errorCode) ? errorCode : "internal", `key ${keyId} does not sign: ${errorMessage}`)
            const key = byId.get(keyId)
            if (key === undefined || !isProof(key, challenge, signature))
                throw new TrustkeyError("verification_failed", `what key ${keyId} signed does not verify with the public key on record`)
            signatures.set(keyId, signature)
        }
        progress.show(Math.min(at + PROOFS_PER_CALL, proven.length), proven.length)
    }
    return signatures
}
