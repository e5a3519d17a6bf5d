import { type Algorithm, PIN_POLICIES, type SealedSecret, TOUCH_POLICIES } from "../crypto/index.ts"
import type {
    BindKeyRequest,
    CardCertificateRequest,
    ChangePassphraseRequest,
    ChangePinRequest,
    CopyKeyRequest,
    CreateGroupRequest,
    CreateKeyRequest,
    EnrollKeyRequest,
    ExamineTokenRequest,
    ExportKeyRequest,
    ImportKeyRequest,
    IssuedCertificateRequest,
    KeySubject,
    ListKeysRequest,
    LoginRequest,
    PlanRootRequest,
    RawFile,
    SetBody,
    SignCloseRequest,
    SignRequest,
    SignSetRequest,
    UnlockRequest,
} from "../custody/index.ts"
import { TrustkeyError } from "../errors.ts"
import type { Binding, JournalFilter, KeyRecord } from "../journal/index.ts"
import type { CardOptions } from "../keys/index.ts"
import { isCredentialName, PIV_SLOTS } from "../signer/index.ts"
import {
    type Gun,
    type NextKeys,
    parseExpires,
    parseGun,
    parseKeyId,
    parseRoleName,
    type RoleName,
    type Signature,
    type TufKey,
} from "../tuf/index.ts"
import type { AdoptRequest__Output } from "../wire/trustkeyd/v1/AdoptRequest.ts"
import type { Algorithm__Output } from "../wire/trustkeyd/v1/Algorithm.ts"
import type { Binding__Output } from "../wire/trustkeyd/v1/Binding.ts"
import type { BindKeyRequest__Output } from "../wire/trustkeyd/v1/BindKeyRequest.ts"
import type { Body__Output } from "../wire/trustkeyd/v1/Body.ts"
import type { CardCertificateRequest__Output } from "../wire/trustkeyd/v1/CardCertificateRequest.ts"
import type { ChallengeRequest__Output } from "../wire/trustkeyd/v1/ChallengeRequest.ts"
import type { ChangePassphraseRequest__Output } from "../wire/trustkeyd/v1/ChangePassphraseRequest.ts"
import type { ChangePinRequest__Output } from "../wire/trustkeyd/v1/ChangePinRequest.ts"
import type { CopyKeyRequest__Output } from "../wire/trustkeyd/v1/CopyKeyRequest.ts"
import type { CreateGroupRequest__Output } from "../wire/trustkeyd/v1/CreateGroupRequest.ts"
import type { CreateKeyRequest__Output } from "../wire/trustkeyd/v1/CreateKeyRequest.ts"
import type { EnrollKeyRequest__Output } from "../wire/trustkeyd/v1/EnrollKeyRequest.ts"
import type { ExportKeyRequest__Output } from "../wire/trustkeyd/v1/ExportKeyRequest.ts"
import type { ForgetSealedRequest__Output } from "../wire/trustkeyd/v1/ForgetSealedRequest.ts"
import type { ImportKeyRequest__Output } from "../wire/trustkeyd/v1/ImportKeyRequest.ts"
import type { KeepRootCertificateRequest__Output } from "../wire/trustkeyd/v1/KeepRootCertificateRequest.ts"
import type { ListAuditRequest__Output } from "../wire/trustkeyd/v1/ListAuditRequest.ts"
import type { ListKeysRequest__Output } from "../wire/trustkeyd/v1/ListKeysRequest.ts"
import type { LockRequest__Output } from "../wire/trustkeyd/v1/LockRequest.ts"
import type { LoginRequest__Output } from "../wire/trustkeyd/v1/LoginRequest.ts"
import type { MetadataFile__Output } from "../wire/trustkeyd/v1/MetadataFile.ts"
import type { ObserveRequest__Output } from "../wire/trustkeyd/v1/ObserveRequest.ts"
import type { PivOptions__Output } from "../wire/trustkeyd/v1/PivOptions.ts"
import type { PlanRootRequest__Output } from "../wire/trustkeyd/v1/PlanRootRequest.ts"
import type { PublicKey__Output } from "../wire/trustkeyd/v1/PublicKey.ts"
import type { Purpose__Output } from "../wire/trustkeyd/v1/Purpose.ts"
import type { RemoveKeyRequest__Output } from "../wire/trustkeyd/v1/RemoveKeyRequest.ts"
import type { ResetRequest__Output } from "../wire/trustkeyd/v1/ResetRequest.ts"
import type { RoleKeys__Output } from "../wire/trustkeyd/v1/RoleKeys.ts"
import type { RootCertificateRequest__Output } from "../wire/trustkeyd/v1/RootCertificateRequest.ts"
import type { SealedSecret__Output } from "../wire/trustkeyd/v1/SealedSecret.ts"
import type { ShowJournalRequest__Output } from "../wire/trustkeyd/v1/ShowJournalRequest.ts"
import type { Signature__Output } from "../wire/trustkeyd/v1/Signature.ts"
import type { SignCloseRequest__Output } from "../wire/trustkeyd/v1/SignCloseRequest.ts"
import type { SignRequest__Output } from "../wire/trustkeyd/v1/SignRequest.ts"
import type { SignSetRequest__Output } from "../wire/trustkeyd/v1/SignSetRequest.ts"
import type { UnblockPinRequest__Output } from "../wire/trustkeyd/v1/UnblockPinRequest.ts"
import type { UnlockRequest__Output } from "../wire/trustkeyd/v1/UnlockRequest.ts"
import type { VoidRequest__Output } from "../wire/trustkeyd/v1/VoidRequest.ts"

const MAX_PAGE = 1000
const MAX_BINDINGS = 256
const MAX_FILES = 4096
const MAX_BODIES = 256
const MAX_KEYS_PER_ROLE = 64
const MAX_SIGNATURES = 256
/** An RSA signature with 4096 bits has 512 bytes. */
const MAX_SIGNATURE_BYTES = 1024
/** The signatures around a `signed` value. */
const FILE_SLACK_BYTES = 64 * 1024
/** A passphrase, or a private key: PKCS#8 with RSA-4096 has 2375 bytes. With the tag. */
const MAX_SEALED_BYTES = 4096 + 16
const MAX_URI = 4096
const MAX_RECIPIENTS = 32
/** Its checksum is looked at where it is used. */
const AGE_RECIPIENT = /^age1[02-9ac-hj-np-z]{58}$/
/** A certificate with its chain, in PEM. */
const MAX_PUBLIC_KEY_BYTES = 64 * 1024

const KEY_TYPES = ["ecdsa", "rsa", "ed25519", "ecdsa-x509", "rsa-x509"] as const satisfies readonly TufKey["keytype"][]
/** A ceremony's close: three hashes, an ID and a time. */
const MAX_STATEMENT_BYTES = 4096
/** Twenty certificates of RSA 8192 fit, as many as a chain may have. */
const MAX_CHAIN = 64 * 1024

const ALGORITHMS: Readonly<Partial<Record<Algorithm__Output, Algorithm>>> = {
    ALGORITHM_P256: "p256",
    ALGORITHM_P384: "p384",
    ALGORITHM_RSA_2048: "rsa2048",
    ALGORITHM_RSA_3072: "rsa3072",
    ALGORITHM_RSA_4096: "rsa4096",
    ALGORITHM_ED25519: "ed25519",
}

const PURPOSES: Readonly<Partial<Record<Purpose__Output, KeyRecord["purpose"]>>> = {
    PURPOSE_ROOT: "root",
    PURPOSE_TARGETS: "targets",
    PURPOSE_SNAPSHOT: "snapshot",
    PURPOSE_DELEGATION: "delegation",
    PURPOSE_CEREMONY: "ceremony",
}

export function decodeSign(wire: SignRequest__Output, maxPayloadBytes: number): SignRequest {
    return {
        keyId: parseKeyId(wire.keyId),
        gun: parseGun(wire.gun),
        role: parseRoleName(wire.role),
        signed: payload("signed", wire.signed, maxPayloadBytes),
    }
}

export function decodeSignClose(wire: SignCloseRequest__Output): SignCloseRequest {
    return { keyId: parseKeyId(wire.keyId), statement: payload("statement", wire.statement, MAX_STATEMENT_BYTES) }
}

/** JavaScript's numbers are exact up to 2^53; a tag beyond would come back as another. */
export function decodeTag(wire: SignRequest__Output): number {
    return wholeNumber("tag", wire.tag)
}

export function decodeSignSet(wire: SignSetRequest__Output, maxPayloadBytes: number): SignSetRequest {
    return {
        gun: parseGun(wire.gun),
        published: files("published", wire.published, maxPayloadBytes),
        bodies: atMost("bodies", wire.bodies, MAX_BODIES).map((body) => decodeBody(body, maxPayloadBytes)),
        ...(wire.snapshot === null
            ? {}
            : {
                  snapshot: {
                      version: version(wire.snapshot.version),
                      expires: wholeSeconds(wire.snapshot.expires),
                      keyIds: keyIds(wire.snapshot.keyIds),
                  },
              }),
    }
}

function decodeBody(wire: Body__Output, maxPayloadBytes: number): SetBody {
    return {
        role: parseRoleName(wire.role),
        signed: payload("signed", wire.signed, maxPayloadBytes),
        keyIds: keyIds(wire.keyIds),
        signatures: atMost("signatures", wire.signatures, MAX_SIGNATURES).map(decodeSignature),
        ...(wire.base === "" ? {} : { base: matching("base", wire.base, /^[0-9a-f]{64}$/) }),
    }
}

function decodeSignature(wire: Signature__Output): Signature {
    return {
        keyId: parseKeyId(wire.keyid),
        method: matching("method", wire.method, /^[a-z0-9-]{1,32}$/),
        sig: payload("sig", wire.sig, MAX_SIGNATURE_BYTES),
    }
}

export function decodeCreateKey(wire: CreateKeyRequest__Output): CreateKeyRequest {
    return {
        algorithm: known("algorithm", ALGORITHMS[wire.algorithm]),
        purpose: decodePurpose(wire.purpose),
        label: label(wire.label),
        home: decodeHome(wire),
        bindings: bindings(wire.bindings),
        ...(wire.acceptPinOnce ? { acceptPinOnce: true } : {}),
    }
}

function decodeHome(wire: CreateKeyRequest__Output): CreateKeyRequest["home"] {
    switch (wire.home) {
        case "passphrase":
            return { kind: "passphrase", sealed: sealed("passphrase", wire.passphrase) }
        case "group":
            return { kind: "group", group: groupName(wire.group ?? "") }
        case "token":
            return {
                kind: "token",
                token: tokenName(wire.token ?? ""),
                ...(wire.piv === null ? {} : { card: decodeCardOptions(wire.piv) }),
            }
        default:
            throw invalid("home", "is missing: a passphrase, a group or a token")
    }
}

/** What is left out is the strictest there is. */
function decodeCardOptions(wire: PivOptions__Output): CardOptions {
    return {
        slot: oneOf("piv.slot", PIV_SLOTS, wire.slot, "9c"),
        pinPolicy: oneOf("piv.pin_policy", PIN_POLICIES, wire.pinPolicy, "always"),
        touchPolicy: oneOf("piv.touch_policy", TOUCH_POLICIES, wire.touchPolicy, "always"),
        managementKey: sealed("piv.management_key", wire.managementKey),
        ...(wire.pin === null ? {} : { pin: sealed("piv.pin", wire.pin) }),
    }
}

function oneOf<T extends string>(field: string, choices: readonly T[], text: string, otherwise: T): T {
    if (text === "") return otherwise
    return known(
        field,
        choices.find((choice) => choice === text),
    )
}

export function decodeImportKey(wire: ImportKeyRequest__Output): ImportKeyRequest {
    return {
        pkcs8: sealed("pkcs8", wire.pkcs8),
        purpose: decodePurpose(wire.purpose),
        label: label(wire.label),
        home: decodeImportHome(wire),
        bindings: bindings(wire.bindings),
        ...(wire.acceptPinOnce ? { acceptPinOnce: true } : {}),
    }
}

export function decodeCopyKey(wire: CopyKeyRequest__Output): CopyKeyRequest {
    return {
        keyId: decodeKeyReference(wire.id),
        token: tokenName(wire.token),
        serial: matching("serial", wire.serial, /^[\x21-\x7e](?:[\x20-\x7e]{0,30}[\x21-\x7e])?$/),
        from: decodeCopySource(wire),
        ...(wire.acceptPinOnce ? { acceptPinOnce: true } : {}),
    }
}

function decodeCopySource({ from, passphrase, piv }: CopyKeyRequest__Output): CopyKeyRequest["from"] {
    switch (from) {
        case "passphrase":
            return {
                kind: "sealed",
                passphrase: sealed("passphrase", passphrase),
                ...(piv === null ? {} : { card: decodeCardOptions(piv) }),
            }
        case "present":
            return { kind: "present", ...(piv === null ? {} : { slot: oneOf("piv.slot", PIV_SLOTS, piv.slot, "9c") }) }
        default:
            throw invalid("from", "is missing: a passphrase, or that the key lies there already")
    }
}

export function decodeExportKey(wire: ExportKeyRequest__Output): ExportKeyRequest {
    const { recipients } = wire
    if (recipients.length === 0 || recipients.length > MAX_RECIPIENTS) throw invalid("recipients", `has to name 1 to ${MAX_RECIPIENTS}`)
    if (new Set(recipients).size < recipients.length) throw invalid("recipients", "names one twice")
    return {
        keyId: decodeKeyReference(wire.id),
        recipients: recipients.map((recipient) => matching("recipients", recipient, AGE_RECIPIENT)),
        passphrase: sealed("passphrase", wire.passphrase),
        identity: sealed("identity", wire.identity),
    }
}

export function decodeForgetSealed(wire: ForgetSealedRequest__Output): { readonly id: string; readonly confirm: string } {
    return { id: decodeKeyReference(wire.id), confirm: wire.confirm }
}

function decodeImportHome(wire: ImportKeyRequest__Output): ImportKeyRequest["home"] {
    switch (wire.home) {
        case "passphrase":
            return { kind: "passphrase", sealed: sealed("passphrase", wire.passphrase) }
        case "group":
            return { kind: "group", group: groupName(wire.group ?? "") }
        case "token":
            if (wire.piv === null) throw invalid("piv", "is missing: a slot of a YubiKey")
            return { kind: "token", token: tokenName(wire.token ?? ""), card: decodeCardOptions(wire.piv) }
        default:
            throw invalid("home", "is missing: a passphrase, a group or a token")
    }
}

export function decodeEnrollKey(wire: EnrollKeyRequest__Output): EnrollKeyRequest {
    if (wire.uri.length > MAX_URI) throw invalid("uri", "is too long")
    return {
        token: tokenName(wire.token),
        uri: wire.uri,
        purpose: decodePurpose(wire.purpose),
        label: label(wire.label),
        bindings: bindings(wire.bindings),
        ...(wire.acceptPinOnce ? { acceptPinOnce: true } : {}),
    }
}

export function decodeListKeys(wire: ListKeysRequest__Output): ListKeysRequest {
    return {
        ...placeFilter(wire),
        includeRemoved: wire.includeRemoved,
        pageSize: pageSize(wire.pageSize),
        pageToken: wire.pageToken === "" ? "" : matching("page_token", wire.pageToken, /^[0-9a-f]{1,64}$/),
    }
}

export function decodeKeyReference(id: string): string {
    if (!/^[0-9a-f]{7,64}$/.test(id)) throw invalid("key ID", "has to be 7 to 64 lower-case hex digits")
    return id
}

export function decodeBind(wire: BindKeyRequest__Output): BindKeyRequest {
    if (wire.add.length + wire.remove.length === 0) throw invalid("add", "is empty, and so is remove")
    return { id: decodeKeyReference(wire.id), add: bindings(wire.add), remove: bindings(wire.remove) }
}

export function decodeUnlock(wire: UnlockRequest__Output): UnlockRequest {
    return {
        subject: keySubject(wire),
        ...(wire.passphrase === null ? {} : { sealed: sealed("passphrase", wire.passphrase) }),
        ttlSeconds: wire.ttlSeconds,
        uses: wire.uses,
    }
}

export function decodeLock(wire: LockRequest__Output): { readonly subject: KeySubject | "all" } {
    if (wire.subject !== "all") return { subject: keySubject(wire) }
    if (wire.all !== true) throw invalid("all", "must be true")
    return { subject: "all" }
}

export function decodeChangePassphrase(wire: ChangePassphraseRequest__Output): ChangePassphraseRequest {
    return {
        subject: keySubject(wire),
        oldSealed: sealed("old_passphrase", wire.oldPassphrase),
        newSealed: sealed("new_passphrase", wire.newPassphrase),
    }
}

export function decodeRemoveKey(wire: RemoveKeyRequest__Output): { readonly id: string; readonly confirm: string } {
    return { id: parseKeyId(wire.id), confirm: confirmation(wire.confirm) }
}

export function decodeRootCertificate(wire: RootCertificateRequest__Output): { readonly keyId: string; readonly gun: Gun } {
    return { keyId: decodeKeyReference(wire.keyId), gun: parseGun(wire.gun) }
}

export function decodeKeepRootCertificate(wire: KeepRootCertificateRequest__Output): IssuedCertificateRequest {
    if (wire.chainPem === "" || wire.chainPem.length > MAX_CHAIN) throw invalid("chain_pem", `is empty or over ${MAX_CHAIN} characters`)
    return { keyId: decodeKeyReference(wire.keyId), gun: parseGun(wire.gun), chainPem: wire.chainPem }
}

export function decodeCardCertificate(wire: CardCertificateRequest__Output): CardCertificateRequest {
    return {
        keyId: decodeKeyReference(wire.keyId),
        managementKey: sealed("management_key", wire.managementKey),
        ...(wire.replace === "" ? {} : { replace: matching("replace", wire.replace, /^[0-9a-f]{64}$/) }),
    }
}

export function decodeCreateGroup(wire: CreateGroupRequest__Output): CreateGroupRequest {
    return {
        name: groupName(wire.name),
        ...(wire.passphrase === null ? {} : { sealed: sealed("passphrase", wire.passphrase) }),
        ...(wire.credential === "" ? {} : { credential: credentialName(wire.credential) }),
    }
}

export function decodeChallenge(wire: ChallengeRequest__Output): { readonly purpose: string; readonly subject: string } {
    return {
        purpose: matching("purpose", wire.purpose, /^[a-z-]{1,32}$/),
        subject: matching("subject", wire.subject, /^[a-z0-9][a-z0-9:._-]{0,159}$/),
    }
}

export function decodeLogin(wire: LoginRequest__Output): LoginRequest {
    return {
        token: tokenName(wire.token),
        ...(wire.pin === null ? {} : { sealed: sealed("pin", wire.pin) }),
        evenFinalTry: wire.evenFinalTry,
        ttlSeconds: wire.ttlSeconds,
        uses: wire.uses,
    }
}

/** A name, or a PKCS#11 URI: as long as one may be. */
export function decodeDoctor(wire: { readonly token: string; readonly write: boolean }): ExamineTokenRequest {
    if (wire.token === "" || wire.token.length > MAX_URI) throw invalid("token", "is empty or too long")
    return { token: wire.token, write: wire.write }
}

export function decodeChangePin(wire: ChangePinRequest__Output): ChangePinRequest {
    return newPin(wire, "old_pin", wire.oldPin)
}

export function decodeUnblockPin(wire: UnblockPinRequest__Output): ChangePinRequest {
    return newPin(wire, "puk", wire.puk)
}

function newPin(
    wire: ChangePinRequest__Output | UnblockPinRequest__Output,
    name: string,
    shown: SealedSecret__Output | null,
): ChangePinRequest {
    return {
        token: tokenName(wire.token),
        shown: sealed(name, shown),
        next: sealed("new_pin", wire.newPin),
        evenFinalTry: wire.evenFinalTry,
    }
}

export function decodeToken(wire: { readonly token: string }): { readonly token: string } {
    return { token: tokenName(wire.token) }
}

export function decodeGun(wire: { readonly gun: string }): { readonly gun: Gun } {
    return { gun: parseGun(wire.gun) }
}

export function decodeObserve(
    wire: ObserveRequest__Output,
    maxPayloadBytes: number,
): { readonly gun: Gun; readonly files: readonly RawFile[] } {
    return { gun: parseGun(wire.gun), files: files("files", wire.files, maxPayloadBytes) }
}

export function decodePlanRoot(wire: PlanRootRequest__Output, maxPayloadBytes: number): PlanRootRequest {
    const rootKeys = roleKeys("root", wire.root)
    const roles = (["targets", "snapshot", "timestamp"] as const).flatMap((role) => {
        const keys = roleKeys(role, wire[role])
        return keys === undefined ? [] : [[role, keys] as const]
    })
    return {
        gun: parseGun(wire.gun),
        published: files("published", wire.published, maxPayloadBytes),
        ...(wire.expires === ""
            ? {}
            : { change: { expires: wholeSeconds(wire.expires), roles: new Map(roles), ...(rootKeys === undefined ? {} : { rootKeys }) } }),
    }
}

function roleKeys(field: string, wire: RoleKeys__Output | null): NextKeys | undefined {
    if (wire === null) return undefined
    return { keys: atMost(field, wire.keys, MAX_KEYS_PER_ROLE).map(decodePublicKey), threshold: wire.threshold }
}

function decodePublicKey(wire: PublicKey__Output): TufKey {
    const keytype = known(
        "keytype",
        KEY_TYPES.find((type) => type === wire.keytype),
    )
    return { keytype, public: payload("public", wire.public, MAX_PUBLIC_KEY_BYTES) }
}

export function decodeAdopt(
    wire: AdoptRequest__Output,
    maxPayloadBytes: number,
): { readonly gun: Gun; readonly files: readonly RawFile[]; readonly confirm: string } {
    return { gun: parseGun(wire.gun), files: files("files", wire.files, maxPayloadBytes), confirm: confirmation(wire.confirm) }
}

export function decodeReset(wire: ResetRequest__Output): { readonly gun: Gun; readonly confirm: string } {
    return { gun: parseGun(wire.gun), confirm: confirmation(wire.confirm) }
}

export function decodeShowJournal(wire: ShowJournalRequest__Output): JournalFilter {
    return { ...placeFilter(wire), after: wholeNumber("after", wire.after), limit: pageSize(wire.limit) }
}

export function decodeVoid(wire: VoidRequest__Output): {
    readonly gun: Gun
    readonly role: RoleName
    readonly version: number
    readonly confirm: string
} {
    return { gun: parseGun(wire.gun), role: parseRoleName(wire.role), version: version(wire.version), confirm: confirmation(wire.confirm) }
}

export function decodeListAudit(wire: ListAuditRequest__Output): {
    readonly after: number
    readonly limit: number
    readonly newest: boolean
} {
    return { after: wholeNumber("after", wire.after), limit: pageSize(wire.limit), newest: wire.newest }
}

function placeFilter(wire: { readonly gun: string; readonly role: string }): { readonly gun?: Gun; readonly role?: RoleName } {
    return {
        ...(wire.gun === "" ? {} : { gun: parseGun(wire.gun) }),
        ...(wire.role === "" ? {} : { role: parseRoleName(wire.role) }),
    }
}

/** 0 is "not said"; more than a page is a page. */
function pageSize(wanted: number): number {
    return wanted === 0 ? MAX_PAGE : Math.min(wanted, MAX_PAGE)
}

function keySubject(wire: { readonly subject?: string; readonly keyId?: string; readonly group?: string }): KeySubject {
    if (wire.subject === "keyId") return { keyId: decodeKeyReference(wire.keyId ?? "") }
    if (wire.subject === "group") return { group: groupName(wire.group ?? "") }
    throw invalid("subject", "is missing: a key or a group")
}

function keyIds(ids: readonly string[]): readonly string[] {
    return atMost("key_ids", ids, MAX_KEYS_PER_ROLE).map(parseKeyId)
}

function bindings(wire: readonly Binding__Output[]): readonly Binding[] {
    return atMost("bindings", wire, MAX_BINDINGS).map(({ gun, role }) => ({ gun: parseGun(gun), role: parseRoleName(role) }))
}

function files(field: string, wire: readonly MetadataFile__Output[], maxPayloadBytes: number): readonly RawFile[] {
    return atMost(field, wire, MAX_FILES).map(({ role, content }) => {
        return { role: parseRoleName(role), content: payload("content", content, maxPayloadBytes + FILE_SLACK_BYTES) }
    })
}

function sealed(field: string, wire: SealedSecret__Output | null | undefined): SealedSecret {
    if (wire === null || wire === undefined) throw invalid(field, "is missing")
    if (wire.ephemeralPublic.length !== 32) throw invalid(field, "has no X25519 key of 32 bytes")
    if (wire.nonce.length !== 16) throw invalid(field, "has no nonce of 16 bytes")
    if (wire.ciphertext.length <= 16 || wire.ciphertext.length > MAX_SEALED_BYTES) throw invalid(field, "is empty or too long")
    return { ephemeralPublic: wire.ephemeralPublic, nonce: wire.nonce, ciphertext: wire.ciphertext }
}

function decodePurpose(wire: Purpose__Output): KeyRecord["purpose"] {
    return known("purpose", PURPOSES[wire])
}

function label(text: string): string {
    return matching("label", text, /^[^\p{C}\p{Z}](?:[^\p{C}\p{Zl}\p{Zp}]{0,126}[^\p{C}\p{Z}])?$|^$/u)
}

function groupName(text: string): string {
    return matching("group", text, /^[a-z0-9][a-z0-9._-]{0,63}$/)
}

function credentialName(text: string): string {
    if (!isCredentialName(text)) throw invalid("credential", "is no credential's name")
    return text
}

function tokenName(text: string): string {
    return matching("token", text, /^[a-z0-9][a-z0-9-]{0,31}$/)
}

function confirmation(text: string): string {
    if (text.length > 512) throw invalid("confirm", "is too long")
    return text
}

function wholeSeconds(text: string): Date {
    return parseExpires(matching("expires", text, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/), "go-normal")
}

function version(value: number): number {
    if (value < 1) throw invalid("version", "must be at least 1")
    return wholeNumber("version", value)
}

function wholeNumber(field: string, value: number): number {
    if (!Number.isSafeInteger(value)) throw invalid(field, "is larger than 2^53 - 1")
    return value
}

/** `undefined`: a value that this version doesn't know, or none. */
function known<T>(field: string, value: T | undefined): T {
    if (value === undefined) throw invalid(field, "is missing or unknown")
    return value
}

function payload(field: string, bytes: Uint8Array, maxBytes: number): Uint8Array {
    if (bytes.length === 0) throw invalid(field, "is empty")
    if (bytes.length > maxBytes) throw new TrustkeyError("payload_too_large", `${field} is over ${maxBytes} bytes`)
    return bytes
}

function atMost<T>(field: string, list: readonly T[], most: number): readonly T[] {
    if (list.length > most) throw invalid(field, `has more than ${most} elements`)
    return list
}

function matching(field: string, text: string, form: RegExp): string {
    if (!form.test(text)) throw invalid(field, text === "" ? "is missing" : "is malformed")
    return text
}

function invalid(field: string, what: string): TrustkeyError {
    return new TrustkeyError("invalid_request", `${field} ${what}`)
}
