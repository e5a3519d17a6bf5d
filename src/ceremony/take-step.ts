import { type Attestation, algorithmOf, type PinPolicy, type PublicKeyBytes, sha256, type TouchPolicy } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import { canonicalize, canonicalKeyIdOf, keyIdOf, type Signature, tufKey } from "../tuf/index.ts"
import { artefactReader, type Bundle, bundleFiles, CheckedBundle, checkFiles } from "./bundle.ts"
import { encodeCloseStatement, type Outcome } from "./close-statement.ts"
import { type CloseSignatures, checkClose, statementOf } from "./closing.ts"
import { type BackupWay, whyNotBuild } from "./conditions.ts"
import { Fault, reading, refuse } from "./fault.ts"
import { follow, whoMay } from "./follow.ts"
import { closeInputs, rootFiles } from "./last-steps.ts"
import { differenceOf, newRoots, tufKeyOf } from "./new-roots.ts"
import { type CeremonyRecord, encodeRecord, type Item, parseRecord, sealRecord, sortItems } from "./record.ts"
import { buildInputs, chainNames } from "./root-steps.ts"
import { artefactName, type CeremonyState } from "./state.ts"

/** Where a key lies, as its token says. `serial`: of a card that attests its keys, the one in its attestations. */
export type ShownPlace = {
    readonly token?: string
    readonly serial?: string
    readonly slot?: string
    readonly pinPolicy?: PinPolicy
    readonly touchPolicy?: TouchPolicy
}

type ShownKeyInput = {
    readonly key: string
    readonly publicKey: PublicKeyBytes
    readonly origin: "token" | "vault" | "imported"
    readonly place: ShownPlace
    /** PEM, one for each repository, in the plan's order; none for a key whose certificates are in the published roots. */
    readonly certificates: readonly string[]
    readonly attestation?: Attestation
}

/** What a step needs to be told; everything else follows from the ceremony. */
export type StepInput =
    /** `chains`: root files from version 1 on, by repository in the plan's order. `programSha256`: hex, of the program's package. */
    | {
          readonly step: "pack"
          readonly program: string
          readonly programSha256: string
          readonly chains: readonly (readonly Uint8Array[])[]
      }
    | { readonly step: "open"; readonly programSha256: string }
    | (ShownKeyInput & { readonly step: "keygen" | "present" })
    | { readonly step: "void-key"; readonly key: string; readonly reason: string }
    | { readonly step: "build" }
    | { readonly step: "sign"; readonly key: string; readonly repository: number; readonly signature: Signature }
    | { readonly step: "void-root"; readonly reason: string }
    | { readonly step: "backup"; readonly key: string; readonly how: Extract<BackupWay, "cannot-leave"> }
    | {
          readonly step: "backup"
          readonly key: string
          readonly how: Extract<BackupWay, "copy">
          readonly token: string
          readonly serial: string
      }
    | { readonly step: "backup"; readonly key: string; readonly how: Extract<BackupWay, "export">; readonly file: Uint8Array }
    | { readonly step: "close"; readonly outcome: Outcome }
    | { readonly step: "publish"; readonly repository: number; readonly server: string }

export type StepOptions = {
    /** By the clock of the machine that does it. */
    readonly at: Date
    /** Who does it; by default the only one who may, or the lead. */
    readonly who?: string
    /** People's words. */
    readonly note?: string
}

type Draft = {
    readonly facts: readonly (readonly [string, string | number | undefined])[]
    readonly in: readonly string[]
    readonly out: ReadonlyMap<string, Uint8Array>
}

/**
 * The ceremony with one more record: refused by the same rules by which a stranger refuses it in a finished bundle.
 *
 * @throws step_refused, clock_implausible: nothing has changed
 */
export function takeStep(bundle: Bundle, input: StepInput, options: StepOptions): Bundle {
    try {
        return addRecord(bundle, input, options)
    } catch (error) {
        if (!(error instanceof Fault)) throw error
        throw new TrustkeyError(error.about === "clock" ? "clock_implausible" : "step_refused", `${input.step}: ${error.message}`)
    }
}

function addRecord(bundle: Bundle, input: StepInput, { at, who, note }: StepOptions): Bundle {
    const { state } = bundle
    // The close is what vault and witness have signed: nothing of it can follow, and what was published is noted only after it.
    if (bundle.close !== undefined && input.step !== "publish") refuse("the ceremony is closed")
    if (bundle.close === undefined && input.step === "publish") refuse("the ceremony is not closed and signed yet")
    const draft = draftOf(bundle, input)
    const items: Item[] = []
    const artefacts = new Map(bundle.artefacts)
    for (const [name, bytes] of draft.out) {
        const hash = sha256(bytes).toString("hex")
        artefacts.set(hash, Buffer.from(bytes))
        items.push({ name, sha256: hash })
    }
    const keyName = "key" in input ? input.key : undefined
    const record = sealRecord({
        n: (state.last?.n ?? 0) + 1,
        prev: state.last?.hash ?? state.plan.sha256,
        t: at,
        who: who ?? whoMay(state, input.step, keyName)[0] ?? refuse("the plan has no key of that name, or it is lost"),
        step: input.step,
        facts: new Map(draft.facts.flatMap(([name, fact]) => (fact === undefined ? [] : [[name, fact]]))),
        in: inputItems(state, draft.in),
        out: sortItems(items),
        note: note ?? "",
    })
    return withRecord(bundle, record, artefacts)
}

function withRecord(bundle: Bundle, record: CeremonyRecord, artefacts: ReadonlyMap<string, Buffer>): Bundle {
    const { plan, close, records, publication } = bundle
    // Read back: words that a record can't hold are refused here, as a reader would.
    const state = follow(bundle.state, parseRecord(encodeRecord(record).subarray(0, -1)), artefactReader(artefacts))
    const isPublication = record.step === "publish"
    const next = new CheckedBundle({
        plan,
        close,
        artefacts,
        state,
        records: isPublication ? records : [...records, record],
        publication: isPublication ? [...publication, record] : publication,
    })
    // What is too large for a bundle must not be found out when it is read.
    checkFiles(bundleFiles(next))
    return next
}

function inputItems(state: CeremonyState, names: readonly string[]): readonly Item[] {
    return sortItems(names.map((name) => ({ name, sha256: state.artefacts.get(name) ?? refuse(`there is no ${name} yet`) })))
}

function draftOf(bundle: Bundle, input: StepInput): Draft {
    const { state } = bundle
    switch (input.step) {
        case "pack":
            return {
                facts: [
                    ["program", input.program],
                    ["program_sha256", input.programSha256],
                    ["plan_sha256", state.plan.sha256],
                ],
                in: [],
                out: chainFiles(state, input.chains),
            }
        case "open":
            return {
                facts: [
                    ["program_sha256", input.programSha256],
                    ["plan_sha256", state.plan.sha256],
                ],
                in: state.packed?.out.map(({ name }) => name) ?? [],
                out: new Map(),
            }
        case "keygen":
        case "present":
            return shownKey(input)
        case "void-key":
            return {
                facts: [
                    ["key", input.key],
                    ["record", state.shown.get(input.key)?.record.n],
                    ["reason", input.reason],
                ],
                in: [],
                out: new Map(),
            }
        case "build":
            return { facts: [], in: buildInputs(state), out: builtRoots(state) }
        case "sign":
            return signedRoot(state, input)
        case "void-root":
            return {
                facts: [
                    ["record", state.build?.record.n],
                    ["reason", input.reason],
                ],
                in: [],
                out: new Map(),
            }
        case "backup":
            return { facts: backupFacts(state, input), in: [artefactName.publicKey(input.key)], out: backupFiles(input) }
        case "close":
            return closed(bundle, input.outcome)
        case "publish":
            return {
                facts: [
                    ["repository", input.repository],
                    ["server", input.server],
                ],
                in: [artefactName.root(input.repository)],
                out: new Map(),
            }
    }
}

function chainFiles({ plan }: CeremonyState, chains: readonly (readonly Uint8Array[])[]): ReadonlyMap<string, Uint8Array> {
    const files = new Map<string, Uint8Array>()
    for (const [index, repository] of plan.repositories.entries()) {
        const names = chainNames(repository, index)
        const chain = chains[index] ?? []
        if (chain.length !== names.length)
            refuse(`${repository.gun}: ${chain.length} versions of root, the plan was made for ${names.length}`)
        for (const [version, bytes] of chain.entries()) files.set(artefactName.chain(index, version + 1), bytes)
    }
    return files
}

function shownKey(input: ShownKeyInput): Draft {
    const { key, publicKey, place, attestation } = input
    const out = new Map<string, Uint8Array>([[artefactName.publicKey(key), publicKey.bytes]])
    for (const [index, pem] of input.certificates.entries()) out.set(artefactName.certificate(key, index), Buffer.from(pem, "latin1"))
    if (attestation !== undefined) {
        out.set(artefactName.attestation(key), attestation.certificate)
        out.set(artefactName.attestationIntermediate(key), attestation.intermediate)
    }
    return {
        facts: [
            ["key", key],
            ["key_id", canonicalKeyIdOf(tufKey(publicKey))],
            ["algorithm", reading("the public key", () => algorithmOf(publicKey))],
            ["origin", input.origin],
            ["token", place.token],
            ["serial", place.serial],
            ["slot", place.slot],
            ["pin_policy", place.pinPolicy],
            ["touch_policy", place.touchPolicy],
        ],
        in: [],
        out,
    }
}

function builtRoots(state: CeremonyState): ReadonlyMap<string, Uint8Array> {
    const problem = whyNotBuild(state)
    if (problem !== undefined) refuse(problem)
    const files = new Map<string, Uint8Array>()
    for (const [index, root] of newRoots(state).entries()) {
        files.set(artefactName.signed(index), root.bytes)
        files.set(artefactName.difference(index), differenceOf(state, root, index))
    }
    return files
}

function signedRoot(state: CeremonyState, input: Extract<StepInput, { readonly step: "sign" }>): Draft {
    const { key, repository, signature } = input
    const planned = state.plan.keys.find(({ name }) => name === key) ?? refuse("the plan has no key of that name")
    const own = tufKeyOf(state, planned, repository)
    const members = new Map<string, string>([
        ["keyid", signature.keyId],
        ["method", signature.method],
        ["sig", Buffer.from(signature.sig).toString("base64")],
    ])
    return {
        facts: [
            ["key", key],
            ["keyid", own === undefined ? signature.keyId : keyIdOf(own)],
            ["repository", repository],
        ],
        in: state.build === undefined ? [] : [artefactName.signed(repository), artefactName.difference(repository)],
        out: new Map([[artefactName.signature(key, repository), canonicalize(members)]]),
    }
}

function backupFacts({ plan }: CeremonyState, input: Extract<StepInput, { readonly step: "backup" }>): Draft["facts"] {
    const facts: Draft["facts"] = [
        ["key", input.key],
        ["how", input.how],
    ]
    switch (input.how) {
        case "cannot-leave":
            return facts
        case "copy":
            return [...facts, ["token", input.token], ["serial", input.serial]]
        case "export":
            return [...facts, ["recipients", plan.backupRecipients.length], ["restored", "yes"]]
    }
}

function backupFiles(input: Extract<StepInput, { readonly step: "backup" }>): ReadonlyMap<string, Uint8Array> {
    return new Map(input.how === "export" ? [[artefactName.backup(input.key), input.file]] : [])
}

function closed(bundle: Bundle, outcome: Outcome): Draft {
    const { state } = bundle
    const facts: Draft["facts"] = [["outcome", outcome]]
    if (outcome === "abandoned" || state.build === undefined) return { facts, in: [], out: new Map() }
    if (
        state.plan.repositories.some(
            (_, repository) => ![...state.signatures.values()].some(({ facts }) => facts.get("repository") === repository),
        )
    )
        refuse("a root has no signature yet")
    const files = rootFiles(state, artefactReader(bundle.artefacts))
    return { facts, in: closeInputs(state), out: new Map(files.map((file, index) => [artefactName.root(index), file])) }
}

/** The bytes that vault and witness sign. @throws step_refused before the step close */
export function closeStatement(bundle: Bundle): Buffer {
    if (bundle.state.closed === undefined) throw new TrustkeyError("step_refused", "close: the transcript does not end in a close yet")
    return encodeCloseStatement(statementOf(bundle.plan, bundle.state.closed))
}

/** The bundle with its close signed by both. @throws step_refused: not before the step close, or a signature is not good or not by the plan's key */
export function closeBundle(bundle: Bundle, signatures: CloseSignatures): Bundle {
    const { plan, records, publication, artefacts, state } = bundle
    try {
        const last = state.closed ?? refuse("the transcript does not end in a close yet")
        const close = { statement: statementOf(plan, last), signatures }
        checkClose(close, plan)
        return new CheckedBundle({ plan, records, publication, artefacts, state, close })
    } catch (error) {
        if (error instanceof Fault) throw new TrustkeyError("step_refused", `close: ${error.message}`)
        throw error
    }
}
