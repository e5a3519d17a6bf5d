/**
 * The operations: one file each, and the only room that knows the order of steps. Every operation that changes something is
 * recorded; it never reaches a private key but through an Intent.
 */
import type { AuditRecord, BackupFacts, DrillFacts } from "../audit/index.ts"
import { TrustkeyError } from "../errors.ts"
import type { JournalEntry, JournalFilter, Mark, Repository } from "../journal/index.ts"
import { type KeySubject, type TokenExamination, type TokenObject, type TokenState, type TouchListener, Turns } from "../keys/index.ts"
import type { Principal } from "../policy/index.ts"
import type { Gun, KeyId, RoleName, Signature } from "../tuf/index.ts"
import { Burden } from "./burden.ts"
import { type CardCertificateRequest, cardCertificate } from "./card-certificate.ts"
import { rootCertificate } from "./certificate.ts"
import { type Challenge, challenge } from "./challenge.ts"
import { type CopyKeyRequest, copyKey, forgetSealed } from "./copy-key.ts"
import { type CreateBackupRequest, createBackup, keptBackup } from "./create-backup.ts"
import { type ExportKeyRequest, exportKey } from "./export-key.ts"
import { type ExportKeyFileRequest, exportKeyFile } from "./export-key-file.ts"
import { Gate } from "./gate.ts"
import { type CreateGroupRequest, createGroup, type GroupView, listGroups } from "./groups.ts"
import { certificateRequest, type IssuedCertificate, type IssuedCertificateRequest, keepRootCertificate } from "./issued-certificate.ts"
import { type BindKeyRequest, bindKey, getKey, type KeyView, type ListKeysRequest, listKeys, removeKey } from "./keys.ts"
import { type CreateKeyRequest, createKey, type EnrollKeyRequest, enrollKey, type ImportKeyRequest, importKey } from "./new-keys.ts"
import { observe, outbox, type RawFile } from "./observe.ts"
import { type PlannedRoot, type PlanRootRequest, planRoot } from "./plan-root.ts"
import { type KeyProof, type ProveRequest, proveKeys } from "./prove-keys.ts"
import { type AuditVerdict, listAudit, type StatusView, showJournal, status, verifyAudit } from "./read.ts"
import { recordDrill } from "./record-drill.ts"
import { type RestoreOutcome, type RestoreRequest, restoreBackup } from "./restore-backup.ts"
import type { CustodyOptions, Rooms } from "./rooms.ts"
import { showToken, type TokenView } from "./show-token.ts"
import { type SignRequest, sign } from "./sign.ts"
import { type SignCloseRequest, signClose } from "./sign-close.ts"
import { type SignSetRequest, signSet } from "./sign-set.ts"
import {
    type ChangePinRequest,
    changePin,
    type ExamineTokenRequest,
    examineToken,
    type LoginRequest,
    listTokens,
    login,
    logout,
    tokenObjects,
    unblockPin,
} from "./tokens.ts"
import { Watches } from "./touch.ts"
import { adopt, listTrust, reset, showTrust, type TrustView, voidPromise } from "./trust.ts"
import { type ChangePassphraseRequest, changePassphrase, lock, type UnlockRequest, unlock } from "./unlock.ts"

export type { BackupFacts, DrillFacts } from "../audit/index.ts"
export type { RestoreChange } from "../journal/index.ts"
export type { BackupTo, KeySubject } from "../keys/index.ts"
export type { BackupSettings } from "./backup-settings.ts"
export type { CardCertificateRequest } from "./card-certificate.ts"
export type { CopyKeyRequest } from "./copy-key.ts"
export type { BackupPart, CreateBackupRequest } from "./create-backup.ts"
export type { ExportKeyRequest } from "./export-key.ts"
export type { ExportKeyFileRequest } from "./export-key-file.ts"
export type { CreateGroupRequest, GroupView } from "./groups.ts"
export type { IssuedCertificate, IssuedCertificateRequest } from "./issued-certificate.ts"
export type { NeedView } from "./key-needs.ts"
export type { BindKeyRequest, KeyView, ListKeysRequest } from "./keys.ts"
export type { CreateKeyRequest, EnrollKeyRequest, ImportKeyRequest } from "./new-keys.ts"
export type { RawFile } from "./observe.ts"
export type { PlannedRoot, PlanRootRequest, RootPlan } from "./plan-root.ts"
export type { KeyProof, ProveRequest } from "./prove-keys.ts"
export type { AuditVerdict, BackupStateView, StatusView } from "./read.ts"
export type { RestoreOutcome, RestoreRequest } from "./restore-backup.ts"
export type { CustodyOptions } from "./rooms.ts"
export type { TokenView } from "./show-token.ts"
export type { SignRequest } from "./sign.ts"
export type { SignCloseRequest } from "./sign-close.ts"
export type { SetBody, SignSetRequest } from "./sign-set.ts"
export type { ChangePinRequest, ExamineTokenRequest, LoginRequest } from "./tokens.ts"
export type { TrustView } from "./trust.ts"
export type { ChangePassphraseRequest, UnlockRequest } from "./unlock.ts"

export interface Custody {
    sign(principal: Principal, request: SignRequest): Promise<Signature>
    signSet(principal: Principal, request: SignSetRequest): Promise<readonly RawFile[]>
    signClose(principal: Principal, request: SignCloseRequest): Promise<Signature>
    createKey(principal: Principal, request: CreateKeyRequest): Promise<KeyView>
    enrollKey(principal: Principal, request: EnrollKeyRequest): Promise<KeyView>
    importKey(principal: Principal, request: ImportKeyRequest): Promise<KeyView>
    copyKey(principal: Principal, request: CopyKeyRequest): Promise<KeyView>
    exportKey(principal: Principal, request: ExportKeyRequest): Promise<Buffer>
    exportKeyFile(principal: Principal, request: ExportKeyFileRequest): Promise<Buffer>
    forgetSealed(principal: Principal, request: { readonly id: string; readonly confirm: string }): Promise<KeyView>
    listKeys(principal: Principal, request: ListKeysRequest): Promise<{ readonly keys: readonly KeyView[]; readonly nextPageToken: string }>
    getKey(principal: Principal, request: { readonly id: string }): Promise<KeyView>
    bindKey(principal: Principal, request: BindKeyRequest): Promise<KeyView>
    unlock(principal: Principal, request: UnlockRequest): Promise<{ readonly until: Date | undefined }>
    lock(principal: Principal, request: { readonly subject: KeySubject | "all" }): Promise<void>
    changePassphrase(principal: Principal, request: ChangePassphraseRequest): Promise<void>
    removeKey(principal: Principal, request: { readonly id: string; readonly confirm: string }): Promise<KeyView>
    rootCertificate(
        principal: Principal,
        request: { readonly keyId: string; readonly gun: Gun },
    ): Promise<{ readonly pem: string; readonly tufKeyId: KeyId }>
    certificateRequest(principal: Principal, request: { readonly keyId: string; readonly gun: Gun }): Promise<{ readonly pem: string }>
    keepRootCertificate(principal: Principal, request: IssuedCertificateRequest): Promise<IssuedCertificate>
    cardCertificate(principal: Principal, request: CardCertificateRequest): Promise<{ readonly pem: string }>
    createGroup(principal: Principal, request: CreateGroupRequest): Promise<GroupView>
    listGroups(principal: Principal): Promise<readonly GroupView[]>
    challenge(principal: Principal, request: { readonly purpose: string; readonly subject: string }): Promise<Challenge>
    listTokens(principal: Principal): Promise<readonly TokenState[]>
    login(principal: Principal, request: LoginRequest): Promise<TokenState>
    changePin(principal: Principal, request: ChangePinRequest): Promise<TokenState>
    unblockPin(principal: Principal, request: ChangePinRequest): Promise<TokenState>
    logout(principal: Principal, request: { readonly token: string }): Promise<TokenState>
    examineToken(principal: Principal, request: ExamineTokenRequest): Promise<TokenExamination>
    showToken(principal: Principal, request: { readonly token: string }): Promise<TokenView>
    tokenObjects(principal: Principal, request: { readonly token: string }): Promise<readonly TokenObject[]>
    /**
     * Tell `listener` of touches that are waited for; of those that are already, at once. Not an operation: it goes on until it is ended.
     *
     * @returns ends it
     * @throws overloaded, shutting_down
     */
    watchTouches(principal: Principal, request: { readonly own: boolean }, listener: TouchListener): () => void
    listTrust(principal: Principal): Promise<readonly Repository[]>
    showTrust(principal: Principal, request: { readonly gun: Gun }): Promise<TrustView>
    adopt(
        principal: Principal,
        request: { readonly gun: Gun; readonly files: readonly RawFile[]; readonly confirm: string },
    ): Promise<TrustView>
    reset(principal: Principal, request: { readonly gun: Gun; readonly confirm: string }): Promise<TrustView>
    observe(
        principal: Principal,
        request: { readonly gun: Gun; readonly files: readonly RawFile[] },
    ): Promise<{ readonly marks: ReadonlyMap<RoleName, Mark>; readonly published: readonly RoleName[] }>
    planRoot(principal: Principal, request: PlanRootRequest): Promise<PlannedRoot>
    outbox(principal: Principal, request: { readonly gun: Gun }): Promise<readonly RawFile[]>
    showJournal(principal: Principal, request: JournalFilter): Promise<readonly JournalEntry[]>
    voidPromise(
        principal: Principal,
        request: { readonly gun: Gun; readonly role: RoleName; readonly version: number; readonly confirm: string },
    ): Promise<void>
    listAudit(
        principal: Principal,
        request: { readonly after: number; readonly limit: number; readonly newest: boolean },
    ): Promise<readonly AuditRecord[]>
    verifyAudit(principal: Principal): Promise<AuditVerdict>
    status(principal: Principal): Promise<StatusView>
    createBackup(principal: Principal, request: CreateBackupRequest): Promise<BackupFacts & { readonly data: Uint8Array }>
    keptBackup(principal: Principal, request: { readonly fingerprint: string }): Promise<void>
    restoreBackup(principal: Principal, request: RestoreRequest): Promise<RestoreOutcome>
    proveKeys(principal: Principal, request: ProveRequest): Promise<readonly KeyProof[]>
    recordDrill(principal: Principal, request: { readonly receipt: AsyncIterable<Uint8Array> }): Promise<DrillFacts>
    /** Lock all keys at a signal's command. Nobody asked over a socket, and it is recorded all the same. */
    lockAll(who: string): Promise<void>
    /** Wait for what runs now; new requests are taken meanwhile. */
    settled(): Promise<void>
    /** Refuse what is new, wait for what runs. */
    drain(): Promise<void>
}

export function openCustody(options: CustodyOptions): Custody {
    const gate = new Gate()
    const rooms: Rooms = { ...options, turns: new Turns(), alone: (work) => gate.alone(work), given: new Map() }
    const running = new Set<Promise<unknown>>()
    const burden = new Burden()
    const watches = new Watches()
    let draining = false
    const requireRunning = (): void => {
        if (draining) throw new TrustkeyError("shutting_down", "the daemon is stopping")
    }

    function operation<R, A>(
        run: (rooms: Rooms, principal: Principal, request: R) => Promise<A> | A,
    ): (principal: Principal, request: R) => Promise<A> {
        return begun((principal, request) =>
            gate.pass(() => burden.carry(principal.uid, request, async () => await run(rooms, principal, request))),
        )
    }

    /** Counted among what runs. Of what doesn't pass the gate, too: it asks to be alone by itself. */
    function begun<R, A>(run: (principal: Principal, request: R) => Promise<A>): (principal: Principal, request: R) => Promise<A> {
        return async (principal, request) => {
            requireRunning()
            const work = run(principal, request)
            running.add(work)
            try {
                return await work
            } finally {
                running.delete(work)
            }
        }
    }

    return {
        sign: operation(sign),
        signSet: operation(signSet),
        signClose: operation(signClose),
        createKey: operation(createKey),
        enrollKey: operation(enrollKey),
        importKey: operation(importKey),
        copyKey: operation(copyKey),
        exportKey: operation(exportKey),
        exportKeyFile: operation(exportKeyFile),
        forgetSealed: operation(forgetSealed),
        listKeys: operation(listKeys),
        getKey: operation(getKey),
        bindKey: operation(bindKey),
        unlock: operation(unlock),
        // Nothing that is taken in rests on what is open, and whoever locks in an emergency waits for nobody.
        lock: begun((principal, request) => burden.carry(principal.uid, request, () => lock(rooms, principal, request))),
        changePassphrase: operation(changePassphrase),
        removeKey: operation(removeKey),
        rootCertificate: operation(rootCertificate),
        certificateRequest: operation(certificateRequest),
        keepRootCertificate: operation(keepRootCertificate),
        cardCertificate: operation(cardCertificate),
        createGroup: operation(createGroup),
        listGroups: (principal) => operation(listGroups)(principal, undefined),
        challenge: operation(challenge),
        listTokens: (principal) => operation(listTokens)(principal, undefined),
        login: operation(login),
        changePin: operation(changePin),
        unblockPin: operation(unblockPin),
        logout: operation(logout),
        examineToken: operation(examineToken),
        showToken: operation(showToken),
        tokenObjects: operation(tokenObjects),
        watchTouches: (principal, request, listener) => {
            requireRunning()
            return watches.watch(rooms, principal, request, listener)
        },
        listTrust: (principal) => operation(listTrust)(principal, undefined),
        showTrust: operation(showTrust),
        adopt: operation(adopt),
        reset: operation(reset),
        observe: operation(observe),
        planRoot: operation(planRoot),
        outbox: operation(outbox),
        showJournal: operation(showJournal),
        voidPromise: operation(voidPromise),
        listAudit: operation(listAudit),
        verifyAudit: (principal) => operation(verifyAudit)(principal, undefined),
        status: (principal) => operation(status)(principal, undefined),
        createBackup: operation(createBackup),
        keptBackup: operation(keptBackup),
        restoreBackup: begun((principal, request) => restoreBackup(rooms, principal, request)),
        proveKeys: operation(proveKeys),
        recordDrill: operation(recordDrill),
        lockAll: async (who) => {
            await rooms.keys.lock("all")
            await rooms.audit.append({
                at: rooms.now(),
                who,
                action: "lock",
                outcome: "ok",
                gun: "",
                role: "",
                keyId: "",
                detail: { all: true },
            })
        },
        settled: async () => {
            await Promise.allSettled([...running])
        },
        drain: async () => {
            draining = true
            while (running.size > 0) await Promise.allSettled(running)
        },
    }
}
