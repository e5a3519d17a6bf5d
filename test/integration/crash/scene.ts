import { symlink } from "node:fs/promises"
import path from "node:path"
import { openDaemon } from "../../../src/cli/daemon.ts"
import type { Binding, Daemon as Client, DaemonKey, PurposeName, Sealed } from "../../../src/cli/daemon-types.ts"
import { type PublicKeyBytes, Secret, sealSecret } from "../../../src/crypto/index.ts"
import { certificateKey, type TufKey, tufKey } from "../../../src/tuf/index.ts"
import { type Daemon, type DaemonOptions, startDaemon } from "../../support/daemon.ts"
import { makeKey, type TestKey } from "../../support/repository-builder.ts"
import { rootBody, targetsBody } from "../custody/rig.ts"

export const PASSPHRASE = "a passphrase of the tests"
export const GROUP = "team"

/** The built daemon and a client of it, which live on through kills and restarts. */
export class Scene implements AsyncDisposable {
    daemon: Daemon
    client: Client
    #starts = 0

    private constructor(daemon: Daemon, client: Client) {
        this.daemon = daemon
        this.client = client
    }

    static async start(options: DaemonOptions = {}): Promise<Scene> {
        const daemon = await startDaemon(options)
        return new Scene(daemon, openDaemon("admin", daemon.adminSocket))
    }

    /** With a group of keys, open. */
    static async withGroup(options: DaemonOptions = {}): Promise<Scene> {
        const scene = await Scene.start(options)
        await scene.client.createGroup({ name: GROUP, sealed: await scene.seal("create", `group:${GROUP}`, PASSPHRASE), credential: "" })
        await scene.openGroup()
        return scene
    }

    /** After the daemon's end: once more on the same state, with its group open. */
    async restart(): Promise<void> {
        this.client.close()
        await this.daemon.kill()
        this.daemon = await this.daemon.restart()
        this.client = await this.connect()
        if ((await this.client.listGroups()).some(({ name }) => name === GROUP)) await this.openGroup()
    }

    /** A connection of its own. gRPC shares connections by address, and one that broke makes the next wait. */
    async connect(): Promise<Client> {
        this.#starts += 1
        const alias = path.join(this.daemon.directory, `admin-${this.#starts}.sock`)
        await symlink(this.daemon.adminSocket, alias)
        return openDaemon("admin", alias)
    }

    async seal(purpose: string, subject: string, text: string): Promise<Sealed> {
        return await this.sealBytes(purpose, subject, Buffer.from(text, "utf8"))
    }

    /** Wipes `bytes`. */
    async sealBytes(purpose: string, subject: string, bytes: Buffer): Promise<Sealed> {
        const challenge = await this.client.challenge(purpose, subject)
        using secret = new Secret(bytes)
        return sealSecret(challenge.signerPublic, challenge.nonce, { purpose, subject: challenge.subject }, secret)
    }

    async openGroup(): Promise<void> {
        const sealed = await this.seal("unlock", `group:${GROUP}`, PASSPHRASE)
        await this.client.unlock({ subject: { group: GROUP }, sealed, ttlSeconds: 3600, uses: 0 })
    }

    createKey(purpose: PurposeName, bindings: readonly Binding[], label: string = purpose): Promise<DaemonKey> {
        return this.client.createKey({ algorithm: "p256", purpose, label, home: { group: GROUP }, bindings })
    }

    async [Symbol.asyncDispose](): Promise<void> {
        this.client.close()
        await this.daemon[Symbol.asyncDispose]()
    }
}

export type Keys = { readonly root: DaemonKey; readonly targets: DaemonKey; readonly snapshot: DaemonKey }
export type SetRequest = Parameters<Client["signSet"]>[0]

const EXPIRES = "2027-06-01T00:00:00Z"

/** What is needed to ask for the metadata of one repository. */
export class WireRepository {
    readonly gun: string
    readonly keys: Keys
    readonly server: TestKey
    readonly roles: Readonly<Record<"root" | "targets" | "snapshot" | "timestamp", readonly TufKey[]>>

    private constructor(gun: string, keys: Keys, pem: string, server: TestKey) {
        this.gun = gun
        this.keys = keys
        this.server = server
        this.roles = {
            root: [certificateKey(pem)],
            targets: [publicOf(keys.targets)],
            snapshot: [publicOf(keys.snapshot)],
            timestamp: [server.key],
        }
    }

    /** Three keys that may sign for any number of repositories. */
    static async keysOf(scene: Scene): Promise<Keys> {
        const [root, targets, snapshot] = [
            await scene.createKey("root", []),
            await scene.createKey("targets", []),
            await scene.createKey("snapshot", []),
        ]
        return { root, targets, snapshot }
    }

    /** Binds the keys to a repository of which nothing is promised yet. */
    static async prepare(scene: Scene, keys: Keys, gun: string): Promise<WireRepository> {
        const { pem } = await scene.client.rootCertificate({ keyId: keys.root.id, gun })
        for (const role of ["targets", "snapshot"] as const) {
            await scene.client.bindKey({ id: keys[role].id, add: [{ gun, role }], remove: [] })
        }
        return new WireRepository(gun, keys, pem, makeKey())
    }

    rootBody(version: number, days = 3000): Buffer {
        return rootBody({ version, keys: this.roles, days })
    }

    set(bodies: Readonly<Partial<Record<"root" | "targets", Buffer>>>, snapshotVersion: number): SetRequest {
        return {
            gun: this.gun,
            published: [],
            bodies: (["root", "targets"] as const).flatMap((role) => {
                const signed = bodies[role]
                return signed === undefined ? [] : [{ role, signed, keyIds: [this.keys[role].id], signatures: [], base: "" }]
            }),
            snapshot: { version: snapshotVersion, expires: EXPIRES, keyIds: [this.keys.snapshot.id] },
        }
    }

    firstSet(tag = "v1"): SetRequest {
        return this.set({ root: this.rootBody(1), targets: targetsBody({ version: 1, targets: { [tag]: tag } }) }, 1)
    }
}

function publicOf({ keytype, publicKey }: DaemonKey): TufKey {
    return tufKey(parsePublic(keytype, publicKey))
}

function parsePublic(keytype: string, bytes: Uint8Array): PublicKeyBytes {
    if (keytype !== "ecdsa") throw new Error(`a key of type ${keytype}`)
    return { keytype, bytes }
}
