import { BUNDLE_FILES, MAX_PLAN_BYTES, newBundle, type Plan, type PlannedRepository, parsePlan, takeStep } from "../../ceremony/index.ts"
import { TrustkeyError } from "../../errors.ts"
import { lineageOf, type MetadataFile } from "../../tuf/index.ts"
import type { Cli } from "../context.ts"
import { readNamed } from "../named-file.ts"
import type { TrustSession } from "../trust/session.ts"
import { programFacts } from "./program-hash.ts"
import { Stick } from "./stick.ts"
import { type StepOptions, Work } from "./work.ts"

/** @throws not_found, plan_invalid with every mistake */
export async function readPlan(file: string): Promise<Plan> {
    return parsePlan(await readNamed(file, MAX_PLAN_BYTES))
}

/**
 * The bundle's first record: the plan, and for each repository every root from version 1 to the one the plan was written for. Whoever is
 * interrupted does it again.
 *
 * @throws repository_moved_on: something else is published than the plan says; already_exists
 */
export async function pack(cli: Cli, plan: Plan, directory: string, options: StepOptions): Promise<Work> {
    const chains = await fetchChains(cli, plan)
    const { program, sha256 } = await programFacts(cli.context.programs.directory, cli.context.version)
    await using opened = new AsyncDisposableStack()
    const stick = opened.use(await Stick.begin(directory))
    if (stick.files.has(BUNDLE_FILES.transcript))
        throw new TrustkeyError("already_exists", `${directory} has a bundle already; take a new stick`)
    await stick.clearFor(plan.bytes)
    const work = Work.begin(cli, stick, plan)
    const [step] = work.requirePossible("packing", { step: "pack" })
    const who = await work.requirePerson(step, "packing the bundle", options)
    const files = chains.map((roots) => roots.map(({ content }) => content))
    await work.take({ step: "pack", program, programSha256: sha256, chains: files }, who, options)
    opened.move()
    return work
}

/** Every root of each repository the plan has a version of; empty for one that begins. */
export async function fetchChains(cli: Cli, plan: Plan): Promise<readonly (readonly MetadataFile[])[]> {
    const { openRepositorySession } = await import("../trust/session.ts")
    const chains: (readonly MetadataFile[])[] = []
    for (const repository of plan.repositories) {
        const session = await openRepositorySession(cli, repository.gun, "pull")
        chains.push(await fetchChain(session, repository))
    }
    return chains
}

async function fetchChain(session: TrustSession, { gun, published }: PlannedRepository): Promise<readonly MetadataFile[]> {
    if (published === undefined) {
        if ((await session.server.get(gun, "root")) === undefined) return []
        throw movedOn(`${session.server.url} has trust data for ${gun} by now, and the plan is to begin it`)
    }
    const current = await session.fetchToTakeIn()
    const [first] = current.roots
    const newest = current.verified.root.signed
    if (first === undefined || lineageOf(first.signed) !== published.lineage)
        throw movedOn(`${gun} was begun anew: its lineage is another than the plan's`)
    if (newest.document.version !== published.version || newest.sha256 !== published.sha256) {
        throw movedOn(
            `root version ${newest.document.version} of ${gun} is published, and the plan was written for version ${published.version}`,
        )
    }
    return current.roots
}

/** Whether a plan fits the roots that are published: what the bundle's first record would be refused for. @throws step_refused */
export function requireFits(plan: Plan, chains: readonly (readonly MetadataFile[])[]): void {
    const files = chains.map((roots) => roots.map(({ content }) => content))
    const pretended = { step: "pack", program: "trustkey", programSha256: plan.sha256, chains: files } as const
    takeStep(newBundle(plan), pretended, { at: plan.created })
}

export function movedOn(what: string): TrustkeyError {
    return new TrustkeyError("repository_moved_on", what)
}
