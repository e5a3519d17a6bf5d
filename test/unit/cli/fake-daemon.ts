import { randomBytes } from "node:crypto"
import type { Daemon, DaemonKey, DaemonToken } from "../../../src/cli/daemon-types.ts"
import { SecretInbox } from "../../../src/crypto/index.ts"
import { TrustkeyError } from "../../../src/errors.ts"

/** A daemon of which only `operations` exist; asking for another fails the test. */
export function fakeDaemon(operations: Partial<Daemon>): Daemon {
    return new Proxy(operations, {
        get: (target, name) => {
            const found: unknown = Reflect.get(target, name)
            // A promise that resolves with it looks whether it is a promise itself.
            if (found !== undefined || name === "then") return found
            return () => {
                throw new Error(`the test did not expect a call of ${String(name)}`)
            }
        },
    }) as Daemon
}

/** The secrets' way to a signer, with real cryptography: `challenge` for the daemon, `open` for what arrives sealed. */
export function fakeSigner(): Pick<Daemon, "challenge"> & {
    readonly open: (purpose: string, subject: string, sealed: unknown) => string
    readonly openBytes: (purpose: string, subject: string, sealed: unknown) => Buffer
} {
    const inbox = new SecretInbox(() => 0)
    const openBytes = (purpose: string, subject: string, sealed: unknown): Buffer => {
        using secret = inbox.open({ purpose, subject }, sealed as Parameters<SecretInbox["open"]>[1])
        return secret.reveal((bytes) => Buffer.from(bytes))
    }
    return {
        challenge: (purpose, subject) =>
            Promise.resolve({ signerPublic: inbox.publicKey, nonce: inbox.challenge({ purpose, subject }), purpose, subject }),
        open: (purpose, subject, sealed) => openBytes(purpose, subject, sealed).toString(),
        openBytes,
    }
}

export function sampleKey(changes: Partial<DaemonKey> = {}): DaemonKey {
    return {
        id: "3fa9c2d1e0aa".padEnd(64, "0"),
        algorithm: "p256",
        purpose: "targets",
        label: "app",
        publicKey: randomBytes(91),
        keytype: "ecdsa",
        bindings: [{ gun: "registry.example.com/team/app", role: "targets" }],
        home: "sealed",
        tokenUri: "",
        origin: "generated",
        createdAt: "2026-01-01T00:00:00Z",
        removedAt: "",
        state: "locked",
        unlockedUntil: "",
        usesLeft: 0,
        ready: false,
        mine: true,
        pinPolicy: "",
        touchPolicy: "",
        copies: [],
        brought: false,
        attestation: undefined,
        needs: [],
        ...changes,
    }
}

export function refuse(code: ConstructorParameters<typeof TrustkeyError>[0], message = "no"): Promise<never> {
    return Promise.reject(new TrustkeyError(code, message))
}

export function sampleToken(changes: Partial<DaemonToken> = {}): DaemonToken {
    const facts = { name: "root-token", uri: "", detail: "", label: "", serial: "", manufacturer: "", model: "", kind: "pkcs11" }
    return { ...facts, state: "logged-in", tries: "ok", loggedInUntil: "", usesLeft: 0, ...changes }
}
