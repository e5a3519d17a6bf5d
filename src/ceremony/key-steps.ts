import {
    type Attestation,
    algorithmOf,
    bundleSignatureProblem,
    certificateFormProblem,
    certificatesFormProblem,
    issuedByProblem,
    PIN_POLICIES,
    type PublicKeyBytes,
    parseAttestation,
    parseCertificateChain,
    TOUCH_POLICIES,
} from "../crypto/index.ts"
import { bareKey, canonicalKeyIdOf, certificateKey, type Gun, type KeyId, type TufKey, tufKey } from "../tuf/index.ts"
import { keyNamed, whyNotShow, whyNotVoidKey } from "./conditions.ts"
import { FactReader } from "./fact-reader.ts"
import { reading, refuse } from "./fault.ts"
import { SERIAL, SLOT, TOKEN } from "./forms.ts"
import { type NewKey, type Plan, type PlannedKey, ROOT_ALGORITHMS } from "./plan.ts"
import type { CeremonyRecord, Item } from "./record.ts"
import { artefactName, type CeremonyState, joins, type ReadArtefact } from "./state.ts"
import { checkItems, standsAs } from "./step-parts.ts"

/** A certificate may begin up to a day ahead: Notary's leeway for machines whose clock is ahead. */
const DAY = 86_400_000

type KeyFacts = {
    readonly id: string
    readonly algorithm: NewKey["algorithm"]
    readonly origin: string
    readonly token: string | undefined
    readonly serial: string | undefined
    readonly slot: string | undefined
    readonly pinPolicy: string | undefined
    readonly touchPolicy: string | undefined
}

/** `keygen`, and `present`: a key is shown to the ceremony. */
export function showKey(state: CeremonyState, record: CeremonyRecord, read: ReadArtefact): CeremonyState {
    const facts = new FactReader(record.facts)
    const key = keyNamed(state, facts.text("key"))
    const problem = whyNotShow(state, key, record.step === "keygen" ? "keygen" : "present")
    if (problem !== undefined) refuse(problem)
    const said = readKeyFacts(facts)
    checkPlace(state.plan, key, said)
    const outs = expectedOut(state, key, record)
    checkItems(record.in, [], "in")
    checkItems(record.out, [...outs.keys()], "out")
    const content = (name: string): Buffer => read(outs.get(name) ?? refuse(`${name} is missing in out`))
    const publicKey = readPublicKey(content(artefactName.publicKey(key.name)), said)
    checkNewId(state, key, said)
    if (outs.has(artefactName.attestation(key.name))) {
        const [certificate, intermediate] = [artefactName.attestation(key.name), artefactName.attestationIntermediate(key.name)].map(
            content,
        )
        if (certificate !== undefined && intermediate !== undefined) checkAttestation({ certificate, intermediate }, publicKey, said)
    }
    const certificates = joins(key)
        ? state.plan.repositories.map(({ gun }, index) =>
              readCertificate(content(artefactName.certificate(key.name, index)), gun, publicKey, {
                  t: record.t,
                  until: state.plan.notAfter,
              }),
          )
        : []
    return {
        ...standsAs(state, record),
        shown: new Map([...state.shown, [key.name, { record, certificates }]]),
        made: key.change === "new" ? new Set([...state.made, canonicalKeyIdOf(tufKey(publicKey))]) : state.made,
    }
}

export function voidKey(state: CeremonyState, record: CeremonyRecord): CeremonyState {
    const facts = new FactReader(record.facts)
    const key = keyNamed(state, facts.text("key"))
    const problem = whyNotVoidKey(state, key)
    if (problem !== undefined) refuse(problem)
    const voided = state.shown.get(key.name)
    facts.equals("record", voided?.record.n ?? 0)
    facts.text("reason")
    facts.finish()
    checkItems(record.in, [], "in")
    checkItems(record.out, [], "out")
    const records = voided === undefined ? [] : [voided.record, ...(state.backups.get(key.name) ?? [])]
    const gone = new Set(records.flatMap(({ out }) => out.map(({ name }) => name)))
    return {
        ...standsAs(state, record),
        shown: new Map([...state.shown].filter(([name]) => name !== key.name)),
        backups: new Map([...state.backups].filter(([name]) => name !== key.name)),
        artefacts: new Map([...state.artefacts].filter(([name]) => !gone.has(name))),
    }
}

function readKeyFacts(facts: FactReader): KeyFacts {
    const oneOf = (allowed: readonly string[]) => (text: string) => allowed.includes(text)
    const said = {
        id: facts.hash("key_id"),
        algorithm: facts.oneOf("algorithm", ROOT_ALGORITHMS),
        origin: facts.oneOf("origin", ["token", "vault", "imported"]),
        token: facts.find("token", (text) => TOKEN.test(text)),
        serial: facts.find("serial", (text) => SERIAL.test(text)),
        slot: facts.find("slot", (text) => SLOT.test(text)),
        pinPolicy: facts.find("pin_policy", oneOf(PIN_POLICIES)),
        touchPolicy: facts.find("touch_policy", oneOf(TOUCH_POLICIES)),
    }
    facts.finish()
    if ((said.token === undefined) !== (said.serial === undefined)) refuse("token and serial are facts together or not at all")
    return said
}

/** Where the key lies, against what the plan says of it. */
function checkPlace(plan: Plan, key: PlannedKey, said: KeyFacts): void {
    if (key.change !== "new") {
        if (key.change !== "lost" && key.token !== undefined && key.token !== said.token)
            refuse(`key ${key.name} is not on the plan's token`)
        if (key.serial !== undefined && key.serial !== said.serial)
            refuse(`the token of key ${key.name} has another serial number than the plan says`)
        return
    }
    if (said.algorithm !== key.algorithm) refuse(`key ${key.name} is ${said.algorithm}, the plan says ${key.algorithm}`)
    if (said.origin !== key.make) refuse(`key ${key.name} is to be made by the ${key.make}`)
    if (key.make === "vault") {
        const misplaced = [said.token, said.slot, said.pinPolicy, said.touchPolicy].some((fact) => fact !== undefined)
        if (misplaced) refuse(`key ${key.name} is made by the vault, and not on a token yet`)
        return
    }
    const { token, serial } = said
    if (token === undefined || serial === undefined) refuse(`of key ${key.name}, token and serial are missing`)
    else checkToken(plan, key, token, serial)
    const planned = [
        ["slot", key.slot, said.slot],
        ["pin_policy", key.pinPolicy, said.pinPolicy],
        ["touch_policy", key.touchPolicy, said.touchPolicy],
    ] as const
    for (const [name, wanted, is] of planned)
        if (wanted !== undefined && wanted !== is) refuse(`${name} of key ${key.name} is not ${wanted}, as the plan says`)
}

/** The key's own token, with the serial number the plan has for it, or a spare. @throws Fault */
export function checkToken(plan: Plan, key: NewKey, token: string, serial: string): void {
    const own = [
        { token: key.token, serial: key.serial },
        ...key.copies.map((copy) => ({ token: copy, serial: undefined })),
        ...plan.spares,
    ]
    // The tokens for copies are no place to make a key on.
    const allowed = key.make === "vault" ? own : own.filter((place) => !key.copies.includes(place.token))
    const place = allowed.find((candidate) => candidate.token === token)
    if (place === undefined) refuse(`token ${token} is neither the plan's for key ${key.name} nor a spare`)
    if (place?.serial !== undefined && place.serial !== serial)
        refuse(`token ${token} has serial number ${serial}, the plan says ${place.serial}`)
}

function expectedOut(state: CeremonyState, key: PlannedKey, record: CeremonyRecord): ReadonlyMap<string, Item> {
    const names = [artefactName.publicKey(key.name)]
    if (joins(key)) names.push(...state.plan.repositories.map((_, index) => artefactName.certificate(key.name, index)))
    const attestation = [artefactName.attestation(key.name), artefactName.attestationIntermediate(key.name)]
    if (record.out.some(({ name }) => attestation.includes(name))) {
        if (record.facts.get("origin") !== "token") refuse("only a token attests the keys it made")
        names.push(...attestation)
    }
    return new Map(names.flatMap((name) => record.out.find((item) => item.name === name) ?? []).map((item) => [item.name, item]))
}

function readPublicKey(spki: Buffer, said: KeyFacts): PublicKeyBytes {
    const publicKey: PublicKeyBytes = { keytype: said.algorithm.startsWith("rsa") ? "rsa" : "ecdsa", bytes: spki }
    if (reading("the public key", () => algorithmOf(publicKey)) !== said.algorithm) refuse(`the public key is not ${said.algorithm}`)
    if (canonicalKeyIdOf(tufKey(publicKey)) !== said.id) refuse("key_id is not the public key's")
    return publicKey
}

function checkNewId(state: CeremonyState, key: PlannedKey, said: KeyFacts): void {
    const { plan } = state
    if (key.change !== "new") {
        if (said.id !== key.id) refuse(`this is not key ${key.name}: the plan has another ID`)
        return
    }
    const known = new Set<string>(state.made)
    for (const other of plan.keys) if (other.change !== "new") known.add(other.id)
    const bare = [plan.closing.vault, plan.closing.witness, ...plan.repositories.flatMap(({ roles }) => [...(roles?.values() ?? [])])]
    for (const other of bare) known.add(canonicalKeyIdOf(other))
    if (known.has(said.id)) refuse(`key ${key.name} is to be new, and this key is known already`)
}

function readCertificate(pem: Buffer, gun: Gun, publicKey: PublicKeyBytes, dates: { readonly t: Date; readonly until: Date }): TufKey {
    const subject = `the certificate for ${gun}`
    const text = pem.toString("latin1")
    const key = reading(subject, () => certificateKey(text))
    if (!Buffer.from(key.public).equals(pem)) refuse(`${subject} is not written as PEM in lines of 64`)
    const malformed = certificatesFormProblem(text)
    if (malformed !== undefined) refuse(`${subject}: ${malformed}`)
    const [leaf, ...above] = reading(subject, () => parseCertificateChain(text))
    if (leaf === undefined || leaf.isCa || above.some(({ isCa }) => !isCa))
        return refuse(`${subject} must be one that is no CA, and then CAs only`)
    if (idOfBare(key) !== canonicalKeyIdOf(tufKey(publicKey))) refuse(`${subject} is for another key`)
    if (leaf.commonName !== gun) refuse(`${subject} is for another repository`)
    if (leaf.notBefore.getTime() > dates.t.getTime() + DAY) refuse(`${subject} is not valid yet`)
    if (leaf.notAfter < dates.until) refuse(`${subject} ends before the ceremony's time does`)
    const problem = bundleSignatureProblem(text)
    if (problem !== undefined) refuse(`${subject}: ${problem}`)
    return key
}

function idOfBare(key: TufKey): KeyId {
    return canonicalKeyIdOf(tufKey(bareKey(key)))
}

/** That it says of the key what the record says. Who vouches for the card is not asked here: that depends on whom one knows. */
function checkAttestation(attestation: Attestation, publicKey: PublicKeyBytes, said: KeyFacts): void {
    const malformed = certificateFormProblem(attestation.certificate) ?? certificateFormProblem(attestation.intermediate)
    if (malformed !== undefined) refuse(`the attestation can't be read: ${malformed}`)
    const facts = readAttestation(attestation)
    const problem = issuedByProblem(attestation.certificate, attestation.intermediate)
    if (problem !== undefined) refuse(`the attestation: ${problem}`)
    if (!Buffer.from(facts.spki).equals(publicKey.bytes)) refuse("the attestation is for another key")
    if (facts.serial !== said.serial) refuse(`the attestation is by the card ${facts.serial}`)
    if (facts.slot !== said.slot || facts.pinPolicy !== said.pinPolicy || facts.touchPolicy !== said.touchPolicy)
        refuse("the attestation says another slot or policy than the record")
}

function readAttestation(attestation: Attestation): ReturnType<typeof parseAttestation> {
    try {
        return parseAttestation(attestation)
    } catch {
        // forge's and OpenSSL's ways of saying no.
        return refuse("the attestation can't be read")
    }
}
