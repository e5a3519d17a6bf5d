import { randomBytes } from "node:crypto"
import { type Session, SessionFlag, type SessionObject } from "graphene-pk11"
import type { PKCS11 } from "pkcs11js"
import { type Algorithm, tufScheme, verify } from "../../crypto/index.ts"
import { TrustkeyError } from "../../errors.ts"
import { canaryMessage } from "../messages.ts"
import { stripPadding } from "../pkcs11-uri.ts"
import type { Ability, Profile, ProfiledAlgorithm, ProfiledKey } from "../profile.ts"
import type { WrapProbe } from "../quirks.ts"
import {
    generationOf,
    type MechanismFacts,
    mechanismFlagNames,
    mechanismName,
    prepare,
    readMechanisms,
    signatureLength,
    signingMechanism,
} from "./mechanisms.ts"
import {
    CKA_ALWAYS_AUTHENTICATE,
    CKA_EC_PARAMS,
    CKA_EC_POINT,
    CKA_EXTRACTABLE,
    CKA_ID,
    CKA_LABEL,
    CKA_LOCAL,
    CKA_NEVER_EXTRACTABLE,
    CKA_SENSITIVE,
    CKO_PRIVATE_KEY,
    findObjects,
    readAttribute,
    readPublicKey,
    readText,
} from "./objects.ts"
import { OwnSession } from "./own-session.ts"
import { endsSession, resultCode } from "./result-codes.ts"
import { makeSessionPairOf, type SessionPair } from "./session-pair.ts"
import type { Token } from "./token.ts"

// CK_TOKEN_INFO flags, PKCS#11 v3.0 table 6: those that decide something here.
const TOKEN_FLAGS: readonly (readonly [number, string])[] = [
    [0x1, "CKF_RNG"],
    [0x2, "CKF_WRITE_PROTECTED"],
    [0x4, "CKF_LOGIN_REQUIRED"],
    [0x8, "CKF_USER_PIN_INITIALIZED"],
    [0x100, "CKF_PROTECTED_AUTHENTICATION_PATH"],
    [0x400, "CKF_TOKEN_INITIALIZED"],
    [0x1_0000, "CKF_USER_PIN_COUNT_LOW"],
    [0x2_0000, "CKF_USER_PIN_FINAL_TRY"],
    [0x4_0000, "CKF_USER_PIN_LOCKED"],
    [0x8_0000, "CKF_USER_PIN_TO_BE_CHANGED"],
]
// CK_UNAVAILABLE_INFORMATION: ~0UL, however the binding cut it.
const LARGEST_COUNT = 0xffff_fff0
const PROFILED: readonly Algorithm[] = ["p256", "p384", "ed25519", "rsa2048", "rsa3072", "rsa4096"]
/** Slow to make, and nothing is learned that RSA-2048 doesn't tell. */
const NOT_MADE: ReadonlySet<Algorithm> = new Set(["rsa3072", "rsa4096"])
/** A token may hold very many keys, and each answer is a frame. */
const MOST_KEYS = 256

/**
 * Look at a module and its token, and try what can be tried on keys of our own that last for a session. Keys that were there before are
 * described and not used; no PIN is tried, and nothing is initialised.
 */
export function profileToken(
    lib: PKCS11,
    token: Token,
    session: Session,
    probe: (() => WrapProbe) | undefined,
    initialize: Profile["initialize"],
): Profile {
    const { slot, quirks } = token
    const info = lib.C_GetTokenInfo(slot.handle)
    const library = lib.C_GetInfo()
    const mechanisms = readMechanisms(lib, slot.handle)
    const mayTry = probe !== undefined && quirks.sessionObjects === "usable"
    const tried = profileAlgorithms(lib, token, mechanisms, mayTry)
    const raw = [info.label, info.manufacturerID, info.model, info.serialNumber]
    return {
        family: token.family,
        library: {
            manufacturer: stripPadding(library.manufacturerID),
            description: stripPadding(library.libraryDescription),
            version: versionText(library.libraryVersion),
            cryptoki: versionText(library.cryptokiVersion),
        },
        initialize,
        slots: token.slots,
        label: stripPadding(info.label),
        serial: stripPadding(info.serialNumber),
        manufacturer: stripPadding(info.manufacturerID),
        model: stripPadding(info.model),
        flags: TOKEN_FLAGS.filter(([flag]) => (info.flags & flag) !== 0).map(([, name]) => name),
        pin: { least: count(info.minPinLen), most: count(info.maxPinLen) },
        sessions: count(info.maxSessionCount),
        nulPadding: raw.some((text) => text.includes("\0")),
        mechanisms: mechanisms.map(({ mechanism, least, most, flags }) => ({
            name: mechanismName(mechanism),
            least: count(least),
            most: count(most),
            flags: mechanismFlagNames(flags),
        })),
        algorithms: tried.algorithms,
        keys:
            probe === undefined
                ? undefined
                : findObjects(session, CKO_PRIVATE_KEY)
                      .slice(0, MOST_KEYS)
                      .map((key) => profileKey(session, key)),
        template: tried.template,
        wrap: probe?.(),
        quirks,
    }
}

function versionText({ major, minor }: { readonly major: number; readonly minor: number }): string {
    return `${major}.${minor}`
}

/** Sizes that mean "not told" become 0. */
function count(value: number | bigint): number {
    const number = Number(value)
    return number >= 0 && number < LARGEST_COUNT ? number : 0
}

function profileAlgorithms(
    lib: PKCS11,
    token: Token,
    mechanisms: readonly MechanismFacts[],
    mayTry: boolean,
): { readonly algorithms: readonly ProfiledAlgorithm[]; readonly template: Profile["template"] } {
    const present = new Set(mechanisms.map(({ mechanism }) => mechanism))
    let template: Profile["template"]
    const algorithms = PROFILED.map((algorithm) => {
        const makes: Ability = present.has(generationOf(algorithm).mechanism) ? "advertised" : "no"
        const signs: Ability = present.has(signingMechanism(algorithm)) ? "advertised" : "no"
        if (makes === "no" || !mayTry || NOT_MADE.has(algorithm)) return { algorithm, makes, signs, detail: "" }
        using own = new OwnSession(token.slot.open(SessionFlag.SERIAL_SESSION))
        let pair: SessionPair
        try {
            pair = makeSessionPairOf(lib, own.session, algorithm)
        } catch (error) {
            return { algorithm, makes: "broken" as const, signs, detail: failureText(error) }
        }
        if (template !== "minimal") template = pair.template
        try {
            return signs === "no"
                ? { algorithm, makes: "yes" as const, signs, detail: "" }
                : { algorithm, makes: "yes" as const, ...trySigning(lib, own.session, pair) }
        } finally {
            pair.destroy()
        }
    })
    return { algorithms, template }
}

/** TK-SIG-1: what is signed has the canary's form, which no Intent can have. */
function trySigning(lib: PKCS11, session: Session, pair: SessionPair): { readonly signs: Ability; readonly detail: string } {
    const { algorithm, publicKey } = pair
    const message = canaryMessage(randomBytes(32))
    const scheme = tufScheme(algorithm)
    try {
        const { mechanism, input } = prepare(algorithm, scheme, message)
        lib.C_SignInit(session.handle, mechanism, pair.privateKey)
        const signature = lib.C_Sign(session.handle, input, Buffer.alloc(signatureLength(algorithm)))
        if (publicKey === undefined) return { signs: "broken", detail: "it shows no public key we can read" }
        if (verify(publicKey, scheme, message, signature)) return { signs: "yes", detail: "" }
        return { signs: "broken", detail: "its signature does not verify" }
    } catch (error) {
        return { signs: "broken", detail: failureText(error) }
    }
}

/** @throws what says that the token is lost */
function failureText(error: unknown): string {
    if (error instanceof TrustkeyError) return error.message
    const code = resultCode(error)
    if (code === undefined || endsSession(code)) throw error
    return `CKR 0x${code.toString(16)}`
}

function profileKey(session: Session, key: SessionObject): ProfiledKey {
    const id = readAttribute(key, CKA_ID) ?? Buffer.alloc(0)
    const point = readAttribute(key, CKA_EC_POINT)
    const params = readAttribute(key, CKA_EC_PARAMS)
    return {
        id: id.toString("hex"),
        label: readText(key, CKA_LABEL),
        alwaysAuthenticate: claim(key, CKA_ALWAYS_AUTHENTICATE),
        local: claim(key, CKA_LOCAL),
        sensitive: claim(key, CKA_SENSITIVE),
        extractable: claim(key, CKA_EXTRACTABLE),
        neverExtractable: claim(key, CKA_NEVER_EXTRACTABLE),
        // An OCTET STRING begins with its tag and its length; a bare uncompressed point, with 04 as well.
        point: point === undefined || point.length === 0 ? "none" : point[0] === 0x04 && point[1] === point.length - 2 ? "der" : "bare",
        // An OBJECT IDENTIFIER or a name, or a SEQUENCE with the whole curve.
        curve: params === undefined || params.length === 0 ? "none" : params[0] === 0x30 ? "explicit" : "named",
        hasPublicKey: readPublicKey(session, key, id) !== undefined,
    }
}

function claim(key: SessionObject, type: number): "yes" | "no" | "missing" {
    const value = readAttribute(key, type)
    if (value === undefined || value.length === 0) return "missing"
    return value[0] === 0 ? "no" : "yes"
}
