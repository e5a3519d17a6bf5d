import { checkShare, missingShares, parseShare, parseShareSet, type Share, type ShareSet } from "../../backup/index.ts"
import { Secret } from "../../crypto/index.ts"
import { TrustkeyError } from "../../errors.ts"
import { readSecretFile } from "../../storage/index.ts"
import type { Cli } from "../context.ts"
import { readNamed } from "../named-file.ts"

/** Given as a file: lines of standard input, as a scanner gives them. */
export const SCANNER = "-"
const LARGEST_SET = 64 * 1024
const LARGEST_LINE = 4096
const LINE_FEED = 0x0a
/** Whoever mistypes a share that often types the wrong thing. */
const MOST_TRIES = 5
export const SHARE_FLAGS = "--share or --shares with a terminal"

/** The public file of a set, if one was named. @throws not_found, share_invalid */
export async function readShareSet(file: string | undefined): Promise<ShareSet | undefined> {
    return file === undefined ? undefined : parseShareSet(await readNamed(file, LARGEST_SET))
}

/** Shares of one set, wiped together. */
export class GatheredShares implements Disposable {
    readonly #shares: Share[] = []
    readonly #set: ShareSet | undefined

    constructor(set: ShareSet | undefined) {
        this.#set = set
    }

    get shares(): readonly Share[] {
        return this.#shares
    }

    /** How many are needed; undefined before the first is there. */
    get threshold(): number | undefined {
        return this.#set?.threshold ?? this.#shares[0]?.threshold
    }

    get isEnough(): boolean {
        return this.#shares.length > 0 && missingShares(this.#shares) === 0
    }

    /** Wipes `text`. @throws share_invalid, and it is not taken */
    add(text: Secret): Share {
        using typed = text
        const share = parseShare(typed)
        try {
            if (this.#set !== undefined) checkShare(share, this.#set)
            missingShares([...this.#shares, share])
        } catch (error) {
            share.value[Symbol.dispose]()
            throw error
        }
        this.#shares.push(share)
        return share
    }

    [Symbol.dispose](): void {
        for (const { value } of this.#shares) value[Symbol.dispose]()
        this.#shares.length = 0
    }
}

/** Out of files, one in each. @throws share_invalid naming the file, file_unsafe, not_found */
export async function gatherFromFiles(cli: Cli, gathered: GatheredShares, files: readonly string[]): Promise<void> {
    for (const file of files) {
        if (file === SCANNER) {
            await gatherFromScanner(cli, gathered)
            continue
        }
        const text = new Secret(await readSecretFile(file))
        try {
            gathered.add(text)
        } catch (cause) {
            if (!(cause instanceof TrustkeyError)) throw cause
            throw new TrustkeyError(cause.code, `${file}: ${cause.message}`, { cause })
        }
    }
}

/** Until there are enough, or the lines end. What is refused is said, and reading goes on. */
async function gatherFromScanner(cli: Cli, gathered: GatheredShares): Promise<void> {
    for await (const line of secretLines(cli.context.terminal.stdin)) {
        try {
            const { index } = gathered.add(line)
            cli.output.note(`Share ${index}; ${progressOf(gathered)}.`)
        } catch (error) {
            if (!(error instanceof TrustkeyError)) throw error
            cli.output.failure(error.message)
        }
        if (gathered.isEnough) return
    }
}

/** One question each, until there are enough; `first` was typed already. @throws no_terminal, declined; share_invalid after five tries at one */
export async function gatherAsked(cli: Cli, gathered: GatheredShares, first?: Secret): Promise<void> {
    const prompts = await cli.prompts()
    let typed = first
    if (gathered.shares.length === 0)
        cli.output.note("What you type is not shown; spaces, hyphens and case don't matter. A scanner that types will do.")
    for (let tries = 1; !gathered.isEnough; ) {
        const needed = gathered.threshold === undefined ? "" : ` of ${gathered.threshold}`
        const text = typed ?? (await prompts.secret(`Share ${gathered.shares.length + 1}${needed}, TKS1…: `, SHARE_FLAGS))
        typed = undefined
        try {
            const { index } = gathered.add(text)
            cli.output.note(`That is share ${index}; ${progressOf(gathered)}.`)
            tries = 1
        } catch (error) {
            if (!(error instanceof TrustkeyError) || tries === MOST_TRIES) throw error
            cli.output.failure(error.message)
            tries += 1
        }
    }
}

function progressOf(gathered: GatheredShares): string {
    const missing = missingShares(gathered.shares)
    return missing === 0 ? "these are enough" : `${missing} more needed`
}

/** Lines as they arrive, without the empty ones; each is its taker's to wipe. @throws share_invalid for a line that no scanner gives */
export async function* secretLines(stream: NodeJS.ReadableStream): AsyncGenerator<Secret> {
    const collected = Buffer.alloc(LARGEST_LINE)
    let length = 0
    const line = (): Secret => {
        const text = Buffer.alloc(length)
        collected.copy(text, 0, 0, length)
        collected.fill(0)
        length = 0
        return new Secret(text)
    }
    try {
        for await (const chunk of stream) {
            const bytes = typeof chunk === "string" ? Buffer.from(chunk) : chunk
            for (const byte of bytes) {
                if (byte !== LINE_FEED) {
                    if (length === LARGEST_LINE)
                        throw new TrustkeyError(
                            "share_invalid",
                            "what is read is no scanner's text: zbarcam --raw reads codes, zbarimg --raw -q pictures",
                        )
                    collected[length] = byte
                    length += 1
                } else if (length > 0) yield line()
            }
            bytes.fill(0)
        }
        if (length > 0) yield line()
    } finally {
        collected.fill(0)
    }
}
