import { randomBytes } from "node:crypto"
import { readFileSync } from "node:fs"
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import path from "node:path"
import { type Algorithm, generatePrivateKey, LEAST_COST, type SealedSecret, Secret, sealSecret } from "../../src/crypto/index.ts"
import { type Intent, type Journal, type KeyRecord, openJournal } from "../../src/journal/index.ts"
import { type KeyStore, openKeyStore, type TokenConfig } from "../../src/keys/index.ts"
import { authorize, type Permit, type Principal } from "../../src/policy/index.ts"
import { openSqliteStore, type Store } from "../../src/storage/index.ts"
import {
    encodeRoot,
    encodeTargets,
    type Gun,
    keyIdOf,
    parseGlob,
    parseGun,
    parseRoleName,
    parseSigned,
    type RoleName,
    tufKey,
} from "../../src/tuf/index.ts"
import { bundleSigners, type SignerPrograms } from "./signer-programs.ts"

export const GUN: Gun = parseGun("registry.example.com/team/app")
const EXPIRES = new Date("2040-01-01T00:00:00Z")
const WORKER = path.resolve(import.meta.dirname, "..", "..", "src", "storage", "database-worker.ts")
const PRINCIPAL: Principal = { kind: "unix", uid: 1000, gids: [1000], pid: 1, name: "uid:1000", socket: "sign" }
const EVERYTHING = parseGlob("**")
const POLICY = { rules: [{ who: [{ kind: "everyone" as const }], do: ["*" as const], role: [EVERYTHING], gun: [EVERYTHING] }], limits: [] }
const SIGNER_FLAGS = ["--jitless", "--disable-sigusr1"]

type NewKey = { readonly algorithm?: Algorithm; readonly label?: string }
const DEFAULT_KEY = { algorithm: "p256", purpose: "targets", label: "a key of the tests", bindings: [] } as const

export type KeyRigOptions = {
    readonly tokens?: readonly TokenConfig[]
    /** Stands between the key store and the database. */
    readonly wrapStore?: (store: Store) => Store
    readonly signerFlags?: readonly string[]
    readonly monotonic?: () => number
    /** Runs the signers; default: this Node. */
    readonly execPath?: string
    /** Text of quirks files, by their token's name. */
    readonly quirks?: Readonly<Record<string, string>>
}

/** A key store with real signer processes, a real database and a real journal, in a directory of its own. */
export class KeyRig implements AsyncDisposable {
    readonly directory: string
    readonly credentials: string
    readonly log: object[] = []
    readonly places = [
        { gun: GUN, role: parseRoleName("targets") },
        { gun: GUN, role: parseRoleName("targets/releases") },
    ] as const
    readonly programs: SignerPrograms
    store: Store
    journal: Journal
    #keys: KeyStore | undefined
    #options: KeyRigOptions
    #version = 0

    private constructor(directory: string, programs: SignerPrograms, store: Store, journal: Journal, options: KeyRigOptions) {
        this.directory = directory
        this.credentials = path.join(directory, "credentials")
        this.programs = programs
        this.store = store
        this.journal = journal
        this.#options = options
    }

    static async open(options: KeyRigOptions = {}): Promise<KeyRig> {
        const directory = await mkdtemp(path.join(tmpdir(), "trustkeyd-keys-"))
        await mkdir(path.join(directory, "credentials"), { mode: 0o700 })
        const store = await openSqliteStore({ directory, workerFile: WORKER })
        const programs = await bundleSigners()
        for (const [token, text] of Object.entries(options.quirks ?? {})) {
            await mkdir(path.join(directory, "quirks"), { mode: 0o700, recursive: true })
            await writeFile(path.join(directory, "quirks", `${token}.json`), text, { mode: 0o600 })
        }
        const rig = new KeyRig(directory, programs, store, await openJournal(store, () => new Date()), options)
        await rig.openKeys()
        return rig
    }

    get keys(): KeyStore {
        if (this.#keys === undefined) throw new Error("the key store is closed")
        return this.#keys
    }

    async openKeys(): Promise<void> {
        this.#keys = await openKeyStore({
            store: this.#options.wrapStore?.(this.store) ?? this.store,
            now: () => new Date(),
            monotonic: this.#options.monotonic ?? (() => performance.now()),
            execPath: this.#options.execPath ?? process.execPath,
            signerFiles: this.programs,
            nodeFlags: this.#options.signerFlags ?? SIGNER_FLAGS,
            tokens: this.#options.tokens ?? [],
            credentialsDirectory: this.credentials,
            cost: LEAST_COST,
            defaultTtlSeconds: 900,
            quirksDirectory: path.join(this.directory, "quirks"),
            log: (record) => this.log.push(record),
        })
    }

    /** As a restart of the daemon: everything again from what is on the disk. */
    async restart(options: Partial<KeyRigOptions> = {}): Promise<void> {
        await this.keys.close()
        await this.store.close()
        this.#options = { ...this.#options, ...options }
        this.store = await openSqliteStore({ directory: this.directory, workerFile: WORKER })
        this.journal = await openJournal(this.store, () => new Date())
        await this.openKeys()
    }

    async writeCredential(name: string, value: string, mode = 0o400): Promise<void> {
        const file = path.join(this.credentials, name)
        await rm(file, { force: true })
        await writeFile(file, `${value}\n`, { mode: 0o600 })
        await chmod(file, mode)
    }

    /** What a client does with a typed secret. */
    async seal(purpose: string, subject: string, text: string): Promise<SealedSecret> {
        const { signerPublic, nonce } = await this.keys.challenge(purpose, subject)
        using secret = new Secret(Buffer.from(text, "utf8"))
        return sealSecret(signerPublic, nonce, { purpose, subject }, secret)
    }

    async unlock(key: KeyRecord, passphrase: string, ttlSeconds = 0, uses = 0): Promise<Date | undefined> {
        return this.keys.unlock({ keyId: key.id }, await this.seal("unlock", key.id, passphrase), ttlSeconds, uses)
    }

    async login(token: string, pin: string, evenFinalTry = false): Promise<void> {
        await this.keys.login(token, await this.seal("login", `token:${token}`, pin), evenFinalTry)
    }

    async createSealed(passphrase: string, spec: NewKey = {}): Promise<KeyRecord> {
        const sealed = await this.seal("create", "new", passphrase)
        return this.keys.create({ ...DEFAULT_KEY, ...spec, home: { kind: "passphrase", sealed } })
    }

    createInGroup(group: string, spec: NewKey = {}): Promise<KeyRecord> {
        return this.keys.create({ ...DEFAULT_KEY, ...spec, home: { kind: "group", group } })
    }

    createOnToken(token: string, spec: NewKey = {}): Promise<KeyRecord> {
        return this.keys.create({ ...DEFAULT_KEY, ...spec, home: { kind: "token", token } })
    }

    /** The process id of a signer, found among our children: the key store tells nobody. */
    signerPid(name: string): number {
        const program = name === "file" ? this.programs.file : this.programs.pkcs11
        const children = readFileSync(`/proc/self/task/${process.pid}/children`, "utf8").trim().split(" ")
        const pids = children.filter((pid) => readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").includes(program))
        const [pid] = pids
        if (pid === undefined || pids.length > 1) throw new Error(`${pids.length} processes run ${program}`)
        return Number(pid)
    }

    /** A promise to sign the next targets metadata: TUF's scheme for the key. */
    async promise(key: KeyRecord): Promise<Intent> {
        const role = parseRoleName("targets")
        if (this.journal.repository(GUN) === undefined) {
            const root = parseSigned(rootBytes(), parseRoleName("root"))
            await this.journal.commitMetadata(permit("sign", root.role), key, GUN, root)
            this.#version = 0
        }
        this.#version = Math.max(this.#version, this.journal.repository(GUN)?.marks.get(role)?.version ?? 0) + 1
        const delegations = { keys: new Map(), roles: [] }
        const bytes = encodeTargets({ type: "targets", version: this.#version, expires: EXPIRES, targets: new Map(), delegations })
        return this.journal.commitMetadata(permit("sign", role), key, GUN, parseSigned(bytes, role))
    }

    /** A promise to sign a certificate: other bytes each time, and PKCS#1 v1.5 for RSA. */
    promiseCertificate(key: KeyRecord, tbs: Uint8Array = randomBytes(700)): Promise<Intent> {
        return this.journal.commitCertificate(permit("certificate", parseRoleName("root")), key, GUN, tbs)
    }

    async [Symbol.asyncDispose](): Promise<void> {
        await this.#keys?.close()
        await this.store.close()
        await this.programs[Symbol.asyncDispose]()
        await rm(this.directory, { recursive: true, force: true, maxRetries: 3 })
    }
}

/** As the kernel would, when memory runs out. */
export function killSigner(rig: KeyRig, name: string, signal: "SIGKILL" | "SIGSTOP" = "SIGKILL"): void {
    process.kill(rig.signerPid(name), signal)
}

function permit<A extends "sign" | "certificate">(action: A, role: RoleName): Permit<A> {
    return authorize(POLICY, PRINCIPAL, action, [{ gun: GUN, role }])
}

function rootBytes(): Buffer {
    const key = tufKey(generatePrivateKey("p256").publicKey)
    const id = keyIdOf(key)
    const role = { keyIds: [id], threshold: 1 }
    const roles = new Map((["root", "targets", "snapshot", "timestamp"] as const).map((name) => [name, role]))
    return encodeRoot({ type: "root", version: 1, expires: EXPIRES, keys: new Map([[id, key]]), roles, consistentSnapshot: false })
}
