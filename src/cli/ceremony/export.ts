import { type AgeIdentity, identitiesIn, type Secret, sha256 } from "../../crypto/index.ts"
import { TrustkeyError } from "../../errors.ts"
import type { Cli } from "../context.ts"
import type { Daemon } from "../daemon-types.ts"
import { askPassphrase, fromFlags, sealFor, thingOfKey } from "../secrets.ts"
import type { PassphraseOptions } from "../syntax.ts"
import type { Work } from "./work.ts"

export type IdentityOptions = { readonly identityFd?: number; readonly identityFile?: string }

/**
 * A sealed key in an age file for the plan's recipients. Its signer encrypts it, and opens it again with the identity of one of them: what nobody can
 * open is no backup.
 *
 * @throws step_refused: there is no identity here, or another's
 */
export async function exportToRecipients(
    { cli, plan }: Pick<Work, "cli" | "plan">,
    daemon: Daemon,
    keyId: string,
    options: IdentityOptions & PassphraseOptions,
): Promise<Uint8Array> {
    const recipients = plan.backupRecipients
    using identity = await askIdentity(cli, options)
    requireRecipient(identity, recipients)
    const key = await daemon.getKey(keyId)
    const { secret } = await askPassphrase(cli, options, thingOfKey(key))
    using passphrase = secret
    // As the signer computes it: good for this key and these recipients alone.
    const subject = `${key.id}:${sha256(Buffer.from(recipients.join("\n"), "utf8")).toString("hex")}`
    return await daemon.exportKey({
        id: key.id,
        recipients,
        passphrase: await sealFor(daemon, "export", subject, passphrase),
        identity: await sealFor(daemon, "identity", subject, identity),
    })
}

async function askIdentity(cli: Cli, { identityFd, identityFile }: IdentityOptions): Promise<Secret> {
    const given = await fromFlags(cli, identityFd, identityFile)
    if (given !== undefined) return given
    const prompts = await cli.prompts()
    const question = "The identity of one of the plan's recipients, AGE-SECRET-KEY-1…: "
    try {
        return await prompts.secret(question, "--identity-fd or --identity-file")
    } catch (cause) {
        if (!(cause instanceof TrustkeyError) || cause.code !== "declined") throw cause
        throw new TrustkeyError("step_refused", `no identity, no export. ${WHAT_TO_DO}`, { cause })
    }
}

/** Said before a passphrase is asked for. */
function requireRecipient(identity: Secret, recipients: readonly string[]): void {
    const identities: readonly AgeIdentity[] = identitiesIn(identity)
    if (identities.some(({ recipient }) => recipients.includes(recipient))) return
    const whose = identities.map(({ recipient }) => recipient).join(", ")
    throw new TrustkeyError("step_refused", `the plan's backup is not for ${whose}. ${WHAT_TO_DO}`)
}

const WHAT_TO_DO =
    "An export that was not opened again goes on no record. Bring the identity of one of the plan's recipients; if none of them can be here, abandon the ceremony, and plan another with a recipient who can"
