import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { TrustkeyError } from "../../../../src/errors.ts"
import { withPivCard, yubikeyReader } from "../../../../src/signer/piv/find-card.ts"
import { judgePcsc, type OpenPcsc } from "../../../../src/signer/piv/pcsc.ts"
import { refused, VirtualLink } from "./virtual-link.ts"

const FIRST = "Yubico YubiKey OTP+FIDO+CCID 00 00"
const SECOND = "Yubico YubiKey OTP+FIDO+CCID 01 00"
const EXCLUSIVE = 0x8010000b
const EMPTY = 0x8010000c
const REMOVED = 0x80100069

/** Readers by name, with a card in them or the PC/SC error of who asks for it; and what was done to them. */
class Readers {
    readonly done: string[] = []
    readonly #places: Readonly<Record<string, VirtualLink | number>>
    isOpen = false

    constructor(places: Readonly<Record<string, VirtualLink | number>>) {
        this.#places = places
    }

    readonly open: OpenPcsc = () => {
        this.isOpen = true
        return {
            readers: () => Object.keys(this.#places),
            look: (reader) => ({ hasCard: this.#places[reader] instanceof VirtualLink, isTaken: false, changes: 0 }),
            connect: (reader) => {
                const place = this.#places[reader]
                if (!(place instanceof VirtualLink)) throw judgePcsc(place ?? EMPTY)
                this.done.push(`connect ${reader}`)
                return {
                    begin: () => {
                        this.done.push(`begin ${reader}`)
                    },
                    transmit: (apdu) => place.transmit(apdu),
                    release: (how) => {
                        this.done.push(`${how} ${reader}`)
                        if (how === "reset") place.card.powerOff()
                    },
                }
            },
            [Symbol.dispose]: () => {
                this.isOpen = false
            },
        }
    }

    ended(reader: string): readonly string[] {
        return this.done.filter((line) => line === `leave ${reader}` || line === `reset ${reader}`)
    }
}

const serialOf = (readers: Readers, reader: string, serial: string | undefined): string =>
    withPivCard(readers.open, { reader, serial }, (card) => card.serial)

describe("a card is found", () => {
    test("by its serial among others, in whichever reader it is, and only it is reset", () => {
        const readers = new Readers({ [FIRST]: new VirtualLink({ serial: 1 }), [SECOND]: new VirtualLink({ serial: 2 }) })
        assert.equal(serialOf(readers, FIRST, "2"), "2")
        assert.deepEqual(readers.ended(FIRST), [`leave ${FIRST}`])
        assert.deepEqual(readers.ended(SECOND), [`reset ${SECOND}`])
        assert.equal(readers.isOpen, false)
    })

    test("by its reader where PKCS#11 doesn't know the serial", () => {
        const readers = new Readers({ [FIRST]: new VirtualLink({ serial: 1 }), [SECOND]: new VirtualLink({ serial: 2 }) })
        assert.equal(serialOf(readers, SECOND, undefined), "2")
    })

    test("and others are let go of before anything is done with it", () => {
        const readers = new Readers({ [FIRST]: new VirtualLink({ serial: 1 }), [SECOND]: new VirtualLink({ serial: 2 }) })
        withPivCard(readers.open, { reader: SECOND, serial: "2" }, () => {
            assert.deepEqual(readers.ended(FIRST), [`leave ${FIRST}`])
            assert.deepEqual(readers.ended(SECOND), [])
        })
    })

    test("beside readers of other makers, which nobody asks", () => {
        const readers = new Readers({ "Alcor AU9540 00 00": new VirtualLink({ serial: 1 }), [FIRST]: new VirtualLink({ serial: 1 }) })
        assert.equal(serialOf(readers, FIRST, "1"), "1")
        assert.ok(readers.done.every((line) => !line.includes("Alcor")))
    })

    test("and reset, whatever becomes of the work", () => {
        for (const error of [new TrustkeyError("pin_incorrect", "no"), new TypeError("a bug")]) {
            const readers = new Readers({ [FIRST]: new VirtualLink({ serial: 1 }) })
            const fail = (): never => {
                throw error
            }
            assert.throws(() => withPivCard(readers.open, { reader: FIRST, serial: "1" }, fail), error)
            assert.deepEqual(readers.ended(FIRST), [`reset ${FIRST}`])
            assert.equal(readers.isOpen, false)
        }
    })
})

describe("TK-KEY-4: a card is refused", () => {
    test("when two say that they have its serial: one of them lies", () => {
        const readers = new Readers({ [FIRST]: new VirtualLink({ serial: 1 }), [SECOND]: new VirtualLink({ serial: 1 }) })
        for (const serial of ["1", undefined]) {
            refused(() => serialOf(readers, FIRST, serial), "object_ambiguous", /2 cards/)
        }
        assert.ok(!readers.done.some((line) => line.startsWith("reset")))
        assert.equal(readers.ended(FIRST).length + readers.ended(SECOND).length, 4)
    })

    test("when another one is in its reader", () => {
        const readers = new Readers({ [FIRST]: new VirtualLink({ serial: 7 }) })
        refused(() => serialOf(readers, FIRST, "1"), "token_changed", /serial number 1/)
    })

    test("when it is gone, and when another program has it for itself", () => {
        refused(() => serialOf(new Readers({}), FIRST, "1"), "token_absent")
        refused(() => serialOf(new Readers({ [FIRST]: EMPTY }), FIRST, "1"), "token_absent")
        refused(() => serialOf(new Readers({ [FIRST]: REMOVED }), FIRST, "1"), "token_absent")
        refused(() => serialOf(new Readers({ [FIRST]: EXCLUSIVE }), FIRST, "1"), "token_busy", /scdaemon/)
        // It may have moved to the reader that can't be asked.
        refused(() => serialOf(new Readers({ [FIRST]: EMPTY, [SECOND]: EXCLUSIVE }), SECOND, "1"), "token_busy")
    })

    test("but not because another reader is empty, held by somebody, or has no YubiKey in it", () => {
        const foreign = new VirtualLink({ serial: 1 })
        foreign.between = () => Buffer.from("6a82", "hex")
        for (const other of [EMPTY, EXCLUSIVE, foreign]) {
            const readers = new Readers({ [FIRST]: other, [SECOND]: new VirtualLink({ serial: 1 }) })
            assert.equal(serialOf(readers, SECOND, "1"), "1")
            assert.equal(readers.isOpen, false)
        }
    })
})

describe("a PKCS#11 slot", () => {
    const readers = new Readers({ [FIRST]: EMPTY })
    test("is a YubiKey's when Yubico stands in it and PC/SC has that reader", () => {
        assert.equal(yubikeyReader(readers.open, { description: FIRST, manufacturer: "Yubico (www.yubico.com)" }), FIRST)
        assert.equal(yubikeyReader(readers.open, { description: FIRST, manufacturer: "OpenSC" }), FIRST)
        const long = `Yubico ${"x".repeat(80)}`
        assert.equal(yubikeyReader(new Readers({ [long]: EMPTY }).open, { description: long.slice(0, 64), manufacturer: "" }), long)
    })

    test("is no YubiKey's by its word alone, and PC/SC is not even asked about others", () => {
        assert.equal(yubikeyReader(readers.open, { description: "Yubico of another name", manufacturer: "Yubico" }), undefined)
        assert.equal(yubikeyReader(readers.open, { description: "", manufacturer: "Yubico" }), undefined)
        const none: OpenPcsc = () => assert.fail("PC/SC was asked")
        assert.equal(yubikeyReader(none, { description: "SoftHSM slot ID 0x1", manufacturer: "SoftHSM project" }), undefined)
        const broken: OpenPcsc = () => {
            throw new TrustkeyError("token_failed", "no pcscd")
        }
        assert.equal(yubikeyReader(broken, { description: FIRST, manufacturer: "Yubico" }), undefined)
    })
})

test("PC/SC errors say what a person can do about them", () => {
    for (const code of [0x80100009, EMPTY, 0x80100017, 0x8010002e, 0x80100066, 0x80100067, REMOVED]) {
        assert.equal(judgePcsc(code).code, "token_absent", code.toString(16))
    }
    assert.equal(judgePcsc(EXCLUSIVE).code, "token_busy")
    assert.equal(judgePcsc(0x80100068).code, "token_busy")
    for (const code of [0x8010001d, 0x8010001e]) assert.match(judgePcsc(code).message, /pcscd/)
    assert.match(judgePcsc(0x8010006a).message, /pcscd\) refuses this user: no polkit rule/)
    for (const code of [0x80100016, 0x8010002f]) assert.equal(judgePcsc(code).code, "token_absent")
    for (const code of [0x80100001, 0x80100011, -1]) assert.equal(judgePcsc(code).code, "token_failed")
})
