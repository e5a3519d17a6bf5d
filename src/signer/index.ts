// The child programs that hold private keys or talk to a token, and the frames they are spoken to in (docs/formats/signer-frames.md).
// They open no socket, write no file, and answer to the process that started them and nobody else (TK-KEY-1).
// The programs are loaded only when run: their parent passes through this door too, and must never load a PKCS#11 module.

import type { Exit } from "./child.ts"

export { checkCredential, isCredentialName } from "./credential.ts"
export { Fields, toBase64 } from "./fields.ts"
export {
    encodeFrame,
    encodeJsonFrame,
    encodeSignFrame,
    FRAME_KINDS,
    type Frame,
    FrameError,
    type FrameKind,
    FrameReader,
    HEADER_LENGTH,
    MAX_FRAME,
    SIGN_HEADER_LENGTH,
} from "./frames.ts"
export {
    ABSENT_TOKEN,
    backupSubject,
    copySubject,
    encodePublicKey,
    encodeSealed,
    exportFileSubject,
    exportSubject,
    filePassphraseSubject,
    keyFileSubject,
    type PinTries,
    PROTOCOL_VERSION,
    parsePublicKey,
    parseSealed,
    parseTokenKey,
    parseTokenSnapshot,
    samePublicKey,
    schemeByte,
    sealedGroupFacts,
    sealedKeyFacts,
    type TokenKeyFacts,
    type TokenSnapshot,
    toOfRecipients,
} from "./messages.ts"
export { closeOnExec, forbidDumps, openBootClock } from "./native.ts"
export {
    type KnownPolicies,
    MANAGEMENT_ALGORITHMS,
    type ManagementAlgorithm,
    objectIdOfSlot,
    PIN_POLICIES,
    PIV_SLOTS,
    type PinPolicy,
    type PivDescription,
    type PivSlot,
    type PivSlotFacts,
    parsePivDescription,
    slotOfObjectId,
    TOUCH_POLICIES,
    type TouchPolicy,
} from "./piv/description.ts"
export {
    formatPkcs11Uri,
    matchesObject,
    matchesToken,
    namesOneKey,
    type ObjectFacts,
    type ObjectType,
    type Pkcs11Uri,
    parsePkcs11Uri,
    stripPadding,
    type TokenFacts,
} from "./pkcs11-uri.ts"

export { type Ability, type Profile, type ProfiledKey, parseProfile } from "./profile.ts"
export {
    encodeQuirksFile,
    parseQuirksFile,
    type Quirks,
    type QuirksFile,
    type WrapProbe,
    type WrapVerdict,
    type WrapWay,
} from "./quirks.ts"

/** Run as dist/signer-file.cjs: opens sealed keys and signs with them. */
export async function runFileSigner(exit: Exit): Promise<void> {
    const { runFileSigner } = await import("./file/run.ts")
    runFileSigner(exit)
}

/** Run as dist/signer-pkcs11.cjs: owns one PKCS#11 module and one token. */
export async function runPkcs11Signer(exit: Exit): Promise<void> {
    const { runPkcs11Signer } = await import("./pkcs11/run.ts")
    runPkcs11Signer(exit)
}

/** What tokens a module has, as JSON: run by itself, by whoever looks for tokens to configure. @throws module_invalid, what the module says */
export async function listTokens(module: string): Promise<string> {
    const { listTokensOf } = await import("./pkcs11/list-slots.ts")
    return JSON.stringify(listTokensOf(module))
}
