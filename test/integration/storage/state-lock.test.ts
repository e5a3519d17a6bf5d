import assert from "node:assert/strict"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { chmodSync, chownSync, mkdirSync, statSync, symlinkSync, writeFileSync } from "node:fs"
import path from "node:path"
import { describe, test } from "node:test"
import { lockStateDirectory } from "../../../src/storage/index.ts"
import { makeWorkingDirectory } from "../../support/temp.ts"
import { refused } from "./fixtures.ts"

describe("the state directory's lock", () => {
    test("the directory is made for its owner alone", async () => {
        await using temporary = await makeWorkingDirectory("lock")
        const directory = path.join(temporary.path, "var", "state")
        const lock = await lockStateDirectory(directory)
        assert.equal(statSync(directory).mode & 0o777, 0o700)
        await lock.release()
    })

    test("a second taker is refused until the first lets go", async () => {
        await using temporary = await makeWorkingDirectory("lock")
        const lock = await lockStateDirectory(temporary.path)
        await assert.rejects(lockStateDirectory(temporary.path), refused("state_in_use"))
        await lock.release()
        await lock.release()
        const next = await lockStateDirectory(temporary.path)
        await next.release()
    })

    test("another process holds it until kill -9, and its children do not hold it on", async () => {
        await using temporary = await makeWorkingDirectory("lock")
        const holder = spawn(process.execPath, [path.join(import.meta.dirname, "hold-lock.ts"), temporary.path], {
            stdio: ["ignore", "pipe", "inherit"],
        })
        const [line] = await once(holder.stdout, "data")
        const child = Number(/^locked (\d+)/.exec(String(line))?.[1])
        try {
            await assert.rejects(lockStateDirectory(temporary.path), refused("state_in_use"))
            holder.kill("SIGKILL")
            await once(holder, "exit")
            process.kill(child, 0)
            const lock = await lockStateDirectory(temporary.path)
            await lock.release()
        } finally {
            holder.kill("SIGKILL")
            process.kill(child, "SIGKILL")
        }
    })

    test("a directory that others may enter, or that is none, is refused", async () => {
        await using temporary = await makeWorkingDirectory("lock")
        for (const mode of [0o710, 0o701, 0o750, 0o777]) {
            const directory = path.join(temporary.path, mode.toString(8))
            mkdirSync(directory)
            chmodSync(directory, mode)
            await assert.rejects(lockStateDirectory(directory), refused("file_unsafe"))
        }
        writeFileSync(path.join(temporary.path, "file"), "")
        await assert.rejects(lockStateDirectory(path.join(temporary.path, "file")), refused("file_unsafe"))
    })

    test("a directory of somebody else's is refused", async () => {
        assert.equal(process.geteuid?.(), 0, "only root can give a file away: run the tests as root")
        await using temporary = await makeWorkingDirectory("lock")
        const directory = path.join(temporary.path, "state")
        mkdirSync(directory, { mode: 0o700 })
        chownSync(directory, 12345, 12345)
        await assert.rejects(lockStateDirectory(directory), refused("file_unsafe"))
    })

    test("a lock file that is a link is not followed", async () => {
        await using temporary = await makeWorkingDirectory("lock")
        symlinkSync(path.join(temporary.path, "elsewhere"), path.join(temporary.path, "lock"))
        await assert.rejects(lockStateDirectory(temporary.path), refused("storage_failed"))
    })
})
