import koffi from "koffi"

const SHARE = { exclusive: 1, shared: 2 } as const

/** Another program that uses the first reader's card, in this process: pcscd knows programs by their connections. */
export class PcscStranger implements Disposable {
    readonly #context: bigint
    readonly #card: bigint
    readonly #call: (name: string, signature: string, ...values: readonly unknown[]) => void
    #isOpen = true

    constructor(share: keyof typeof SHARE) {
        const library = koffi.load("libpcsclite.so.1")
        this.#call = (name, signature, ...values) => {
            const code = Number(library.func(`long ${name}(${signature})`)(...values))
            if (code !== 0) throw new Error(`${name}: ${code.toString(16)}`)
        }
        const word = Buffer.alloc(8)
        this.#call("SCardEstablishContext", "unsigned long scope, void *a, void *b, void *context", 2, null, null, word)
        this.#context = word.readBigInt64LE()
        const names = Buffer.alloc(1024)
        word.writeBigUInt64LE(1024n)
        this.#call("SCardListReaders", "long context, void *groups, void *names, void *size", this.#context, null, names, word)
        const reader = names.toString("utf8").split("\0")[0]
        const signature = "long context, const char *reader, unsigned long share, unsigned long protocols, void *card, void *active"
        this.#call("SCardConnect", signature, this.#context, reader, SHARE[share], 3, word, Buffer.alloc(8))
        this.#card = word.readBigInt64LE()
    }

    begin(): void {
        this.#call("SCardBeginTransaction", "long card", this.#card)
    }

    end(): void {
        this.#call("SCardEndTransaction", "long card, unsigned long disposition", this.#card, 0)
    }

    select(): void {
        this.send("00a4040005a000000308")
    }

    /** One APDU; the status word of its answer. Both hexadecimal. */
    send(apdu: string): string {
        const command = Buffer.from(apdu, "hex")
        const pci = Buffer.alloc(16)
        pci.writeBigUInt64LE(2n)
        pci.writeBigUInt64LE(16n, 8)
        const answer = Buffer.alloc(4096)
        const size = Buffer.alloc(8)
        size.writeBigUInt64LE(4096n)
        const signature = "long card, void *pci, void *command, unsigned long length, void *none, void *answer, void *size"
        this.#call("SCardTransmit", signature, this.#card, pci, command, command.length, null, answer, size)
        return answer.subarray(Number(size.readBigUInt64LE()) - 2, Number(size.readBigUInt64LE())).toString("hex")
    }

    [Symbol.dispose](): void {
        if (!this.#isOpen) return
        this.#isOpen = false
        this.#call("SCardDisconnect", "long card, unsigned long disposition", this.#card, 0)
        this.#call("SCardReleaseContext", "long context", this.#context)
    }
}
