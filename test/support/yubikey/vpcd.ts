import { connect, type Socket } from "node:net"

// The card's side of vsmartcard's reader: over TCP, a big-endian length of two bytes and a body, both ways.
// https://frankmorgner.github.io/vsmartcard/virtualsmartcard/api.html

const CONTROL = { powerOff: 0, powerOn: 1, reset: 2, sendAtr: 4 } as const

/** The ATR of a YubiKey 5 on USB. It offers T=1, the only protocol ykcs11 takes. */
const ATR = Buffer.from("3bfd1300008131fe158073c021c057597562694b657940", "hex")

export type InsertedCard = {
    /** Undefined: the card was pulled out before it could answer. */
    transmit(apdu: Buffer): Promise<Buffer | undefined>
    powerOff(): void
}

export type Insertion = {
    /** Pull it out. */
    close(): void
    /** Resolves when programs can find the card in the reader; rejects if the link ends before. */
    readonly noticed: Promise<void>
    readonly closed: Promise<void>
}

/** Put a card into the reader that listens on this loopback port. */
export function insertCard(port: number, card: InsertedCard): Insertion {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true })
    const noticed = Promise.withResolvers<void>()
    // Who isn't waiting for it isn't to be told by a crash.
    noticed.promise.catch(() => {})
    const closed = new Promise<void>((resolve) => {
        socket.on("error", (error) => noticed.reject(error))
        socket.on("close", () => {
            noticed.reject(new Error("the reader hung up"))
            card.powerOff()
            resolve()
        })
    })
    serve(socket, card, noticed.resolve).catch((error: unknown) =>
        socket.destroy(error instanceof Error ? error : new Error(String(error))),
    )
    return { close: () => socket.destroy(), noticed: noticed.promise, closed }
}

async function serve(socket: Socket, card: InsertedCard, onNoticed: () => void): Promise<void> {
    let received = Buffer.alloc(0)
    // pcscd powers a new card, reads its ATR and only then tells programs of it; whatever it says next comes after that.
    let sincePower: number | undefined
    for await (const chunk of socket as AsyncIterable<Buffer>) {
        received = Buffer.concat([received, chunk])
        while (received.length >= 2 && received.length >= 2 + received.readUInt16BE()) {
            const body = received.subarray(2, 2 + received.readUInt16BE())
            received = received.subarray(2 + body.length)
            if (sincePower !== undefined) sincePower += 1
            else if (body.length === 1 && body[0] === CONTROL.powerOn) sincePower = 0
            if (sincePower === 2) onNoticed()
            const answer = await take(body, card)
            if (answer !== undefined && socket.writable) socket.write(framed(answer))
        }
    }
}

async function take(body: Buffer, card: InsertedCard): Promise<Buffer | undefined> {
    if (body.length !== 1) return body.length === 0 ? undefined : card.transmit(body)
    switch (body[0]) {
        case CONTROL.sendAtr:
            return ATR
        case CONTROL.powerOff:
        case CONTROL.reset:
            card.powerOff()
            return undefined
        default:
            return undefined
    }
}

export function framed(body: Buffer): Buffer {
    const length = Buffer.alloc(2)
    length.writeUInt16BE(body.length)
    return Buffer.concat([length, body])
}
