import assert from "node:assert/strict"
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { writeFile } from "node:fs/promises"
import path from "node:path"
import { after, before, describe, test } from "node:test"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import type { DaemonKey } from "../../src/cli/daemon-types.ts"
import type { TokenEvent__Output } from "../../src/wire/trustkeyd/v1/TokenEvent.ts"
import { Scene, WireRepository } from "../integration/crash/scene.ts"
import { targetsBody } from "../integration/custody/rig.ts"
import { mustRun } from "../support/process.ts"
import { connectTo, v1 } from "../support/server.ts"
import { createAttestationAuthority } from "../support/yubikey/attestation.ts"
import { INS } from "../support/yubikey/card.ts"
import { startYubikeyRig, type YubikeyRig } from "../support/yubikey/rig.ts"

const PIN = "123456"
const GUN = "registry.example.com/team/app"
const TRUSTKEY = fileURLToPath(new URL("../../dist/trustkey.cjs", import.meta.url))
const authority = createAttestationAuthority("rsa")

/** A YubiKey with a targets key that wants a touch, and a repository whose other keys are sealed. */
class World {
    readonly rig: YubikeyRig
    readonly scene: Scene
    readonly repository: WireRepository
    readonly key: DaemonKey
    #version = 1

    private constructor(rig: YubikeyRig, scene: Scene, repository: WireRepository, key: DaemonKey) {
        this.rig = rig
        this.scene = scene
        this.repository = repository
        this.key = key
    }

    static async open(): Promise<World> {
        const rig = await startYubikeyRig({ authority })
        try {
            for (const [slot, pinPolicy] of [
                ["9c", "always"],
                ["9a", "once"],
            ] as const) {
                const policies = [`--pin-policy=${pinPolicy}`, "--touch-policy=always"]
                await mustRun("yubico-piv-tool", ["-a", "generate", "-s", slot, "-A", "ECCP256", ...policies], { env: rig.env })
            }
            // For everything that comes before the tests, somebody sits there.
            await rig.card.hand(20)
            const scene = await Scene.withGroup({ tokens: { yubikey: await rig.card.token() }, credentials: { "yubikey-pin": PIN } })
            const key = await scene.client.enrollKey({
                token: "yubikey",
                uri: "pkcs11:serial=12345678;id=%02",
                purpose: "targets",
                label: "release",
                bindings: [],
            })
            const keys = { root: await scene.createKey("root", []), targets: key, snapshot: await scene.createKey("snapshot", []) }
            const repository = await WireRepository.prepare(scene, keys, GUN)
            await scene.client.signSet(repository.firstSet())
            await rig.card.hand()
            return new World(rig, scene, repository, key)
        } catch (error) {
            await rig.stop()
            throw error
        }
    }

    async close(): Promise<void> {
        await this.scene[Symbol.asyncDispose]()
        await this.rig.stop()
    }

    get nextVersion(): number {
        this.#version += 1
        return this.#version
    }

    /** What the client is given to sign: targets of this version with one more tag. */
    async file(version: number): Promise<readonly string[]> {
        const file = path.join(this.rig.directory, `targets-${version}.json`)
        await writeFile(file, targetsBody({ version, targets: { v1: "v1", [`v${version}`]: "new" } }))
        return ["sign", "--gun", GUN, "--role", "targets", "--key", this.key.id, file]
    }

    /** The client at its work, which may be interrupted. */
    async start(args: readonly string[]): Promise<Started> {
        const { directory, signSocket, adminSocket } = this.scene.daemon
        const env = {
            PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
            HOME: directory,
            TRUSTKEYD_SOCKET: signSocket,
            TRUSTKEYD_ADMIN_SOCKET: adminSocket,
        }
        const child = spawn(process.execPath, [TRUSTKEY, ...args], { env, stdio: ["ignore", "pipe", "pipe"] })
        return new Started(child)
    }

    async touchesAsked(): Promise<number> {
        return (await this.rig.card.look()).touchesAsked
    }
}

class Started {
    readonly child: ChildProcess
    stdout = ""
    stderr = ""
    readonly #ended: Promise<unknown[]>

    constructor(child: ChildProcess) {
        this.child = child
        child.stdout?.on("data", (piece) => {
            this.stdout += piece
        })
        child.stderr?.on("data", (piece) => {
            this.stderr += piece
        })
        this.#ended = once(child, "close")
    }

    async end(): Promise<number | null> {
        await this.#ended
        return this.child.exitCode
    }
}

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
    const deadline = performance.now() + 20_000
    while (!(await holds())) {
        assert.ok(performance.now() < deadline, `not in time: ${what}`)
        await sleep(20)
    }
}

describe("a key that wants a touch", () => {
    let world: World
    before(async () => {
        world = await World.open()
    })
    after(() => world.close())

    test("asks for it: which YubiKey and slot, what is signed and what that changes; then the signature is there", async () => {
        const { rig, scene } = world
        const version = world.nextVersion
        const client = await world.start(await world.file(version))
        await rig.card.awaitTouch()
        await until("the client asks", () => client.stderr.includes("becomes"))
        assert.match(
            client.stderr,
            new RegExp(
                `^Touch YubiKey 12345678 \\(slot 9c\\) within 1\\d s: key ${world.key.id.slice(0, 12)} \\(release\\) signs targets version ${version} of ${GUN}\\n  version 1 becomes ${version}\\n  adds tag v${version} as sha256:[0-9a-f]{12} \\(3 bytes\\)\\n$`,
            ),
        )
        assert.ok(!client.stderr.includes("\u001b"))
        const [token] = await scene.client.listTokens()
        assert.equal(token?.state, "busy")
        const awaited = `waiting for touch of key ${world.key.id.slice(0, 12)} (release) for ${GUN} targets`
        assert.equal(token?.detail, awaited)
        const begun = performance.now()
        const { stdout } = await scene.daemon.trustkey(["status"])
        assert.match(stdout, new RegExp(`^yubikey +busy +0 +${RegExp.escape(awaited)}$`, "m"))
        assert.ok(performance.now() - begun < 2_000)
        assert.equal(await rig.card.touch(), true)
        assert.equal(await client.end(), 0, client.stderr)
        assert.equal(JSON.parse(client.stdout).signatures.length, 1)
        await until("the token is not busy", async () => (await scene.client.listTokens())[0]?.state === "logged-in")
    })

    for (const [sw, what] of [
        [0x6982, "a missing login"],
        [0x6985, "a broken device"],
    ] as const) {
        test(`that isn't touched is its own error, though the card says what it says of ${what}, and nothing signs twice`, async () => {
            const { rig } = world
            await rig.card.touchRule({ timeoutMs: 3_500, missed: sw })
            const asked = await world.touchesAsked()
            const file = await world.file(world.nextVersion)
            const client = await world.start(file)
            assert.equal(await client.end(), 5, client.stderr)
            assert.match(client.stderr, /nobody touched the token in time \[touch_timeout\]/)
            assert.equal(await world.touchesAsked(), asked + 1)
            await sleep(300)
            assert.equal((await rig.card.look()).waitingForTouch, false)
            // Asked again by a person, it is one more touch, and no PIN.
            await rig.card.hand(50)
            const again = await world.start(file)
            assert.equal(await again.end(), 0, again.stderr)
            assert.equal(await world.touchesAsked(), asked + 2)
            await rig.card.calm()
        })
    }

    test("is signed with once more when another program reset the card in between, since that takes no time; but not a third time", async () => {
        const { rig } = world
        await rig.card.hand(20)
        await rig.card.answer(INS.authenticate, 0x6982, 1)
        const client = await world.start(await world.file(world.nextVersion))
        assert.equal(await client.end(), 0, client.stderr)
        const asked = await world.touchesAsked()
        await rig.card.answer(INS.authenticate, 0x6982, 2)
        const refused = await world.start(await world.file(world.nextVersion))
        assert.equal(await refused.end(), 5, refused.stderr)
        assert.match(refused.stderr, /\[login_required\]/)
        assert.equal(await world.touchesAsked(), asked)
        // Both are used up.
        const next = await world.start(await world.file(world.nextVersion))
        assert.equal(await next.end(), 0, next.stderr)
        await rig.card.calm()
    })

    test("keeps its promise when the client goes away: touched later, and whoever asks again gets that signature", async () => {
        const { rig } = world
        const asked = await world.touchesAsked()
        const file = await world.file(world.nextVersion)
        const first = await world.start(file)
        await rig.card.awaitTouch()
        await until("the client asks", () => first.stderr.includes("Touch"))
        first.child.kill("SIGINT")
        assert.equal(await first.end(), 130)
        // Asked again meanwhile: it waits for the same touch, and says so.
        const second = await world.start(file)
        await until("the second client asks", () => second.stderr.includes("Touch"))
        assert.equal(await rig.card.touch(), true)
        assert.equal(await second.end(), 0, second.stderr)
        const third = await world.start(file)
        assert.equal(await third.end(), 0, third.stderr)
        assert.equal(third.stdout, second.stdout)
        assert.equal(third.stderr.includes("Touch"), false)
        assert.equal(await world.touchesAsked(), asked + 1)
    })

    test("is asked to show that it can sign when it is taken in, with what the card says of its slot", async () => {
        const { rig } = world
        const uri = "pkcs11:serial=12345678;id=%01"
        const client = await world.start(["key", "enroll", "--token", "yubikey", "--uri", uri, "--purpose", "delegation", "--label", "bob"])
        await until("the client asks", () => client.stderr.includes("Touch"))
        assert.match(client.stderr, /^Touch YubiKey 12345678 \(slot 9a\) within 1\d s: the key shows that it can sign\n$/)
        await rig.card.awaitTouch()
        assert.equal(await rig.card.touch(), true)
        assert.equal(await client.end(), 0, client.stderr)
    })

    test("keeps nobody else waiting: 1,000 signatures of a sealed key are there before it is touched", async () => {
        const { rig, scene } = world
        const keys = await WireRepository.keysOf(scene)
        const other = await WireRepository.prepare(scene, keys, "registry.example.com/team/other")
        await scene.client.signSet(other.firstSet())
        // As long as the daemon has patience with a token: machines that test are busy.
        await rig.card.touchRule({ timeoutMs: 28_000, missed: 0x6982 })
        const client = await world.start(await world.file(world.nextVersion))
        await rig.card.awaitTouch()
        const versions = Array.from({ length: 1_000 }, (_, index) => index + 2)
        const sign = async (version: number): Promise<void> => {
            await scene.client.sign({ keyId: keys.targets.id, gun: other.gun, role: "targets", signed: targetsBody({ version }) })
        }
        for (let begun = 0; begun < versions.length; begun += 20) await Promise.all(versions.slice(begun, begun + 20).map(sign))
        assert.equal((await rig.card.look()).waitingForTouch, true)
        assert.equal(await rig.card.touch(), true)
        assert.equal(await client.end(), 0, client.stderr)
        await rig.card.calm()
    })

    test("is told to whoever watches, each with the end it had, and the stream ends with the daemon", async () => {
        const { rig, scene } = world
        using watcher = connectTo(v1.Tokens, scene.daemon.adminSocket)
        const events: TokenEvent__Output[] = []
        const stream = watcher.watch({})
        const over = once(stream, "status")
        stream.on("data", (event) => events.push(event))
        stream.on("error", () => {})
        const kinds = (): string => events.map(({ kind }) => kind).join(" ")
        const version = world.nextVersion
        const client = await world.start(await world.file(version))
        await until("the watcher is told", () => kinds() === "touch-awaited")
        assert.equal(await rig.card.touch(), true)
        assert.equal(await client.end(), 0, client.stderr)
        await until("the watcher is told of the end", () => kinds() === "touch-awaited touched")
        const [awaited, touched] = events
        assert.equal(awaited?.id, touched?.id)
        const { token, serial, slot, keyId, gun, role, touchPolicy } = awaited ?? {}
        assert.deepEqual(
            { token, serial, slot, keyId, gun, role, touchPolicy },
            { token: "yubikey", serial: "12345678", slot: "9c", keyId: world.key.id, gun: GUN, role: "targets", touchPolicy: "always" },
        )
        assert.equal(awaited?.version, version)
        assert.match(awaited?.requestedBy ?? "", /^uid:\d+/)
        assert.ok(Date.parse(awaited?.deadline ?? "") > Date.now() - 60_000)
        // Pulled out while it waits: it is the token that is missing, and not a touch.
        const late = await world.start(await world.file(world.nextVersion))
        await rig.card.awaitTouch()
        await sleep(3_200)
        await rig.card.unplug()
        assert.equal(await late.end(), 5, late.stderr)
        assert.match(late.stderr, /\[token_absent\]/)
        await until("the watcher is told that the token is gone", () => kinds() === "touch-awaited touched touch-awaited gone")
        await scene.daemon.stop()
        const [status] = await over
        assert.equal(status.code, 0)
    })
})
