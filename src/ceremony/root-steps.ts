import { checkRootCertificates, keyIdOf, parseKeyId, type Signature, verifySignature } from "../tuf/index.ts"
import { membersOf, parseCanonical, stringOf } from "./canonical-json.ts"
import { readChain, rootDocument } from "./chain.ts"
import { keyNamed, whyNotBuild, whyNotOpen, whyNotPack, whyNotSign, whyNotVoidRoot } from "./conditions.ts"
import { FactReader } from "./fact-reader.ts"
import { reading, refuse } from "./fault.ts"
import { HASH, isText } from "./forms.ts"
import { newRoots, tufKeyOf } from "./new-roots.ts"
import type { PlannedRepository } from "./plan.ts"
import type { CeremonyRecord, Item } from "./record.ts"
import { artefactName, type CeremonyState, continuesRoot, joins, type ReadArtefact } from "./state.ts"
import { checkInput, checkItems, standsAs } from "./step-parts.ts"

const MAX_SIGNATURE_BYTES = 4096

export function pack(state: CeremonyState, record: CeremonyRecord, read: ReadArtefact): CeremonyState {
    const problem = whyNotPack(state)
    if (problem !== undefined) refuse(problem)
    const facts = new FactReader(record.facts)
    facts.text("program")
    facts.hash("program_sha256")
    facts.equals("plan_sha256", state.plan.sha256)
    facts.finish()
    const { repositories } = state.plan
    checkItems(record.in, [], "in")
    checkItems(
        record.out,
        repositories.flatMap((repository, index) => chainNames(repository, index)),
        "out",
    )
    const chains = repositories.map((repository, index) =>
        readChain(
            state.plan,
            repository,
            chainNames(repository, index).map((name) => read(itemNamed(record.out, name))),
        ),
    )
    return { ...standsAs(state, record), packed: record, chains }
}

/** The versions of root that the bundle brings for a repository. */
export function chainNames({ published }: PlannedRepository, index: number): readonly string[] {
    return Array.from({ length: published?.version ?? 0 }, (_, before) => artefactName.chain(index, before + 1))
}

function itemNamed(items: readonly Item[], name: string): Item {
    return items.find((item) => item.name === name) ?? refuse(`${name} is missing`)
}

export function openAtVault(state: CeremonyState, record: CeremonyRecord): CeremonyState {
    const problem = whyNotOpen(state)
    if (problem !== undefined) refuse(problem)
    const facts = new FactReader(record.facts)
    facts.equals("program_sha256", state.packed?.facts.get("program_sha256") ?? "")
    facts.equals("plan_sha256", state.plan.sha256)
    facts.finish()
    checkInput(state, record, state.packed?.out.map(({ name }) => name) ?? [])
    checkItems(record.out, [], "out")
    return { ...standsAs(state, record), opened: record }
}

/** What the new roots are built from: names of artefacts. */
export function buildInputs(state: CeremonyState): readonly string[] {
    const chains = continuesRoot(state)
        ? state.plan.repositories.map(({ published }, index) => artefactName.chain(index, published?.version ?? 0))
        : []
    const certificates = state.plan.keys
        .filter(joins)
        .flatMap(({ name }) => state.plan.repositories.map((_, index) => artefactName.certificate(name, index)))
    return [...chains, ...certificates]
}

export function build(state: CeremonyState, record: CeremonyRecord, read: ReadArtefact): CeremonyState {
    const problem = whyNotBuild(state)
    if (problem !== undefined) refuse(problem)
    new FactReader(record.facts).finish()
    checkInput(state, record, buildInputs(state))
    const indexes = state.plan.repositories.keys().toArray()
    checkItems(
        record.out,
        indexes.flatMap((index) => [artefactName.signed(index), artefactName.difference(index)]),
        "out",
    )
    const roots = newRoots(state)
    for (const [index, { gun }] of state.plan.repositories.entries()) {
        const root = roots[index] ?? refuse("a root is missing")
        // Of a kept key too: one that clients don't count would make the threshold less than it says.
        reading(gun, () => checkRootCertificates(rootDocument({ signed: root }), gun, undefined, { every: true }))
        if (!read(itemNamed(record.out, artefactName.signed(index))).equals(root.bytes))
            refuse(`${artefactName.signed(index)} is not the root that follows from the plan for ${gun}`)
        checkDifference(read(itemNamed(record.out, artefactName.difference(index))), [String(gun), "root", root.sha256], index)
    }
    return { ...standsAs(state, record), build: { record, roots } }
}

/**
 * That people were shown a change of this root. In which words is not judged: another version of a program has others, and what they must say of the
 * root is judged on the root itself.
 */
function checkDifference(bytes: Buffer, head: readonly string[], index: number): void {
    const subject = artefactName.difference(index)
    const text = bytes.toString("utf8")
    if (!Buffer.from(text, "utf8").equals(bytes) || !text.endsWith("\n")) refuse(`${subject} is not lines of text`)
    const lines = text.slice(0, -1).split("\n")
    if (head.some((line, at) => lines[at] !== line)) refuse(`${subject} is of another root`)
    if (lines.length <= head.length || !lines.every(isText)) refuse(`${subject} says nothing, or what can't be seen`)
}

export function sign(state: CeremonyState, record: CeremonyRecord, read: ReadArtefact): CeremonyState {
    const facts = new FactReader(record.facts)
    const key = keyNamed(state, facts.text("key"))
    const repository = facts.number("repository")
    const keyId = facts.hash("keyid")
    facts.finish()
    const problem = whyNotSign(state, key, repository)
    if (problem !== undefined) refuse(problem)
    const root = state.build?.roots[repository] ?? refuse("the plan has no such repository")
    const tufKey = tufKeyOf(state, key, repository) ?? refuse(`key ${key.name} has no certificate for this repository`)
    if (keyIdOf(tufKey) !== keyId) refuse(`keyid is not key ${key.name}'s in this repository`)
    checkInput(state, record, [artefactName.signed(repository), artefactName.difference(repository)])
    const name = artefactName.signature(key.name, repository)
    checkItems(record.out, [name], "out")
    const signature = parseSignature(read(itemNamed(record.out, name)), name)
    if (signature.keyId !== keyId) refuse(`${name} is of another key`)
    if (!verifySignature(tufKey, root.bytes, signature)) refuse(`${name} is no good signature over ${artefactName.signed(repository)}`)
    return { ...standsAs(state, record), signatures: new Map([...state.signatures, [name, record]]) }
}

/** A signature as an artefact holds it. @throws Fault */
export function parseSignature(bytes: Uint8Array, subject: string): Signature {
    const members = membersOf(parseCanonical(bytes, subject, MAX_SIGNATURE_BYTES), subject, ["keyid", "method", "sig"])
    const keyid = stringOf(members.get("keyid"), `the keyid of ${subject}`, (text) => HASH.test(text))
    const method = stringOf(members.get("method"), `the method of ${subject}`, (text) => text === "ecdsa" || text === "rsapss")
    const sig = stringOf(members.get("sig"), `sig of ${subject}`, (text) => Buffer.from(text, "base64").toString("base64") === text)
    return { keyId: parseKeyId(keyid), method, sig: Buffer.from(sig, "base64") }
}

export function voidRoot(state: CeremonyState, record: CeremonyRecord): CeremonyState {
    const problem = whyNotVoidRoot(state)
    if (problem !== undefined) refuse(problem)
    const facts = new FactReader(record.facts)
    facts.equals("record", state.build?.record.n ?? 0)
    facts.text("reason")
    facts.finish()
    checkItems(record.in, [], "in")
    checkItems(record.out, [], "out")
    const gone = new Set([...(state.build?.record.out ?? []).map(({ name }) => name), ...state.signatures.keys()])
    return {
        ...standsAs(state, record),
        build: undefined,
        signatures: new Map(),
        artefacts: new Map([...state.artefacts].filter(([name]) => !gone.has(name))),
    }
}
