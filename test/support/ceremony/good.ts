import type { Scenario } from "./scenario.ts"

const OTHER_GUN = "registry.example.com/team/other"

/** Ceremonies of every kind, as they should be. */
export const GOOD: Readonly<Record<string, Scenario>> = {
    "a first root, one of one": {
        kind: "create-root",
        thresholds: { new: 1 },
        keys: [{ name: "alice-1", holder: "lena", change: "new", attested: true }],
    },
    "a first root for two repositories, two of three, with a key by an authority beside P-384 and RSA": {
        kind: "create-root",
        thresholds: { new: 2 },
        keys: [
            { name: "alice-1", holder: "alice", change: "new", algorithm: "p384" },
            { name: "bob-1", holder: "bob", change: "new", algorithm: "rsa2048", attested: true },
            { name: "carol-1", holder: "carol", change: "added" },
        ],
        guns: ["registry.example.com/team/app", OTHER_GUN],
    },
    "a first root with a certificate by an authority": {
        kind: "create-root",
        thresholds: { new: 1 },
        keys: [{ name: "alice-1", holder: "alice", change: "new", byAuthority: true }],
        published: true,
    },
    "a key made by the vault, copied and exported": {
        kind: "create-root",
        thresholds: { new: 1 },
        keys: [{ name: "alice-1", holder: "alice", change: "new", make: "vault", copies: ["second", "third"] }],
        guns: ["registry.example.com/team/app", OTHER_GUN],
        backup: true,
    },
    "a rotation from one of one to two of three": {
        kind: "rotate-root",
        thresholds: { old: 1, new: 2 },
        keys: [
            { name: "old-1", holder: "lena", change: "retired", algorithm: "rsa3072" },
            { name: "alice-1", holder: "alice", change: "new", attested: true },
            { name: "bob-1", holder: "bob", change: "new", algorithm: "p384", attested: true },
            { name: "carol-1", holder: "carol", change: "new" },
        ],
        versions: 4,
        published: true,
    },
    "a rotation whose root was voided when a token broke": {
        kind: "rotate-root",
        thresholds: { old: 2, new: 2 },
        keys: [
            { name: "alice-1", holder: "alice", change: "kept" },
            { name: "bob-1", holder: "bob", change: "retired" },
            { name: "carol-1", holder: "carol", change: "new", attested: true },
        ],
        guns: ["registry.example.com/team/app", OTHER_GUN],
        spoilt: "after-signing",
    },
    "a lost holder replaced, after a token broke": {
        kind: "replace-holder",
        thresholds: { old: 2, new: 2 },
        keys: [
            { name: "alice-1", holder: "alice", change: "kept" },
            { name: "bob-1", holder: "bob", change: "kept", algorithm: "rsa2048" },
            { name: "carol-1", holder: "carol who left", change: "lost" },
            { name: "dave-1", holder: "dave", change: "new", attested: true },
        ],
        spoilt: "before-build",
    },
    "a root lost below its threshold": {
        kind: "root-lost",
        thresholds: { old: 2, new: 1 },
        keys: [
            { name: "alice-1", holder: "alice", change: "retired" },
            { name: "bob-1", holder: "bob", change: "lost" },
            { name: "carol-1", holder: "carol", change: "lost" },
            { name: "dave-1", holder: "dave", change: "new" },
        ],
        versions: 3,
    },
    "a ceremony that was abandoned": {
        kind: "create-root",
        thresholds: { new: 1 },
        keys: [{ name: "alice-1", holder: "alice", change: "new" }],
        outcome: "abandoned",
    },
}
