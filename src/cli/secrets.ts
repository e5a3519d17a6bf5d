import { Secret, sealSecret } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import { readSecretFile } from "../storage/index.ts"
import type { Cli } from "./context.ts"
import type { Daemon, DaemonKey, DaemonToken, KeySubject, Sealed } from "./daemon-types.ts"
import { tokenHome, tokenOf } from "./key-home.ts"
import { printable, shortId } from "./output.ts"
import type { PassphraseOptions, PinOptions } from "./syntax.ts"
import { askPin, requireTries, tokenNamed } from "./token-pins.ts"

/** docker's minimum, counted in characters. */
const LEAST_PASSPHRASE_CHARACTERS = 8
const PASSPHRASE_TRIES = 3
/** Of a key's ID, in its prompts. */
const DOCKER_ID_DIGITS = 7

const PASSPHRASE_FLAGS = "--passphrase-fd or --passphrase-file"
const PIN_FLAGS = "--pin-fd or --pin-file"

/**
 * TK-SEC-2: what leaves the client is ciphertext for the signer process that needs the secret.
 *
 * @throws what the daemon answers to Secrets.Challenge
 */
export async function sealFor(daemon: Daemon, purpose: string, subject: string, secret: Secret): Promise<Sealed> {
    const challenge = await daemon.challenge(purpose, subject)
    if (challenge.purpose !== purpose)
        throw new TrustkeyError("internal", `the daemon answered a challenge for ${challenge.purpose}, asked was ${purpose}`)
    return sealSecret(challenge.signerPublic, challenge.nonce, { purpose, subject: challenge.subject }, secret)
}

/** A secret from one of the flags; undefined when none was given. */
export async function fromFlags(cli: Cli, descriptor: number | undefined, file: string | undefined): Promise<Secret | undefined> {
    if (descriptor !== undefined) return notEmpty(await cli.secretFrom(descriptor))
    if (file !== undefined) return notEmpty(new Secret(await readSecretFile(file)))
    return undefined
}

function notEmpty(secret: Secret): Secret {
    if (secret.length === 0) throw new TrustkeyError("invalid_request", "the secret that was given is empty")
    return secret
}

/** The purpose of a passphrase for which no variable of docker's counts. */
export const NO_VARIABLE = "none"

/**
 * The variable docker documents for this kind of key. TK-SEC-1: read once, with a warning; never tried as a PIN, so never
 * for a key on a token.
 */
export function fromDockerVariable(cli: Cli, purpose: string): Secret | undefined {
    // It holds a passphrase that a key has: it must not become one that a key or a file gets in its place.
    if (purpose === NO_VARIABLE) return undefined
    const name = purpose === "root" ? "DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE" : "DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE"
    const value = cli.context.env[name]
    if (value === undefined || value === "") return undefined
    cli.warnOnce(`the passphrase comes from ${name}: every process of this user can read it there; --passphrase-fd is better`)
    return new Secret(Buffer.from(value))
}

/** Something sealed that is to be opened. `name` as in docker's "Enter passphrase for NAME". */
export type SealedThing = { readonly subject: KeySubject; readonly purpose: string; readonly name: string }

export function thingOfKey(key: Pick<DaemonKey, "id" | "home" | "purpose" | "label">): SealedThing {
    if (key.home.startsWith("group:")) return thingOfGroup(key.home.slice("group:".length))
    return { subject: { keyId: key.id }, purpose: key.purpose, name: `${roleWord(key)} key with ID ${key.id.slice(0, DOCKER_ID_DIGITS)}` }
}

/** How docker calls a key when it asks for its passphrase: a delegation's by the signer's name. */
export function roleWord({ purpose, label }: { readonly purpose: string; readonly label: string }): string {
    if (purpose === "targets" || purpose === "snapshot") return "repository"
    return purpose === "delegation" && label !== "" ? label : purpose
}

export function thingOfGroup(name: string): SealedThing {
    return { subject: { group: name }, purpose: "group", name: `key group ${name}` }
}

export function subjectText(subject: KeySubject): string {
    return "keyId" in subject ? subject.keyId : `group:${subject.group}`
}

/** The passphrase of something that exists: flag, docker's variable, terminal. */
export async function askPassphrase(cli: Cli, options: PassphraseOptions, thing: SealedThing): Promise<{ secret: Secret; typed: boolean }> {
    const given = (await fromFlags(cli, options.passphraseFd, options.passphraseFile)) ?? fromDockerVariable(cli, thing.purpose)
    if (given !== undefined) return { secret: given, typed: false }
    const prompts = await cli.prompts()
    return { secret: await prompts.secret(`Enter passphrase for ${printable(thing.name)}: `, PASSPHRASE_FLAGS), typed: true }
}

/** A passphrase for something new; typed ones twice, and again when they don't do. @throws invalid_request under 8 characters */
export async function askNewPassphrase(cli: Cli, options: PassphraseOptions, thing: { purpose: string; name: string }): Promise<Secret> {
    const given = (await fromFlags(cli, options.passphraseFd, options.passphraseFile)) ?? fromDockerVariable(cli, thing.purpose)
    if (given !== undefined) return longEnough(given)
    for (let attempt = 1; ; attempt += 1) {
        try {
            return await askTwice(cli, printable(thing.name))
        } catch (error) {
            if (!(error instanceof TypedWrong)) throw error
            if (attempt === PASSPHRASE_TRIES) throw error.reason
            cli.output.note(error.message)
        }
    }
}

/** A person may try again. `message` is what docker says then. */
class TypedWrong extends Error {
    readonly reason: TrustkeyError

    constructor(message: string, reason: TrustkeyError) {
        super(message)
        this.reason = reason
    }
}

async function askTwice(cli: Cli, name: string): Promise<Secret> {
    const prompts = await cli.prompts()
    const first = await prompts.secret(`Enter passphrase for ${name}: `, PASSPHRASE_FLAGS)
    if (!isLongEnough(first)) {
        first[Symbol.dispose]()
        throw new TypedWrong(
            "Passphrase is too short. Please use a password manager to generate and store a good random passphrase.",
            tooShort(),
        )
    }
    using second = await prompts.secret(`Repeat passphrase for ${name}: `, PASSPHRASE_FLAGS)
    if (first.reveal((a) => second.reveal((b) => a.equals(b)))) return first
    first[Symbol.dispose]()
    throw new TypedWrong("Passphrases do not match. Please retry.", new TrustkeyError("declined", "the two passphrases are not the same"))
}

function longEnough(secret: Secret): Secret {
    if (isLongEnough(secret)) return secret
    secret[Symbol.dispose]()
    throw tooShort()
}

function isLongEnough(secret: Secret): boolean {
    // UTF-8: every character has one byte that is no continuation.
    const characters = secret.reveal((bytes) => bytes.reduce((count, byte) => ((byte & 0xc0) === 0x80 ? count : count + 1), 0))
    return characters >= LEAST_PASSPHRASE_CHARACTERS
}

function tooShort(): TrustkeyError {
    return new TrustkeyError("invalid_request", `a passphrase has at least ${LEAST_PASSPHRASE_CHARACTERS} characters`)
}

export type UnlockLimits = { readonly ttlSeconds: number; readonly uses: number }

/**
 * Open a sealed key or a group. A passphrase that was typed wrong is asked for again, three times in all.
 *
 * @returns until when, RFC 3339; empty without a limit
 */
export async function unlock(
    cli: Cli,
    daemon: Daemon,
    thing: SealedThing,
    options: PassphraseOptions,
    limits: UnlockLimits,
): Promise<string> {
    if (await opensUnattended(cli, daemon, thing, options)) return daemon.unlock({ subject: thing.subject, sealed: undefined, ...limits })
    for (let attempt = 1; ; attempt += 1) {
        const { secret, typed } = await askPassphrase(cli, options, thing)
        try {
            const sealed = await sealFor(daemon, "unlock", subjectText(thing.subject), secret)
            return await daemon.unlock({ subject: thing.subject, sealed, ...limits })
        } catch (error) {
            if (!(error instanceof TrustkeyError) || error.code !== "open_failed") throw error
            if (!typed || attempt === PASSPHRASE_TRIES)
                throw new TrustkeyError("open_failed", `${thing.name}: the passphrase is wrong, or what is sealed is damaged`)
            cli.output.note("Passphrase incorrect. Please retry.")
        } finally {
            secret[Symbol.dispose]()
        }
    }
}

/** A group that has a credential opens without a person, unless a passphrase was given. */
async function opensUnattended(cli: Cli, daemon: Daemon, thing: SealedThing, options: PassphraseOptions): Promise<boolean> {
    if (!("group" in thing.subject) || options.passphraseFd !== undefined || options.passphraseFile !== undefined) return false
    const { group: name } = thing.subject
    const group = (await daemon.listGroups()).find((candidate) => candidate.name === name)
    if (group === undefined || group.credential === "") return false
    cli.output.note(`Opening key group ${name} with the daemon's credential ${group.credential}.`)
    return true
}

/** Log in to a token with the PIN from a flag, else from the terminal, else with the credential the daemon is configured with. */
export async function login(
    cli: Cli,
    daemon: Daemon,
    token: string,
    options: PinOptions & { evenFinalTry?: boolean; credential?: boolean },
    limits: UnlockLimits = { ttlSeconds: 0, uses: 0 },
): Promise<DaemonToken> {
    const evenFinalTry = options.evenFinalTry === true
    if (options.credential === true) return daemon.login({ token, sealed: undefined, evenFinalTry, ...limits })
    using pin = (await fromFlags(cli, options.pinFd, options.pinFile)) ?? (await askForLogin(cli, daemon, token, options))
    const sealed = await sealFor(daemon, "login", tokenHome(token), pin)
    return daemon.login({ token, sealed, evenFinalTry, ...limits })
}

/** TK-PIN-1: one try for each time a person types it; a wrong PIN is never asked for again on our own account. */
async function askForLogin(cli: Cli, daemon: Daemon, name: string, options: PinOptions & { evenFinalTry?: boolean }): Promise<Secret> {
    const token = await tokenNamed(daemon, name)
    requireTries(token, options.evenFinalTry === true)
    return await askPin(cli, options, { token, what: "PIN", flags: PIN_FLAGS })
}

/** Make sure a key can sign without asking anybody in between. */
export async function makeReady(cli: Cli, daemon: Daemon, key: DaemonKey, options: PassphraseOptions & PinOptions): Promise<void> {
    // Asked again: opening another key of the same group or token may have opened this one.
    const asked = key.ready ? key : await daemon.getKey(key.id)
    if (asked.ready) return
    const token = await tokenToOpen(daemon, asked, options)
    if (token === undefined) await unlock(cli, daemon, thingOfKey(asked), options, { ttlSeconds: 0, uses: 0 })
    else await login(cli, daemon, token, options)
}

/**
 * Which of its tokens a key is to sign on: its home, if that is there, or the first it was brought to that is. Undefined: it is opened where it is sealed.
 *
 * @throws token_absent
 */
async function tokenToOpen(daemon: Daemon, key: DaemonKey, given: PassphraseOptions): Promise<string | undefined> {
    const { home, state, copies } = key
    const name = tokenOf(home)
    if (name === undefined && (given.passphraseFd !== undefined || given.passphraseFile !== undefined)) return undefined
    const copy = copies.find(({ present }) => present)?.token
    if (name === undefined) return copy
    if (state === "absent") throw new TrustkeyError("token_absent", `the token of key ${shortId(key.id)} (${home}) is not there`)
    if (copy === undefined || (await tokenNamed(daemon, name)).state !== "absent") return name
    return copy
}
