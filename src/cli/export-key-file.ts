import { sealedSecretHash } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import { createFileDurable, fileMode } from "../storage/index.ts"
import { notaryHeaders } from "../tuf/index.ts"
import type { KeyExportOptions } from "./commands/key-export.ts"
import { askToType } from "./confirm.ts"
import type { Cli } from "./context.ts"
import type { DaemonKey } from "./daemon-types.ts"
import { printable, shortId } from "./output.ts"
import { printKey } from "./present.ts"
import { askNewPassphrase, askPassphrase, NO_VARIABLE, roleWord, sealFor, thingOfKey } from "./secrets.ts"

/** `trustkey key export`: what can be refused is, before anybody types a passphrase. */
export async function exportKeyFile(cli: Cli, id: string, options: KeyExportOptions): Promise<void> {
    const { format, out, gun } = options
    if ((await fileMode(out)) !== undefined) throw new TrustkeyError("already_exists", `${out} exists already`)
    const daemon = await cli.daemon("admin")
    const key = await daemon.getKey(id)
    if (format === "notary") sayHow(() => notaryHeaders(key, gun))
    else if (gun !== undefined) throw new TrustkeyError("usage", "--gun is for --format notary: a pkcs8 file names no repository")
    const subject = `${key.id}:${format}`
    // Whether the key can leave at all.
    await daemon.challenge("file-passphrase", subject)
    const confirm = await confirmed(cli, key, options.confirm)
    const { secret } = await askPassphrase(cli, options, thingOfKey(key))
    using passphrase = secret
    using fresh = await askNewPassphrase(cli, ofFile(options), { purpose: NO_VARIABLE, name: `the file with the ${roleWord(key)} key` })
    const filePassphrase = await sealFor(daemon, "file-passphrase", subject, fresh)
    const opener = await sealFor(daemon, "export-file", `${subject}:${sealedSecretHash(filePassphrase)}`, passphrase)
    const request = { id: key.id, confirm, format, gun: gun ?? "", filePassphrase, passphrase: opener }
    const file = await daemon.exportKeyFile(request)
    await createFileDurable(out, file, 0o600)
    cli.output.line(`Exported ${roleWord(key)} key ${shortId(key.id)} to ${printable(out)}`)
    cli.output.note(format === "notary" ? NOTARY_READERS : PKCS8_READERS)
    cli.output.warn(
        `whoever has ${printable(out)} and its passphrase can sign with this key, wherever it is trusted; nothing here takes that back`,
    )
}

const NOTARY_READERS = "notary key import and docker trust key load take it. Its passphrase stays the file's there."
const PKCS8_READERS = "openssl pkey takes it, and so does what reads PKCS#8."

function sayHow(check: () => unknown): void {
    try {
        check()
    } catch (error) {
        if (!(error instanceof TrustkeyError) || error.code !== "invalid_request") throw error
        throw new TrustkeyError("usage", `${error.message} (--gun)`)
    }
}

/** A private key that leaves is out for ever. */
async function confirmed(cli: Cli, key: DaemonKey, given: string | undefined): Promise<string> {
    if (given !== undefined) return given
    printKey(cli.output, key)
    const wanted = key.id.slice(0, 8)
    return await askToType(cli, `The private key of ${wanted} leaves in a file. Type ${wanted} to let it: `, wanted)
}

function ofFile({ filePassphraseFd, filePassphraseFile }: KeyExportOptions): { passphraseFd?: number; passphraseFile?: string } {
    return {
        ...(filePassphraseFd === undefined ? {} : { passphraseFd: filePassphraseFd }),
        ...(filePassphraseFile === undefined ? {} : { passphraseFile: filePassphraseFile }),
    }
}
