import {
    type Bundle,
    type CeremonyRecord,
    type Finding,
    formatTime,
    type PlannedKey,
    progressOf,
    type Verdict,
} from "../../ceremony/index.ts"
import { TrustkeyError } from "../../errors.ts"
import { parseFile, ROOT } from "../../tuf/index.ts"

type Count = { readonly have: number; readonly need: number }

/** What was signed for one repository. Hashes in hex; absent where the ceremony was abandoned before. */
export type RepositoryReport = {
    readonly gun: string
    readonly before?: { readonly version: number; readonly sha256: string }
    readonly after?: { readonly version: number; readonly sha256: string; readonly fileSha256: string }
    /** What people were shown, and the hash they compared. */
    readonly difference?: { readonly code: string; readonly sentences: readonly string[] }
    readonly oldSignatures?: Count
    readonly newSignatures: Count
    readonly signedBy: readonly { readonly key: string; readonly holder: string; readonly keyId: string; readonly record: number }[]
    readonly published?: { readonly at: string; readonly server: string; readonly record: number }
}

export type KeyReport = {
    readonly name: string
    readonly holder: string
    readonly change: PlannedKey["change"]
    /** Facts of the record that made or showed it; absent for what was not there. */
    readonly id?: string
    readonly record?: number
    readonly algorithm?: string
    readonly origin?: string
    readonly token?: string
    readonly serial?: string
    readonly slot?: string
    readonly pinPolicy?: string
    readonly touchPolicy?: string
    readonly isAttested: boolean
    readonly backups: readonly string[]
    readonly voided: readonly { readonly record: number; readonly keyId: string; readonly reason: string }[]
}

export type RecordReport = {
    readonly n: number
    readonly at: string
    readonly who: string
    readonly step: string
    readonly what: string
    readonly note: string
    readonly hash: string
    /** Number of the record that voided it. */
    readonly voidedBy?: number
}

/** All that an archive wants to know of a ceremony. Only of a bundle that is good: what another says is nobody's word. */
export type CeremonyReport = {
    readonly ceremony: string
    readonly kind: string
    readonly reason: string
    readonly isRehearsal: boolean
    readonly outcome: string
    readonly plan: string
    readonly lastRecord: string
    readonly program: string
    readonly programSha256: string
    readonly packed: string
    readonly opened: string
    readonly closed: string
    readonly threshold: number
    readonly expires: string
    readonly people: readonly {
        readonly name: string
        readonly fullName?: string
        readonly part: string
        readonly records: readonly number[]
    }[]
    readonly repositories: readonly RepositoryReport[]
    readonly keys: readonly KeyReport[]
    readonly records: readonly RecordReport[]
    readonly closedBy: readonly { readonly name: "vault" | "witness"; readonly keyId: string; readonly method: string }[]
    readonly warnings: readonly Finding[]
}

/** @throws bundle_invalid naming the record: there is no report of a bundle that is not good */
export function reportOf(verdict: Verdict): CeremonyReport {
    if (!verdict.ok) {
        const [{ record, text } = { record: undefined, text: "it is not good" }] = verdict.findings
        const place = record === undefined ? "" : `${typeof record === "number" ? `record ${record}` : record}: `
        throw new TrustkeyError("bundle_invalid", `${place}${text}; of such a bundle there is no report`)
    }
    const { bundle, outcome, findings } = verdict
    const { plan, close, state } = bundle
    const records = [...bundle.records, ...bundle.publication]
    return {
        ceremony: plan.id,
        kind: plan.kind,
        reason: plan.reason,
        isRehearsal: plan.rehearsalOf !== undefined,
        outcome,
        plan: plan.sha256,
        lastRecord: state.closed?.hash ?? "",
        program: factOf(state.packed, "program") ?? "",
        programSha256: factOf(state.packed, "program_sha256") ?? "",
        packed: timeOf(state.packed),
        opened: timeOf(state.opened),
        closed: timeOf(state.closed),
        threshold: plan.threshold,
        expires: plan.expires.toISOString(),
        people: plan.people.map(({ name, fullName, part }) => ({
            name,
            ...(fullName === undefined ? {} : { fullName }),
            part,
            records: records.filter(({ who }) => who === name).map(({ n }) => n),
        })),
        repositories: plan.repositories.map((_, index) => repositoryReport(bundle, index)),
        keys: plan.keys.map((key) => keyReport(bundle, key)),
        records: recordReports(bundle, records),
        closedBy:
            close === undefined
                ? []
                : (["vault", "witness"] as const).map((name) => ({
                      name,
                      keyId: close.signatures[name].keyId,
                      method: close.signatures[name].method,
                  })),
        warnings: findings,
    }
}

function repositoryReport(bundle: Bundle, index: number): RepositoryReport {
    const { plan, state } = bundle
    const { gun = "", published } = plan.repositories[index] ?? {}
    const counts = progressOf(bundle).signatures[index] ?? { old: undefined, new: { have: 0, need: plan.threshold } }
    const file = bundle.artefact(`root/${index}`)
    const difference = bundle.artefact(`difference/${index}`)
    const publication = bundle.publication.find(({ facts }) => facts.get("repository") === index)
    return {
        gun,
        ...(published === undefined ? {} : { before: { version: published.version, sha256: published.sha256 } }),
        ...(file === undefined ? {} : { after: afterOf(file, state.artefacts.get(`root/${index}`) ?? "") }),
        ...(difference === undefined
            ? {}
            : {
                  difference: {
                      code: state.artefacts.get(`difference/${index}`) ?? "",
                      // After the repository, the role and the hash of what is signed.
                      sentences: difference.toString("utf8").split("\n").slice(3, -1),
                  },
              }),
        ...(counts.old === undefined ? {} : { oldSignatures: counts.old }),
        newSignatures: counts.new,
        signedBy: [...state.signatures.values()]
            .filter(({ facts }) => facts.get("repository") === index)
            .map((record) => ({
                key: factOf(record, "key") ?? "",
                holder: record.who,
                keyId: factOf(record, "keyid") ?? "",
                record: record.n,
            })),
        ...(publication === undefined
            ? {}
            : { published: { at: timeOf(publication), server: factOf(publication, "server") ?? "", record: publication.n } }),
    }
}

function afterOf(content: Buffer, fileSha256: string): NonNullable<RepositoryReport["after"]> {
    const { signed } = parseFile(content, ROOT)
    return { version: signed.document.version, sha256: signed.sha256, fileSha256 }
}

function keyReport({ records, state }: Bundle, { name, holder, change }: PlannedKey): KeyReport {
    const shown = state.shown.get(name)?.record
    const facts = {
        id: "key_id",
        algorithm: "algorithm",
        origin: "origin",
        token: "token",
        serial: "serial",
        slot: "slot",
        pinPolicy: "pin_policy",
        touchPolicy: "touch_policy",
    }
    const known = Object.entries(facts).flatMap(([field, fact]) => {
        const value = factOf(shown, fact)
        return value === undefined ? [] : [[field, value] as const]
    })
    return {
        name,
        holder,
        change,
        ...Object.fromEntries(known),
        ...(shown === undefined ? {} : { record: shown.n }),
        isAttested: shown?.out.some((item) => item.name === `attestation/${name}`) === true,
        backups: (state.backups.get(name) ?? []).map(backupText),
        voided: records
            .filter((record) => record.step === "void-key" && record.facts.get("key") === name)
            .map((record) => {
                const made = records.find(({ n }) => n === record.facts.get("record"))
                return { record: made?.n ?? 0, keyId: factOf(made, "key_id") ?? "", reason: factOf(record, "reason") ?? "" }
            }),
    }
}

function backupText(record: CeremonyRecord): string {
    switch (factOf(record, "how")) {
        case "copy":
            return `copied to token ${factOf(record, "token")}, serial ${factOf(record, "serial")}`
        case "export":
            return `exported, sealed for ${factOf(record, "recipients")}, and opened again`
        default:
            return "can't leave its token"
    }
}

function recordReports({ records: transcript }: Bundle, records: readonly CeremonyRecord[]): readonly RecordReport[] {
    const voidedBy = new Map<number, number>()
    for (const record of transcript) {
        for (const n of voidedRecords(transcript, record)) if (!voidedBy.has(n)) voidedBy.set(n, record.n)
    }
    return records.map((record) => {
        const { n, who, step, note, hash } = record
        const by = voidedBy.get(n)
        return { n, at: timeOf(record), who, step, what: whatText(record), note, hash, ...(by === undefined ? {} : { voidedBy: by }) }
    })
}

/** What a `void-key` or a `void-root` takes with it: docs/formats/ceremony-bundle.md, "Steps". */
function voidedRecords(records: readonly CeremonyRecord[], { n: end, step, facts }: CeremonyRecord): readonly number[] {
    const start = facts.get("record")
    if ((step !== "void-key" && step !== "void-root") || typeof start !== "number") return []
    const goesWith = (record: CeremonyRecord): boolean =>
        step === "void-root" ? record.step === "sign" : record.step === "backup" && record.facts.get("key") === facts.get("key")
    return [start, ...records.filter((record) => record.n > start && record.n < end && goesWith(record)).map(({ n }) => n)]
}

/** The facts of a record in one line; long hashes by their beginning. */
function whatText({ facts }: CeremonyRecord): string {
    return [...facts]
        .map(([name, value]) => `${name} ${typeof value === "string" && /^[0-9a-f]{64}$/.test(value) ? `${value.slice(0, 16)}…` : value}`)
        .join(", ")
}

function factOf(record: CeremonyRecord | undefined, name: string): string | undefined {
    const value = record?.facts.get(name)
    return value === undefined ? undefined : String(value)
}

function timeOf(record: CeremonyRecord | undefined): string {
    return record === undefined ? "" : formatTime(record.t)
}
