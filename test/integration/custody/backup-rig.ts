import assert from "node:assert/strict"
import { type Member, TAR_BLOCK, tarClaims, tarPadding } from "../../../src/backup/index.ts"
import { identitiesIn, makeAgeIdentity, openAge, sha256 } from "../../../src/crypto/index.ts"
import type { BackupFacts, CreateBackupRequest, RestoreChange, RestoreOutcome } from "../../../src/custody/index.ts"
import type { Principal } from "../../../src/policy/index.ts"
import { ADMIN, type CustodyRig } from "./rig.ts"

/** The configuration's recipient in these tests. */
export const KEEPER = makeAgeIdentity()

/** For whom secrets for a backup to KEEPER are sealed. */
export const TO_KEEPER = sha256(Buffer.from(KEEPER.recipient)).toString("hex")

export function configured(rig: CustodyRig): void {
    rig.backup = { ...rig.backup, recipients: [KEEPER.recipient], configuration: Buffer.from('log_level = "info"\n') }
}

export type Taken = { readonly file: Buffer; readonly facts: BackupFacts }

/** A backup as a client gets it. */
export async function takeBackup(rig: CustodyRig, request: Partial<CreateBackupRequest> = {}, who: Principal = ADMIN): Promise<Taken> {
    const pieces: Uint8Array[] = []
    const { data, ...facts } = await rig.custody.createBackup(who, {
        to: undefined,
        take: async (part) => {
            pieces.push(part.data)
        },
        ...request,
    })
    return { file: Buffer.concat([...pieces, data]), facts }
}

/** What is in an age file for KEEPER, or for another: the members of its archive. */
export async function membersIn(file: Uint8Array, { identity } = KEEPER): Promise<readonly Member[]> {
    const pieces: Buffer[] = []
    for await (const piece of openAge(pieced(file), { kind: "identities", identities: identitiesIn(identity) })) pieces.push(piece)
    const archive = Buffer.concat(pieces)
    const members: Member[] = []
    for (let at = 0; at + 2 * TAR_BLOCK < archive.length; ) {
        const { name, size } = tarClaims(archive.subarray(at, at + TAR_BLOCK)) ?? assert.fail("no header")
        const start = at + TAR_BLOCK
        members.push({ name, content: archive.subarray(start, start + size) })
        at = start + size + tarPadding(size)
    }
    return members
}

export function fingerprintOf(members: readonly Member[]): string {
    const end = members.at(-1) ?? assert.fail("no end")
    return String(JSON.parse(Buffer.from(end.content).toString("utf8")).sha256)
}

export type Restored = { readonly outcome: RestoreOutcome; readonly said: readonly RestoreChange[] }

/** As a client does it: without the key files, first to be shown, then for good. */
export async function restore(rig: CustodyRig, members: readonly Member[], who: Principal = ADMIN): Promise<Restored> {
    const { outcome } = await show(rig, members, who)
    return await restoreAs(rig, members, { typed: fingerprintOf(members).slice(0, 16), digest: outcome.digest }, who)
}

export async function show(rig: CustodyRig, members: readonly Member[], who: Principal = ADMIN): Promise<Restored> {
    return await restoreAs(rig, members, undefined, who)
}

export async function restoreAs(
    rig: CustodyRig,
    members: readonly Member[],
    confirm: { readonly typed: string; readonly digest: string } | undefined,
    who: Principal = ADMIN,
): Promise<Restored> {
    const said: RestoreChange[] = []
    const records = members.filter(({ name }) => !name.startsWith("notary/"))
    const outcome = await rig.custody.restoreBackup(who, {
        fingerprint: fingerprintOf(members),
        confirm,
        records: given(records),
        say: async (change) => {
            said.push(change)
        },
    })
    return { outcome, said }
}

export async function* given<T>(values: Iterable<T>): AsyncGenerator<T> {
    yield* values
}

async function* pieced(file: Uint8Array): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < file.length; at += 10_000) yield file.subarray(at, at + 10_000)
}

/** What is kept there of a repository, as far as anybody could tell. */
export function stateOf(rig: CustodyRig): unknown {
    return {
        keys: Array.from(rig.rig.keys.list()).sort((one, other) => (one.id < other.id ? -1 : 1)),
        repositories: rig.rig.journal.repositories().map((repository) => ({
            gun: repository.gun,
            lineage: repository.lineage,
            state: repository.state,
            marks: [...repository.marks].sort(),
            published: [...repository.published].sort(),
            roots: repository.roots.map(({ signed }) => signed.sha256),
            documents: [...repository.documents].map(([role, { signed }]) => [role, signed.sha256]).sort(),
            outbox: repository.outbox.map(({ role, signed }) => [role, signed.sha256]),
        })),
    }
}
