import path from "node:path"
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads"
import { generatePrivateKey, LEAST_COST, Secret, seal } from "../src/crypto/index.ts"
import { sealedGroupFacts, sealedKeyFacts, toBase64 } from "../src/signer/index.ts"
import { lockStateDirectory, openSqliteStore } from "../src/storage/index.ts"
import { canonicalKeyIdOf, tufKey } from "../src/tuf/index.ts"

/** The name of the group, and of the credential that opens it. */
export const GROUP = "bench"

const PER_COMMIT = 1_000
const THREADS = 2
const CREATED_AT = "2026-01-01T00:00:00.000Z"

type Order = { readonly groupKey: Uint8Array; readonly count: number; readonly from: number }
type Made = { readonly id: string; readonly facts: string; readonly envelope: Uint8Array }

/**
 * Fill a new state directory with sealed keys in one group, each what the daemon would have made: one by one through it would take
 * minutes. The daemon must not be running.
 */
export async function fillState(stateDirectory: string, count: number, credential: string): Promise<void> {
    const lock = await lockStateDirectory(stateDirectory)
    const workerFile = path.join(import.meta.dirname, "../src/storage/database-worker.ts")
    const store = await openSqliteStore({ directory: stateDirectory, workerFile })
    using groupKey = Secret.random(32)
    using secret = new Secret(Buffer.from(credential))
    const facts = { name: GROUP, createdAt: CREATED_AT }
    const wrap = { kind: "credential" as const, name: GROUP, secret, cost: LEAST_COST }
    const envelope = await seal(groupKey, sealedGroupFacts(facts), [wrap])
    await store.commit([{ kind: "group.insert", name: GROUP, facts: JSON.stringify(facts), envelope }])
    const share = Math.ceil(count / THREADS)
    await Promise.all(
        Array.from({ length: THREADS }, async (_, thread) => {
            const from = thread * share
            const order: Order = { groupKey: groupKey.reveal((bytes) => new Uint8Array(bytes)), from, count: Math.min(share, count - from) }
            const worker = new Worker(import.meta.filename, { workerData: order })
            const { promise, resolve, reject } = Promise.withResolvers<void>()
            worker.on("message", (made: readonly Made[]) => {
                store.commit(made.map((key) => ({ kind: "key.insert", ...key }))).catch(reject)
            })
            worker.on("error", reject)
            worker.on("exit", () => resolve())
            await promise
        }),
    )
    await store.close()
    await lock.release()
}

async function makeKey(groupKey: Secret, index: number): Promise<Made> {
    const { pkcs8, publicKey } = generatePrivateKey("p256")
    using _ = pkcs8
    const id = canonicalKeyIdOf(tufKey(publicKey))
    const origin = { purpose: "targets", origin: "generated", createdAt: CREATED_AT }
    const sealedFacts = sealedKeyFacts({ id, algorithm: "p256", publicKey, ...origin })
    const envelope = await seal(pkcs8, sealedFacts, [{ kind: "group", group: GROUP, key: groupKey }])
    const bindings = [{ gun: `registry.example.com/team-${index % 100}/app-${index}`, role: "targets" }]
    const facts = {
        id,
        publicKey: { keytype: publicKey.keytype, bytes: toBase64(publicKey.bytes) },
        algorithm: "p256",
        purpose: origin.purpose,
        label: `targets of app-${index}`,
        bindings,
        home: { kind: "group", group: GROUP },
        origin: origin.origin,
        createdAt: CREATED_AT,
    }
    return { id, facts: JSON.stringify(facts), envelope }
}

function parseOrder(value: unknown): Order {
    return value as Order
}

if (!isMainThread) {
    const { groupKey, count, from } = parseOrder(workerData)
    using key = new Secret(Buffer.from(groupKey))
    for (let done = 0; done < count; done += PER_COMMIT) {
        const made: Made[] = []
        for (let i = done; i < Math.min(count, done + PER_COMMIT); i++) made.push(await makeKey(key, from + i))
        parentPort?.postMessage(made)
    }
}
