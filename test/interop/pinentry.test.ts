import assert from "node:assert/strict"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { chmod, mkdir, writeFile } from "node:fs/promises"
import path from "node:path"
import { describe, test } from "node:test"
import { type Daemon, startDaemon } from "../support/daemon.ts"
import { type SoftHsm, startSoftHsm } from "../support/softhsm.ts"

type World = AsyncDisposable & { readonly hsm: SoftHsm; readonly daemon: Daemon }

async function openWorld(): Promise<World> {
    const stack = new AsyncDisposableStack()
    const hsm = stack.use(await startSoftHsm({ label: "100% trust" }))
    const daemon = stack.use(await startDaemon({ tokens: { "root-a": hsm } }))
    return { hsm, daemon, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

/** `trustkey` on a terminal of its own, where `keys` are pressed one after the other, each when its text is to be seen. */
async function onTerminal(
    { daemon }: World,
    args: readonly string[],
    keys: readonly (readonly [see: RegExp, press: string])[],
): Promise<{ readonly status: number; readonly seen: string }> {
    const program = path.resolve(import.meta.dirname, "..", "..", "dist", "trustkey.cjs")
    const command = [process.execPath, program, ...args].map((word) => `'${word}'`).join(" ")
    const child = spawn("script", ["-qefc", command, "/dev/null"], {
        env: {
            PATH: "/usr/bin:/bin",
            HOME: daemon.directory,
            TERM: "xterm",
            LC_ALL: "C.UTF-8",
            TRUSTKEYD_SOCKET: daemon.signSocket,
            TRUSTKEYD_ADMIN_SOCKET: daemon.adminSocket,
        },
        stdio: ["pipe", "pipe", "ignore"],
    })
    let seen = ""
    let from = 0
    const left = [...keys]
    child.stdout.on("data", (piece: Buffer) => {
        seen += piece.toString()
        for (let next = left[0]; next !== undefined; next = left[0]) {
            const match = next[0].exec(seen.slice(from))
            if (match === null) return
            from += match.index + match[0].length
            left.shift()
            child.stdin.write(next[1])
        }
    })
    const [status] = await once(child, "close")
    assert.deepEqual(left, [], `not seen: ${String(left[0]?.[0])} in ${JSON.stringify(seen)}`)
    return { status, seen }
}

describe("the real pinentry-tty", () => {
    test("asks for a token's PIN on the client's terminal, with its label and serial", async () => {
        await using world = await openWorld()
        const login = ["token", "login", "root-a", "--pinentry", "pinentry-tty"]
        const { status, seen } = await onTerminal(world, login, [[/PIN:/, `${world.hsm.userPin}\n`]])
        assert.equal(status, 0, seen)
        assert.match(seen, /PIN of token root-a/)
        assert.ok(seen.includes(`100% trust, serial ${world.hsm.serial}`), seen)
        assert.ok(!seen.includes(world.hsm.userPin))
        assert.match(await world.daemon.ok(["token", "list"]), /root-a +logged-in until/)
    })

    test("that is closed with Ctrl-C leaves the PIN untried and the terminal as it was", async () => {
        await using world = await openWorld()
        const login = ["token", "login", "root-a", "--pinentry", "pinentry-tty"]
        const { status } = await onTerminal(world, login, [[/PIN:/, "\u0003"]])
        assert.ok([3, 130].includes(status), String(status))
        assert.match(await world.daemon.ok(["token", "list"]), /root-a +present/)
    })

    test("is the one that client.toml names, and asks twice for a new PIN", async () => {
        await using world = await openWorld()
        const directory = path.join(world.daemon.directory, ".config", "trustkey")
        await mkdir(directory, { recursive: true })
        await writeFile(path.join(directory, "client.toml"), 'pinentry = "/usr/bin/pinentry-tty"\n')
        await chmod(path.join(directory, "client.toml"), 0o600)
        const { status, seen } = await onTerminal(
            world,
            ["token", "change-pin", "root-a"],
            [
                [/PIN:/, `${world.hsm.userPin}\n`],
                [/new PIN:/, "84930172\n"],
                [/new PIN again:/, "84930172\n"],
            ],
        )
        assert.equal(status, 0, seen)
        const right = await onTerminal(world, ["token", "login"], [[/PIN:/, "84930172\n"]])
        assert.equal(right.status, 0, right.seen)
    })
})
