import { algorithmOf, type PublicKeyBytes } from "../../../src/crypto/index.ts"
import type { Signer } from "./draft.ts"
import type { CeremonyKey } from "./people.ts"
import type { Scenario } from "./scenario.ts"

type PlanFacts = {
    readonly scenario: Scenario
    readonly guns: readonly string[]
    readonly keys: readonly CeremonyKey[]
    readonly closing: { readonly vault: Signer; readonly witness: Signer }
    readonly roles: readonly Readonly<Record<string, Signer>>[]
    /** SHA-256 of each published root, version 1 first. */
    readonly published: readonly (readonly string[])[]
}

/** plan.toml, by docs/formats/ceremony-plan.md. */
export function writePlan({ scenario, guns, keys, closing, roles, published }: PlanFacts): string {
    const { kind, thresholds } = scenario
    const lines = [
        "# Reviewed by lena and wim.",
        'format = "trustkey-ceremony-plan/1"',
        'id = "2026-11-21-a"',
        `kind = "${kind}"`,
        'reason = "the yearly \\"change\\" of keys"',
        'created = "2026-11-18T09:00:00Z"',
        'not_before = "2026-11-21T08:00:00Z"',
        'not_after = "2026-11-21T23:00:00Z"',
        'expires = "2036-11-21T00:00:00Z"',
        `threshold = ${thresholds.new}`,
        "",
        ...person("lena", "lead"),
        ...person("wim", "witness"),
    ]
    const holders = keys.filter(({ spec }) => spec.change !== "lost" && spec.holder !== "lena").map(({ spec }) => spec.holder)
    for (const name of new Set(holders)) lines.push(...person(name, "holder"))
    lines.push(
        "[closing.vault]",
        ...publicKey(closing.vault.publicKey),
        "",
        "[closing.witness]",
        ...publicKey(closing.witness.publicKey),
        "",
    )
    for (const key of keys) lines.push("[[key]]", ...keyLines(key), "")
    if (scenario.spoilt !== undefined) lines.push("[[spare]]", 'token = "spare"', "")
    guns.forEach((gun, i) => {
        const [first, last] = [published[i]?.[0], published[i]?.at(-1)]
        lines.push("[[repository]]", `gun = "${gun}"`)
        if (last !== undefined) lines.push(`lineage = "${first}"`, `root_version = ${published[i]?.length}`, `root_sha256 = "${last}"`)
        if (kind === "create-root" || kind === "root-lost") {
            for (const [name, { publicKey: key }] of Object.entries(roles[i] ?? {})) {
                lines.push(`[repository.roles.${name}]`, ...publicKey(key))
            }
        }
        lines.push("")
    })
    if (scenario.backup === true) lines.push("[backup]", `recipients = ["${RECIPIENTS.join('", "')}"]  # dana and erin`)
    return `${lines.join("\n")}\n`
}

/** By age-keygen; nobody kept what opens for them. */
export const RECIPIENTS = [
    "age12j3xjd8f9t87u275l3245n7r7mzuhyxqegzymmzn0379yfgt6aws2r8dla",
    "age1zn6vh35xeh5tugs3w4uwq92hqjm4f27pnhvmhzqw5nht9t3ngpasdy4rgd",
] as const

function person(name: string, part: string): readonly string[] {
    return ["[[person]]", `name = "${name}"`, `part = "${part}"`, ""]
}

function publicKey({ keytype, bytes }: PublicKeyBytes): readonly string[] {
    return [`keytype = "${keytype}"`, `public = "${Buffer.from(bytes).toString("base64")}"`]
}

function keyLines({ spec, signer, token, serial, attestation }: CeremonyKey): readonly string[] {
    const lines = [`name = "${spec.name}"`, `holder = "${spec.holder}"`, `change = "${spec.change}"`]
    if (spec.change === "lost") return [...lines, `id = "${signer.id}"`]
    if (spec.change !== "new") return [...lines, `id = "${signer.id}"`, `token = "${token}"`, `serial = "${serial}"`]
    lines.push(`token = "${token}"`, `algorithm = "${algorithmOf(signer.publicKey)}"`, `make = "${spec.make ?? "token"}"`)
    if (attestation !== undefined) lines.push('slot = "9c"', 'pin_policy = "always"', 'touch_policy = "always"')
    if (spec.copies !== undefined) lines.push(`copies = [${spec.copies.map((copy) => `"${copy}"`).join(", ")}]`)
    return lines
}
