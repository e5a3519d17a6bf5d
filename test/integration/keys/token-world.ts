import assert from "node:assert/strict"
import path from "node:path"
import type { KeyRecord } from "../../../src/journal/index.ts"
import type { TokenConfig, TokenState } from "../../../src/keys/index.ts"
import { buildFaultModule, type FaultModule } from "../../support/fault-module.ts"
import { KeyRig, type KeyRigOptions } from "../../support/key-rig.ts"
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
