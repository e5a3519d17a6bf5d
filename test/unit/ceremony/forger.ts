import { createHash } from "node:crypto"
import type { CeremonyRig } from "./rig.ts"

/** A value as JSON.parse gives it: the forger shares nothing with the room. */
export type Value = string | number | boolean | null | Value[] | { [name: string]: Value }
export type Line = { [name: string]: Value }

export function canonical(value: Value): string {
    if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`
    if (typeof value === "object" && value !== null) {
        const names = Object.keys(value).sort()
        return `{${names.map((name) => `${canonical(name)}:${canonical(value[name] ?? null)}`).join(",")}}`
    }
    return typeof value === "string" ? `"${value.replaceAll(/["\\]/g, "\\$&")}"` : String(value)
}

export function sha256(text: string | Buffer): string {
    return createHash("sha256").update(text).digest("hex")
}

export function linesOf(files: ReadonlyMap<string, Buffer>): Line[] {
    const text = (files.get("transcript.jsonl") ?? Buffer.alloc(0)).toString("utf8")
    return text
        .trimEnd()
        .split("\n")
        .map((line): Line => JSON.parse(line))
}

/**
 * What somebody could do who has the vault's and the witness's closing keys: the lines as they are given, chained and hashed anew, and the close
 * signed again. Only what the records say can betray it.
 */
export function forged(rig: CeremonyRig, files: ReadonlyMap<string, Buffer>, lines: readonly Line[]): Map<string, Buffer> {
    const result = new Map(files)
    let prev = sha256(files.get("plan.toml") ?? "")
    const written = lines.map((line, index) => {
        const { hash: _, ...rest } = line
        const record: Line = { ...rest, n: rest["n"] === undefined ? null : index + 1, prev }
        const hash = sha256(canonical(record))
        prev = hash
        return canonical({ ...record, hash })
    })
    result.set("transcript.jsonl", Buffer.from(written.map((line) => `${line}\n`).join("")))
    const last = lines.at(-1) ?? {}
    const facts = last["facts"]
    const statement: Line = {
        _type: "trustkey-ceremony-close",
        ceremony: rig.bundle.plan.id,
        closed: last["t"] ?? null,
        head: prev,
        outcome: typeof facts === "object" && facts !== null && !Array.isArray(facts) ? (facts["outcome"] ?? null) : null,
        plan: sha256(files.get("plan.toml") ?? ""),
        records: lines.length,
    }
    const signatures = [["vault", rig.vault] as const, ["witness", rig.witness] as const].map(([name, key]): Line => {
        const { keyId, method, sig } = key.sign(Buffer.from(canonical(statement)))
        return { keyid: keyId, method, name, sig: Buffer.from(sig).toString("base64") }
    })
    result.set("close.json", Buffer.from(canonical({ signatures, statement })))
    return result
}

/** The files with one more artefact, and its hash. */
export function withArtefact(
    files: ReadonlyMap<string, Buffer>,
    bytes: Buffer,
): { readonly files: Map<string, Buffer>; readonly hash: string } {
    const hash = sha256(bytes)
    return { files: new Map([...files, [`artefacts/${hash}`, bytes]]), hash }
}
