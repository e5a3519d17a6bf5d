import { Secret } from "../../crypto/index.ts"
import { TrustkeyError } from "../../errors.ts"
import { readSecretFile } from "../../storage/index.ts"
import type { Cli } from "../context.ts"
import { fromFlags } from "../secrets.ts"

export type KeyPassphraseOptions = {
    readonly keyPassphraseFd?: number
    readonly keyPassphraseFile?: string
    /** A file with a line for each: `group:NAME PASSPHRASE` or `KEY-ID PASSPHRASE`. */
    readonly keyPassphrases?: string
}

const LINE_FEED = 0x0a
const SPACE = 0x20
const LARGEST_LIST = 16 * 1024 * 1024

/** What keys and groups open with, as far as it was given: by name, or one for all. */
export class KeyPassphrases implements Disposable {
    readonly #byName = new Map<string, Secret>()
    readonly #forAll: Secret[] = []

    /** @throws file_unsafe, not_found; invalid_request: a line without a name and a passphrase, or a name twice */
    static async open(cli: Cli, options: KeyPassphraseOptions): Promise<KeyPassphrases> {
        const opened = new KeyPassphrases()
        const forAll = await fromFlags(cli, options.keyPassphraseFd, options.keyPassphraseFile)
        if (forAll !== undefined) opened.remember(forAll)
        if (options.keyPassphrases !== undefined) await opened.#readList(options.keyPassphrases)
        return opened
    }

    /** In the order they are to be tried; two wrong ones are free, each further one costs time. @param name as in the list */
    for(name: string): readonly Secret[] {
        const own = this.#byName.get(name)
        return own === undefined ? this.#forAll.slice(-2) : [own]
    }

    /** It has opened something, and may open more. It is ours to wipe from here on. */
    remember(secret: Secret): void {
        this.#forAll.push(secret)
    }

    async #readList(file: string): Promise<void> {
        using whole = new Secret(await readSecretFile(file, { maxBytes: LARGEST_LIST }))
        whole.reveal((bytes) => {
            let number = 0
            for (let start = 0; start < bytes.length; number += 1) {
                const next = bytes.indexOf(LINE_FEED, start)
                const end = next === -1 ? bytes.length : next
                if (end > start) this.#readLine(bytes.subarray(start, end), `line ${number + 1} of ${file}`)
                start = end + 1
            }
        })
    }

    #readLine(line: Buffer, where: string): void {
        const space = line.indexOf(SPACE)
        if (space < 1 || space === line.length - 1)
            throw new TrustkeyError("invalid_request", `${where} is not a name, a space and a passphrase`)
        const name = line.toString("utf8", 0, space)
        if (!/^(group:[a-z0-9][a-z0-9._-]{0,63}|[0-9a-f]{64})$/.test(name))
            throw new TrustkeyError("invalid_request", `${where} begins with neither group:NAME nor a whole key ID`)
        if (this.#byName.has(name)) throw new TrustkeyError("invalid_request", `${where} names what another line names`)
        // Its own memory, which is wiped with it.
        const passphrase = Buffer.alloc(line.length - space - 1)
        line.copy(passphrase, 0, space + 1)
        this.#byName.set(name, new Secret(passphrase))
    }

    [Symbol.dispose](): void {
        for (const secret of [...this.#byName.values(), ...this.#forAll]) secret[Symbol.dispose]()
    }
}
