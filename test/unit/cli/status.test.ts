import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { statusCommand } from "../../../src/cli/commands/status.ts"
import type { DaemonBackup, DaemonBackupState } from "../../../src/cli/daemon-backups-types.ts"
import type { DaemonStatus } from "../../../src/cli/daemon-types.ts"
import { fakeDaemon } from "./fake-daemon.ts"
import { fakeCli, fakeTerminal } from "./fake-terminal.ts"

const FINGERPRINT = "ab".repeat(32)
const LAST: DaemonBackup = {
    fingerprint: FINGERPRINT,
    at: "2026-11-20T09:00:00.000Z",
    records: 3,
    bytes: 8,
    keys: 2,
    keyFiles: 0,
    without: 0,
    repositories: 1,
    recipients: ["age1"],
    auditSequence: 9,
    auditHead: "",
}
const STATE: DaemonBackupState = {
    last: LAST,
    lastDrill: { fingerprint: FINGERPRINT, at: "2026-11-01T09:00:00.000Z", keys: 2, without: 0, receipt: "" },
    recipients: ["age1"],
    maxAgeSeconds: 8 * 86_400,
    maxDrillAgeSeconds: 100 * 86_400,
    backupOverdue: false,
    drillOverdue: false,
}

/** The rows about backups. */
async function rows(changes: Partial<DaemonBackupState>, stdoutIsTerminal = false): Promise<readonly string[]> {
    const terminal = { ...fakeTerminal(), stdoutIsTerminal }
    const daemon = fakeDaemon({
        status: async () => ({ caller: "uid:0", signers: [], problems: [], backup: { ...STATE, ...changes } }) as unknown as DaemonStatus,
        listTrust: async () => [],
    })
    const cli = Object.assign(fakeCli(terminal), { daemon: async () => daemon })
    await statusCommand(cli).parseAsync([], { from: "user" })
    return terminal
        .printed()
        .split("\n")
        .filter((line) => line.startsWith("last "))
}

describe("status", () => {
    test("shows how old the last backup and the last good drill are", async () => {
        assert.deepEqual(await rows({}), [
            "last backup      24 hours ago, abababababababab",
            "last good drill  20 days ago, abababababababab",
        ])
    })

    test("says in red which of them is older than the configuration allows, or was never made though it should have been", async () => {
        const overdue = { backupOverdue: true, drillOverdue: true, maxAgeSeconds: 3600, maxDrillAgeSeconds: 7 * 86_400 }
        assert.deepEqual(await rows(overdue), [
            "last backup      24 hours ago, abababababababab: OVERDUE, the configuration allows 1 hour",
            "last good drill  20 days ago, abababababababab: OVERDUE, the configuration allows 7 days",
        ])
        assert.deepEqual(await rows({ ...overdue, backupOverdue: false }, true), [
            "last backup      24 hours ago, abababababababab",
            "last good drill  20 days ago, abababababababab: \u001b[31mOVERDUE, the configuration allows 7 days\u001b[39m",
        ])
        assert.equal((await rows({ ...overdue, lastDrill: undefined }))[1], "last good drill  none yet: OVERDUE")
        // Nothing was made that one could be held with.
        assert.deepEqual(await rows({ ...overdue, last: undefined, lastDrill: undefined }), [
            "last backup      none yet: OVERDUE",
            "last good drill  none yet",
        ])
    })
})
