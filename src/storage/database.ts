import { closeSync, constants, existsSync, fsyncSync, openSync, renameSync, rmSync, statSync } from "node:fs"
import path from "node:path"
import { DatabaseSync, type StatementSync } from "node:sqlite"
import { TrustkeyError } from "../errors.ts"
import { type Step, UNCONDITIONAL, WRITES, type WriteName } from "./changes.ts"
import { type Question, READS, type ReadName } from "./queries.ts"
import { APPLICATION_ID, integerPragma, MIGRATIONS, migrate, textPragma } from "./schema.ts"
import type { Row } from "./store.ts"

/** What replaces or removes what was sealed. */
const ENVELOPES: ReadonlySet<WriteName> = new Set<WriteName>(["key.envelope", "group.envelope"])

/** One commit, or one query. */
export type Operation = readonly Step[] | Question

/** What became of it: done, the index of the change whose condition did not hold, or the rows. */
export type Outcome = null | number | readonly Row[]

const FILE = "trustkeyd.db"

// SQLite error codes, https://www.sqlite.org/rescode.html
const SQLITE_BUSY = 5
const SQLITE_CONSTRAINT_FOREIGNKEY = 787

// quick_check reads everything: 0.1 s per 100 MB from the page cache, much more from a slow disk. A larger
// database is checked page by page as it is read.
const MAX_CHECKED_BYTES = 64 * 1024 * 1024

const MAX_LEFT_WAL_BYTES = 64 * 1024 * 1024

/** SQLite, synchronously: for the worker thread only. Whatever it throws leaves it in a state nobody knows. */
export class Database {
    readonly #database: DatabaseSync
    readonly #writes = new Map<WriteName, StatementSync>()
    readonly #reads = new Map<ReadName, StatementSync>()
    readonly #begin: StatementSync
    readonly #commit: StatementSync
    readonly #save: StatementSync
    readonly #release: StatementSync
    readonly #undo: StatementSync
    /** The log may hold envelopes that were replaced or removed. */
    #staleLog: boolean

    private constructor(database: DatabaseSync, hasLog: boolean) {
        this.#database = database
        this.#staleLog = hasLog
        this.#begin = database.prepare("BEGIN IMMEDIATE")
        this.#commit = database.prepare("COMMIT")
        this.#save = database.prepare("SAVEPOINT one_commit")
        this.#release = database.prepare("RELEASE one_commit")
        this.#undo = database.prepare("ROLLBACK TO one_commit")
    }

    /**
     * Open the database in `directory`, made on first use, and bring it to the newest version.
     *
     * @throws state_newer, state_in_use, storage_failed
     */
    static open(directory: string, migrations: readonly string[] = MIGRATIONS): Database {
        const file = path.join(directory, FILE)
        if (!existsSync(file)) create(directory, file, migrations)
        // SQLite takes an empty file for a new database and throws its log away. Ours is never empty.
        const size = statSync(file).size
        const hasLog = existsSync(`${file}-wal`)
        if (size === 0) throw new TrustkeyError("storage_failed", "the database file is empty")
        const database = new DatabaseSync(file, { defensive: true, allowExtension: false })
        try {
            configure(database)
            checkSettings(database)
            if (size <= MAX_CHECKED_BYTES) checkPages(database)
            migrate(database, migrations)
            return new Database(database, hasLog)
        } catch (error) {
            database.close()
            if (codeOf(error) === SQLITE_BUSY) {
                throw new TrustkeyError("state_in_use", "another program has the database open", { cause: error })
            }
            throw error
        }
    }

    /**
     * All operations in order; when this returns, what they wrote is on stable storage: one fsync for all of them. A commit
     * whose condition does not hold is undone alone.
     */
    run(operations: readonly Operation[]): Outcome[] {
        if (!operations.some(isCommit)) return operations.map((operation) => this.#one(operation))
        this.#begin.run()
        const outcomes = operations.map((operation) => this.#one(operation))
        this.#commit.run()
        if (operations.some(replacesEnvelope)) this.#staleLog = true
        if (this.#staleLog) this.#emptyLog()
        return outcomes
    }

    close(): void {
        this.#database.close()
    }

    /** Done is what was committed, whether or not this succeeds; if not, it is tried again after the next commit. */
    #emptyLog(): void {
        try {
            this.#staleLog = this.#database.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get()?.["busy"] !== 0
        } catch {
            this.#staleLog = true
        }
    }

    #one(operation: Operation): Outcome {
        if (!isCommit(operation)) return this.#reader(operation.read).all(...operation.parameters)
        const [only, ...more] = operation
        // A single statement whose condition does not hold has written nothing.
        if (only !== undefined && more.length === 0 && !UNCONDITIONAL.has(only[0])) return this.#write(only) ? null : 0
        this.#save.run()
        const failed = operation.findIndex((step) => !this.#write(step))
        if (failed >= 0) this.#undo.run()
        this.#release.run()
        return failed >= 0 ? failed : null
    }

    #write([name, parameters]: Step): boolean {
        try {
            const { changes } = this.#writer(name).run(...parameters)
            return changes === 1 || UNCONDITIONAL.has(name)
        } catch (error) {
            // "The lineage is there" is a condition too.
            if (codeOf(error) === SQLITE_CONSTRAINT_FOREIGNKEY) return false
            throw error
        }
    }

    #writer(name: WriteName): StatementSync {
        const known = this.#writes.get(name)
        if (known !== undefined) return known
        const statement = this.#database.prepare(WRITES[name])
        this.#writes.set(name, statement)
        return statement
    }

    #reader(name: ReadName): StatementSync {
        const known = this.#reads.get(name)
        if (known !== undefined) return known
        const statement = this.#database.prepare(READS[name])
        this.#reads.set(name, statement)
        return statement
    }
}

function replacesEnvelope(operation: Operation): boolean {
    return isCommit(operation) && operation.some(([name]) => ENVELOPES.has(name))
}

function isCommit(operation: Operation): operation is readonly Step[] {
    return Array.isArray(operation)
}

/** Under another name until it is whole, so that the file under its own name was complete once, and an empty one means damage. */
function create(directory: string, file: string, migrations: readonly string[]): void {
    if (existsSync(`${file}-wal`)) throw new TrustkeyError("storage_failed", "the database file is missing, but its log is there")
    const unfinished = `${file}.new`
    for (const leftover of [unfinished, `${unfinished}-journal`]) rmSync(leftover, { force: true })
    // SQLite would make it readable for others; its log gets the mode of the database.
    closeSync(openSync(unfinished, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600))
    const database = new DatabaseSync(unfinished, { defensive: true })
    database.exec(`PRAGMA synchronous = FULL; PRAGMA application_id = ${APPLICATION_ID}`)
    migrate(database, migrations)
    database.close()
    renameSync(unfinished, file)
    const handle = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY)
    fsyncSync(handle)
    closeSync(handle)
}

function configure(database: DatabaseSync): void {
    // Exclusive before the first access: then the index of the log is in our memory, and no file is shared with anybody.
    database.exec("PRAGMA locking_mode = EXCLUSIVE")
    database.exec("PRAGMA journal_mode = WAL")
    // By hand: some builds make NORMAL the default for WAL, and that loses commits with the power (limits of NORMAL:
    // https://www.sqlite.org/pragma.html#pragma_synchronous).
    database.exec("PRAGMA synchronous = FULL")
    database.exec("PRAGMA foreign_keys = ON")
    // A damaged or planted file must not run functions from its schema, nor be trusted in the sizes it gives.
    database.exec("PRAGMA trusted_schema = OFF")
    database.exec("PRAGMA cell_size_check = ON")
    // Mapped pages turn an I/O error into SIGBUS.
    database.exec("PRAGMA mmap_size = 0")
    // Removed and replaced envelopes are overwritten; of the log, see emptyLog.
    database.exec("PRAGMA secure_delete = ON")
    database.exec("PRAGMA temp_store = MEMORY")
    database.exec(`PRAGMA journal_size_limit = ${MAX_LEFT_WAL_BYTES}`)
}

/** TK-JRN-3 rests on these: a PRAGMA that SQLite did not take says nothing. */
function checkSettings(database: DatabaseSync): void {
    const taken =
        textPragma(database, "locking_mode") === "exclusive" &&
        textPragma(database, "journal_mode") === "wal" &&
        integerPragma(database, "synchronous") === 2 &&
        integerPragma(database, "foreign_keys") === 1
    if (!taken) throw new TrustkeyError("storage_failed", "the database does not take the settings that make commits durable")
}

function checkPages(database: DatabaseSync): void {
    const verdict = textPragma(database, "quick_check(1)")
    if (verdict !== "ok") throw new TrustkeyError("storage_failed", "the database is damaged", { cause: new Error(verdict) })
}

function codeOf(error: unknown): number | undefined {
    return error instanceof Error && "errcode" in error && typeof error.errcode === "number" ? error.errcode : undefined
}
