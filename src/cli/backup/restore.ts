import { BackupVerifier } from "../../backup/index.ts"
import { TrustkeyError } from "../../errors.ts"
import type { Cli } from "../context.ts"
import type { RestoreChange, RestoreOutcome } from "../daemon-backups-types.ts"
import type { Daemon } from "../daemon-types.ts"
import { printable } from "../output.ts"
import type { ArchiveFile } from "./archive-file.ts"
import { Progress } from "./progress.ts"

const FINGERPRINT_DIGITS = 16
const SHOWN_OF_A_KIND = 20

export type RestoreOptions = { readonly confirm?: string; readonly dryRun?: true; readonly json?: true }

/**
 * Read all of it, show what it would change, have a person type its fingerprint, and change that: all of it, or nothing. What is typed has to come
 * from somewhere else than the file: anybody can encrypt to public recipients.
 *
 * @throws declined: what was typed is the fingerprint of another backup
 */
export async function restore(cli: Cli, archive: ArchiveFile, options: RestoreOptions): Promise<void> {
    const verifier = new BackupVerifier()
    const { end } = await archive.read((record) => verifier.take(record))
    const daemon = await cli.daemon("admin")
    const changes = new Changes()
    const plan = await send(cli, daemon, archive, end.fingerprint, undefined, (change) => changes.take(change))
    if (options.json !== true) changes.print(cli, plan)
    const isChange = plan.added + plan.raised > 0
    if (options.dryRun === true || !isChange) {
        if (options.json === true) cli.output.json({ ...plan, changes: changes.shown })
        return
    }
    const typed = await askFingerprint(cli, options.confirm, end.fingerprint)
    const outcome = await send(cli, daemon, archive, end.fingerprint, { typed, digest: plan.digest }, () => {})
    if (!outcome.done) throw new TrustkeyError("internal", "the daemon took the backup, and does not say that it is restored")
    if (options.json === true) cli.output.json({ ...outcome, changes: changes.shown })
    else cli.output.line(`Restored the backup of ${printable(outcome.madeAt)}: ${outcome.added} records added, ${outcome.raised} raised.`)
    cli.output.note(WHAT_NEXT)
}

const WHAT_NEXT =
    "What was signed after it was made is not in it. The commands of trust and rotate show the daemon what is published before they sign; trustkey sign does not, so sign no file by hand before one of them."

/** One pass over the file. */
export async function send(
    cli: Cli,
    daemon: Daemon,
    archive: ArchiveFile,
    fingerprint: string,
    confirm: { readonly typed: string; readonly digest: string } | undefined,
    onChange: (change: RestoreChange) => void,
): Promise<RestoreOutcome> {
    using progress = new Progress(cli, "records")
    const counted = async function* () {
        let records = 0
        for await (const member of archive.members()) {
            records += 1
            progress.show(records, 0)
            yield member
        }
    }
    return await daemon.backups.restore({ fingerprint, ...(confirm === undefined ? {} : { confirm }) }, counted(), onChange)
}

async function askFingerprint(cli: Cli, given: string | undefined, fingerprint: string): Promise<string> {
    const question = `Type the first ${FINGERPRINT_DIGITS} digits of the backup's fingerprint, as it was noted when it was made: `
    const typed = (given ?? (await (await cli.prompts()).line(question, "--confirm"))).replaceAll(/[\s-]/g, "").toLowerCase()
    if (typed.length < FINGERPRINT_DIGITS || !fingerprint.startsWith(typed))
        throw new TrustkeyError("declined", "that is not the fingerprint of this backup: nothing was changed")
    return typed
}

/** As many as a person reads, and the number of all. */
class Changes {
    readonly #counts = new Map<string, number>()
    readonly shown: RestoreChange[] = []

    take(change: RestoreChange): void {
        const kind = `${change.kind} ${change.subject}`
        const count = (this.#counts.get(kind) ?? 0) + 1
        this.#counts.set(kind, count)
        if (count <= SHOWN_OF_A_KIND) this.shown.push(change)
    }

    print({ output }: Cli, plan: RestoreOutcome): void {
        output.facts([
            ["made", plan.madeAt],
            ["made by", plan.madeHere ? "this daemon: it is on its record" : "another daemon, or this one before it lost its records"],
            ["would add", `${plan.added} of ${plan.records} records`],
            ["would raise", String(plan.raised)],
            ["here already", String(plan.same)],
            ["differing", plan.differing === 0 ? "none" : `${plan.differing}: what is here stays as it is`],
        ])
        if (this.shown.length > 0) {
            output.line()
            output.table(["CHANGE", "WHAT", "NAME", "REPOSITORY", "ROLE", ""], this.shown.map(cells))
        }
        for (const [kind, count] of this.#counts)
            if (count > SHOWN_OF_A_KIND) output.line(`and ${count - SHOWN_OF_A_KIND} more of "${printable(kind)}"`)
        if (plan.added + plan.raised === 0) output.line("Nothing to restore: all of it is here.")
    }
}

function cells({ kind, subject, name, gun, role, text }: RestoreChange): readonly string[] {
    return [kind, subject, name.slice(0, FINGERPRINT_DIGITS), gun, role, text]
}
