import type { Cli } from "./context.ts"
import type { AlgorithmName, Binding, Daemon, DaemonKey, PurposeName } from "./daemon-types.ts"
import { askNewPassphrase, sealFor, thingOfGroup, unlock } from "./secrets.ts"
import type { PassphraseOptions } from "./syntax.ts"

export type NewKey = PassphraseOptions & {
    readonly purpose: PurposeName
    readonly algorithm: AlgorithmName
    readonly label: string
    readonly bindings: readonly Binding[]
    readonly token?: string
    readonly group?: string
    /** Leave it unlocked for the daemon's usual time, so that nobody types the new passphrase a third time. */
    readonly unlocked?: boolean
}

/** Make a key where `token` or `group` say; else it is sealed under a passphrase of its own. A locked group is unlocked first. */
export async function createAt(cli: Cli, daemon: Daemon, spec: NewKey): Promise<DaemonKey> {
    const { purpose, algorithm, label, bindings, token, group } = spec
    if (token !== undefined) return daemon.createKey({ purpose, algorithm, label, bindings, home: { token } })
    if (group !== undefined) {
        const known = (await daemon.listGroups()).find((candidate) => candidate.name === group)
        if (known?.unlocked === false) await unlock(cli, daemon, thingOfGroup(group), spec, { ttlSeconds: 0, uses: 0 })
        return daemon.createKey({ purpose, algorithm, label, bindings, home: { group } })
    }
    const place = bindings[0]
    const where = place === undefined ? "" : ` of ${place.gun}`
    using secret = await askNewPassphrase(cli, spec, { purpose, name: `the new ${purpose} key${where}` })
    const passphrase = await sealFor(daemon, "create", "new", secret)
    const key = await daemon.createKey({ purpose, algorithm, label, bindings, home: { passphrase } })
    if (spec.unlocked !== true || key.ready) return key
    await daemon.unlock({ subject: { keyId: key.id }, sealed: await sealFor(daemon, "unlock", key.id, secret), ttlSeconds: 0, uses: 0 })
    return daemon.getKey(key.id)
}
