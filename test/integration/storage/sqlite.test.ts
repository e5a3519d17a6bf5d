import assert from "node:assert/strict"
import { existsSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs"
import path from "node:path"
import { DatabaseSync } from "node:sqlite"
import { describe, test } from "node:test"
import { Database } from "../../../src/storage/database.ts"
import { openSqliteStore } from "../../../src/storage/index.ts"
import { READS } from "../../../src/storage/queries.ts"
import { MIGRATIONS } from "../../../src/storage/schema.ts"
import { mustRun } from "../../support/process.ts"
import { makeWorkingDirectory } from "../../support/temp.ts"
import { bytes, openStore, refused, setting, sqlitePlace } from "./fixtures.ts"
import { storeContract } from "./store-contract.ts"

storeContract("SQLite", sqlitePlace)

const databaseFile = (directory: string): string => path.join(directory, "trustkeyd.db")

/** Change a closed database behind the store's back. */
function tamper(directory: string, sql: string): void {
    const database = new DatabaseSync(databaseFile(directory))
    database.exec(sql)
    database.close()
}

function schemaOf(directory: string): unknown[] {
    const database = new DatabaseSync(databaseFile(directory))
    const schema = database.prepare("SELECT type, name, sql FROM sqlite_schema ORDER BY name").all()
    database.close()
    return schema
}

describe("the SQLite database", () => {
    test("finds what belongs to one repository without going through all of them", () => {
        using database = new DatabaseSync(":memory:")
        for (const migration of MIGRATIONS) database.exec(migration)
        const ofOne = Object.entries(READS).filter(([, sql]) => sql.includes("gun = ? AND lineage = ?"))
        assert.ok(ofOne.length >= 9)
        for (const [name, sql] of ofOne) {
            const steps = database
                .prepare(`EXPLAIN QUERY PLAN ${sql}`)
                .all(...Array.from(sql.matchAll(/\?/g), () => ""))
                .map(({ detail }) => String(detail))
            assert.deepEqual(
                steps.filter((step) => step.startsWith("SCAN")),
                [],
                name,
            )
        }
    })

    test("is readable for its owner alone, its log too", async () => {
        await using place = await sqlitePlace()
        const store = await place.open()
        await store.commit([setting("a", "1")])
        assert.deepEqual(readdirSync(place.directory).sort(), ["trustkeyd.db", "trustkeyd.db-wal"])
        for (const file of readdirSync(place.directory)) {
            assert.equal(statSync(path.join(place.directory, file)).mode & 0o777, 0o600)
        }
    })

    test("cannot be opened by two at a time", async () => {
        await using place = await sqlitePlace()
        const store = await place.open()
        await assert.rejects(openStore(place.directory), refused("state_in_use"))
        await store.commit([setting("a", "1")])
    })

    test("overwrites what is removed and what is replaced", async () => {
        await using place = await sqlitePlace()
        // Small ones share a page with others, large ones have pages of their own.
        const envelope = (id: number) => Buffer.from(`sealed under the old passphrase ${id};`.repeat(id % 2 === 0 ? 2 : 500))
        const ids = Array.from({ length: 40 }, (_, id) => id)
        const before = await place.open()
        await before.commit(ids.map((id) => ({ kind: "key.insert", id: `k${id}`, facts: "{}", envelope: envelope(id) })))
        await before.close()
        assert.ok(readFileSync(databaseFile(place.directory)).includes("old passphrase"))
        const store = await place.open()
        for (const id of ids) {
            await store.commit([{ kind: "key.envelope", id: `k${id}`, envelope: id % 3 === 0 ? null : bytes(id), previous: envelope(id) }])
        }
        await store.close()
        assert.equal(readFileSync(databaseFile(place.directory)).includes("old passphrase"), false)
    })

    test("a worker that cannot run is a storage failure, not a crash", async () => {
        await using directory = await makeWorkingDirectory("worker")
        for (const workerFile of [path.join(directory.path, "absent.ts"), path.join(import.meta.dirname, "commit-once.ts")]) {
            await assert.rejects(
                openSqliteStore({ directory: path.join(directory.path, "nowhere"), workerFile }),
                refused("storage_failed"),
            )
        }
        await assert.rejects(openStore(path.join(directory.path, "nowhere")), refused("storage_failed"))
    })

    test("a commit that cannot be written poisons the store, and what was confirmed before survives", async () => {
        await using directory = await makeWorkingDirectory("full")
        await mustRun("mount", ["-t", "tmpfs", "-o", "size=2m", "tmpfs", directory.path])
        try {
            const store = await openStore(directory.path)
            let confirmed = 0
            const failure = await (async () => {
                for (;;) {
                    await store.commit([{ kind: "key.insert", id: `k${confirmed}`, facts: "{}", envelope: new Uint8Array(100_000) }])
                    confirmed += 1
                }
            })().catch((error: unknown) => error)
            assert.equal(failure instanceof Error && "code" in failure && failure.code, "storage_failed")
            assert.ok(confirmed > 0)
            await assert.rejects(store.commit([setting("small", "enough")]), refused("storage_failed"))
            await assert.rejects(store.read({ kind: "keys" }), refused("storage_failed"))
            await store.close()
            await mustRun("mount", ["-o", "remount,size=8m", directory.path])
            const again = await openStore(directory.path)
            const keys = await again.read({ kind: "keys" })
            assert.ok(keys.length === confirmed || keys.length === confirmed + 1)
            await again.close()
        } finally {
            await mustRun("umount", [directory.path])
        }
    })

    test("a failure takes every commit in flight with it, not only its own", async () => {
        await using place = await sqlitePlace()
        const store = await place.open()
        // The tables are STRICT: this one is no integer.
        const bad = store.commit([
            { kind: "intent.void", sequence: 1, at: "x", who: "x" },
            { kind: "root.insert", gun: "", lineage: "", version: 0.5, content: bytes() },
        ])
        const badAlone = store.commit([
            { kind: "lineage.insert", gun: "g", lineage: "l", origin: "born", at: "x" },
            { kind: "root.insert", gun: "g", lineage: "l", version: 0.5, content: bytes() },
        ])
        const companion = store.commit([setting("a", "1")])
        for (const commit of [bad, badAlone, companion]) await assert.rejects(commit, refused("storage_failed"))
        await store.close()
        const again = await place.open()
        assert.deepEqual(await again.read({ kind: "setting", name: "a" }), [])
    })

    test("an empty file, a missing file beside its log, and another program's database are refused", async () => {
        const cases: [string, (directory: string) => void][] = [
            ["empty", (directory) => truncateSync(databaseFile(directory), 0)],
            [
                "missing",
                (directory) => {
                    rmSync(databaseFile(directory))
                    writeFileSync(`${databaseFile(directory)}-wal`, "")
                },
            ],
            ["another's", (directory) => tamper(directory, "PRAGMA application_id = 1")],
            ["text", (directory) => writeFileSync(databaseFile(directory), "not a database at all\n".repeat(100))],
        ]
        for (const [, damage] of cases) {
            await using place = await sqlitePlace()
            await (await place.open()).close()
            damage(place.directory)
            await assert.rejects(openStore(place.directory), refused("storage_failed"))
        }
    })

    test("a creation that was interrupted is begun again", async () => {
        await using place = await sqlitePlace()
        writeFileSync(`${databaseFile(place.directory)}.new`, "half a database")
        await (await place.open()).commit([setting("a", "1")])
        assert.equal(existsSync(`${databaseFile(place.directory)}.new`), false)
    })
})

describe("schema migrations", () => {
    const synthetic = [...MIGRATIONS, "ALTER TABLE settings ADD COLUMN note TEXT", "CREATE TABLE added (a INTEGER PRIMARY KEY) STRICT"]

    test("every earlier version becomes the newest, with the same schema as a new database", async () => {
        await using fresh = await makeWorkingDirectory("schema")
        Database.open(fresh.path, synthetic).close()
        for (let version = 0; version < synthetic.length; version += 1) {
            await using old = await makeWorkingDirectory("schema")
            Database.open(old.path, synthetic.slice(0, version)).close()
            if (version > 0) tamper(old.path, "INSERT INTO settings (name, value) VALUES ('kept', 'yes')")
            Database.open(old.path, synthetic).close()
            assert.deepEqual(schemaOf(old.path), schemaOf(fresh.path))
            const database = Database.open(old.path, synthetic)
            const [rows] = database.run([{ read: "setting", parameters: ["kept"] }])
            assert.equal(Array.isArray(rows) && rows.length, version > 0 ? 1 : 0)
            database.close()
        }
    })

    test("a step that fails leaves the version before it", async () => {
        await using directory = await makeWorkingDirectory("schema")
        Database.open(directory.path).close()
        const before = schemaOf(directory.path)
        assert.throws(() => Database.open(directory.path, [...MIGRATIONS, "CREATE TABLE half (a INTEGER) STRICT; not SQL"]))
        assert.deepEqual(schemaOf(directory.path), before)
        Database.open(directory.path).close()
    })

    test("a newer database is refused and stays as it is", async () => {
        await using directory = await makeWorkingDirectory("schema")
        Database.open(directory.path, synthetic).close()
        const before = readFileSync(databaseFile(directory.path))
        await assert.rejects(openStore(directory.path), refused("state_newer"))
        assert.deepEqual(readFileSync(databaseFile(directory.path)), before)
    })
})
