import { createServer, connect as openSocket, type Server } from "node:net"
import { createInterface } from "node:readline"
import type { Look, UsbPort } from "./usb-port.ts"

/** What can be done to a card from outside, as one line of JSON on its control socket; one line answers it. */
export type Order =
    | { readonly do: "plug"; readonly timeoutMs: number }
    | { readonly do: "unplug" }
    | { readonly do: "swap"; readonly stateFile: string }
    | { readonly do: "touch" }
    | { readonly do: "hand"; readonly afterMs?: number }
    | { readonly do: "touch-rule"; readonly timeoutMs: number; readonly missed: number }
    | { readonly do: "await-touch"; readonly timeoutMs: number }
    | { readonly do: "answer"; readonly ins: number; readonly sw: number; readonly times: number }
    | { readonly do: "delay"; readonly ins?: number; readonly delayMs: number; readonly times: number }
    | { readonly do: "calm" }
    | { readonly do: "look" }

export type Report = { readonly error?: string; readonly touched?: boolean; readonly look?: Look }

/** The card process's side. Who sent an order and hung up isn't answered. */
export function serveControl(port: UsbPort, socketPath: string): Server {
    return createServer((socket) => {
        socket.on("error", () => {})
        createInterface({ input: socket }).on("line", async (line) => {
            const report = await carryOut(port, parseOrder(line)).catch((error: unknown) => ({
                error: error instanceof Error ? error.message : String(error),
            }))
            if (socket.writable) socket.write(`${JSON.stringify(report)}\n`)
        })
    }).listen(socketPath)
}

async function carryOut(port: UsbPort, order: Order): Promise<Report> {
    switch (order.do) {
        case "plug":
            await port.plug(order.timeoutMs)
            return {}
        case "unplug":
            port.unplug()
            return {}
        case "swap":
            port.swap(order.stateFile)
            return {}
        case "touch":
            return { touched: port.touch() }
        case "hand":
            port.hand(order.afterMs)
            return {}
        case "touch-rule":
            port.touchRule(order.timeoutMs, order.missed)
            return {}
        case "await-touch":
            await port.awaitTouch(order.timeoutMs)
            return {}
        case "answer":
            port.answer(order.ins, order.sw, order.times)
            return {}
        case "delay":
            port.delay(order.ins, order.delayMs, order.times)
            return {}
        case "calm":
            port.calm()
            return {}
        case "look":
            return { look: port.look() }
    }
}

/** One order, and its report. */
export function sendOrder(socketPath: string, order: Order): Promise<Report> {
    return new Promise((resolve, reject) => {
        const socket = openSocket(socketPath)
        let line = ""
        socket.on("error", reject)
        socket.on("data", (chunk) => {
            line += chunk.toString()
            if (!line.endsWith("\n")) return
            socket.end()
            const report = parseReport(line)
            if (report.error === undefined) resolve(report)
            else reject(new Error(`the card could not ${order.do}: ${report.error}`))
        })
        socket.on("close", () => reject(new Error(`the card's process ended before it had done: ${order.do}`)))
        socket.write(`${JSON.stringify(order)}\n`)
    })
}

function parseOrder(line: string): Order {
    return JSON.parse(line) as Order
}

function parseReport(line: string): Report {
    return JSON.parse(line) as Report
}
