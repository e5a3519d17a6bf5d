import koffi from "koffi"
import { TrustkeyError } from "../../errors.ts"

/** PC/SC as pcsc-lite has it: https://pcsclite.apdu.fr/api/group__API.html. A context is one connection to pcscd. */
export type Pcsc = Disposable & {
    /** Names of readers, with or without a card in them. @throws token_failed: no pcscd */
    readers(): readonly string[]
    /** What is in it now, without connecting to it: whoever uses the card is not disturbed. @throws token_absent, token_failed */
    look(reader: string): ReaderLook
    /** @throws token_absent: no card in it. token_busy: another program has it for itself */
    connect(reader: string): PcscCard
}

export type ReaderLook = {
    readonly hasCard: boolean
    /** Another program has the card for itself. */
    readonly isTaken: boolean
    /** Of cards put in and taken out, since pcscd began. */
    readonly changes: number
}

/** A card that others may use too, but for the time of a transaction. */
export type PcscCard = {
    /** Waits for others' transactions to end. */
    begin(): void
    transmit(apdu: Buffer): Buffer
    /** End the transaction and let go of the card; `reset` makes it forget what was shown to it. Never throws: what is over is over. */
    release(how: "leave" | "reset"): void
}

export type OpenPcsc = () => Pcsc

const SCARD_SCOPE_SYSTEM = 2
const SCARD_SHARE_SHARED = 2
const SCARD_PROTOCOL_T0 = 1
const SCARD_PROTOCOL_T1 = 2
const SCARD_LEAVE_CARD = 0
const SCARD_RESET_CARD = 1
const SCARD_STATE_UNAWARE = 0
const SCARD_STATE_UNKNOWN = 0x4
const SCARD_STATE_UNAVAILABLE = 0x8
const SCARD_STATE_PRESENT = 0x20
const SCARD_STATE_EXCLUSIVE = 0x80
const SCARD_S_SUCCESS = 0
const SCARD_E_UNKNOWN_READER = 0x80100009
const SCARD_E_TIMEOUT = 0x8010000a
const SCARD_E_SHARING_VIOLATION = 0x8010000b
const SCARD_E_NO_SMARTCARD = 0x8010000c
const SCARD_E_NOT_TRANSACTED = 0x80100016
const SCARD_E_READER_UNAVAILABLE = 0x80100017
const SCARD_E_NO_SERVICE = 0x8010001d
const SCARD_E_SERVICE_STOPPED = 0x8010001e
const SCARD_E_NO_READERS_AVAILABLE = 0x8010002e
const SCARD_E_COMM_DATA_LOST = 0x8010002f
const SCARD_W_UNRESPONSIVE_CARD = 0x80100066
const SCARD_W_UNPOWERED_CARD = 0x80100067
const SCARD_W_RESET_CARD = 0x80100068
const SCARD_W_REMOVED_CARD = 0x80100069
/** pcscd has asked polkit. */
const SCARD_W_SECURITY_VIOLATION = 0x8010006a

/** pcsc-lite's MAX_BUFFER_SIZE_EXTENDED. */
const LARGEST_ANSWER = 65_548
const LONG_SIZE = 8

/**
 * @throws token_failed: PC/SC isn't installed or not running
 *
 * PCSCLITE_CSOCK_NAME in the environment of this process decides which pcscd answers.
 */
export function openPcsc(): Pcsc {
    const library = loadLibrary()
    const context = Buffer.alloc(LONG_SIZE)
    succeed(library.establishContext(SCARD_SCOPE_SYSTEM, null, null, context))
    const handle = context.readBigInt64LE()
    return {
        readers: () => listReaders(library, handle),
        look: (reader) => lookAt(library, handle, reader),
        connect: (reader) => connect(library, handle, reader),
        [Symbol.dispose]: () => {
            library.releaseContext(handle)
        },
    }
}

type Library = ReturnType<typeof bind>
let loaded: Library | undefined

function loadLibrary(): Library {
    loaded ??= bind()
    return loaded
}

/** DWORD and LONG are as wide as a pointer in pcsc-lite. */
function bind() {
    const library = open()
    // Every name is known once in koffi, as it is in C.
    koffi.struct("SCARD_READERSTATE", {
        szReader: "const char *",
        pvUserData: "void *",
        dwCurrentState: "unsigned long",
        dwEventState: "unsigned long",
        cbAtr: "unsigned long",
        rgbAtr: koffi.array("uint8_t", 33),
    })
    const call = (prototype: string): ((...values: readonly unknown[]) => number) => {
        const native = library.func(prototype)
        return (...values) => Number(native(...values))
    }
    return {
        establishContext: call("long SCardEstablishContext(unsigned long scope, void *reserved1, void *reserved2, void *context)"),
        releaseContext: call("long SCardReleaseContext(long context)"),
        listReaders: call("long SCardListReaders(long context, void *groups, void *readers, void *size)"),
        getStatusChange: call(
            "long SCardGetStatusChange(long context, unsigned long timeout, _Inout_ SCARD_READERSTATE *states, unsigned long count)",
        ),
        connect: call(
            "long SCardConnect(long context, const char *reader, unsigned long share, unsigned long protocols, void *card, void *active)",
        ),
        disconnect: call("long SCardDisconnect(long card, unsigned long disposition)"),
        beginTransaction: call("long SCardBeginTransaction(long card)"),
        endTransaction: call("long SCardEndTransaction(long card, unsigned long disposition)"),
        transmit: call(
            "long SCardTransmit(long card, void *pci, void *command, unsigned long length, void *none, void *answer, void *size)",
        ),
    }
}

function open(): ReturnType<typeof koffi.load> {
    try {
        return koffi.load("libpcsclite.so.1")
    } catch (cause) {
        throw new TrustkeyError("token_failed", "PC/SC is not installed (libpcsclite.so.1); it takes pcscd to manage a YubiKey", { cause })
    }
}

function listReaders(library: Library, context: bigint): readonly string[] {
    const size = Buffer.alloc(LONG_SIZE)
    const code = library.listReaders(context, null, null, size)
    if (code === SCARD_E_NO_READERS_AVAILABLE) return []
    succeed(code)
    const names = Buffer.alloc(Number(size.readBigUInt64LE()))
    const second = library.listReaders(context, null, names, size)
    if (second === SCARD_E_NO_READERS_AVAILABLE) return []
    succeed(second)
    // Each ends with a zero, the list with another.
    return names
        .subarray(0, Number(size.readBigUInt64LE()))
        .toString("utf8")
        .split("\0")
        .filter((name) => name !== "")
}

function lookAt(library: Library, context: bigint, reader: string): ReaderLook {
    const state = {
        szReader: reader,
        pvUserData: null,
        dwCurrentState: SCARD_STATE_UNAWARE,
        dwEventState: 0,
        cbAtr: 0,
        rgbAtr: new Uint8Array(33),
    }
    const code = library.getStatusChange(context, 0, state, 1)
    if (code !== SCARD_E_TIMEOUT) succeed(code)
    const event = Number(state.dwEventState)
    if ((event & (SCARD_STATE_UNKNOWN | SCARD_STATE_UNAVAILABLE)) !== 0) throw judgePcsc(SCARD_E_UNKNOWN_READER)
    return {
        hasCard: (event & SCARD_STATE_PRESENT) !== 0,
        isTaken: (event & SCARD_STATE_EXCLUSIVE) !== 0,
        // pcsc-lite keeps it in the upper half.
        changes: event >>> 16,
    }
}

function connect(library: Library, context: bigint, reader: string): PcscCard {
    const card = Buffer.alloc(LONG_SIZE)
    const active = Buffer.alloc(LONG_SIZE)
    succeed(library.connect(context, reader, SCARD_SHARE_SHARED, SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1, card, active))
    const handle = card.readBigInt64LE()
    // SCARD_IO_REQUEST: the protocol, and the size of this structure.
    const pci = Buffer.alloc(2 * LONG_SIZE)
    pci.writeBigUInt64LE(active.readBigUInt64LE())
    pci.writeBigUInt64LE(BigInt(pci.length), LONG_SIZE)
    const answer = Buffer.alloc(LARGEST_ANSWER)
    const size = Buffer.alloc(LONG_SIZE)
    return {
        begin: () => succeed(library.beginTransaction(handle)),
        transmit: (apdu) => {
            size.writeBigUInt64LE(BigInt(answer.length))
            succeed(library.transmit(handle, pci, apdu, apdu.length, null, answer, size))
            const length = Number(size.readBigUInt64LE())
            // Some drivers say that all is well when the card is gone, and have nothing to hand over.
            if (length < 2) throw judgePcsc(SCARD_E_NOT_TRANSACTED)
            return Buffer.from(answer.subarray(0, length))
        },
        release: (how) => {
            const disposition = how === "reset" ? SCARD_RESET_CARD : SCARD_LEAVE_CARD
            // The reset belongs to the end of the transaction: SCardDisconnect gives the card to others first and resets it then.
            const ended = library.endTransaction(handle, disposition)
            library.disconnect(handle, ended === SCARD_S_SUCCESS ? SCARD_LEAVE_CARD : disposition)
        },
    }
}

/** @throws token_absent, token_busy, token_failed */
function succeed(code: number): void {
    if (code !== SCARD_S_SUCCESS) throw judgePcsc(code)
}

/** What a PC/SC error means; all of pcsc-lite's that aren't named here are the card's or the reader's failure. */
export function judgePcsc(code: number): TrustkeyError {
    const cause = new Error(`PC/SC error ${code.toString(16)}`)
    switch (code) {
        case SCARD_E_UNKNOWN_READER:
        case SCARD_E_NO_SMARTCARD:
        case SCARD_E_READER_UNAVAILABLE:
        case SCARD_E_NO_READERS_AVAILABLE:
        case SCARD_W_UNRESPONSIVE_CARD:
        case SCARD_W_UNPOWERED_CARD:
        case SCARD_W_REMOVED_CARD:
            return new TrustkeyError("token_absent", "the card is not there; insert it", { cause })
        case SCARD_E_NOT_TRANSACTED:
        case SCARD_E_COMM_DATA_LOST:
            // So it looks for the first moments after it was pulled out.
            return new TrustkeyError("token_absent", "the card stopped answering; take it out and insert it again", { cause })
        case SCARD_E_SHARING_VIOLATION:
            return new TrustkeyError("token_busy", "another program has the card for itself (gpg-agent's scdaemon?); end it", { cause })
        case SCARD_W_RESET_CARD:
            // Never sent again: what was shown to the card is gone, and a try may be spent.
            return new TrustkeyError("token_busy", "another program reset the card meanwhile; try again", { cause })
        case SCARD_E_NO_SERVICE:
        case SCARD_E_SERVICE_STOPPED:
            return new TrustkeyError("token_failed", "the smart card service (pcscd) does not answer; start it", { cause })
        case SCARD_W_SECURITY_VIOLATION:
            return new TrustkeyError("token_failed", "the smart card service (pcscd) refuses this user: no polkit rule lets it in", {
                cause,
            })
        default:
            return new TrustkeyError("token_failed", "the card or its reader failed", { cause })
    }
}
