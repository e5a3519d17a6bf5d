import type { CommandResult } from "../support/process.ts"
import type { Steps } from "./steps.ts"

export type RunLine = (line: string) => Promise<CommandResult>

/** Command lines, shown, run and judged. */
export class Lines {
    readonly run: RunLine
    readonly #steps: Steps

    constructor(run: RunLine, steps: Steps) {
        this.run = run
        this.#steps = steps
    }

    title(text: string): void {
        this.#steps.title(text)
    }

    async must(line: string, expected: { readonly match?: RegExp; readonly why: string }): Promise<void> {
        await this.#judge(line, ({ status, stdout }) => {
            if (status !== 0) throw new Error(`this had to succeed, and ended with ${status}: ${line}`)
            if (expected.match !== undefined && !expected.match.test(stdout)) {
                throw new Error(`this had to print something like ${expected.match}: ${line}`)
            }
            return expected.why
        })
    }

    async refused(line: string, expected: { readonly status?: number; readonly code?: string; readonly why: string }): Promise<void> {
        await this.#judge(line, ({ status, stdout }) => {
            if (status === 0) throw new Error(`THIS HAD TO BE REFUSED, and was not: ${line}`)
            if (expected.status !== undefined && status !== expected.status) {
                throw new Error(`this had to be refused with ${expected.status}, and ended with ${status}: ${line}`)
            }
            if (expected.code !== undefined && !stdout.includes(`[${expected.code}]`)) {
                throw new Error(`this had to be refused as ${expected.code}: ${line}`)
            }
            return `refused with exit status ${status}: ${expected.why}`
        })
    }

    #judge(line: string, judge: (result: CommandResult) => string): Promise<CommandResult> {
        return this.#steps.command(line, this.run, judge)
    }
}
