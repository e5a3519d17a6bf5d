import { readFile } from "node:fs/promises"
import path from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { type Service, startService } from "./process.ts"

// Node has no datagram sockets of AF_UNIX. A datagram each, as JSON on a line.
const RECEIVER = `
import json, socket, sys
receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
name = sys.argv[1]
receiver.bind("\\0" + name[1:] if name.startswith("@") else name)
print("bound", flush=True)
while True:
    print(json.dumps(receiver.recv(65536).decode()), flush=True)
`

/** The place of a service manager: hears what a service says to NOTIFY_SOCKET. */
export type NotifySocket = AsyncDisposable & {
    readonly address: string
    /** What came so far, each as the assignments it holds. */
    heard(): Promise<readonly Readonly<Record<string, string>>[]>
    /** Wait for one that has all of `wanted`. */
    waitFor(wanted: Readonly<Record<string, string>>): Promise<Readonly<Record<string, string>>>
}

const PATIENCE_MS = 30_000

/** @param address default: a socket in `directory`; `@name` is an abstract one */
export async function startNotifySocket(directory: string, address = path.join(directory, "notify")): Promise<NotifySocket> {
    const service: Service = await startService({
        name: "notify",
        command: "/usr/bin/python3",
        args: ["-u", "-c", RECEIVER, address],
        directory,
        ready: async () => (await readFile(path.join(directory, "notify.log"), "utf8")).includes("bound"),
    })
    const heard = async (): Promise<readonly Readonly<Record<string, string>>[]> => {
        const text = await readFile(path.join(directory, "notify.log"), "utf8")
        // The last piece may be half a line.
        const lines = text.split("\n").slice(0, -1)
        return lines.filter((line) => line.startsWith('"')).map((line) => assignments(JSON.parse(line)))
    }
    return {
        address,
        heard,
        waitFor: async (wanted) => {
            for (const until = performance.now() + PATIENCE_MS; ; await sleep(50)) {
                const all = await heard()
                const found = all.find((one) => Object.entries(wanted).every(([name, value]) => one[name] === value))
                if (found !== undefined) return found
                if (performance.now() > until) throw new Error(`never heard ${JSON.stringify(wanted)}, but ${JSON.stringify(all)}`)
            }
        },
        [Symbol.asyncDispose]: () => service.stop(),
    }
}

function assignments(text: string): Readonly<Record<string, string>> {
    return Object.fromEntries(
        text.split("\n").map((line): [string, string] => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
    )
}
