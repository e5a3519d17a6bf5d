import type { KeyObject } from "node:crypto"
import {
    algorithmOf,
    canonicalPkcs8,
    encryptBackup,
    generatePrivateKey,
    identitiesIn,
    KEY_FILE_FORMATS,
    type Opener,
    open,
    openPrivateKey,
    privateKeyToPem,
    publicKeyOf,
    rewrap,
    type Scheme,
    Secret,
    type SecretContext,
    type SecretInbox,
    seal,
    sealSecret,
    signWith,
    type Wrap,
} from "../../crypto/index.ts"
import { TrustkeyError } from "../../errors.ts"
import { canonicalKeyIdOf, tufKey } from "../../tuf/index.ts"
import type { Signer, Surroundings } from "../child.ts"
import { readCredential } from "../credential.ts"
import { type Fields, toBase64 } from "../fields.ts"
import { FrameError } from "../frames.ts"
import { isOver, type Lease, openLease } from "../lease.ts"
import {
    ALGORITHMS,
    copySubject,
    encodePublicKey,
    encodeSealed,
    exportFileSubject,
    exportSubject,
    filePassphraseSubject,
    locked,
    parseContext,
    parseCost,
    parsePublicKey,
    parseSealed,
    sealedKeyFacts,
} from "../messages.ts"
import { BackupSessions } from "./backup-sessions.ts"
import { checkPair, checkRestore } from "./check-key.ts"
import { makeKeyFile, parseHeaders, requireOther } from "./key-file.ts"
import { openWithPassphrase, toKey } from "./open-sealed.ts"

/** Opened keys in one process; the parent closes those it used longest ago, long before this. */
const MOST_OPEN_KEYS = 20_000
// Timers stand still while the machine sleeps, so what wipes expired keys looks this often; the check at use is exact.
const SWEEP_MS = 5_000

type OpenKey = { readonly key: KeyObject; readonly lease: Lease; readonly group: OpenGroup | undefined }
type OpenGroup = { readonly key: Secret; readonly lease: Lease; readonly handles: Set<number> }

/** Holds opened software keys and signs with them. Knows no files but credentials, no network, no database. */
export class FileSigner implements Signer {
    readonly #clock: () => number
    readonly #inbox: SecretInbox
    readonly #announce: (event: object) => void
    readonly #credentials: string | undefined
    readonly #keys = new Map<number, OpenKey>()
    readonly #groups = new Map<string, OpenGroup>()
    readonly #backups = new BackupSessions((fields, wanted) => this.#given(fields, wanted))
    #nextHandle = 1
    #sweep: NodeJS.Timeout | undefined

    constructor(surroundings: Surroundings, configuration: Fields) {
        this.#clock = surroundings.clock
        this.#inbox = surroundings.inbox
        this.#announce = surroundings.announce
        this.#credentials = configuration.has("credentialsDirectory") ? configuration.text("credentialsDirectory") : undefined
    }

    sign(handle: number, scheme: Scheme, message: Buffer): Uint8Array {
        const opened = this.#keys.get(handle)
        if (opened === undefined) throw locked()
        const { lease } = opened.group ?? opened
        if (isOver(lease, this.#clock())) {
            this.#expire()
            throw locked()
        }
        // Counted before the key is used: a use that fails half-way was one.
        lease.usesLeft -= 1
        const signature = signWith(opened.key, scheme, message)
        if (lease.usesLeft <= 0) this.#expire()
        return signature
    }

    control(operation: string, request: Fields): unknown {
        switch (operation) {
            case "generate":
                return this.#generate(request)
            case "import":
                return this.#importKey(request)
            case "open-key":
                return this.#openKey(request)
            case "close-key":
                return this.#closeKey(request.integer("handle"))
            case "create-group":
                return this.#createGroup(request)
            case "open-group":
                return this.#openGroup(request)
            case "close-group":
                return this.#closeGroup(request.text("group"))
            case "rewrap":
                return this.#rewrap(request)
            case "seal-for":
                return this.#sealFor(request)
            case "export-key":
                return this.#exportKey(request)
            case "export-key-file":
                return this.#exportKeyFile(request)
            default:
                if (operation.startsWith("backup-")) return this.#backups.control(operation, request)
                throw new FrameError("operation is unknown")
        }
    }

    close(): void {
        this.#backups.close()
        for (const name of [...this.#groups.keys()]) this.#closeGroup(name)
        this.#keys.clear()
        clearTimeout(this.#sweep)
    }

    async #generate(request: Fields): Promise<object> {
        const algorithm = request.oneOf("algorithm", ALGORITHMS)
        const origin = { purpose: request.text("purpose"), origin: "generated", createdAt: request.text("createdAt") }
        // Before the work of making a key.
        using wrap = this.#wrap(request.fields("wrap"))
        const { pkcs8, publicKey } = generatePrivateKey(algorithm)
        using _ = pkcs8
        checkPair(openPrivateKey(pkcs8), publicKey, algorithm)
        const id = canonicalKeyIdOf(tufKey(publicKey))
        const envelope = await seal(pkcs8, sealedKeyFacts({ id, algorithm, publicKey, ...origin }), [wrap.wrap])
        return { publicKey: encodePublicKey(publicKey), envelope: toBase64(envelope) }
    }

    /** TK-KEY-1: of what comes in, only public facts and a sealed envelope go out. */
    async #importKey(request: Fields): Promise<object> {
        // TK-KEY-3: not for the parent to say.
        const origin = { purpose: request.text("purpose"), origin: "imported", createdAt: request.text("createdAt") }
        using wrap = this.#wrap(request.fields("wrap"))
        using given = this.#inbox.open(parseContext(request.fields("context")), parseSealed(request.fields("sealed")))
        using pkcs8 = canonicalPkcs8(given)
        const publicKey = publicKeyOf(pkcs8)
        const algorithm = algorithmOf(publicKey)
        // The public half may stand in the file, and may be another's: only a signature shows that they belong together.
        checkPair(openPrivateKey(pkcs8), publicKey, algorithm)
        const id = canonicalKeyIdOf(tufKey(publicKey))
        const envelope = await seal(pkcs8, sealedKeyFacts({ id, algorithm, publicKey, ...origin }), [wrap.wrap])
        return { publicKey: encodePublicKey(publicKey), envelope: toBase64(envelope) }
    }

    async #openKey(request: Fields): Promise<object> {
        const expected = parsePublicKey(request.fields("publicKey"))
        const envelope = request.bytes("envelope")
        const facts = request.bytes("facts")
        if (this.#keys.size >= MOST_OPEN_KEYS) throw new TrustkeyError("overloaded", "too many keys are unlocked at once")
        if (request.has("group")) {
            const group = this.#openGroupNamed(request.text("group"))
            using pkcs8 = await open(envelope, facts, { kind: "group", key: group.key })
            // Locked while the key was being opened.
            if (!this.#isOpen(group)) throw locked()
            return this.#keep(toKey(pkcs8, expected), group.lease, group)
        }
        const opener = this.#opener(request.fields("opener"))
        using _ = opener.secret
        using pkcs8 = await open(envelope, facts, opener)
        return this.#keep(toKey(pkcs8, expected), this.#lease(request), undefined)
    }

    #keep(key: KeyObject, lease: Lease, group: OpenGroup | undefined): object {
        const handle = this.#nextHandle
        this.#nextHandle += 1
        this.#keys.set(handle, { key, lease, group })
        group?.handles.add(handle)
        this.#scheduleSweep()
        return { handle }
    }

    #closeKey(handle: number): object {
        this.#keys.get(handle)?.group?.handles.delete(handle)
        this.#keys.delete(handle)
        return {}
    }

    async #createGroup(request: Fields): Promise<object> {
        const wraps = request.list("wraps").map((entry) => this.#wrap(entry))
        using disposables = new DisposableStack()
        for (const wrap of wraps) disposables.use(wrap)
        using key = Secret.random(32)
        const envelope = await seal(
            key,
            request.bytes("facts"),
            wraps.map(({ wrap }) => wrap),
        )
        return { envelope: toBase64(envelope) }
    }

    async #openGroup(request: Fields): Promise<object> {
        const name = request.text("group")
        const opener = this.#opener(request.fields("opener"))
        using _ = opener.secret
        const key = await open(request.bytes("envelope"), request.bytes("facts"), opener)
        // A second unlocking replaces the first one's time and uses; its keys are opened again at their next use.
        this.#closeGroup(name)
        this.#groups.set(name, { key, lease: this.#lease(request), handles: new Set() })
        this.#scheduleSweep()
        return {}
    }

    #closeGroup(name: string): object {
        const group = this.#groups.get(name)
        if (group === undefined) return {}
        for (const handle of group.handles) this.#keys.delete(handle)
        this.#groups.delete(name)
        group.key[Symbol.dispose]()
        return {}
    }

    async #rewrap(request: Fields): Promise<object> {
        const envelope = request.bytes("envelope")
        const facts = request.bytes("facts")
        const opener = this.#opener(request.fields("opener"))
        using _ = opener.secret
        using replacement = this.#wrap(request.fields("wrap"))
        return { envelope: toBase64(await rewrap(envelope, facts, opener, [replacement.wrap])) }
    }

    /**
     * A private key, sealed for another signer. It takes the passphrase, given for just this key and this token: what is unlocked, or opens by a
     * credential, leaves by no command of the parent's. To whom `signerPublic` belongs is the parent's word (TK-SEC-2).
     */
    async #sealFor(request: Fields): Promise<object> {
        const expected = parsePublicKey(request.fields("publicKey"))
        const token = request.text("token")
        const subject = copySubject(canonicalKeyIdOf(tufKey(expected)), token)
        using secret = this.#given(request.fields("opener"), { purpose: "copy", subject })
        using pkcs8 = await openWithPassphrase(request, secret)
        toKey(pkcs8, expected)
        const to = { purpose: "import", subject: `token:${token}` }
        return encodeSealed(sealSecret(request.bytes("signerPublic"), request.bytes("nonce"), to, pkcs8))
    }

    /**
     * A private key in a file for age's recipients. It takes the passphrase, given for just this key and these recipients, as a copy does; and the
     * identity of one of them, with which the file is opened again before it leaves.
     */
    async #exportKey(request: Fields): Promise<object> {
        const expected = parsePublicKey(request.fields("publicKey"))
        const recipients = request.texts("recipients")
        const subject = exportSubject(canonicalKeyIdOf(tufKey(expected)), recipients)
        using secret = this.#given(request.fields("opener"), { purpose: "export", subject })
        using identity = this.#given(request.fields("identity"), { purpose: "identity", subject })
        const identities = identitiesIn(identity).filter(({ recipient }) => recipients.includes(recipient))
        if (identities.length === 0) throw new TrustkeyError("invalid_request", "the identity is not one of the recipients'")
        using pkcs8 = await openWithPassphrase(request, secret)
        toKey(pkcs8, expected)
        using pem = privateKeyToPem(pkcs8)
        const file = await encryptBackup(pem, recipients)
        await checkRestore(file, identities, expected)
        return { file: toBase64(file) }
    }

    /** A private key in an encrypted file for other programs. It takes the passphrase, given for just this key, this form and this file's passphrase. */
    async #exportKeyFile(request: Fields): Promise<object> {
        const expected = parsePublicKey(request.fields("publicKey"))
        const format = request.oneOf("format", KEY_FILE_FORMATS)
        const id = canonicalKeyIdOf(tufKey(expected))
        const fileFields = request.fields("filePassphrase")
        const subject = exportFileSubject(id, format, parseSealed(fileFields.fields("sealed")))
        using secret = this.#given(request.fields("opener"), { purpose: "export-file", subject })
        using fileSecret = this.#given(fileFields, { purpose: "file-passphrase", subject: filePassphraseSubject(id, format) })
        requireOther(fileSecret, secret)
        using pkcs8 = await openWithPassphrase(request, secret)
        toKey(pkcs8, expected)
        const headers = request.has("headers") ? parseHeaders(request.fields("headers")) : undefined
        return { file: toBase64(await makeKeyFile(pkcs8, expected, fileSecret, format, headers)) }
    }

    /** A secret that is good for this alone, whatever the parent says that it is for. */
    #given(fields: Fields, wanted: SecretContext): Secret {
        const context = parseContext(fields.fields("context"))
        if (context.purpose !== wanted.purpose || context.subject !== wanted.subject)
            throw new FrameError("a secret for another key or purpose, or for others")
        return this.#inbox.open(context, parseSealed(fields.fields("sealed")))
    }

    #openGroupNamed(name: string): OpenGroup {
        const group = this.#groups.get(name)
        if (group === undefined || isOver(group.lease, this.#clock())) throw locked()
        return group
    }

    #isOpen(group: OpenGroup): boolean {
        for (const open of this.#groups.values()) if (open === group) return true
        return false
    }

    #lease(request: Fields): Lease {
        return openLease(this.#clock(), request.integer("ttlMs"), request.integer("uses"))
    }

    /** TK-SEC-2: only here does a sealed passphrase become clear. */
    #opener(fields: Fields): Opener & { readonly secret: Secret } {
        const kind = fields.oneOf("kind", ["passphrase", "credential"])
        if (kind === "credential") {
            const name = fields.text("name")
            return { kind, name, secret: readCredential(this.#credentials, name) }
        }
        return { kind, secret: this.#inbox.open(parseContext(fields.fields("context")), parseSealed(fields.fields("sealed"))) }
    }

    #wrap(fields: Fields): OwnedWrap {
        const kind = fields.oneOf("kind", ["passphrase", "credential", "group"])
        if (kind === "group") {
            const group = fields.text("group")
            // A copy: the group may be locked while we seal.
            const key = this.#openGroupNamed(group).key.clone()
            return new OwnedWrap({ kind, group, key }, key)
        }
        const cost = parseCost(fields.fields("cost"))
        if (kind === "credential") {
            const name = fields.text("name")
            const secret = readCredential(this.#credentials, name)
            return new OwnedWrap({ kind, name, secret, cost }, secret)
        }
        const secret = this.#inbox.open(parseContext(fields.fields("context")), parseSealed(fields.fields("sealed")))
        return new OwnedWrap({ kind, secret, cost }, secret)
    }

    /** Close what has expired, and say so: the parent ends this process when it holds nothing any more. */
    #expire(): void {
        const now = this.#clock()
        const groups = [...this.#groups].filter(([, group]) => isOver(group.lease, now)).map(([name]) => name)
        const handles = [...this.#keys].filter(([, key]) => key.group === undefined && isOver(key.lease, now)).map(([handle]) => handle)
        for (const name of groups) this.#closeGroup(name)
        for (const handle of handles) this.#closeKey(handle)
        if (groups.length + handles.length > 0) this.#announce({ event: "expired", groups, handles })
    }

    #scheduleSweep(): void {
        clearTimeout(this.#sweep)
        const deadlines = [...this.#groups.values(), ...this.#ownKeys()].map(({ lease }) => lease.deadline)
        const next = Math.min(...deadlines)
        if (next === Number.POSITIVE_INFINITY) return
        this.#sweep = setTimeout(
            () => {
                this.#expire()
                this.#scheduleSweep()
            },
            Math.min(SWEEP_MS, Math.max(1, next - this.#clock())),
        )
    }

    *#ownKeys(): Iterable<OpenKey> {
        for (const key of this.#keys.values()) if (key.group === undefined) yield key
    }
}

/** A wrap and the secret in it, wiped together. */
class OwnedWrap implements Disposable {
    readonly wrap: Wrap
    readonly #secret: Secret

    constructor(wrap: Wrap, secret: Secret) {
        this.wrap = wrap
        this.#secret = secret
    }

    [Symbol.dispose](): void {
        this.#secret[Symbol.dispose]()
    }
}
