import { setImmediate } from "node:timers/promises"
import type { KeyFileEntry, OpenedKey, Secret } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import type { Cli } from "./context.ts"
import { printable } from "./output.ts"
import { fromDockerVariable, fromFlags } from "./secrets.ts"

export type FilePassphraseOptions = { filePassphraseFd?: number; filePassphraseFile?: string }

const FLAGS = "--file-passphrase-fd or --file-passphrase-file"
const TRIES = 3

/**
 * The passphrases key files are opened with. One from a flag is the only one. Else docker's variable for this kind of key is tried, once;
 * then what was typed for another file of this run; then a person is asked, up to three times.
 */
export class FilePassphrases implements Disposable {
    readonly #cli: Cli
    readonly #options: FilePassphraseOptions
    readonly #good: Secret[] = []
    #fromFlag: Secret | undefined

    constructor(cli: Cli, options: FilePassphraseOptions) {
        this.#cli = cli
        this.#options = options
    }

    /**
     * @param name what the question says: "Enter passphrase for NAME: "
     * @throws open_failed; no_terminal; declined; what opening the entry throws
     */
    async open(entry: KeyFileEntry, purpose: string, name: string): Promise<OpenedKey> {
        if (!entry.encrypted) return entry.open(undefined)
        // Opening blocks: whoever pressed Ctrl-C meanwhile is heard between two keys.
        await setImmediate()
        const flag = await this.#flag()
        if (flag !== undefined) return entry.open(flag)
        return await this.#openWith(entry, purpose, name, undefined)
    }

    /**
     * The same for one of many files that may have different passphrases: one from a flag is tried first, and is not the last word.
     *
     * @throws open_failed; no_terminal; declined; what opening the entry throws
     */
    async openOneOfMany(entry: KeyFileEntry, purpose: string, name: string): Promise<OpenedKey> {
        if (!entry.encrypted) return entry.open(undefined)
        await setImmediate()
        return await this.#openWith(entry, purpose, name, await this.#flag())
    }

    async #openWith(entry: KeyFileEntry, purpose: string, name: string, flag: Secret | undefined): Promise<OpenedKey> {
        using variable = fromDockerVariable(this.#cli, purpose)
        const given = [flag, variable].filter((secret) => secret !== undefined)
        for (const secret of [...given, ...this.#good]) {
            const opened = tryOpen(entry, secret)
            if (opened !== undefined) return opened
        }
        if (given.length > 0 && !(await this.#cli.prompts()).possible) throw wrong()
        return this.#ask(entry, name)
    }

    async #ask(entry: KeyFileEntry, name: string): Promise<OpenedKey> {
        const prompts = await this.#cli.prompts()
        for (let attempt = 1; ; attempt += 1) {
            const typed = await prompts.secret(`Enter passphrase for ${printable(name)}: `, FLAGS)
            let opened: OpenedKey | undefined
            try {
                opened = tryOpen(entry, typed)
            } finally {
                if (opened === undefined) typed[Symbol.dispose]()
            }
            if (opened !== undefined) {
                this.#good.push(typed)
                return opened
            }
            if (attempt === TRIES) throw wrong()
            this.#cli.output.note("Passphrase incorrect. Please retry.")
        }
    }

    async #flag(): Promise<Secret | undefined> {
        this.#fromFlag ??= await fromFlags(this.#cli, this.#options.filePassphraseFd, this.#options.filePassphraseFile)
        return this.#fromFlag
    }

    [Symbol.dispose](): void {
        this.#fromFlag?.[Symbol.dispose]()
        for (const secret of this.#good) secret[Symbol.dispose]()
    }
}

/** Undefined: not with this passphrase. */
function tryOpen(entry: KeyFileEntry, secret: Secret): OpenedKey | undefined {
    try {
        return entry.open(secret)
    } catch (error) {
        if (error instanceof TrustkeyError && error.code === "open_failed") return undefined
        throw error
    }
}

function wrong(): TrustkeyError {
    return new TrustkeyError("open_failed", "the passphrase is wrong, or the file is damaged")
}
