// Where private keys are reached: public facts of every key, the state of each, and the signer processes that hold or reach the
// private halves. This room never sees a private key, a PIN or a passphrase in clear (TK-KEY-1, TK-SEC-2), loads no PKCS#11
// module, and signs nothing but an Intent of the journal.

export { copySubject, exportFileSubject, exportSubject, filePassphraseSubject } from "../signer/index.ts"
export type { BackupSession, BackupSpec, BackupTo, GroupSnapshot, KeySnapshot } from "./backup-session.ts"
export { type CardOptions, slotOfHome } from "./card-keys.ts"
export { encodeKeyFacts } from "./key-facts.ts"
export type {
    CopyKeySpec,
    CreateKeySpec,
    EnrollKeySpec,
    ExportKeyFileSpec,
    ExportKeySpec,
    GroupState,
    ImportKeySpec,
    KeyState,
    KeyStore,
    KeyStoreOptions,
    KeySubject,
    NewKeyHome,
    TokenObject,
} from "./key-store.ts"
export { openKeyStore } from "./process-key-store.ts"
export type { SignerProcessState } from "./signer-process.ts"
export type { TokenConfig } from "./token-config.ts"
export type { TokenExamination } from "./token-examination.ts"
export type { LoginLimits, PinChange } from "./token-logins.ts"
export type { TokenState } from "./token-state.ts"
export { type Occasion, type TouchEvent, type TouchListener, touchText } from "./touch.ts"
export { Turns } from "./turns.ts"
