import type { handleServerStreamingCall, handleUnaryCall, UntypedServiceImplementation } from "@grpc/grpc-js"
import { TrustkeyError } from "../errors.ts"
import type { HealthCheckRequest__Output } from "../wire/grpc/health/v1/HealthCheckRequest.ts"
import type { HealthCheckResponse } from "../wire/grpc/health/v1/HealthCheckResponse.ts"
import type { HealthListRequest__Output } from "../wire/grpc/health/v1/HealthListRequest.ts"
import type { HealthListResponse } from "../wire/grpc/health/v1/HealthListResponse.ts"
import { toStatus } from "./status.ts"

type Watcher = (response: HealthCheckResponse) => void

/**
 * grpc.health.v1: the daemon serves, or is about to stop. From its own knowledge only, never from behind a token.
 *
 * Not the class of grpc-health-check: that package reads its .proto file when it is loaded, and beside a bundle there is none.
 */
export class Health {
    readonly #services: readonly string[]
    readonly #watchers = new Map<Watcher, string>()
    #status: "SERVING" | "NOT_SERVING" = "SERVING"

    /** The empty name is the daemon as a whole. */
    constructor(services: readonly string[]) {
        this.#services = ["", ...services]
    }

    stop(): void {
        this.#status = "NOT_SERVING"
        for (const [watcher, service] of this.#watchers) watcher({ status: this.#statusOf(service) ?? "SERVICE_UNKNOWN" })
    }

    handlers(): UntypedServiceImplementation {
        const check: handleUnaryCall<HealthCheckRequest__Output, HealthCheckResponse> = (call, callback) => {
            const status = this.#statusOf(call.request.service)
            if (status === undefined) callback(toStatus(new TrustkeyError("not_found", "there is no such service"), ""))
            else callback(null, { status })
        }
        const list: handleUnaryCall<HealthListRequest__Output, HealthListResponse> = (_call, callback) => {
            callback(null, { statuses: Object.fromEntries(this.#services.map((service) => [service, { status: this.#status }])) })
        }
        const watch: handleServerStreamingCall<HealthCheckRequest__Output, HealthCheckResponse> = (call) => {
            const { service } = call.request
            const watcher: Watcher = (response) => call.write(response)
            this.#watchers.set(watcher, service)
            call.on("cancelled", () => this.#watchers.delete(watcher))
            watcher({ status: this.#statusOf(service) ?? "SERVICE_UNKNOWN" })
        }
        return { Check: check, List: list, Watch: watch }
    }

    #statusOf(service: string): "SERVING" | "NOT_SERVING" | undefined {
        return this.#services.includes(service) ? this.#status : undefined
    }
}
