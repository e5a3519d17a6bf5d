import { cp, mkdir } from "node:fs/promises"
import path from "node:path"

export const UNITS = path.resolve(import.meta.dirname, "../../systemd")

export const UNIT_NAMES = [
    "trustkeyd.service",
    "trustkeyd-sign.socket",
    "trustkeyd-admin.socket",
    "trustkeyd-lock.service",
    "trustkeyd-backup.service",
    "trustkeyd-backup.timer",
]

/** Makes `root` a root directory with our units, systemd's own, and the programs that are named, for systemd-analyze. */
export async function layOutUnits(root: string): Promise<void> {
    await mkdir(path.join(root, "usr/lib/trustkeyd"), { recursive: true })
    await mkdir(path.join(root, "bin"))
    await mkdir(path.join(root, "usr/bin"))
    // Verified is that they are there and can be run.
    await cp("/bin/true", path.join(root, "usr/lib/trustkeyd/node"))
    await cp("/usr/lib/systemd/system", path.join(root, "usr/lib/systemd/system"), { recursive: true, verbatimSymlinks: true })
    for (const program of ["bin/sh", "usr/bin/systemctl", "usr/bin/trustkey"]) await cp("/bin/true", path.join(root, program))
    for (const unit of UNIT_NAMES) await cp(path.join(UNITS, unit), path.join(root, "usr/lib/systemd/system", unit))
}
