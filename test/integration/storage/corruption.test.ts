import assert from "node:assert/strict"
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import path from "node:path"
import { describe, test } from "node:test"
import { TrustkeyError } from "../../../src/errors.ts"
import { Database } from "../../../src/storage/database.ts"
import type { Query, Store } from "../../../src/storage/index.ts"
import { encodeQuery } from "../../../src/storage/queries.ts"
import { makeWorkingDirectory } from "../../support/temp.ts"
import { AT, audit, bytes, digest, GUN, intent, LINEAGE, lineage, mark, openStore, setting, ZEROS } from "./fixtures.ts"

const QUERIES: readonly Query[] = [
    { kind: "keys" },
    { kind: "groups" },
    { kind: "lineages" },
    { kind: "roots", gun: GUN, lineage: LINEAGE },
    { kind: "documents", gun: GUN, lineage: LINEAGE },
    { kind: "marks" },
    { kind: "intent", gun: GUN, lineage: LINEAGE, role: "targets", version: 1, keyId: digest(7) },
    { kind: "promises", gun: GUN, lineage: LINEAGE, role: "targets", version: 1 },
    { kind: "intents", after: 0, limit: 100 },
    { kind: "unsigned-intents" },
    { kind: "certificates" },
    { kind: "outbox", gun: GUN, lineage: LINEAGE },
    { kind: "pin-tries" },
    { kind: "audit", after: 0, limit: 100 },
    { kind: "audit-head" },
    { kind: "next-sequence" },
    { kind: "setting", name: "a" },
]

/** Something in every table; `big` needs overflow pages. */
async function fill(store: Store): Promise<void> {
    const big = new Uint8Array(20_000).fill(7)
    const document = { gun: GUN, lineage: LINEAGE, role: "targets", version: 1, sha256: digest(1), content: big }
    await store.commit([
        { kind: "key.insert", id: "k", facts: "{}", envelope: bytes(1, 2, 3) },
        { kind: "group.insert", name: "ci", facts: "{}", envelope: bytes(1) },
        lineage(),
        { kind: "root.insert", gun: GUN, lineage: LINEAGE, version: 1, content: bytes(1) },
        { kind: "document.put", ...document },
        { kind: "outbox.put", ...document, at: AT },
        mark(1, digest(1)),
        intent(1),
        { kind: "certificate.put", keyId: "k", gun: GUN, pem: "PEM" },
        { kind: "pin-try.put", token: "t", fingerprint: bytes(1), salt: bytes(2), at: AT },
        audit(1, ZEROS, digest(1)),
        setting("a", "1"),
    ])
}

/** Repeatable, so that a failure can be looked at again. */
function* pseudorandom(seed: number): Generator<number> {
    for (let state = seed; ; ) {
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
        yield state / 2 ** 32
    }
}

function flipped(content: Buffer, bit: number): Buffer {
    const damaged = Buffer.from(content)
    damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    return damaged
}

/** Bits of the file header and, from all over the file, `count` more. */
function* bitsOf(content: Buffer, header: number, count: number): Generator<number> {
    for (let bit = 0; bit < header * 8; bit += 1) yield bit
    const random = pseudorandom(header)
    for (let n = 0; n < count; n += 1) yield Math.floor((random.next().value ?? 0) * content.length * 8)
}

/** Open, read everything, write something. Any outcome will do that is an answer. */
function useDatabase(directory: string): "fine" | "refused" {
    let database: Database | undefined
    try {
        database = Database.open(directory)
        database.run(QUERIES.map(encodeQuery))
        database.run([[["setting.put", ["b", "2"]]], [["document.put", [GUN, LINEAGE, "snapshot", 1, digest(1), new Uint8Array(9000)]]]])
        return "fine"
    } catch (error) {
        assert.ok(error instanceof Error)
        return "refused"
    } finally {
        closeQuietly(database)
    }
}

function closeQuietly(database: Database | undefined): void {
    try {
        database?.close()
    } catch (error) {
        assert.ok(error instanceof Error)
    }
}

async function useStore(directory: string): Promise<"fine" | "refused"> {
    let store: Store | undefined
    try {
        store = await openStore(directory)
        for (const query of QUERIES) await store.read(query)
        await store.commit([setting("b", "2")])
        return "fine"
    } catch (error) {
        assert.ok(error instanceof TrustkeyError, String(error))
        assert.ok(["storage_failed", "state_newer"].includes(error.code), error.code)
        return "refused"
    } finally {
        await store?.close()
    }
}

/** A directory whose files are put back before each damage. */
async function samples(): Promise<{ closed: Map<string, Buffer>; open: Map<string, Buffer> }> {
    await using directory = await makeWorkingDirectory("corruption")
    const store = await openStore(directory.path)
    await fill(store)
    const open = contents(directory.path)
    await store.close()
    return { closed: contents(directory.path), open }
}

function contents(directory: string): Map<string, Buffer> {
    return new Map(readdirSync(directory).map((name) => [name, readFileSync(path.join(directory, name))]))
}

function putBack(directory: string, files: ReadonlyMap<string, Buffer>): void {
    for (const name of readdirSync(directory)) rmSync(path.join(directory, name))
    for (const [name, content] of files) writeFileSync(path.join(directory, name), content)
}

describe("a damaged database", () => {
    test("with any bit flipped is read or refused, and never ends the process", async () => {
        const { closed } = await samples()
        await using directory = await makeWorkingDirectory("corruption")
        const whole = closed.get("trustkeyd.db") ?? Buffer.alloc(0)
        const seen = { fine: 0, refused: 0 }
        for (const bit of bitsOf(whole, 100, 2000)) {
            putBack(directory.path, new Map([["trustkeyd.db", flipped(whole, bit)]]))
            seen[useDatabase(directory.path)] += 1
        }
        assert.ok(seen.fine > 0 && seen.refused > 0, JSON.stringify(seen))
    })

    test("with any bit of its log flipped is read or refused", async () => {
        const { open } = await samples()
        await using directory = await makeWorkingDirectory("corruption")
        const log = open.get("trustkeyd.db-wal") ?? Buffer.alloc(0)
        assert.ok(log.length > 0)
        for (const bit of bitsOf(log, 56, 300)) {
            putBack(directory.path, new Map([...open, ["trustkeyd.db-wal", flipped(log, bit)]]))
            useDatabase(directory.path)
        }
    })

    test("cut anywhere is read or refused", async () => {
        const { closed } = await samples()
        await using directory = await makeWorkingDirectory("corruption")
        const whole = closed.get("trustkeyd.db") ?? Buffer.alloc(0)
        for (let length = 0; length < whole.length; length += 1777) {
            putBack(directory.path, new Map([["trustkeyd.db", whole.subarray(0, length)]]))
            assert.equal(useDatabase(directory.path), "refused")
        }
    })

    test("is a TrustkeyError to the store's caller, whatever is damaged", async () => {
        const { closed } = await samples()
        await using directory = await makeWorkingDirectory("corruption")
        const whole = closed.get("trustkeyd.db") ?? Buffer.alloc(0)
        const random = pseudorandom(1)
        let refused = 0
        for (let n = 0; n < 60; n += 1) {
            const within = n < 30 ? 100 : whole.length
            const bit = Math.floor((random.next().value ?? 0) * within * 8)
            putBack(directory.path, new Map([["trustkeyd.db", flipped(whole, bit)]]))
            if ((await useStore(directory.path)) === "refused") refused += 1
        }
        assert.ok(refused > 0)
    })
})
