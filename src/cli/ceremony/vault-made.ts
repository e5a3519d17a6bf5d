import type { NewKey } from "../../ceremony/index.ts"
import { type CardWishes, logInTo, openCard } from "../card.ts"
import { createAt } from "../create-key.ts"
import type { Daemon, DaemonKey } from "../daemon-types.ts"
import { shortId } from "../output.ts"
import { askPassphrase, makeReady, sealFor, thingOfKey } from "../secrets.ts"
import type { PassphraseOptions } from "../syntax.ts"
import { labelOf, madeBefore, type TokenAtHand } from "./vault.ts"
import type { Work } from "./work.ts"

/** A key that the vault makes: sealed under a passphrase, and copied into its tokens afterwards. */
export async function makeSealed(
    { cli, plan }: Work,
    daemon: Daemon,
    key: NewKey,
    tries: number,
    { passphraseFd, passphraseFile }: PassphraseOptions,
): Promise<DaemonKey> {
    const label = labelOf(plan, key.name, tries)
    const secrets = { ...(passphraseFd === undefined ? {} : { passphraseFd }), ...(passphraseFile === undefined ? {} : { passphraseFile }) }
    const made = await madeBefore(daemon, label)
    if (made === undefined) {
        return await createAt(cli, daemon, { ...secrets, purpose: "root", algorithm: key.algorithm, label, bindings: [], unlocked: true })
    }
    cli.output.note(`Key ${shortId(made.id)} was made before, and not recorded; it is taken.`)
    await makeReady(cli, daemon, made, secrets)
    return await daemon.getKey(made.id)
}

/** Bring a sealed key to a token, past the daemon; what an interrupted try brought there is found again. */
export async function copyToToken(
    { cli }: Work,
    daemon: Daemon,
    key: DaemonKey,
    { token, serial }: TokenAtHand,
    options: CardWishes & PassphraseOptions,
): Promise<void> {
    if (key.copies.some((copy) => copy.token === token.name)) {
        cli.output.note(`Key ${shortId(key.id)} was copied to token ${token.name} before, and not recorded; it is taken.`)
        return
    }
    using card = await openCard(cli, daemon, token.name, options)
    if (card === undefined) await logInTo(cli, daemon, token.name, options)
    const { secret } = await askPassphrase(cli, options, thingOfKey(key))
    using passphrase = secret
    const piv = card === undefined ? {} : { piv: await card.placement(daemon) }
    const from = { passphrase: await sealFor(daemon, "copy", `${key.id}:${token.name}`, passphrase) }
    await daemon.copyKey({ id: key.id, token: token.name, serial, from, ...piv })
}
