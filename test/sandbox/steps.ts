import type { CommandResult } from "../support/process.ts"

/** Prints what happens, with the time it took. */
export class Steps {
    readonly #write: (text: string) => void
    readonly #signal: AbortSignal
    readonly #began = performance.now()

    constructor(write: (text: string) => void, signal: AbortSignal) {
        this.#write = write
        this.#signal = signal
    }

    /** Do one step of bringing up; `describe` says in a few words what came of it. One line. */
    async run<T>(what: string, work: () => Promise<T>, describe: (result: T) => string): Promise<T> {
        const began = performance.now()
        try {
            const result = await work()
            this.#line("ok", what, seconds(began), describe(result))
            return result
        } catch (error) {
            this.#line("FAIL", what, seconds(began), "")
            throw error
        }
    }

    /** The same for a part one can do without: why it isn't there is said in a line. */
    async attempt<T>(
        what: string,
        work: () => Promise<T>,
        describe: (result: T) => string,
        why: (error: unknown) => string,
    ): Promise<T | undefined> {
        const began = performance.now()
        try {
            const result = await work()
            this.#line("ok", what, seconds(began), describe(result))
            return result
        } catch (error) {
            this.#line("none", what, seconds(began), why(error))
            return undefined
        }
    }

    /** A part that isn't there, and why. */
    without(what: string, why: string): void {
        this.#line("none", what, "", why)
    }

    /**
     * Show a command line, run it, show what it printed and judge it: `judge` says in a few words why this is what had to
     * happen, or throws. The lines can be repeated by hand, because exactly they are run.
     */
    async command(
        line: string,
        execute: (line: string) => Promise<CommandResult>,
        judge: (result: CommandResult) => string,
    ): Promise<CommandResult> {
        this.#write(`  $ ${line}\n`)
        const began = performance.now()
        const result = await execute(line)
        const took = seconds(began)
        this.#write(shown(result))
        try {
            this.#write(`  ok, ${took}: ${judge(result)}\n`)
        } catch (error) {
            this.#write(`  FAIL, ${took}: the exit status was ${result.status}\n`)
            throw error
        }
        return result
    }

    /** What comes next. Between two of them is a good moment to end when somebody asked for it. */
    title(text: string): void {
        this.#signal.throwIfAborted()
        this.#write(`\n${text}\n`)
    }

    #line(how: "ok" | "none" | "FAIL", what: string, took: string, comment: string): void {
        this.#write(`${`  ${how.padEnd(5)} ${what.padEnd(34)} ${took.padStart(8)}  ${comment}`.trimEnd()}\n`)
    }

    total(): string {
        return seconds(this.#began)
    }
}

function shown({ stdout }: CommandResult): string {
    return stdout
        .split("\n")
        .map((line) => line.trimEnd())
        .filter((line) => line !== "")
        .map((line) => `    ${line}\n`)
        .join("")
}

function seconds(began: number): string {
    return `${((performance.now() - began) / 1000).toFixed(2)} s`
}
