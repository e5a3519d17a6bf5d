import type { Change, PromiseRow, SqlValue } from "./store.ts"

/**
 * Each statement carries its condition and touches exactly one row when it holds; see the comments of `Change`. What must not
 * matter when it isn't there is in UNCONDITIONAL.
 */
export const WRITES = {
    "key.insert": "INSERT INTO keys (id, facts, envelope) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
    "key.facts": "UPDATE keys SET facts = ? WHERE id = ? AND facts = ?",
    "key.envelope": "UPDATE keys SET envelope = ? WHERE id = ? AND envelope = ?",
    "group.insert": "INSERT INTO key_groups (name, facts, envelope) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
    "group.envelope": "UPDATE key_groups SET envelope = ? WHERE name = ? AND envelope = ?",
    "lineage.insert": `
        INSERT INTO lineages (gun, lineage, origin, at)
        SELECT ?1, ?2, ?3, ?4 WHERE NOT EXISTS (SELECT 1 FROM lineages WHERE gun = ?1 AND retired_at IS NULL)
        ON CONFLICT (gun, lineage) DO UPDATE SET origin = excluded.origin, at = excluded.at, retired_at = NULL`,
    "lineage.restore": "INSERT INTO lineages (gun, lineage, origin, at, retired_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
    "lineage.retire": "UPDATE lineages SET retired_at = ? WHERE gun = ? AND lineage = ? AND retired_at IS NULL",
    "root.insert": `
        INSERT INTO roots (gun, lineage, version, content) VALUES (?, ?, ?, ?)
        ON CONFLICT (gun, lineage, version) DO UPDATE SET content = content WHERE content = excluded.content`,
    "document.put": `
        INSERT INTO documents (gun, lineage, role, version, sha256, content) VALUES (?, ?, ?, ?, ?, ?)
        ON CONFLICT (gun, lineage, role) DO UPDATE
        SET version = excluded.version, sha256 = excluded.sha256, content = excluded.content`,
    // TK-JRN-1, TK-JRN-2: the journal checks before; this holds even if it forgot.
    "mark.raise": `
        INSERT INTO marks (gun, lineage, role, version, sha256, expires) VALUES (?, ?, ?, ?, ?, ?)
        ON CONFLICT (gun, lineage, role) DO UPDATE
        SET version = excluded.version, sha256 = excluded.sha256, expires = excluded.expires
        WHERE excluded.version > version OR (excluded.version = version AND excluded.sha256 = sha256)`,
    "mark.lower": `
        UPDATE marks SET version = ?1, sha256 = ?2, expires = ?3
        WHERE gun = ?4 AND lineage = ?5 AND role = ?6 AND version = ?7 AND sha256 = ?8 AND ?1 < version`,
    "mark.remove": "DELETE FROM marks WHERE gun = ? AND lineage = ? AND role = ? AND version = ? AND sha256 = ?",
    "published.raise": `
        INSERT INTO published (gun, lineage, role, version, sha256) VALUES (?, ?, ?, ?, ?)
        ON CONFLICT (gun, lineage, role) DO UPDATE SET version = excluded.version, sha256 = excluded.sha256
        WHERE excluded.version > version OR (excluded.version = version AND excluded.sha256 = sha256)`,
    "intent.insert": `
        INSERT INTO intents (sequence, kind, gun, lineage, role, version, sha256, key_id, scheme, at, bytes)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    "intent.restore": `
        INSERT INTO intents (sequence, kind, gun, lineage, role, version, sha256, key_id, scheme, at, bytes, signature, voided_at, voided_by)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    "intent.signed": `
        UPDATE intents SET signature = ?1 WHERE sequence = ?2 AND voided_at IS NULL AND (signature IS NULL OR signature = ?1)`,
    "intent.void": "UPDATE intents SET voided_at = ?, voided_by = ? WHERE sequence = ? AND voided_at IS NULL",
    "certificate.put": `
        INSERT INTO certificates (key_id, gun, pem) VALUES (?, ?, ?)
        ON CONFLICT (key_id, gun) DO UPDATE SET pem = pem WHERE pem = excluded.pem`,
    "certificate.replace": "UPDATE certificates SET pem = ?1 WHERE key_id = ?2 AND gun = ?3 AND pem = ?4",
    "outbox.put": `
        INSERT INTO outbox (gun, lineage, role, version, sha256, content, at) VALUES (?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (gun, lineage, role, version) DO UPDATE
        SET sha256 = excluded.sha256, content = excluded.content, at = excluded.at`,
    "outbox.remove": "DELETE FROM outbox WHERE gun = ? AND lineage = ? AND role = ? AND version = ?",
    "pin-try.put": `
        INSERT INTO pin_tries (token, fingerprint, salt, at) VALUES (?, ?, ?, ?)
        ON CONFLICT (token) DO UPDATE SET fingerprint = excluded.fingerprint, salt = excluded.salt, at = excluded.at`,
    "pin-try.remove": "DELETE FROM pin_tries WHERE token = ?",
    "audit.append": `
        INSERT INTO audit (sequence, at, who, action, outcome, gun, role, key_id, detail, previous, hash)
        SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11
        WHERE ?1 = coalesce((SELECT max(sequence) FROM audit), 0) + 1
        AND ?10 = coalesce((SELECT hash FROM audit ORDER BY sequence DESC LIMIT 1), printf('%064d', 0))
        ON CONFLICT DO NOTHING`,
    "backup.insert": "INSERT INTO backups (fingerprint, facts) VALUES (?, ?) ON CONFLICT DO NOTHING",
    "drill.insert": "INSERT INTO drills (receipt, facts) VALUES (?, ?) ON CONFLICT DO NOTHING",
    "setting.put": "INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
} as const

export type WriteName = keyof typeof WRITES

export const UNCONDITIONAL: ReadonlySet<WriteName> = new Set<WriteName>(["outbox.remove", "pin-try.remove"])

/** A change as it goes to the worker: the name of its statement and the values to bind. */
export type Step = readonly [statement: WriteName, parameters: SqlValue[]]

export function encodeChange(change: Change): Step {
    switch (change.kind) {
        case "key.insert":
            return [change.kind, [change.id, change.facts, packed(change.envelope)]]
        case "key.facts":
            return [change.kind, [change.facts, change.id, change.previous]]
        case "key.envelope":
            return [change.kind, [packed(change.envelope), change.id, packed(change.previous)]]
        case "group.insert":
            return [change.kind, [change.name, change.facts, packed(change.envelope)]]
        case "group.envelope":
            return [change.kind, [packed(change.envelope), change.name, packed(change.previous)]]
        case "lineage.insert":
            return [change.kind, [change.gun, change.lineage, change.origin, change.at]]
        case "lineage.restore":
            return [change.kind, [change.gun, change.lineage, change.origin, change.at, change.retiredAt]]
        case "lineage.retire":
            return [change.kind, [change.at, change.gun, change.lineage]]
        case "root.insert":
            return [change.kind, [change.gun, change.lineage, change.version, packed(change.content)]]
        case "document.put":
            return [change.kind, [change.gun, change.lineage, change.role, change.version, change.sha256, packed(change.content)]]
        case "mark.raise":
            return [change.kind, [change.gun, change.lineage, change.role, change.version, change.sha256, change.expires]]
        case "mark.lower-void": {
            const mark = [change.gun, change.lineage, change.role, change.version, change.sha256]
            if (change.to === null) return ["mark.remove", mark]
            return ["mark.lower", [change.to.version, change.to.sha256, change.to.expires, ...mark]]
        }
        case "published.raise":
            return [change.kind, [change.gun, change.lineage, change.role, change.version, change.sha256]]
        case "intent.insert":
            return [change.kind, promiseValues(change)]
        case "intent.restore": {
            const { signature, voided } = change
            return [change.kind, [...promiseValues(change), packed(signature), voided?.at ?? null, voided?.by ?? null]]
        }
        case "intent.signed":
            return [change.kind, [packed(change.signature), change.sequence]]
        case "intent.void":
            return [change.kind, [change.at, change.who, change.sequence]]
        case "certificate.put":
            return [change.kind, [change.keyId, change.gun, change.pem]]
        case "certificate.replace":
            return [change.kind, [change.pem, change.keyId, change.gun, change.previous]]
        case "outbox.put": {
            const { gun, lineage, role, version, sha256, content, at } = change
            return [change.kind, [gun, lineage, role, version, sha256, packed(content), at]]
        }
        case "outbox.remove":
            return [change.kind, [change.gun, change.lineage, change.role, change.version]]
        case "pin-try.put":
            return [change.kind, [change.token, packed(change.fingerprint), packed(change.salt), change.at]]
        case "pin-try.remove":
            return [change.kind, [change.token]]
        case "audit.append": {
            const { sequence, at, who, action, outcome, gun, role, keyId, detail, previous, hash } = change
            return [change.kind, [sequence, at, who, action, outcome, gun, role, keyId, detail, previous, hash]]
        }
        case "backup.insert":
            return [change.kind, [change.fingerprint, change.facts]]
        case "drill.insert":
            return [change.kind, [change.receipt, change.facts]]
        case "setting.put":
            return [change.kind, [change.name, change.value]]
    }
}

function promiseValues({ sequence, promise }: { readonly sequence: number; readonly promise: PromiseRow }): SqlValue[] {
    const { kind, gun, lineage, role, version, sha256, keyId, scheme, at, bytes } = promise
    return [sequence, kind, gun, lineage, role, version, sha256, keyId, scheme, at, packed(bytes)]
}

/**
 * A message to a thread copies the whole memory behind a view: for a Buffer out of Node's pool 8 KiB of other people's bytes,
 * for a slice of a request all of it.
 */
function packed<T extends Uint8Array | null>(bytes: T): Uint8Array | null {
    return bytes === null || bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes)
}
