import { once } from "node:events"
import { connect, createServer } from "node:net"

/** A port of 127.0.0.1, or the path of a Unix socket. */
type Place = string

const optionsOf = (place: Place): { port: number; host: string } | { path: string } =>
    /^\d+$/.test(place) ? { port: Number(place), host: "127.0.0.1" } : { path: place }

/** Passes every connection made to `from` on to `to`. Run as a program, it is a way out of a network namespace. */
export async function relay(from: Place, to: Place): Promise<AsyncDisposable> {
    const server = createServer((incoming) => {
        const outgoing = connect(optionsOf(to))
        for (const [one, other] of [
            [incoming, outgoing],
            [outgoing, incoming],
        ] as const) {
            one.on("error", () => other.destroy())
            one.pipe(other)
        }
    })
    server.listen(optionsOf(from))
    await once(server, "listening")
    return {
        [Symbol.asyncDispose]: async () => {
            server.close()
        },
    }
}

if (import.meta.main) {
    const [from = "", to = ""] = process.argv.slice(2)
    await relay(from, to)
    console.log("ready")
}
