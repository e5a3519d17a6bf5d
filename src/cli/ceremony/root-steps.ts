import { sha256 } from "../../crypto/index.ts"
import { TrustkeyError } from "../../errors.ts"
import { ROOT } from "../../tuf/index.ts"
import { codeText, differenceText } from "../difference.ts"
import { printable } from "../output.ts"
import { makeReady } from "../secrets.ts"
import type { PassphraseOptions, PinOptions } from "../syntax.ts"
import { fromWireSignature } from "../wire-signature.ts"
import type { StepOptions, Work } from "./work.ts"

/** The new roots, as they follow from the plan and from what was made. @throws step_refused */
export async function build(work: Work, options: StepOptions): Promise<void> {
    const [step] = work.requirePossible("building the roots", { step: "build" })
    work.requireClock("build")
    const who = await work.requirePerson(step, "building the roots", options)
    await work.take({ step: "build" }, who, options)
    for (const index of work.plan.repositories.keys()) showDifference(work, index)
}

/** What is signed, in words, and the code that is read aloud. */
export function showDifference(work: Work, index: number): void {
    const [gun = "", role = "", , ...sentences] = work.content(`difference/${index}`).toString("utf8").split("\n").slice(0, -1)
    work.cli.output.line(differenceText({ gun, role, sentences, code: codeOf(work, index) }))
}

/** Hex */
export function codeOf(work: Work, index: number): string {
    return sha256(work.content(`difference/${index}`)).toString("hex")
}

export type SignOptions = StepOptions & PinOptions & PassphraseOptions & { readonly code?: readonly string[] }

/**
 * One key signs every new root it has not signed yet, one record each. What is signed is shown, and a person says that its code is the one on
 * the paper, or types it.
 *
 * @throws step_refused, clock_implausible, token_absent and what else keeps a key from signing
 */
export async function sign(work: Work, name: string, options: SignOptions): Promise<void> {
    work.key(name)
    const steps = work.requirePossible(`signing with key ${name}`, { step: "sign", key: name })
    work.requireClock("sign")
    const who = await work.requirePerson(steps[0], `signing with key ${name}`, options)
    const daemon = await work.cli.daemon("admin")
    const at = await daemon.getKey(String(work.state.shown.get(name)?.record.facts.get("key_id")))
    for (const { repository: index = 0 } of steps) {
        showDifference(work, index)
        await requireCode(work, index, options.code)
        await makeReady(work.cli, daemon, await daemon.getKey(at.id), options)
        const gun = gunOf(work, index)
        const signed = work.content(`signed/${index}`)
        const signature = fromWireSignature(await daemon.sign({ keyId: at.id, gun, role: ROOT, signed }))
        await work.take({ step: "sign", key: name, repository: index, signature }, who, options)
        tellCounts(work, name, index)
    }
}

function gunOf({ plan }: Work, index: number): string {
    const repository = plan.repositories[index]
    if (repository === undefined) throw new TrustkeyError("internal", "a repository was lost")
    return repository.gun
}

/** @throws step_refused, declined, no_terminal */
async function requireCode(work: Work, index: number, given: readonly string[] | undefined): Promise<void> {
    if (given === undefined) {
        if (await (await work.cli.prompts()).confirm("Is this the code on the paper and on the other screen?", "--code")) return
        throw new TrustkeyError("declined", "what was shown is not what is to be signed")
    }
    const code = codeOf(work, index)
    const typed = given.map((text) => text.replaceAll(" ", "").toLowerCase())
    if (typed.some((text) => text.length >= 16 && code.startsWith(text))) return
    throw new TrustkeyError(
        "step_refused",
        `the code of what would be signed for ${gunOf(work, index)} is ${codeText(code)}, not ${printable(given.join(", "))}`,
    )
}

function tellCounts(work: Work, name: string, index: number): void {
    const counts = work.progress.signatures[index]
    if (counts === undefined) return
    const { old, new: next } = counts
    const before = old === undefined ? "" : `by the published root ${old.have} of ${old.need}, `
    work.cli.output.line(`Signed the root of ${gunOf(work, index)} with key ${name}: ${before}by the new root ${next.have} of ${next.need}`)
}

/**
 * The roots and all signatures on them are void, at the vault's daemon too, which would sign no other root of that version before.
 *
 * @throws step_refused
 */
export async function voidRoot(work: Work, options: StepOptions & { readonly reason: string }): Promise<void> {
    const [step] = work.requirePossible("voiding the roots", { step: "void-root" })
    work.requireClock("void-root")
    const who = await work.requirePerson(step, "voiding the roots", options)
    const { build: standing } = work.state
    if (standing === undefined) throw new TrustkeyError("internal", "roots that are not built")
    const daemon = await work.cli.daemon("admin")
    for (const [index, { gun }] of work.plan.repositories.entries()) {
        const root = standing.roots[index]
        const known = await daemon.showTrust(gun)
        const mark = known.marks.find(({ role }) => role === ROOT)
        // Not promised, or void since an earlier try.
        if (root === undefined || known.state !== "active" || mark?.sha256 !== root.sha256) continue
        const { version } = root.document
        await daemon.voidPromise({ gun, role: ROOT, version, confirm: `void ${version}` })
    }
    await work.take({ step: "void-root", reason: options.reason }, who, options)
    work.cli.output.line(`Voided record ${standing.record.n}: the roots and every signature on them`)
}
