import { Secret, secretBytes } from "../../crypto/index.ts"
import { TrustkeyError } from "../../errors.ts"
import { SW } from "./apdu.ts"
import { byteOf, INS, invalid, type PivApplet, refused } from "./applet.ts"
import type { PivDescription } from "./description.ts"
import { findTlv, malformed } from "./tlv.ts"

// PIN and PUK, which SP 800-73-4 calls reference data; PivCard says what each call throws.

const PIN_REFERENCE = 0x80
const PUK_REFERENCE = 0x81
const SHORTEST_PIN = 6
const LONGEST_PIN = 8
const FILLER = 0xff

type Reference = { readonly left: number; readonly isDefault: boolean }

type ReferenceWords = {
    readonly name: string
    readonly incorrect: "pin_incorrect" | "puk_incorrect"
    readonly blocked: "pin_blocked" | "puk_blocked"
    readonly blockedMessage: string
}
const PIN_WORDS: ReferenceWords = {
    name: "PIN",
    incorrect: "pin_incorrect",
    blocked: "pin_blocked",
    blockedMessage: "the PIN is blocked; it takes the PUK to unblock it",
}
const PUK_WORDS: ReferenceWords = {
    name: "PUK",
    incorrect: "puk_incorrect",
    blocked: "puk_blocked",
    blockedMessage:
        "the PUK is blocked; only a reset of the PIV applet, which destroys its keys, makes the card usable for a blocked PIN again",
}

/** What can be said of PIN and PUK without showing either. */
export function describeReferences(applet: PivApplet): Pick<PivDescription, "pinTries" | "pukTries" | "pinIsDefault"> {
    const pin = readReference(applet, PIN_REFERENCE)
    const puk = readReference(applet, PUK_REFERENCE)
    const left = pin?.left ?? askPinTries(applet)
    return {
        ...(left === undefined ? {} : { pinTries: left }),
        ...(puk === undefined ? {} : { pukTries: puk.left }),
        pinIsDefault: pin === undefined ? "unknown" : pin.isDefault ? "yes" : "no",
    }
}

export function pinTries(applet: PivApplet): number | undefined {
    return readReference(applet, PIN_REFERENCE)?.left ?? askPinTries(applet)
}

export function pukTries(applet: PivApplet): number | undefined {
    return readReference(applet, PUK_REFERENCE)?.left
}

export function changePin(applet: PivApplet, old: Secret, next: Secret, evenFinalTry = false): void {
    checkNew(next, "PIN")
    if (!isPossible(old)) throw new TrustkeyError("pin_incorrect", "this cannot be the PIN: it has 6 to 8 characters; no try was spent")
    checkTries(pinTries(applet), PIN_WORDS, evenFinalTry)
    changeReference(applet, INS.changeReference, PIN_REFERENCE, old, next, PIN_WORDS)
}

export function changePuk(applet: PivApplet, old: Secret, next: Secret, evenFinalTry = false): void {
    checkNew(next, "PUK")
    checkPuk(old)
    checkTries(pukTries(applet), PUK_WORDS, evenFinalTry)
    changeReference(applet, INS.changeReference, PUK_REFERENCE, old, next, PUK_WORDS)
}

export function unblockPin(applet: PivApplet, puk: Secret, next: Secret, evenFinalTry = false): void {
    checkNew(next, "PIN")
    checkPuk(puk)
    checkTries(pukTries(applet), PUK_WORDS, evenFinalTry)
    changeReference(applet, INS.resetRetry, PIN_REFERENCE, puk, next, PUK_WORDS)
}

function changeReference(applet: PivApplet, ins: number, p2: number, shown: Secret, next: Secret, words: ReferenceWords): void {
    using data = joined(shown, next)
    const { sw } = applet.sendSecret({ ins, p1: 0, p2 }, data)
    if (sw === SW.ok) return
    const left = triesIn(sw)
    if (left === 0) throw new TrustkeyError(words.blocked, words.blockedMessage)
    if (left !== undefined) throw new TrustkeyError(words.incorrect, `the ${words.name} is not right; ${tries(left)} left`)
    // 5.7 can be told to refuse what is too simple, and says 6985 then.
    if (sw === SW.conditions || sw === SW.wrongData) {
        throw new TrustkeyError(
            "invalid_request",
            "the card does not take this as a new value: too simple, or with characters it does not know",
        )
    }
    throw refused("change it", sw)
}

function readReference(applet: PivApplet, reference: number): Reference | undefined {
    const fields = applet.metadata(reference)
    if (fields === undefined) return undefined
    const left = findTlv(fields, 0x06)?.[1]
    if (left === undefined) throw malformed("no number of tries")
    return { left, isDefault: byteOf(fields, 0x05) === 1 }
}

/** An empty VERIFY costs nothing; to who has shown the PIN already it doesn't say how many are left. */
function askPinTries(applet: PivApplet): number | undefined {
    const { sw } = applet.send({ ins: INS.verify, p1: 0, p2: PIN_REFERENCE })
    return triesIn(sw)
}

/** 63Cx and 6983 say how many tries are left. */
function triesIn(sw: number): number | undefined {
    if (sw === SW.blocked) return 0
    return (sw & 0xfff0) === 0x63c0 ? sw & 0x0f : undefined
}

function tries(left: number): string {
    return left === 1 ? "one try is" : `${left} tries are`
}

function checkTries(left: number | undefined, words: ReferenceWords, evenFinalTry: boolean): void {
    if (left === 0) throw new TrustkeyError(words.blocked, words.blockedMessage)
    if (left === 1 && !evenFinalTry) {
        throw new TrustkeyError("pin_final_try", `one try is left before the ${words.name} is blocked; say so explicitly to use it`)
    }
}

function checkPuk(puk: Secret): void {
    if (!isPossible(puk)) throw new TrustkeyError("puk_incorrect", "this cannot be the PUK: it has 6 to 8 characters; no try was spent")
}

function checkNew(value: Secret, name: string): void {
    if (!isPossible(value)) throw invalid(`the new ${name} must have 6 to 8 characters`)
}

/** Shorter and longer ones don't exist, and FF is what fills up. */
function isPossible(value: Secret): boolean {
    return value.length >= SHORTEST_PIN && value.length <= LONGEST_PIN && value.reveal((bytes) => !bytes.includes(FILLER))
}

/** Each filled up to eight bytes. */
function joined(first: Secret, second: Secret): Secret {
    const bytes = secretBytes(2 * LONGEST_PIN).fill(FILLER)
    first.reveal((value) => value.copy(bytes))
    second.reveal((value) => value.copy(bytes, LONGEST_PIN))
    return new Secret(bytes)
}
