import { randomBytes } from "node:crypto"
import { type Session, SessionFlag, type SessionObject } from "graphene-pk11"
import type { PKCS11 } from "pkcs11js"
import { algorithmOf, publicKeyOf, type Scheme, type SecretInbox, tufScheme, verify } from "../../crypto/index.ts"
import { TrustkeyError } from "../../errors.ts"
import type { Signer, Surroundings } from "../child.ts"
import type { Fields } from "../fields.ts"
import { FrameError } from "../frames.ts"
import {
    ALGORITHMS,
    canaryMessage,
    encodeTokenKey,
    parseContext,
    parsePublicKey,
    parseSealed,
    samePublicKey,
    type TokenKeyFacts,
} from "../messages.ts"
import { type KnownPolicies, parseKnownPolicies } from "../piv/description.ts"
import { withPivCard, yubikeyReader } from "../piv/find-card.ts"
import type { OpenPcsc } from "../piv/pcsc.ts"
import type { PivCard } from "../piv/piv-card.ts"
import { isPivOperation, runPivOperation, type UseCard } from "../piv/piv-operations.ts"
import { Readers } from "../piv/readers.ts"
import { matchesObject, namesOneKey, type ObjectFacts, parsePkcs11Uri } from "../pkcs11-uri.ts"
import type { Profile } from "../profile.ts"
import { parseQuirksOverride } from "../quirks.ts"
import { onlyOneKey } from "./candidates.ts"
import type { ReaderOf } from "./card-watch.ts"
import { Fitness } from "./fitness.ts"
import { type GeneratedPair, generatePair } from "./generate.ts"
import { importPair } from "./import-pair.ts"
import { loginRequired } from "./login-refusal.ts"
import { Logins } from "./logins.ts"
import { prepare, signatureLength } from "./mechanisms.ts"
import type { loadModule } from "./module.ts"
import {
    CKA_EXTRACTABLE,
    CKA_ID,
    CKA_LABEL,
    CKA_LOCAL,
    CKA_SENSITIVE,
    CKO_PRIVATE_KEY,
    findObjects,
    readAttribute,
    readFlag,
    readPublicKey,
    readText,
} from "./objects.ts"
import { OwnSession } from "./own-session.ts"
import { PinChanges } from "./pin-changes.ts"
import { profileToken } from "./profile.ts"
import { CKR_USER_NOT_LOGGED_IN, judge, judgeTouch, resultCode } from "./result-codes.ts"
import { Token, type TokenKey } from "./token.ts"

type Failure = { readonly error: unknown; readonly code: number | undefined; readonly touch: ReturnType<typeof judgeTouch> }
type Attempt = { readonly signature: Buffer } | Failure

/** Signs with the keys of one token. One call at a time: everything below is synchronous but for the fingerprint of a PIN. */
export class Pkcs11Signer implements Signer {
    readonly oneByOne = true
    readonly #lib: PKCS11
    readonly #inbox: SecretInbox
    readonly #openPcsc: OpenPcsc
    readonly #token: Token
    readonly #logins: Logins
    readonly #pinChanges: PinChanges
    readonly #useCard: UseCard = (work) => this.#onCard(work)
    readonly #fitness: Fitness
    /** Milliseconds */
    readonly #clock: () => number
    /** Remembered for when somebody has logged in. */
    #initialize: Profile["initialize"]
    #nextHandle = 1

    constructor(surroundings: Surroundings, configuration: Fields, load: typeof loadModule, openPcsc: OpenPcsc) {
        const parameters = configuration.has("libraryParameters") ? configuration.text("libraryParameters") : undefined
        const loaded = load(configuration.text("module"), parameters)
        this.#lib = loaded.lib
        this.#clock = surroundings.clock
        this.#inbox = surroundings.inbox
        this.#openPcsc = openPcsc
        const readerOf: ReaderOf = (slot) => yubikeyReader(openPcsc, slot)
        this.#token = new Token(loaded, {
            ...surroundings,
            uri: parsePkcs11Uri(configuration.text("uri")),
            readerOf,
            readers: new Readers(openPcsc),
            releaseAfterMs: configuration.has("releaseAfterMs") ? configuration.integer("releaseAfterMs") : undefined,
            override: configuration.has("quirks") ? parseQuirksOverride(configuration.fields("quirks")) : undefined,
        })
        this.#fitness = new Fitness(loaded.lib, this.#token)
        this.#logins = new Logins(surroundings, configuration, this.#token)
        this.#pinChanges = new PinChanges(surroundings, configuration, this.#token, this.#useCard)
    }

    sign(handle: number, scheme: Scheme, message: Buffer): Uint8Array {
        const key = this.#token.keys.get(handle)
        if (key === undefined) throw this.#gone()
        this.#token.spend()
        try {
            return this.#token.run((session) => this.#signIn(session, key, scheme, message, true))
        } finally {
            this.#token.settle()
        }
    }

    mayWait(handle: number): boolean {
        const key = this.#token.keys.get(handle)
        return key !== undefined && key.touchPolicy !== "never" && (key.touchPolicy !== undefined || key.alwaysAuthenticate)
    }

    control(operation: string, request: Fields): unknown {
        this.#token.endWhenOver()
        switch (operation) {
            case "state":
                return { token: this.#token.refresh(!this.#logins.isPrepared && !this.#pinChanges.isPrepared) }
            case "prepare-login":
                return this.#logins.prepare(request)
            case "login":
                return this.#logins.login()
            case "logout":
                this.#logins.forget()
                this.#token.logout()
                return { token: this.#token.refresh() }
            case "prepare-pin-change":
                return this.#pinChanges.prepare(request)
            case "pin-change":
                return this.#pinChanges.apply()
            case "release":
                this.#token.release()
                return { token: this.#token.snapshot }
            case "objects":
                return { objects: this.#usable((session) => this.#privateKeys(session)).map(encodeTokenKey) }
            case "generate":
                return this.#generate(request)
            case "import":
                return this.#takeIn(request)
            case "find":
                return this.#find(request.text("uri"), parseKnownPolicies(request))
            case "open-key":
                return this.#openKey(request)
            case "profile":
                return this.#profile()
            case "close-key":
                this.#token.keys.delete(request.integer("handle"))
                return {}
            default:
                return this.#other(operation, request)
        }
    }

    #other(operation: string, request: Fields): object {
        const answer = isPivOperation(operation) ? runPivOperation(operation, request, this.#inbox, this.#useCard) : undefined
        if (answer === undefined) throw new FrameError("operation is unknown")
        return answer
    }

    /** The card without PKCS#11 between; a login goes on, and the card is told the PIN again when it is next used. */
    #onCard<T>(work: (card: PivCard) => T): T {
        this.#token.refresh()
        const name = this.#token.handOver()
        try {
            return withPivCard(this.#openPcsc, name, work)
        } finally {
            this.#token.refresh()
        }
    }

    close(): void {
        this.#logins.forget()
        this.#pinChanges.forget()
        this.#token.logout()
        this.#token.lose()
    }

    #signIn(session: Session, key: TokenKey, scheme: Scheme, message: Buffer, mayRepeat: boolean): Buffer {
        const { mechanism, input } = prepare(key.algorithm, scheme, message)
        const attempt = (): Attempt => {
            if (key.alwaysAuthenticate) this.#token.checkTries()
            this.#lib.C_SignInit(session.handle, mechanism, key.object)
            if (key.alwaysAuthenticate) this.#token.loginForOne(session)
            return this.#attempt(session, key, input)
        }
        let result = attempt()
        // Another program reset the card between the login for this signature and the signature. Nobody can have been asked for a touch
        // in that time, so it is done once more; a signature that may have waited for a touch is never repeated by us.
        if (mayRepeat && !("signature" in result) && this.#isResetInBetween(key, result)) result = attempt()
        if ("signature" in result) return result.signature
        return this.#refuse(result)
    }

    #attempt(session: Session, key: TokenKey, input: Buffer): Attempt {
        const started = this.#clock()
        try {
            return { signature: this.#lib.C_Sign(session.handle, input, Buffer.allocUnsafe(signatureLength(key.algorithm))) }
        } catch (error) {
            const code = resultCode(error)
            return { error, code, touch: judgeTouch(code, this.#clock() - started, key.touchPolicy) }
        }
    }

    #isResetInBetween(key: TokenKey, { code, touch }: Failure): boolean {
        return key.alwaysAuthenticate && code === CKR_USER_NOT_LOGGED_IN && touch === "ruled-out" && this.#token.isUnchanged
    }

    /** Once C_SignInit has passed, a failure leaves the operation in a state only a new session is sure to be free of. */
    #refuse({ error, code, touch }: Failure): never {
        const { consequence, error: answer } = judge(code, error)
        if (touch === "missed") {
            // Nobody was there; whoever logged in is logged in still, unless the module let go of the card.
            if (consequence === "logged-out") this.#token.renew()
            else this.#token.lose()
            // A card that was pulled out while it waited says the same as one that was not touched.
            this.#token.run(() => undefined)
            throw new TrustkeyError("touch_timeout", "nobody touched the token in time", { cause: error })
        }
        if (consequence === "lost") throw error
        this.#token.startOver()
        if (code === CKR_USER_NOT_LOGGED_IN && touch === "undecided") {
            throw new TrustkeyError("touch_timeout", "the token was not touched in time, or asks for a login", { cause: error })
        }
        throw answer
    }

    /** The parent knows a handle from before the token was lost, or from before a logout. */
    #gone(): TrustkeyError {
        if (this.#token.snapshot.state === "absent") return new TrustkeyError("token_absent", "the token is not there; insert it")
        if (!this.#token.isUsable) return loginRequired()
        return new TrustkeyError("token_busy", "the token was opened anew; try again")
    }

    #usable<T>(work: (session: Session) => T): T {
        return this.#token.run((session) => {
            if (!this.#token.isUsable) throw loginRequired()
            return work(session)
        })
    }

    #privateKeys(session: Session): TokenKeyFacts[] {
        return findObjects(session, CKO_PRIVATE_KEY).map((object) => this.#describe(session, object))
    }

    #describe(session: Session, object: SessionObject): TokenKeyFacts {
        const id = readAttribute(object, CKA_ID) ?? Buffer.alloc(0)
        return {
            id,
            label: readText(object, CKA_LABEL),
            serial: this.#token.snapshot.serial,
            publicKey: readPublicKey(session, object, id),
            // OpenSC says so of every key on a PIV card, of imported ones too.
            local: readFlag(object, CKA_LOCAL) && this.#token.snapshot.manufacturer !== "piv_II",
            sensitive: readFlag(object, CKA_SENSITIVE),
            extractable: readFlag(object, CKA_EXTRACTABLE),
            alwaysAuthenticate: this.#token.asksEachTime(object),
        }
    }

    /** TK-KEY-2: the key is made on the token, or the request fails; there is no other place to make it. */
    #generate(request: Fields): object {
        const algorithm = request.oneOf("algorithm", ALGORITHMS)
        const label = request.text("label")
        return this.#placePair((session) => generatePair(this.#lib, session, algorithm, label, this.#token.quirks))
    }

    /** A key from another signer: sealed for this process, so nobody on the way could read it (TK-SEC-2). */
    #takeIn(request: Fields): object {
        const label = request.text("label")
        const secret = request.fields("pkcs8")
        using pkcs8 = this.#inbox.open(parseContext(secret.fields("context")), parseSealed(secret.fields("sealed")))
        const publicKey = publicKeyOf(pkcs8)
        this.#usable((session) => {
            const present = this.#privateKeys(session).filter(
                (key) => key.publicKey !== undefined && samePublicKey(key.publicKey, publicKey),
            )
            if (present.length > 0) throw new TrustkeyError("already_exists", "the token holds this key already")
        })
        return this.#placePair((session) => importPair(this.#lib, session, pkcs8, label, this.#token.quirks))
    }

    /** What is new on the token shows that it is what was asked for, and that it signs; or it goes again. */
    #placePair(place: (session: Session) => GeneratedPair): object {
        return this.#usable(() => {
            this.#fitness.require()
            using session = new OwnSession(this.#token.slot.open(SessionFlag.SERIAL_SESSION | SessionFlag.RW_SESSION))
            const pair = place(session.session)
            try {
                const object = onlyOneKey(findObjects(session.session, CKO_PRIVATE_KEY, pair.id))
                const facts = this.#describe(session.session, object)
                pair.check(object, facts.publicKey)
                this.#checkCanary(session.session, object, facts)
                return encodeTokenKey(facts)
            } catch (error) {
                // These two objects were made a moment ago, by us, and nobody has seen them.
                pair.destroy()
                throw error
            }
        })
    }

    /** For the doctor. What needs a login is left out when there is none: nobody is logged in for it, and no PIN is tried. */
    #profile(): Profile {
        if (this.#token.keptLogin === undefined) this.#initialize = this.#token.tryInitialize()
        return this.#token.run((session) => {
            const probe = this.#token.isUsable ? () => this.#fitness.probe() : undefined
            return profileToken(this.#lib, this.#token, session, probe, this.#initialize)
        })
    }

    #find(text: string, policies: KnownPolicies): object {
        const uri = parsePkcs11Uri(text)
        if (!namesOneKey(uri)) {
            throw new TrustkeyError("invalid_request", "the URI must name the token (serial or token) and the key (id or object)")
        }
        this.#token.refresh()
        return this.#usable((session) => {
            // The token is the configured one; a URI that names another finds nothing on it.
            const all = findObjects(session, CKO_PRIVATE_KEY)
            const fitting = this.#token.matches(uri) ? all.filter((candidate) => matchesObject(uri, objectFacts(candidate))) : []
            this.#fitness.require()
            const object = onlyOneKey(fitting, all)
            const facts = this.#describe(session, object)
            this.#checkCanary(session, object, facts, policies)
            return encodeTokenKey(facts)
        })
    }

    /** TK-SIG-1: the canary has a form no Intent can have. A key that cannot sign it, or whose public key does not fit, is refused. */
    #checkCanary(session: Session, object: SessionObject, facts: TokenKeyFacts, policies: KnownPolicies = {}): void {
        if (facts.publicKey === undefined) throw new TrustkeyError("key_unfit", "the token does not show a public key of a kind we use")
        const algorithm = algorithmOf(facts.publicKey)
        const message = canaryMessage(randomBytes(32))
        const key = { object: object.handle, algorithm, ...this.#token.demandsOf(object, policies) }
        // The parent may log in and ask for all of this once more.
        const signature = this.#signIn(session, key, tufScheme(algorithm), message, false)
        if (!verify(facts.publicKey, tufScheme(algorithm), message, signature)) {
            throw new TrustkeyError("key_unfit", "the key's signature does not verify against the public key the token shows")
        }
    }

    /** TK-KEY-4: a token is known by its serial and its public key. Both are compared here, after every reopening. */
    #openKey(request: Fields): object {
        const id = request.bytes("id")
        const serial = request.text("serial")
        const pinned = parsePublicKey(request.fields("publicKey"))
        return this.#usable((session) => {
            if (this.#token.snapshot.serial !== serial) throw changed("its serial number is another")
            const objects = findObjects(session, CKO_PRIVATE_KEY, id)
            if (objects.length === 0) throw this.#changedInside("the key is not on it any more")
            const object = onlyOneKey(objects)
            const found = readPublicKey(session, object, id)
            if (found === undefined || !samePublicKey(found, pinned)) throw this.#changedInside("it shows another public key for this key")
            const handle = this.#nextHandle
            this.#nextHandle += 1
            const demands = this.#token.demandsOf(object, parseKnownPolicies(request))
            this.#token.keys.set(handle, { object: object.handle, algorithm: algorithmOf(pinned), ...demands })
            return { handle, alwaysAuthenticate: demands.alwaysAuthenticate }
        })
    }

    /**
     * What a module shows may be what another card held: SoftHSM shows a token that is gone as an empty one, and ykcs11 the key of a
     * twin that was in the reader before. Opened anew, it shows the truth.
     */
    #changedInside(how: string): TrustkeyError {
        this.#token.lose()
        this.#token.run(() => undefined)
        return changed(how)
    }
}

function objectFacts(object: SessionObject): ObjectFacts {
    return { label: readText(object, CKA_LABEL), id: readAttribute(object, CKA_ID) ?? Buffer.alloc(0), type: "private" }
}

function changed(how: string): TrustkeyError {
    return new TrustkeyError("token_changed", `this is not the token the key was enrolled on: ${how}`)
}
