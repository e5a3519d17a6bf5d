import { type KeyFileEntry, type OpenedKey, readKeyFile, type Secret } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import { AgeKeyFiles } from "./age-key-files.ts"
import { certifyForNotary, logInTo, openCard } from "./card.ts"
import type { KeyImportOptions } from "./commands/key-import.ts"
import type { Cli } from "./context.ts"
import type { Binding, Daemon, DaemonKey } from "./daemon-types.ts"
import { parseBinding } from "./decode.ts"
import { FilePassphrases } from "./file-passphrases.ts"
import {
    askPassphraseToSeal,
    daemonToImportInto,
    type ImportSpec,
    importedId,
    importOpened,
    type TokenPlace,
    wasRemoved,
} from "./import-key.ts"
import { checkFit, type ImportPlan, planImport } from "./import-plan.ts"
import { readPrivateKeys, weaknessOf } from "./key-files.ts"
import { homeText, tokenOf } from "./key-home.ts"
import { located } from "./located.ts"
import { printable, shortId } from "./output.ts"
import { keyJson } from "./present.ts"
import { roleWord } from "./secrets.ts"
import { tokenNamed } from "./token-pins.ts"
import { confirmedSerial } from "./token-serial.ts"

/** A private key of a file, and what it is to become. `place`: for messages. */
type Candidate = {
    readonly file: string
    readonly place: string
    readonly entry: KeyFileEntry
    readonly plan: ImportPlan
    /** The file was encrypted with age, and is as good a backup as before. */
    readonly inAge: boolean
}
type Opened = Candidate & { readonly id: string; readonly opened: OpenedKey }

/** `trustkey key import`: everything that can be known is checked before the first key is taken in. */
export async function importKeyFiles(cli: Cli, files: readonly string[], options: KeyImportOptions): Promise<void> {
    using disposables = new DisposableStack()
    const ageFiles = disposables.use(new AgeKeyFiles(cli, options, () => daemonToImportInto(cli)))
    const candidates = await readAll(files, options, ageFiles, disposables)
    if (options.name !== undefined && candidates.length > 1)
        throw new TrustkeyError("usage", `--name is for one key, and there are ${candidates.length} in these files`)
    if (options.token !== undefined && candidates.length > 1)
        throw new TrustkeyError("usage", `a slot has one key, and there are ${candidates.length} in these files`)
    const daemon = await daemonToImportInto(cli)
    const known = new Map((await daemon.listKeys({ includeRemoved: true })).map((key) => [key.id, key]))
    const passphrases = disposables.use(new FilePassphrases(cli, options))
    const opened: Opened[] = []
    for (const candidate of candidates) {
        const key = await located(candidate.place, () => passphrases.open(candidate.entry, candidate.plan.purpose, nameOf(candidate)))
        disposables.use(key.pkcs8)
        const id = importedId(key)
        if (!opened.some((other) => other.id === id)) opened.push({ ...candidate, opened: key, id })
        await located(candidate.place, () => {
            checkFit(key.algorithm, candidate.plan)
            checkKnown(known.get(id), candidate.plan, options.token)
        })
    }
    await importAll(cli, daemon, opened, known, options, disposables)
}

async function readAll(
    files: readonly string[],
    options: KeyImportOptions,
    ageFiles: AgeKeyFiles,
    disposables: DisposableStack,
): Promise<readonly Candidate[]> {
    const more = (options.bind ?? []).map(parseBinding)
    const candidates: Candidate[] = []
    for (const file of files) {
        const { entries, inAge } = await located(file, () => readKeys(file, ageFiles))
        for (const entry of entries) disposables.use(entry)
        for (const [index, entry] of entries.entries()) {
            const place = entries.length === 1 ? file : `${file}, key ${index + 1} of ${entries.length}`
            const plan = await located(place, () => withBindings(planImport(entry, options), more))
            candidates.push({ file, place, entry, plan, inAge })
        }
    }
    return candidates
}

async function readKeys(file: string, ageFiles: AgeKeyFiles): Promise<{ entries: readonly KeyFileEntry[]; inAge: boolean }> {
    using content = await ageFiles.open(file)
    if (content === undefined) return { entries: await readPrivateKeys(file), inAge: false }
    return { entries: content.reveal(readKeyFile), inAge: true }
}

/** @throws key_unfit: a role this key can't have, as the daemon would say it */
function withBindings(plan: ImportPlan, more: readonly Binding[]): ImportPlan {
    const { purpose, bindings } = plan
    const wrong = more.find(({ role }) => (purpose === "delegation" ? !role.startsWith("targets/") : role !== purpose))
    if (wrong !== undefined) throw new TrustkeyError("key_unfit", `a ${purpose} key can't be bound to ${wrong.role}`)
    return { ...plan, bindings: [...bindings, ...more] }
}

function nameOf({ entry, place, plan }: Candidate): string {
    const id = /^[0-9a-f]{64}$/.test(entry.path) ? ` with ID ${entry.path.slice(0, 7)}` : ""
    return `${roleWord(plan)} key${id} in ${place}`
}

function checkKnown(known: DaemonKey | undefined, plan: ImportPlan, token: string | undefined): void {
    if (known === undefined) return
    if (known.state === "removed") throw wasRemoved(known.id)
    // Whoever believes that a second card has the key may destroy the file.
    if (token !== undefined && tokenOf(known.home) !== token) {
        const where = tokenOf(known.home) === undefined ? "sealed" : homeText(known.home)
        throw new TrustkeyError(
            "already_exists",
            `key ${shortId(known.id)} is here already, ${where}, and was not put on token ${token}: a key has one place here`,
        )
    }
    if (known.purpose !== plan.purpose)
        throw new TrustkeyError("already_exists", `key ${shortId(known.id)} is here already, as a ${known.purpose} key`)
    const missing = plan.bindings.filter(({ role, gun }) => !known.bindings.some((binding) => binding.role === role && binding.gun === gun))
    if (missing.length === 0) return
    const flags = missing.map(({ role, gun }) => `--add ${role}@${gun}`).join(" ")
    throw new TrustkeyError("already_exists", `key ${shortId(known.id)} is here already: trustkey key bind ${shortId(known.id)} ${flags}`)
}

async function importAll(
    cli: Cli,
    daemon: Daemon,
    keys: readonly Opened[],
    known: ReadonlyMap<string, DaemonKey>,
    options: KeyImportOptions,
    disposables: DisposableStack,
): Promise<void> {
    const unknown = keys.filter(({ id }) => !known.has(id))
    const target = options.token === undefined || unknown.length === 0 ? undefined : await openToken(cli, daemon, options.token, options)
    const card = target?.card
    if (card !== undefined) disposables.use(card)
    const passphrases = await askForAll(cli, unknown, options, disposables)
    const done: { readonly file: string; readonly imported: boolean; readonly key: DaemonKey }[] = []
    try {
        for (const candidate of keys) {
            const { file, place, plan, opened, id } = candidate
            const here = known.get(id)
            const passphrase = passphrases.get(roleWord(plan))
            const spec: ImportSpec = {
                ...sealingOf(options),
                ...plan,
                ...(passphrase === undefined ? {} : { passphrase }),
                ...(target === undefined ? {} : { place: target, acceptPinOnce: options.acceptPinOnce === true }),
            }
            const key = here ?? (await located(place, () => importOpened(cli, daemon, opened, spec)))
            done.push({ file, imported: here === undefined, key })
            if (card !== undefined && here === undefined && options.certificate !== false) await certifyForNotary(cli, daemon, card, key)
            if (options.json !== true) cli.output.line(resultLine(candidate, here !== undefined))
        }
    } finally {
        if (options.json === true) cli.output.json({ keys: done.map(({ key, ...rest }) => ({ ...rest, key: keyJson(key) })) })
        warn(cli, keys.slice(0, done.length), options)
    }
}

/** Logged in to. A YubiKey is told by what it takes to put a key there; any other token by a person. */
async function openToken(cli: Cli, daemon: Daemon, token: string, options: KeyImportOptions): Promise<TokenPlace> {
    const card = await openCard(cli, daemon, token, options)
    if (card !== undefined) return { token, card, ...(options.serial === undefined ? {} : { serial: options.serial }) }
    const serial = await confirmedSerial(cli, await tokenNamed(daemon, token), options.serial)
    await logInTo(cli, daemon, token, options)
    return { token, serial }
}

/** One new passphrase for each role, as docker remembers them for the length of a command; none where a group takes them all. */
async function askForAll(
    cli: Cli,
    keys: readonly Opened[],
    options: KeyImportOptions,
    disposables: DisposableStack,
): Promise<ReadonlyMap<string, Secret>> {
    const passphrases = new Map<string, Secret>()
    if (options.group !== undefined || options.token !== undefined) return passphrases
    let given: Secret | undefined
    for (const { plan, opened } of keys) {
        const word = roleWord(plan)
        if (passphrases.has(word)) continue
        const secret = given?.clone() ?? (await askPassphraseToSeal(cli, opened, { ...sealingOf(options), ...plan }))
        passphrases.set(word, disposables.use(secret))
        // A descriptor can be read once.
        if (options.passphraseFd !== undefined) given = secret
    }
    return passphrases
}

function sealingOf({
    group,
    passphraseFd,
    passphraseFile,
}: KeyImportOptions): Pick<ImportSpec, "group" | "passphraseFd" | "passphraseFile"> {
    return {
        ...(group === undefined ? {} : { group }),
        ...(passphraseFd === undefined ? {} : { passphraseFd }),
        ...(passphraseFile === undefined ? {} : { passphraseFile }),
    }
}

function resultLine({ place, plan, id }: Opened, already: boolean): string {
    const where = plan.bindings.length === 0 ? "" : ` (${plan.bindings.map(({ role, gun }) => `${role}@${gun}`).join(", ")})`
    const what = `${roleWord(plan)} key ${shortId(id)}${where} from ${place}`
    return printable(already ? `Here already: ${what}` : `Imported ${what}`)
}

/** What a person has to know of the old copies: how easily they open, and that they are still there. */
function warn(cli: Cli, keys: readonly Opened[], { group, token }: KeyImportOptions): void {
    if (keys.length === 0) return
    const sealed = group === undefined ? "here it is sealed with Argon2id" : `here it is sealed in key group ${group}`
    const now = token === undefined ? sealed : `here it is on token ${token}`
    for (const { place, entry, inAge } of keys) {
        const weakness = inAge ? undefined : weaknessOf(entry)
        if (weakness !== undefined) cli.output.warn(`${place}: ${weakness}; ${now}`)
    }
    const backups = [...new Set(keys.flatMap(({ file, inAge }) => (inAge ? [file] : [])))]
    if (backups.length > 0)
        cli.output.note(`${printable(backups.join(", "))}: a backup as before. Who has it and what opens it can sign: keep the two apart.`)
    const files = [...new Set(keys.flatMap(({ file, inAge }) => (inAge ? [] : [file])))]
    if (files.length === 0) return
    cli.output.warn(
        `${files.join(", ")}: the old ${files.length === 1 ? "copy still lies" : "copies still lie"} there. Who has one and its passphrase can sign. ` +
            "When a signature of the new key was accepted, remove them, and their backups: shred -u FILE",
    )
}
