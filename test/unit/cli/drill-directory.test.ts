import assert from "node:assert/strict"
import { existsSync } from "node:fs"
import { describe, test } from "node:test"
import { drillDirectory } from "../../../src/cli/backup/drill-directory.ts"
import { fakeCli, fakeTerminal } from "./fake-terminal.ts"

const ON_DISK = ["/proc/self", "/nowhere"]

describe("where a drill restores to", () => {
    test("is in memory, and goes afterwards", async () => {
        const terminal = fakeTerminal()
        let made = ""
        {
            await using directory = await drillDirectory(fakeCli(terminal), [...ON_DISK, "/dev/shm"], true)
            made = directory.path
            assert.ok(made.startsWith("/dev/shm/") && existsSync(made))
        }
        assert.ok(!existsSync(made))
        assert.equal(terminal.remarks(), "")
    })

    test("is a disk only for what is sealed, and that is said", async () => {
        const terminal = fakeTerminal()
        await using directory = await drillDirectory(fakeCli(terminal), ON_DISK, false)
        assert.ok(directory.path.startsWith("/tmp/"))
        assert.match(terminal.remarks(), /^warning: no directory here is in memory/)
    })

    test("attack: whoever reads the disk later finds no exported key on it: it is not brought there", async () => {
        await assert.rejects(drillDirectory(fakeCli(fakeTerminal()), ON_DISK, true), { code: "key_unfit", message: /mount a tmpfs/ })
    })
})
