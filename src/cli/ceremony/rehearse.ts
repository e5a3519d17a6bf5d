import path from "node:path"
import type { Plan, PossibleStep } from "../../ceremony/index.ts"
import { TrustkeyError } from "../../errors.ts"
import { makeTemporaryDirectory } from "../../storage/index.ts"
import { Cli } from "../context.ts"
import { shellWord } from "../shell-word.ts"
import { programFacts } from "./program-hash.ts"
import { codeOf } from "./root-steps.ts"
import { type ScratchVault, startScratchVault } from "./scratch-vault.ts"
import { standIn, tokensOf } from "./stand-ins.ts"
import { Stick } from "./stick.ts"
import { Work } from "./work.ts"

export type RehearseOptions = { readonly to?: string; readonly spoil?: string }

/**
 * A plan from beginning to end, with this very program and the trustkeyd beside it: on software tokens in a directory that goes afterwards, with
 * stand-ins for the keys and roots that exist elsewhere. The same commands run as on the day.
 *
 * @throws what the first command that fails throws
 */
export async function rehearse(cli: Cli, plan: Plan, options: RehearseOptions): Promise<void> {
    // Sockets have short names only.
    await using scratch = await makeTemporaryDirectory("/tmp")
    const tokens = tokensOf(plan)
    cli.output.note(`Starting a daemon with ${tokens.length} software token${tokens.length === 1 ? "" : "s"} in ${scratch.path}.`)
    await using vault = await startScratchVault(cli, scratch.path, tokens)
    const inside = new Inside(cli, vault, options.to ?? path.join(scratch.path, "stick"))
    await inside.pack(plan)
    await inside.open()
    await inside.steps(options.spoil)
    await inside.finish()
    cli.output.line(`Rehearsed ceremony ${plan.id}: every step of it works here`)
    if (options.to !== undefined) cli.output.note(`The rehearsal's bundle is in ${options.to}; it can be verified, and is never published.`)
}

/** The same program, whose daemon is the scratch vault's. */
class Inside {
    readonly #outer: Cli
    readonly #vault: ScratchVault
    readonly #stick: string
    #spoilt = false

    constructor(cli: Cli, vault: ScratchVault, stick: string) {
        this.#outer = cli
        this.#vault = vault
        this.#stick = stick
    }

    /** The online side has no trust server to ask for stand-ins: their roots are packed as they were made. */
    async pack(plan: Plan): Promise<void> {
        const cli = this.#cli()
        try {
            const daemon = await cli.daemon("admin")
            const { plan: rehearsal, chains } = await standIn(cli, daemon, plan, this.#vault)
            await using opened = new AsyncDisposableStack()
            const stick = opened.use(await Stick.begin(this.#stick))
            if (stick.files.size > 0) throw new TrustkeyError("already_exists", `${this.#stick} is not empty`)
            const work = Work.begin(cli, stick, rehearsal)
            const [step] = work.requirePossible("packing", { step: "pack" })
            const { program, sha256 } = await programFacts(cli.context.programs.directory, cli.context.version)
            await work.take({ step: "pack", program, programSha256: sha256, chains }, step.who[0] ?? "", {})
            this.#outer.output.note(`Packed a plan with stand-ins into ${this.#stick}.`)
        } finally {
            await cli.close()
        }
    }

    async open(): Promise<void> {
        const { who, plan } = await this.#look(({ plan: { sha256 }, progress: { possible } }) => ({
            who: possible.find(({ step }) => step === "open")?.who[0] ?? "",
            plan: sha256,
        }))
        await this.#run(["open", this.#stick, "--as", who, "--plan", plan])
    }

    /** Whatever leads on, until nothing is missing. */
    async steps(spoil: string | undefined): Promise<void> {
        for (;;) {
            const next = await this.#look(({ progress }) => (progress.missing.length === 0 ? undefined : progress.possible.find(leadsOn)))
            if (next === undefined) return
            await this.#step(next, spoil)
        }
    }

    async #step(next: PossibleStep, spoil: string | undefined): Promise<void> {
        const { step, key = "", who } = next
        const as = ["--as", who[0] ?? ""]
        const more = await this.#look((work) => this.#flags(work, next, key === spoil))
        await this.#run(["step", step, this.#stick, ...(key === "" ? [] : [key]), ...as, ...more])
        if (step !== "keygen" || key !== spoil || this.#spoilt) return
        this.#spoilt = true
        await this.#run(["step", "void-key", this.#stick, key, ...as, "--reason", "rehearsed: the token was spoilt"])
    }

    /** What a person would be asked for. */
    #flags(work: Work, { step, key = "", token: copied, how }: PossibleStep, isSpoilt: boolean): readonly string[] {
        const { plan } = work
        const planned = plan.keys.find(({ name }) => name === key)
        const [spare] = isSpoilt && this.#spoilt && step === "keygen" ? plan.spares : []
        const isVaultMade = planned?.change === "new" && planned.make === "vault"
        const at = spare?.token ?? copied ?? (isVaultMade || step === "backup" ? undefined : tokenOf(work, key))
        const codes = step === "sign" ? [...plan.repositories.keys()].map((index) => codeOf(work, index).slice(0, 16)) : []
        return [
            ...codes.flatMap((code) => ["--code", code]),
            ...(spare === undefined ? [] : ["--token", spare.token]),
            ...(at === undefined || step === "build" ? [] : ["--pin-file", this.#vault.pinFile(at)]),
            ...(isVaultMade ? ["--passphrase-file", this.#vault.passphraseFile] : []),
            ...(how === "export" ? ["--identity-file", this.#vault.identityFile] : []),
        ]
    }

    async finish(): Promise<void> {
        const missing = await this.#look(({ progress }) => progress.missing)
        if (missing.length > 0) throw new TrustkeyError("step_refused", `the rehearsal can't go on: ${missing.join("; ")}`)
        const witness = await this.#look(({ progress }) => progress.possible.find(({ step }) => step === "close")?.who[0] ?? "")
        const { passphraseFile } = this.#vault
        const secrets = ["--passphrase-file", passphraseFile, "--witness-passphrase-file", passphraseFile]
        await this.#run(["close", this.#stick, "--as", witness, ...secrets])
        await this.#run(["verify", this.#stick])
    }

    async #look<T>(at: (work: Work) => T): Promise<T> {
        await using work = await Work.open(this.#outer, this.#stick)
        return at(work)
    }

    /** As it is typed on the day, but for what would be asked there. */
    async #run(args: readonly string[]): Promise<void> {
        const { runCli } = await import("../index.ts")
        this.#outer.output.note(`$ trustkey ceremony ${args.map(typed).join(" ")}`)
        const status = await runCli(["ceremony", ...args], this.#cli().context)
        if (status !== 0)
            throw new TrustkeyError("step_refused", `the rehearsal failed at: trustkey ceremony ${args.slice(0, 2).join(" ")}`)
    }

    #cli(): Cli {
        const { context } = this.#outer
        return new Cli({ ...context, env: { ...context.env, ...this.#vault.env } })
    }
}

/** Not what only goes back or gives up, nor the end. */
function leadsOn({ step }: PossibleStep): boolean {
    return ["keygen", "present", "build", "sign", "backup"].includes(step)
}

/** Where the key of a step lies: on record, or else by the plan. */
function tokenOf({ plan, state }: Work, name: string): string | undefined {
    const shown = state.shown.get(name)?.record.facts.get("token")
    if (typeof shown === "string") return shown
    const key = plan.keys.find((candidate) => candidate.name === name)
    return key === undefined || key.change === "lost" ? undefined : (key.token ?? "elsewhere")
}

/** A flag stands as it is. */
function typed(word: string): string {
    return /^--[a-z-]+$/.test(word) ? word : shellWord(word)
}
