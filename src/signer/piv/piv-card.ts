import { createHash, randomBytes, timingSafeEqual } from "node:crypto"
import { type Algorithm, algorithmOf, type PublicKeyBytes, readPrivateNumbers, Secret } from "../../crypto/index.ts"
import { TrustkeyError } from "../../errors.ts"
import { samePublicKey } from "../messages.ts"
import { CKK_EC } from "../pkcs11/mechanisms.ts"
import { keyFromCertificate, keyFromModulus, keyFromPoint } from "../pkcs11/objects.ts"
import { type Answer, type CardLink, type Command, exchange, SW } from "./apdu.ts"
import {
    type ManagementAlgorithm,
    PIN_POLICIES,
    PIV_SLOTS,
    type PinPolicy,
    type PivDescription,
    type PivSlot,
    type PivSlotFacts,
    TOUCH_POLICIES,
    type TouchPolicy,
} from "./description.ts"
import {
    checkKeyLength,
    decryptBlocks,
    encryptBlocks,
    isDefaultKey,
    keyRefused,
    kindRefused,
    MANAGEMENT_CIPHERS,
    managementAlgorithmOf,
} from "./management-key.ts"
import {
    ATTESTATION_OBJECT,
    certificateObjectOf,
    encodeCertificateObject,
    parseCertificateObject,
    policiesInAttestation,
} from "./slot-objects.ts"
import { encodeTlv, findTlv, malformed, onlyTlv, parseTlvs, type Tlv } from "./tlv.ts"

// SP 800-73-4 part 2, and Yubico's own: https://docs.yubico.com/yesdk/users-manual/application-piv/apdu/
const INS = {
    verify: 0x20,
    changeReference: 0x24,
    resetRetry: 0x2c,
    generate: 0x47,
    authenticate: 0x87,
    select: 0xa4,
    getData: 0xcb,
    putData: 0xdb,
    getMetadata: 0xf7,
    getSerial: 0xf8,
    attest: 0xf9,
    getVersion: 0xfd,
    importKey: 0xfe,
    setManagementKey: 0xff,
    otpRequest: 0x01,
} as const

const PIV_APPLET = Buffer.from("a000000308", "hex")
const OTP_APPLET = Buffer.from("a0000005272001", "hex")
const OTP_SERIAL = 0x10
const PIN_REFERENCE = 0x80
const PUK_REFERENCE = 0x81
const MANAGEMENT_SLOT = 0x9b
const SHORTEST_PIN = 6
const LONGEST_PIN = 8
const FILLER = 0xff

/** SP 800-78-4 table 6-2: the kinds that every YubiKey and every PKCS#11 module for it know. */
const ALGORITHM_IDS = { p256: 0x11, p384: 0x14, rsa2048: 0x07 } as const
type PivAlgorithm = keyof typeof ALGORITHM_IDS

/** P2 of SET MANAGEMENT KEY. */
const TOUCH_OF_MANAGEMENT_KEY = { never: 0xff, always: 0xfe, cached: 0xfd } as const

export type Firmware = readonly [major: number, minor: number, patch: number]
export type KeyPolicies = { readonly pinPolicy: PinPolicy; readonly touchPolicy: TouchPolicy }
/** DER: the statement about one key, and the certificate of the key that signed it. */
export type Attestation = { readonly attestation: Buffer; readonly intermediate: Buffer }
type Reference = { readonly left: number; readonly isDefault: boolean }
type ManagementKeyFacts = PivDescription["managementKey"]

/**
 * The PIV applet of one YubiKey, selected, over a link that nobody else uses meanwhile. What it says is a claim: a card can lie about
 * everything but the signatures of its keys. No secret is tried twice, and none is tried that is the last try unless told.
 */
export class PivCard {
    readonly firmware: Firmware
    /** Decimal */
    readonly serial: string
    readonly #link: CardLink

    private constructor(link: CardLink, firmware: Firmware, serial: string) {
        this.#link = link
        this.firmware = firmware
        this.serial = serial
    }

    /** @throws token_failed: no YubiKey's PIV applet. What the link throws */
    static open(link: CardLink): PivCard {
        const select = (applet: Uint8Array): Answer => exchange(link, { ins: INS.select, p1: 0x04, p2: 0, data: applet })
        accepted(select(PIV_APPLET), "select PIV")
        const [major, minor, patch, ...others] = accepted(exchange(link, { ins: INS.getVersion, p1: 0, p2: 0 }), "tell its version")
        if (major === undefined || minor === undefined || patch === undefined || others.length > 0) throw malformed("a version is none")
        let answer = exchange(link, { ins: INS.getSerial, p1: 0, p2: 0 })
        if (answer.sw === SW.noInstruction) {
            // Before 5.0 only the OTP applet tells it.
            accepted(select(OTP_APPLET), "select OTP")
            answer = exchange(link, { ins: INS.otpRequest, p1: OTP_SERIAL, p2: 0 })
            accepted(select(PIV_APPLET), "select PIV")
        }
        const serial = accepted(answer, "tell its serial number")
        if (serial.length !== 4) throw malformed("a serial number is none")
        return new PivCard(link, [major, minor, patch], String(serial.readUInt32BE()))
    }

    /** Whether the card tells what is in its slots, and how many tries are left. */
    get #hasMetadata(): boolean {
        return this.#isAtLeast(5, 3)
    }

    #isAtLeast(major: number, minor: number): boolean {
        return this.firmware[0] > major || (this.firmware[0] === major && this.firmware[1] >= minor)
    }

    /** Everything it says of itself without PIN and management key. */
    describe(): PivDescription {
        const pin = this.#reference(PIN_REFERENCE)
        const puk = this.#reference(PUK_REFERENCE)
        const pinTries = pin?.left ?? this.#askPinTries()
        return {
            serial: this.serial,
            firmware: this.firmware.join("."),
            managementKey: this.managementKey(),
            ...(pinTries === undefined ? {} : { pinTries }),
            ...(puk === undefined ? {} : { pukTries: puk.left }),
            pinIsDefault: pin === undefined ? "unknown" : pin.isDefault ? "yes" : "no",
            slots: PIV_SLOTS.map((slot) => this.#describeSlot(slot)).filter((facts) => facts !== undefined),
        }
    }

    managementKey(): ManagementKeyFacts {
        const fields = this.#metadata(MANAGEMENT_SLOT)
        if (fields === undefined) return { algorithm: "3des", isDefault: "unknown", touch: "unknown" }
        const algorithm = managementAlgorithmOf(byteOf(fields, 0x01))
        if (algorithm === undefined) throw malformed("the management key is of no known kind")
        const touch = findTlv(fields, 0x02)?.[1] ?? 0
        return {
            algorithm,
            isDefault: byteOf(fields, 0x05) === 1 ? "yes" : "no",
            touch: touch === 0 ? "never" : (TOUCH_POLICIES[touch - 1] ?? "unknown"),
        }
    }

    #describeSlot(slot: PivSlot): PivSlotFacts | undefined {
        const certificate = this.certificate(slot)
        const kept = certificate === undefined ? {} : { certificate }
        const key = this.#hasMetadata ? this.#keyByMetadata(slot) : this.#keyByAttestation(slot)
        if (key !== undefined) return { ...key, ...kept }
        return certificate === undefined ? undefined : { slot, pinPolicy: "unknown", touchPolicy: "unknown", origin: "unknown", ...kept }
    }

    #keyByMetadata(slot: PivSlot): PivSlotFacts | undefined {
        const fields = this.#metadata(numberOf(slot))
        if (fields === undefined) return undefined
        const [pin = 0, touch = 0] = findTlv(fields, 0x02) ?? []
        const origin = findTlv(fields, 0x03)?.[0]
        return {
            slot,
            ...keyFacts(publicKeyIn(findTlv(fields, 0x04))),
            ...policyNames(slot, pin, touch),
            origin: origin === 1 ? "generated" : origin === 2 ? "imported" : "unknown",
        }
    }

    #keyByAttestation(slot: PivSlot): PivSlotFacts | undefined {
        const statement = this.#statement(slot)
        if (statement === undefined) return undefined
        const [pin, touch] = policiesInAttestation(statement) ?? []
        return { slot, ...keyFacts(keyFromCertificate(statement)), ...policyNames(slot, pin, touch), origin: "generated" }
    }

    /** The fields of GET METADATA; undefined when there is nothing, or the card has no such command. */
    #metadata(reference: number): readonly Tlv[] | undefined {
        if (!this.#hasMetadata) return undefined
        const answer = this.#send({ ins: INS.getMetadata, p1: 0, p2: reference })
        if (answer.sw === SW.referenceNotFound) return undefined
        return parseTlvs(accepted(answer, "describe itself"))
    }

    #reference(reference: number): Reference | undefined {
        const fields = this.#metadata(reference)
        if (fields === undefined) return undefined
        const left = findTlv(fields, 0x06)?.[1]
        if (left === undefined) throw malformed("no number of tries")
        return { left, isDefault: byteOf(fields, 0x05) === 1 }
    }

    /** An empty VERIFY costs nothing; to who has shown the PIN already it doesn't say how many are left. */
    #askPinTries(): number | undefined {
        const { sw } = this.#send({ ins: INS.verify, p1: 0, p2: PIN_REFERENCE })
        return triesIn(sw)
    }

    /** Tries left for the PIN; undefined when the card can't say. */
    pinTries(): number | undefined {
        return this.#reference(PIN_REFERENCE)?.left ?? this.#askPinTries()
    }

    /** Tries left for the PUK; undefined before firmware 5.3, which says it to who tries only. */
    pukTries(): number | undefined {
        return this.#reference(PUK_REFERENCE)?.left
    }

    /**
     * @throws pin_incorrect, pin_blocked: what the card said of `old`
     * @throws pin_final_try: one try is left, and nothing was tried
     * @throws invalid_request: the card can't have `next` as its PIN
     */
    changePin(old: Secret, next: Secret, evenFinalTry = false): void {
        checkNew(next, "PIN")
        if (!isPossible(old)) throw new TrustkeyError("pin_incorrect", "this cannot be the PIN: it has 6 to 8 characters; no try was spent")
        checkTries(this.pinTries(), PIN_WORDS, evenFinalTry)
        this.#changeReference(INS.changeReference, PIN_REFERENCE, old, next, PIN_WORDS)
    }

    /** @throws puk_incorrect, puk_blocked, pin_final_try, invalid_request as changePin */
    changePuk(old: Secret, next: Secret, evenFinalTry = false): void {
        checkNew(next, "PUK")
        checkPuk(old)
        checkTries(this.pukTries(), PUK_WORDS, evenFinalTry)
        this.#changeReference(INS.changeReference, PUK_REFERENCE, old, next, PUK_WORDS)
    }

    /** A new PIN with all its tries. @throws puk_incorrect, puk_blocked, pin_final_try (the PUK's), invalid_request */
    unblockPin(puk: Secret, next: Secret, evenFinalTry = false): void {
        checkNew(next, "PIN")
        checkPuk(puk)
        checkTries(this.pukTries(), PUK_WORDS, evenFinalTry)
        this.#changeReference(INS.resetRetry, PIN_REFERENCE, puk, next, PUK_WORDS)
    }

    #changeReference(ins: number, p2: number, shown: Secret, next: Secret, words: ReferenceWords): void {
        using data = joined(shown, next)
        const { sw } = this.#sendSecret({ ins, p1: 0, p2 }, data)
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

    /**
     * Show the management key, and have the card show that it has it too: SP 800-73-4 part 2 appendix A.1, mutual authentication. One try.
     *
     * @throws management_key_incorrect. token_changed: the card took a key it doesn't have
     */
    authenticate(key: Secret): void {
        const { algorithm, touch } = this.managementKey()
        checkKeyLength(algorithm, key)
        const { id, block } = MANAGEMENT_CIPHERS[algorithm]
        const say = (data: Uint8Array): Answer => this.#send({ ins: INS.authenticate, p1: id, p2: MANAGEMENT_SLOT, data })
        const first = say(encodeTlv(0x7c, encodeTlv(0x80)))
        if (!this.#hasMetadata && (first.sw === SW.wrongData || first.sw === SW.wrongParameters)) throw kindRefused()
        const witness = element(accepted(first, "take a management key"), 0x80)
        if (witness.length !== block) throw malformed("a witness of another length")
        const challenge = randomBytes(block)
        const second = say(encodeTlv(0x7c, encodeTlv(0x80, decryptBlocks(algorithm, key, witness)), encodeTlv(0x81, challenge)))
        if (second.sw === SW.securityStatus || second.sw === SW.conditions) throw keyRefused(algorithm, touch !== "never")
        const response = element(accepted(second, "take the management key"), 0x82)
        const expected = encryptBlocks(algorithm, key, challenge)
        if (response.length !== expected.length || !timingSafeEqual(response, expected)) {
            throw new TrustkeyError("token_changed", "the card took the management key without having it: this is another card, or none")
        }
    }

    /**
     * `old` is shown, `next` is what counts afterwards. Who had to touch the card for the old one has to for the new.
     *
     * @throws management_key_incorrect. invalid_request: `next` can't be one, or everybody knows it
     */
    setManagementKey(old: Secret, next: Secret, algorithm: ManagementAlgorithm): void {
        const { id, keyLength } = MANAGEMENT_CIPHERS[algorithm]
        if (next.length !== keyLength) throw invalid(`a new management key for ${algorithm} has ${keyLength} bytes`)
        if (isDefaultKey(next)) throw invalid("this is the key that every card is sold with")
        if (algorithm !== "3des" && !this.#isAtLeast(5, 4)) throw invalid("cards before firmware 5.4 have 3DES only")
        const { touch } = this.managementKey()
        this.authenticate(old)
        using head = new Secret(Buffer.from([id, MANAGEMENT_SLOT, keyLength]))
        using data = concatenated([head, next])
        const p2 = TOUCH_OF_MANAGEMENT_KEY[touch === "unknown" ? "never" : touch]
        const { sw } = this.#sendSecret({ ins: INS.setManagementKey, p1: 0xff, p2 }, data)
        if (sw === SW.wrongData) throw invalid("the card does not take this key (a weak one?)")
        if (sw !== SW.ok) throw refused("set the management key", sw)
        this.authenticate(next)
    }

    /**
     * A new key in an empty slot. It is compared with what was asked for; what the card says beyond that is for its attestation to prove.
     *
     * @throws already_exists: there is a key, which is never overwritten. key_unfit: the card can't, or made another key
     * @throws management_key_incorrect
     */
    generate(
        slot: PivSlot,
        algorithm: Algorithm,
        policies: KeyPolicies,
        managementKey: Secret,
    ): { readonly publicKey: PublicKeyBytes; readonly attested: Attestation | undefined } {
        checkAlgorithm(algorithm)
        this.#checkEmpty(slot)
        this.authenticate(managementKey)
        const template = encodeTlv(0xac, encodeTlv(0x80, Buffer.from([ALGORITHM_IDS[algorithm]])), encodePolicies(policies))
        const answer = this.#send({ ins: INS.generate, p1: 0, p2: numberOf(slot), data: template })
        const publicKey = publicKeyIn(onlyTlv(accepted(answer, "make the key"), 0x7f49))
        if (publicKey === undefined) throw malformed("a public key is none")
        this.#checkMade(slot, { algorithm, publicKey, origin: "generated", ...policies })
        const statement = this.#statement(slot)
        const intermediate = this.#attestationCertificate()
        if (statement === undefined || intermediate === undefined) return { publicKey, attested: undefined }
        const attestedKey = keyFromCertificate(statement)
        if (attestedKey === undefined || !samePublicKey(attestedKey, publicKey)) throw otherKey("it attests another one")
        return { publicKey, attested: { attestation: statement, intermediate } }
    }

    /**
     * @param pkcs8 what is given to the card; in its place nothing remains here
     * @throws already_exists, key_unfit, management_key_incorrect as generate
     */
    importKey(slot: PivSlot, pkcs8: Secret, policies: KeyPolicies, managementKey: Secret): PublicKeyBytes {
        using key = readPrivateNumbers(pkcs8)
        const { algorithm, publicKey } = key
        checkAlgorithm(algorithm)
        this.#checkEmpty(slot)
        this.authenticate(managementKey)
        // Yubico's elements: 06 for EC, 01 to 05 for RSA.
        const first = algorithm === "rsa2048" ? 0x01 : 0x06
        const elements = key.numbers.map((number, index) => new Secret(number.reveal((bytes) => encodeTlv(first + index, bytes))))
        elements.push(new Secret(encodePolicies(policies)))
        try {
            using data = concatenated(elements)
            const { sw } = this.#sendSecret({ ins: INS.importKey, p1: ALGORITHM_IDS[algorithm], p2: numberOf(slot) }, data)
            if (sw !== SW.ok) throw refused("take the key", sw)
        } finally {
            for (const element of elements) element[Symbol.dispose]()
        }
        this.#checkMade(slot, { algorithm, publicKey, origin: "imported", ...policies })
        return publicKey
    }

    /** @throws already_exists, key_unfit */
    #checkEmpty(slot: PivSlot): void {
        if (!this.#hasMetadata) {
            throw new TrustkeyError(
                "key_unfit",
                `this card's firmware (${this.firmware.join(".")}) can't show that slot ${slot} is empty, and no key is overwritten; ` +
                    "make the key with another tool and enrol it, or take a card of firmware 5.3 or later",
            )
        }
        if (this.#metadata(numberOf(slot)) !== undefined) {
            throw new TrustkeyError(
                "already_exists",
                `slot ${slot} holds a key, which is never overwritten; take another slot, or enrol that key`,
            )
        }
    }

    #checkMade(slot: PivSlot, asked: Required<Omit<PivSlotFacts, "slot" | "certificate">>): void {
        const made = this.#keyByMetadata(slot)
        if (made?.publicKey === undefined || !samePublicKey(made.publicKey, asked.publicKey)) throw otherKey("it shows another one")
        for (const name of ["algorithm", "pinPolicy", "touchPolicy", "origin"] as const) {
            if (made[name] !== asked[name]) throw otherKey(`asked for ${asked[name]}, it has ${made[name] ?? "nothing"}`)
        }
    }

    /**
     * The card's statement that a key was made on it, and what signed that.
     *
     * @throws not_found: no key, or one that was not made here
     */
    attest(slot: PivSlot): Attestation {
        const attestation = this.#statement(slot)
        const intermediate = this.#attestationCertificate()
        if (attestation === undefined) throw new TrustkeyError("not_found", `there is no key in slot ${slot} that was made on this card`)
        if (intermediate === undefined) throw new TrustkeyError("not_found", "the card has lost the certificate of its attestation key")
        return { attestation, intermediate }
    }

    /** Undefined when the card has nothing to state: an empty slot, an imported key, a firmware before 4.3. */
    #statement(slot: PivSlot): Buffer | undefined {
        const answer = this.#send({ ins: INS.attest, p1: numberOf(slot), p2: 0 })
        if (NOTHING_TO_ATTEST.has(answer.sw)) return undefined
        return accepted(answer, "attest the key")
    }

    #attestationCertificate(): Buffer | undefined {
        return this.#certificateIn(ATTESTATION_OBJECT)
    }

    /** DER */
    certificate(slot: PivSlot): Buffer | undefined {
        return this.#certificateIn(certificateObjectOf(slot))
    }

    #certificateIn(object: Buffer): Buffer | undefined {
        const answer = this.#send({ ins: INS.getData, p1: 0x3f, p2: 0xff, data: encodeTlv(0x5c, object) })
        if (answer.sw === SW.notFound) return undefined
        return parseCertificateObject(onlyTlv(accepted(answer, "show a certificate"), 0x53))
    }

    /**
     * @param replace SHA-256 in hexadecimal of the certificate that is there and may go
     * @throws already_exists: there is another one. invalid_request: it is for another key than the slot's
     * @throws management_key_incorrect. token_failed: no room, or something else is there afterwards
     */
    putCertificate(slot: PivSlot, certificate: Uint8Array, managementKey: Secret, replace?: string): void {
        const present = this.certificate(slot)
        if (present?.equals(certificate) === true) return
        if (present !== undefined && createHash("sha256").update(present).digest("hex") !== replace) {
            throw new TrustkeyError("already_exists", `slot ${slot} has another certificate; name the one to replace by its SHA-256`)
        }
        const key = this.#hasMetadata ? this.#keyByMetadata(slot)?.publicKey : undefined
        const certified = keyFromCertificate(Buffer.from(certificate))
        if (certified === undefined) throw invalid("this is not an X.509 certificate for a key we use")
        if (key !== undefined && !samePublicKey(certified, key))
            throw invalid(`the certificate is for another key than the one in slot ${slot}`)
        this.authenticate(managementKey)
        const data = Buffer.concat([encodeTlv(0x5c, certificateObjectOf(slot)), encodeTlv(0x53, encodeCertificateObject(certificate))])
        const answer = this.#send({ ins: INS.putData, p1: 0x3f, p2: 0xff, data })
        if (answer.sw === SW.noSpace) throw new TrustkeyError("token_failed", "the card has no room left for the certificate")
        accepted(answer, "keep the certificate")
        if (this.certificate(slot)?.equals(certificate) !== true)
            throw new TrustkeyError("token_failed", "the card did not keep the certificate")
    }

    #send(command: Command): Answer {
        return exchange(this.#link, command)
    }

    #sendSecret(command: Omit<Command, "data">, data: Secret): Answer {
        return data.reveal((bytes) => this.#send({ ...command, data: bytes }))
    }
}

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

/** Status words of ATTEST: no such key, imported, no attestation key, no such command. */
const NOTHING_TO_ATTEST: ReadonlySet<number> = new Set([
    SW.wrongData,
    SW.notFound,
    SW.referenceNotFound,
    SW.wrongParameters,
    SW.noInstruction,
])

function accepted(answer: Answer, what: string): Buffer {
    if (answer.sw !== SW.ok) throw refused(what, answer.sw)
    return answer.data
}

function refused(what: string, sw: number): TrustkeyError {
    return new TrustkeyError("token_failed", `the card did not ${what} (status ${sw.toString(16).padStart(4, "0")})`)
}

function invalid(why: string): TrustkeyError {
    return new TrustkeyError("invalid_request", why)
}

function otherKey(how: string): TrustkeyError {
    return new TrustkeyError(
        "key_unfit",
        `the card made another key than was asked for: ${how}; it is still on the card and must not be used`,
    )
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
    const bytes = Buffer.alloc(2 * LONGEST_PIN, FILLER)
    first.reveal((value) => value.copy(bytes))
    second.reveal((value) => value.copy(bytes, LONGEST_PIN))
    return new Secret(bytes)
}

function concatenated(parts: readonly Secret[]): Secret {
    const bytes = Buffer.alloc(parts.reduce((sum, { length }) => sum + length, 0))
    let at = 0
    for (const part of parts) at += part.reveal((value) => value.copy(bytes, at))
    return new Secret(bytes)
}

function numberOf(slot: PivSlot): number {
    return Number.parseInt(slot, 16)
}

function byteOf(fields: readonly Tlv[], tag: number): number {
    const value = findTlv(fields, tag)
    if (value?.length !== 1) throw malformed("a field is missing")
    return value[0] ?? 0
}

/** `7C { tag … }` */
function element(template: Buffer, tag: number): Buffer {
    const value = findTlv(parseTlvs(onlyTlv(template, 0x7c)), tag)
    if (value === undefined) throw malformed("an element is missing")
    return value
}

function encodePolicies({ pinPolicy, touchPolicy }: KeyPolicies): Buffer {
    return Buffer.concat([
        encodeTlv(0xaa, Buffer.from([PIN_POLICIES.indexOf(pinPolicy) + 1])),
        encodeTlv(0xab, Buffer.from([TOUCH_POLICIES.indexOf(touchPolicy) + 1])),
    ])
}

/** Zero stands for the slot's own: 9c asks for the PIN each time, 9e never. */
function policyNames(slot: PivSlot, pin: number | undefined, touch: number | undefined): Pick<PivSlotFacts, "pinPolicy" | "touchPolicy"> {
    const own = slot === "9c" ? "always" : slot === "9e" ? "never" : "once"
    const name = <T extends string>(names: readonly T[], value: number | undefined, otherwise: T): T | "unknown" =>
        value === 0 ? otherwise : (names[(value ?? 0) - 1] ?? "unknown")
    return { pinPolicy: name(PIN_POLICIES, pin, own), touchPolicy: name(TOUCH_POLICIES, touch, "never") }
}

/** 86 point, or 81 modulus and 82 exponent; undefined when that is no key of a kind we use. */
function publicKeyIn(elements: Buffer | undefined): PublicKeyBytes | undefined {
    const fields = parseTlvs(elements ?? Buffer.alloc(0))
    const point = findTlv(fields, 0x86)
    if (point !== undefined) return keyFromPoint(point, CKK_EC)
    const [modulus, exponent] = [findTlv(fields, 0x81), findTlv(fields, 0x82)]
    return modulus === undefined || exponent === undefined ? undefined : keyFromModulus(modulus, exponent)
}

function keyFacts(publicKey: PublicKeyBytes | undefined): Pick<PivSlotFacts, "publicKey" | "algorithm"> {
    if (publicKey === undefined) return {}
    try {
        return { publicKey, algorithm: algorithmOf(publicKey) }
    } catch {
        // RSA-1024 and the like.
        return {}
    }
}

/** @throws key_unfit */
function checkAlgorithm(algorithm: Algorithm): asserts algorithm is PivAlgorithm {
    if (Object.hasOwn(ALGORITHM_IDS, algorithm)) return
    throw new TrustkeyError("key_unfit", `the card can't have an ${algorithm} key; use P-256, P-384 or RSA-2048`)
}
