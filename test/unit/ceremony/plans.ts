import { randomBytes } from "node:crypto"
import fc from "fast-check"
import type { Person, PlanContent, PlannedKey, PlannedRepository } from "../../../src/ceremony/index.ts"
import { encodeBech32 } from "../../../src/crypto/bech32.ts"
import { isAgeRecipient } from "../../../src/crypto/index.ts"
import { canonicalKeyIdOf, type KeyId, parseGun, parseKeyId, type TufKey } from "../../../src/tuf/index.ts"
import { makeKey } from "../tuf/make.ts"

/** Keys enough for any plan below; making one takes longer than all the rest. */
const BARE: readonly TufKey[] = [
    ...Array.from({ length: 8 }, () => makeKey("p256").tuf),
    makeKey("ed25519").tuf,
    makeKey("p384").tuf,
    makeKey("rsa2048").tuf,
]

export function bareKeyAt(index: number): TufKey {
    return BARE[index % BARE.length] ?? makeKey().tuf
}

export function someKeyId(): KeyId {
    return parseKeyId(randomBytes(32).toString("hex"))
}

const at = (text: string): Date => new Date(text)

export const PEOPLE: readonly Person[] = [
    { name: "lea", part: "lead", fullName: "Lea Example" },
    { name: "dana", part: "witness" },
    { name: "alice", part: "holder" },
    { name: "bob", part: "holder" },
]

/** A plan of each kind, in which everything optional occurs somewhere. */
export function planOf(kind: PlanContent["kind"], changes: Partial<PlanContent> = {}): PlanContent {
    const existing = { "create-root": "added", "rotate-root": "kept", "replace-holder": "kept", "root-lost": "added" } as const
    const lost: readonly PlannedKey[] =
        kind === "replace-holder" || kind === "root-lost"
            ? [{ change: "lost", name: "carol-1", holder: "Carol (left in June)", id: someKeyId(), serial: "7654321" }]
            : []
    return {
        id: "2026-11-21-a",
        kind,
        reason: 'the "old" laptop \\ its key',
        created: at("2026-11-18T09:00:00Z"),
        notBefore: at("2026-11-21T08:00:00Z"),
        notAfter: at("2026-11-21T20:00:00Z"),
        expires: at("2036-11-21T00:00:00Z"),
        threshold: 2,
        people: PEOPLE,
        closing: { vault: bareKeyAt(0), witness: bareKeyAt(8) },
        keys: [
            {
                change: "new",
                name: "alice-2",
                holder: "alice",
                token: "alice",
                serial: "12345678",
                algorithm: "p256",
                make: "token",
                slot: "9c",
                pinPolicy: "always",
                touchPolicy: "cached",
                copies: [],
            },
            { change: "new", name: "lea-1", holder: "lea", token: "lea", algorithm: "p384", make: "vault", copies: ["lea-b", "lea-c"] },
            { change: existing[kind], name: "bob-1", holder: "bob", id: someKeyId(), token: "bob", serial: "87654321" },
            ...lost,
        ],
        spares: [{ token: "spare-1", serial: "99" }, { token: "spare-2" }],
        repositories: [repositoryOf(kind, "registry.example.com/team/app", 0), repositoryOf(kind, "registry.example.com/team/web", 4)],
        backupRecipients: [RECIPIENT_OF_DANA],
        ...changes,
    }
}

export function repositoryOf(kind: PlanContent["kind"], gun: string, seed: number): PlannedRepository {
    return {
        gun: parseGun(gun),
        ...(kind === "create-root" ? {} : { published: { lineage: "ab".repeat(32), version: 4, sha256: "cd".repeat(32) } }),
        ...(kind === "rotate-root" || kind === "replace-holder"
            ? {}
            : {
                  roles: new Map([
                      ["targets", bareKeyAt(1 + seed)],
                      ["snapshot", bareKeyAt(2 + seed)],
                      ["timestamp", bareKeyAt(3 + seed)],
                  ]),
              }),
    }
}

const NAME = fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,63}$/)
const TOKEN = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/)
const SERIAL = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$/)
const HASH = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString("hex"))
/** By age-keygen. */
export const RECIPIENT_OF_DANA = "age1vknkhvgfgqupma7vsdmh4zggq9lsy2khw3wtf7a9ws332fz3g9rqd63lre"

const TEXT = fc
    .string({ minLength: 1, maxLength: 200, unit: "grapheme" })
    .filter((text) => text.isWellFormed() && !/[\p{Cc}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\ufff9-\ufffb]/u.test(text))
    .filter((text) => Buffer.byteLength(text) <= 1024)

const RECIPIENT = fc
    .uint8Array({ minLength: 32, maxLength: 32 })
    .map((raw) => encodeBech32("age", raw).toString())
    .filter(isAgeRecipient)

/** Plans that are right, of all kinds. */
export const RIGHT_PLAN: fc.Arbitrary<PlanContent> = fc
    .record({
        kind: fc.constantFrom("create-root" as const, "rotate-root" as const, "replace-holder" as const, "root-lost" as const),
        id: NAME,
        reason: TEXT,
        fullName: TEXT,
        names: fc.uniqueArray(NAME, { minLength: 8, maxLength: 8 }),
        tokens: fc.uniqueArray(TOKEN, { minLength: 8, maxLength: 8 }),
        serial: SERIAL,
        hashes: fc.uniqueArray(HASH, { minLength: 6, maxLength: 6 }),
        recipients: fc.uniqueArray(RECIPIENT, { maxLength: 4 }),
        seconds: fc.integer({ min: 2, max: 1_000_000 }),
        version: fc.integer({ min: 2, max: 1000 }),
        isRehearsal: fc.boolean(),
    })
    .map(({ kind, names, tokens, hashes, ...some }) => {
        const [lead = "", witness = "", holder = "", ...keyNames] = names
        const [token = "", copy = "", other = "", spare = ""] = tokens
        const [idA = "", idB = "", lineage = "", sha256 = "", rehearsed = ""] = hashes
        const base = planOf(kind)
        return {
            ...base,
            id: some.id,
            reason: some.reason,
            threshold: 1,
            notAfter: new Date(base.notBefore.getTime() + some.seconds * 1000),
            ...(some.isRehearsal ? { rehearsalOf: rehearsed } : {}),
            people: [
                { name: lead, part: "lead", fullName: some.fullName },
                { name: witness, part: "witness" },
                { name: holder, part: "holder" },
            ],
            keys: base.keys.map((key, index): PlannedKey => {
                const name = keyNames[index] ?? ""
                const id = parseKeyId(index === 2 ? idA : idB)
                if (key.change === "new") {
                    const where = index === 0 ? { token, serial: some.serial } : { token: other, copies: [copy] }
                    return { ...key, name, holder: index === 0 ? holder : lead, ...where }
                }
                if (key.change === "lost") return { ...key, name, holder: some.fullName, id }
                return { ...key, name, holder, id, token, serial: some.serial }
            }),
            spares: [{ token: spare }],
            repositories: base.repositories.map((repository) => ({
                ...repository,
                ...(repository.published === undefined ? {} : { published: { lineage, version: some.version, sha256 } }),
            })),
            backupRecipients: some.recipients,
        }
    })

export function idOf(key: TufKey): KeyId {
    return canonicalKeyIdOf(key)
}
