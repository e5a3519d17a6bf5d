import { ageRecipients } from "../crypto/index.ts"
import { assembleFile, checkRootCertificates } from "../tuf/index.ts"
import { rootDocument } from "./chain.ts"
import { keyNamed, missingToComplete, whyNotAtVault, whyNotBackup, whyNotPublish } from "./conditions.ts"
import { FactReader } from "./fact-reader.ts"
import { reading, refuse } from "./fault.ts"
import { SERIAL, TOKEN } from "./forms.ts"
import { checkToken } from "./key-steps.ts"
import type { CeremonyRecord } from "./record.ts"
import { parseSignature } from "./root-steps.ts"
import { artefactName, type CeremonyState, type ReadArtefact, signaturesOf } from "./state.ts"
import { checkInput, checkItems, standsAs } from "./step-parts.ts"

export function backup(state: CeremonyState, record: CeremonyRecord, read: ReadArtefact): CeremonyState {
    const facts = new FactReader(record.facts)
    const key = keyNamed(state, facts.text("key"))
    const how = facts.oneOf("how", ["cannot-leave", "copy", "export"])
    const token = how === "copy" ? facts.text("token", (text) => TOKEN.test(text)) : undefined
    const problem = whyNotBackup(state, key, how, token)
    if (problem !== undefined) refuse(problem)
    if (token !== undefined && key.change === "new")
        checkToken(
            state.plan,
            key,
            token,
            facts.text("serial", (text) => SERIAL.test(text)),
        )
    if (how === "export") {
        facts.equals("recipients", state.plan.backupRecipients.length)
        facts.equals("restored", "yes")
    }
    facts.finish()
    checkInput(state, record, [artefactName.publicKey(key.name)])
    checkItems(record.out, how === "export" ? [artefactName.backup(key.name)] : [], "out")
    // What it says for a stranger: for whom, and what is inside, only the vault could see.
    for (const item of record.out)
        if (ageRecipients(read(item)) !== state.plan.backupRecipients.length)
            refuse(`${item.name} is not an age file for ${state.plan.backupRecipients.length} X25519 recipients`)
    return {
        ...standsAs(state, record),
        backups: new Map([...state.backups, [key.name, [...(state.backups.get(key.name) ?? []), record]]]),
    }
}

/** What a complete close rests upon: names of artefacts. */
export function closeInputs(state: CeremonyState): readonly string[] {
    return [...state.plan.repositories.map((_, index) => artefactName.signed(index)), ...state.signatures.keys()]
}

/** The whole file of each new root, with every signature that stands. @throws Fault before they are built and signed */
export function rootFiles(state: CeremonyState, read: ReadArtefact): readonly Buffer[] {
    const roots = state.build?.roots ?? refuse("the roots are not built yet")
    return roots.map((root, repository) => {
        const signatures = signaturesOf(state, { repository })
            .flatMap(({ out }) => out)
            .map((item) => parseSignature(read(item), item.name))
        return reading(`root ${repository}`, () =>
            assembleFile(
                root,
                signatures.toSorted((left, right) => (left.keyId < right.keyId ? -1 : 1)),
            ),
        )
    })
}

export function close(state: CeremonyState, record: CeremonyRecord, read: ReadArtefact): CeremonyState {
    const problem = whyNotAtVault(state)
    if (problem !== undefined) refuse(problem)
    const facts = new FactReader(record.facts)
    const outcome = facts.oneOf("outcome", ["complete", "abandoned"])
    facts.finish()
    if (outcome === "complete") checkComplete(state, record, read)
    else {
        checkItems(record.in, [], "in")
        checkItems(record.out, [], "out")
    }
    return { ...standsAs(state, record), closed: record }
}

function checkComplete(state: CeremonyState, record: CeremonyRecord, read: ReadArtefact): void {
    const [missing] = missingToComplete(state)
    if (missing !== undefined) refuse(`not complete: ${missing}`)
    checkInput(state, record, closeInputs(state))
    const files = rootFiles(state, read)
    checkItems(
        record.out,
        files.map((_, index) => artefactName.root(index)),
        "out",
    )
    for (const [index, file] of files.entries()) {
        const name = artefactName.root(index)
        const item = record.out.find((candidate) => candidate.name === name) ?? refuse(`${name} is missing`)
        if (!read(item).equals(file)) refuse(`${name} is not the root that was signed, with all its signatures`)
    }
    for (const [index, { gun }] of state.plan.repositories.entries()) {
        const root = state.build?.roots[index]
        if (root !== undefined) reading(gun, () => checkRootCertificates(rootDocument({ signed: root }), gun, record.t, { every: true }))
    }
}

export function publish(state: CeremonyState, record: CeremonyRecord): CeremonyState {
    const facts = new FactReader(record.facts)
    const repository = facts.number("repository")
    facts.text("server")
    facts.finish()
    const problem = whyNotPublish(state, repository)
    if (problem !== undefined) refuse(problem)
    if (repository >= state.plan.repositories.length) refuse("the plan has no such repository")
    checkInput(state, record, [artefactName.root(repository)])
    checkItems(record.out, [], "out")
    return { ...standsAs(state, record), published: new Set([...state.published, repository]) }
}
