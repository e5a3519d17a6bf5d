import { type Command, Option } from "commander"
import { TrustkeyError } from "../../errors.ts"
import type { Cli } from "../context.ts"
import { type DaemonSlot, type DaemonTokenDetails, PURPOSES, type PurposeName } from "../daemon-types.ts"
import { shortId } from "../output.ts"
import { keyJson, printKey } from "../present.ts"
import { type CardFlags, jsonOption, newCommand, type PinOptions, repeated, withExamples, withManagementKey, withPin } from "../syntax.ts"

type EnrollOptions = CardFlags &
    PinOptions & {
        slot: string
        serial?: string
        purpose: PurposeName
        label: string
        bind?: readonly string[]
        acceptPinOnce?: boolean
        certificate: boolean
        json?: boolean
    }

export function tokenEnrollCommand(cli: Cli): Command {
    const command = newCommand(
        cli,
        "enroll",
        "Take in the key in a slot of a YubiKey: see the card, check its serial number and attestation, prove the key. Needs the admin socket.",
    )
        .argument("[name]", "the token's name in the configuration; may be left out when there is only one")
        .option("--slot <slot>", "the slot the key lies in", "9c")
        .option("--serial <number>", "the number printed on the YubiKey; otherwise it is asked for")
        .addOption(new Option("--purpose <purpose>", "what the key is for").choices(PURPOSES).default("root"))
        .option("--label <text>", "a name for people", "")
        .option("--bind <role@gun>", "where it may sign; repeatable", repeated)
        .option("--accept-pin-once", "take a root key although its slot does not ask for the PIN each time")
        .option("--no-certificate", "don't write the certificate by which stock Notary clients find a root key")
        .addOption(jsonOption())
        .action((name: string | undefined, options: EnrollOptions) => enroll(cli, name, options))
    return withExamples(withManagementKey(withPin(command)), [
        "trustkey token enroll root-token --serial 12345678",
        "trustkey token enroll --slot 9a --purpose delegation --label alice --no-certificate",
    ])
}

async function enroll(cli: Cli, given: string | undefined, options: EnrollOptions): Promise<void> {
    const { chooseToken } = await import("../choose-token.ts")
    const { parseBinding } = await import("../decode.ts")
    const daemon = await cli.daemon("admin")
    const bindings = (options.bind ?? []).map(parseBinding)
    const name = await chooseToken(daemon, given)
    const details = await daemon.showToken(name)
    const slot = slotIn(details, options.slot)
    const { purpose, label } = options
    cli.output.note(
        `YubiKey ${details.cardSerial}, firmware ${details.firmware}; slot ${slot.slot} has the ${slot.algorithm} key ${shortId(slot.keyId)}.`,
    )
    for (const { what, consequence, advice } of details.warnings) cli.output.warn(`${what}. So: ${consequence}. What to do: ${advice}.`)
    await checkSerial(cli, details, options.serial)
    const { openCard, certifyForNotary, logInTo } = await import("../card.ts")
    const wantsCertificate = options.certificate && purpose === "root" && slot.algorithm === "p256" && slot.certificateSha256 === ""
    using card = wantsCertificate ? await openCard(cli, daemon, name, options) : undefined
    if (card === undefined) await logInTo(cli, daemon, name, options)
    const acceptPinOnce = options.acceptPinOnce === true
    const key = await daemon.enrollKey({ token: name, uri: slot.uri, purpose, label, bindings, acceptPinOnce })
    if (card !== undefined) await certifyForNotary(cli, daemon, card, key)
    if (options.json === true) cli.output.json(keyJson(key))
    else printKey(cli.output, key)
}

function slotIn({ token, slots }: DaemonTokenDetails, wanted: string): DaemonSlot {
    if (token.state === "absent") throw new TrustkeyError("token_absent", `token ${token.name} is not there`)
    if (token.kind !== "yubikey") {
        throw new TrustkeyError(
            "invalid_request",
            `token ${token.name} is not a YubiKey the daemon can manage: use trustkey key enroll --uri`,
        )
    }
    const found = slots.find(({ slot, keyId }) => slot === wanted && keyId !== "")
    if (found !== undefined) return found
    const others = slots.filter(({ keyId }) => keyId !== "").map(({ slot }) => slot)
    throw new TrustkeyError(
        "not_found",
        `slot ${wanted} has no key that is known here${others.length === 0 ? "; there is none on the card" : `; there are keys in ${others.join(", ")}`}`,
    )
}

/** The number a person reads from the device, not from what it says: an evil twin has another, or lies. */
async function checkSerial(cli: Cli, { cardSerial }: DaemonTokenDetails, given: string | undefined): Promise<void> {
    const typed = given ?? (await (await cli.prompts()).line("Serial number printed on the YubiKey: ", "--serial")).trim()
    if (typed.replace(/^0+/, "") === cardSerial) return
    throw new TrustkeyError("token_changed", `the card says its serial number is ${cardSerial}, and not ${typed}: this is another card`)
}
