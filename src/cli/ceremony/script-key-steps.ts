import type { NewKey, Plan, PlannedKey, Spare } from "../../ceremony/index.ts"
import { shortId } from "../output.ts"
import { html } from "./html.ts"
import {
    BLANK,
    changesRoot,
    codeBlanks,
    ID_DIGITS,
    leadOf,
    type Otherwise,
    personNamed,
    SHORT_BLANK,
    type Step,
    TORN,
    together,
} from "./script-parts.ts"

/** A key that is there on the day: everything but a lost one. */
type PresentKey = Exclude<PlannedKey, { readonly change: "lost" }>

/** With more repositories the room for their codes would not fit onto a page with the step. */
const MOST_IN_STEP = 4

/** Each key is made or shown. */
export function keySteps(plan: Plan): readonly Step[] {
    return presentKeys(plan).map((key) => (key.change === "new" ? makeStep(plan, key) : presentStep(plan, key)))
}

/** The new root is built, looked at, and signed with one key after the other: those of the old root first. */
export function rootSteps(plan: Plan): readonly Step[] {
    return [buildStep(plan), ...signSteps(plan)]
}

export function backupSteps(plan: Plan): readonly Step[] {
    return plan.keys.filter((key) => key.change === "new").map((key) => backupStep(plan, key))
}

function presentKeys(plan: Plan): readonly PresentKey[] {
    return plan.keys.filter((key) => key.change !== "lost")
}

function atVault(plan: Plan, key: PresentKey): Pick<Step, "where" | "who"> {
    return { where: "Vault", who: `${personNamed(plan, key.holder)}, holder of ${key.name}` }
}

function presentStep(plan: Plan, key: Exclude<PresentKey, NewKey>): Step {
    const where = key.token === undefined ? "" : `, on the token ${key.token}`
    return {
        ...atVault(plan, key),
        title: `Show the key ${key.name}, which ${fate(key.change)}${where}`,
        commands: [`trustkey ceremony step present STICK ${key.name}`],
        checks: [...serialChecks(key.serial, key.token), html`The key ID on the screen is <code>${shortId(key.id)}</code>.`],
        otherwise: [
            {
                when: "another token is in the reader",
                act: html`it is refused and nothing is recorded. Insert the right one, and repeat.`,
            },
            { when: "the token does not answer", act: html`write it down as an exception. ${withoutIt(key.change)}` },
        ],
    }
}

function makeStep(plan: Plan, key: NewKey): Step {
    const made = key.make === "token" ? `on the token ${key.token}` : "in the vault, sealed"
    return {
        ...atVault(plan, key),
        title: `Make the key ${key.name} ${made}`,
        commands: [`trustkey ceremony step keygen STICK ${key.name}`],
        checks: [
            ...(key.make === "token" ? serialChecks(key.serial, key.token) : []),
            html`The screen says that it was made: ${key.algorithm}${key.make === "token" ? `, on token ${key.token}` : ""}${policiesText(key)}.`,
            html`Only the holder sees and types the ${key.make === "token" ? "PIN" : "passphrase"}.`,
        ],
        blanks: html`<p>ID of ${key.name}, as on the screen: ${ID_DIGITS}</p>`,
        otherwise: key.make === "token" ? [spoilt(key, plan.spares), PIN_REFUSED, TORN] : [TORN],
    }
}

const PIN_REFUSED: Otherwise = {
    when: "the PIN is refused",
    act: html`read aloud how many tries are left, and write it down. There is no last try: take a spare, or stop.`,
}

function fate(change: "added" | "kept" | "retired"): string {
    return { added: "joins", kept: "stays", retired: "signs the change and leaves" }[change]
}

function withoutIt(change: "added" | "kept" | "retired"): string {
    if (change === "added") return "It can't join today: close as abandoned, and plan again."
    return "Go on if the other keys reach the thresholds; the screen says so before anything is signed."
}

function serialChecks(serial: string | undefined, token: string | undefined): Step["checks"] {
    if (serial !== undefined)
        return [html`The serial number on the token and on the screen is <b><code>${serial}</code></b>. ${together("Screen:", BLANK)}`]
    if (token === undefined) return []
    return [
        html`The serial number on the token and on the screen is the same. ${together("Token:", SHORT_BLANK)} ${together("Screen:", SHORT_BLANK)}`,
    ]
}

function policiesText({ slot, pinPolicy, touchPolicy }: NewKey): string {
    return [
        ...(slot === undefined ? [] : [`slot ${slot}`]),
        ...(pinPolicy === undefined ? [] : [`PIN ${pinPolicy}`]),
        ...(touchPolicy === undefined ? [] : [`touch ${touchPolicy}`]),
    ]
        .map((text) => `, ${text}`)
        .join("")
}

function spoilt(key: NewKey, spares: readonly Spare[]): Otherwise {
    const voided = `trustkey ceremony step void-key STICK ${key.name} --reason "…"`
    const names = spares.map(({ token }) => token).join(", ")
    const next =
        spares.length === 0
            ? "The plan has no spare token: repeat with the same one, or close as abandoned."
            : `Repeat this step with a spare token (${names}), adding --token and its name.`
    return {
        when: "the token is spoilt, or the wrong one",
        act: html`if a key was recorded, <code>${voided}</code>. The token goes into a bag of its own. ${next}`,
    }
}

function buildStep(plan: Plan): Step {
    const guns = plan.repositories.map(({ gun }) => gun)
    const versions = plan.repositories.some(({ published }) => published !== undefined) && plan.kind !== "root-lost"
    return {
        where: "Vault",
        who: `${leadOf(plan)}, and everybody looks`,
        title: guns.length === 1 ? "Build the new root, and look at it" : `Build the ${guns.length} new roots, and look at each`,
        commands: ["trustkey ceremony step build STICK"],
        checks: [
            html`The lead reads each line of the difference aloud. It is what “What is decided” says, and <b>nothing besides</b>: keys, threshold (${plan.threshold}), date (${plan.expires.toISOString().slice(0, 10)})${versions ? ", version" : ""}.`,
            html`The lead writes down the code of ${guns.length === 1 ? "it" : "each"}; the witness writes it into their own print.`,
        ],
        ...(guns.length > MOST_IN_STEP ? { appendix: codeBlanks(guns) } : { blanks: codeBlanks(guns) }),
        otherwise: [
            {
                when: "there is a line too many, too few, or not understood",
                act: html`nobody signs. Close as abandoned; nothing has changed.`,
            },
            TORN,
        ],
    }
}

function signSteps(plan: Plan): readonly Step[] {
    const signs = (key: PresentKey): boolean => plan.kind !== "root-lost" || key.change !== "retired"
    const [old, joining] = [
        ["kept", "retired"],
        ["new", "added"],
    ].map((changes) => presentKeys(plan).filter(({ change }) => changes.includes(change)))
    return [...(old ?? []), ...(joining ?? [])].filter(signs).map((key) => signStep(plan, key))
}

function signStep(plan: Plan, key: PresentKey): Step {
    const { length } = plan.repositories
    const touched = length === 1 ? "one signature" : `${length} signatures`
    return {
        ...atVault(plan, key),
        title: `Sign with ${key.name}: ${touched}`,
        commands: [`trustkey ceremony step sign STICK ${key.name}`],
        checks: [
            html`Before touching anything the holder has read the code on the screen, aloud. It is the one written down at “Build”${length === 1 ? "" : ", for each repository"}.`,
            changesRoot(plan)
                ? html`The screen says how many signatures the old and the new root have now, of how many.`
                : html`The screen says how many signatures the new root has now, of how many.`,
        ],
        otherwise: [
            { when: "the code differs", act: html`don't touch, don't type a PIN. Press Ctrl-C, and stop: nothing was signed.` },
            {
                when: "this key can't sign",
                act: html`go on with the next one. The ceremony can be closed if the screen says that it is enough without it.`,
            },
        ],
    }
}

function backupStep(plan: Plan, key: NewKey): Step {
    const command = `trustkey ceremony step backup STICK ${key.name}`
    if (key.make === "token") {
        return {
            ...atVault(plan, key),
            title: `Record that ${key.name} cannot leave its token`,
            commands: [command],
            checks: [html`The holder knows: if this token is lost, this key is lost. The threshold is there for that day.`],
        }
    }
    const tokens = [key.token, ...key.copies]
    const { length } = plan.backupRecipients
    const exported =
        length === 0
            ? []
            : [
                  html`Exported, sealed for ${length === 1 ? "the recipient" : `the ${length} recipients`} of “What is decided”, and the screen says that it opened again and signed. ${together("By whose identity:", BLANK)}`,
              ]
    return {
        ...atVault(plan, key),
        title: `Copy ${key.name} into ${tokens.join(", ")}${length === 0 ? "" : ", and export it sealed"}`,
        // Each run does the next one.
        commands: [...tokens.map(() => command), ...exported.map(() => `${command} --identity-file IDENTITY`)],
        checks: [
            ...tokens.map(
                (token) =>
                    html`<code>${token}</code> has it, and a signature of that copy was verified. ${together("Serial:", SHORT_BLANK)}`,
            ),
            ...exported,
        ],
        otherwise: [
            { when: "a token is spoilt", act: html`take a spare, and write it down as an exception.` },
            ...exported.map(() => ({
                when: "no recipient's identity is here, or it opens nothing",
                act: html`nothing is recorded. Without an export that opened again the ceremony is not closed: wait for another recipient, or abandon it.`,
            })),
            TORN,
        ],
    }
}
