import type { Secret } from "../../crypto/index.ts"
import { type ErrorCode, TrustkeyError } from "../../errors.ts"
import { openTrustCache } from "../../publish/index.ts"
import { ROOT } from "../../tuf/index.ts"
import type { KeyImportOptions } from "../commands/key-import.ts"
import type { Cli } from "../context.ts"
import type { Daemon, DaemonKey } from "../daemon-types.ts"
import { importOpened } from "../import-key.ts"
import { printable, shortId } from "../output.ts"
import { askNewPassphrase, fromDockerVariable } from "../secrets.ts"
import { changeBindings } from "../trust/bind-key.ts"
import { toWire } from "../trust/session.ts"
import { type LookedAt, ownDirectory, type PlannedKey } from "./look.ts"
import type { LeftOut } from "./scan.ts"

/** What became of a key or a repository. */
export type Done = {
    readonly subject: PlannedKey | LookedAt
    readonly outcome: "imported" | "bound" | "adopted" | "here" | "waits" | "failed"
    readonly key?: DaemonKey
    readonly failure?: LeftOut
}

/** By what docker has a variable for: root keys, and all others. */
export type NewPassphrases = ReadonlyMap<"root" | "targets", Secret>

/** One for all keys, unless docker's variables give two. */
export async function askForPassphrases(
    cli: Cli,
    keys: readonly PlannedKey[],
    options: KeyImportOptions,
    disposables: DisposableStack,
): Promise<NewPassphrases> {
    const passphrases = new Map<"root" | "targets", Secret>()
    if (options.group !== undefined) return passphrases
    let typed: Secret | undefined
    for (const { plan, known } of keys) {
        const kind = plan.purpose === "root" ? "root" : "targets"
        if (known !== undefined || passphrases.has(kind)) continue
        using variable = fromDockerVariable(cli, kind)
        const secret = typed?.clone() ?? (await askNewPassphrase(cli, options, { purpose: kind, name: "new keys" }))
        passphrases.set(kind, disposables.use(secret))
        if (variable === undefined) typed = secret
    }
    return passphrases
}

/** When the daemon says one of these, it says so to whatever comes next. */
const FOR_ALL: readonly ErrorCode[] = ["daemon_unreachable", "shutting_down", "signer_unavailable", "storage_failed"]
/** An administrator can. */
const NOT_US: readonly ErrorCode[] = ["daemon_unreachable", "denied", "unauthenticated"]

/** The part that changes something. Each step is whole by itself, and finds out whether it was taken before. */
export class Taking {
    readonly #cli: Cli
    readonly #daemon: Daemon
    readonly #options: KeyImportOptions
    readonly #passphrases: NewPassphrases
    readonly #done: Done[]

    constructor(cli: Cli, daemon: Daemon, options: KeyImportOptions, passphrases: NewPassphrases, done: Done[]) {
        this.#cli = cli
        this.#daemon = daemon
        this.#options = options
        this.#passphrases = passphrases
        this.#done = done
    }

    async adopt(repository: LookedAt, withoutAdmin: TrustkeyError | undefined): Promise<void> {
        const { gun, current, lineage, here } = repository
        if (here) {
            this.#done.push({ subject: repository, outcome: "here" })
            return
        }
        try {
            if (withoutAdmin !== undefined) throw withoutAdmin
            const admin = await this.#cli.daemon("admin")
            const adopted = await admin.adopt({ gun, files: toWire(current.files), confirm: lineage.slice(0, 16) })
            await this.#keep(repository)
            this.#done.push({ subject: repository, outcome: "adopted" })
            this.#tell(`Adopted ${gun}, fingerprint ${adopted.lineage.slice(0, 16)}, root version ${adopted.rootVersion}`)
        } catch (error) {
            if (!(error instanceof TrustkeyError)) throw error
            const waits = NOT_US.includes(error.code)
            const why = waits ? `${error.message}. An administrator takes it in: ${adoptLine(repository)}` : error.message
            this.#done.push({ subject: repository, outcome: waits ? "waits" : "failed", failure: { what: gun, why, code: error.code } })
        }
    }

    async take(planned: PlannedKey): Promise<void> {
        const { id, plan, known, opened, word } = planned
        try {
            if (known !== undefined) {
                const key = await changeBindings(this.#cli, this.#daemon, known, { add: plan.bindings })
                const bound = plan.bindings.length > 0
                this.#done.push({ subject: planned, outcome: bound ? "bound" : "here", key })
                this.#tell(`${bound ? "Bound" : "Here already:"} ${word} key ${shortId(id)}${bound ? placesText(planned) : ""}`)
                return
            }
            if (opened === undefined) throw new TrustkeyError("internal", "a key that is neither here nor open")
            const { group } = this.#options
            const passphrase = this.#passphrases.get(plan.purpose === "root" ? "root" : "targets")
            const key = await importOpened(this.#cli, this.#daemon, opened, {
                purpose: plan.purpose,
                label: plan.label,
                bindings: plan.bindings,
                ...(group === undefined ? {} : { group }),
                ...(passphrase === undefined ? {} : { passphrase }),
            })
            this.#done.push({ subject: planned, outcome: "imported", key })
            this.#tell(`Imported ${word} key ${shortId(id)}${placesText(planned)}`)
        } catch (error) {
            if (!(error instanceof TrustkeyError) || FOR_ALL.includes(error.code)) throw error
            const failure = { what: `${word} key ${shortId(id)}`, why: error.message, code: error.code }
            this.#done.push({ subject: planned, outcome: "failed", failure })
        }
    }

    /** For our own commands, where nothing is kept yet: what is there was somebody's before. */
    async #keep({ gun, session, current }: LookedAt): Promise<void> {
        const own = openTrustCache(ownDirectory(this.#cli))
        if ((await own.read(gun, ROOT)) !== undefined) return
        await session.keepIn(own, current)
    }

    #tell(text: string): void {
        if (this.#options.json !== true) this.#cli.output.line(printable(text))
    }
}

/** What an administrator types; the fingerprint is that of the chain which was verified here. */
export function adoptLine({ gun, lineage }: LookedAt): string {
    return `trustkey trust adopt ${gun} --confirm ${lineage.slice(0, 16)}`
}

function placesText({ plan }: PlannedKey): string {
    if (plan.bindings.length === 0) return ", bound to no repository yet"
    return ` for ${plan.bindings.map(({ role, gun }) => `${role}@${gun}`).join(", ")}`
}
