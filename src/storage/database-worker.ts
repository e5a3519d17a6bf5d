import { parentPort, workerData } from "node:worker_threads"
import { TrustkeyError } from "../errors.ts"
import { Database, type Operation, type Outcome } from "./database.ts"
import { type Answer, CLOSE, parseWorkerData, type WorkerRequest } from "./worker-messages.ts"

// A thread of its own, for an fsync on the event loop costs two thirds of the signing rate. It does what it is told, in order, and after
// the first failure nothing more.
if (parentPort === null) throw new Error("this is the program of a worker thread")
const port = parentPort

const answer = (message: Answer): void => port.postMessage(message)

try {
    const database = Database.open(parseWorkerData(workerData).directory)
    port.on("message", (request: WorkerRequest) => {
        if (request === CLOSE) close(database)
        else run(database, request)
    })
    answer({ outcomes: [] })
} catch (error) {
    fail(error)
}

function run(database: Database, operations: readonly Operation[]): void {
    let outcomes: Outcome[]
    try {
        outcomes = database.run(operations)
    } catch (error) {
        fail(error)
        return
    }
    answer({ outcomes })
}

function close(database: Database): void {
    try {
        database.close()
        port.close()
    } catch (error) {
        fail(error)
    }
}

function fail(error: unknown): void {
    const known = error instanceof TrustkeyError ? error : undefined
    const cause = known === undefined ? error : known.cause
    answer({
        failed: {
            code: known?.code ?? "storage_failed",
            message: known?.message ?? "the database failed",
            cause: cause instanceof Error ? cause.message : "",
        },
    })
    port.close()
}
