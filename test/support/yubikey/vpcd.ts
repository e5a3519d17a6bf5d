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
    /** Resolves when the reader has powered the card; rejects if the link ends before. */
    readonly powered: Promise<void>
    readonly closed: Promise<void>
}

/** Put a card into the reader that listens on this loopback port. */
export function insertCard(port: number, card: InsertedCard): Insertion {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true })
    const powered = Promise.withResolvers<void>()
    // Who isn't waiting for it isn't to be told by a crash.
    powered.promise.catch(() => {})
    const closed = new Promise<void>((resolve) => {
        socket.on("error", (error) => powered.reject(error))
        socket.on("close", () => {
            powered.reject(new Error("the reader hung up"))
            card.powerOff()
            resolve()
        })
    })
    serve(socket, card, powered.resolve).catch((error: unknown) =>
        socket.destroy(error instanceof Error ? error : new Error(String(error))),
    )
    return { close: () => socket.destroy(), powered: powered.promise, closed }
}

async function serve(socket: Socket, card: InsertedCard, onPower: () => void): Promise<void> {
    let received = Buffer.alloc(0)
    for await (const chunk of socket as AsyncIterable<Buffer>) {
        received = Buffer.concat([received, chunk])
        while (received.length >= 2 && received.length >= 2 + received.readUInt16BE()) {
            const body = received.subarray(2, 2 + received.readUInt16BE())
            received = received.subarray(2 + body.length)
            const answer = await take(body, card, onPower)
            if (answer !== undefined && socket.writable) socket.write(framed(answer))
        }
    }
}

async function take(body: Buffer, card: InsertedCard, onPower: () => void): Promise<Buffer | undefined> {
    if (body.length !== 1) return body.length === 0 ? undefined : card.transmit(body)
    switch (body[0]) {
        case CONTROL.sendAtr:
            return ATR
        case CONTROL.powerOff:
        case CONTROL.reset:
            card.powerOff()
            return undefined
        case CONTROL.powerOn:
            onPower()
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
