import {
    BUNDLE_FILES,
    type Bundle,
    bundleFiles,
    CLOCK_LEEWAY_MS,
    formatTime,
    newBundle,
    type Plan,
    type PlannedKey,
    type PossibleStep,
    type Progress,
    progressOf,
    readBundle,
    type StepInput,
    type StepName,
    takeStep,
} from "../../ceremony/index.ts"
import { TrustkeyError } from "../../errors.ts"
import type { Cli } from "../context.ts"
import { printable } from "../output.ts"
import { Stick } from "./stick.ts"

export type StepOptions = {
    /** Who is at the keyboard. */
    readonly as?: string
    readonly note?: string
}

/** A ceremony at work: its bundle, judged as a stranger would, on the stick where it lies, and the one way to add to it. */
export class Work implements AsyncDisposable {
    readonly cli: Cli
    readonly stick: Stick
    #bundle: Bundle

    private constructor(cli: Cli, stick: Stick, bundle: Bundle) {
        this.cli = cli
        this.stick = stick
        this.#bundle = bundle
    }

    /** @throws not_found, plan_invalid, bundle_invalid naming the record, step_refused: somebody else is at work on it */
    static async open(cli: Cli, directory: string): Promise<Work> {
        await using opened = new AsyncDisposableStack()
        const stick = opened.use(await Stick.open(directory))
        if (stick.files.size === 0)
            throw new TrustkeyError(
                "not_found",
                `${printable(directory)} is empty: trustkey ceremony pack PLAN --to DIRECTORY makes a bundle`,
            )
        // What is closed was whole when it was: nothing of it is ours to tidy.
        const gone = stick.files.has(BUNDLE_FILES.close) ? 0 : await stick.tidy(namedIn(stick))
        if (gone > 0)
            cli.output.note(`Took away ${gone} file${gone === 1 ? "" : "s"} of a step that was interrupted before it was recorded.`)
        const work = new Work(cli, stick, readBundle(stick.files))
        opened.move()
        return work
    }

    /** A ceremony of which nothing has been done. Takes over `stick`; nothing is written yet. */
    static begin(cli: Cli, stick: Stick, plan: Plan): Work {
        return new Work(cli, stick, newBundle(plan))
    }

    get bundle(): Bundle {
        return this.#bundle
    }

    get plan(): Plan {
        return this.#bundle.plan
    }

    get state(): Bundle["state"] {
        return this.#bundle.state
    }

    get progress(): Progress {
        return progressOf(this.#bundle)
    }

    /**
     * Of the steps like this those that can be taken now.
     *
     * @throws step_refused: none can, and why
     */
    requirePossible(what: string, like: Partial<PossibleStep>): readonly [PossibleStep, ...PossibleStep[]] {
        const isLike = (step: PossibleStep): boolean => Object.entries(like).every(([name, value]) => Reflect.get(step, name) === value)
        const { possible, impossible } = this.progress
        const [first, ...others] = possible.filter(isLike)
        if (first !== undefined) return [first, ...others]
        const why = impossible.find(isLike)?.why ?? `the plan has no such step for it`
        throw new TrustkeyError("step_refused", `${what} is not possible: ${why}`)
    }

    /** What a name stands for. @throws step_refused: nothing of the name stands */
    content(name: string): Buffer {
        const content = this.#bundle.artefact(name)
        if (content === undefined) throw new TrustkeyError("step_refused", `there is no ${name} yet`)
        return content
    }

    /** @throws step_refused */
    key(name: string): PlannedKey {
        const key = this.plan.keys.find((candidate) => candidate.name === name)
        if (key !== undefined) return key
        const names = this.plan.keys.map((candidate) => candidate.name).join(", ")
        throw new TrustkeyError("step_refused", `the plan has no key called ${printable(name)}; its keys are ${names}`)
    }

    /**
     * Who is at the keyboard: as was said, or as is typed now. The wrong person at a step is a mistake that nobody could mend later.
     *
     * @throws step_refused, no_terminal
     */
    async requirePerson({ who: allowed }: PossibleStep, what: string, { as }: StepOptions): Promise<string> {
        const names = allowed.join(" or ")
        const given =
            as ??
            (
                await (
                    await this.cli.prompts()
                ).line(`${what.charAt(0).toUpperCase()}${what.slice(1)} is for ${names}. Your name: `, "--as")
            ).trim()
        if (allowed.includes(given)) return given
        throw new TrustkeyError("step_refused", `${what} is for ${names}, not for ${given === "" ? "nobody" : printable(given)}`)
    }

    /**
     * Whether a record made now would be in order by this machine's clock. Asked before anything is done that leaves something behind.
     *
     * @throws clock_implausible
     */
    requireClock(step: StepName): Date {
        const { now } = this.cli
        const last = this.state.last?.t
        const slack = step === "open" || step === "publish" ? CLOCK_LEEWAY_MS : 0
        const at = `this machine's clock says ${formatTime(now)}`
        if (last !== undefined && Math.floor(now.getTime() / 1000) * 1000 < last.getTime() - slack)
            throw new TrustkeyError("clock_implausible", `${at}, and the record before was made at ${formatTime(last)}`)
        const { notBefore, notAfter } = this.plan
        if (step !== "pack" && step !== "publish" && (now < notBefore || now > notAfter)) {
            const window = `between ${formatTime(notBefore)} and ${formatTime(notAfter)}`
            throw new TrustkeyError("clock_implausible", `${at}, and the plan has the ceremony ${window}`)
        }
        return now
    }

    /**
     * Add a record, by the rules by which a stranger judges the finished bundle. Its artefacts are on stable storage before it is.
     *
     * @throws step_refused, clock_implausible: nothing was written
     */
    async take(input: StepInput, who: string, { note }: StepOptions): Promise<void> {
        const at = this.requireClock(input.step)
        await this.#save(takeStep(this.#bundle, input, { at, who, ...(note === undefined ? {} : { note }) }))
    }

    /** The same ceremony, with its close signed. */
    async keep(closed: Bundle): Promise<void> {
        await this.#save(closed)
    }

    async #save(next: Bundle): Promise<void> {
        const files = bundleFiles(next)
        const last: readonly string[] = Object.values(BUNDLE_FILES)
        const order = [...files].sort(([left], [right]) => last.indexOf(left) - last.indexOf(right))
        for (const [name, content] of order) if (this.stick.files.get(name)?.equals(content) !== true) await this.stick.put(name, content)
        this.#bundle = next
    }

    async [Symbol.asyncDispose](): Promise<void> {
        await this.stick[Symbol.asyncDispose]()
    }
}

/** Every hash that a line has: whatever isn't among them is named by no record, however damaged the rest may be. */
function namedIn({ files }: Stick): ReadonlySet<string> {
    const text = [BUNDLE_FILES.transcript, BUNDLE_FILES.publication].map((name) => files.get(name)?.toString("latin1") ?? "").join("")
    return new Set(text.match(/[0-9a-f]{64}/g) ?? [])
}
