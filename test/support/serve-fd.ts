// Serves on the listening socket that it inherits as descriptor 3, as from systemd, until its stdin says something.

import { serve } from "../../src/server/index.ts"
import { fakeCustody } from "./fake-custody.ts"
import { TEST_LIMITS } from "./server.ts"

const server = await serve({
    sockets: [{ kind: "sign", path: "/nonexistent/unused", mode: 0o600, fd: 3 }],
    custody: fakeCustody({}),
    names: { userName: () => undefined },
    limits: TEST_LIMITS,
    log: () => {},
    version: "test",
    now: () => new Date(),
})
process.stdin.once("data", () => void server.close(0).then(() => process.exit(0)))
process.stdout.write("ready\n")
