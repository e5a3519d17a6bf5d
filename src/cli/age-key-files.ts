import { openAge, Secret } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import { readPieces, readStart } from "../storage/index.ts"
import { type OwnedOpener, openerFor } from "./backup/identities.ts"
import type { Cli } from "./context.ts"
import type { FilePassphraseOptions } from "./file-passphrases.ts"

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
    #opener: OwnedOpener | undefined

    /** @param beforeAsking whatever could make it vain that somebody types */
    constructor(cli: Cli, options: AgeKeyOptions, beforeAsking: () => Promise<unknown>) {
        this.#cli = cli
        this.#options = options
        this.#beforeAsking = beforeAsking
    }

    /**
     * What is in the file, to be wiped by the caller. Undefined: it is no age file, and was not looked at further. Who else may read one does not matter.
     *
     * @throws open_failed; backup_invalid: changed or cut off; what asking for the opener throws
     */
    async open(file: string): Promise<Secret | undefined> {
        const start = await readStart(file, LONGEST)
        if (!BEGINNINGS.some((beginning) => start?.subarray(0, beginning.length).equals(beginning))) return undefined
        this.#opener ??= await this.#askOpener()
        const pieces: Secret[] = []
        try {
            let length = 0
            for await (const piece of openAge(readPieces(file), this.#opener)) {
                pieces.push(new Secret(piece))
                length += piece.length
                if (length > LARGEST) throw new TrustkeyError("payload_too_large", "this is no file of private keys: it is too large")
            }
            return joined(pieces, length)
        } finally {
            for (const piece of pieces) piece[Symbol.dispose]()
        }
    }

    async #askOpener(): Promise<OwnedOpener> {
        await this.#beforeAsking()
        const { identity, identityFd, filePassphraseFd, filePassphraseFile } = this.#options
        return await openerFor(this.#cli, {
            ...(identity === undefined ? {} : { identity }),
            ...(identityFd === undefined ? {} : { identityFd }),
            ...(filePassphraseFd === undefined ? {} : { passphraseFd: filePassphraseFd }),
            ...(filePassphraseFile === undefined ? {} : { passphraseFile: filePassphraseFile }),
        })
    }

    [Symbol.dispose](): void {
        this.#opener?.[Symbol.dispose]()
    }
}

function joined(pieces: readonly Secret[], length: number): Secret {
    const whole = Buffer.alloc(length)
    let at = 0
    for (const piece of pieces) at += piece.reveal((bytes) => bytes.copy(whole, at))
    return new Secret(whole)
}
