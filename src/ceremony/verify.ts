import { parseCertificateChain, sha256, verifyAttestation } from "../crypto/index.ts"
import { type Bundle, type BundleFiles, replay } from "./bundle.ts"
import type { Outcome } from "./close-statement.ts"
import { at, type Place, PlacedFault, refuse } from "./fault.ts"
import { differenceOf, tufKeyOf } from "./new-roots.ts"
import { artefactName, joins } from "./state.ts"

export type Finding = { readonly level: "error" | "warning"; readonly record?: Place; readonly text: string }

export type Verdict =
    /** Nothing is wrong; `findings` are warnings. */
    | { readonly ok: true; readonly outcome: Outcome; readonly bundle: Bundle; readonly findings: readonly Finding[] }
    /** One error, the first. */
    | { readonly ok: false; readonly findings: readonly Finding[] }

/**
 * Judge a finished ceremony by its bundle alone: TK-CER-1. No clock, no key, no network; a second program that reads docs/formats comes to the same
 * verdict and names the same record. Warnings are no part of the verdict.
 */
export function verifyCeremony(files: BundleFiles): Verdict {
    try {
        const bundle = replay(files)
        const outcome = at(
            "close",
            () =>
                bundle.close?.statement.outcome ??
                refuse("the ceremony is not closed: there is no close.json; trustkey ceremony resume says what comes next"),
        )
        return { ok: true, outcome, bundle, findings: warningsOf(bundle, outcome) }
    } catch (error) {
        if (!(error instanceof PlacedFault)) throw error
        return { ok: false, findings: [{ level: "error", record: error.place, text: error.message }] }
    }
}

function warningsOf(bundle: Bundle, outcome: Outcome): readonly Finding[] {
    return [
        ...(bundle.plan.rehearsalOf === undefined ? [] : [warning("plan", "this is a rehearsal: nothing of it is to be published")]),
        ...(outcome === "abandoned" ? [warning("close", "the ceremony was abandoned: there is nothing to publish")] : []),
        ...attestationWarnings(bundle),
        ...tokenWarnings(bundle),
        ...certificateWarnings(bundle),
        ...differenceWarnings(bundle),
    ]
}

function warning(record: Place, text: string): Finding {
    return { level: "warning", record, text }
}

/** Whether we know who vouches for a card is no part of the verdict: another checker knows others. */
function attestationWarnings(bundle: Bundle): readonly Finding[] {
    return [...bundle.state.shown].flatMap(([name, { record }]) => {
        const [certificate, intermediate] = [
            bundle.artefact(artefactName.attestation(name)),
            bundle.artefact(artefactName.attestationIntermediate(name)),
        ]
        const publicKey = bundle.artefact(artefactName.publicKey(name))
        if (certificate === undefined || intermediate === undefined || publicKey === undefined) return []
        const keytype = String(record.facts.get("algorithm")).startsWith("rsa") ? "rsa" : "ecdsa"
        const expected = { publicKey: { keytype, bytes: publicKey }, serial: String(record.facts.get("serial")) } as const
        const verdict = verifyAttestation({ certificate, intermediate }, expected)
        if (verdict.verdict === "attested") return []
        const problem = verdict.verdict === "invalid" ? verdict.problem : "nobody known here vouches for the card"
        return [warning(record.n, `the attestation of key ${name}: ${problem}`)]
    })
}

function tokenWarnings({ plan, state }: Bundle): readonly Finding[] {
    const places = new Map<string, string>()
    return plan.keys.flatMap((key) => {
        const record = state.shown.get(key.name)?.record
        const serial = record?.facts.get("serial")
        if (record === undefined || typeof serial !== "string" || key.change === "retired") return []
        const other = places.get(serial)
        places.set(serial, key.name)
        return other === undefined ? [] : [warning(record.n, `keys ${other} and ${key.name} lie on one token: whoever has it has both`)]
    })
}

function certificateWarnings({ plan, state }: Bundle): readonly Finding[] {
    return plan.keys.flatMap((key) => {
        if (!joins(key) && key.change !== "kept") return []
        return plan.repositories.flatMap(({ gun }, repository) => {
            const tufKey = tufKeyOf(state, key, repository)
            const end = tufKey === undefined ? undefined : parseCertificateChain(Buffer.from(tufKey.public).toString("latin1"))[0]?.notAfter
            if (end === undefined || end >= plan.expires) return []
            const place = state.shown.get(key.name)?.record.n ?? 1
            return [warning(place, `${gun}: the certificate of key ${key.name} ends on ${end.toISOString()}, before the root does`)]
        })
    })
}

/** People were shown other words for the change than this program has: it may be another version, or a lie. */
function differenceWarnings(bundle: Bundle): readonly Finding[] {
    const { build } = bundle.state
    return (build?.roots ?? []).flatMap((root, repository) => {
        const own = sha256(differenceOf(bundle.state, root, repository)).toString("hex")
        if (build === undefined || bundle.state.artefacts.get(artefactName.difference(repository)) === own) return []
        return [
            warning(
                build.record.n,
                `${artefactName.difference(repository)}: people were shown other words for this change than this program has`,
            ),
        ]
    })
}
