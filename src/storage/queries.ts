import type { Query, SqlValue } from "./store.ts"

const INTENT = `sequence, kind, gun, lineage, role, version, sha256, key_id AS keyId, scheme, at, signature,
    voided_at AS voidedAt, voided_by AS voidedBy`
const AUDIT = "sequence, at, who, action, outcome, gun, role, key_id AS keyId, detail, previous, hash"

/** The columns are listed with each `Query`. `?1 IS NULL` stands for "no such filter". */
export const READS = {
    keys: "SELECT id, facts, envelope FROM keys ORDER BY id",
    groups: "SELECT name, facts, envelope FROM key_groups ORDER BY name",
    lineages: "SELECT gun, lineage, origin, at, retired_at AS retiredAt FROM lineages ORDER BY gun, rowid",
    lineage: "SELECT gun, lineage, origin, at, retired_at AS retiredAt FROM lineages WHERE gun = ? AND lineage = ?",
    roots: "SELECT version, content FROM roots WHERE gun = ? AND lineage = ? ORDER BY version",
    documents: "SELECT role, version, sha256, content FROM documents WHERE gun = ? AND lineage = ? ORDER BY role",
    marks: "SELECT gun, lineage, role, version, sha256, expires FROM marks ORDER BY gun, lineage, role",
    "marks-of": "SELECT role, version, sha256, expires FROM marks WHERE gun = ? AND lineage = ? ORDER BY role",
    published: "SELECT gun, lineage, role, version, sha256 FROM published ORDER BY gun, lineage, role",
    "published-of": "SELECT role, version, sha256 FROM published WHERE gun = ? AND lineage = ? ORDER BY role",
    intent: `SELECT ${INTENT}, bytes FROM intents
        WHERE gun = ? AND lineage = ? AND role = ? AND version = ? AND key_id = ? ORDER BY sequence`,
    promises: `SELECT ${INTENT}, bytes FROM intents
        WHERE gun = ? AND lineage = ? AND role = ? AND version = ? AND voided_at IS NULL ORDER BY sequence`,
    "void-promises": `SELECT ${INTENT}, bytes FROM intents
        WHERE gun = ? AND lineage = ? AND role = ? AND voided_at IS NOT NULL ORDER BY sequence`,
    closes: `SELECT ${INTENT}, bytes FROM intents
        WHERE gun = '' AND kind = 'ceremony-close' AND voided_at IS NULL ORDER BY lineage, key_id, sequence`,
    intents: `SELECT ${INTENT} FROM intents
        WHERE (?1 IS NULL OR gun = ?1) AND (?2 IS NULL OR role = ?2) AND sequence > ?3 ORDER BY sequence LIMIT ?4`,
    "promised-versions": `SELECT gun, lineage, role, max(version) AS version FROM intents
        WHERE kind = 'notary-metadata' AND voided_at IS NULL GROUP BY gun, lineage, role`,
    "unsigned-intents": `SELECT ${INTENT} FROM intents WHERE signature IS NULL AND voided_at IS NULL ORDER BY sequence`,
    certificate: "SELECT key_id AS keyId, gun, pem FROM certificates WHERE key_id = ? AND gun = ?",
    certificates: "SELECT key_id AS keyId, gun, pem FROM certificates ORDER BY key_id, gun",
    outbox: "SELECT role, version, sha256, content, at FROM outbox WHERE gun = ? AND lineage = ? ORDER BY number",
    "pin-tries": "SELECT token, fingerprint, salt, at FROM pin_tries ORDER BY token",
    audit: `SELECT ${AUDIT} FROM audit WHERE sequence > ? ORDER BY sequence LIMIT ?`,
    "audit-tail": `SELECT * FROM (SELECT ${AUDIT} FROM audit ORDER BY sequence DESC LIMIT ?) ORDER BY sequence`,
    "audit-head": "SELECT sequence, hash FROM audit ORDER BY sequence DESC LIMIT 1",
    "next-sequence": "SELECT coalesce(max(sequence), 0) + 1 AS sequence FROM intents",
    backup: "SELECT fingerprint, facts FROM backups WHERE fingerprint = ?",
    "last-backup": "SELECT fingerprint, facts FROM backups ORDER BY number DESC LIMIT 1",
    "last-drill": "SELECT receipt, facts FROM drills ORDER BY number DESC LIMIT 1",
    setting: "SELECT value FROM settings WHERE name = ?",
} as const satisfies Record<Query["kind"], string>

export type ReadName = keyof typeof READS

/** A query as it goes to the worker. */
export type Question = { readonly read: ReadName; readonly parameters: SqlValue[] }

export function encodeQuery(query: Query): Question {
    return { read: query.kind, parameters: parametersOf(query) }
}

function parametersOf(query: Query): SqlValue[] {
    switch (query.kind) {
        case "lineage":
        case "roots":
        case "documents":
        case "marks-of":
        case "published-of":
        case "outbox":
            return [query.gun, query.lineage]
        case "intent":
            return [query.gun, query.lineage, query.role, query.version, query.keyId]
        case "void-promises":
            return [query.gun, query.lineage, query.role]
        case "backup":
            return [query.fingerprint]
        case "promises":
            return [query.gun, query.lineage, query.role, query.version]
        case "intents":
            return [query.gun ?? null, query.role ?? null, query.after, limit(query.limit)]
        case "certificate":
            return [query.keyId, query.gun]
        case "audit":
            return [query.after, limit(query.limit)]
        case "audit-tail":
            return [limit(query.limit)]
        case "setting":
            return [query.name]
        default:
            return []
    }
}

/** To SQLite a negative limit means none. */
function limit(rows: number): number {
    return Math.max(0, rows)
}
