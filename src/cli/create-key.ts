import type { Secret } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import { type Card, type CardWishes, certifyForNotary, openCard } from "./card.ts"
import type { Cli } from "./context.ts"
import type { AlgorithmName, Binding, Daemon, DaemonKey, PurposeName } from "./daemon-types.ts"
import { askNewPassphrase, login, roleWord, sealFor, thingOfGroup, unlock } from "./secrets.ts"
import type { PassphraseOptions, PinOptions } from "./syntax.ts"

export type NewKey = PassphraseOptions &
    CardWishes & {
        readonly purpose: PurposeName
        readonly algorithm: AlgorithmName
        readonly label: string
        readonly bindings: readonly Binding[]
        readonly token?: string
        readonly group?: string
        readonly acceptPinOnce?: boolean
        /** False: don't write the certificate by which stock Notary clients find a root key on a YubiKey. */
        readonly certificate?: boolean
        /** Leave it unlocked for the daemon's usual time, so that nobody types the new passphrase a third time. */
        readonly unlocked?: boolean
    }

/** Everything that had to be asked for a new key has been; nothing is made yet. Ends with the passphrase wiped. */
export type PlannedKey = Disposable & { make(): Promise<DaemonKey> }

/** Make a key where `token` or `group` say; else it is sealed under a passphrase of its own. A locked group is unlocked first. */
export async function createAt(cli: Cli, daemon: Daemon, spec: NewKey): Promise<DaemonKey> {
    using planned = await planKey(cli, daemon, spec)
    return await planned.make()
}

/**
 * Ask for what a new key needs: its passphrase, or that its group is opened. Whoever makes several keys plans them all first, and an
 * interrupt at a prompt leaves none behind.
 */
export async function planKey(cli: Cli, daemon: Daemon, spec: NewKey): Promise<PlannedKey> {
    const { purpose, algorithm, label, bindings, token, group } = spec
    const request = { purpose, algorithm, label, bindings }
    if (token !== undefined) {
        const card = await openCard(cli, daemon, token, spec)
        if (card === undefined) return { make: () => daemon.createKey({ ...request, home: { token } }), [Symbol.dispose]: () => {} }
        return { make: () => makeOnCard(cli, daemon, spec, card), [Symbol.dispose]: () => card[Symbol.dispose]() }
    }
    if (group !== undefined) {
        const known = (await daemon.listGroups()).find((candidate) => candidate.name === group)
        if (known?.unlocked === false) await unlock(cli, daemon, thingOfGroup(group), spec, { ttlSeconds: 0, uses: 0 })
        return { make: () => daemon.createKey({ ...request, home: { group } }), [Symbol.dispose]: () => {} }
    }
    const secret = await askNewPassphrase(cli, spec, { purpose, name: `new ${roleWord(spec)} key` })
    return { make: () => makeSealed(daemon, spec, secret), [Symbol.dispose]: () => secret[Symbol.dispose]() }
}

async function makeOnCard(cli: Cli, daemon: Daemon, spec: NewKey, card: Card): Promise<DaemonKey> {
    const { purpose, algorithm, label, bindings } = spec
    const piv = await card.placement(daemon)
    cli.output.note(`Making the key on token ${card.token}.`)
    const acceptPinOnce = spec.acceptPinOnce === true
    const key = await daemon.createKey({ purpose, algorithm, label, bindings, home: { token: card.token, piv }, acceptPinOnce })
    if (spec.certificate !== false) await certifyForNotary(cli, daemon, card, key)
    return key
}

async function makeSealed(daemon: Daemon, { purpose, algorithm, label, bindings, unlocked }: NewKey, secret: Secret): Promise<DaemonKey> {
    const passphrase = await sealFor(daemon, "create", "new", secret)
    const key = await daemon.createKey({ purpose, algorithm, label, bindings, home: { passphrase } })
    if (unlocked !== true || key.ready) return key
    await daemon.unlock({ subject: { keyId: key.id }, sealed: await sealFor(daemon, "unlock", key.id, secret), ttlSeconds: 0, uses: 0 })
    return daemon.getKey(key.id)
}

/**
 * A root key for whoever has none yet: on the token, when there is one; sealed, when there is none. Of several a person has to choose.
 *
 * @throws usage, token_absent, pin_blocked
 */
export async function planRootKey(cli: Cli, daemon: Daemon, options: PassphraseOptions & PinOptions): Promise<PlannedKey> {
    const [token, ...others] = await daemon.listTokens()
    if (others.length > 0) {
        throw new TrustkeyError(
            "usage",
            "there is no root key yet, and more than one token: make it on one of them with trustkey init --token NAME",
        )
    }
    const place = token === undefined ? "sealed under a passphrase" : `on token ${token.name}, which it never leaves`
    cli.output.note(
        [
            "There is no root key yet, so one is made now. Every repository you begin rests on it: it says which other keys count,",
            "and whoever has it can replace them all. If it is lost, no repository that rests on it can change its keys again, and",
            `each of them ends when its metadata expires. It is kept ${place}.`,
            token === undefined
                ? "Choose a long passphrase and keep it safe: nobody can recover it. Make a backup of the daemon's state."
                : "Keep the token and its PIN safe, and think of a second token.",
        ].join("\n"),
    )
    const spec = { purpose: "root", algorithm: "p256", label: "root", bindings: [], unlocked: true } as const
    if (token === undefined) return planKey(cli, daemon, { ...options, ...spec })
    if (token.state === "absent")
        throw new TrustkeyError("token_absent", `token ${token.name}, which the root key is to be made on, is not there`)
    if (token.state === "blocked")
        throw new TrustkeyError("pin_blocked", `token ${token.name}, which the root key is to be made on, is blocked`)
    if (token.kind === "yubikey" && !(await cli.prompts()).possible)
        throw new TrustkeyError(
            "no_terminal",
            `a YubiKey wants PIN and management key: make the root key first with trustkey init --token ${token.name}`,
        )
    // A YubiKey is logged in to with what else it wants.
    if (token.state !== "logged-in" && token.kind !== "yubikey") await login(cli, daemon, token.name, options)
    return planKey(cli, daemon, { ...options, ...spec, token: token.name })
}
