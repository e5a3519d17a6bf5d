import type { Daemon } from "./daemon-types.ts"

/** The repositories whose snapshot key the daemon holds: elsewhere the server signs the snapshots, and keeps them in date. */
export async function ownSnapshotsOf(daemon: Daemon): Promise<ReadonlySet<string>> {
    const keys = await daemon.listKeys({})
    const bindings = keys.filter(({ state }) => state !== "removed").flatMap((key) => key.bindings)
    return new Set(bindings.filter(({ role }) => role === "snapshot").map(({ gun }) => gun))
}
