import { fork } from "node:child_process"
import { once } from "node:events"
import path from "node:path"

/** A key and the one role it signs for. `body` is canonical up to the version, which is its last member. */
export type Place = { readonly keyId: string; readonly gun: string; readonly role: string; readonly body: string }

/** A whole publication: several bodies and the snapshot over them. */
export type SetPlace = { readonly gun: string; readonly places: readonly Place[]; readonly snapshotKeyId: string; readonly expires: string }

export type Job =
    /** Each caller has a connection of its own and waits for its answer. */
    | { readonly kind: "unary"; readonly callers: number; readonly places: readonly Place[] }
    /** One stream, `depth` requests on their way. */
    | { readonly kind: "stream"; readonly depth: number; readonly places: readonly Place[] }
    /** `callers` sets on their way, on one connection. */
    | { readonly kind: "set"; readonly callers: number; readonly sets: readonly SetPlace[] }

export type Order = { readonly socket: string; readonly milliseconds: number; readonly job: Job }

/** p50 and p99 in milliseconds, of single requests. */
export type Outcome = { readonly signatures: number; readonly seconds: number; readonly p50: number; readonly p99: number }

export type Load = AsyncDisposable & {
    run(socket: string, milliseconds: number, job: Job): Promise<Outcome>
}

/** The client: a process of its own, with a JIT, that lives through all rounds, so that it is warm and never repeats a version. */
export function startLoad(): Load {
    const child = fork(path.join(import.meta.dirname, "load-client.ts"), { stdio: "inherit" })
    const ended = once(child, "exit")
    return {
        async run(socket, milliseconds, job) {
            const answer = Promise.withResolvers<Outcome>()
            child.once("message", (outcome: Outcome) => answer.resolve(outcome))
            child.send({ socket, milliseconds, job } satisfies Order)
            const died = ended.then(() => Promise.reject(new Error("the load client ended")))
            died.catch(() => {})
            return Promise.race([answer.promise, died])
        },
        async [Symbol.asyncDispose]() {
            child.disconnect()
            await ended
        },
    }
}
