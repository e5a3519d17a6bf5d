import { type Command, Option } from "commander"
import { TrustkeyError } from "../../errors.ts"
import type { Cli } from "../context.ts"
import type { Daemon } from "../daemon-types.ts"
import { tokenOf } from "../key-home.ts"
import { type CardFlags, newCommand, type PinOptions, withExamples, withManagementKey, withPin } from "../syntax.ts"

type CertificateOptions = CardFlags & PinOptions & { replace?: string }

export function tokenCertificateCommand(cli: Cli): Command {
    const command = newCommand(
        cli,
        "certificate",
        "Write the CN=root certificate beside a root key on a YubiKey, by which stock Notary clients find it.",
    )
        .argument("<id>", "the root key's ID, or its first 7 or more digits")
        .addOption(new Option("--replace <sha256>", "overwrite the certificate with this SHA-256, as trustkey token show begins it"))
        .action((id: string, options: CertificateOptions) => writeCertificate(cli, id, options))
    return withExamples(withManagementKey(withPin(command)), [
        "trustkey token certificate 3fa9c2d1e0aa",
        "trustkey token certificate 3fa9c2d1e0aa --management-key-file /run/user/1000/management-key",
    ])
}

async function writeCertificate(cli: Cli, id: string, options: CertificateOptions): Promise<void> {
    const { openCard } = await import("../card.ts")
    const daemon = await cli.daemon()
    const key = await daemon.getKey(id)
    const name = tokenOf(key.home)
    if (name === undefined) throw new TrustkeyError("key_unfit", "this key is not on a token")
    using card = await openCard(cli, daemon, name, options)
    if (card === undefined) throw new TrustkeyError("invalid_request", `token ${name} is not a YubiKey the daemon can manage`)
    const replace = options.replace === undefined ? "" : await wholeDigest(daemon, name, options.replace)
    await card.logInAgain(daemon)
    const managementKey = await card.sealManagementKey(daemon)
    cli.output.bytes(Buffer.from(await daemon.cardCertificate({ keyId: key.id, managementKey, replace })))
    cli.output.note(`Wrote it to token ${name}: notary key list shows the key there.`)
}

/** Whoever names what may go has seen it: as many digits as the table shows do. @throws not_found */
async function wholeDigest(daemon: Daemon, token: string, prefix: string): Promise<string> {
    const found = (await daemon.showToken(token)).slots.filter((slot) => slot.certificateSha256.startsWith(prefix))
    const only = found[0]
    if (/^[0-9a-f]{12,64}$/.test(prefix) && only !== undefined && found.length === 1) return only.certificateSha256
    throw new TrustkeyError("not_found", "no certificate on the card begins with these digits; at least 12 are needed")
}
