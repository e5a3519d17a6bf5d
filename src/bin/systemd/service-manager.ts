import type { Environment } from "./activation.ts"
import type { Notify } from "./notify.ts"

/** How the service stands, for whoever started it: notify states of sd_notify(3). */
export type ServiceManager = {
    /** From now on the watchdog is fed. */
    ready(status: string): void
    /** Until `ready`. */
    reloading(): void
    stopping(status: string): void
    /** The last words of a service that fails: systemctl status shows them. */
    failed(status: string): void
}

/**
 * @param feed calls back every so many milliseconds, from the loop that does the work: one that hangs must not look alive
 */
export function serviceManager(
    environment: Environment,
    pid: number,
    notify: Notify,
    feed: (milliseconds: number, work: () => void) => void,
): ServiceManager {
    const patience = watchdogMilliseconds(environment, pid)
    let fed = false
    return {
        ready: (status) => {
            notify({ READY: "1", STATUS: status })
            if (patience === undefined || fed) return
            fed = true
            feed(patience / 2, () => notify({ WATCHDOG: "1" }))
        },
        // Type=notify-reload wants to know when the reload began, on the clock of CLOCK_MONOTONIC.
        reloading: () => notify({ RELOADING: "1", MONOTONIC_USEC: String(process.hrtime.bigint() / 1000n), STATUS: "Reloading" }),
        stopping: (status) => notify({ STOPPING: "1", STATUS: status }),
        failed: (status) => notify({ STATUS: status }),
    }
}

/** Undefined: nobody watches. sd_watchdog_enabled(3) */
function watchdogMilliseconds({ WATCHDOG_USEC: usec, WATCHDOG_PID: forPid }: Environment, pid: number): number | undefined {
    if (usec === undefined || !/^[1-9][0-9]{0,17}$/.test(usec)) return undefined
    return forPid === undefined || forPid === String(pid) ? Number(usec) / 1000 : undefined
}
