import { sha256 } from "../../crypto/index.ts"
import { TrustkeyError } from "../../errors.ts"
import type { Cli } from "../context.ts"
import type { BackupTo, KeyFileRequest } from "../daemon-backups-types.ts"
import type { Daemon, Sealed } from "../daemon-types.ts"
import { askNewPassphrase, askPassphrase, fromFlags, sealFor, subjectText, thingOfGroup, thingOfKey } from "../secrets.ts"
import type { CreateOptions } from "./create.ts"

type BackupRequest = { readonly to: BackupTo; readonly keyFiles?: KeyFileRequest }

/** For whom, and with which key files: whatever is secret is asked for, and sealed for the signer. */
export async function requestOf(cli: Cli, daemon: Daemon, options: CreateOptions): Promise<BackupRequest> {
    const to = await recipientsOf(cli, daemon, options)
    if (options.keyFile === undefined) return { to }
    return { to, keyFiles: await keyFilesOf(cli, daemon, to, options, options.keyFile) }
}

async function recipientsOf(cli: Cli, daemon: Daemon, options: CreateOptions): Promise<BackupTo> {
    const { recipient, passphraseFd, passphraseFile, keyFile } = options
    if (options.passphrase !== undefined || passphraseFd !== undefined || passphraseFile !== undefined) {
        if (recipient !== undefined) throw new TrustkeyError("usage", "an age file opens with a passphrase or for recipients, not both")
        using passphrase = await askNewPassphrase(cli, options, { purpose: "backup", name: "the backup" })
        return { passphrase: await sealFor(daemon, "backup-passphrase", "backup", passphrase) }
    }
    // What passphrases are sealed for has to say whom the backup is for.
    if (recipient === undefined && keyFile !== undefined) return { recipients: (await daemon.status()).backup?.recipients ?? [] }
    return { recipients: recipient ?? [] }
}

async function keyFilesOf(
    cli: Cli,
    daemon: Daemon,
    to: BackupTo,
    options: CreateOptions,
    wanted: readonly string[],
): Promise<KeyFileRequest> {
    const digest = digestOf(to)
    // Unless they were named here they are the daemon's word.
    if ("recipients" in to) cli.output.subject(`Key files are for whoever has the identity of any of: ${to.recipients.join(", ")}`)
    using files = await fromFlags(cli, options.filePassphraseFd, options.filePassphraseFile)
    const sources: KeyFileRequest["sources"][number][] = []
    for (const name of wanted) sources.push(await sourceOf(cli, daemon, digest, options, name))
    return { sources, passphrase: files === undefined ? undefined : await sealFor(daemon, "backup-files", `backup:${digest}`, files) }
}

async function sourceOf(
    cli: Cli,
    daemon: Daemon,
    digest: string,
    { keyPassphraseFd, keyPassphraseFile }: CreateOptions,
    name: string,
): Promise<KeyFileRequest["sources"][number]> {
    const thing = name.startsWith("group:") ? thingOfGroup(name.slice("group:".length)) : thingOfKey(await daemon.getKey(name))
    const { subject } = thing
    const given = {
        ...(keyPassphraseFd === undefined ? {} : { passphraseFd: keyPassphraseFd }),
        ...(keyPassphraseFile === undefined ? {} : { passphraseFile: keyPassphraseFile }),
    }
    const { secret } = await askPassphrase(cli, given, thing)
    using passphrase = secret

    return { subject, passphrase: await sealFor(daemon, "backup", `${subjectText(subject)}:${digest}`, passphrase) }
}

/** As the signer computes it: what is sealed is good for this backup's recipients alone. */
function digestOf(to: BackupTo): string {
    return sha256("passphrase" in to ? bytesOf(to.passphrase) : Buffer.from(to.recipients.join("\n"), "utf8")).toString("hex")
}

function bytesOf({ ephemeralPublic, nonce, ciphertext }: Sealed): Buffer {
    return Buffer.concat([ephemeralPublic, nonce, ciphertext])
}
