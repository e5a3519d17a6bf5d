import type { ExistingKey, NewKey, Plan, ShownPlace } from "../../ceremony/index.ts"
import { type Attestation, PIN_POLICIES, type PublicKeyBytes, TOUCH_POLICIES } from "../../crypto/index.ts"
import { TrustkeyError } from "../../errors.ts"
import { type CardWishes, logInTo } from "../card.ts"
import { createAt } from "../create-key.ts"
import type { Daemon, DaemonKey, DaemonToken, DaemonTokenDetails } from "../daemon-types.ts"
import { tokenOf } from "../key-home.ts"
import { shortId } from "../output.ts"
import type { Work } from "./work.ts"

/** A token as it lies in the reader now. `serial`: of a card the one printed on it. */
export type TokenAtHand = { readonly token: DaemonToken; readonly serial: string; readonly details: DaemonTokenDetails | undefined }

/**
 * The token of this name, and no other: what people hold in their hands has to be what the plan says before anything is done to it.
 *
 * @throws not_found, token_absent, step_refused: another serial number
 */
export async function tokenAtHand(daemon: Daemon, name: string, wanted: string | undefined): Promise<TokenAtHand> {
    const tokens = await daemon.listTokens()
    const token = tokens.find((candidate) => candidate.name === name)
    if (token === undefined) {
        const there = tokens.map((candidate) => candidate.name).join(", ")
        throw new TrustkeyError("not_found", `the vault's daemon has no token called ${name}; it has ${there === "" ? "none" : there}`)
    }
    if (token.state === "absent")
        throw new TrustkeyError("token_absent", `token ${name} is not there${wanted === undefined ? "" : ` (serial ${wanted})`}`)
    const details = token.kind === "yubikey" ? await daemon.showToken(name) : undefined
    const serial = details === undefined || details.cardSerial === "" ? token.serial : details.cardSerial
    if (wanted !== undefined && serial !== wanted)
        throw new TrustkeyError(
            "step_refused",
            `token ${name} has serial number ${serial}, and the plan says ${wanted}: this is another token`,
        )
    return { token, serial, details }
}

/** Where a key lies, as the vault's daemon and the token say. */
export function placeOf(key: DaemonKey, at: TokenAtHand | undefined): ShownPlace {
    if (at === undefined) return {}
    const slot = at.details?.slots.find(({ keyId }) => keyId === key.id)?.slot
    const pinPolicy = PIN_POLICIES.find((policy) => policy === key.pinPolicy)
    const touchPolicy = TOUCH_POLICIES.find((policy) => policy === key.touchPolicy)
    return {
        token: at.token.name,
        serial: attestationOf(key) === undefined ? at.serial : (key.attestation?.serial ?? at.serial),
        ...(slot === undefined ? {} : { slot }),
        ...(pinPolicy === undefined ? {} : { pinPolicy }),
        ...(touchPolicy === undefined ? {} : { touchPolicy }),
    }
}

export function originOf(key: DaemonKey): "token" | "vault" | "imported" {
    if (key.origin === "imported") return "imported"
    return tokenOf(key.home) !== undefined && !key.brought ? "token" : "vault"
}

/** What a card has to say of its key, if it says so for good. */
export function attestationOf({ attestation }: DaemonKey): Attestation | undefined {
    if (attestation === undefined || attestation.verdict === "invalid") return undefined
    return { certificate: Buffer.from(attestation.certificate), intermediate: Buffer.from(attestation.intermediate) }
}

/** @throws key_unfit */
export function publicOfRoot({ keytype, publicKey, id }: DaemonKey): PublicKeyBytes {
    if (keytype !== "ecdsa" && keytype !== "rsa")
        throw new TrustkeyError("key_unfit", `key ${shortId(id)} is of type ${keytype}, and a root key is ECDSA or RSA`)
    return { keytype, bytes: publicKey }
}

/**
 * A new key of the plan on a token. Whoever was killed between making and recording it finds it again by its label, which says ceremony, key
 * and try; what a record voided is another try's.
 */
export async function makeOnToken(
    { cli, plan }: Work,
    daemon: Daemon,
    key: NewKey,
    at: TokenAtHand,
    tries: number,
    wishes: CardWishes,
): Promise<DaemonKey> {
    const label = labelOf(plan, key.name, tries)
    const made = await madeBefore(daemon, label)
    if (made !== undefined) {
        if (tokenOf(made.home) !== at.token.name || made.algorithm !== key.algorithm)
            throw new TrustkeyError(
                "step_refused",
                `${key.name} was already made on ${made.home}, as ${shortId(made.id)}: record that one, or void it`,
            )
        cli.output.note(`Key ${shortId(made.id)} was made before, and not recorded; it is taken.`)
        await logInTo(cli, daemon, at.token.name, wishes)
        return await daemon.getKey(made.id)
    }
    if (at.token.kind !== "yubikey") await logInTo(cli, daemon, at.token.name, wishes)
    const card = at.token.kind === "yubikey" ? { ...wishes, ...cardPlace(key) } : wishes
    const bindings: never[] = []
    const { id } = await createAt(cli, daemon, {
        ...card,
        purpose: "root",
        algorithm: key.algorithm,
        label,
        bindings,
        token: at.token.name,
    })
    // Whoever managed a card ended its login, and the key has certificates to sign.
    await logInTo(cli, daemon, at.token.name, wishes)
    return await daemon.getKey(id)
}

function cardPlace({ slot, pinPolicy, touchPolicy }: NewKey): CardWishes {
    return {
        ...(slot === undefined ? {} : { slot }),
        ...(pinPolicy === undefined ? {} : { pinPolicy }),
        ...(touchPolicy === undefined ? {} : { touchPolicy }),
    }
}

/** Of this plan alone: one with the same ID that was abandoned has left keys of its own. */
export function labelOf({ id, sha256 }: Plan, name: string, tries: number): string {
    return `${id} ${name}${tries === 0 ? "" : ` #${tries + 1}`} (plan ${sha256.slice(0, 16)})`
}

export async function madeBefore(daemon: Daemon, label: string): Promise<DaemonKey | undefined> {
    return (await daemon.listKeys({})).find((key) => key.label === label && key.purpose === "root" && key.state !== "removed")
}

/**
 * An existing key of the plan at the vault: known to its daemon, or taken in from the token it lies on.
 *
 * @throws step_refused: it lies elsewhere than the plan says; not_found
 */
export async function presentKey(
    work: Work,
    daemon: Daemon,
    key: ExistingKey,
    wishes: CardWishes,
): Promise<{ key: DaemonKey; at: TokenAtHand | undefined }> {
    const known = (await daemon.listKeys({})).find(({ id, state }) => id === key.id && state !== "removed")
    const home = tokenOf(known?.home ?? "")
    const name = key.token ?? home
    if (name === undefined) {
        if (known === undefined)
            throw new TrustkeyError(
                "not_found",
                `the vault's daemon does not know key ${shortId(key.id)}, and the plan does not say on which token it is`,
            )
        return { key: await daemon.getKey(known.id), at: undefined }
    }
    const at = await tokenAtHand(daemon, name, key.serial)
    if (known !== undefined && home !== name)
        throw new TrustkeyError("step_refused", `key ${shortId(key.id)} is ${known.home} at the vault, and the plan says token ${name}`)
    if (known === undefined) await enrolFrom(work, daemon, key, at, wishes)
    return { key: await daemon.getKey(key.id), at }
}

async function enrolFrom({ cli, plan }: Work, daemon: Daemon, key: ExistingKey, { token }: TokenAtHand, wishes: CardWishes): Promise<void> {
    await logInTo(cli, daemon, token.name, wishes)
    const found = (await daemon.tokenObjects(token.name)).find(({ keyId }) => keyId === key.id)
    if (found === undefined)
        throw new TrustkeyError(
            "step_refused",
            `token ${token.name} (serial ${token.serial}) does not have key ${shortId(key.id)}: this is not ${key.holder}'s`,
        )
    cli.output.note(`Taking in key ${shortId(key.id)} from token ${token.name}.`)
    const label = labelOf(plan, key.name, 0)
    // How often its slot asks was decided when it was made; the record says how it is.
    await daemon.enrollKey({ token: token.name, uri: found.uri, purpose: "root", label, bindings: [], acceptPinOnce: true })
}
