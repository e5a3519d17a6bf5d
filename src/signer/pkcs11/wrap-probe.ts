import { generateKeyPairSync, type KeyObject, randomBytes } from "node:crypto"
import type { Session } from "graphene-pk11"
import type { Handle, Mechanism, PKCS11, Template } from "pkcs11js"
import type { WrapProbe, WrapVerdict, WrapWay } from "../quirks.ts"
import { CKK_RSA, type MechanismFacts, mechanismName } from "./mechanisms.ts"
import {
    CKA_CLASS,
    CKA_DECRYPT,
    CKA_ENCRYPT,
    CKA_EXTRACTABLE,
    CKA_KEY_TYPE,
    CKA_MODULUS,
    CKA_PUBLIC_EXPONENT,
    CKA_SENSITIVE,
    CKA_TOKEN,
    CKA_UNWRAP,
    CKA_VALUE,
    CKA_VALUE_LEN,
    CKA_WRAP,
    CKO_PUBLIC_KEY,
    CKO_SECRET_KEY,
} from "./objects.ts"
import {
    CKR_ACTION_PROHIBITED,
    CKR_KEY_FUNCTION_NOT_PERMITTED,
    CKR_KEY_NOT_WRAPPABLE,
    CKR_KEY_UNEXTRACTABLE,
    endsSession,
    resultCode,
} from "./result-codes.ts"
import { makeSessionPair, type SessionPair } from "./session-pair.ts"
import { isPrivateHalf, mechanismOf, WAYS, type Way, wrapMechanisms } from "./wrap-ways.ts"

const CKK_DES3 = 0x15
const CKK_AES = 0x1f
const CKM_AES_KEY_GEN = 0x1080
const CKM_DES3_KEY_GEN = 0x0131
// A wrapped P-256 key has some 150 bytes, a wrapped RSA-2048 key some 1,230.
const ROOM = 8192
/** What a module says when it means the key, not the way. */
const MEANS_THE_KEY: ReadonlySet<number> = new Set([
    CKR_KEY_NOT_WRAPPABLE,
    CKR_KEY_UNEXTRACTABLE,
    CKR_KEY_FUNCTION_NOT_PERMITTED,
    CKR_ACTION_PROHIBITED,
])

/**
 * Whether a key that is SENSITIVE and not EXTRACTABLE can be had in clear all the same. What the attributes say is a claim; this tries.
 *
 * Everything it works on is a session object of its own, in a session opened for reading only, in which a module that keeps to the
 * standard can't make anything that stays. A refusal counts when the module says it means the key, or when the same mechanism has
 * wrapped a key of the same kind that is extractable; otherwise the way did not work at all, and nothing is known.
 *
 * @throws what the module throws when the token is lost meanwhile
 */
export function probeWrapping(lib: PKCS11, session: Session, mechanisms: readonly MechanismFacts[], useSessionObjects: boolean): WrapProbe {
    const wrapping = wrapMechanisms(mechanisms)
    if (wrapping.length === 0) return { verdict: "kept", reason: "the module has no mechanism that wraps keys", ways: [] }
    const names = wrapping.map(({ mechanism }) => mechanismName(mechanism)).join(", ")
    if (!useSessionObjects) return untested(`the module has ${names}, and makes no keys for a session only, so they can't be tried`)
    let pair: SessionPair
    try {
        pair = makeSessionPair(lib, session, mechanisms)
    } catch (error) {
        rethrowLost(error)
        return untested(`the module has ${names}, and made no key to try them on (${codeText(error)})`)
    }
    try {
        const probe = new Probe(lib, session, mechanisms, pair)
        const present = new Set(wrapping.map(({ mechanism }) => mechanism))
        const ways = WAYS.filter(({ mechanism }) => present.has(mechanism))
        const tried = ways.map((way) => probe.tryWay(way))
        // What comes out as it is shows nothing of what weaker attributes would do.
        const others = ways.filter((_, index) => tried[index]?.outcome === "refused")
        return conclude([...tried, ...probe.tryAttributes(others)], names)
    } finally {
        pair.destroy()
    }
}

function conclude(ways: readonly WrapWay[], names: string): WrapProbe {
    const out = ways.filter(({ outcome }) => outcome === "came-out")
    if (out.length > 0) {
        const how = out.map(({ way }) => way).join(", ")
        return { verdict: "leaves", reason: `a key that should never leave came out by ${how}`, ways }
    }
    const wrapped = ways.filter(({ way }) => way.startsWith("CKM_"))
    if (wrapped.some(({ outcome }) => outcome === "refused")) {
        return { verdict: "kept", reason: "a key that should never leave was refused every way that works", ways }
    }
    return { ...untested(`the module has ${names}, none of which could be made to work`), ways }
}

function untested(reason: string): WrapProbe {
    return { verdict: "untested" satisfies WrapVerdict, reason, ways: [] }
}

const WEAKER: Template = [
    { type: CKA_SENSITIVE, value: false },
    { type: CKA_EXTRACTABLE, value: true },
]

class Probe {
    readonly #lib: PKCS11
    readonly #session: Session
    readonly #mechanisms: readonly MechanismFacts[]
    readonly #pair: SessionPair

    constructor(lib: PKCS11, session: Session, mechanisms: readonly MechanismFacts[], pair: SessionPair) {
        this.#mechanisms = mechanisms
        this.#lib = lib
        this.#session = session
        this.#pair = pair
    }

    tryWay(way: Way): WrapWay {
        const name = mechanismName(way.mechanism)
        const made: Handle[] = []
        try {
            const key = this.#wrappingKey(way.wrapping, made)
            const mechanism = mechanismOf(way)
            try {
                const wrapped = this.#lib.C_WrapKey(this.#session.handle, mechanism, key.handle, this.#pair.privateKey, Buffer.alloc(ROOM))
                return { way: name, outcome: "came-out", proven: this.#isOurs(way, wrapped, key.value), code: "CKR_OK" }
            } catch (error) {
                rethrowLost(error)
                const code = resultCode(error) ?? -1
                const counts = MEANS_THE_KEY.has(code) || this.#wrapsAtAll(mechanism, key.handle)
                return { way: name, outcome: counts ? "refused" : "did-not-work", proven: counts, code: codeText(error) }
            }
        } catch (error) {
            rethrowLost(error)
            return { way: name, outcome: "did-not-work", proven: false, code: codeText(error) }
        } finally {
            this.#destroy(made)
        }
    }

    /** Read it; declare it harmless and read it; copy it with weaker attributes and read the copy. Last of all: it may change the key. */
    tryAttributes(ways: readonly Way[]): WrapWay[] {
        const key = this.#pair.privateKey
        const { handle: session } = this.#session
        return [
            this.#tryAttribute("reading its value", key, () => key, []),
            this.#tryAttribute(
                "C_CopyObject",
                key,
                () => this.#lib.C_CopyObject(session, key, [...WEAKER, { type: CKA_TOKEN, value: false }]),
                ways,
            ),
            this.#tryAttribute(
                "C_SetAttributeValue",
                key,
                () => {
                    for (const attribute of WEAKER) this.#quietly(() => this.#lib.C_SetAttributeValue(session, key, [attribute]))
                    return key
                },
                ways,
            ),
        ]
    }

    #tryAttribute(way: string, key: Handle, step: () => Handle, ways: readonly Way[]): WrapWay {
        let handle: Handle | undefined
        try {
            const weakened = step()
            handle = weakened
            const value = this.#pair.readSecret(weakened)
            const isOut = value?.some((byte) => byte !== 0) === true || ways.some((each) => this.#wraps(each, weakened))
            value?.fill(0)
            return { way, outcome: isOut ? "came-out" : "refused", proven: true, code: "CKR_OK" }
        } catch (error) {
            rethrowLost(error)
            return { way, outcome: "refused", proven: true, code: codeText(error) }
        } finally {
            if (handle !== undefined && handle !== key) this.#destroy([handle])
        }
    }

    #wraps(way: Way, target: Handle): boolean {
        const made: Handle[] = []
        try {
            const key = this.#wrappingKey(way.wrapping, made)
            return this.#lib.C_WrapKey(this.#session.handle, mechanismOf(way), key.handle, target, Buffer.alloc(ROOM)).length > 0
        } catch (error) {
            rethrowLost(error)
            return false
        } finally {
            this.#destroy(made)
        }
    }

    /** With a value we know where the module takes one: then what comes out can be opened, and is no matter of words. */
    #wrappingKey(kind: Way["wrapping"], made: Handle[]): { readonly handle: Handle; readonly value: Buffer | KeyObject | undefined } {
        if (kind === "rsa") return this.#wrappingPublicKey(made)
        const [keyType, length, generation] = kind === "aes" ? [CKK_AES, 32, CKM_AES_KEY_GEN] : [CKK_DES3, 24, CKM_DES3_KEY_GEN]
        const template: Template = [
            { type: CKA_CLASS, value: CKO_SECRET_KEY },
            { type: CKA_KEY_TYPE, value: keyType },
            { type: CKA_TOKEN, value: false },
            { type: CKA_WRAP, value: true },
            { type: CKA_UNWRAP, value: true },
            { type: CKA_ENCRYPT, value: true },
            { type: CKA_DECRYPT, value: true },
        ]
        try {
            const value = kind === "aes" ? randomBytes(length) : oddParity(randomBytes(length))
            const handle = this.#lib.C_CreateObject(this.#session.handle, [...template, { type: CKA_VALUE, value }])
            made.push(handle)
            return { handle, value }
        } catch (error) {
            rethrowLost(error)
            const size: Template = kind === "aes" ? [{ type: CKA_VALUE_LEN, value: length }] : []
            const handle = this.#lib.C_GenerateKey(this.#session.handle, { mechanism: generation }, [...template.slice(2), ...size])
            made.push(handle)
            return { handle, value: undefined }
        }
    }

    #wrappingPublicKey(made: Handle[]): { readonly handle: Handle; readonly value: KeyObject } {
        const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 })
        const { n = "", e = "" } = publicKey.export({ format: "jwk" })
        const handle = this.#lib.C_CreateObject(this.#session.handle, [
            { type: CKA_CLASS, value: CKO_PUBLIC_KEY },
            { type: CKA_KEY_TYPE, value: CKK_RSA },
            { type: CKA_TOKEN, value: false },
            { type: CKA_WRAP, value: true },
            { type: CKA_ENCRYPT, value: true },
            { type: CKA_MODULUS, value: Buffer.from(n, "base64url") },
            { type: CKA_PUBLIC_EXPONENT, value: Buffer.from(e, "base64url") },
        ])
        made.push(handle)
        return { handle, value: privateKey }
    }

    /** The control: the same mechanism on a key of the same kind that may leave. */
    #wrapsAtAll(mechanism: Mechanism, wrappingKey: Handle): boolean {
        let free: SessionPair | undefined
        try {
            free = makeSessionPair(this.#lib, this.#session, this.#mechanisms, true)
            return this.#lib.C_WrapKey(this.#session.handle, mechanism, wrappingKey, free.privateKey, Buffer.alloc(ROOM)).length > 0
        } catch (error) {
            rethrowLost(error)
            return false
        } finally {
            free?.destroy()
        }
    }

    /** What came out is the private half of the probe's own key: nothing is left to doubt. */
    #isOurs(way: Way, wrapped: Buffer, key: Buffer | KeyObject | undefined): boolean {
        const { publicKey } = this.#pair
        if (key === undefined || publicKey === undefined) return false
        let der: Buffer | undefined
        try {
            der = way.open(wrapped, key)
            return isPrivateHalf(der, publicKey)
        } catch {
            return false
        } finally {
            der?.fill(0)
        }
    }

    #destroy(handles: readonly Handle[]): void {
        for (const handle of handles) this.#quietly(() => this.#lib.C_DestroyObject(this.#session.handle, handle))
    }

    #quietly(work: () => void): void {
        try {
            work()
        } catch (error) {
            rethrowLost(error)
        }
    }
}

function oddParity(key: Buffer): Buffer {
    return Buffer.from(key.map((byte) => (ones(byte >> 1) % 2 === 0 ? byte | 1 : byte & 0xfe)))
}

function ones(byte: number): number {
    let count = 0
    for (let rest = byte; rest !== 0; rest >>= 1) count += rest & 1
    return count
}

function rethrowLost(error: unknown): void {
    const code = resultCode(error)
    if (code === undefined || endsSession(code)) throw error
}

function codeText(error: unknown): string {
    return `CKR 0x${(resultCode(error) ?? 0).toString(16)}`
}
