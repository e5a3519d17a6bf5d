import { connect } from "node:net"
import { setTimeout as sleep } from "node:timers/promises"
import { openDaemon } from "../src/cli/daemon.ts"
import type { Daemon as Client } from "../src/cli/daemon-types.ts"
import { Secret, sealSecret } from "../src/crypto/index.ts"
import { isErrorCode, TrustkeyError } from "../src/errors.ts"
import type { Daemon } from "../test/support/daemon.ts"
import type { Place } from "./load.ts"
import { GROUP } from "./many-keys.ts"
import type { Repositories } from "./repositories.ts"

export type SoakScene = {
    readonly daemon: Daemon
    readonly sealed: Repositories
    readonly onToken: Repositories
    /** A key with a passphrase of its own. */
    readonly personal: { readonly id: string; readonly passphrase: string }
}

export type Stretch = {
    /** Of the signatures asked for one by one, milliseconds. */
    readonly latencies: readonly number[]
    readonly signatures: number
    /** How often each error code was answered, to those who are meant to get it. */
    readonly refused: ReadonlyMap<string, number>
    readonly others: number
}

const SIGNERS = 4
const SIGN_EVERY_MS = 40
const TOKEN_EVERY_MS = 100
const SET_EVERY_MS = 500
const LOOK_EVERY_MS = 200
const WRONG_EVERY_MS = 500
const COME_AND_GO_EVERY_MS = 300

/** Mixed load at a fixed pace: what a busy build system, its people and a few strangers do. Versions go on from one stretch to the next. */
export class SoakLoad implements Disposable {
    readonly #scene: SoakScene
    readonly #versions = new Map<string, number>()
    readonly #sign: Client
    readonly #admin: Client
    #latencies: number[] = []
    #signatures = 0
    #others = 0
    #refused = new Map<string, number>()
    #round = 0

    constructor(scene: SoakScene) {
        this.#scene = scene
        this.#sign = openDaemon("sign", scene.daemon.signSocket)
        this.#admin = openDaemon("admin", scene.daemon.adminSocket)
    }

    [Symbol.dispose](): void {
        this.#sign.close()
        this.#admin.close()
    }

    /** Load for so long; when it resolves nothing is under way. @throws what nobody was meant to get */
    async run(milliseconds: number): Promise<Stretch> {
        this.#latencies = []
        this.#refused = new Map()
        this.#signatures = 0
        this.#others = 0
        await this.#people()
        const until = performance.now() + milliseconds
        const { sealed, onToken } = this.#scene
        // The sets have repositories of their own: two versions of one role must not overtake each other.
        const [mine, forSets] = [sealed.places.slice(sealed.places.length / 2), sealed.sets.slice(0, sealed.sets.length / 2)]
        const signers = Array.from({ length: SIGNERS }, (_, signer) => mine.filter((_, index) => index % SIGNERS === signer))
        await Promise.all([
            ...signers.map((places) => this.#pace(until, SIGN_EVERY_MS, (turn) => this.#signOne(pick(places, turn)))),
            this.#pace(until, TOKEN_EVERY_MS, (turn) => this.#signOne(pick(onToken.places, turn))),
            this.#pace(until, SET_EVERY_MS, (turn) => this.#signSet(pick(forSets, turn))),
            this.#pace(until, LOOK_EVERY_MS, (turn) => this.#look(turn)),
            this.#pace(until, WRONG_EVERY_MS, (turn) => this.#ask(turn, pick(mine, turn))),
            this.#pace(until, COME_AND_GO_EVERY_MS, (turn) => this.#comeAndGo(turn)),
        ])
        return { latencies: this.#latencies, signatures: this.#signatures, refused: this.#refused, others: this.#others }
    }

    async #pace(until: number, every: number, work: (turn: number) => Promise<void>): Promise<void> {
        for (let [turn, at] = [0, performance.now()]; at < until; turn += 1) {
            // A stretch goes on where the last one was: a short one has few turns.
            await work(turn + this.#round)
            // Whoever is late is not faster afterwards.
            at = Math.max(at + every, performance.now())
            await sleep(Math.max(0, Math.min(at, until) - performance.now()))
        }
    }

    async #signOne({ keyId, gun, role, body }: Place): Promise<void> {
        const signed = Buffer.from(`${body}${this.#next(gun, role)}}`)
        const start = performance.now()
        await this.#sign.sign({ keyId, gun, role, signed })
        this.#latencies.push(performance.now() - start)
        this.#signatures += 1
    }

    async #signSet({ gun, places, snapshotKeyId, expires }: Repositories["sets"][number]): Promise<void> {
        const bodies = places.map(({ role, body, keyId }) => ({
            role,
            signed: Buffer.from(`${body}${this.#next(gun, role)}}`),
            keyIds: [keyId],
            signatures: [],
            base: "",
        }))
        const snapshot = { version: this.#next(gun, "snapshot"), expires, keyIds: [snapshotKeyId] }
        const files = await this.#sign.signSet({ gun, published: [], bodies, snapshot })
        this.#signatures += files.length
    }

    async #look(turn: number): Promise<void> {
        const looks = [
            () => this.#admin.status(),
            () => this.#admin.listKeys({}),
            () => this.#admin.listAudit({ after: 0, limit: 50, newest: true }),
            () => this.#admin.listTokens(),
            () => this.#admin.showTrust(pick(this.#scene.sealed.sets, turn).gun),
        ]
        await pick(looks, turn)()
        this.#others += 1
    }

    /** What is refused, and has to be. */
    async #ask(turn: number, { keyId, gun, role, body }: Place): Promise<void> {
        const signed = Buffer.from(`${body}1}`)
        const wrongs = [
            () => this.#sign.sign({ keyId, gun, role, signed }),
            () => this.#sign.sign({ keyId, gun, role, signed: Buffer.from("{}") }),
            () => this.#sign.sign({ keyId: "0".repeat(64), gun, role, signed }),
            () => this.#sign.sign({ keyId, gun: "registry.example.com/strangers/app", role, signed }),
        ]
        try {
            await pick(wrongs, turn)()
        } catch (error) {
            if (!(error instanceof TrustkeyError) || !WANTED.has(error.code)) throw error
            this.#refused.set(error.code, (this.#refused.get(error.code) ?? 0) + 1)
            return
        }
        throw new Error("something was signed that had to be refused")
    }

    async #comeAndGo(turn: number): Promise<void> {
        this.#others += 1
        if (turn % 2 === 0) {
            const client = openDaemon("sign", this.#scene.daemon.signSocket)
            await client.status()
            client.close()
            return
        }
        // In the middle of its first words.
        const { promise, resolve } = Promise.withResolvers<void>()
        const socket = connect(this.#scene.daemon.signSocket, () => {
            socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", () => socket.destroy())
        })
        socket.on("error", () => {})
        socket.on("close", () => resolve())
        await promise
    }

    /** Before each stretch: a person opens a key and mistypes once, now and then everything is locked, or the rules are read again. */
    async #people(): Promise<void> {
        const { daemon, personal } = this.#scene
        const { id, passphrase } = personal
        this.#round += 1
        if (this.#round % 3 === 0) process.kill(daemon.service.pid, "SIGHUP")
        if (this.#round % 4 === 0) await this.#admin.lock("all")
        await this.#admin.unlock({ subject: { group: GROUP }, sealed: undefined, ttlSeconds: 0, uses: 0 })
        await this.#admin.login({ token: "hsm", sealed: undefined, evenFinalTry: false, ttlSeconds: 0, uses: 0 })
        await this.#admin
            .unlock({ subject: { keyId: id }, sealed: await this.#seal(id, "mistyped"), ttlSeconds: 0, uses: 0 })
            .catch((error) => {
                if (!(error instanceof TrustkeyError) || error.code !== "open_failed") throw error
            })
        await this.#admin.unlock({ subject: { keyId: id }, sealed: await this.#seal(id, passphrase), ttlSeconds: 0, uses: 0 })
        await this.#admin.lock({ keyId: id })
    }

    async #seal(id: string, text: string): Promise<ReturnType<typeof sealSecret>> {
        const { signerPublic, nonce, subject } = await this.#admin.challenge("unlock", id)
        using secret = new Secret(Buffer.from(text))
        return sealSecret(signerPublic, nonce, { purpose: "unlock", subject }, secret)
    }

    #next(gun: string, role: string): number {
        const version = (this.#versions.get(`${gun} ${role}`) ?? 1) + 1
        this.#versions.set(`${gun} ${role}`, version)
        return version
    }
}

const WANTED: ReadonlySet<string> = new Set(["rollback_refused", "equivocation_refused", "metadata_rejected", "denied"].filter(isErrorCode))

function pick<T>(list: readonly T[], turn: number): T {
    const one = list[turn % list.length]
    if (one === undefined) throw new Error("nothing to choose from")
    return one
}
