import type { Plan, PlannedRepository } from "../../ceremony/index.ts"
import { TrustkeyError } from "../../errors.ts"
import { canonicalKeyIdOf, ROOT, type TufKey } from "../../tuf/index.ts"
import type { Cli } from "../context.ts"
import type { Daemon, DaemonKey } from "../daemon-types.ts"
import { codeText } from "../difference.ts"
import { shortId } from "../output.ts"
import { programFacts } from "./program-hash.ts"
import { type PlanOption, requireSamePlan } from "./same-plan.ts"
import type { StepOptions, Work } from "./work.ts"

export type OpenOptions = StepOptions & PlanOption

/**
 * The bundle arrives at the vault. People compare the plan's hash with the paper; the vault's daemon takes in the chains of roots, so that it
 * signs nothing but what follows on them. Nothing is changed before all of it is found right.
 *
 * @throws step_refused, clock_implausible, bundle_invalid
 */
export async function openAtVault(cli: Cli, work: Work, options: OpenOptions): Promise<void> {
    const { plan, state } = work
    const [step] = work.requirePossible("opening the bundle", { step: "open" })
    work.requireClock("open")
    const daemon = await cli.daemon("admin")
    await requireClosingKeys(daemon, plan)
    const { sha256 } = await programFacts(cli.context.programs.directory, cli.context.version)
    const packed = state.packed?.facts.get("program_sha256")
    if (packed !== sha256) {
        throw new TrustkeyError(
            "step_refused",
            `the program here is another than the one that packed the bundle: ${codeText(sha256)} here, ${codeText(String(packed))} there`,
        )
    }
    for (const repository of plan.repositories) await requireRoom(daemon, plan, repository)
    const who = await work.requirePerson(step, "opening the bundle", options)
    await requireSamePlan(cli, plan, options)
    for (const [index, repository] of plan.repositories.entries()) await takeIn(daemon, work, repository, index)
    await work.take({ step: "open", programSha256: sha256 }, who, options)
}

/** What could not be closed need not begin. */
async function requireClosingKeys(daemon: Daemon, { closing }: Plan): Promise<void> {
    await closingKey(daemon, "vault", closing.vault)
    await closingKey(daemon, "witness", closing.witness)
}

/** @throws step_refused */
export async function closingKey(daemon: Daemon, name: string, key: TufKey): Promise<DaemonKey> {
    const id = canonicalKeyIdOf(key)
    const found = (await daemon.listKeys({})).find((candidate) => candidate.id === id && candidate.state !== "removed")
    if (found?.purpose === "ceremony") return found
    const what =
        found === undefined ? "the vault's daemon does not have it" : `at the vault it is a ${found.purpose} key, not one for ceremonies`
    throw new TrustkeyError("step_refused", `the ${name}'s key ${shortId(id)} is to sign the close, and ${what}`)
}

/** What the vault already knows of a repository must not stand in the way. @throws step_refused */
async function requireRoom(daemon: Daemon, { kind }: Plan, { gun, published }: PlannedRepository): Promise<void> {
    const known = await daemon.showTrust(gun)
    if (known.state !== "active") return
    if (published === undefined || known.lineage !== published.lineage) {
        throw new TrustkeyError(
            "step_refused",
            `the vault knows ${gun} already, with lineage ${known.lineage.slice(0, 16)}; end that first with trustkey trust reset ${gun}, or trustkey journal void ${gun} root 1`,
        )
    }
    const promised = known.marks.find(({ role }) => role === "root")?.version ?? 0
    if (kind !== "root-lost" && promised > published.version) {
        throw new TrustkeyError(
            "step_refused",
            `the vault has promised root version ${promised} of ${gun} before; if that was never published: trustkey journal void ${gun} root ${promised}`,
        )
    }
}

/** Again it changes nothing: whoever is interrupted after it opens the bundle once more. */
async function takeIn(daemon: Daemon, { cli, state, plan }: Work, { gun, published }: PlannedRepository, index: number): Promise<void> {
    if (published === undefined) return
    if (plan.kind === "root-lost") {
        // The new root begins a new lineage; here the old one ends for it.
        if ((await daemon.showTrust(gun)).state !== "active") return
        await daemon.reset({ gun, confirm: gun })
        cli.output.note(`The vault's daemon has ended what it knew of ${gun}: its root begins anew.`)
        return
    }
    const files = (state.chains[index] ?? []).map(({ content }) => ({ role: ROOT, content }))
    await daemon.adopt({ gun, files, confirm: published.lineage })
}
