import assert from "node:assert/strict"
import { randomBytes } from "node:crypto"
import { readdir, rename } from "node:fs/promises"
import path from "node:path"
import type { KeyRecord } from "../../../src/journal/index.ts"
import type { TokenConfig, TokenState } from "../../../src/keys/index.ts"
import type { Store } from "../../../src/storage/index.ts"
import { buildFaultModule, type FaultModule } from "../../support/fault-module.ts"
import { KeyRig, type KeyRigOptions } from "../../support/key-rig.ts"
import { mustRun } from "../../support/process.ts"
import { type SoftHsm, startSoftHsm } from "../../support/softhsm.ts"
import { isGood } from "./signer-contract.ts"

export type World = AsyncDisposable & {
    readonly hsm: SoftHsm
    readonly faults: FaultModule
    readonly rig: KeyRig
    readonly config: TokenConfig
}

/** A software token behind a module that fails on demand, and a key store that knows it as "hsm". */
export async function openWorld(config: Partial<TokenConfig> = {}, options: KeyRigOptions = {}): Promise<World> {
    const stack = new AsyncDisposableStack()
    const hsm = stack.use(await startSoftHsm())
    const faults = stack.use(await buildFaultModule(hsm.module))
    const whole = {
        name: "hsm",
        module: faults.module,
        uri: `pkcs11:serial=${hsm.serial}`,
        environment: { SOFTHSM2_CONF: hsm.conf, ...faults.environment },
        deadlineMs: 5_000,
        ...config,
    }
    const rig = stack.use(await KeyRig.open({ tokens: [whole], ...options }))
    return { hsm, faults, rig, config: whole, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

export async function tokenState(rig: KeyRig): Promise<TokenState> {
    const [token] = await rig.keys.tokens()
    assert.ok(token)
    return token
}

export async function tries(rig: KeyRig): Promise<readonly unknown[]> {
    return (await rig.store.read({ kind: "pin-tries" })).map((row) => row["token"])
}

export async function signs(rig: KeyRig, key: KeyRecord): Promise<boolean> {
    const intent = await rig.promiseCertificate(key)
    return isGood(key, intent, await rig.keys.sign(intent))
}

export function tokenDirectory(hsm: SoftHsm): string {
    return path.join(path.dirname(hsm.conf), "tokens")
}

/** A key made outside, put onto the token under a chosen id. */
export async function importKey(hsm: SoftHsm, id: string, label: string): Promise<void> {
    const file = path.join(path.dirname(hsm.conf), `${randomBytes(4).toString("hex")}.pem`)
    await mustRun("openssl", ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", file])
    const place = ["--token", hsm.label, "--label", label, "--id", id, "--pin", hsm.userPin]
    await mustRun("softhsm2-util", ["--import", file, ...place], { env: hsm.env })
}

/** Another key in the place of the one with that id, as somebody else's program may put it there. */
export async function replaceKey(hsm: SoftHsm, id: string): Promise<void> {
    for (const type of ["privkey", "pubkey"]) {
        const login = ["--login", "--pin", hsm.userPin, "--token-label", hsm.label]
        await mustRun("pkcs11-tool", ["--module", hsm.module, ...login, "--delete-object", "--type", type, "--id", id], { env: hsm.env })
    }
    await importKey(hsm, id, "a key of the tests")
}

/** Does something once, when a try has been written down and was not made yet. */
export function betweenHalves(): { readonly wrapStore: (store: Store) => Store; arm(work: () => Promise<unknown>): void } {
    let armed: (() => Promise<unknown>) | undefined
    const wrapStore = (store: Store): Store => ({
        read: (query) => store.read(query),
        close: () => store.close(),
        commit: async (changes) => {
            await store.commit(changes)
            if (changes[0]?.kind !== "pin-try.put") return
            const work = armed
            armed = undefined
            await work?.()
        },
    })
    return {
        wrapStore,
        arm: (work) => {
            armed = work
        },
    }
}

/** Takes the token of `world` out and puts `twin` in its place, and back; somebody asks how the token is meanwhile. */
export async function exchanger(
    { rig, hsm }: World,
    twin: SoftHsm,
): Promise<{ readonly there: () => Promise<void>; readonly back: () => Promise<void> }> {
    const [own, other] = [tokenDirectory(hsm), tokenDirectory(twin)]
    const [name = ""] = await readdir(own)
    const [twinName = ""] = await readdir(other)
    const away = path.join(path.dirname(hsm.conf), "exchanged")
    return {
        there: async () => {
            await rename(path.join(own, name), away)
            await rig.keys.tokens()
            await rename(path.join(other, twinName), path.join(own, twinName))
        },
        back: async () => {
            await rename(path.join(own, twinName), path.join(other, twinName))
            await rename(away, path.join(own, name))
            await rig.keys.tokens()
        },
    }
}
