import assert from "node:assert/strict"
import { randomInt } from "node:crypto"
import { readFileSync } from "node:fs"
import { describe, type TestContext, test } from "node:test"
import { setTimeout as sleep } from "node:timers/promises"
import type { Daemon as Client, DaemonKey } from "../../src/cli/daemon-types.ts"
import { verify } from "../../src/crypto/index.ts"
import { TrustkeyError } from "../../src/errors.ts"
import { formatPkcs11Uri } from "../../src/signer/index.ts"
import { Scene, WireRepository } from "../integration/crash/scene.ts"
import { targetsBody } from "../integration/custody/rig.ts"
import { mustRun } from "../support/process.ts"
import { startSoftHsm } from "../support/softhsm.ts"
import { startYubikeyRig, type YubikeyRig } from "../support/yubikey/rig.ts"

// The long form: npm run chaos
const ROUNDS = Number(process.env["TRUSTKEYD_CHAOS_ROUNDS"] ?? 14)
const PIN = "123456"
const OTHER_PIN = "765432"
const SERIAL = 12_345_678
const DEADLINE_SECONDS = 3
/** Until a signature comes again after what was done has been undone. */
const RECOVERY_MS = 40_000

/** What a request may be answered with while its token is being pulled about. */
const TROUBLES: ReadonlySet<string> = new Set([
    "token_absent",
    "token_changed",
    "token_busy",
    "token_failed",
    "login_required",
    "signer_unavailable",
    "deadline_exceeded",
    "bad_signature",
])

/** Numbers that can be had again: the seed is printed. */
function random(seed: number): (below: number) => number {
    let state = seed
    return (below) => {
        // xorshift32
        state ^= state << 13
        state ^= state >>> 17
        state ^= state << 5
        return (state >>> 0) % below
    }
}

type Count = { signed: number; repeated: number; readonly refused: Map<string, number> }
const newCount = (): Count => ({ signed: 0, repeated: 0, refused: new Map() })

/** One caller with one key: a new version as soon as the last is signed, and the same again while it is not. */
class Load {
    readonly count = newCount()
    readonly #repository: WireRepository
    readonly #client: Client
    #version = 1
    #isOver = false
    readonly #end: Promise<void>

    constructor(client: Client, repository: WireRepository) {
        this.#client = client
        this.#repository = repository
        this.#end = this.#run()
        this.#end.catch(() => {})
    }

    async stop(): Promise<void> {
        this.#isOver = true
        await this.#end
    }

    /** Resolves when something more than before was signed. */
    async progress(recover: () => Promise<void>): Promise<void> {
        const before = this.count.signed
        const end = performance.now() + RECOVERY_MS
        while (this.count.signed === before) {
            await Promise.race([this.#end, sleep(20)])
            assert.ok(performance.now() < end, `no signature in ${RECOVERY_MS} ms; refused: ${JSON.stringify([...this.count.refused])}`)
            await recover()
        }
    }

    async #run(): Promise<void> {
        const { keys, gun } = this.#repository
        const pinned = { keytype: "ecdsa", bytes: keys.targets.publicKey } as const
        while (!this.#isOver) {
            const signed = targetsBody({ version: this.#version + 1, targets: { tag: `content ${this.#version}` } })
            try {
                const { sig } = await this.#client.sign({ keyId: keys.targets.id, gun, role: "targets", signed })
                assert.ok(verify(pinned, "ecdsa", signed, sig), "a wrong signature left the daemon")
                this.#version += 1
                this.count.signed += 1
            } catch (error) {
                if (!(error instanceof TrustkeyError)) throw error
                assert.ok(TROUBLES.has(error.code), `refused with ${error.code}: ${error.message}`)
                this.count.refused.set(error.code, (this.count.refused.get(error.code) ?? 0) + 1)
                this.count.repeated += 1
                await sleep(30)
            }
        }
    }
}

/** Nobody but this process started the daemon's children. */
function signerPid(daemon: number, token: string): number | undefined {
    const children = readFileSync(`/proc/${daemon}/task/${daemon}/children`, "utf8").trim().split(" ")
    const pids = children.filter((pid) => {
        try {
            const environment = readFileSync(`/proc/${pid}/environ`, "utf8")
            return environment.includes(token)
        } catch {
            return false
        }
    })
    return pids[0] === undefined ? undefined : Number(pids[0])
}

type Act = { readonly name: string; readonly perform: () => Promise<void> }

function acts(rig: YubikeyRig, scene: Scene, below: (limit: number) => number): readonly Act[] {
    const { card } = rig
    const away = (): Promise<void> => sleep(100 + below(900))
    const signer = (): number => {
        const pid = signerPid(scene.daemon.service.pid, "PCSCLITE_CSOCK_NAME")
        assert.ok(pid !== undefined, "the token has a signer")
        return pid
    }
    const mine = { serial: SERIAL }
    const swapTo = async (other: { readonly serial: number; readonly twin?: string }): Promise<void> => {
        await card.swap(other)
        await away()
        await card.swap(mine)
    }
    return [
        {
            name: "unplug",
            perform: async () => {
                await card.unplug()
                await away()
                await card.plug()
            },
        },
        {
            name: "short unplug",
            perform: async () => {
                await card.unplug()
                await card.plug()
            },
        },
        { name: "another card", perform: () => swapTo({ serial: SERIAL + 1 }) },
        { name: "a twin", perform: () => swapTo({ serial: SERIAL, twin: "forged" }) },
        {
            name: "pcscd stopped",
            perform: async () => {
                await rig.stopPcscd("SIGTERM")
                await away()
                await rig.startPcscd()
            },
        },
        {
            name: "pcscd killed",
            perform: async () => {
                await rig.stopPcscd("SIGKILL")
                await rig.startPcscd()
            },
        },
        {
            name: "module killed",
            perform: async () => {
                process.kill(signer(), "SIGKILL")
                await away()
            },
        },
        {
            name: "module hung",
            perform: async () => {
                const pid = signer()
                process.kill(pid, "SIGSTOP")
                // Until it is killed for it.
                const end = performance.now() + DEADLINE_SECONDS * 3000
                while (signerPid(scene.daemon.service.pid, "PCSCLITE_CSOCK_NAME") === pid) {
                    assert.ok(performance.now() < end, "a hung module is ended by its deadline")
                    await sleep(50)
                }
            },
        },
        {
            name: "card fails",
            perform: async () => {
                await card.answer(0x87, 0x6f00, 1 + below(3))
                await away()
                await card.calm()
            },
        },
        {
            name: "card slow",
            perform: async () => {
                await card.delay(300 + below(700), 3)
                await away()
                await card.calm()
            },
        },
    ]
}

/** A person who was asked to, and types the PIN of the card they see. */
async function logIn(scene: Scene): Promise<boolean> {
    const token = (await scene.client.listTokens()).find(({ name }) => name === "yubikey")
    if (token?.state !== "present") return false
    try {
        const sealed = await scene.seal("login", "token:yubikey", PIN)
        await scene.client.login({ token: "yubikey", sealed, evenFinalTry: false, ttlSeconds: 0, uses: 0 })
        return true
    } catch (error) {
        if (!(error instanceof TrustkeyError)) throw error
        assert.ok(TROUBLES.has(error.code), `a login was refused with ${error.code}: ${error.message}`)
        return false
    }
}

async function enroll(scene: Scene, token: string, uri: string): Promise<DaemonKey> {
    return await scene.client.enrollKey({ token, uri, purpose: "targets", label: `on ${token}`, bindings: [] })
}

async function repositoryOf(scene: Scene, gun: string, targets: DaemonKey): Promise<WireRepository> {
    const [root, snapshot] = [await scene.createKey("root", []), await scene.createKey("snapshot", [])]
    const repository = await WireRepository.prepare(scene, { root, targets, snapshot }, gun)
    await scene.client.signSet(repository.firstSet())
    return repository
}

async function prepareCards(rig: YubikeyRig): Promise<void> {
    const tool = (...args: readonly string[]): Promise<string> => mustRun("yubico-piv-tool", args, { env: rig.env })
    const makeKeys = async (): Promise<void> => {
        await tool("-a", "generate", "-s", "9a", "-A", "ECCP256", "--pin-policy=once")
        await tool("-a", "generate", "-s", "9c", "-A", "ECCP256")
    }
    await makeKeys()
    for (const other of [{ serial: SERIAL + 1 }, { serial: SERIAL, twin: "forged" }]) {
        await rig.card.swap(other)
        await makeKeys()
        // So that a PIN which nobody typed for them shows.
        await tool("-a", "change-pin", "-P", PIN, "-N", OTHER_PIN)
    }
    await rig.card.swap({ serial: SERIAL })
}

async function triesLeft(rig: YubikeyRig): Promise<readonly number[]> {
    const left: number[] = []
    for (const card of [{ serial: SERIAL + 1 }, { serial: SERIAL, twin: "forged" }, { serial: SERIAL }]) {
        await rig.card.swap(card)
        left.push((await rig.card.look()).pinLeft)
    }
    return left
}

describe("a token under load that is pulled, swapped, killed and hung", () => {
    test(`${ROUNDS} rounds: nothing wrong is released, no try is spent that nobody typed, and it always comes back`, async (t: TestContext) => {
        const seed = Number(process.env["TRUSTKEYD_CHAOS_SEED"] ?? randomInt(1, 2 ** 31))
        const below = random(seed)
        await using rig = await startYubikeyRig({ cards: [{ serial: SERIAL }] })
        await prepareCards(rig)
        await using hsm = await startSoftHsm()
        const yubikey = { ...(await rig.card.token()), settings: [`deadline = "${DEADLINE_SECONDS}s"`] }
        await using scene = await Scene.withGroup({ tokens: { yubikey, hsm } })
        await scene.client.login({
            token: "hsm",
            sealed: await scene.seal("login", "token:hsm", hsm.userPin),
            evenFinalTry: false,
            ttlSeconds: 0,
            uses: 0,
        })
        assert.ok(await logIn(scene))
        const uri = (id: string): string => formatPkcs11Uri({ serial: String(SERIAL), type: "private", id: Buffer.from(id, "hex") })
        const once = await enroll(scene, "yubikey", uri("01"))
        const always = await enroll(scene, "yubikey", uri("02"))
        const onHsm = await scene.client.createKey({
            algorithm: "p256",
            purpose: "targets",
            label: "hsm",
            home: { token: "hsm" },
            bindings: [],
        })
        const sealed = await scene.createKey("targets", [])
        const repositories = [
            await repositoryOf(scene, "registry.example.com/once", once),
            await repositoryOf(scene, "registry.example.com/always", always),
            await repositoryOf(scene, "registry.example.com/hsm", onHsm),
            await repositoryOf(scene, "registry.example.com/sealed", sealed),
        ]
        const loads = repositories.map((repository) => new Load(scene.client, repository))
        const shaken = loads.slice(0, 2)
        const others = loads.slice(2)
        const { pid } = scene.daemon.service
        const done = new Map<string, number>()
        let logins = 0
        const person = async (): Promise<void> => {
            if (await logIn(scene)) logins += 1
        }
        for (let round = 0; round < ROUNDS; round += 1) {
            const possible = acts(rig, scene, below)
            const act = possible[ROUNDS <= possible.length * 2 ? round % possible.length : below(possible.length)]
            assert.ok(act !== undefined)
            await sleep(below(200))
            await act.perform().catch((error: unknown) => {
                throw new Error(`${act.name} in round ${round} (seed ${seed})`, { cause: error })
            })
            done.set(act.name, (done.get(act.name) ?? 0) + 1)
            await Promise.all(
                [...shaken.map((load) => load.progress(person)), ...others.map((load) => load.progress(async () => {}))].map((wait) =>
                    wait.catch((error: unknown) => {
                        throw new Error(`after ${act.name} in round ${round} (seed ${seed})`, { cause: error })
                    }),
                ),
            )
        }
        await Promise.all(loads.map((load) => load.stop()))
        const figures = {
            seed,
            rounds: ROUNDS,
            acts: Object.fromEntries(done),
            logins,
            callers: loads.map(({ count }) => ({ ...count, refused: Object.fromEntries(count.refused) })),
        }
        t.diagnostic(JSON.stringify(figures))
        assert.equal(scene.daemon.service.ended(), undefined, "the daemon never ended")
        assert.equal(scene.daemon.service.pid, pid)
        for (const { count } of others) assert.equal(count.repeated, 0, "another token's keys, and sealed ones, notice nothing")
        assert.ok((await scene.client.verifyAudit()).intact)
        scene.client.close()
        await scene.daemon.stop()
        assert.deepEqual(await triesLeft(rig), [3, 3, 3], "no card lost a try")
    })
})
