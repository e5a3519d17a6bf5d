import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { decodeHex } from "../../../../src/signer/piv/management-key.ts"
import { INS } from "../../../support/yubikey/card.ts"
import { factoryState, MANAGEMENT } from "../../../support/yubikey/state.ts"
import { encodeTlv } from "../../../support/yubikey/tlv.ts"
import { DEFAULT_KEY, hex, refused, text, VirtualLink } from "./virtual-link.ts"

const OWN = "a1b2c3d4e5f60718".repeat(4)
const POLICIES = { pinPolicy: "once", touchPolicy: "never" } as const
const KINDS = { "3des": MANAGEMENT.tripleDes, aes128: MANAGEMENT.aes128, aes192: MANAGEMENT.aes192, aes256: MANAGEMENT.aes256 } as const

function cardWith(kind: keyof typeof KINDS, touchPolicy = 1): VirtualLink {
    const { id, keySize } = KINDS[kind]
    const management = { algorithm: id, key: OWN.slice(0, 2 * keySize), touchPolicy }
    return new VirtualLink({}, { ...factoryState({ serial: 12_345_678 }), management })
}

describe("the management key", () => {
    for (const kind of ["3des", "aes128", "aes192", "aes256"] as const) {
        const right = OWN.slice(0, 2 * KINDS[kind].keySize)
        test(`of kind ${kind} is taken when it is right, and tried once when it isn't`, () => {
            const link = cardWith(kind)
            link.open().authenticate(hex(right))
            const before = link.count(INS.authenticate)
            refused(() => link.open().authenticate(hex(`${right.slice(0, -2)}ff`)), "management_key_incorrect")
            assert.equal(link.count(INS.authenticate), before + 2)
            assert.deepEqual(Object.keys(link.card.state.slots), [])
        })

        test(`of kind ${kind} can be replaced by any other kind, and the old one is worth nothing then`, () => {
            for (const next of ["3des", "aes128", "aes192", "aes256"] as const) {
                const link = cardWith(kind)
                const value = "5a6b7c8d".repeat(8).slice(0, 2 * KINDS[next].keySize)
                link.open().setManagementKey(hex(right), hex(value), next)
                assert.deepEqual(link.card.state.management, { algorithm: KINDS[next].id, key: value, touchPolicy: 1 })
                link.open().authenticate(hex(value))
                assert.throws(() => link.open().authenticate(hex(right)))
            }
        })
    }

    test("of a card of firmware 5.7 is AES-192, works as it was given, and who has the wrong one reads why other tools fail", () => {
        const link = new VirtualLink({ firmware: [5, 7, 1] })
        assert.deepEqual(link.open().describe().managementKey, { algorithm: "aes192", isDefault: "yes", touch: "never" })
        link.open().generate("9a", "p256", POLICIES, hex(DEFAULT_KEY))
        refused(() => link.open().authenticate(hex(OWN.slice(0, 48))), "management_key_incorrect", /AES-192.*ykcs11 before 2\.3/)
    })

    test("that is too short or too long for the card's kind is not tried", () => {
        const link = cardWith("aes256")
        refused(() => link.open().authenticate(hex(DEFAULT_KEY)), "management_key_incorrect", /AES-256, of 32 bytes, and this has 24/)
        assert.equal(link.count(INS.authenticate), 0)
    })

    test("of a card that wants a touch for it may have been right", () => {
        const link = cardWith("aes192", 2)
        link.open().authenticate(hex(OWN.slice(0, 48)))
        for (const missed of [0x6982, 0x6985]) {
            link.missed = missed
            refused(() => link.open().authenticate(hex(OWN.slice(0, 48))), "management_key_incorrect", /not touched in time/)
        }
    })

    test("keeps its touch policy when it is replaced", () => {
        const link = cardWith("3des", 3)
        link.open().setManagementKey(hex(OWN.slice(0, 48)), hex("77".repeat(16)), "aes128")
        assert.equal(link.card.state.management.touchPolicy, 3)
    })

    test("is not replaced by one that everybody knows, that doesn't fit, or that the card can't have", () => {
        const link = cardWith("3des")
        const before = link.card.state
        const old = (): ReturnType<typeof hex> => hex(OWN.slice(0, 48))
        refused(() => link.open().setManagementKey(old(), hex(DEFAULT_KEY), "3des"), "invalid_request", /sold with/)
        // The same key to Triple DES, which ignores the lowest bit of each byte.
        refused(() => link.open().setManagementKey(old(), hex(DEFAULT_KEY.replaceAll("01", "00")), "3des"), "invalid_request", /sold with/)
        refused(() => link.open().setManagementKey(old(), hex(DEFAULT_KEY), "aes192"), "invalid_request", /sold with/)
        refused(() => link.open().setManagementKey(old(), hex("77".repeat(24)), "aes256"), "invalid_request", /32 bytes/)
        const early = new VirtualLink({ firmware: [5, 3, 0] })
        refused(() => early.open().setManagementKey(hex(DEFAULT_KEY), hex("77".repeat(24)), "aes192"), "invalid_request", /5\.4/)
        assert.equal(link.card.state, before)
        assert.equal(link.count(INS.authenticate), 0)
    })

    test("is not believed to be right by a card that doesn't have it", () => {
        // The evil twin takes any key, and would then take the certificate or the private key that follows.
        const link = new VirtualLink()
        link.between = (apdu, _index, pass) => {
            if (apdu[1] !== INS.authenticate) return pass()
            const isFirst = apdu.length < 12
            const answer = encodeTlv(0x7c, isFirst ? encodeTlv(0x80, Buffer.alloc(8, 1)) : encodeTlv(0x82, Buffer.alloc(8, 2)))
            return Buffer.concat([answer, Buffer.from("9000", "hex")])
        }
        refused(() => link.open().generate("9a", "p256", POLICIES, hex(DEFAULT_KEY)), "token_changed", /without having it/)
        assert.equal(link.count(INS.generate), 0)
    })

    test("of a kind that an old card can't name is explained", () => {
        const link = new VirtualLink({}, { ...cardWith("aes128").card.state, firmware: [5, 2, 7] })
        refused(() => link.open().authenticate(hex(DEFAULT_KEY)), "management_key_incorrect", /another kind/)
    })

    test("is written in hexadecimal digits, in either case", () => {
        decodeHex(text("00fFA9")).reveal((bytes) => assert.equal(bytes.toString("hex"), "00ffa9"))
        for (const wrong of ["0", "0g", "0:", "0@", "0`", " 00", "00\n"])
            refused(() => decodeHex(text(wrong)), "management_key_incorrect", /hexadecimal/)
    })
})
