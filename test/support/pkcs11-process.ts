import { fork } from "node:child_process"
import path from "node:path"

/** What a process that has a PKCS#11 module loaded can be asked to do. Bytes are hexadecimal. */
export type ModuleRequest =
    /** Serials of the tokens that are there now. */
    | { readonly do: "serials" }
    /** A session with the token of that serial; those before it are closed. */
    | { readonly do: "open"; readonly serial: string }
    | { readonly do: "login"; readonly who: "user" | "so"; readonly pin: string }
    | { readonly do: "logout" }
    /** CKF_USER_PIN_… of the session's token. */
    | { readonly do: "flags" }
    | { readonly do: "point"; readonly id: string }
    /** CKM_ECDSA; with `pin` after a context-specific login. */
    | { readonly do: "sign"; readonly id: string; readonly digest: string; readonly pin?: string }
    /** C_Finalize and C_Initialize. */
    | { readonly do: "restart" }

export type ModuleReply = { readonly value: string | readonly string[] } | { readonly error: string }

export type Pkcs11Process = AsyncDisposable & {
    readonly pid: number
    /** @throws Error whose message is the CKR name */
    ask(request: ModuleRequest): Promise<string>
    serials(): Promise<readonly string[]>
    kill(): Promise<void>
}

/** A module in a process of its own, as it has to be: calls may wait for a touch, or for ever. `env` is all of its environment. */
export function startPkcs11Process(module: string, env: Readonly<Record<string, string>>): Pkcs11Process {
    const child = fork(path.join(import.meta.dirname, "pkcs11-child.ts"), [module], { env: { ...env } })
    const waiting: PromiseWithResolvers<ModuleReply>[] = []
    let ended = false
    const exited = new Promise<void>((resolve) => {
        child.on("exit", (code, signal) => {
            ended = true
            for (const each of waiting.splice(0)) each.reject(new Error(`the module's process ended (${signal ?? code})`))
            resolve()
        })
    })
    child.on("message", (message) => waiting.shift()?.resolve(parseReply(message)))
    const request = async (what: ModuleRequest): Promise<string | readonly string[]> => {
        if (ended) throw new Error("the module's process has ended")
        const answer = Promise.withResolvers<ModuleReply>()
        waiting.push(answer)
        child.send(what)
        const reply = await answer.promise
        if ("error" in reply) throw new Error(reply.error)
        return reply.value
    }
    const kill = async (): Promise<void> => {
        child.kill("SIGKILL")
        await exited
    }
    return {
        pid: child.pid ?? -1,
        ask: async (what) => String(await request(what)),
        serials: async () => [await request({ do: "serials" })].flat(),
        kill,
        [Symbol.asyncDispose]: kill,
    }
}

function parseReply(message: unknown): ModuleReply {
    return message as ModuleReply
}
