import { algorithmOf } from "../crypto/index.ts"
import { canonicalize, canonicalKeyIdOf, keyIdOf, tufKey } from "../tuf/index.ts"
import { artefactReader, type Bundle } from "./bundle.ts"
import type { Outcome } from "./close-statement.ts"
import { whyNotBuild } from "./conditions.ts"
import { reading, refuse } from "./fault.ts"
import { closeInputs, rootFiles } from "./last-steps.ts"
import { differenceOf, newRoots, tufKeyOf } from "./new-roots.ts"
import { buildInputs, chainNames } from "./root-steps.ts"
import { artefactName, type CeremonyState } from "./state.ts"
import type { ShownKeyInput, StepInput } from "./step-input.ts"

/** What a record says, and what it brings: the names of what goes in, the bytes of what comes out. */
export type Draft = {
    readonly facts: readonly (readonly [string, string | number | undefined])[]
    readonly in: readonly string[]
    readonly out: ReadonlyMap<string, Uint8Array>
}

/** A step as it follows from the ceremony, before anything of it is checked. @throws Fault when there is nothing it could follow from */
export function draftOf(bundle: Bundle, input: StepInput): Draft {
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
