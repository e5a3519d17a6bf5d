import type { Cli } from "../context.ts"

/** How far a long piece of work is, on a terminal only, in one line that goes when it is over. */
export class Progress implements Disposable {
    readonly #stderr: NodeJS.WritableStream | undefined
    readonly #what: string
    #shown = ""

    /** @param what is counted: "records" */
    constructor({ context }: Cli, what: string) {
        const { stderr, stderrIsTerminal } = context.terminal
        this.#stderr = stderrIsTerminal && context.env["TERM"] !== "dumb" ? stderr : undefined
        this.#what = what
    }

    /** @param total 0: not known */
    show(done: number, total: number): void {
        // Often enough to see that it moves, and seldom enough to cost nothing.
        const text =
            total === 0 ? `${done - (done % 1000)} ${this.#what}` : `${Math.floor((100 * done) / total)}% of ${total} ${this.#what}`
        if (text === this.#shown) return
        this.#shown = text
        this.#stderr?.write(`\r${text}\u001b[K`)
    }

    [Symbol.dispose](): void {
        if (this.#shown !== "") this.#stderr?.write("\r\u001b[K")
    }
}
