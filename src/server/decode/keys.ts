import { type Algorithm, type KeyFileFormat, PIN_POLICIES, TOUCH_POLICIES } from "../../crypto/index.ts"
import type {
    BindKeyRequest,
    CardCertificateRequest,
    ChangePassphraseRequest,
    CopyKeyRequest,
    CreateGroupRequest,
    CreateKeyRequest,
    EnrollKeyRequest,
    ExportKeyFileRequest,
    ExportKeyRequest,
    ImportKeyRequest,
    IssuedCertificateRequest,
    KeySubject,
    ListKeysRequest,
    UnlockRequest,
} from "../../custody/index.ts"
import type { KeyRecord } from "../../journal/index.ts"
import type { CardOptions } from "../../keys/index.ts"
import { PIV_SLOTS } from "../../signer/index.ts"
import { type Gun, parseGun, parseKeyId } from "../../tuf/index.ts"
import type { Algorithm__Output } from "../../wire/trustkeyd/v1/Algorithm.ts"
import type { BindKeyRequest__Output } from "../../wire/trustkeyd/v1/BindKeyRequest.ts"
import type { CardCertificateRequest__Output } from "../../wire/trustkeyd/v1/CardCertificateRequest.ts"
import type { ChangePassphraseRequest__Output } from "../../wire/trustkeyd/v1/ChangePassphraseRequest.ts"
import type { CopyKeyRequest__Output } from "../../wire/trustkeyd/v1/CopyKeyRequest.ts"
import type { CreateGroupRequest__Output } from "../../wire/trustkeyd/v1/CreateGroupRequest.ts"
import type { CreateKeyRequest__Output } from "../../wire/trustkeyd/v1/CreateKeyRequest.ts"
import type { EnrollKeyRequest__Output } from "../../wire/trustkeyd/v1/EnrollKeyRequest.ts"
import type { ExportKeyFileRequest__Output } from "../../wire/trustkeyd/v1/ExportKeyFileRequest.ts"
import type { ExportKeyRequest__Output } from "../../wire/trustkeyd/v1/ExportKeyRequest.ts"
import type { ForgetSealedRequest__Output } from "../../wire/trustkeyd/v1/ForgetSealedRequest.ts"
import type { ImportKeyRequest__Output } from "../../wire/trustkeyd/v1/ImportKeyRequest.ts"
import type { KeepRootCertificateRequest__Output } from "../../wire/trustkeyd/v1/KeepRootCertificateRequest.ts"
import type { KeyFileFormat__Output } from "../../wire/trustkeyd/v1/KeyFileFormat.ts"
import type { ListKeysRequest__Output } from "../../wire/trustkeyd/v1/ListKeysRequest.ts"
import type { LockRequest__Output } from "../../wire/trustkeyd/v1/LockRequest.ts"
import type { PivOptions__Output } from "../../wire/trustkeyd/v1/PivOptions.ts"
import type { Purpose__Output } from "../../wire/trustkeyd/v1/Purpose.ts"
import type { RemoveKeyRequest__Output } from "../../wire/trustkeyd/v1/RemoveKeyRequest.ts"
import type { RootCertificateRequest__Output } from "../../wire/trustkeyd/v1/RootCertificateRequest.ts"
import type { UnlockRequest__Output } from "../../wire/trustkeyd/v1/UnlockRequest.ts"
import {
    bindings,
    confirmation,
    credentialName,
    decodeKeyReference,
    groupName,
    invalid,
    keySubject,
    known,
    MAX_URI,
    matching,
    pageSize,
    placeFilter,
    sealed,
    tokenName,
} from "./fields.ts"

const MAX_RECIPIENTS = 32

/** Its checksum is looked at where it is used. */
const AGE_RECIPIENT = /^age1[02-9ac-hj-np-z]{58}$/

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

const FILE_FORMATS: Readonly<Partial<Record<KeyFileFormat__Output, KeyFileFormat>>> = {
    KEY_FILE_FORMAT_NOTARY: "notary",
    KEY_FILE_FORMAT_PKCS8: "pkcs8",
}

const PURPOSES: Readonly<Partial<Record<Purpose__Output, KeyRecord["purpose"]>>> = {
    PURPOSE_ROOT: "root",
    PURPOSE_TARGETS: "targets",
    PURPOSE_SNAPSHOT: "snapshot",
    PURPOSE_DELEGATION: "delegation",
    PURPOSE_CEREMONY: "ceremony",
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
        serial: tokenSerial(wire.serial),
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

export function decodeExportKeyFile(wire: ExportKeyFileRequest__Output): ExportKeyFileRequest {
    return {
        keyId: decodeKeyReference(wire.id),
        confirm: confirmation(wire.confirm),
        format: known("format", FILE_FORMATS[wire.format]),
        ...(wire.gun === "" ? {} : { gun: parseGun(wire.gun) }),
        filePassphrase: sealed("file_passphrase", wire.filePassphrase),
        passphrase: sealed("passphrase", wire.passphrase),
    }
}

function tokenSerial(text: string): string {
    return matching("serial", text, /^[\x21-\x7e](?:[\x20-\x7e]{0,30}[\x21-\x7e])?$/)
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
            if (wire.piv === null && wire.serial === "")
                throw invalid("serial", "is missing: by which you know the token, unless it is a YubiKey")
            return {
                kind: "token",
                token: tokenName(wire.token ?? ""),
                ...(wire.piv === null ? {} : { card: decodeCardOptions(wire.piv) }),
                ...(wire.serial === "" ? {} : { serial: tokenSerial(wire.serial) }),
            }
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

function decodePurpose(wire: Purpose__Output): KeyRecord["purpose"] {
    return known("purpose", PURPOSES[wire])
}

function label(text: string): string {
    return matching("label", text, /^[^\p{C}\p{Z}](?:[^\p{C}\p{Zl}\p{Zp}]{0,126}[^\p{C}\p{Z}])?$|^$/u)
}
