import type { AuditRecord, BackupFacts, DrillFacts } from "../audit/index.ts"
import type { JournalEntry, JournalFilter } from "../journal/index.ts"
import type { SignerProcessState, TokenState } from "../keys/index.ts"
import { authorize, denial, isAllowed, mayAnywhere, type Principal } from "../policy/index.ts"
import { maySee } from "./places.ts"
import type { Rooms } from "./rooms.ts"

/** The promises of the repositories the caller may see. */
export async function showJournal(rooms: Rooms, principal: Principal, request: JournalFilter): Promise<readonly JournalEntry[]> {
    if (request.gun !== undefined && !maySee(rooms, principal, request.gun)) throw denial()
    if (!(["observe", "sign"] as const).some((action) => mayAnywhere(rooms.policy(), principal, action))) return []
    const visible = new Map<string, boolean>()
    const isVisible = ({ gun }: JournalEntry): boolean => {
        const known = visible.get(gun) ?? maySee(rooms, principal, gun)
        visible.set(gun, known)
        return known
    }
    // A page is filled with what the caller may see: a short one would tell how much others promised, and look like the end.
    const found: JournalEntry[] = []
    let after: number | undefined = request.after
    while (after !== undefined && found.length < request.limit) {
        const page: readonly JournalEntry[] = await rooms.journal.show({ ...request, after })
        found.push(...page.filter(isVisible))
        after = page.length < request.limit ? undefined : page.at(-1)?.sequence
    }
    return found.slice(0, request.limit)
}

export async function listAudit(
    rooms: Rooms,
    principal: Principal,
    request: { readonly after: number; readonly limit: number; readonly newest: boolean },
): Promise<readonly AuditRecord[]> {
    authorize(rooms.policy(), principal, "audit", [])
    return request.newest ? await rooms.audit.newest(request.limit) : await rooms.audit.list(request.after, request.limit)
}

export type AuditVerdict = { readonly intact: boolean; readonly records: number; readonly brokenAt: number; readonly head: string }

export async function verifyAudit(rooms: Rooms, principal: Principal): Promise<AuditVerdict> {
    authorize(rooms.policy(), principal, "audit", [])
    return await rooms.audit.verify()
}

export type StatusView = {
    readonly version: string
    readonly startedAt: Date
    readonly signers: readonly SignerProcessState[]
    readonly keys: number
    readonly unlockedKeys: number
    readonly repositories: number
    /** Files not yet seen published. */
    readonly outbox: number
    readonly auditRecords: number
    readonly problems: readonly string[]
    /** Undefined: neither the daemon's status nor its backups are the caller's. */
    readonly backup: BackupStateView | undefined
}

/** How old the proof is that what is lost comes back. */
export type BackupStateView = {
    readonly last: BackupFacts | undefined
    readonly lastDrill: DrillFacts | undefined
    readonly recipients: readonly string[]
    readonly maxAgeSeconds: number
    readonly maxDrillAgeSeconds: number
    readonly backupOverdue: boolean
    readonly drillOverdue: boolean
}

/** From what the custodian itself knows; tokens that have nothing to do are asked, for a moment, and never one that waits for a touch. */
export async function status(rooms: Rooms, principal: Principal): Promise<StatusView> {
    const policy = rooms.policy()
    const full = isAllowed(policy, principal, "status", [])
    const tokens = full ? await rooms.keys.tokens() : []
    const repositories = rooms.journal.repositories().filter((repository) => full || maySee(rooms, principal, repository.gun))
    const counts = full ? countKeys(rooms) : { keys: 0, unlockedKeys: 0 }
    const outbox = repositories.reduce((sum, repository) => sum + repository.outbox.length, 0)
    return {
        version: rooms.version,
        startedAt: rooms.startedAt,
        signers: full ? rooms.keys.signers() : [],
        ...counts,
        repositories: repositories.length,
        outbox,
        auditRecords: full ? rooms.audit.head.sequence : 0,
        problems: problemsOf(rooms, full, tokens, outbox),
        backup: full || isAllowed(policy, principal, "backup", []) ? backupState(rooms) : undefined,
    }
}

/** Overdue is only what somebody wants: where no recipients are configured, nobody has said that there should be backups. */
function backupState({ backup, evidence, now }: Rooms): BackupStateView {
    const { recipients, maxAgeSeconds, maxDrillAgeSeconds } = backup()
    const { last, lastDrill } = evidence
    const isWanted = recipients.length > 0
    const isOld = (at: string | undefined, seconds: number): boolean =>
        isWanted && (at === undefined || now().getTime() - Date.parse(at) > seconds * 1000)
    return {
        last,
        lastDrill,
        recipients,
        maxAgeSeconds,
        maxDrillAgeSeconds,
        backupOverdue: isOld(last?.at, maxAgeSeconds),
        drillOverdue: isOld(lastDrill?.at, maxDrillAgeSeconds),
    }
}

function countKeys(rooms: Rooms): { readonly keys: number; readonly unlockedKeys: number } {
    let keys = 0
    let unlockedKeys = 0
    for (const record of rooms.keys.list()) {
        if (record.removedAt !== undefined) continue
        keys++
        if (rooms.keys.state(record.id).state === "unlocked") unlockedKeys++
    }
    return { keys, unlockedKeys }
}

function problemsOf(rooms: Rooms, full: boolean, tokens: readonly TokenState[], outbox: number): readonly string[] {
    const failed = full ? rooms.keys.signers().filter(({ state }) => state === "failed") : []
    const known = new Set(failed.map(({ name }) => name))
    const broken = tokens.filter(({ name, state }) => (state === "failed" || state === "blocked") && !known.has(name))
    return [
        ...broken.map(({ name, state, detail }) => `token ${name} ${state === "failed" ? "has failed" : "is blocked"}: ${detail}`),
        ...failed.map(({ name, detail }) => `signer ${name} has failed: ${detail}`),
        ...(outbox > 0 ? [`${outbox} signed files are not seen published: run the publishing command again`] : []),
    ]
}
