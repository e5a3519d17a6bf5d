import { setTimeout as sleep } from "node:timers/promises"
import type { Secret } from "../../crypto/index.ts"
import { TrustkeyError } from "../../errors.ts"
import type { Cli } from "../context.ts"
import type { Daemon } from "../daemon-types.ts"
import { printable } from "../output.ts"
import { type SealedThing, sealFor, subjectText } from "../secrets.ts"
import type { KeyPassphrases } from "./key-passphrases.ts"

const TRIES = 3
/** The longest a daemon lets anybody have a key open by default; a drill is over sooner. */
const TTL_SECONDS = 12 * 3600
const PAUSE_MS = 1000
/** The longest pause after wrong passphrases is a minute. */
const MOST_PAUSES = 65

/**
 * Open a key or group of the scratch daemon for the drill: with its credential, with what was given, or with what a person types.
 *
 * @param credential of a group; "": it has none
 * @returns false: nobody could, or a person left it out
 */
export async function openForDrill(
    cli: Cli,
    daemon: Daemon,
    thing: SealedThing,
    credential: string,
    passphrases: KeyPassphrases,
): Promise<boolean> {
    if (credential !== "" && (await tryOpen(daemon, thing, undefined))) return true
    for (const secret of passphrases.for(subjectText(thing.subject))) if (await tryOpen(daemon, thing, secret)) return true
    return await askAndOpen(cli, daemon, thing, passphrases)
}

async function askAndOpen(cli: Cli, daemon: Daemon, thing: SealedThing, passphrases: KeyPassphrases): Promise<boolean> {
    const prompts = await cli.prompts()
    if (!prompts.possible) return false
    for (let attempt = 1; attempt <= TRIES; attempt += 1) {
        const typed = await askOrSkip(cli, thing)
        if (typed === undefined) return false
        if (await tryOpen(daemon, thing, typed)) {
            passphrases.remember(typed)
            return true
        }
        typed[Symbol.dispose]()
        cli.output.note("Passphrase incorrect. Please retry.")
    }
    return false
}

async function askOrSkip(cli: Cli, thing: SealedThing): Promise<Secret | undefined> {
    try {
        return await (await cli.prompts()).secret(
            `Enter passphrase for ${printable(thing.name)}, or nothing to leave it out: `,
            "--key-passphrases",
        )
    } catch (error) {
        if (error instanceof TrustkeyError && error.code === "declined") return undefined
        throw error
    }
}

/** @param secret undefined: with the credential the daemon finds */
async function tryOpen(daemon: Daemon, { subject }: SealedThing, secret: Secret | undefined): Promise<boolean> {
    for (let pauses = 0; ; pauses += 1) {
        try {
            const sealed = secret === undefined ? undefined : await sealFor(daemon, "unlock", subjectText(subject), secret)
            await daemon.unlock({ subject, sealed, ttlSeconds: TTL_SECONDS, uses: 0 })
            return true
        } catch (error) {
            if (!(error instanceof TrustkeyError)) throw error
            // Its pause after wrong ones.
            if (error.code === "overloaded" && pauses < MOST_PAUSES) await sleep(PAUSE_MS)
            else if (error.code === "open_failed" || secret === undefined) return false
            else throw error
        }
    }
}
