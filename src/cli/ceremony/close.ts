import { type Bundle, closeBundle, closeStatement, type Outcome, type PossibleStep } from "../../ceremony/index.ts"
import { TrustkeyError } from "../../errors.ts"
import type { Signature } from "../../tuf/index.ts"
import type { Daemon, DaemonKey } from "../daemon-types.ts"
import { codeText } from "../difference.ts"
import { makeReady } from "../secrets.ts"
import type { PassphraseOptions, PinOptions } from "../syntax.ts"
import { fromWireSignature } from "../wire-signature.ts"
import { closingKey } from "./open.ts"
import type { StepOptions, Work } from "./work.ts"

export type CloseOptions = StepOptions & {
    readonly abandon?: boolean
    readonly vault: PassphraseOptions & PinOptions
    readonly witness: PassphraseOptions & PinOptions
}

/**
 * The transcript's last record, and the signatures of vault and witness under it. Whoever is interrupted closes again: the same is signed,
 * and nothing else can be.
 *
 * @throws step_refused with what is missing; key_locked and the like: nothing was recorded
 */
export async function close(work: Work, options: CloseOptions): Promise<void> {
    const { cli, plan } = work
    const outcome: Outcome = options.abandon === true ? "abandoned" : "complete"
    if (work.bundle.close !== undefined) throw new TrustkeyError("step_refused", "the ceremony is closed, and the close is signed")
    const step = requireClosable(work, outcome)
    const daemon = await cli.daemon("admin")
    const vault = await closingKey(daemon, "vault", plan.closing.vault)
    const witness = await closingKey(daemon, "witness", plan.closing.witness)
    const who = await work.requirePerson(step, "closing the ceremony", options)
    // Whoever mistypes a passphrase does so before the record.
    await makeReady(cli, daemon, vault, options.vault)
    await makeReady(cli, daemon, witness, options.witness)
    if (work.state.closed === undefined) await work.take({ step: "close", outcome }, who, options)
    await work.keep(await signed(work.bundle, daemon, vault, witness))
    const { closed } = work.state
    cli.output.line(`Closed ceremony ${plan.id}, ${outcome}, after ${closed?.n} records`)
    cli.output.line(`  last record  ${codeText(closed?.hash ?? "")}`)
}

/** @throws step_refused, clock_implausible */
function requireClosable(work: Work, outcome: Outcome): PossibleStep {
    const { closed } = work.state
    if (closed !== undefined) {
        const ended = String(closed.facts.get("outcome"))
        if (ended !== outcome) throw new TrustkeyError("step_refused", `the transcript ends as ${ended}, and only that can be signed`)
        // Only the signatures are missing: whoever ended it is on record.
        return { step: "close", who: [closed.who], outcome }
    }
    const { missing } = work.progress
    if (outcome === "complete" && missing.length > 0)
        throw new TrustkeyError("step_refused", `the ceremony is not complete: ${missing.join("; ")}`)
    const [step] = work.requirePossible("closing the ceremony", { step: "close", outcome })
    work.requireClock("close")
    return step
}

async function signed(bundle: Bundle, daemon: Daemon, vault: DaemonKey, witness: DaemonKey): Promise<Bundle> {
    const statement = closeStatement(bundle)
    const ask = async (key: DaemonKey): Promise<Signature> => fromWireSignature(await daemon.signClose({ keyId: key.id, statement }))
    return closeBundle(bundle, { vault: await ask(vault), witness: await ask(witness) })
}
