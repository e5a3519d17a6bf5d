import type { AuditRecord } from "../audit/index.ts"
import { type Algorithm, type AttestationVerdict, parseCertificateChain, sha256 } from "../crypto/index.ts"
import type { GroupView, KeyView, PlannedRoot, RawFile, RootPlan, StatusView, TokenView, TrustView } from "../custody/index.ts"
import type {
    JournalEntry as Entry,
    KeptAttestation,
    KeyRecord,
    Mark as KnownMark,
    Repository as KnownRepository,
} from "../journal/index.ts"
import type { TokenExamination, TokenState, TokenObject as TokenThing, TouchEvent } from "../keys/index.ts"
import type { Principal } from "../policy/index.ts"
import { formatPkcs11Uri, objectIdOfSlot, type PivSlotFacts } from "../signer/index.ts"
import { canonicalKeyIdOf, certificatesEnd, type RoleName, type Signature as TufSignature, tufKey } from "../tuf/index.ts"
import type { Algorithm as WireAlgorithm } from "../wire/trustkeyd/v1/Algorithm.ts"
import type { Attestation } from "../wire/trustkeyd/v1/Attestation.ts"
import type { AuditRecord as WireAuditRecord } from "../wire/trustkeyd/v1/AuditRecord.ts"
import type { DoctorReport } from "../wire/trustkeyd/v1/DoctorReport.ts"
import type { GetStatusResponse } from "../wire/trustkeyd/v1/GetStatusResponse.ts"
import type { Group } from "../wire/trustkeyd/v1/Group.ts"
import type { JournalEntry } from "../wire/trustkeyd/v1/JournalEntry.ts"
import type { Key } from "../wire/trustkeyd/v1/Key.ts"
import type { KeyState } from "../wire/trustkeyd/v1/KeyState.ts"
import type { Mark } from "../wire/trustkeyd/v1/Mark.ts"
import type { MetadataFile } from "../wire/trustkeyd/v1/MetadataFile.ts"
import type { PivSlot } from "../wire/trustkeyd/v1/PivSlot.ts"
import type { PlanRootResponse } from "../wire/trustkeyd/v1/PlanRootResponse.ts"
import type { Purpose } from "../wire/trustkeyd/v1/Purpose.ts"
import type { Repository } from "../wire/trustkeyd/v1/Repository.ts"
import type { RootPlan as WireRootPlan } from "../wire/trustkeyd/v1/RootPlan.ts"
import type { Signature } from "../wire/trustkeyd/v1/Signature.ts"
import type { Token } from "../wire/trustkeyd/v1/Token.ts"
import type { TokenDetails } from "../wire/trustkeyd/v1/TokenDetails.ts"
import type { TokenEvent } from "../wire/trustkeyd/v1/TokenEvent.ts"
import type { TokenObject } from "../wire/trustkeyd/v1/TokenObject.ts"
import { encodeBackupState } from "./encode-backups.ts"

const ALGORITHMS = {
    p256: "ALGORITHM_P256",
    p384: "ALGORITHM_P384",
    rsa2048: "ALGORITHM_RSA_2048",
    rsa3072: "ALGORITHM_RSA_3072",
    rsa4096: "ALGORITHM_RSA_4096",
    ed25519: "ALGORITHM_ED25519",
} as const satisfies Record<Algorithm, WireAlgorithm>

const PURPOSES = {
    root: "PURPOSE_ROOT",
    targets: "PURPOSE_TARGETS",
    snapshot: "PURPOSE_SNAPSHOT",
    delegation: "PURPOSE_DELEGATION",
    ceremony: "PURPOSE_CEREMONY",
} as const satisfies Record<KeyRecord["purpose"], Purpose>

const STATES = {
    locked: "KEY_STATE_LOCKED",
    unlocked: "KEY_STATE_UNLOCKED",
    absent: "KEY_STATE_ABSENT",
    removed: "KEY_STATE_REMOVED",
} as const satisfies Record<KeyView["state"]["state"], KeyState>

export function encodeKey({ record, state, mine, attestation, needs, presentCopies }: KeyView): Key {
    const home = record.home.kind === "token" ? record.home : undefined
    return {
        id: record.id,
        algorithm: ALGORITHMS[record.algorithm],
        purpose: PURPOSES[record.purpose],
        label: record.label,
        publicKey: record.publicKey.bytes,
        keytype: record.publicKey.keytype,
        bindings: record.bindings.map(({ gun, role }) => ({ gun, role })),
        home: homeText(record.home),
        tokenUri: record.home.kind === "token" ? record.home.uri : "",
        origin: record.origin,
        createdAt: record.createdAt,
        removedAt: record.removedAt ?? "",
        state: STATES[state.state],
        unlockedUntil: timeText(state.until),
        usesLeft: state.usesLeft ?? 0,
        ready: state.ready,
        mine,
        pinPolicy: home?.pinPolicy ?? "",
        touchPolicy: home?.touchPolicy ?? "",
        brought: home?.brought === true,
        copies: (record.copies ?? []).map(({ token, uri, serial, pinPolicy, touchPolicy }) => ({
            token,
            uri,
            serial,
            present: presentCopies?.has(token) === true,
            pinPolicy: pinPolicy ?? "",
            touchPolicy: touchPolicy ?? "",
        })),
        ...(needs === undefined ? {} : { needs: [...needs] }),
        ...(home?.attestation === undefined || attestation === undefined
            ? {}
            : { attestation: encodeAttestation(home.attestation, attestation) }),
    }
}

function encodeAttestation({ certificate, intermediate, serial }: KeptAttestation, verdict: AttestationVerdict): Attestation {
    return {
        certificate,
        intermediate,
        serial,
        verdict: verdict.verdict,
        ...(verdict.verdict === "attested" ? { by: verdict.by, root: verdict.root } : {}),
        ...(verdict.verdict === "invalid" ? { problem: verdict.problem } : {}),
    }
}

function homeText(home: KeyRecord["home"]): string {
    switch (home.kind) {
        case "sealed":
            return "sealed"
        case "group":
            return `group:${home.group}`
        case "token":
            return `token:${home.token}`
    }
}

export function encodeGroup(group: GroupView): Group {
    return {
        name: group.name,
        byPassphrase: group.byPassphrase,
        credential: group.credential ?? "",
        unlocked: group.unlocked,
        unlockedUntil: timeText(group.until),
        keys: group.keys,
    }
}

export function encodeToken(token: TokenState): Token {
    const { name, uri, state, detail, label, serial, manufacturer, model, tries, kind } = token
    const lease = { loggedInUntil: timeText(token.until), usesLeft: token.usesLeft ?? 0 }
    return { name, uri, state, detail, label, serial, manufacturer, model, tries, kind, ...lease }
}

export function encodeTokenView({ state, card, warnings }: TokenView): TokenDetails {
    const common = { token: encodeToken(state), warnings: warnings.map((warning) => ({ ...warning })) }
    if (card === undefined) return common
    return {
        ...common,
        cardSerial: card.serial,
        firmware: card.firmware,
        managementKey: card.managementKey.algorithm,
        managementKeyDefault: card.managementKey.isDefault,
        pinDefault: card.pinIsDefault,
        pinTries: card.pinTries === undefined ? "" : String(card.pinTries),
        pukTries: card.pukTries === undefined ? "" : String(card.pukTries),
        slots: card.slots.map((slot) => encodeSlot(slot, state)),
    }
}

function encodeSlot(facts: PivSlotFacts, { label, serial }: TokenState): PivSlot {
    const { slot, algorithm, publicKey, pinPolicy, touchPolicy, origin, certificate } = facts
    return {
        slot,
        algorithm: algorithm === undefined ? "ALGORITHM_UNSPECIFIED" : ALGORITHMS[algorithm],
        keyId: publicKey === undefined ? "" : canonicalKeyIdOf(tufKey(publicKey)),
        pinPolicy,
        touchPolicy,
        origin,
        certificateName: certificate === undefined ? "" : certificateName(certificate),
        certificateSha256: certificate === undefined ? "" : sha256(certificate).toString("hex"),
        uri: formatPkcs11Uri({ token: label, serial, type: "private", id: objectIdOfSlot(slot) }),
    }
}

/** Whatever lies on the card: anybody with the management key can have put it there. */
function certificateName(der: Uint8Array): string {
    try {
        const pem = `-----BEGIN CERTIFICATE-----\n${Buffer.from(der).toString("base64")}\n-----END CERTIFICATE-----\n`
        return parseCertificateChain(pem)[0]?.commonName ?? ""
    } catch {
        return "unreadable"
    }
}

export function encodeTouch({ id, kind, key, purpose, difference, askers, deadline }: TouchEvent): TokenEvent {
    return {
        id,
        kind,
        token: key.token,
        serial: key.serial,
        slot: key.slot,
        keyId: key.keyId,
        keyLabel: key.label,
        gun: purpose?.gun ?? "",
        role: purpose?.closesCeremony === true ? "ceremony" : (purpose?.role ?? ""),
        version: purpose?.version ?? 0,
        difference: [...difference],
        requestedBy: askers[0]?.name ?? "",
        deadline: timeText(deadline),
        touchPolicy: key.touchPolicy ?? "",
    }
}

export function encodeDoctorReport({ token, uri, module, profile, report, quirks, written }: TokenExamination): DoctorReport {
    const { library } = profile
    return {
        token,
        uri,
        verdict: report.verdict,
        reason: report.reason,
        module,
        family: profile.family,
        library: `${library.manufacturer}, ${library.description} ${library.version}, PKCS#11 ${library.cryptoki}`,
        label: profile.label,
        serial: profile.serial,
        manufacturer: profile.manufacturer,
        model: profile.model,
        flags: [...profile.flags],
        findings: report.findings.map(({ weight, found, consequence }) => ({ weight, found, consequence })),
        algorithms: profile.algorithms.map(({ algorithm, makes, signs, detail }) => ({ algorithm, makes, signs, detail })),
        ways: (profile.wrap?.ways ?? []).map(({ way, outcome, proven, code }) => ({ way, outcome, proven, answer: code })),
        mechanisms: profile.mechanisms.map(({ name, least, most, flags }) => ({ name, least, most, flags: [...flags] })),
        slots: profile.slots.map(({ id, description, present, label, serial, manufacturer, model }) => {
            return { id, description, present, label, serial, manufacturer, model }
        }),
        quirks,
        written: written ?? "",
    }
}

export function encodeTokenObject(object: TokenThing): TokenObject {
    return {
        uri: object.uri,
        label: object.label,
        id: object.id,
        algorithm: object.algorithm === undefined ? "ALGORITHM_UNSPECIFIED" : ALGORITHMS[object.algorithm],
        keyId: object.keyId,
        local: object.local,
        sensitive: object.sensitive,
        extractable: object.extractable,
        alwaysAuthenticate: object.alwaysAuthenticate,
    }
}

export function encodeSignature(signature: TufSignature): Signature {
    return { keyid: signature.keyId, method: signature.method, sig: signature.sig }
}

export function encodeFile(file: RawFile): MetadataFile {
    return { role: file.role, content: file.content }
}

export function encodeMarks(marks: ReadonlyMap<RoleName, KnownMark>): Mark[] {
    return Array.from(marks, ([role, mark]) => ({ role, version: mark.version, sha256: mark.sha256, expires: mark.expires }))
}

export function encodeRepository(repository: KnownRepository): Repository {
    return {
        gun: repository.gun,
        lineage: repository.lineage,
        rootVersion: repository.root?.signed.document.version ?? 0,
        origin: repository.origin,
        marks: encodeMarks(repository.marks),
        outbox: repository.outbox.length,
        oldLineages: [...repository.oldLineages],
        state: repository.state,
        certificateExpires: timeText(repository.root === undefined ? undefined : certificatesEnd(repository.root.signed)),
    }
}

/** With the documents. */
export function encodeTrust({ gun, repository, outbox }: TrustView): Repository {
    if (repository === undefined) return { gun, state: "none", outbox }
    const root = repository.root === undefined ? [] : [repository.root]
    const documents = [...root, ...repository.documents.values()].map(encodeFile)
    return { ...encodeRepository(repository), outbox, documents }
}

export function encodePlannedRoot({ plan, begun }: PlannedRoot): PlanRootResponse {
    return {
        plan: plan === undefined ? null : encodeRootPlan(plan),
        begunVersion: begun?.version ?? 0,
        begun: begun?.plan === undefined ? null : encodeRootPlan(begun.plan),
    }
}

function encodeRootPlan({ body, base, difference, code, oldThreshold, nextThreshold, signers, signatures }: RootPlan): WireRootPlan {
    return {
        signed: body.bytes,
        version: body.document.version,
        base,
        difference: [...difference],
        code: Buffer.from(code).toString("hex"),
        oldThreshold,
        newThreshold: nextThreshold,
        signers: signers.map(({ tufKeyId, keyId, old, next, ours }) => ({ keyid: tufKeyId, keyId: keyId ?? "", old, new: next, ours })),
        signatures: signatures.map(encodeSignature),
    }
}

export function encodeJournalEntry(entry: Entry): JournalEntry {
    const { sequence, kind, gun, lineage, role, version, sha256, keyId, state, promisedAt } = entry
    return { sequence, kind, gun, lineage, role, version, sha256, keyId, state, promisedAt }
}

export function encodeAuditRecord(record: AuditRecord): WireAuditRecord {
    const { sequence, who, action, outcome, gun, role, keyId, previous, hash } = record
    const detail = JSON.stringify(record.detail)
    return { sequence, at: record.at.toISOString(), who, action, outcome, gun, role, keyId, detail, previous, hash }
}

export function encodeStatus(view: StatusView, principal: Principal): GetStatusResponse {
    return {
        version: view.version,
        startedAt: view.startedAt.toISOString(),
        socket: principal.socket,
        caller: principal.name,
        signers: view.signers.map(({ name, state, detail, restarts }) => ({ name, state, detail, restarts })),
        keys: view.keys,
        unlockedKeys: view.unlockedKeys,
        repositories: view.repositories,
        outbox: view.outbox,
        auditRecords: view.auditRecords,
        problems: [...view.problems],
        backup: view.backup === undefined ? null : encodeBackupState(view.backup),
    }
}

/** RFC 3339, UTC; empty when there is none. */
export function timeText(date: Date | undefined): string {
    return date?.toISOString() ?? ""
}
