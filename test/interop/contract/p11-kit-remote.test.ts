import { existsSync, readFileSync } from "node:fs"
import { rm } from "node:fs/promises"
import path from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { type Service, startService } from "../../support/process.ts"
import { type Backend, findModuleFile, openShelfWorld, type ShelfModule } from "./shelf-world.ts"
import { signerContract } from "./signer-contract.ts"
import { SOFTHSM_LABEL, type SoftHsmShelf } from "./softhsm-shelf.ts"

const NEVER_LOCKS = "SoftHSM counts no tries: who has its files can guess without end"

/** p11-kit's server has the real module in a process for each client; its client module passes every call on. */
async function openRemote(shelf: SoftHsmShelf): Promise<ShelfModule> {
    const socket = path.join(shelf.directory, "p11-kit.sock")
    const backend = new Server(shelf, socket)
    return {
        module: findModuleFile("p11-kit-client.so"),
        environment: { P11_KIT_SERVER_ADDRESS: `unix:path=${socket}` },
        backend,
        [Symbol.asyncDispose]: () => backend.kill(),
    }
}

class Server implements Backend {
    readonly #shelf: SoftHsmShelf
    readonly #socket: string
    #service: Service | undefined

    constructor(shelf: SoftHsmShelf, socket: string) {
        this.#shelf = shelf
        this.#socket = socket
    }

    async start(): Promise<void> {
        if (this.#service !== undefined) return
        const { directory, module, moduleEnv } = this.#shelf
        await rm(this.#socket, { force: true })
        this.#service = await startService({
            name: "p11-kit-server",
            command: "p11-kit",
            args: ["server", "--foreground", "--provider", module, "-n", this.#socket, `pkcs11:token=${SOFTHSM_LABEL}`],
            directory,
            env: { ...moduleEnv, PATH: "/usr/bin:/bin", HOME: directory },
            ready: async () => existsSync(this.#socket),
        })
    }

    async kill(): Promise<void> {
        const service = this.#service
        if (service === undefined) return
        this.#service = undefined
        for (const pid of processes(service.pid)) process.kill(pid, "SIGKILL")
        while (service.ended() === undefined) await sleep(10)
    }

    signal(signal: "SIGSTOP" | "SIGCONT"): void {
        for (const pid of processes(this.#service?.pid ?? 0)) process.kill(pid, signal)
    }
}

/** It and its children, which it has one of for each connection. */
function processes(pid: number): readonly number[] {
    if (pid === 0) return []
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number)
    return [pid, ...children]
}

signerContract({
    name: "p11-kit remote",
    open: () => openShelfWorld(openRemote),
    deviations: {
        "near lock": { says: "taken: it doesn't say so", because: NEVER_LOCKS },
        locked: { says: "taken: it never locks", because: NEVER_LOCKS },
    },
})
