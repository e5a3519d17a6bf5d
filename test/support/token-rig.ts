import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import path from "node:path"
import { type SealedSecret, Secret, sealSecret } from "../../src/crypto/index.ts"
import type { TokenConfig } from "../../src/keys/index.ts"
import { TokenKeys } from "../../src/keys/token-keys.ts"
import { Touches } from "../../src/keys/touch.ts"
import { openSqliteStore, type Store } from "../../src/storage/index.ts"
import { bundleSigners, type SignerPrograms } from "./signer-programs.ts"

const WORKER = path.resolve(import.meta.dirname, "..", "..", "src", "storage", "database-worker.ts")

/** One token's keys with a real signer process, without the rooms above them. */
export class TokenRig implements AsyncDisposable {
    readonly keys: TokenKeys
    readonly log: object[] = []
    readonly #store: Store
    readonly #programs: SignerPrograms
    readonly #directory: string

    private constructor(directory: string, store: Store, programs: SignerPrograms, config: TokenConfig) {
        this.#directory = directory
        this.#store = store
        this.#programs = programs
        this.keys = new TokenKeys({
            config,
            process: {
                execPath: process.execPath,
                nodeFlags: ["--jitless", "--disable-sigusr1"],
                file: programs.pkcs11,
                monotonic: () => performance.now(),
                log: (record) => this.log.push(record),
            },
            credentialsDirectory: undefined,
            store,
            touches: new Touches(() => new Date()),
            now: () => new Date(),
            tries: new Map(),
            known: () => [],
            defaultTtlSeconds: 900,
            quirksDirectory: path.join(directory, "quirks"),
            quirks: undefined,
        })
    }

    static async open(config: TokenConfig): Promise<TokenRig> {
        const directory = await mkdtemp(path.join(tmpdir(), "trustkeyd-token-"))
        const store = await openSqliteStore({ directory, workerFile: WORKER })
        const rig = new TokenRig(directory, store, await bundleSigners(), config)
        await rig.keys.start()
        return rig
    }

    /** What a client does with a typed secret. */
    async seal(purpose: string, secret: Uint8Array | string): Promise<SealedSecret> {
        const context = { purpose, subject: `token:${this.keys.config.name}` }
        const answer = await this.keys.process.control("challenge", { ...context, owner: "test" })
        using bytes = new Secret(Buffer.from(secret))
        return sealSecret(answer.bytes("signerPublic"), answer.bytes("nonce"), context, bytes)
    }

    async login(pin: string): Promise<void> {
        await this.keys.login(await this.seal("login", pin), false, { ttlSeconds: 0, uses: 0 })
    }

    async [Symbol.asyncDispose](): Promise<void> {
        await this.keys.process.close()
        await this.#store.close()
        await this.#programs[Symbol.asyncDispose]()
        await rm(this.#directory, { recursive: true, force: true, maxRetries: 3 })
    }
}
