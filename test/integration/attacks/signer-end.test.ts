import assert from "node:assert/strict"
import { writeFile } from "node:fs/promises"
import path from "node:path"
import { test } from "node:test"
import { setTimeout as sleep } from "node:timers/promises"
import { SignerProcess } from "../../../src/keys/signer-process.ts"
import { makeWorkingDirectory } from "../../support/temp.ts"

// A signer whose PKCS#11 module has started a helper of its own: it lives on, and holds our ends of its pipes open.
const CHILD = `
const { spawn } = require("node:child_process")
const { Socket } = require("node:net")
const pipe = new Socket({ fd: 3 })
spawn("sleep", ["8"], { detached: true, stdio: ["ignore", "ignore", "inherit", 3] }).unref()
pipe.on("data", (data) => {
    const body = Buffer.from('{"protocol":1}')
    const head = Buffer.alloc(9)
    head.writeUInt32BE(5 + body.length, 0); head[4] = 0x81; head.writeUInt32BE(data.readUInt32BE(5), 5)
    pipe.write(Buffer.concat([head, body]))
})
pipe.on("end", () => process.exit(0))
`

test("a helper that outlives its signer keeps neither lock --all nor the end of the daemon waiting", async () => {
    await using directory = await makeWorkingDirectory("child")
    const file = path.join(directory.path, "child.cjs")
    await writeFile(file, CHILD)
    let downs = 0
    const signer = new SignerProcess({
        name: "test",
        execPath: process.execPath,
        nodeFlags: [],
        file,
        environment: { PATH: "/usr/bin:/bin" },
        configuration: {},
        deadlineMs: 500,
        monotonic: () => performance.now(),
        log: () => {},
        onEvent: () => {},
        onDown: () => {
            downs += 1
        },
        onRespawn: () => {},
    })
    await signer.start()
    const before = performance.now()
    await Promise.race([signer.restart(), sleep(6_000)])
    assert.equal(downs, 1)
    await signer.control("something")
    await Promise.race([signer.close(), sleep(6_000)])
    assert.equal(downs, 2)
    assert.ok(performance.now() - before < 5_000)
})
