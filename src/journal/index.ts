/**
 * What we have promised to sign; consulted before every signature. A promise is on disk before the key is touched, and is
 * never taken back. This room never reaches a key.
 */
export type { JournalBackup } from "./backup.ts"
export type { Intent, IntentKind } from "./intent.ts"
export type { Journal, JournalEntry, JournalFilter } from "./journal.ts"
export type { Binding, KeptAttestation, KeyHome, KeyRecord, PinPolicy, Purpose, TokenHome, TouchPolicy } from "./key-record.ts"
export { checkMark, type Mark } from "./mark.ts"
export type { PromisedRoot } from "./promised-root.ts"
export type { Published, Repository } from "./repository.ts"
export type { RestoredJournal, RestoredLineage } from "./restore.ts"
export type { RestoreChange, RestorePlan } from "./restore-change.ts"
export { openJournal } from "./stored-journal.ts"
