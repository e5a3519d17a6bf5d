import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import path from "node:path"
import { fileURLToPath } from "node:url"
import { assembleCertificate, generatePrivateKey, openPrivateKey, rootCertificateTbs, signWith } from "../../../src/crypto/index.ts"
import { type Journal, type KeyRecord, openJournal } from "../../../src/journal/index.ts"
import { authorize, type Permit, type Principal } from "../../../src/policy/index.ts"
import { openSqliteStore, type Store } from "../../../src/storage/index.ts"
import {
    assembleFile,
    canonicalKeyIdOf,
    certificateKey,
    encodeRoot,
    encodeTargets,
    type Gun,
    keyIdOf,
    type MetadataFile,
    parseFile,
    parseGlob,
    parseGun,
    parseRoleName,
    parseSigned,
    ROOT,
    type RoleName,
    type SignedMetadata,
    type TufKey,
    tufKey,
} from "../../../src/tuf/index.ts"

export const NOW = new Date("2026-11-21T12:00:00Z")
export const GUN: Gun = parseGun("registry.example.com/team/app")
const EXPIRES = new Date("2028-01-01T00:00:00Z")
const WORKER = fileURLToPath(new URL("../../../src/storage/database-worker.ts", import.meta.url))

const principal: Principal = { kind: "unix", uid: 1000, gids: [1000], pid: 1, name: "uid:1000", socket: "sign" }
const everything = parseGlob("**")
const policy = { rules: [{ who: [{ kind: "everyone" as const }], do: ["*" as const], role: [everything], gun: [everything] }], limits: [] }

export function permit<A extends "sign" | "certificate">(action: A, role: RoleName, gun: Gun = GUN): Permit<A> {
    return authorize(policy, principal, action, [{ gun, role }])
}

export function permitCeremony(): Permit<"ceremony"> {
    return authorize(policy, principal, "ceremony", [])
}

/** A journal on a database of its own, which can be closed and opened again. */
export class JournalRig implements AsyncDisposable {
    readonly directory: string
    store: Store
    journal: Journal

    constructor(directory: string, store: Store, journal: Journal) {
        this.directory = directory
        this.store = store
        this.journal = journal
    }

    static async open(): Promise<JournalRig> {
        const directory = await mkdtemp(path.join(tmpdir(), "journal-"))
        const store = await openSqliteStore({ directory, workerFile: WORKER })
        return new JournalRig(directory, store, await openJournal(store, () => NOW))
    }

    async reopen(): Promise<Journal> {
        await this.store.close()
        this.store = await openSqliteStore({ directory: this.directory, workerFile: WORKER })
        this.journal = await openJournal(this.store, () => NOW)
        return this.journal
    }

    async [Symbol.asyncDispose](): Promise<void> {
        await this.store.close()
        await rm(this.directory, { recursive: true })
    }
}

/** Root and targets key of one repository, in memory. */
export class Keys {
    readonly #root = generatePrivateKey("p256")
    readonly #targets = generatePrivateKey("p256")
    readonly rootKey: TufKey
    readonly targetsKey: TufKey = tufKey(this.#targets.publicKey)

    constructor(gun: Gun = GUN) {
        const { publicKey, pkcs8 } = this.#root
        const tbs = rootCertificateTbs({
            gun,
            publicKey,
            serial: Buffer.alloc(16, 7),
            notBefore: new Date("2026-01-01T00:00:00Z"),
            notAfter: new Date("2035-01-01T00:00:00Z"),
        })
        this.rootKey = certificateKey(assembleCertificate(tbs, publicKey, signWith(openPrivateKey(pkcs8), "ecdsa", tbs)))
    }

    record(role: "root" | "targets"): KeyRecord {
        const { publicKey } = role === "root" ? this.#root : this.#targets
        return {
            id: canonicalKeyIdOf(tufKey(publicKey)),
            publicKey,
            algorithm: "p256",
            purpose: role,
            label: role,
            bindings: [{ gun: GUN, role: parseRoleName(role) }],
            home: { kind: "sealed" },
            origin: "generated",
            createdAt: NOW.toISOString(),
        }
    }

    root(version: number, expires: Date = EXPIRES): SignedMetadata {
        const server = tufKey(generatePrivateKey("p256").publicKey)
        const keys = [this.rootKey, this.targetsKey, server]
        const role = (key: TufKey): { keyIds: ReturnType<typeof keyIdOf>[]; threshold: number } => ({
            keyIds: [keyIdOf(key)],
            threshold: 1,
        })
        const roles = new Map([
            ["root" as const, role(this.rootKey)],
            ["targets" as const, role(this.targetsKey)],
            ["snapshot" as const, role(server)],
            ["timestamp" as const, role(server)],
        ])
        const document = {
            type: "root" as const,
            version,
            expires,
            keys: new Map(keys.map((key) => [keyIdOf(key), key])),
            roles,
            consistentSnapshot: false,
        }
        return parseSigned(encodeRoot(document), ROOT)
    }

    targets(version: number, tag = "v1", role: RoleName = parseRoleName("targets")): SignedMetadata {
        const meta = { hashes: new Map([["sha256", Buffer.alloc(32, tag)]]), length: 7 }
        const document = {
            type: "targets" as const,
            version,
            expires: EXPIRES,
            targets: new Map([[tag, meta]]),
            delegations: { keys: new Map(), roles: [] },
        }
        return parseSigned(encodeTargets(document), role)
    }

    file(signed: SignedMetadata): MetadataFile {
        const [key, made] = signed.role === "root" ? [this.rootKey, this.#root] : [this.targetsKey, this.#targets]
        const sig = signWith(openPrivateKey(made.pkcs8), "ecdsa", signed.bytes)
        return parseFile(assembleFile(signed, [{ keyId: keyIdOf(key), method: "ecdsa", sig }]), signed.role)
    }
}
