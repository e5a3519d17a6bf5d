import type { Machine } from "../../../src/cli/doctor/machine.ts"
import { parseNameDatabase } from "../../../src/storage/index.ts"

/** A machine with nothing wrong. */
export const HEALTHY_MACHINE: Machine = {
    names: parseNameDatabase("root:x:0:0::/root:/bin/sh\ntrustkeyd:x:998:998::/:/bin/false\n", "root:x:0:\n"),
    uid: 1000,
    sockets: [],
    configuration: { path: "/etc/trustkeyd/trustkeyd.toml", file: undefined },
    swaps: [],
    daemonSwaps: false,
    processes: [],
    corePattern: "core",
    clockSynchronized: true,
    built: undefined,
    pcscd: { asksPolkit: false, hasRule: false },
    credentials: [],
}
