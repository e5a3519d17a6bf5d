import { Secret } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import type { Cli } from "./context.ts"
import type { Daemon, DaemonKey, DaemonToken, PivOptions, Sealed } from "./daemon-types.ts"
import { tokenHome } from "./key-home.ts"
import { shortId } from "./output.ts"
import { fromFlags, sealFor } from "./secrets.ts"
import type { CardFlags, PinOptions } from "./syntax.ts"
import { askPin, requireTries, tokenNamed } from "./token-pins.ts"

/** https://docs.yubico.com/yesdk/users-manual/application-piv/pin-puk-mgmt-key.html: no secret. Given only if somebody says so. */
const FACTORY_MANAGEMENT_KEY = "010203040506070801020304050607080102030405060708"
const MANAGEMENT_KEY_FLAGS = "--management-key-fd, --management-key-file or --default-management-key"
const PIN_FLAGS = "--pin-fd or --pin-file"

export type CardWishes = CardFlags & PinOptions & { readonly credential?: boolean }

/** The secrets of a YubiKey for one command. Each time one is needed it is sealed anew. */
export class Card implements Disposable {
    readonly token: string
    readonly #wishes: CardWishes
    readonly #managementKey: Secret
    readonly #pin: Secret | undefined

    constructor(token: string, wishes: CardWishes, managementKey: Secret, pin: Secret | undefined) {
        this.token = token
        this.#wishes = wishes
        this.#managementKey = managementKey
        this.#pin = pin
    }

    /** How and with what a key gets into its slot. */
    async placement(daemon: Daemon): Promise<PivOptions> {
        const { slot = "", pinPolicy = "", touchPolicy = "" } = this.#wishes
        const managementKey = await this.sealManagementKey(daemon)
        const pin = this.#pin === undefined ? null : await sealFor(daemon, "login", tokenHome(this.token), this.#pin)
        return { slot, pinPolicy, touchPolicy, managementKey, pin }
    }

    sealManagementKey(daemon: Daemon): Promise<Sealed> {
        return sealFor(daemon, "management-key", tokenHome(this.token), this.#managementKey)
    }

    /** Whoever managed the card ended its login; unless the daemon keeps it, it is made anew. */
    async logInAgain(daemon: Daemon): Promise<void> {
        const token = await tokenNamed(daemon, this.token)
        if (token.state === "logged-in") return
        await logIn(daemon, token, this.#pin)
    }

    [Symbol.dispose](): void {
        this.#managementKey[Symbol.dispose]()
        this.#pin?.[Symbol.dispose]()
    }
}

/**
 * Ask for all that a YubiKey wants, and log in if nobody is: a wrong PIN is found before there is a key.
 *
 * @returns undefined: the token is no YubiKey the daemon can manage
 * @throws token_absent, pin_blocked, usage: a YubiKey's options for another token
 */
export async function openCard(cli: Cli, daemon: Daemon, name: string, wishes: CardWishes): Promise<Card | undefined> {
    const token = await tokenNamed(daemon, name)
    if (token.state === "absent") throw new TrustkeyError("token_absent", `token ${name} is not there`)
    if (token.state === "blocked") throw new TrustkeyError("pin_blocked", `token ${name} is blocked`)
    if (token.kind !== "yubikey") {
        if (!CARD_FLAGS.some((flag) => wishes[flag] !== undefined)) return undefined
        throw new TrustkeyError(
            "usage",
            `token ${name} is not a YubiKey: --slot, --pin-policy, --touch-policy and the management key are for those`,
        )
    }
    using secrets = new DisposableStack()
    const isOpen = token.state === "logged-in" || wishes.credential === true
    const pin = (await fromFlags(cli, wishes.pinFd, wishes.pinFile)) ?? (isOpen ? undefined : await askPinOf(cli, token, wishes))
    if (pin !== undefined) secrets.use(pin)
    const managementKey = secrets.use(await askManagementKey(cli, name, wishes))
    if (token.state !== "logged-in") await logIn(daemon, token, pin)
    secrets.move()
    return new Card(name, wishes, managementKey, pin)
}

const CARD_FLAGS = ["slot", "pinPolicy", "touchPolicy", "managementKeyFd", "managementKeyFile", "defaultManagementKey"] as const

/** Log in to a token if nobody is: with the PIN from a flag, else from the terminal. */
export async function logInTo(cli: Cli, daemon: Daemon, name: string, options: PinOptions): Promise<void> {
    const token = await tokenNamed(daemon, name)
    if (token.state === "logged-in") return
    using pin = (await fromFlags(cli, options.pinFd, options.pinFile)) ?? (await askPinOf(cli, token, options))
    await logIn(daemon, token, pin)
}

/** TK-PIN-1: one try, and no other if it was wrong. */
async function logIn(daemon: Daemon, { name }: DaemonToken, pin: Secret | undefined): Promise<void> {
    const sealed = pin === undefined ? undefined : await sealFor(daemon, "login", tokenHome(name), pin)
    await daemon.login({ token: name, sealed, evenFinalTry: false, ttlSeconds: 0, uses: 0 })
}

async function askPinOf(cli: Cli, token: DaemonToken, options: PinOptions): Promise<Secret> {
    requireTries(token, false)
    return await askPin(cli, options, { token, what: "PIN", flags: PIN_FLAGS })
}

async function askManagementKey(cli: Cli, name: string, wishes: CardFlags): Promise<Secret> {
    if (wishes.defaultManagementKey === true) {
        cli.warnOnce(`token ${name} has the management key every card is sold with: whoever reaches it can overwrite its keys`)
        return new Secret(Buffer.from(FACTORY_MANAGEMENT_KEY))
    }
    const given = await fromFlags(cli, wishes.managementKeyFd, wishes.managementKeyFile)
    return given ?? (await (await cli.prompts()).secret(`Management key of token ${name}, in hexadecimal digits: `, MANAGEMENT_KEY_FLAGS))
}

/**
 * The certificate by which stock Notary clients find a root key on its card. The key is there and good without it, so a failure is
 * only said.
 */
export async function certifyForNotary(cli: Cli, daemon: Daemon, card: Card, key: DaemonKey): Promise<void> {
    // Notary's client knows P-256 only.
    if (key.purpose !== "root" || key.algorithm !== "p256") return
    cli.output.note("Writing the certificate by which stock Notary clients find the key on its card.")
    try {
        await card.logInAgain(daemon)
        await daemon.cardCertificate({ keyId: key.id, managementKey: await card.sealManagementKey(daemon), replace: "" })
    } catch (error) {
        if (!(error instanceof TrustkeyError)) throw error
        const how = `trustkey token certificate ${shortId(key.id)}`
        cli.output.warn(
            `the key is made and taken in, but the certificate for stock Notary clients is not on the card (${error.message}): ${how}`,
        )
    }
}
