import { connect } from "node:net"
import path from "node:path"
import { Client, credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js"
import type { MethodDefinition } from "@grpc/proto-loader"
import { isErrorCode, TrustkeyError } from "../errors.ts"
import { fileMode } from "../storage/index.ts"
import { CHANNEL_OPTIONS, loadMethod } from "../wire/load.ts"
import { GrpcBackups, readBackupState } from "./daemon-backups.ts"
import type { DaemonBackups } from "./daemon-backups-types.ts"
import type {
    AuditRecord,
    AuditVerdict,
    BegunRoot,
    Binding,
    Challenge,
    Daemon,
    DaemonCertificate,
    DaemonGroup,
    DaemonKey,
    DaemonRepository,
    DaemonStatus,
    DaemonToken,
    DaemonTokenDetails,
    DaemonTokenObject,
    DaemonTokenReport,
    JournalEntry,
    KeySubject,
    PlannedRoot,
    TouchNotice,
    TouchWatcher,
    WireFile,
    WireMark,
    WireSignature,
} from "./daemon-types.ts"
import {
    encodeAlgorithm,
    encodePurpose,
    encodeRoleKeys,
    readBegunRoot,
    readKey,
    readPlannedRoot,
    readTokenDetails,
    readTokenObject,
} from "./decode.ts"

/** For what the daemon knows without asking anybody. */
const QUICK_SECONDS = 20
/** For Argon2, tokens, touches and large repositories. */
const SLOW_SECONDS = 150
const FILE_FORMATS = { notary: "KEY_FILE_FORMAT_NOTARY", pkcs8: "KEY_FILE_FORMAT_PKCS8" } as const

const NO_PLACEMENT = { pinPolicy: "", touchPolicy: "", managementKey: null, pin: null }

/** A call that is answered sooner is not waiting for a person, and nothing is spent on finding out. */
const WATCH_AFTER_MS = 250

/**
 * Does not connect yet: the first call does, and says what is wrong.
 *
 * @param openWatcher called when a call waits for a touch
 */
export function openDaemon(socket: "sign" | "admin", socketPath: string, openWatcher?: () => Promise<TouchWatcher>): Daemon {
    return new GrpcDaemon(socket, path.resolve(socketPath), openWatcher)
}

class GrpcDaemon implements Daemon {
    readonly socket: "sign" | "admin"
    readonly backups: DaemonBackups
    readonly #path: string
    readonly #client: Client
    readonly #openWatcher: (() => Promise<TouchWatcher>) | undefined
    /** Calls that run now and may wait for a touch. */
    #mayWait = 0
    #stopWatching: (() => void) | undefined

    constructor(socket: "sign" | "admin", socketPath: string, openWatcher: (() => Promise<TouchWatcher>) | undefined) {
        this.socket = socket
        this.#path = socketPath
        this.#openWatcher = openWatcher
        this.#client = new Client(`unix:${socketPath}`, credentials.createInsecure(), CHANNEL_OPTIONS)
        this.backups = new GrpcBackups({
            client: this.#client,
            ask: (method, request, seconds) => this.#ask(method, request, seconds),
            translate: (error, method) => toTrustkeyError(error, socket, socketPath, method),
        })
    }

    close(): void {
        this.#client.close()
    }

    async #ask<Req, Res, ReqOut, Out>(
        method: MethodDefinition<Req, Res, ReqOut, Out>,
        request: Req,
        seconds = QUICK_SECONDS,
    ): Promise<Out> {
        const { promise, resolve, reject } = Promise.withResolvers<Out>()
        const answer = (error: ServiceError | null, value: Out | undefined): void => {
            if (error !== null) reject(error)
            else if (value === undefined) reject(new TrustkeyError("internal", "the daemon answered nothing"))
            else resolve(value)
        }
        const { path: name, requestSerialize, responseDeserialize } = method
        const call = this.#client.makeUnaryRequest(name, requestSerialize, responseDeserialize, request, new Metadata(), answer)
        const timer = setTimeout(() => {
            reject(new TrustkeyError("deadline_exceeded", `the daemon did not answer within ${seconds} seconds`))
            call.cancel()
        }, seconds * 1000)
        try {
            return await promise
        } catch (error) {
            throw await toTrustkeyError(error, this.socket, this.#path, name)
        } finally {
            clearTimeout(timer)
        }
    }

    /** For what a token may have to sign: a person is told when it waits for a touch. */
    async #askWithTouch<Req, Res, ReqOut, Out>(method: MethodDefinition<Req, Res, ReqOut, Out>, request: Req): Promise<Out> {
        this.#mayWait += 1
        this.#stopWatching ??= this.#watchSoon()
        try {
            return await this.#ask(method, request, SLOW_SECONDS)
        } finally {
            this.#mayWait -= 1
            if (this.#mayWait === 0) {
                this.#stopWatching()
                this.#stopWatching = undefined
            }
        }
    }

    /** On the same connection, and only when the answer is not there at once: most signatures never come to this. */
    #watchSoon(): () => void {
        let stop = (): void => {}
        const timer = setTimeout(() => {
            stop = this.#watch()
        }, WATCH_AFTER_MS)
        return () => {
            clearTimeout(timer)
            stop()
        }
    }

    #watch(): () => void {
        const open = this.#openWatcher
        if (open === undefined) return () => {}
        let watcher: Promise<TouchWatcher> | undefined
        const { path: name, requestSerialize, responseDeserialize } = loadMethod("Tokens", "Watch")
        const stream = this.#client.makeServerStreamRequest(name, requestSerialize, responseDeserialize, { own: true }, new Metadata())
        stream.on("data", (notice: TouchNotice) => {
            watcher ??= open()
            void watcher.then((ready) => ready.notice(notice))
        })
        // An older daemon tells nothing, nor does one that has too much to do; the call itself says how it went.
        stream.on("error", () => {})
        return () => {
            stream.removeAllListeners("data")
            stream.cancel()
            void watcher?.then((ready) => ready.close())
        }
    }

    async status(): Promise<DaemonStatus> {
        const { backup, ...rest } = await this.#ask(loadMethod("Status", "Get"), {})
        return { ...rest, backup: readBackupState(backup) }
    }

    challenge(purpose: string, subject: string): Promise<Challenge> {
        return this.#ask(loadMethod("Secrets", "Challenge"), { purpose, subject })
    }

    async createKey(request: Parameters<Daemon["createKey"]>[0]): Promise<DaemonKey> {
        const { home } = request
        const wire = { algorithm: encodeAlgorithm(request.algorithm), purpose: encodePurpose(request.purpose), label: request.label }
        const bindings = mutable(request.bindings)
        const more = { bindings, acceptPinOnce: request.acceptPinOnce === true }
        return readKey(await this.#askWithTouch(loadMethod("Keys", "Create"), { ...wire, ...more, ...home }))
    }

    async enrollKey(request: Parameters<Daemon["enrollKey"]>[0]): Promise<DaemonKey> {
        const wire = { ...request, purpose: encodePurpose(request.purpose), bindings: mutable(request.bindings) }
        return readKey(await this.#askWithTouch(loadMethod("Keys", "Enroll"), wire))
    }

    async importKey(request: Parameters<Daemon["importKey"]>[0]): Promise<DaemonKey> {
        const { pkcs8, label, home } = request
        const bindings = mutable(request.bindings)
        const acceptPinOnce = request.acceptPinOnce === true
        const wire = { pkcs8, label, purpose: encodePurpose(request.purpose), bindings, acceptPinOnce, ...home }
        return readKey(await this.#askWithTouch(loadMethod("Keys", "Import"), wire))
    }

    async listKeys(filter: Parameters<Daemon["listKeys"]>[0]): Promise<readonly DaemonKey[]> {
        const keys: DaemonKey[] = []
        let pageToken = ""
        do {
            const page = await this.#ask(loadMethod("Keys", "List"), { ...filter, pageToken })
            keys.push(...page.keys.map(readKey))
            pageToken = page.nextPageToken
        } while (pageToken !== "")
        return keys
    }

    async getKey(id: string): Promise<DaemonKey> {
        return readKey(await this.#ask(loadMethod("Keys", "Get"), { id }))
    }

    async cardCertificate(request: Parameters<Daemon["cardCertificate"]>[0]): Promise<string> {
        return (await this.#askWithTouch(loadMethod("Keys", "CardCertificate"), request)).certificatePem
    }

    async bindKey(request: Parameters<Daemon["bindKey"]>[0]): Promise<DaemonKey> {
        const wire = { id: request.id, add: mutable(request.add), remove: mutable(request.remove) }
        return readKey(await this.#ask(loadMethod("Keys", "Bind"), wire))
    }

    async unlock(request: Parameters<Daemon["unlock"]>[0]): Promise<string> {
        const { subject, sealed, ttlSeconds, uses } = request
        const wire = { ...subject, passphrase: sealed ?? null, ttlSeconds, uses }
        return (await this.#ask(loadMethod("Keys", "Unlock"), wire, SLOW_SECONDS)).unlockedUntil
    }

    async lock(subject: KeySubject | "all"): Promise<void> {
        await this.#ask(loadMethod("Keys", "Lock"), subject === "all" ? { all: true } : subject)
    }

    async changePassphrase(request: Parameters<Daemon["changePassphrase"]>[0]): Promise<void> {
        const { subject, oldSealed, newSealed } = request
        const wire = { ...subject, oldPassphrase: oldSealed, newPassphrase: newSealed }
        await this.#ask(loadMethod("Keys", "ChangePassphrase"), wire, SLOW_SECONDS)
    }

    async removeKey(request: Parameters<Daemon["removeKey"]>[0]): Promise<DaemonKey> {
        return readKey(await this.#ask(loadMethod("Keys", "Remove"), request))
    }

    async exportKey(request: Parameters<Daemon["exportKey"]>[0]): Promise<Uint8Array> {
        const { file } = await this.#ask(loadMethod("Keys", "Export"), { ...request, recipients: [...request.recipients] }, SLOW_SECONDS)
        return file
    }

    async exportKeyFile(request: Parameters<Daemon["exportKeyFile"]>[0]): Promise<Uint8Array> {
        const wire = { ...request, format: FILE_FORMATS[request.format] }
        return (await this.#ask(loadMethod("Keys", "ExportFile"), wire, SLOW_SECONDS)).file
    }

    async copyKey({ from, piv, ...request }: Parameters<Daemon["copyKey"]>[0]): Promise<DaemonKey> {
        return readKey(
            await this.#askWithTouch(loadMethod("Keys", "Copy"), {
                ...request,
                ...from,
                piv: piv === undefined ? null : { ...NO_PLACEMENT, ...piv },
            }),
        )
    }

    async forgetSealed(request: Parameters<Daemon["forgetSealed"]>[0]): Promise<DaemonKey> {
        return readKey(await this.#ask(loadMethod("Keys", "ForgetSealed"), request))
    }

    async rootCertificate(request: Parameters<Daemon["rootCertificate"]>[0]): Promise<{ pem: string; tufKeyId: string }> {
        const { certificatePem, tufKeyId } = await this.#askWithTouch(loadMethod("Keys", "RootCertificate"), request)
        return { pem: certificatePem, tufKeyId }
    }

    async certificateRequest(request: Parameters<Daemon["certificateRequest"]>[0]): Promise<string> {
        return (await this.#askWithTouch(loadMethod("Keys", "CertificateRequest"), request)).requestPem
    }

    async keepRootCertificate(request: Parameters<Daemon["keepRootCertificate"]>[0]): Promise<DaemonCertificate> {
        const { certificatePem, ...rest } = await this.#ask(loadMethod("Keys", "KeepRootCertificate"), request)
        return { pem: certificatePem, ...rest }
    }

    createGroup(request: Parameters<Daemon["createGroup"]>[0]): Promise<DaemonGroup> {
        const { name, sealed, credential } = request
        return this.#ask(loadMethod("Keys", "CreateGroup"), { name, passphrase: sealed ?? null, credential }, SLOW_SECONDS)
    }

    async listGroups(): Promise<readonly DaemonGroup[]> {
        return (await this.#ask(loadMethod("Keys", "ListGroups"), {})).groups
    }

    async listTokens(): Promise<readonly DaemonToken[]> {
        return (await this.#ask(loadMethod("Tokens", "List"), {})).tokens
    }

    login(request: Parameters<Daemon["login"]>[0]): Promise<DaemonToken> {
        const { sealed, ...rest } = request
        return this.#ask(loadMethod("Tokens", "Login"), { ...rest, pin: sealed ?? null }, SLOW_SECONDS)
    }

    changePin(request: Parameters<Daemon["changePin"]>[0]): Promise<DaemonToken> {
        const { token, oldSealed, newSealed, evenFinalTry } = request
        const wire = { token, oldPin: oldSealed, newPin: newSealed, evenFinalTry }
        return this.#ask(loadMethod("Tokens", "ChangePin"), wire, SLOW_SECONDS)
    }

    unblockPin(request: Parameters<Daemon["unblockPin"]>[0]): Promise<DaemonToken> {
        const { token, pukSealed, newSealed, evenFinalTry } = request
        return this.#ask(loadMethod("Tokens", "UnblockPin"), { token, puk: pukSealed, newPin: newSealed, evenFinalTry }, SLOW_SECONDS)
    }

    logout(token: string): Promise<DaemonToken> {
        return this.#ask(loadMethod("Tokens", "Logout"), { token }, SLOW_SECONDS)
    }

    examineToken(request: Parameters<Daemon["examineToken"]>[0]): Promise<DaemonTokenReport> {
        return this.#ask(loadMethod("Tokens", "Doctor"), request, SLOW_SECONDS)
    }

    async showToken(token: string): Promise<DaemonTokenDetails> {
        return readTokenDetails(await this.#ask(loadMethod("Tokens", "Show"), { token }, SLOW_SECONDS))
    }

    async tokenObjects(token: string): Promise<readonly DaemonTokenObject[]> {
        return (await this.#ask(loadMethod("Tokens", "Objects"), { token }, SLOW_SECONDS)).objects.map(readTokenObject)
    }

    async sign(request: Parameters<Daemon["sign"]>[0]): Promise<WireSignature> {
        const { signature } = await this.#askWithTouch(loadMethod("Signing", "Sign"), request)
        if (signature === null) throw new TrustkeyError("internal", "the daemon answered without a signature")
        return signature
    }

    async signSet(request: Parameters<Daemon["signSet"]>[0]): Promise<readonly WireFile[]> {
        const { gun, snapshot } = request
        const wire = {
            gun,
            published: [...request.published],
            bodies: request.bodies.map((body) => ({ ...body, keyIds: [...body.keyIds], signatures: [...body.signatures] })),
            snapshot: snapshot === undefined ? null : { ...snapshot, keyIds: [...snapshot.keyIds] },
        }
        return (await this.#askWithTouch(loadMethod("Signing", "SignSet"), wire)).files
    }

    async signClose(request: Parameters<Daemon["signClose"]>[0]): Promise<WireSignature> {
        const { signature } = await this.#askWithTouch(loadMethod("Ceremonies", "SignClose"), request)
        if (signature === null) throw new TrustkeyError("internal", "the daemon answered without a signature")
        return signature
    }

    async listTrust(): Promise<readonly DaemonRepository[]> {
        return (await this.#ask(loadMethod("Trust", "List"), {})).repositories
    }

    showTrust(gun: string): Promise<DaemonRepository> {
        return this.#ask(loadMethod("Trust", "Show"), { gun })
    }

    adopt(request: Parameters<Daemon["adopt"]>[0]): Promise<DaemonRepository> {
        return this.#ask(loadMethod("Trust", "Adopt"), { ...request, files: [...request.files] }, SLOW_SECONDS)
    }

    reset(request: Parameters<Daemon["reset"]>[0]): Promise<DaemonRepository> {
        return this.#ask(loadMethod("Trust", "Reset"), request)
    }

    observe(request: Parameters<Daemon["observe"]>[0]): Promise<{ marks: readonly WireMark[]; published: readonly string[] }> {
        return this.#ask(loadMethod("Trust", "Observe"), { gun: request.gun, files: [...request.files] }, SLOW_SECONDS)
    }

    async planRoot(request: Parameters<Daemon["planRoot"]>[0]): Promise<PlannedRoot> {
        const { gun, published, expires } = request
        const roles = (["root", "targets", "snapshot", "timestamp"] as const).map((role) => [role, encodeRoleKeys(request[role])] as const)
        const wire = { gun, published: [...published], expires, ...Object.fromEntries(roles) }
        return readPlannedRoot(await this.#ask(loadMethod("Trust", "PlanRoot"), wire, SLOW_SECONDS))
    }

    async begunRoot({ gun, published }: Parameters<Daemon["begunRoot"]>[0]): Promise<BegunRoot | undefined> {
        return readBegunRoot(await this.#ask(loadMethod("Trust", "PlanRoot"), { gun, published: [...published] }, SLOW_SECONDS))
    }

    async outbox(gun: string): Promise<readonly WireFile[]> {
        return (await this.#ask(loadMethod("Trust", "Outbox"), { gun })).files
    }

    async showJournal(request: Parameters<Daemon["showJournal"]>[0]): Promise<readonly JournalEntry[]> {
        return (await this.#ask(loadMethod("Journal", "Show"), request)).entries
    }

    async voidPromise(request: Parameters<Daemon["voidPromise"]>[0]): Promise<void> {
        await this.#ask(loadMethod("Journal", "Void"), request)
    }

    async listAudit(request: Parameters<Daemon["listAudit"]>[0]): Promise<readonly AuditRecord[]> {
        return (await this.#ask(loadMethod("Audit", "List"), request)).records
    }

    verifyAudit(): Promise<AuditVerdict> {
        return this.#ask(loadMethod("Audit", "Verify"), {}, SLOW_SECONDS)
    }
}

// The generated types ask for arrays that may be written to.
function mutable(bindings: readonly Binding[]): { gun: string; role: string }[] {
    return bindings.map(({ gun, role }) => ({ gun, role }))
}

function isServiceError(error: unknown): error is ServiceError {
    return error instanceof Error && "code" in error && "details" in error && "metadata" in error && error.metadata instanceof Metadata
}

/** The daemon's own code travels in a trailer; without it something between us failed. */
async function toTrustkeyError(error: unknown, socket: "sign" | "admin", socketPath: string, method: string): Promise<Error> {
    if (!isServiceError(error)) return error instanceof Error ? error : new TrustkeyError("internal", "a call failed", { cause: error })
    const code = error.metadata.get("trustkeyd-code")[0]?.toString()
    if (code !== undefined && isErrorCode(code)) return new TrustkeyError(code, error.details, { cause: error })
    if (code !== undefined)
        return new TrustkeyError("internal", `the daemon is newer than this client and says ${code}: ${error.details}`, { cause: error })
    switch (error.code) {
        case status.UNAVAILABLE:
            return new TrustkeyError("daemon_unreachable", await whyUnreachable(socketPath), { cause: error })
        case status.CANCELLED:
            return new TrustkeyError("daemon_unreachable", "the daemon broke off the call: it is stopping, or has too much to do", {
                cause: error,
            })
        case status.DEADLINE_EXCEEDED:
            return new TrustkeyError("deadline_exceeded", "the daemon did not answer in time", { cause: error })
        case status.UNIMPLEMENTED:
            return new TrustkeyError("denied", `the daemon does not offer ${method} on its ${socket} socket, ${socketPath}`, {
                cause: error,
            })
        case status.RESOURCE_EXHAUSTED:
            return new TrustkeyError("overloaded", `the daemon took no more: ${error.details}`, { cause: error })
        default:
            return new TrustkeyError("internal", `the call failed (${status[error.code] ?? error.code}): ${error.details}`, {
                cause: error,
            })
    }
}

/** grpc-js says only UNAVAILABLE; a person needs to know which of three things is wrong. */
async function whyUnreachable(socketPath: string): Promise<string> {
    try {
        const facts = await fileMode(socketPath)
        if (facts === undefined) return `there is no socket at ${socketPath}: trustkeyd is not running, or it listens elsewhere`
        if (facts.kind !== "socket") return `${socketPath} is no socket`
    } catch (error) {
        return `${socketPath} can't be looked at (${causeCode(error)}): you may not be in the group that may use it`
    }
    const code = await connectionError(socketPath)
    if (code === "ECONNREFUSED") return `nobody listens on ${socketPath}: trustkeyd has stopped`
    if (code === "EACCES" || code === "EPERM") return `you may not use ${socketPath}: its owner, group and mode keep you out`
    return code === undefined ? `the daemon closed the connection on ${socketPath}` : `${socketPath} can't be reached (${code})`
}

function causeCode(error: unknown): string {
    const inner = error instanceof TrustkeyError && error.cause !== undefined ? error.cause : error
    return inner instanceof Error && "code" in inner ? String(inner.code) : "unknown reason"
}

function connectionError(socketPath: string): Promise<string | undefined> {
    const { promise, resolve } = Promise.withResolvers<string | undefined>()
    const socket = connect({ path: socketPath, timeout: 2000 })
    socket.on("connect", () => resolve(undefined))
    socket.on("timeout", () => resolve("ETIMEDOUT"))
    socket.on("error", (error) => resolve(causeCode(error)))
    return promise.finally(() => socket.destroy())
}
