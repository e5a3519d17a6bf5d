import type { NewKey, PossibleStep, ShownPlace, StepInput } from "../../ceremony/index.ts"
import { TrustkeyError } from "../../errors.ts"
import type { CardWishes } from "../card.ts"
import type { Daemon, DaemonKey } from "../daemon-types.ts"
import { shortId } from "../output.ts"
import { makeReady } from "../secrets.ts"
import type { PassphraseOptions } from "../syntax.ts"
import { exportToRecipients, type IdentityOptions } from "./export.ts"
import { attestationOf, makeOnToken, originOf, placeOf, presentKey, publicOfRoot, type TokenAtHand, tokenAtHand } from "./vault.ts"
import { copyToToken, makeSealed } from "./vault-made.ts"
import type { StepOptions, Work } from "./work.ts"

export type KeyStepOptions = StepOptions & CardWishes & PassphraseOptions & { readonly token?: string }

/**
 * A new key is made on the token the plan names, or on a spare, with its certificate for each repository.
 *
 * @throws step_refused, token_absent, clock_implausible: nothing was made
 */
export async function keygen(work: Work, name: string, options: KeyStepOptions): Promise<void> {
    const key = work.key(name)
    const [step] = work.requirePossible(`making key ${name}`, { step: "keygen", key: name })
    if (key.change !== "new") throw new TrustkeyError("internal", "only new keys are made")
    work.requireClock("keygen")
    const who = await work.requirePerson(step, `making key ${name}`, options)
    const daemon = await work.cli.daemon("admin")
    const at = key.make === "token" ? await plannedToken(work, daemon, key, options.token) : undefined
    // A spoilt one keeps its label: the next try has its own.
    const tries = work.bundle.records.filter((record) => record.step === "keygen" && record.facts.get("key") === name).length
    const made =
        at === undefined ? await makeSealed(work, daemon, key, tries, options) : await makeOnToken(work, daemon, key, at, tries, options)
    const certificates = await certificatesOf(work, daemon, made)
    // Looked at again: which slot of a card has the key is known only now.
    const shown = at === undefined ? undefined : await tokenAtHand(daemon, at.token.name, at.serial)
    await recordShown(work, { step: "keygen", key: name, made, at: shown, certificates }, who, options)
}

/** The plan's token, or the spare that was named instead of it. */
async function plannedToken({ plan }: Work, daemon: Daemon, key: NewKey, spare: string | undefined): Promise<TokenAtHand> {
    if (spare === undefined || spare === key.token) return await tokenAtHand(daemon, key.token, key.serial)
    const found = plan.spares.find(({ token }) => token === spare)
    if (found !== undefined) return await tokenAtHand(daemon, found.token, found.serial)
    const spares = plan.spares.map(({ token }) => token).join(", ")
    const others = spares === "" ? "and the plan has no spares" : `or on a spare: ${spares}`
    throw new TrustkeyError("step_refused", `key ${key.name} belongs on token ${key.token}, ${others}`)
}

async function certificatesOf(work: Work, daemon: Daemon, { id }: DaemonKey): Promise<readonly string[]> {
    const certificates: string[] = []
    for (const { gun } of work.plan.repositories) certificates.push((await daemon.rootCertificate({ keyId: id, gun })).pem)
    return certificates
}

/** For a repository that the key is new to it signs a certificate; for the others there is one, and nothing has to be typed. */
async function certificatesOpened(work: Work, daemon: Daemon, key: DaemonKey, options: KeyStepOptions): Promise<readonly string[]> {
    try {
        return await certificatesOf(work, daemon, key)
    } catch (error) {
        if (!(error instanceof TrustkeyError) || error.code !== "key_locked") throw error
        await makeReady(work.cli, daemon, key, options)
        return await certificatesOf(work, daemon, key)
    }
}

/** A key that exists is shown: that it is here, and where. @throws step_refused, token_absent */
export async function present(work: Work, name: string, options: KeyStepOptions): Promise<void> {
    const key = work.key(name)
    const [step] = work.requirePossible(`presenting key ${name}`, { step: "present", key: name })
    if (key.change === "new" || key.change === "lost") throw new TrustkeyError("internal", "only existing keys are presented")
    work.requireClock("present")
    const who = await work.requirePerson(step, `presenting key ${name}`, options)
    const daemon = await work.cli.daemon("admin")
    const { key: made, at } = await presentKey(work, daemon, key, options)
    // A key of the published root has its certificate there; asking for it binds the key to the repository, so that it can sign.
    const signs = key.change !== "retired" || work.plan.kind !== "root-lost"
    const certificates = signs ? await certificatesOpened(work, daemon, made, options) : []
    await recordShown(
        work,
        { step: "present", key: name, made, at, certificates: key.change === "added" ? certificates : [] },
        who,
        options,
    )
}

type Shown = {
    readonly step: "keygen" | "present"
    readonly key: string
    readonly made: DaemonKey
    readonly at: TokenAtHand | undefined
    readonly certificates: readonly string[]
}

async function recordShown(work: Work, { step, key, made, at, certificates }: Shown, who: string, options: StepOptions): Promise<void> {
    const attestation = attestationOf(made)
    const input: StepInput = {
        step,
        key,
        publicKey: publicOfRoot(made),
        origin: originOf(made),
        place: placeOf(made, at),
        certificates,
        ...(attestation === undefined ? {} : { attestation }),
    }
    await work.take(input, who, options)
    const where = at === undefined ? "sealed at the vault" : `on token ${at.token.name}, serial ${at.serial}${policiesText(input.place)}`
    work.cli.output.line(`${step === "keygen" ? "Made" : "Presented"} key ${key}: ${shortId(made.id)}, ${made.algorithm}, ${where}`)
    if (made.attestation?.verdict === "unknown-root")
        work.cli.output.warn(`key ${key} is attested, and nobody known here vouches for the card`)
}

/** As the printed script has them, to be compared. */
function policiesText({ slot, pinPolicy, touchPolicy }: ShownPlace): string {
    const texts = [
        slot === undefined ? "" : `slot ${slot}`,
        pinPolicy === undefined ? "" : `PIN ${pinPolicy}`,
        touchPolicy === undefined ? "" : `touch ${touchPolicy}`,
    ]
    return texts
        .filter((text) => text !== "")
        .map((text) => `, ${text}`)
        .join("")
}

/** What was spoilt is void, on the record; the key can be made or presented again. @throws step_refused */
export async function voidKey(work: Work, name: string, options: StepOptions & { readonly reason: string }): Promise<void> {
    const key = work.key(name)
    const [step] = work.requirePossible(`voiding key ${name}`, { step: "void-key", key: name })
    work.requireClock("void-key")
    const who = await work.requirePerson(step, `voiding key ${name}`, options)
    const record = work.state.shown.get(name)?.record.n
    await work.take({ step: "void-key", key: name, reason: options.reason }, who, options)
    work.cli.output.line(`Voided record ${record}: key ${name} is to be ${key.change === "new" ? "made" : "presented"} again`)
    if (key.change === "new") work.cli.output.note("Mark the spoilt token, bag it, and write the bag's number on the script.")
}

/**
 * What becomes of a new key if its token is lost: one that was made on a token can't leave it, and that goes on the record; one that the vault made
 * is copied to the next of its tokens, and last exported, if the plan has recipients.
 *
 * @throws step_refused, token_absent
 */
export async function backup(work: Work, name: string, options: KeyStepOptions & IdentityOptions): Promise<void> {
    const key = work.key(name)
    const what = `the backup of key ${name}`
    const [step] = work.requirePossible(what, { step: "backup", key: name, ...wishedBackup(work, options) })
    work.requireClock("backup")
    const who = await work.requirePerson(step, what, options)
    const id = String(work.state.shown.get(name)?.record.facts.get("key_id"))
    if (step.how === "export") {
        const file = await exportToRecipients(work, await work.cli.daemon("admin"), id, options)
        await work.take({ step: "backup", key: name, how: "export", file }, who, options)
        work.cli.output.line(`Exported key ${name} for ${recipientsText(work)}, and it opened again and signed`)
        tellForget(work, name, id)
        return
    }
    if (step.how !== "copy" || key.change !== "new") {
        await work.take({ step: "backup", key: name, how: "cannot-leave" }, who, options)
        work.cli.output.line(`On record: key ${name} was made on its token and can't leave it`)
        return
    }
    const token = options.token ?? step.token ?? key.token
    const daemon = await work.cli.daemon("admin")
    const planned = token === key.token ? key.serial : work.plan.spares.find((spare) => spare.token === token)?.serial
    const at = await tokenAtHand(daemon, token, planned)
    await copyToToken(work, daemon, await daemon.getKey(id), at, options)
    await work.take({ step: "backup", key: name, how: "copy", token, serial: at.serial }, who, options)
    work.cli.output.line(`Copied key ${name} to token ${token}, serial ${at.serial}`)
    tellForget(work, name, id)
}

/** What the flags say which of a key's backups it is to be; without any it is the next. */
function wishedBackup({ plan }: Work, { token, identityFd, identityFile }: KeyStepOptions & IdentityOptions): Partial<PossibleStep> {
    if (token !== undefined) return plan.spares.some((spare) => spare.token === token) ? { how: "copy" } : { token }
    return identityFd === undefined && identityFile === undefined ? {} : { how: "export" }
}

function recipientsText({ plan: { backupRecipients } }: Work): string {
    return backupRecipients.length === 1 ? "its recipient" : `its ${backupRecipients.length} recipients`
}

/** Once nothing else is to be made of what is sealed. */
function tellForget({ cli, progress }: Work, name: string, id: string): void {
    if (progress.possible.some(({ step, key }) => step === "backup" && key === name)) return
    cli.output.note(`It is still sealed at the vault as well. Once the new root is published: trustkey key forget-sealed ${shortId(id)}`)
}
