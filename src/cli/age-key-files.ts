import { type AgeOpener, identitiesIn, openAge, Secret } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import { readBytes, readStart } from "../storage/index.ts"
import type { Cli } from "./context.ts"
import type { FilePassphraseOptions } from "./file-passphrases.ts"
import { fromFlags } from "./secrets.ts"

export type AgeKeyOptions = FilePassphraseOptions & { identityFd?: number; identity?: string }

const BEGINNINGS = ["age-encryption.org/v1\n", "-----BEGIN AGE ENCRYPTED FILE-----"].map((text) => Buffer.from(text, "latin1"))
const LONGEST = Math.max(...BEGINNINGS.map(({ length }) => length))
/** One key of RSA-4096 has 4 kB; armored, and with as many recipients as a ceremony may have, some more. */
const LARGEST = 1024 * 1024

/** Files of private keys that age has encrypted, as a ceremony exports them. What opens one is asked for once, and opens the others. */
export class AgeKeyFiles implements Disposable {
    readonly #cli: Cli
    readonly #options: AgeKeyOptions
    readonly #beforeAsking: () => Promise<unknown>
    readonly #secrets = new DisposableStack()
    #opener: AgeOpener | undefined

    /** @param beforeAsking whatever could make it vain that somebody types */
    constructor(cli: Cli, options: AgeKeyOptions, beforeAsking: () => Promise<unknown>) {
        this.#cli = cli
        this.#options = options
        this.#beforeAsking = beforeAsking
    }

    /**
     * What is in the file, to be wiped by the caller. Undefined: it is no age file, and was not looked at further. Who else may read one does not matter.
     *
     * @throws open_failed; backup_invalid: changed or cut off; no_terminal, declined, invalid_request: no identity
     */
    async open(file: string): Promise<Secret | undefined> {
        const start = await readStart(file, LONGEST)
        if (!BEGINNINGS.some((beginning) => start?.subarray(0, beginning.length).equals(beginning))) return undefined
        const sealed = await readBytes(file, { maxBytes: LARGEST })
        if (sealed === undefined) return undefined
        this.#opener ??= await this.#askOpener()
        const pieces: Secret[] = []
        try {
            for await (const piece of openAge(once(sealed), this.#opener)) pieces.push(new Secret(piece))
            return joined(pieces)
        } finally {
            for (const piece of pieces) piece[Symbol.dispose]()
        }
    }

    async #askOpener(): Promise<AgeOpener> {
        const { identityFd, identity, filePassphraseFd, filePassphraseFile } = this.#options
        await this.#beforeAsking()
        const given = await fromFlags(this.#cli, identityFd, identity)
        const passphrase = given === undefined ? await fromFlags(this.#cli, filePassphraseFd, filePassphraseFile) : undefined
        if (passphrase !== undefined) return { kind: "passphrase", passphrase: this.#secrets.use(passphrase) }
        using text = given ?? (await this.#askIdentity())
        return { kind: "identities", identities: identitiesIn(text) }
    }

    async #askIdentity(): Promise<Secret> {
        const prompts = await this.#cli.prompts()
        return await prompts.secret("The identity of one of the recipients, AGE-SECRET-KEY-1…: ", "--identity or --identity-fd")
    }

    [Symbol.dispose](): void {
        this.#secrets.dispose()
    }
}

async function* once(content: Buffer): AsyncGenerator<Buffer> {
    yield content
}

function joined(pieces: readonly Secret[]): Secret {
    const length = pieces.reduce((sum, piece) => sum + piece.length, 0)
    if (length > LARGEST) throw new TrustkeyError("payload_too_large", "this is no file of private keys: it is too large")
    const whole = Buffer.alloc(length)
    let at = 0
    for (const piece of pieces) at += piece.reveal((bytes) => bytes.copy(whole, at))
    return new Secret(whole)
}
