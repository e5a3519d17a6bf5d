import { createCipheriv } from "node:crypto"
import { type Command, Frames, SW, statusOnly } from "./apdu.ts"
import { attest } from "./attestation.ts"
import { ALGORITHM, agree, findAlgorithm, generateKey, importKey, publicElements, rsaRaw, signDigest, spkiOf } from "./keys.ts"
import {
    ATTESTATION_OBJECT,
    ATTESTATION_SLOT,
    type CardState,
    DEFAULT_MANAGEMENT_KEY,
    DEFAULT_PIN,
    DEFAULT_PUK,
    initialReference,
    isAtLeast,
    MANAGEMENT,
    padReference,
    type Reference,
    resetState,
    type StoredKey,
} from "./state.ts"
import { encodeTlv, findTlv, parseTlvs, TlvError } from "./tlv.ts"

// Instructions of SP 800-73-4 part 2, and Yubico's own, https://docs.yubico.com/yesdk/users-manual/application-piv/apdu/
export const INS = {
    verify: 0x20,
    changeReference: 0x24,
    resetRetry: 0x2c,
    generate: 0x47,
    authenticate: 0x87,
    select: 0xa4,
    getData: 0xcb,
    putData: 0xdb,
    moveKey: 0xf6,
    getMetadata: 0xf7,
    getSerial: 0xf8,
    attest: 0xf9,
    setRetries: 0xfa,
    reset: 0xfb,
    getVersion: 0xfd,
    importKey: 0xfe,
    setManagementKey: 0xff,
    deviceInfo: 0x1d,
    otpRequest: 0x01,
    otpStatus: 0x03,
} as const

const APPLETS = {
    piv: { aid: "a000000308000010000100", shortest: 5 },
    management: { aid: "a000000527471117", shortest: 8 },
    otp: { aid: "a0000005272001", shortest: 7 },
} as const
type Applet = keyof typeof APPLETS

const PIN_REFERENCE = 0x80
const PUK_REFERENCE = 0x81
const MANAGEMENT_SLOT = 0x9b
const SIGNATURE_SLOT = 0x9c
const CARD_AUTHENTICATION_SLOT = 0x9e
const POLICY = { default: 0, pin: { never: 1, once: 2, always: 3 }, touch: { never: 1, always: 2, cached: 3 } } as const
/** In the metadata of PIN and PUK. */
const NO_ALGORITHM = 0xff
/** SP 800-73: printed information, fingerprints, face and iris are shown to who knows the PIN. */
const NEEDS_PIN = ["5fc109", "5fc103", "5fc108", "5fc121"]
const DISCOVERY = Buffer.from("7e124f0ba0000003080000100001005f2f024000", "hex")
const LARGEST_OBJECT = 3052
const TOUCH_CACHE_MS = 15_000
/** What is handed in: milliseconds that only go forward, and bytes nobody can guess. */
export type Surroundings = { readonly now: () => number; readonly random: (size: number) => Buffer }

/**
 * An answer, or the wait for a finger: then exactly one of the two is called, once. Whatever lies between, the card
 * takes no other command.
 */
export type Outcome = { readonly answer: Buffer } | { readonly touched: () => Buffer; readonly missed: (sw: number) => Buffer }

type Reply = { readonly data: Buffer } | { readonly touchFor: () => Buffer }

/** A command refused with a status word. */
class Refusal extends Error {
    readonly sw: number

    constructor(sw: number) {
        super(`refused with ${sw.toString(16)}`)
        this.sw = sw
    }
}

const NOTHING: Reply = { data: Buffer.alloc(0) }

/** The PIV applet of a YubiKey 5, with as much of the management and OTP applets as says which YubiKey it is. */
export class PivCard {
    #state: CardState
    readonly #surroundings: Surroundings
    readonly #frames = new Frames()
    #applet: Applet | undefined
    #pinVerified = false
    /** The command before this one was a VERIFY that succeeded. */
    #pinFresh = false
    #managementVerified = false
    #challenge: { readonly kind: "witness" | "challenge"; readonly bytes: Buffer } | undefined
    #lastTouch: number | undefined

    constructor(state: CardState, surroundings: Surroundings) {
        this.#state = state
        this.#surroundings = surroundings
    }

    /** Replaced, never changed: another object means there is something to save. */
    get state(): CardState {
        return this.#state
    }

    /** Nothing of a session survives. */
    powerOff(): void {
        this.#applet = undefined
        this.#endSession()
    }

    #endSession(): void {
        this.#frames.forget()
        this.#pinVerified = false
        this.#pinFresh = false
        this.#managementVerified = false
        this.#challenge = undefined
    }

    /** Any bytes are answered with a status word at least. */
    transmit(bytes: Uint8Array): Outcome {
        const received = this.#frames.receive(bytes)
        if ("answer" in received) return received
        const { command } = received
        const answer = (data: Uint8Array, sw: number): Buffer => this.#frames.answer(command, data, sw)
        const attempt = (act: () => Buffer): Buffer => {
            try {
                return answer(act(), SW.ok)
            } catch (error) {
                return statusOnly(statusOf(error))
            }
        }
        try {
            const reply = this.#execute(command)
            if ("data" in reply) return { answer: answer(reply.data, SW.ok) }
            return {
                touched: () => {
                    this.#lastTouch = this.#surroundings.now()
                    return attempt(reply.touchFor)
                },
                missed: statusOnly,
            }
        } catch (error) {
            return { answer: statusOnly(statusOf(error)) }
        }
    }

    #execute(command: Command): Reply {
        const fresh = this.#pinFresh
        this.#pinFresh = false
        if ((command.cla & 0xef) !== 0) throw new Refusal(SW.noClass)
        if (command.ins === INS.select) return this.#select(command)
        switch (this.#applet) {
            case "piv":
                return this.#piv(command, fresh)
            case "management":
                return this.#deviceInfo(command)
            case "otp":
                return this.#otp(command)
            case undefined:
                throw new Refusal(SW.noInstruction)
        }
    }

    #select({ p1, data }: Command): Reply {
        if (p1 !== 0x04) throw new Refusal(SW.wrongParameters)
        const asked = data.toString("hex")
        const name = (["piv", "management", "otp"] as const).find(
            (applet) => data.length >= APPLETS[applet].shortest && APPLETS[applet].aid.startsWith(asked),
        )
        if (name === undefined) throw new Refusal(SW.notFound)
        // SP 800-73-4 part 2, 3.1.1: selecting the applet that is selected already changes nothing.
        if (name !== this.#applet) this.#endSession()
        this.#applet = name
        const version = this.#state.firmware.join(".")
        if (name === "management") return { data: Buffer.from(`Virtual mgr - FW version ${version}`) }
        if (name === "otp") return { data: this.#otpStatus() }
        const aid = encodeTlv(0x4f, Buffer.from("000010000100", "hex"))
        return { data: encodeTlv(0x61, aid, encodeTlv(0x79, encodeTlv(0x4f, Buffer.from("a000000308", "hex")))) }
    }

    /** https://docs.yubico.com/yesdk/users-manual/yubikey-reference: what ykman reads to name the device. */
    #deviceInfo({ ins, p1 }: Command): Reply {
        if (ins !== INS.deviceInfo) throw new Refusal(SW.noInstruction)
        if (p1 !== 0) throw new Refusal(SW.wrongParameters)
        const everything = Buffer.from([0x02, 0x3f])
        const fields = Buffer.concat([
            encodeTlv(0x01, everything),
            encodeTlv(0x02, this.#serial()),
            encodeTlv(0x03, everything),
            encodeTlv(0x04, Buffer.from([this.#state.formFactor])),
            encodeTlv(0x05, Buffer.from(this.#state.firmware)),
            encodeTlv(0x06, Buffer.alloc(2)),
            encodeTlv(0x07, Buffer.from([15])),
            encodeTlv(0x08, Buffer.alloc(1)),
            encodeTlv(0x0a, Buffer.alloc(1)),
        ])
        return { data: Buffer.concat([Buffer.from([fields.length]), fields]) }
    }

    #otp({ ins, p1 }: Command): Reply {
        if (ins === INS.otpStatus) return { data: this.#otpStatus() }
        if (ins === INS.otpRequest && p1 === 0x10) return { data: this.#serial() }
        throw new Refusal(ins === INS.otpRequest ? SW.wrongParameters : SW.noInstruction)
    }

    #otpStatus(): Buffer {
        return Buffer.from([...this.#state.firmware, 0, 0, 0])
    }

    #serial(): Buffer {
        const bytes = Buffer.alloc(4)
        bytes.writeUInt32BE(this.#state.serial)
        return bytes
    }

    #piv(command: Command, fresh: boolean): Reply {
        switch (command.ins) {
            case INS.verify:
                return this.#verify(command)
            case INS.changeReference:
                return this.#changeReference(command)
            case INS.resetRetry:
                return this.#resetRetry(command)
            case INS.setRetries:
                return this.#setRetries(command)
            case INS.reset:
                return this.#reset()
            case INS.authenticate:
                return command.p2 === MANAGEMENT_SLOT ? this.#authenticate(command) : this.#useKey(command, fresh)
            case INS.setManagementKey:
                return this.#setManagementKey(command)
            case INS.generate:
                return this.#generate(command)
            case INS.importKey:
                return this.#import(command)
            case INS.moveKey:
                return this.#moveKey(command)
            case INS.getData:
                return this.#getData(command)
            case INS.putData:
                return this.#putData(command)
            case INS.getMetadata:
                return this.#getMetadata(command)
            case INS.attest:
                return this.#attest(command)
            case INS.getVersion:
                return { data: Buffer.from(this.#state.firmware) }
            case INS.getSerial:
                return { data: this.#serial() }
            default:
                throw new Refusal(SW.noInstruction)
        }
    }

    #verify({ p1, p2, data }: Command): Reply {
        if (p2 !== PIN_REFERENCE) throw new Refusal(SW.referenceNotFound)
        if (p1 === 0xff && data.length === 0) {
            this.#pinVerified = false
            return NOTHING
        }
        if (p1 !== 0) throw new Refusal(SW.wrongParameters)
        if (data.length === 0) {
            if (this.#pinVerified) return NOTHING
            throw new Refusal(triesLeft(this.#state.pin))
        }
        this.#pinVerified = false
        this.#checkReference("pin", data)
        this.#pinVerified = true
        this.#pinFresh = true
        return NOTHING
    }

    /** A wrong value costs a try, a right one gives all of them back. */
    #checkReference(name: "pin" | "puk", given: Buffer): void {
        const reference = this.#state[name]
        // No PIN at all: costs nothing.
        if (given.length !== 8) throw new Refusal(SW.wrongData)
        if (reference.left === 0) throw new Refusal(SW.blocked)
        if (given.toString("hex") === reference.value) {
            if (reference.left !== reference.total) this.#keep({ [name]: { ...reference, left: reference.total } })
            return
        }
        const left = reference.left - 1
        this.#keep({ [name]: { ...reference, left } })
        if (left === 0 && this.#state.lastTry === "63c0") throw new Refusal(0x63c0)
        throw new Refusal(triesLeft({ ...reference, left }))
    }

    #keep(change: Partial<CardState>): void {
        this.#state = { ...this.#state, ...change }
    }

    #changeReference({ p1, p2, data }: Command): Reply {
        if (p1 !== 0) throw new Refusal(SW.wrongParameters)
        const name = p2 === PIN_REFERENCE ? "pin" : p2 === PUK_REFERENCE ? "puk" : undefined
        if (name === undefined) throw new Refusal(SW.referenceNotFound)
        const [old, value] = splitReferences(data)
        if (name === "pin") this.#pinVerified = false
        this.#checkReference(name, old)
        this.#setReference(name, value)
        // SP 800-73-4 part 2, 3.2.2: who changed the PIN has shown it.
        if (name === "pin") this.#pinVerified = true
        return NOTHING
    }

    #resetRetry({ p1, p2, data }: Command): Reply {
        if (p1 !== 0) throw new Refusal(SW.wrongParameters)
        if (p2 !== PIN_REFERENCE) throw new Refusal(SW.referenceNotFound)
        const [puk, value] = splitReferences(data)
        this.#checkReference("puk", puk)
        this.#setReference("pin", value)
        return NOTHING
    }

    #setReference(name: "pin" | "puk", value: Buffer): void {
        if (!isAcceptable(value)) throw new Refusal(SW.wrongData)
        const { total } = this.#state[name]
        this.#keep({ [name]: { value: value.toString("hex"), left: total, total } })
    }

    #setRetries({ p1, p2 }: Command): Reply {
        this.#needManagement()
        if (!this.#pinVerified) throw new Refusal(SW.securityStatus)
        if (p1 === 0 || p2 === 0) throw new Refusal(SW.wrongParameters)
        this.#keep({ pin: initialReference(DEFAULT_PIN, p1), puk: initialReference(DEFAULT_PUK, p2) })
        this.#pinVerified = false
        return NOTHING
    }

    #reset(): Reply {
        if (this.#state.pin.left > 0 || this.#state.puk.left > 0) throw new Refusal(SW.conditions)
        this.#state = resetState(this.#state)
        this.#endSession()
        return NOTHING
    }

    #needManagement(): void {
        if (!this.#managementVerified) throw new Refusal(SW.securityStatus)
    }

    /** SP 800-73-4 part 2, 3.2.4 and A.1: witness and challenge (mutual), challenge alone, or the card proving itself. */
    #authenticate({ p1, data }: Command): Reply {
        const management = this.#management()
        // 00 is the standard's name for Triple DES.
        if ((p1 === 0 ? MANAGEMENT.tripleDes.id : p1) !== management.id) throw new Refusal(SW.wrongData)
        const elements = dynamicTemplate(data)
        const [witness, challenge, response] = [0x80, 0x81, 0x82].map((tag) => findTlv(elements, tag))
        const begun = this.#challenge
        this.#challenge = undefined
        if (witness?.length === 0) {
            this.#managementVerified = false
            const bytes = this.#surroundings.random(management.block)
            this.#challenge = { kind: "witness", bytes }
            return { data: encodeTlv(0x7c, encodeTlv(0x80, management.encrypt(bytes))) }
        }
        if (challenge?.length === 0) {
            this.#managementVerified = false
            const bytes = this.#surroundings.random(management.block)
            this.#challenge = { kind: "challenge", bytes }
            return { data: encodeTlv(0x7c, encodeTlv(0x81, bytes)) }
        }
        if (witness !== undefined && challenge !== undefined) {
            if (challenge.length !== management.block) throw new Refusal(SW.wrongData)
            if (begun?.kind !== "witness" || !begun.bytes.equals(witness)) throw new Refusal(SW.securityStatus)
            return this.#afterTouch(this.#state.management.touchPolicy, () => {
                this.#managementVerified = true
                return encodeTlv(0x7c, encodeTlv(0x82, management.encrypt(challenge)))
            })
        }
        if (response !== undefined && response.length > 0) {
            if (begun?.kind !== "challenge" || !management.encrypt(begun.bytes).equals(response)) throw new Refusal(SW.securityStatus)
            return this.#afterTouch(this.#state.management.touchPolicy, () => {
                this.#managementVerified = true
                return Buffer.alloc(0)
            })
        }
        if (challenge?.length === management.block) return { data: encodeTlv(0x7c, encodeTlv(0x82, management.encrypt(challenge))) }
        throw new Refusal(SW.wrongData)
    }

    #management(): { readonly id: number; readonly block: number; readonly encrypt: (bytes: Buffer) => Buffer } {
        const { algorithm, key } = this.#state.management
        const found = managementAlgorithm(algorithm)
        if (found === undefined) throw new Refusal(SW.failure)
        return { id: found.id, block: found.block, encrypt: (bytes) => encryptBlock(found.cipher, key, bytes) }
    }

    #setManagementKey({ p1, p2, data }: Command): Reply {
        const [id, slot, size] = data
        const touchPolicy = [POLICY.touch.never, POLICY.touch.always, POLICY.touch.cached][0xff - p2]
        if (p1 !== 0xff || touchPolicy === undefined) throw new Refusal(SW.wrongParameters)
        this.#needManagement()
        const algorithm = managementAlgorithm(id)
        const key = data.subarray(3)
        if (algorithm === undefined || slot !== MANAGEMENT_SLOT) throw new Refusal(SW.wrongData)
        // AES came with 5.4.
        if (algorithm.id !== MANAGEMENT.tripleDes.id && !isAtLeast(this.#state, 5, 4)) throw new Refusal(SW.wrongData)
        if (size !== algorithm.keySize || key.length !== algorithm.keySize) throw new Refusal(SW.wrongLength)
        this.#keep({ management: { algorithm: algorithm.id, key: key.toString("hex"), touchPolicy } })
        return NOTHING
    }

    #afterTouch(policy: number, act: () => Buffer): Reply {
        const recent = this.#lastTouch !== undefined && this.#surroundings.now() - this.#lastTouch < TOUCH_CACHE_MS
        if (policy === POLICY.touch.never || (policy === POLICY.touch.cached && recent)) return { data: act() }
        return { touchFor: act }
    }

    #useKey({ p1, p2, data }: Command, fresh: boolean): Reply {
        const stored = this.#slot(p2)
        // f9 signs statements about other keys, nothing else.
        if (stored === undefined || p2 === ATTESTATION_SLOT || stored.algorithm !== p1) throw new Refusal(SW.wrongData)
        const algorithm = algorithmOf(stored)
        const elements = dynamicTemplate(data)
        const [digest, point] = [0x81, 0x85].map((tag) => findTlv(elements, tag))
        if (findTlv(elements, 0x82)?.length !== 0) throw new Refusal(SW.wrongData)
        const verified = stored.pinPolicy === POLICY.pin.always ? fresh : this.#pinVerified
        if (stored.pinPolicy !== POLICY.pin.never && !verified) throw new Refusal(SW.securityStatus)
        const use = this.#operation(algorithm, stored, digest, point)
        return this.#afterTouch(stored.touchPolicy, () => encodeTlv(0x7c, encodeTlv(0x82, use())))
    }

    #operation(
        algorithm: ReturnType<typeof algorithmOf>,
        { key }: StoredKey,
        digest: Buffer | undefined,
        point: Buffer | undefined,
    ): () => Buffer {
        const wrongData = (): never => {
            throw new Refusal(SW.wrongData)
        }
        if (algorithm.kind === "rsa") {
            if (digest?.length !== algorithm.size) return wrongData()
            return () => rsaRaw(key, digest) ?? wrongData()
        }
        if (point !== undefined) return () => agree(algorithm, key, point) ?? wrongData()
        if (digest === undefined || digest.length === 0 || digest.length > algorithm.size) return wrongData()
        return () => signDigest(algorithm, key, digest, this.#surroundings.random)
    }

    #slot(slot: number): StoredKey | undefined {
        return this.#state.slots[slot.toString(16)]
    }

    #putKey(slot: number, stored: StoredKey): void {
        this.#keep({ slots: { ...this.#state.slots, [slot.toString(16)]: stored } })
    }

    #generate({ p1, p2, data }: Command): Reply {
        this.#needManagement()
        if (p1 !== 0 || !isKeySlot(p2)) throw new Refusal(SW.wrongParameters)
        const template = findTlv(parseTlvs(data), 0xac)
        const elements = parseTlvs(template ?? wrong())
        const algorithm = findAlgorithm(byteOf(findTlv(elements, 0x80) ?? wrong()))
        if (algorithm === undefined) throw new Refusal(SW.wrongData)
        const policies = policiesOf(p2, findTlv(elements, 0xaa), findTlv(elements, 0xab))
        const key = generateKey(algorithm)
        this.#putKey(p2, { algorithm: algorithm.id, key, ...policies, origin: "generated" })
        return { data: encodeTlv(0x7f49, publicElements(algorithm, key)) }
    }

    #import({ p1, p2, data }: Command): Reply {
        this.#needManagement()
        const algorithm = findAlgorithm(p1)
        if (algorithm === undefined || !isKeySlot(p2)) throw new Refusal(SW.wrongParameters)
        const elements = parseTlvs(data)
        const policies = policiesOf(p2, findTlv(elements, 0xaa), findTlv(elements, 0xab))
        const key = importKey(algorithm, elements)
        if (key === undefined) throw new Refusal(SW.wrongData)
        this.#putKey(p2, { algorithm: algorithm.id, key, ...policies, origin: "imported" })
        return NOTHING
    }

    /** From 5.7 on: P1 is where to, FF for nowhere; P2 is where from. */
    #moveKey({ p1, p2 }: Command): Reply {
        if (!isAtLeast(this.#state, 5, 7)) throw new Refusal(SW.noInstruction)
        this.#needManagement()
        const deleted = p1 === 0xff
        if (!isKeySlot(p2) || (!deleted && (!isKeySlot(p1) || p1 === ATTESTATION_SLOT || p2 === ATTESTATION_SLOT))) {
            throw new Refusal(SW.wrongParameters)
        }
        const stored = this.#slot(p2)
        if (stored === undefined) throw new Refusal(SW.referenceNotFound)
        if (!deleted && this.#slot(p1) !== undefined) throw new Refusal(SW.conditions)
        const { [p2.toString(16)]: _, ...slots } = this.#state.slots
        this.#keep({ slots })
        if (!deleted) this.#putKey(p1, stored)
        return NOTHING
    }

    #getData({ p1, p2, data }: Command): Reply {
        if (p1 !== 0x3f || p2 !== 0xff) throw new Refusal(SW.wrongParameters)
        const [list, ...others] = parseTlvs(data)
        if (list?.tag !== 0x5c || others.length > 0) throw new Refusal(SW.wrongData)
        const tag = list.value.toString("hex")
        if (tag === "7e") return { data: DISCOVERY }
        if (NEEDS_PIN.includes(tag) && !this.#pinVerified) throw new Refusal(SW.securityStatus)
        const object = this.#state.objects[tag]
        if (object === undefined) throw new Refusal(SW.notFound)
        return { data: encodeTlv(0x53, Buffer.from(object, "hex")) }
    }

    #putData({ p1, p2, data }: Command): Reply {
        if (p1 !== 0x3f || p2 !== 0xff) throw new Refusal(SW.wrongParameters)
        this.#needManagement()
        const [list, content, ...others] = parseTlvs(data)
        const tag = list?.value.toString("hex") ?? ""
        if (list?.tag !== 0x5c || content?.tag !== 0x53 || others.length > 0) throw new Refusal(SW.wrongData)
        if (!/^5f(c1|ff)[0-9a-f]{2}$/.test(tag)) throw new Refusal(SW.wrongData)
        if (content.value.length > LARGEST_OBJECT) throw new Refusal(SW.noSpace)
        const { [tag]: _, ...objects } = this.#state.objects
        this.#keep({ objects: content.value.length === 0 ? objects : { ...objects, [tag]: content.value.toString("hex") } })
        return NOTHING
    }

    #getMetadata({ p1, p2 }: Command): Reply {
        if (p1 !== 0) throw new Refusal(SW.wrongParameters)
        if (!isAtLeast(this.#state, 5, 3)) throw new Refusal(SW.noInstruction)
        const field = (tag: number, ...bytes: number[]): Buffer => encodeTlv(tag, Buffer.from(bytes))
        const isDefault = (yes: boolean): Buffer => field(0x05, yes ? 1 : 0)
        if (p2 === PIN_REFERENCE || p2 === PUK_REFERENCE) {
            const [reference, initial] = p2 === PIN_REFERENCE ? [this.#state.pin, DEFAULT_PIN] : [this.#state.puk, DEFAULT_PUK]
            const unchanged = reference.value === padReference(initial).toString("hex")
            return {
                data: Buffer.concat([field(0x01, NO_ALGORITHM), isDefault(unchanged), field(0x06, reference.total, reference.left)]),
            }
        }
        if (p2 === MANAGEMENT_SLOT) {
            const { algorithm, key, touchPolicy } = this.#state.management
            return { data: Buffer.concat([field(0x01, algorithm), field(0x02, 0, touchPolicy), isDefault(key === DEFAULT_MANAGEMENT_KEY)]) }
        }
        const stored = this.#slot(p2)
        if (stored === undefined) throw new Refusal(SW.referenceNotFound)
        return {
            data: Buffer.concat([
                field(0x01, stored.algorithm),
                field(0x02, stored.pinPolicy, stored.touchPolicy),
                field(0x03, stored.origin === "generated" ? 1 : 2),
                encodeTlv(0x04, publicElements(algorithmOf(stored), stored.key)),
            ]),
        }
    }

    #attest({ p1, p2 }: Command): Reply {
        if (p2 !== 0 || !isKeySlot(p1)) throw new Refusal(SW.wrongParameters)
        const stored = this.#slot(p1)
        const f9 = this.#slot(ATTESTATION_SLOT)
        const object = this.#state.objects[ATTESTATION_OBJECT]
        if (stored?.origin !== "generated" || p1 === ATTESTATION_SLOT) throw new Refusal(SW.wrongData)
        if (f9 === undefined || object === undefined) throw new Refusal(SW.wrongData)
        const certificate = findTlv(parseTlvs(Buffer.from(object, "hex")), 0x70) ?? wrong()
        const { serial, firmware, formFactor } = this.#state
        const { pinPolicy, touchPolicy } = stored
        const publicKey = spkiOf(stored.key)
        const attested = { slot: p1, publicKey, pinPolicy, touchPolicy, serial, firmware, formFactor }
        return { data: attest(attested, f9.key, certificate, this.#surroundings.random) ?? wrong() }
    }
}

function statusOf(error: unknown): number {
    if (error instanceof Refusal) return error.sw
    return error instanceof TlvError ? SW.wrongData : SW.failure
}

function wrong(): never {
    throw new Refusal(SW.wrongData)
}

function triesLeft({ left }: Reference): number {
    return left === 0 ? SW.blocked : 0x63c0 | Math.min(left, 15)
}

function splitReferences(data: Buffer): readonly [Buffer, Buffer] {
    if (data.length !== 16) throw new Refusal(SW.wrongData)
    return [data.subarray(0, 8), data.subarray(8)]
}

/** Six to eight bytes, then FF. */
function isAcceptable(value: Buffer): boolean {
    const end = value.indexOf(0xff)
    return end === -1 || (end >= 6 && value.subarray(end).every((byte) => byte === 0xff))
}

/** `7C { … }` */
function dynamicTemplate(data: Buffer): ReturnType<typeof parseTlvs> {
    const [template, ...others] = parseTlvs(data)
    if (template?.tag !== 0x7c || others.length > 0) throw new Refusal(SW.wrongData)
    return parseTlvs(template.value)
}

function managementAlgorithm(id: number | undefined): (typeof MANAGEMENT)[keyof typeof MANAGEMENT] | undefined {
    return Object.values(MANAGEMENT).find((algorithm) => algorithm.id === id)
}

function encryptBlock(cipher: string, key: string, bytes: Buffer): Buffer {
    return createCipheriv(cipher, Buffer.from(key, "hex"), null).setAutoPadding(false).update(bytes)
}

function algorithmOf({ algorithm }: StoredKey): (typeof ALGORITHM)[keyof typeof ALGORITHM] {
    return Object.values(ALGORITHM).find(({ id }) => id === algorithm) ?? wrong()
}

function isKeySlot(slot: number): boolean {
    return [0x9a, 0x9c, 0x9d, 0x9e, ATTESTATION_SLOT].includes(slot) || (slot >= 0x82 && slot <= 0x95)
}

function byteOf(value: Buffer): number {
    return value.length === 1 ? (value[0] ?? 0) : wrong()
}

/** What the command says, or the slot's own: 9c asks for the PIN each time, 9e never. */
function policiesOf(slot: number, pin: Buffer | undefined, touch: Buffer | undefined): Pick<StoredKey, "pinPolicy" | "touchPolicy"> {
    const read = (value: Buffer | undefined): number => {
        const policy = value === undefined ? POLICY.default : byteOf(value)
        return policy <= 3 ? policy : wrong()
    }
    const own = slot === SIGNATURE_SLOT ? POLICY.pin.always : slot === CARD_AUTHENTICATION_SLOT ? POLICY.pin.never : POLICY.pin.once
    return { pinPolicy: read(pin) || own, touchPolicy: read(touch) || POLICY.touch.never }
}
