// Sockets, peers, gRPC: who calls is asked of the kernel, wire becomes domain, and every error becomes a status in one place.
// No decision is made here about who may do what, and nothing here touches a key.

export type { Timeouts } from "./connection.ts"
export type { Log, LogRecord } from "./log.ts"
export { type RunningServer, type ServeLimits, type ServeOptions, serve } from "./serve.ts"
export type { SocketPlace } from "./socket-file.ts"
export { CODE_TRAILER, REFERENCE_TRAILER } from "./status.ts"
