import koffi from "koffi"

/**
 * A program that wants a card for itself, as gpg's scdaemon does. Its argument is the reader; it says "have it" or the PC/SC error, and
 * holds the card until its standard input ends.
 */
const [reader = ""] = process.argv.slice(2)
const library = koffi.load("libpcsclite.so.1")
const establish = library.func("long SCardEstablishContext(unsigned long scope, void *a, void *b, _Out_ long *context)")
const connect = library.func(
    "long SCardConnect(long context, const char *reader, unsigned long share, unsigned long protocols, _Out_ long *card, _Out_ unsigned long *active)",
)
const disconnect = library.func("long SCardDisconnect(long card, unsigned long disposition)")

const SCARD_SCOPE_SYSTEM = 2
const SCARD_SHARE_EXCLUSIVE = 1
const SCARD_PROTOCOL_ANY = 3
const SCARD_LEAVE_CARD = 0

const context: [unknown] = [null]
const card: [unknown] = [null]
const established: unknown = establish(SCARD_SCOPE_SYSTEM, null, null, context)
const code: unknown = established === 0 ? connect(context[0], reader, SCARD_SHARE_EXCLUSIVE, SCARD_PROTOCOL_ANY, card, [null]) : established
process.stdout.write(code === 0 ? "have it\n" : `${(BigInt(Number(code)) & 0xffff_ffffn).toString(16)}\n`)
if (code === 0) {
    process.stdin.resume()
    process.stdin.on("end", () => {
        disconnect(card[0], SCARD_LEAVE_CARD)
        process.exit(0)
    })
}
