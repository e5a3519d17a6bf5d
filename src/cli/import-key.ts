import type { OpenedKey, Secret } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import { canonicalKeyIdOf, tufKey } from "../tuf/index.ts"
import type { Card } from "./card.ts"
import type { Cli } from "./context.ts"
import type { Binding, Daemon, DaemonKey, PurposeName } from "./daemon-types.ts"
import { tokenHome } from "./key-home.ts"
import { shortId } from "./output.ts"
import { askNewPassphrase, roleWord, sealFor, thingOfGroup, unlock } from "./secrets.ts"
import type { PassphraseOptions } from "./syntax.ts"

/** What an imported key becomes. */
export type ImportSpec = PassphraseOptions & {
    readonly purpose: PurposeName
    readonly label: string
    readonly bindings: readonly Binding[]
    readonly group?: string
    readonly place?: TokenPlace
    readonly acceptPinOnce?: boolean
    /** Asked for before; it stays the caller's. Without it, and without a group, it is asked for. */
    readonly passphrase?: Secret
}

/** A token that is logged in to. `card`: into a slot of this YubiKey; it stays the caller's. `serial`: what a person knows it by. */
export type TokenPlace = { readonly token: string; readonly card?: Card; readonly serial?: string }

/**
 * TK-SEC-2: the one way on which a private key goes through the client, sealed for the signer at once. Wiping `opened` is the caller's.
 *
 * @throws already_exists: the key is here, or was removed. key_unfit, denied, and what asking for a passphrase throws
 */
export async function importOpened(cli: Cli, daemon: Daemon, opened: OpenedKey, spec: ImportSpec): Promise<DaemonKey> {
    const { purpose, label, bindings, group, place } = spec
    if (place !== undefined) {
        const { token, card, serial } = place
        const piv = card === undefined ? {} : { piv: await card.placement(daemon) }
        const pkcs8 = await sealFor(daemon, "import", tokenHome(token), opened.pkcs8)
        const home = { token, ...piv, ...(serial === undefined ? {} : { serial }) }
        return daemon.importKey({ pkcs8, purpose, label, bindings, home, acceptPinOnce: spec.acceptPinOnce === true })
    }
    if (group !== undefined) {
        await unlockGroup(cli, daemon, group, spec)
        const pkcs8 = await sealFor(daemon, "import", "new", opened.pkcs8)
        return daemon.importKey({ pkcs8, purpose, label, bindings, home: { group } })
    }
    using secret = spec.passphrase?.clone() ?? (await askPassphraseToSeal(cli, opened, spec))
    // Challenges last two minutes: they are asked for when nobody has to type any more.
    const passphrase = await sealFor(daemon, "create", "new", secret)
    const pkcs8 = await sealFor(daemon, "import", "new", opened.pkcs8)
    return daemon.importKey({ pkcs8, purpose, label, bindings, home: { passphrase } })
}

/** Opens the key group that is to take keys, if it is locked. */
export async function unlockGroup(cli: Cli, daemon: Daemon, name: string, options: PassphraseOptions): Promise<void> {
    const group = (await daemon.listGroups()).find((candidate) => candidate.name === name)
    if (group?.unlocked === false) await unlock(cli, daemon, thingOfGroup(name), options, { ttlSeconds: 0, uses: 0 })
}

/** Before anybody types: whether there is a daemon, and whether it lets us import. */
export async function daemonToImportInto(cli: Cli): Promise<Daemon> {
    const daemon = await cli.daemon()
    await daemon.challenge("import", "new")
    return daemon
}

/** For a key that was removed from the daemon: no file brings it back. */
export function wasRemoved(id: string): TrustkeyError {
    return new TrustkeyError("already_exists", `key ${shortId(id)} was removed here, and a removed key does not come back`)
}

/** The new passphrase of a key from a file. */
export function askPassphraseToSeal(cli: Cli, opened: OpenedKey, spec: ImportSpec): Promise<Secret> {
    const name = `new ${roleWord(spec)} key with ID ${importedId(opened).slice(0, 7)}`
    return askNewPassphrase(cli, spec, { purpose: spec.purpose, name })
}

/** The ID the key has here and in the stock clients: the canonical one. */
export function importedId(opened: OpenedKey): string {
    return canonicalKeyIdOf(tufKey(opened.publicKey))
}
