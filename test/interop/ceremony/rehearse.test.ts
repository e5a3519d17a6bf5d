import assert from "node:assert/strict"
import { createHash } from "node:crypto"
import { existsSync } from "node:fs"
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import path from "node:path"
import { describe, test } from "node:test"
import { fileURLToPath } from "node:url"
import { type CeremonyKind, encodePlan, type PlanContent, type PlannedKey, parsePlan } from "../../../src/ceremony/index.ts"
import { generatePrivateKey } from "../../../src/crypto/index.ts"
import { canonicalKeyIdOf, parseGun, type TufKey, tufKey } from "../../../src/tuf/index.ts"
import { RECIPIENTS } from "../../support/ceremony/plan-text.ts"
import { runCommand } from "../../support/process.ts"

const TRUSTKEY = fileURLToPath(new URL("../../../dist/trustkey.cjs", import.meta.url))
const DAY = 86_400_000

const bareKey = (): TufKey => tufKey(generatePrivateKey("p256").publicKey)
const idOf = () => canonicalKeyIdOf(bareKey())

function contentOf(kind: CeremonyKind, keys: readonly PlannedKey[], threshold: number): PlanContent {
    // A month from now: a rehearsal is not held to the day of the ceremony.
    const day = Math.floor(Date.now() / 1000) * 1000 + 30 * DAY
    const root = createHash("sha256").update("a root").digest("hex")
    const roles = new Map([
        ["targets", bareKey()],
        ["snapshot", bareKey()],
        ["timestamp", bareKey()],
    ] as const)
    const begins = kind === "create-root" || kind === "root-lost"
    return {
        id: `a-${kind}`,
        kind,
        reason: "a test",
        created: new Date(day - 20 * DAY),
        notBefore: new Date(day),
        notAfter: new Date(day + DAY / 2),
        expires: new Date(day + 3000 * DAY),
        threshold,
        people: [
            { name: "lea", part: "lead" },
            { name: "dana", part: "witness" },
            ...[...new Set(keys.filter(({ change }) => change !== "lost").map(({ holder }) => holder))].map((name) => ({
                name,
                part: "holder" as const,
            })),
        ],
        closing: { vault: bareKey(), witness: bareKey() },
        keys,
        spares: [{ token: "spare", serial: "12345678" }],
        repositories: [
            {
                gun: parseGun("registry.example.com/team/app"),
                ...(kind === "create-root"
                    ? {}
                    : { published: { lineage: root, version: 7, sha256: createHash("sha256").update("7").digest("hex") } }),
                ...(begins ? { roles } : {}),
            },
        ],
        backupRecipients: [],
    }
}

const fresh = (holder: string, algorithm: "p256" | "p384" | "rsa2048" = "p256"): PlannedKey => ({
    change: "new",
    name: `${holder}-2`,
    holder,
    token: `token-${holder}`,
    serial: "0a0b0c",
    algorithm,
    make: "token",
    copies: [],
})
const vaultMade = (holder: string): PlannedKey => ({
    change: "new",
    name: `${holder}-2`,
    holder,
    token: `token-${holder}`,
    algorithm: "p256",
    make: "vault",
    copies: [`safe-${holder}`],
})
const known = (holder: string, change: "kept" | "retired", token?: string): PlannedKey => ({
    change,
    name: `${holder}-1`,
    holder,
    id: idOf(),
    ...(token === undefined ? {} : { token }),
})
const lost = (holder: string): PlannedKey => ({ change: "lost", name: `${holder}-1`, holder, id: idOf() })

const PLANS: readonly (readonly [what: string, content: PlanContent, spoil?: string])[] = [
    [
        "makes a root with a key of the vault on two tokens, exported for two recipients",
        { ...contentOf("create-root", [fresh("alice"), vaultMade("bob")], 2), backupRecipients: RECIPIENTS },
    ],
    ["makes a root with a key of the vault on two tokens", contentOf("create-root", [fresh("alice"), vaultMade("bob")], 2)],
    ["makes a root", contentOf("create-root", [fresh("alice"), fresh("bob", "p384"), fresh("carol")], 2), "bob-2"],
    [
        "rotates a root to another kind of key",
        contentOf("rotate-root", [known("alice", "retired", "old-token"), fresh("alice", "rsa2048")], 1),
    ],
    [
        "replaces a holder",
        contentOf("replace-holder", [known("alice", "kept"), known("bob", "kept", "token-b"), lost("carol"), fresh("erin")], 2),
    ],
    ["begins anew after a root was lost", contentOf("root-lost", [lost("alice"), known("bob", "retired"), fresh("bob"), fresh("erin")], 1)],
]

describe("ceremony rehearse", () => {
    for (const [what, content, spoil] of PLANS) {
        test(`${what}, with this program and stand-ins, and leaves a good bundle that can't be published`, async () => {
            const directory = await mkdtemp(path.join(tmpdir(), "rehearse-"))
            try {
                const run = (args: readonly string[]) =>
                    runCommand(process.execPath, [TRUSTKEY, "ceremony", ...args], {
                        env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", HOME: directory },
                        timeoutMs: 100_000,
                    })
                const [plan, bundle] = [path.join(directory, "plan.toml"), path.join(directory, "bundle")]
                await writeFile(plan, encodePlan(content))
                const spoilt = spoil === undefined ? [] : ["--spoil", spoil]
                const { status, stdout, stderr } = await run(["rehearse", plan, "--to", bundle, ...spoilt])
                assert.equal(status, 0, `${stdout}${stderr}`)
                assert.match(stdout, new RegExp(`^Rehearsed ceremony a-${content.kind}: every step of it works here$`, "m"))
                // As it is typed on the day.
                assert.match(stderr, /^\$ trustkey ceremony step build \S+ --as [a-z]+$/m)
                const kept = parsePlan(await readFile(path.join(bundle, "plan.toml")))
                assert.equal(kept.rehearsalOf, parsePlan(await readFile(plan)).sha256)
                assert.deepEqual(
                    kept.keys.map(({ name }) => name),
                    content.keys.map(({ name }) => name),
                )
                const steps = (await readFile(path.join(bundle, "transcript.jsonl"), "utf8")).split("\n").slice(0, -1)
                assert.equal(steps.filter((line) => line.includes('"step":"void-key"')).length, spoil === undefined ? 0 : 1)
                // A stand-in for one recipient, which opens it; the others as on the day.
                assert.deepEqual(kept.backupRecipients.slice(1), content.backupRecipients.slice(1))
                assert.equal(steps.filter((line) => line.includes('"how":"export"')).length, kept.backupRecipients.length > 0 ? 1 : 0)
                assert.equal((await run(["verify", bundle])).status, 0)
                const published = await run(["publish", bundle, "--as", "lea"])
                assert.equal(published.status, 4)
                assert.match(published.stderr, /this is the bundle of a rehearsal/)
                const scratch = /tokens? in (\/tmp\/\S+)\.$/m.exec(stderr)?.[1] ?? ""
                assert.notEqual(scratch, "")
                assert.equal(existsSync(scratch), false, "the scratch directory is still there")
            } finally {
                await rm(directory, { recursive: true, force: true })
            }
        })
    }
})
