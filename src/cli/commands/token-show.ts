import type { Command } from "commander"
import type { Cli } from "../context.ts"
import type { DaemonTokenDetails } from "../daemon-types.ts"
import { shortId } from "../output.ts"
import { triesText } from "../present.ts"
import { jsonOption, newCommand, withExamples } from "../syntax.ts"

export function tokenShowCommand(cli: Cli): Command {
    const command = newCommand(
        cli,
        "show",
        "Show a token: of a YubiKey its firmware, slots, policies, tries left, and what is known to be wrong.",
    )
        .argument("[name]", "the token's name in the configuration; may be left out when there is only one")
        .addOption(jsonOption())
        .action(async (name: string | undefined, options: { json?: boolean }) => {
            const { chooseToken } = await import("../choose-token.ts")
            const daemon = await cli.daemon()
            const details = await daemon.showToken(await chooseToken(daemon, name))
            if (options.json === true) cli.output.json(details)
            else printDetails(cli, details)
        })
    return withExamples(command, ["trustkey token show root-token"])
}

export function printDetails(cli: Cli, details: DaemonTokenDetails): void {
    const { token, cardSerial, firmware, slots, warnings } = details
    cli.output.facts([
        ["name", token.name],
        ["kind", token.kind === "yubikey" ? "YubiKey" : "PKCS#11 token"],
        ["state", token.state],
        ["detail", token.detail],
        ["label", token.label],
        ["serial", cardSerial === "" ? token.serial : cardSerial],
        ["model", `${token.manufacturer} ${token.model}`.trim()],
        ["firmware", firmware],
        ["PIN tries", details.pinTries === "" ? triesText(token) : details.pinTries],
        ["PUK tries", details.pukTries],
        ["management key", managementKey(details)],
        ["uri", token.uri],
    ])
    if (slots.length > 0) {
        cli.output.line()
        cli.output.table(
            ["SLOT", "ALGORITHM", "KEY", "PIN", "TOUCH", "ORIGIN", "CERTIFICATE"],
            slots.map((slot) => [
                slot.slot,
                slot.keyId === "" ? "-" : slot.algorithm,
                slot.keyId === "" ? "-" : shortId(slot.keyId),
                slot.pinPolicy,
                slot.touchPolicy,
                slot.origin,
                slot.certificateSha256 === "" ? "-" : `CN=${slot.certificateName} ${shortId(slot.certificateSha256)}`,
            ]),
        )
    }
    for (const { what, consequence, advice } of warnings) cli.output.warn(`${what}. So: ${consequence}. What to do: ${advice}.`)
}

function managementKey({ managementKey, managementKeyDefault }: DaemonTokenDetails): string {
    if (managementKey === "") return ""
    const whose = managementKeyDefault === "yes" ? ", the one every card is sold with" : managementKeyDefault === "no" ? ", its own" : ""
    return `${managementKey === "3des" ? "3DES" : managementKey.replace("aes", "AES-")}${whose}`
}
