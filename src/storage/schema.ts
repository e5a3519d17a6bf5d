import type { DatabaseSync } from "node:sqlite"
import { TrustkeyError } from "../errors.ts"

/** "tkey", in the header of every database of ours: file(1) and we can tell it from another program's. */
export const APPLICATION_ID = 0x746b6579

/**
 * Step n brings a database from version n to n + 1. Forward only; a released step never changes. Described in
 * docs/formats/database.md.
 */
export const MIGRATIONS: readonly string[] = [
    `
    CREATE TABLE keys (
        id TEXT PRIMARY KEY,
        facts TEXT NOT NULL,
        envelope BLOB
    ) STRICT;

    CREATE TABLE key_groups (
        name TEXT PRIMARY KEY,
        facts TEXT NOT NULL,
        envelope BLOB NOT NULL
    ) STRICT;

    CREATE TABLE lineages (
        gun TEXT NOT NULL,
        lineage TEXT NOT NULL,
        origin TEXT NOT NULL,
        at TEXT NOT NULL,
        retired_at TEXT,
        PRIMARY KEY (gun, lineage)
    ) STRICT;
    CREATE UNIQUE INDEX one_active_lineage ON lineages (gun) WHERE retired_at IS NULL;

    CREATE TABLE roots (
        gun TEXT NOT NULL,
        lineage TEXT NOT NULL,
        version INTEGER NOT NULL,
        content BLOB NOT NULL,
        PRIMARY KEY (gun, lineage, version),
        FOREIGN KEY (gun, lineage) REFERENCES lineages (gun, lineage)
    ) STRICT;

    CREATE TABLE documents (
        gun TEXT NOT NULL,
        lineage TEXT NOT NULL,
        role TEXT NOT NULL,
        version INTEGER NOT NULL,
        sha256 TEXT NOT NULL,
        content BLOB NOT NULL,
        PRIMARY KEY (gun, lineage, role),
        FOREIGN KEY (gun, lineage) REFERENCES lineages (gun, lineage)
    ) STRICT;

    CREATE TABLE marks (
        gun TEXT NOT NULL,
        lineage TEXT NOT NULL,
        role TEXT NOT NULL,
        version INTEGER NOT NULL,
        sha256 TEXT NOT NULL,
        expires TEXT NOT NULL,
        PRIMARY KEY (gun, lineage, role),
        FOREIGN KEY (gun, lineage) REFERENCES lineages (gun, lineage)
    ) STRICT;

    -- What was last seen on the server. A mark may be ahead of it, by what we promised and nobody has published yet.
    CREATE TABLE published (
        gun TEXT NOT NULL,
        lineage TEXT NOT NULL,
        role TEXT NOT NULL,
        version INTEGER NOT NULL,
        sha256 TEXT NOT NULL,
        PRIMARY KEY (gun, lineage, role),
        FOREIGN KEY (gun, lineage) REFERENCES lineages (gun, lineage)
    ) STRICT;

    -- The bytes come last: reading the other columns then leaves their overflow pages alone.
    CREATE TABLE intents (
        sequence INTEGER PRIMARY KEY,
        kind TEXT NOT NULL,
        gun TEXT NOT NULL,
        lineage TEXT NOT NULL,
        role TEXT NOT NULL,
        version INTEGER NOT NULL,
        sha256 TEXT NOT NULL,
        key_id TEXT NOT NULL,
        scheme TEXT NOT NULL,
        at TEXT NOT NULL,
        signature BLOB,
        voided_at TEXT,
        voided_by TEXT,
        bytes BLOB NOT NULL
    ) STRICT;
    CREATE INDEX intents_by_place ON intents (gun, lineage, role, version, key_id);
    CREATE UNIQUE INDEX one_promise ON intents (gun, lineage, role, version, key_id)
        WHERE kind = 'notary-metadata' AND voided_at IS NULL;
    CREATE INDEX unsigned_intents ON intents (sequence) WHERE signature IS NULL AND voided_at IS NULL;

    CREATE TABLE certificates (
        key_id TEXT NOT NULL,
        gun TEXT NOT NULL,
        pem TEXT NOT NULL,
        PRIMARY KEY (key_id, gun)
    ) STRICT;

    CREATE TABLE outbox (
        number INTEGER PRIMARY KEY,
        gun TEXT NOT NULL,
        lineage TEXT NOT NULL,
        role TEXT NOT NULL,
        version INTEGER NOT NULL,
        sha256 TEXT NOT NULL,
        content BLOB NOT NULL,
        at TEXT NOT NULL,
        UNIQUE (gun, lineage, role, version),
        FOREIGN KEY (gun, lineage) REFERENCES lineages (gun, lineage)
    ) STRICT;

    CREATE TABLE pin_tries (
        token TEXT PRIMARY KEY,
        fingerprint BLOB NOT NULL,
        salt BLOB NOT NULL,
        at TEXT NOT NULL
    ) STRICT;

    CREATE TABLE audit (
        sequence INTEGER PRIMARY KEY,
        at TEXT NOT NULL,
        who TEXT NOT NULL,
        action TEXT NOT NULL,
        outcome TEXT NOT NULL,
        gun TEXT NOT NULL,
        role TEXT NOT NULL,
        key_id TEXT NOT NULL,
        detail TEXT NOT NULL,
        previous TEXT NOT NULL,
        hash TEXT NOT NULL
    ) STRICT;

    CREATE TABLE settings (
        name TEXT PRIMARY KEY,
        value TEXT NOT NULL
    ) STRICT;
    `,
    `
    -- The last number is the newest.
    CREATE TABLE backups (
        number INTEGER PRIMARY KEY,
        fingerprint TEXT NOT NULL UNIQUE,
        facts TEXT NOT NULL
    ) STRICT;

    CREATE TABLE drills (
        number INTEGER PRIMARY KEY,
        receipt TEXT NOT NULL UNIQUE,
        facts TEXT NOT NULL
    ) STRICT;
    `,
]

/**
 * Bring a database to the newest version, each step in a transaction of its own: a crash between two leaves the older version,
 * and the next start goes on.
 *
 * @throws state_newer: a newer trustkeyd wrote it; nothing was changed.
 * @throws storage_failed: it is not ours.
 */
export function migrate(database: DatabaseSync, migrations: readonly string[] = MIGRATIONS): void {
    const application = integerPragma(database, "application_id")
    if (application !== APPLICATION_ID) throw new TrustkeyError("storage_failed", "the database was not made by trustkeyd")
    const version = integerPragma(database, "user_version")
    if (version > migrations.length) {
        const message = `the state was written by a newer trustkeyd (its version is ${version}, this one knows ${migrations.length}): install that version or a newer one`
        throw new TrustkeyError("state_newer", message)
    }
    // A new database gets its first tables here. What says 0 and has tables is damaged.
    if (version < 0) throw new TrustkeyError("storage_failed", `the database claims version ${version}`)
    migrations.forEach((step, index) => {
        if (index < version) return
        database.exec("BEGIN IMMEDIATE")
        database.exec(step)
        database.exec(`PRAGMA user_version = ${index + 1}`)
        database.exec("COMMIT")
    })
}

export function integerPragma(database: DatabaseSync, name: string): number {
    const value = Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0]
    if (typeof value !== "number") throw new TrustkeyError("storage_failed", `the database does not say its ${name}`)
    return value
}

export function textPragma(database: DatabaseSync, name: string): string {
    const value = Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0]
    if (typeof value !== "string") throw new TrustkeyError("storage_failed", `the database does not say its ${name}`)
    return value
}
