/** The controlling terminal, for questions: it works although stdin and stdout are pipes. */
export type Tty = {
    readonly input: NodeJS.ReadableStream & { setRawMode(on: boolean): unknown }
    readonly output: NodeJS.WritableStream
    /** A question stands there without its answer: whoever ends us now begins a new line for the shell. */
    asking: boolean
    close(): void
}

/** Everything the client reads from and writes to; `bin` makes the real one, tests a fake. */
export type Terminal = {
    readonly stdin: NodeJS.ReadableStream
    readonly stdout: NodeJS.WritableStream
    readonly stderr: NodeJS.WritableStream
    readonly stdoutIsTerminal: boolean
    readonly stderrIsTerminal: boolean
    /** Undefined when there is no terminal to ask on. */
    readonly openTty: () => Tty | undefined
    /** A file descriptor inherited from the caller, for secrets. @throws usage when it is not open */
    readonly openDescriptor: (descriptor: number) => NodeJS.ReadableStream
    /**
     * A program in the foreground: the terminal and its signals are the program's until it ends. With `onStdout` or `onStderr` that output
     * comes to us, piece by piece, instead of going out.
     *
     * @returns its exit code; 128 and the signal's number when a signal ended it
     * @throws Error with code ENOENT when there is no such program
     */
    readonly run: (program: string, args: readonly string[], options: RunOptions) => Promise<number>
    /** The device of the terminal, for a program that asks there itself. */
    readonly ttyName: string | undefined
    /**
     * A program that is spoken to over its standard input and output. It may have the terminal meanwhile.
     *
     * @throws Error with code ENOENT when there is no such program
     */
    readonly converse: (
        program: string,
        args: readonly string[],
        env: Readonly<Record<string, string | undefined>>,
    ) => Promise<Conversation>
}

export type Conversation = {
    write(text: string): void
    /** Ends with the program. */
    readonly output: AsyncIterable<Buffer>
    /** The last words; whoever does not end by them is ended. */
    end(text: string): void
}

export type RunOptions = {
    readonly env: Readonly<Record<string, string | undefined>>
    /** Standard input isn't for the program: a secret comes that way. */
    readonly withoutStdin?: boolean
    readonly onStdout?: (piece: Buffer) => void
    readonly onStderr?: (piece: Buffer) => void
}

/** A person pressed Ctrl-C at a prompt: raw mode delivers it to us as a character. */
export class Interrupted extends Error {
    override readonly name = "Interrupted"
}

/** A program ran in our place. What there was to say it has said; how it ended is how we end. */
export class Ended extends Error {
    override readonly name = "Ended"
    readonly exitCode: number

    constructor(exitCode: number) {
        super(`ended with ${exitCode}`)
        this.exitCode = exitCode
    }
}
