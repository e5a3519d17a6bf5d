// What survives a restart: the database and durable files. The only room with SQL, and the only one that writes. It knows the
// conditions under which a row may change, and nothing of what the rows mean; it never sees a secret that is not sealed,
// except to read a credential file into a Buffer for its caller.

export { bytesOf, integerOf, optionalBytesOf, textOf } from "./columns.ts"
export { readStart } from "./file-start.ts"
export {
    createFileDurable,
    type FileFacts,
    fileMode,
    isInMemory,
    listDirectory,
    makeDirectory,
    makeTemporaryDirectory,
    ownFileMode,
    type ReadOptions,
    readBytes,
    readOwnText,
    readPieces,
    readSecretFile,
    readTextFile,
    removeFile,
    replaceFile,
    type TemporaryDirectory,
    writeFileDurable,
} from "./files.ts"
export { GrowingFile, isUnfinished } from "./growing-file.ts"
export { explainIssue, mistakeLines } from "./mistakes.ts"
export { type NameLookup, parseNameDatabase, readNameDatabase } from "./names.ts"
export { openSqliteStore, type SqliteStoreOptions } from "./sqlite-store.ts"
export { lockDirectory, lockStateDirectory, type StateLock } from "./state-lock.ts"
export {
    type AuditRow,
    type Change,
    Conflict,
    type MarkRow,
    type PromiseRow,
    type Query,
    type Row,
    type SqlValue,
    type Store,
} from "./store.ts"
export { parseToml } from "./toml.ts"
